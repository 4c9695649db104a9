/*
 * collection_find.c - collections at or below a directory.
 *
 * Walks at most four levels (PREFIX/CASE/HOST/ID) and a bounded number of
 * directories; follows no links; does not look inside a collection.  What
 * cannot be opened on the way is passed over.
 */
#include "collection.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scope.h"

#define LEVELS 4
#define PATHS_MAX 4096
#define VISITS_MAX 100000

struct search {
	struct collection_paths *ret;
	unsigned visits;
};

static int add_path(struct collection_paths *paths, const char *path)
{
	char **grown;

	if (paths->count == PATHS_MAX)
		return -E2BIG;
	grown = reallocarray(paths->list, paths->count + 1, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	paths->list = grown;
	grown[paths->count] = strdup(path);
	if (grown[paths->count] == NULL)
		return -ENOMEM;
	paths->count++;
	return 0;
}

/* Does a name show that the directory is a collection? */
static bool is_sign(const char *name)
{
	char group[COLLECTION_GROUP_MAX];
	unsigned number;

	return strcmp(name, COLLECTION_PUBLIC) == 0 ||
	       collection_parse_name(name, &number, group) == 0;
}

static int visit(struct search *s, int dir, const char *path, int levels);

/* Go into each directory of ${d}. */
static int descend(struct search *s, DIR *d, const char *path, int levels)
{
	struct dirent *e;
	int r = 0;

	while (r == 0 && (e = readdir(d)) != NULL) {
		char below[4096];
		int fd;

		if (e->d_name[0] == '.' ||
		    (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN))
			continue;
		if ((size_t)snprintf(below, sizeof(below), "%s%s%s", path,
				     path[strlen(path) - 1] == '/' ? "" : "/",
				     e->d_name) >= sizeof(below))
			continue;
		fd = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
			    O_CLOEXEC);
		if (fd >= 0)
			r = visit(s, fd, below, levels - 1);
	}
	return r;
}

/* ${dir} is closed. */
static int visit(struct search *s, int dir, const char *path, int levels)
{
	AUTO_CLOSEDIR DIR *d = fdopendir(dir);
	struct dirent *e;

	if (d == NULL) {
		(void)close(dir);
		return -ENOMEM;
	}
	if (++s->visits > VISITS_MAX)
		return -E2BIG;
	while ((e = readdir(d)) != NULL)
		if (is_sign(e->d_name))
			return add_path(s->ret, path);
	if (levels == 0)
		return 0;
	rewinddir(d);
	return descend(s, d, path, levels);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int collection_find(const char *where, struct collection_paths *ret)
{
	struct search s = { .ret = ret };
	int dir, r;

	memset(ret, 0, sizeof(*ret));
	if (*where == '\0')
		return -ENOENT;
	dir = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	r = visit(&s, dir, where, LEVELS);
	if (r < 0)
		collection_free_paths(ret);
	else if (ret->count > 1)
		qsort(ret->list, ret->count, sizeof(*ret->list), by_text);
	return r;
}

void collection_free_paths(struct collection_paths *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		free(paths->list[i]);
	free(paths->list);
	memset(paths, 0, sizeof(*paths));
}
