/*
 * fetch_object.c - one object out of a bucket into a file.
 *
 * A transfer that breaks off goes on from the last byte that came, if the
 * object is still the same.  One that makes progress has all its tries again.
 */
#include "fetch_object.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io.h"
#include "s3_client.h"

struct transfer {
	const struct fetch_object *object;
	int fd;
	uint64_t at;        /* bytes that are in the file */
	bool resumed;       /* it was asked for from there on */
	atomic_ullong *taken;
};

static int take(void *arg, unsigned status, const void *data, size_t len)
{
	struct transfer *t = arg;
	int r;

	/* A server that does not know ranges begins anew. */
	if (t->resumed && status != 206) {
		if (ftruncate(t->fd, 0) < 0 || lseek(t->fd, 0, SEEK_SET) < 0)
			return -errno;
		(void)atomic_fetch_sub(t->taken, t->at);
		t->at = 0;
	}
	t->resumed = false;
	if (len > t->object->size - t->at)
		return -EMSGSIZE;
	r = io_write(t->fd, data, len);
	if (r < 0)
		return r;
	t->at += len;
	(void)atomic_fetch_add(t->taken, len);
	return 0;
}

/* One try, from where the last one stopped. */
static enum s3_verdict try_rest(struct s3_session *s, struct transfer *t, struct s3_attempt *a)
{
	struct s3_call call = { .method = HTTP_GET, .key = t->object->key, .take = take, .arg = t };
	enum s3_verdict verdict;
	char range[40];

	t->resumed = t->at > 0;
	if (t->resumed) {
		(void)snprintf(range, sizeof(range), "bytes=%" PRIu64 "-", t->at);
		call.range = range;
		call.etag = t->object->etag[0] != '\0' ? t->object->etag : NULL;
	}
	verdict = s3_session_try(s, &call, a);
	if (verdict == S3_STORED && t->at < t->object->size) {
		(void)snprintf(a->why, sizeof(a->why), "it came short");
		a->error = -EIO;
		return S3_RETRY;
	}
	return verdict;
}

int fetch_object_get(struct s3_session *s, const struct fetch_object *o, int fd,
		     atomic_ullong *taken, char why[S3_ERROR_MAX])
{
	struct transfer t = { .object = o, .fd = fd, .taken = taken };
	struct s3_attempt a = { .count = 0 };

	for (;;) {
		uint64_t before = t.at;
		enum s3_verdict verdict = try_rest(s, &t, &a);
		int taken_error = s3_session_answer(s)->taken;

		bool again = verdict == S3_RETRY || verdict == S3_UNSURE;

		if (verdict == S3_STORED || (again && t.at > 0 && t.at == o->size))
			return 0;
		if (verdict == S3_EXISTS) {
			(void)snprintf(why, S3_ERROR_MAX, "it was replaced while it was read");
			return -EAGAIN;
		}
		if (taken_error == -EMSGSIZE) {
			(void)snprintf(why, S3_ERROR_MAX, "it is longer than the bucket's list says");
			return taken_error;
		}
		if (taken_error < 0)
			return taken_error;
		if (t.at > before)
			a.count = 1;
		if (!again || !s3_session_wait(s, &a)) {
			(void)snprintf(why, S3_ERROR_MAX, "%s", a.why);
			return a.error < 0 ? a.error : -EIO;
		}
	}
}
