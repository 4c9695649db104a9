/* list.h - `evac collectors`: what each collector reads, and what it costs. */
#ifndef LIST_H
#define LIST_H

/* Run the command; ${argv}[0] is the verb.  0, 1 (stdout cannot be written) or 64. */
int list_main(int argc, char **argv);

#endif
