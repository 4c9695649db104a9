/*
 * spool.c - where sealed objects wait when the vault cannot be reached.
 *
 * The files are those of a directory vault, so `evac push`, `evac verify` and
 * an image of the disk find a collection like any other.  What waits is kept
 * as a set of numbers in memory; names follow from the files.
 */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "io.h"
#include "parse.h"
#include "scope.h"

/* The host must stay able to run, and to be imaged: never fill its disk. */
#define RESERVE_BYTES (64ull << 20)
#define RESERVE_PART 50 /* of the file system's size */
#define NAME_MAX_BYTES 80
#define WAITING_MAX 65536u

struct waiting {
	char name[NAME_MAX_BYTES];
	bool taken;
};

struct spool {
	pthread_mutex_t disk;          /* one writer; its disk may hang */
	int dead;                      /* it could not even be opened in time */
	pthread_mutex_t lock;          /* of what follows from "bytes" on; never held for long */
	struct spool_options o;
	char path[256];
	struct vault *vault;           /* a directory vault; NULL until needed */
	struct vault_session *session;
	int dir;                       /* the same directory, for reading */
	uint64_t bytes;
	struct waiting *waiting;
	unsigned count;
};

int spool_parse(const char *text, struct spool_options *ret, char *storage, size_t cap)
{
	static const char key[] = ",max=";
	const char *max = strstr(text, key);
	size_t len = max != NULL ? (size_t)(max - text) : strlen(text);

	*ret = (struct spool_options){ .dir = storage };
	if (len == 0 || len >= cap)
		return -EINVAL;
	memcpy(storage, text, len);
	storage[len] = '\0';
	if (max == NULL)
		return 0;
	if (parse_size(max + sizeof(key) - 1, &ret->max_bytes) < 0 || ret->max_bytes == 0)
		return -EINVAL;
	return 0;
}

int spool_open(struct spool **ret, const struct spool_options *o, const char *path)
{
	struct spool *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->waiting = calloc(WAITING_MAX, sizeof(*s->waiting));
	if (s->waiting == NULL) {
		free(s);
		return -ENOMEM;
	}
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_mutex_init(&s->disk, NULL);
	s->o = *o;
	s->dir = -1;
	(void)snprintf(s->path, sizeof(s->path), "%s", path);
	*ret = s;
	return 0;
}

void spool_close(struct spool *s)
{
	if (s == NULL)
		return;
	if (s->session != NULL)
		vault_dir.session_close(s->session);
	vault_dir.close(s->vault);
	if (s->dir >= 0)
		(void)close(s->dir);
	(void)pthread_mutex_destroy(&s->lock);
	(void)pthread_mutex_destroy(&s->disk);
	free(s->waiting);
	free(s);
}

/* Make the directory, now that it is needed. */
static int reach(struct spool *s, char error[VAULT_ERROR_MAX])
{
	const struct vault_options vo = { .url = s->o.dir, .deadline_ms = s->o.deadline_ms,
					  .patience_ms = s->o.hang_ms };
	char full[4096 + 256];
	int r = s->dead;

	if (r < 0)
		(void)snprintf(error, VAULT_ERROR_MAX, "the spool's disk hangs");
	if (r == 0 && s->vault == NULL)
		r = vault_dir.open(&s->vault, &vo, s->path, error);
	if (r == -ETIMEDOUT)
		s->dead = r;
	if (r == 0 && s->session == NULL)
		r = vault_dir.session(&s->session, s->vault);
	if (r == 0 && s->dir < 0) {
		(void)snprintf(full, sizeof(full), "%s/%s", s->o.dir, s->path);
		s->dir = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = s->dir < 0 ? -errno : 0;
	}
	return r;
}

static int check_room(struct spool *s, size_t len, char error[VAULT_ERROR_MAX])
{
	struct statvfs st;
	uint64_t size, avail, reserve;

	if (s->o.max_bytes != 0 && s->bytes + len > s->o.max_bytes) {
		(void)snprintf(error, VAULT_ERROR_MAX, "the spool has reached its limit");
		return -ENOSPC;
	}
	if (fstatvfs(s->dir, &st) < 0)
		return -errno;
	size = (uint64_t)st.f_blocks * st.f_frsize;
	avail = (uint64_t)st.f_bavail * st.f_frsize;
	reserve = size / RESERVE_PART < RESERVE_BYTES ? size / RESERVE_PART : RESERVE_BYTES;
	if (avail < len + reserve) {
		(void)snprintf(error, VAULT_ERROR_MAX,
			       "the spool's disk is full but for its reserve");
		return -ENOSPC;
	}
	return 0;
}

static bool is_segment(const char *name)
{
	static const char tail[] = ".tar.zst.age";
	size_t len = strlen(name);

	return len > sizeof(tail) && len < NAME_MAX_BYTES &&
	       strcmp(name + len - (sizeof(tail) - 1), tail) == 0;
}

static void remember(struct spool *s, const char *name)
{
	if (!is_segment(name) || s->count == WAITING_MAX)
		return;
	s->waiting[s->count] = (struct waiting){ .taken = false };
	memcpy(s->waiting[s->count].name, name, strlen(name) + 1);
	s->count++;
}

int spool_put(struct spool *s, const struct vault_object *obj,
	      char error[VAULT_ERROR_MAX])
{
	int r;

	(void)pthread_mutex_lock(&s->disk);
	r = reach(s, error);
	if (r == 0)
		r = check_room(s, obj->len, error);
	if (r == 0)
		r = vault_dir.put(s->session, obj, error);
	if (r == 0) {
		(void)pthread_mutex_lock(&s->lock);
		s->bytes += obj->len;
		remember(s, obj->name);
		(void)pthread_mutex_unlock(&s->lock);
	}
	(void)pthread_mutex_unlock(&s->disk);
	return r;
}

int spool_take(struct spool *s, char *ret_name, size_t cap)
{
	unsigned best = WAITING_MAX;

	(void)pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < s->count; i++)
		if (!s->waiting[i].taken &&
		    (best == WAITING_MAX ||
		     strcmp(s->waiting[i].name, s->waiting[best].name) < 0))
			best = i;
	if (best != WAITING_MAX) {
		s->waiting[best].taken = true;
		(void)snprintf(ret_name, cap, "%s", s->waiting[best].name);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return best == WAITING_MAX ? -ENOENT : 0;
}

int64_t spool_load(struct spool *s, const char *name, void *ret, size_t cap)
{
	AUTO_CLOSE int fd = openat(s->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = io_read(fd, ret, cap);
	return n >= 0 && (size_t)n == cap ? -EFBIG : n;
}

static void forget(struct spool *s, const char *name, bool gone)
{
	for (unsigned i = 0; i < s->count; i++) {
		if (strcmp(s->waiting[i].name, name) != 0)
			continue;
		if (gone)
			s->waiting[i] = s->waiting[--s->count];
		else
			s->waiting[i].taken = false;
		return;
	}
}

void spool_sent(struct spool *s, const char *name)
{
	char sig[NAME_MAX_BYTES + 16];

	/* The segment first: a signature alone misleads nobody. */
	(void)snprintf(sig, sizeof(sig), "%s.minisig", name);
	(void)unlinkat(s->dir, name, 0);
	(void)unlinkat(s->dir, sig, 0);
	(void)pthread_mutex_lock(&s->lock);
	forget(s, name, true);
	(void)pthread_mutex_unlock(&s->lock);
}

void spool_keep(struct spool *s, const char *name)
{
	(void)pthread_mutex_lock(&s->lock);
	forget(s, name, false);
	(void)pthread_mutex_unlock(&s->lock);
}

unsigned spool_waiting(struct spool *s)
{
	unsigned n;

	(void)pthread_mutex_lock(&s->lock);
	n = s->count;
	(void)pthread_mutex_unlock(&s->lock);
	return n;
}

uint64_t spool_bytes(struct spool *s)
{
	uint64_t n;

	(void)pthread_mutex_lock(&s->lock);
	n = s->bytes;
	(void)pthread_mutex_unlock(&s->lock);
	return n;
}
