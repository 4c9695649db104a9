/* keygen.h - `evac keygen`: the identity that opens evidence. */
#ifndef KEYGEN_H
#define KEYGEN_H

/* ${argv}[0] is the verb.  The exit status: 0, 1 or 64. */
int keygen_main(int argc, char **argv);

#endif
