/* emulator.h - does this test run in an emulator of another processor? */
#ifndef EMULATOR_H
#define EMULATOR_H

#include <stdbool.h>

/* In one, what the kernel shows of this process (name, addresses, netlink's tables) is the emulator's. */
bool emulator_is_here(void);

/* Can a /proc be mounted that nobody sees (Linux 5.2, and fsopen(2) known to an emulator)? */
bool emulator_has_own_proc(void);

#endif
