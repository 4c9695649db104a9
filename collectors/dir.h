/* dir.h - opening a directory below another. */
#ifndef DIR_H
#define DIR_H

#include <dirent.h>

/*
 * Open the directory ${name} below ${at}, not through a symbolic link; for
 * closedir().  NULL, and errno, when it cannot be.
 */
DIR *dir_open(int at, const char *name);

#endif
