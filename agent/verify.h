/* verify.h - `evac verify`: is a collection whole and genuine? */
#ifndef VERIFY_H
#define VERIFY_H

/* ${argv}[0] is the verb.  The exit status: 0, 1, 3 or 64. */
int verify_main(int argc, char **argv);

#endif
