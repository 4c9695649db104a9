/*
 * test_journal.c - the journal: what is kept, what is shown, and that a stderr
 * which nobody reads does not stop the run.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "clock.h"
#include "io.h"
#include "log.h"

static char kept[70000];

/* Put a pipe in the place of stderr; its reading end. */
static int catch_stderr(int *ret_old)
{
	int fd[2];

	*ret_old = dup(STDERR_FILENO);
	if (*ret_old < 0 || pipe(fd) < 0 || dup2(fd[1], STDERR_FILENO) < 0)
		exit(1);
	(void)close(fd[1]);
	return fd[0];
}

static void restore(int old)
{
	(void)dup2(old, STDERR_FILENO);
	(void)close(old);
}

static void test_shown(void)
{
	char text[4096];
	int old, fd = catch_stderr(&old);
	ssize_t n;

	log_line(LOG_DEBUG, "a debug line");
	log_line(LOG_WARN, "a warning %d", 42);
	log_status("status");
	log_show(LOG_DEBUG);
	log_line(LOG_DEBUG, "shown now");
	log_show(LOG_INFO);
	restore(old);
	n = io_read(fd, text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = '\0';
	(void)close(fd);
	CHECK(strstr(text, "a debug line") == NULL, "a line below the level is not shown");
	CHECK(strstr(text, "Z evac warn: a warning 42\n") != NULL, "a warning is");
	CHECK(strstr(text, "\nstatus20") != NULL, "a status is shown as it is");
	CHECK(strstr(text, "debug: shown now\n") != NULL, "and all, when asked for");
	n = (ssize_t)log_copy(kept, sizeof(kept));
	kept[n] = '\0';
	CHECK(strstr(kept, "a debug line") != NULL && strstr(kept, "a warning 42") != NULL,
	      "both are kept");
	CHECK(strstr(kept, "status") == NULL, "a status is not");
}

static void test_long(void)
{
	static char text[5000];
	size_t n;

	memset(text, 'x', sizeof(text) - 1);
	log_line(LOG_DEBUG, "%s", text);
	n = log_copy(kept, sizeof(kept));
	CHECK(kept[n - 1] == '\n' && kept[n - 2] == 'x', "a long line is cut and ended");
}

static void test_full(void)
{
	size_t n;

	for (int i = 0; i < 4000; i++)
		log_line(LOG_DEBUG, "line %d", i);
	n = log_copy(kept, sizeof(kept));
	kept[n] = '\0';
	CHECK(n > 60000 && n <= 65536, "%zu bytes are kept", n);
	CHECK(strstr(kept, "a warning 42\n") != NULL, "the first ones");
	CHECK(strstr(kept, "debug: line 3999\n") != NULL, "the last ones");
	CHECK(strstr(kept, "debug: line 2000\n") == NULL, "not those between");
	CHECK(log_copy(kept, 100) <= 100, "never more than there is room for");
}

static void test_deaf(void)
{
	int old, fd = catch_stderr(&old);
	int64_t begun = clock_now_ms(), took;

	/* More than any pipe holds. */
	for (int i = 0; i < 3000; i++)
		log_line(LOG_ERROR, "nobody reads line %d of this", i);
	took = clock_now_ms() - begun;
	restore(old);
	(void)close(fd);
	CHECK(took < 10000, "a stderr that nobody reads cost %lld ms", (long long)took);
}

int main(void)
{
	/* A run that hangs here is a failure too. */
	(void)alarm(60);
	test_shown();
	test_long();
	test_full();
	test_deaf();
	return CHECK_DONE();
}
