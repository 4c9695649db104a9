/* errname.h - errno values by the names that people search for. */
#ifndef ERRNAME_H
#define ERRNAME_H

/* "ENOENT" for 2 or -2; "EUNKNOWN" for a value that Linux does not use often. */
const char *errname(int err);

#endif
