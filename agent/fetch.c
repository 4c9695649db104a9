/*
 * fetch.c - collections out of a bucket.
 *
 * Reads a listing and objects that anybody with the right to put may have
 * written: their keys become names below one private directory and nothing
 * else, and what they hold is not looked at here.  What breaks off is resumed
 * where it broke off.  Another process removes the directory when this one
 * closes it, or ends in whatever way.
 */
#include "fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "extract.h"
#include "fetch_object.h"
#include "log.h"
#include "quote.h"
#include "s3_client.h"
#include "s3_list.h"
#include "scope.h"
#include "vault.h"

#define SCHEME "s3://"
#define SESSIONS 4
#define PAGE_MAX (16u << 20)
#define OBJECTS_MAX 2000000u
#define DEPTH_MAX 5            /* CASE/HOST/ID/NAME below the prefix, and one more */
#define MOVING_NS 250000000
#define SHOWN 512

struct fetch {
	char dir[4096];
	char shown[S3_BUCKET_MAX + S3_KEY_MAX + 8];
	int alive;             /* closed: the cleaner begins */
	pid_t cleaner;
	struct s3_client *client;
	struct extract *tree;
	pthread_mutex_t lock;  /* of the tree */
	struct fetch_object *objects;
	size_t count;
	uint64_t bytes;        /* of all objects */
	atomic_size_t next, done, failed;
	atomic_ullong taken;   /* bytes so far */
	atomic_int fatal;      /* nothing more can be stored */
	atomic_uint running;
};

int fetch_is_remote(const char *where)
{
	return strncmp(where, SCHEME, strlen(SCHEME)) == 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	(void)remove(path);
	return 0;
}

/* Wait for the end of the process that has the other end of ${fd}, then clean up. */
static void clean(const char *dir, int fd)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char c;

	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		(void)signal(ignored[i], SIG_IGN);
	/* Nor does it die with its group. */
	(void)setsid();
	/* Nobody shall wait for an end of output that is only ours. */
	for (int i = 0; null >= 0 && i < 3; i++)
		(void)dup2(null, i);
	while (read(fd, &c, 1) < 0 && errno == EINTR)
		;
	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	_exit(0);
}

static int make_directory(struct fetch *f, const char *near, char error[FETCH_ERROR_MAX])
{
	const char *temp = getenv("TMPDIR");
	int ends[2], n;

	if (near != NULL)
		n = snprintf(f->dir, sizeof(f->dir), "%s.XXXXXX", near);
	else
		n = snprintf(f->dir, sizeof(f->dir), "%s/evac.XXXXXX",
			     temp != NULL && temp[0] != '\0' ? temp : "/tmp");
	if (n < 0 || (size_t)n >= sizeof(f->dir))
		return -ENAMETOOLONG;
	if (mkdtemp(f->dir) == NULL || pipe2(ends, O_CLOEXEC) < 0) {
		n = -errno;
		(void)snprintf(error, FETCH_ERROR_MAX, "%.200s: %s", f->dir, strerror(-n));
		return n;
	}
	f->cleaner = fork();
	if (f->cleaner == 0) {
		(void)close(ends[1]);
		clean(f->dir, ends[0]);
	}
	n = f->cleaner < 0 ? -errno : 0;
	(void)close(ends[0]);
	f->alive = ends[1];
	if (n < 0)
		(void)rmdir(f->dir);
	return n < 0 ? n : extract_open(&f->tree, f->dir);
}

/* Why the object cannot be a collection's file, or NULL. */
static const char *refusal(const char *path)
{
	const char *why = extract_refusal(path);
	unsigned depth = 1;

	if (why != NULL)
		return why;
	if (path[0] == '.')
		return "its name begins with a dot";
	for (const char *p = path; *p != '\0'; p++) {
		if (*p != '/')
			continue;
		if (p[1] == '.')
			return "a part of its name begins with a dot";
		depth++;
	}
	return depth > DEPTH_MAX ? "it is too deep below the prefix" : NULL;
}

/* One object of the listing. */
static int add_object(void *arg, const struct s3_listed *listed)
{
	struct fetch *f = arg;
	size_t prefix = strlen(s3_client_place(f->client)->prefix);
	const char *path = listed->key + (prefix > 0 ? prefix + 1 : 0), *why;
	struct fetch_object *grown = f->objects;
	char shown[SHOWN];

	/* What graphical tools make for an empty folder. */
	if (strlen(listed->key) <= prefix + (prefix > 0) ||
	    listed->key[strlen(listed->key) - 1] == '/')
		return 0;
	why = refusal(path);
	if (why != NULL) {
		log_line(LOG_WARN, "%s: left out: %s", quote_text(shown, sizeof(shown), listed->key), why);
		return 0;
	}
	/* Room is doubled whenever the count reaches a power of two. */
	if ((f->count & (f->count - 1)) == 0) {
		if (f->count >= OBJECTS_MAX)
			return -E2BIG;
		grown = reallocarray(f->objects, f->count == 0 ? 1 : 2 * f->count, sizeof(*grown));
	}
	if (grown == NULL)
		return -ENOMEM;
	f->objects = grown;
	grown[f->count] = (struct fetch_object){ .key = strdup(listed->key), .size = listed->size };
	memcpy(grown[f->count].etag, listed->etag, sizeof(grown[f->count].etag));
	if (grown[f->count].key == NULL)
		return -ENOMEM;
	f->count++;
	f->bytes += listed->size;
	return 0;
}

static int take_page(void *arg, unsigned status, const void *data, size_t len)
{
	(void)status;
	return buf_add(arg, data, len);
}

/* One page of the listing, tried again as long as it is worth it. */
static int get_page(struct s3_session *s, const char *bucket, const char *query, struct buf *page,
		    char error[FETCH_ERROR_MAX])
{
	const struct s3_call call = { .method = HTTP_GET, .key = "", .query = query,
				      .take = take_page, .arg = page };
	struct s3_attempt a = { .count = 0 };

	for (;;) {
		enum s3_verdict verdict;

		page->len = 0;
		verdict = s3_session_try(s, &call, &a);
		if (verdict == S3_STORED)
			return 0;
		if ((verdict != S3_RETRY && verdict != S3_UNSURE) || !s3_session_wait(s, &a)) {
			(void)snprintf(error, FETCH_ERROR_MAX, SCHEME "%s: %.240s", bucket, a.why);
			return a.error;
		}
	}
}

static int list_objects(struct fetch *f, char error[FETCH_ERROR_MAX])
{
	const char *prefix = s3_client_place(f->client)->prefix, *bucket = s3_client_place(f->client)->bucket;
	char cursor[S3_CURSOR_MAX] = "", query[S3_QUERY_MAX], below[S3_KEY_MAX + 1];
	struct s3_session *s;
	struct buf page;
	int r = s3_session_open(&s, f->client);

	if (r < 0)
		return r;
	r = buf_open(&page, PAGE_MAX);
	/* With its slash: "ir" is not "ir-old". */
	(void)snprintf(below, sizeof(below), "%s%s", prefix, prefix[0] != '\0' ? "/" : "");
	do {
		s3_list_query(query, below, cursor);
		if (r == 0)
			r = get_page(s, bucket, query, &page, error);
		if (r == 0)
			r = s3_list_parse((const char *)page.data, page.len, cursor, add_object, f);
	} while (r == 0 && cursor[0] != '\0');
	if (r == -EBADMSG)
		(void)snprintf(error, FETCH_ERROR_MAX, "the server's listing makes no sense");
	buf_free(&page);
	s3_session_close(s);
	return r;
}

/* Where the object goes.  A descriptor or a negative errno. */
static int create_file(struct fetch *f, const struct fetch_object *o)
{
	size_t prefix = strlen(s3_client_place(f->client)->prefix);
	int fd;

	(void)pthread_mutex_lock(&f->lock);
	fd = extract_create(f->tree, o->key + (prefix > 0 ? prefix + 1 : 0));
	(void)pthread_mutex_unlock(&f->lock);
	return fd;
}

static void get_object(struct fetch *f, struct s3_session *s, const struct fetch_object *o)
{
	char why[S3_ERROR_MAX] = "", shown[SHOWN];
	int fd = create_file(f, o), r = fd < 0 ? fd : 0;

	if (r == 0)
		r = fetch_object_get(s, o, fd, &f->taken, why);
	if (fd >= 0 && close(fd) < 0 && r == 0)
		r = -errno;
	if (r == -ENOSPC || r == -EDQUOT || r == -EROFS || r == -ENOMEM)
		atomic_store(&f->fatal, r);
	if (r < 0) {
		/* Half an object would be called a wrong one. */
		if (fd >= 0) {
			size_t prefix = strlen(s3_client_place(f->client)->prefix);

			(void)pthread_mutex_lock(&f->lock);
			(void)extract_remove(f->tree, o->key + (prefix > 0 ? prefix + 1 : 0));
			(void)pthread_mutex_unlock(&f->lock);
		}
		(void)atomic_fetch_add(&f->failed, 1);
		log_line(LOG_WARN, "%s: not downloaded: %s",
			 quote_text(shown, sizeof(shown), o->key), why[0] != '\0' ? why : strerror(-r));
	}
	(void)atomic_fetch_add(&f->done, 1);
}

static void *work(void *arg)
{
	struct fetch *f = arg;
	struct s3_session *s;
	int r = s3_session_open(&s, f->client);

	if (r < 0)
		atomic_store(&f->fatal, r);
	while (r == 0 && atomic_load(&f->fatal) == 0) {
		size_t i = atomic_fetch_add(&f->next, 1);

		if (i >= f->count)
			break;
		get_object(f, s, &f->objects[i]);
	}
	if (r == 0)
		s3_session_close(s);
	(void)atomic_fetch_sub(&f->running, 1);
	return NULL;
}

static void show(const struct fetch *f)
{
	log_moving("%zu of %zu objects, %.1f of %.1f MiB", atomic_load(&f->done), f->count,
		   (double)atomic_load(&f->taken) / (1 << 20), (double)f->bytes / (1 << 20));
}

static int download(struct fetch *f)
{
	const struct timespec step = { .tv_nsec = MOVING_NS / 25 };
	pthread_t threads[SESSIONS];
	bool terminal = isatty(STDERR_FILENO) == 1;
	unsigned started = 0;

	while (started < SESSIONS && started < f->count) {
		(void)atomic_fetch_add(&f->running, 1);
		if (pthread_create(&threads[started], NULL, work, f) != 0) {
			(void)atomic_fetch_sub(&f->running, 1);
			break;
		}
		started++;
	}
	if (started == 0 && f->count > 0)
		return -EAGAIN;
	for (unsigned i = 0; atomic_load(&f->running) > 0; i++) {
		if (terminal && i % 25 == 24)
			show(f);
		(void)nanosleep(&step, NULL);
	}
	if (terminal)
		log_moving(NULL);
	for (unsigned i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
	return atomic_load(&f->fatal);
}

int fetch_open(struct fetch **ret, const struct vault_options *o, const char *near,
	       char error[FETCH_ERROR_MAX])
{
	struct fetch *f = calloc(1, sizeof(*f));
	const struct s3_place *p;
	int r;

	error[0] = '\0';
	if (f == NULL)
		return -ENOMEM;
	f->alive = -1;
	(void)pthread_mutex_init(&f->lock, NULL);
	r = make_directory(f, near, error);
	if (r == 0)
		r = s3_client_open(&f->client, o, error);
	if (r == 0) {
		p = s3_client_place(f->client);
		(void)snprintf(f->shown, sizeof(f->shown), SCHEME "%s%s%s", p->bucket,
			       p->prefix[0] != '\0' ? "/" : "", p->prefix);
		r = list_objects(f, error);
	}
	if (r == 0)
		r = download(f);
	if (r < 0) {
		if (error[0] == '\0')
			(void)snprintf(error, FETCH_ERROR_MAX, "%s", strerror(-r));
		fetch_close(f);
		return r;
	}
	*ret = f;
	return 0;
}

const char *fetch_dir(const struct fetch *f)
{
	return f->dir;
}

size_t fetch_failed(const struct fetch *f)
{
	return atomic_load(&f->failed);
}

void fetch_name(const struct fetch *f, const char *path, char *ret, size_t cap)
{
	size_t len = strlen(f->dir);

	if (strncmp(path, f->dir, len) == 0)
		(void)snprintf(ret, cap, "%s%s", f->shown, path + len);
	else
		(void)snprintf(ret, cap, "%s", path);
}

void fetch_close(struct fetch *f)
{
	if (f == NULL)
		return;
	extract_close(f->tree);
	s3_client_close(f->client);
	if (f->alive >= 0)
		(void)close(f->alive);
	if (f->cleaner > 0)
		(void)waitpid(f->cleaner, NULL, 0);
	for (size_t i = 0; i < f->count; i++)
		free(f->objects[i].key);
	free(f->objects);
	(void)pthread_mutex_destroy(&f->lock);
	free(f);
}
