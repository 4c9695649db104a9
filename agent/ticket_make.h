/* ticket_make.h - `evac ticket`: a signed order, and the right to upload, for one host. */
#ifndef TICKET_MAKE_H
#define TICKET_MAKE_H

/* The command; ${argv}[0] is its name.  Exit status. */
int ticket_make_main(int argc, char **argv);

#endif
