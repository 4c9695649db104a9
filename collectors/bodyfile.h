/* bodyfile.h - one file as a line of a body file (The Sleuth Kit 3.x), as mactime reads it. */
#ifndef BODYFILE_H
#define BODYFILE_H

#include <stddef.h>

#include "attr.h"

/* Room for a line whose name and target have ${len} bytes together. */
#define BODYFILE_BYTES(len) (4 * (len) + 256)

/*
 * "0|name -> target|inode|mode|uid|gid|size|atime|mtime|ctime|crtime\n", times in
 * seconds since 1970.  In names a "|", a backslash, control characters and what
 * is no UTF-8 stand as \xNN.  ${out} has BODYFILE_BYTES().  The line's length.
 */
size_t bodyfile_line(char *out, const char *path, size_t path_len, const char *target,
		     size_t target_len, const struct attr *a);

#endif
