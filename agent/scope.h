/* scope.h - locals that release what they hold when they go out of scope. */
#ifndef SCOPE_H
#define SCOPE_H

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

static inline void scope_close(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static inline void scope_closedir(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir);
}

static inline void scope_free(void *ptr)
{
	free(*(void **)ptr);
}

#define AUTO_CLOSE __attribute__((cleanup(scope_close)))
#define AUTO_CLOSEDIR __attribute__((cleanup(scope_closedir)))
#define AUTO_FREE __attribute__((cleanup(scope_free)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
