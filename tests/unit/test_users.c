/* The users collector: accounts and logins of a made host, hostile lines, a failing sink. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "collector.h"
#include "sink_list.h"
#include "temp.h"
#include "utmp.h"
#include "walk_root.h"

static struct temp top;

static int run(struct sink *s, bool with_secrets)
{
	return walk_root(&collector_users, &top, s, with_secrets);
}

static void record(uint8_t *p, size_t size, uint8_t type, const char *user, const char *host, uint32_t time)
{
	size_t word = size == UTMP_BYTES ? 4 : 8;

	memset(p, 0, size);
	p[0] = type;
	p[4] = 77;
	(void)snprintf((char *)p + 8, 32, "pts/0");
	(void)snprintf((char *)p + 44, 32, "%s", user);
	memcpy(p + 40, "ts/0", 4);
	memcpy(p + 76, host, strnlen(host, 256));
	for (size_t i = 0; i < 4; i++)
		p[336 + word + i] = (uint8_t)(time >> (8 * i));
	p[336 + 3 * word] = 198;
	p[336 + 3 * word + 3] = 7;
}

static void make(void)
{
	uint8_t wtmp[3 * UTMP_BYTES + 10] = { 0 }, wide[4 * UTMP_BYTES_64], last[LASTLOG_BYTES] = { 0x40, 0x42, 0x0f };
	int fd;

	temp_put(&top, "etc/passwd", "root:x:0:0:root:/root:/bin/bash\ntoor::0:0::/root:/bin/sh\nhashed:$1$a$b:1:1::/:/bin/sh\n"
				     "bad line\nb\xff:x:5:huge:a:b:c\n\n");
	temp_put(&top, "etc/group", "sudo:x:27:eve,bob\nempty:x:5:\nodd\n");
	temp_put(&top, "etc/shadow", "root:$6$salt$SECRETHASHSECRETHASH:19000:0:99999:7:::\neve::19001:0:99999:7:::\n"
				     "svc:!:19000::::::\nbob:!$y$j9T$SECRET:1::::9:20000:\n$6$SECRETSECRET\n");
	temp_put(&top, "etc/sudoers", "# comment\nDefaults env_reset\nroot ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n");
	temp_put(&top, "etc/sudoers.d/eve", "eve ALL=(ALL) NOPASSWD: ALL\n");
	record(wtmp, UTMP_BYTES, 7, "eve", "198.51.100.7", 1700000000);
	record(wtmp + UTMP_BYTES, UTMP_BYTES, 8, "", "", 1700000100);
	temp_put_bytes(&top, "var/log/wtmp", wtmp, sizeof(wtmp));
	for (size_t i = 0; i < 4; i++)
		record(wide + i * UTMP_BYTES_64, UTMP_BYTES_64, 7, "arm", "h", 1700000000);
	temp_put_bytes(&top, "var/log/btmp.1", wide, sizeof(wide));
	temp_put(&top, "var/log/btmp.2.gz", "compressed");
	memcpy(last + 4, "pts/9", 5);
	memcpy(last + 36, "198.51.100.7", 12);
	temp_put_bytes(&top, "var/log/lastlog", last, sizeof(last));
	fd = openat(top.fd, "var/log/lastlog", O_WRONLY | O_CLOEXEC);
	(void)pwrite(fd, last, sizeof(last), (off_t)1000000 * LASTLOG_BYTES);
	(void)close(fd);
	temp_put(&top, "run/systemd/sessions/4", "# comment\nUID=0\nUSER=root\nREMOTE_HOST=198.51.100.7\nREALTIME=1700000000000000\nTTY=pts/0\n"
						 "STATE=active\nREMOTE=1\nREMOTE_USER=x\nSERVICE=sshd\nTYPE=tty\nCLASS=user\nSCOPE=session-4.scope\nLEADER=5\nAUDIT=4\n");
	(void)mkfifoat(top.fd, "run/systemd/sessions/4.ref", 0600);
	(void)mkfifoat(top.fd, "var/log/wtmp.fifo", 0600);
}

static bool row(const struct sink *s, const char *table, const char *a, const char *b, const char *c)
{
	return sink_list_row(s, table, a, b, c) != NULL;
}

static void test_accounts(const struct sink *s)
{
	CHECK(row(s, "users.ndjson", "\"username\":\"toor\"", "\"password\":\"empty\"", "\"uid\":0"), "a second root without password");
	CHECK(row(s, "users.ndjson", "\"username\":\"hashed\"", "\"password\":\"here\"", NULL), "a hash in passwd");
	CHECK(row(s, "users.ndjson", "\"line\":\"bad line\"", "\"line_number\":4", NULL), "a line of another form");
	CHECK(row(s, "users.ndjson", "\"username_b64\":\"Yv8=\"", "\"gid\":\"huge\"", NULL), "bytes, and no number");
	CHECK(row(s, "groups.ndjson", "\"groupname\":\"sudo\"", "\"gid\":27", "\"members\":[\"eve\",\"bob\"]"), "members");
	CHECK(row(s, "groups.ndjson", "\"members\":[]", NULL, NULL) && row(s, "groups.ndjson", "\"line\":\"odd\"", NULL, NULL), "or none");
	CHECK(row(s, "shadow.ndjson", "\"username\":\"root\",\"password_status\":\"active\",\"hash_alg\":\"6\"", "\"last_change\":19000", "\"max\":99999"), "ages");
	CHECK(row(s, "shadow.ndjson", "\"username\":\"eve\",\"password_status\":\"empty\"", NULL, NULL) &&
	      row(s, "shadow.ndjson", "\"username\":\"svc\",\"password_status\":\"not_set\"", NULL, NULL) &&
	      row(s, "shadow.ndjson", "\"username\":\"bob\",\"password_status\":\"locked\",\"hash_alg\":\"y\"", "\"expire\":20000", NULL), "all states");
	CHECK(row(s, "sudoers.ndjson", "\"source\":\"/etc/sudoers.d/eve\"", "\"header\":\"eve\"", "NOPASSWD: ALL"), "a rule");
	CHECK(!row(s, "sudoers.ndjson", "comment", NULL, NULL), "no comment");
}

static void test_logins(const struct sink *s)
{
	CHECK(row(s, "logins.ndjson", "\"source\":\"/var/log/wtmp\",\"record\":0,\"type\":7,\"type_name\":\"user\",\"pid\":77,\"username\":\"eve\"",
		  "\"time\":1700000000", "\"address\":\"198.0.0.7\""), "a login");
	CHECK(row(s, "logins.ndjson", "\"record\":2,\"type\":0,\"type_name\":\"empty\"", "\"time\":0", NULL), "a wiped record");
	CHECK(row(s, "logins.ndjson", "\"source\":\"/var/log/btmp.1\",\"record\":3", "\"username\":\"arm\"", "\"time\":1700000000"), "records of 400 bytes");
	CHECK(!row(s, "logins.ndjson", "gz", NULL, NULL), "not the compressed one");
	CHECK(row(s, "lastlog.ndjson", "\"uid\":0,\"time\":1000000,\"tty\":\"pts/9\"", NULL, NULL) &&
	      row(s, "lastlog.ndjson", "\"uid\":1000000,", NULL, NULL), "lastlog and its holes");
	CHECK(row(s, "logind_sessions.ndjson", "\"id\":\"4\",\"uid\":\"0\",\"username\":\"root\",\"remote_host\":\"198.51.100.7\",\"time\":1700000000", NULL, NULL),
	      "a session");
	CHECK(sink_list_gaps(s, "/var/log/wtmp", NULL) == 2, "a record that is not whole, a FIFO: gaps");
	CHECK(row(s, "files_users.ndjson", "\"path\":\"/var/log/wtmp.fifo\"", "\"type\":\"fifo\"", "\"collected\":false"), "the FIFO is listed");
}

static void test_secrets(struct sink *s, bool with)
{
	const struct sink_list_file *f = sink_list_find(s, "files/etc/shadow");
	size_t found = 0;

	for (size_t i = 0; i < sink_list_count(s); i++)
		found += memmem(sink_list_at(s, i)->data, sink_list_at(s, i)->len, "SECRET", 6) != NULL;
	CHECK(f != NULL && found == (with ? 1 : 0), "%s", with ? "hashes only in the file that was asked for" : "no hash anywhere");
}

int main(void)
{
	struct sink *s = sink_list_open();
	unsigned long calls;

	temp_open(&top);
	CHECK(run(s, false) == 0 && row(s, "users.ndjson", "", NULL, NULL) == false, "an empty host");
	sink_list_free(s);
	make();
	s = sink_list_open();
	CHECK(run(s, false) == 0, "the host is read");
	test_accounts(s);
	test_logins(s);
	test_secrets(s, false);
	calls = sink_list_calls(s);
	sink_list_free(s);
	s = sink_list_open();
	CHECK(run(s, true) == 0, "and again, with secrets");
	test_secrets(s, true);
	sink_list_free(s);
	CHECK(walk_root_failing(&collector_users, &top, calls) == 0, "a sink that fails at any of %lu calls ends it", calls);
	temp_close(&top);
	return CHECK_DONE();
}
