/* collect.h - `evac collect`: what is collected, in which order, until when. */
#ifndef COLLECT_H
#define COLLECT_H

/* Run the command.  Its exit status: 0 complete, 1 partial, 2 nothing could be
 * saved, 64 usage. */
int collect_main(int argc, char **argv);

#endif
