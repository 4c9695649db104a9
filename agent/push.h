/* push.h - `evac push`: send a spool to its vault, later or from elsewhere. */
#ifndef PUSH_H
#define PUSH_H

/* Run the command.  0 all of it is in the vault; 1 something is wrong or could
 * not be sent; 64 usage. */
int push_main(int argc, char **argv);

#endif
