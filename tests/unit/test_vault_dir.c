/*
 * test_vault_dir.c - a directory as the vault: whole objects, under their name
 * only once they are, and nothing is ever overwritten.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "io.h"
#include "temp.h"
#include "vault.h"

#define PATH "CASE/host/20261124T093000Z-7f3a"

static int open_vault(struct vault **v, const char *url, char error[VAULT_ERROR_MAX])
{
	const struct vault_options o = { .url = url };

	error[0] = '\0';
	return vault_dir.open(v, &o, PATH, error);
}

static int put(struct vault_session *s, const char *name, const char *text,
	       char error[VAULT_ERROR_MAX])
{
	struct vault_object obj = { .name = name, .data = text, .len = strlen(text) };

	return vault_dir.put(s, &obj, error);
}

static void test_put(const struct temp *t)
{
	char error[VAULT_ERROR_MAX], url[300], text[64], name[300];
	struct vault_session *s;
	struct vault *v;
	struct stat st;
	int dir;

	(void)snprintf(url, sizeof(url), "%s/new//deep/", t->path);
	CHECK(open_vault(&v, url, error) == 0, "its directories are made: %s", error);
	CHECK(vault_dir.session(&s, v) == 0, "a session");
	dir = openat(t->fd, "new/deep/" PATH, O_RDONLY | O_DIRECTORY);
	CHECK(dir >= 0 && temp_count(dir) == 0, "it is empty");
	CHECK(put(s, "a.age", "content", error) == 0, "an object");
	CHECK(io_read_file(dir, "a.age", text, sizeof(text)) == 7 &&
	      strcmp(text, "content") == 0, "is there as it was given");
	CHECK(fstatat(dir, "a.age", &st, 0) == 0 && S_ISREG(st.st_mode) &&
	      (st.st_mode & 0022) == 0, "nobody else may write it");
	CHECK(put(s, "a.age", "other", error) == -EEXIST && strstr(error, "a.age") != NULL,
	      "it is not overwritten: %s", error);
	CHECK(io_read_file(dir, "a.age", text, sizeof(text)) == 7, "it is the first one still");
	CHECK(temp_count(dir) == 1, "nothing else was left behind");
	CHECK(put(s, "empty", "", error) == 0 && fstatat(dir, "empty", &st, 0) == 0 &&
	      st.st_size == 0, "an empty object");
	memset(name, 'n', sizeof(name));
	name[280] = '\0';
	CHECK(put(s, name, "x", error) == -ENAMETOOLONG && temp_count(dir) == 2,
	      "a name that is too long: %s", error);
	CHECK(symlinkat("/nowhere", dir, "link") == 0 &&
	      put(s, "link", "x", error) == -EEXIST, "a link is not followed");
	(void)close(dir);
	vault_dir.session_close(s);
	vault_dir.close(v);
	vault_dir.session_close(NULL);
	vault_dir.close(NULL);
}

static void test_full(const struct temp *t)
{
	char error[VAULT_ERROR_MAX];
	struct vault_session *s;
	struct vault *v;
	int r;

	if (open_vault(&v, t->path, error) < 0 || vault_dir.session(&s, v) < 0) {
		CHECK(0, "a vault: %s", error);
		return;
	}
	/* Its directory is gone while it runs. */
	CHECK(renameat(t->fd, PATH, t->fd, "gone") == 0 &&
	      unlinkat(t->fd, "gone", AT_REMOVEDIR) == 0, "the directory is taken away");
	r = put(s, "a", "x", error);
	CHECK(r == -ENOENT && strstr(error, "a: ") == error, "that is said: %s", error);
	vault_dir.session_close(s);
	vault_dir.close(v);
}

static void test_bad(const struct temp *t)
{
	char error[VAULT_ERROR_MAX], url[600];
	struct vault *v = NULL;
	int fd = openat(t->fd, "file", O_WRONLY | O_CREAT, 0600);

	(void)close(fd);
	CHECK(open_vault(&v, "", error) == -ENOENT && error[0] != '\0', "no address: %s", error);
	(void)snprintf(url, sizeof(url), "%s/file", t->path);
	CHECK(open_vault(&v, url, error) == -ENOTDIR && strstr(error, url) != NULL,
	      "a file in the way: %s", error);
	(void)snprintf(url, sizeof(url), "%s/file/more", t->path);
	CHECK(open_vault(&v, url, error) == -ENOTDIR, "below one too: %s", error);
	(void)snprintf(url, sizeof(url), "%s/%0300d", t->path, 0);
	CHECK(open_vault(&v, url, error) == -ENAMETOOLONG, "a name that is too long");
	CHECK(open_vault(&v, "/proc/self/evac", error) < 0 && error[0] != '\0',
	      "where nothing can be made: %s", error);
	CHECK(v == NULL, "and no vault came of any");
}

static void test_find(void)
{
	CHECK(vault_find("s3://bucket/x") == &vault_s3, "s3:// is S3");
	CHECK(vault_find("/evidence") == &vault_dir && vault_find("s3") == &vault_dir &&
	      vault_find("./s3://x") == &vault_dir, "all else a directory");
}

int main(void)
{
	struct temp t;

	temp_open(&t);
	test_put(&t);
	test_full(&t);
	test_bad(&t);
	test_find();
	temp_close(&t);
	return CHECK_DONE();
}
