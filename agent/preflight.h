/* preflight.h - `evac preflight`: what would work on this host; nothing is collected. */
#ifndef PREFLIGHT_H
#define PREFLIGHT_H

/* Run the command.  Exit status. */
int preflight_main(int argc, char **argv);

#endif
