/*
 * ticket_load.c - where a ticket comes from, and whose word counts here.
 *
 * Reads a file, standard input or an https URL, at most 256 KiB of it, into
 * locked memory; reads the responders' public keys that this host knows.  What
 * is in the way of that is one line for the caller.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "http.h"
#include "io.h"
#include "log.h"
#include "scope.h"
#include "ticket.h"

#define KNOWN "/etc/evac"
#define FETCH_MS 60000
/* Less is what clocks are apart anyway. */
#define SKEW_LEAST_S 60

static int fail(char error[TICKET_ERROR_MAX], int r, const char *why)
{
	(void)snprintf(error, TICKET_ERROR_MAX, "%.200s", why != NULL ? why : strerror(-r));
	return r;
}

/* What ${from} gives, into locked memory of TICKET_TEXT_MAX + 1 bytes. */
static int read_file(const char *from, struct buf *text, char error[TICKET_ERROR_MAX])
{
	bool is_stdin = strcmp(from, "-") == 0;
	AUTO_CLOSE int fd = is_stdin ? dup(STDIN_FILENO) :
			    open(from, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return fail(error, -errno, NULL);
	n = io_read(fd, text->data, text->cap);
	if (n < 0)
		return fail(error, (int)n, NULL);
	text->len = (size_t)n;
	return 0;
}

static int fetch(const char *url, const struct http_options *how, struct buf *text,
		 time_t *date, char error[TICKET_ERROR_MAX])
{
	const struct http_request req = { .method = HTTP_GET, .url = url, .into = text,
					  .fresh = true, .timeout_ms = FETCH_MS };
	static struct http_response res;
	struct http_session *s = NULL;
	char why[HTTP_ERROR_MAX];
	struct http *h;
	int r = http_open(&h, how, why);

	if (r < 0)
		return fail(error, r, why);
	r = http_session_open(&s, h);
	if (r < 0)
		(void)snprintf(why, sizeof(why), "%s", strerror(-r));
	else
		r = http_send(s, &req, &res, why);
	if (r == 0 && res.status != 200) {
		(void)snprintf(why, sizeof(why), "the server says HTTP status %u", res.status);
		r = res.status == 404 ? -ENOENT : -EIO;
	}
	*date = res.date;
	http_session_close(s);
	http_close(h);
	return r < 0 ? fail(error, r, why) : 0;
}

/* The keys of this host; one that cannot be read does not count. */
struct known {
	struct minisign_public key[TICKET_KEYS_MAX];
	size_t count;
};

static void add_key(struct known *known, const char *path)
{
	char why[MINISIGN_ERROR_MAX];
	int r;

	if (known->count == TICKET_KEYS_MAX)
		return;
	r = minisign_load_public(path, &known->key[known->count], why);
	if (r == 0)
		known->count++;
	else if (r != -ENOENT)
		log_line(LOG_WARN, "%s: %s", path, why);
}

static void add_directory(struct known *known)
{
	AUTO_CLOSEDIR DIR *dir = opendir(KNOWN "/responders");
	const struct dirent *e;
	char path[sizeof(KNOWN "/responders/") + 256];

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		size_t len = strlen(e->d_name);

		if (len <= 4 || e->d_name[0] == '.' || strcmp(e->d_name + len - 4, ".pub") != 0)
			continue;
		(void)snprintf(path, sizeof(path), KNOWN "/responders/%s", e->d_name);
		add_key(known, path);
	}
}

static int find_keys(struct known *known, const char *responder, char error[TICKET_ERROR_MAX])
{
	char why[MINISIGN_ERROR_MAX];

	known->count = 0;
	if (responder != NULL) {
		if (minisign_load_public(responder, &known->key[0], why) < 0) {
			(void)snprintf(error, TICKET_ERROR_MAX, "--responder: %s", why);
			return -EINVAL;
		}
		known->count = 1;
		return 0;
	}
	add_key(known, KNOWN "/responder.pub");
	add_directory(known);
	if (known->count == 0) {
		(void)snprintf(error, TICKET_ERROR_MAX, "this host knows no responder's key, and "
			       "without one a ticket could be anybody's: give --responder KEY");
		return -ENOKEY;
	}
	return 0;
}

/* By the clock of the server that gave the ticket, if one did. */
static int check_time(const struct ticket *t, time_t date, char error[TICKET_ERROR_MAX])
{
	time_t now = time(NULL);
	long long ahead = (long long)now - (long long)date;

	if (date == 0)
		date = now;
	else if (ahead >= SKEW_LEAST_S || ahead <= -SKEW_LEAST_S)
		log_line(LOG_WARN, "by the clock of the ticket's server, this host's is wrong "
			 "by %lld s", ahead);
	if (date == now && now < t->issued_s - SKEW_LEAST_S)
		log_line(LOG_WARN, "this host's clock is wrong: the ticket was made %lld s later",
			 (long long)t->issued_s - (long long)now);
	return ticket_check_time(t, date, date != now, error);
}

int ticket_load(const char *from, const char *responder, const struct http_options *how,
		struct ticket **ret, char error[TICKET_ERROR_MAX])
{
	struct buf text = { .data = sodium_malloc(TICKET_TEXT_MAX + 1),
			    .cap = TICKET_TEXT_MAX + 1 };
	struct known known;
	time_t date = 0;
	int r = find_keys(&known, responder, error);

	if (r == 0 && text.data == NULL)
		r = fail(error, -ENOMEM, NULL);
	if (r == 0)
		r = strncmp(from, "https://", 8) == 0 ?
		    fetch(from, how, &text, &date, error) : read_file(from, &text, error);
	if (r == 0)
		r = ticket_read((const char *)text.data, text.len, known.key, known.count, ret,
				error);
	sodium_free(text.data);
	if (r < 0)
		return r;
	r = check_time(*ret, date, error);
	if (r < 0) {
		ticket_free(*ret);
		*ret = NULL;
	}
	return r;
}
