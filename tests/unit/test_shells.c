/* The shells collector: histories of three shells, homes that are shared or odd, secrets, a failing sink. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "collector.h"
#include "sink_list.h"
#include "temp.h"
#include "walk_root.h"

static struct temp top;

static int run(struct sink *s, bool with_secrets)
{
	return walk_root(&collector_shells, &top, s, with_secrets);
}

static void make(void)
{
	temp_put(&top, "etc/passwd", "root:x:0:0::/root:/bin/sh\neve:x:1:1::/srv/eve/:/bin/sh\ntwin:x:2:2::/srv/eve:/bin/sh\n"
				     "all:x:3:3::/:/bin/sh\nnone:x:4:4::/nonexistent:/bin/sh\n");
	temp_put(&top, "root/.bash_history", "#1700000000\ncurl http://198.51.100.7/x -o /tmp/x\nls\n#nothing\n"
					     "export AWS_SECRET_ACCESS_KEY=SECRETSECRET\nbad \xff\n");
	temp_put(&top, "srv/eve/.zsh_history", ": 1700000001:3;id -a\n: odd\n");
	temp_put(&top, "srv/eve/.local/share/fish/fish_history", "- cmd: whoami\n  when: 1700000002\n");
	temp_put(&top, "srv/eve/.aws/credentials", "[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = SECRETSECRET\n");
	temp_put(&top, "srv/eve/.ssh/id_ed25519", "-----BEGIN OPENSSH PRIVATE KEY-----\nSECRETSECRET\n-----END OPENSSH PRIVATE KEY-----\n");
	temp_put(&top, "srv/eve/.ssh/known_hosts", "198.51.100.7 ssh-ed25519 AAAA\n");
	temp_put(&top, "srv/eve/.docker/config.json", "{\"auths\":{\"x\":{\"auth\":\"SECRETSECRET\"}}}\n");
	temp_put(&top, "home/left/.viminfo", "# viminfo\n");
	temp_put(&top, "home/left/photo.jpg", "private\n");
	temp_link(&top, "home/left/.bash_history", "/dev/null");
	(void)mkfifoat(top.fd, "home/left/.zsh_history", 0600);
}

static bool row(const struct sink *s, const char *table, const char *a, const char *b)
{
	return sink_list_row(s, table, a, b, NULL) != NULL;
}

static size_t secrets(const struct sink *s)
{
	size_t found = 0;

	for (size_t i = 0; i < sink_list_count(s); i++)
		found += memmem(sink_list_at(s, i)->data, sink_list_at(s, i)->len, "SECRETSECRET", 12) != NULL;
	return found;
}

static void test_host(const struct sink *s)
{
	const struct sink_list_file *f = sink_list_find(s, "files/srv/eve/.aws/credentials");

	CHECK(row(s, "shell_history.ndjson", "\"username\":\"root\",\"history_file\":\"/root/.bash_history\",\"line_number\":2,\"time\":1700000000",
		  "\"command\":\"curl http://198.51.100.7/x -o /tmp/x\""), "bash, with its time");
	CHECK(row(s, "shell_history.ndjson", "\"time\":0,\"command\":\"ls\"", NULL) && row(s, "shell_history.ndjson", "\"command\":\"#nothing\"", NULL), "or without");
	CHECK(row(s, "shell_history.ndjson", "AWS_SECRET_ACCESS_KEY=***\",\"masked\":true", NULL), "a key that was typed");
	CHECK(row(s, "shell_history.ndjson", "\"command_b64\":", NULL), "bytes");
	CHECK(row(s, "shell_history.ndjson", "\"time\":1700000001,\"command\":\"id -a\"", "\"username\":\"eve\""), "zsh");
	CHECK(row(s, "shell_history.ndjson", "\"command\":\"whoami\"", NULL), "fish");
	CHECK(f != NULL && strstr(f->data, "AKIAEXAMPLE") != NULL && strstr(f->data, "= ***") != NULL, "whose credentials");
	CHECK(row(s, "files_shells.ndjson", "/srv/eve/.docker/config.json", "--with-secrets"), "what is all secret is listed");
	CHECK(sink_list_find(s, "files/home/left/.viminfo") != NULL && sink_list_find(s, "files/srv/eve/.ssh/known_hosts") != NULL &&
	      sink_list_find(s, "files/home/left/photo.jpg") == NULL, "a home that no user has; no private things");
	CHECK(row(s, "files_shells.ndjson", "/home/left/.bash_history", "\"symlink_target_path\":\"/dev/null\""), "a history that leads nowhere");
	CHECK(row(s, "files_shells.ndjson", "/home/left/.zsh_history", "\"type\":\"fifo\""), "a FIFO");
	CHECK(secrets(s) == 0, "no secret");
}

int main(void)
{
	struct sink *s = sink_list_open();
	unsigned long calls;

	temp_open(&top);
	CHECK(run(s, false) == 0 && sink_list_gaps(s, "", NULL) == 0, "an empty host");
	sink_list_free(s);
	make();
	s = sink_list_open();
	CHECK(run(s, false) == 0 && sink_list_gaps(s, "", NULL) == 0, "the host is read");
	test_host(s);
	calls = sink_list_calls(s);
	sink_list_free(s);
	s = sink_list_open();
	CHECK(run(s, true) == 0 && secrets(s) == 5, "secrets where they are asked for");
	sink_list_free(s);
	CHECK(walk_root_failing(&collector_shells, &top, calls) == 0, "a sink that fails at any of %lu calls ends it", calls);
	temp_close(&top);
	return CHECK_DONE();
}
