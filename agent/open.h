/* open.h - `evac open`: a collection's evidence as files. */
#ifndef OPEN_H
#define OPEN_H

/* ${argv}[0] is the verb.  The exit status: 0, 1, 3 or 64. */
int open_main(int argc, char **argv);

#endif
