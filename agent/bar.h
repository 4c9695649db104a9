/* bar.h - how far a command of the responder's is, on a terminal: one moving line on stderr. */
#ifndef BAR_H
#define BAR_H

#include <stddef.h>
#include <stdint.h>

/*
 * There is one, of one thread; where stderr is no terminal it shows nothing.
 * ${doing}, which must live on, goes over ${total} objects.
 */
void bar_begin(const char *doing, size_t total);

/* One object more is done, which had ${bytes}. */
void bar_step(uint64_t bytes);

/* Take it off the screen, before something else is printed; a later step shows it again. */
void bar_clear(void);

void bar_end(void);

#endif
