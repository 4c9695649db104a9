/* io.h - whole reads and writes on descriptors. */
#ifndef IO_H
#define IO_H

#include <stddef.h>
#include <sys/types.h>

/* Read until ${len} bytes or end of file.  Bytes read, or a negative errno. */
ssize_t io_read(int fd, void *buf, size_t len);

/* The same at ${offset}, without moving the file position. */
ssize_t io_pread(int fd, void *buf, size_t len, off_t offset);

/* Write all ${len} bytes.  0, or a negative errno. */
int io_write(int fd, const void *buf, size_t len);

/*
 * Read the small file ${name} below ${dir} whole into ${buf} and end it with a
 * NUL (not counted).  Opened O_NOFOLLOW|O_NONBLOCK|O_NOCTTY.  Bytes read;
 * -EFBIG when the file has more than ${cap} - 1 bytes (${buf} then holds the
 * first ${cap} - 1); another negative errno.
 */
ssize_t io_read_file(int dir, const char *name, char *buf, size_t cap);

/*
 * Read the file ${path} whole into memory that the caller frees with free().
 * Sets ${ret} and ${len}; a NUL follows the data.  0; -EFBIG when it is larger
 * than ${max} bytes; -EAGAIN when it grows while it is read; -EISDIR or -EINVAL
 * when it is no regular file; another negative errno.
 */
int io_load(int dir, const char *path, size_t max, void **ret, size_t *len);

#endif
