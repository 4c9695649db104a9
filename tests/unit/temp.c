/*
 * temp.c - a directory for one test.
 */
#include "temp.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void temp_open(struct temp *t)
{
	const char *base = getenv("TMPDIR");

	(void)snprintf(t->path, sizeof(t->path), "%.200s/evac-test.XXXXXX",
		       base != NULL && *base != '\0' ? base : "/tmp");
	t->fd = mkdtemp(t->path) == NULL ? -1 :
		open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->fd < 0) {
		perror(t->path);
		exit(1);
	}
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

void temp_close(struct temp *t)
{
	(void)close(t->fd);
	(void)nftw(t->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void make_parents(const struct temp *t, const char *path)
{
	char part[4096];

	for (const char *s = strchr(path, '/'); s != NULL; s = strchr(s + 1, '/')) {
		(void)snprintf(part, sizeof(part), "%.*s", (int)(s - path), path);
		(void)mkdirat(t->fd, part, 0755);
	}
}

void temp_put_bytes(const struct temp *t, const char *path, const void *data, size_t len)
{
	int fd;

	make_parents(t, path);
	fd = openat(t->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0 || write(fd, data, len) != (ssize_t)len || close(fd) < 0) {
		perror(path);
		exit(1);
	}
}

void temp_put(const struct temp *t, const char *path, const char *text)
{
	temp_put_bytes(t, path, text, strlen(text));
}

void temp_link(const struct temp *t, const char *path, const char *target)
{
	make_parents(t, path);
	if (symlinkat(target, t->fd, path) < 0) {
		perror(path);
		exit(1);
	}
}

size_t temp_count(int fd)
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again < 0 ? NULL : fdopendir(again);
	struct dirent *e;
	size_t n = 0;

	while (d != NULL && (e = readdir(d)) != NULL)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	if (d != NULL)
		(void)closedir(d);
	return n;
}
