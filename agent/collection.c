/*
 * collection.c - the objects of one collection in a directory.
 *
 * Reads directories that anybody may have written to.  Names decide what an
 * object claims to be; links, pipes and devices are no objects.  Files whose
 * name begins with a dot are left alone: writers use such names until an object
 * is whole.
 */
#include "collection.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "parse.h"
#include "scope.h"

#define SEGMENT_END ".tar.zst.age"
#define SIGNATURE_END ".minisig"
#define OBJECTS_MAX 2000000u

static bool is_group_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

int collection_parse_name(const char *name, unsigned *ret_number,
			  char ret_group[COLLECTION_GROUP_MAX])
{
	size_t len = strlen(name), end = strlen(SEGMENT_END);
	size_t digits = strspn(name, "0123456789"), group;
	uint64_t number;

	if (len < end || strcmp(name + len - end, SEGMENT_END) != 0)
		return -EINVAL;
	len -= end;
	if (digits < 4 || (digits > 4 && name[0] == '0') || len < digits + 2 ||
	    name[digits] != '-' || parse_u64(name, digits, 10, &number) < 0 ||
	    number >= UINT_MAX)
		return -EINVAL;
	group = len - digits - 1;
	if (group >= COLLECTION_GROUP_MAX)
		return -EINVAL;
	for (size_t i = 0; i < group; i++)
		if (!is_group_char(name[digits + 1 + i]))
			return -EINVAL;
	memcpy(ret_group, name + digits + 1, group);
	ret_group[group] = '\0';
	*ret_number = (unsigned)number;
	return 0;
}

static struct collection_object *grow(struct collection_object **list, size_t *count)
{
	struct collection_object *grown = *list;

	/* Room is doubled whenever the count reaches a power of two. */
	if ((*count & (*count - 1)) == 0) {
		if (*count >= OBJECTS_MAX)
			return NULL;
		grown = reallocarray(*list, *count == 0 ? 1 : 2 * *count, sizeof(**list));
		if (grown == NULL)
			return NULL;
		*list = grown;
	}
	memset(&grown[*count], 0, sizeof(*grown));
	return &grown[(*count)++];
}

/* Note one name of the directory.  0 or -ENOMEM. */
static int add_name(struct collection *c, const char *name)
{
	char base[NAME_MAX + 1], group[COLLECTION_GROUP_MAX] = "";
	size_t len = strlen(name), end = strlen(SIGNATURE_END);
	bool signature = len > end && strcmp(name + len - end, SIGNATURE_END) == 0;
	struct collection_object *o;
	unsigned number = 0;

	(void)snprintf(base, sizeof(base), "%.*s", (int)(signature ? len - end : len), name);
	if (!signature && strcmp(base, COLLECTION_PUBLIC) == 0) {
		c->has_public = true;
		return 0;
	}
	if (strcmp(base, COLLECTION_MANIFEST) == 0)
		o = &c->manifest;
	else if (strcmp(base, COLLECTION_MARKER) == 0)
		o = &c->marker;
	else if (collection_parse_name(base, &number, group) == 0)
		o = grow(&c->segments, &c->segment_count);
	else
		o = grow(&c->others, &c->other_count);
	if (o == NULL)
		return -ENOMEM;
	if (o->name == NULL)
		o->name = strdup(group[0] != '\0' || o == &c->manifest || o == &c->marker ?
				 base : name);
	if (o->name == NULL)
		return -ENOMEM;
	o->number = number;
	memcpy(o->group, group, sizeof(group));
	o->present |= !signature;
	o->has_signature |= signature;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct collection_object *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* Sort, and make one of an object and its signature. */
static void settle(struct collection_object *list, size_t *count)
{
	size_t kept = 0;

	if (*count == 0)
		return;
	qsort(list, *count, sizeof(*list), by_name);
	for (size_t i = 1; i < *count; i++) {
		if (strcmp(list[i].name, list[kept].name) == 0) {
			list[kept].present |= list[i].present;
			list[kept].has_signature |= list[i].has_signature;
			free(list[i].name);
		} else {
			list[++kept] = list[i];
		}
	}
	*count = kept + 1;
}

static int list_directory(struct collection *c)
{
	AUTO_CLOSEDIR DIR *dir = NULL;
	int fd = openat(c->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *e;
	int r;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (dir == NULL) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	for (errno = 0; (e = readdir(dir)) != NULL; errno = 0) {
		if (e->d_name[0] == '.')
			continue;
		r = add_name(c, e->d_name);
		if (r < 0)
			return r;
	}
	if (errno != 0)
		return -errno;
	settle(c->segments, &c->segment_count);
	settle(c->others, &c->other_count);
	return 0;
}

int collection_open(const char *path, struct collection **ret)
{
	struct collection *c = calloc(1, sizeof(*c));
	int r;

	if (c == NULL)
		return -ENOMEM;
	c->path = strdup(path);
	c->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = c->dir < 0 ? -errno : c->path == NULL ? -ENOMEM : list_directory(c);
	if (r < 0) {
		collection_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

int collection_load(const struct collection *c, const char *name, size_t max,
		    void **ret, size_t *len)
{
	return io_load(c->dir, name, max, ret, len);
}

static void free_list(struct collection_object *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(list[i].name);
	free(list);
}

void collection_free(struct collection *c)
{
	if (c == NULL)
		return;
	free_list(c->segments, c->segment_count);
	free_list(c->others, c->other_count);
	free(c->manifest.name);
	free(c->marker.name);
	free(c->path);
	if (c->dir >= 0)
		(void)close(c->dir);
	free(c);
}
