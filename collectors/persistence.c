/*
 * persistence.c - what makes the host run what: at its start, at times, at
 * logins, when packages change, when someone comes by ssh.
 *
 * Each file comes whole; the table "persistence" says what it makes run, as whom
 * and when.  It lists what is there, good and bad: what is new shows by its times.
 */
#include "persistence.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector.h"
#include "homes.h"
#include "scope.h"
#include "table.h"
#include "take.h"

#define PATH_BYTES 2048u

/* Files, or directories with a pattern for their names. */
static const struct place {
	const char *kind, *path, *pattern;
	enum persistence_form form;
} places[] = {
	{ "preload", "/etc/ld.so.preload", NULL, FORM_LINES },
	{ "library_path", "/etc/ld.so.conf", NULL, FORM_LINES },
	{ "library_path", "/etc/ld.so.conf.d", "*.conf", FORM_LINES },
	{ "environment", "/etc/environment", NULL, FORM_ASSIGN },
	{ "environment", "/etc/environment.d", "*", FORM_ASSIGN },
	{ "environment", "/etc/security/pam_env.conf", NULL, FORM_LINES },
	{ "cron", "/etc/crontab", NULL, FORM_CRON },
	{ "cron", "/etc/cron.d", "*", FORM_CRON },
	{ "cron", "/etc/anacrontab", NULL, FORM_LINES },
	{ "cron", "/var/spool/cron/crontabs", "*", FORM_CRONTAB },
	{ "cron", "/var/spool/cron/tabs", "*", FORM_CRONTAB },
	{ "cron", "/var/spool/cron", "*", FORM_CRONTAB },
	{ "cron", "/etc/cron.hourly", "*", FORM_FILE },
	{ "cron", "/etc/cron.daily", "*", FORM_FILE },
	{ "cron", "/etc/cron.weekly", "*", FORM_FILE },
	{ "cron", "/etc/cron.monthly", "*", FORM_FILE },
	{ "cron", "/etc/cron.yearly", "*", FORM_FILE },
	{ "at", "/var/spool/at", "[a-z]*", FORM_READ },
	{ "at", "/var/spool/cron/atjobs", "[a-z]*", FORM_READ },
	{ "at", "/var/spool/atjobs", "[a-z]*", FORM_READ },
	{ "rc", "/etc/rc.local", NULL, FORM_FILE },
	{ "rc", "/etc/rc.d/rc.local", NULL, FORM_FILE },
	{ "rc", "/etc/inittab", NULL, FORM_LINES },
	{ "rc", "/etc/init.d", "*", FORM_FILE },
	{ "rc", "/etc/rc.d/init.d", "*", FORM_FILE },
	{ "rc", "/etc/init", "*.conf", FORM_READ },
	{ "shell", "/etc/profile", NULL, FORM_READ },
	{ "shell", "/etc/profile.d", "*", FORM_READ },
	{ "shell", "/etc/bash.bashrc", NULL, FORM_READ },
	{ "shell", "/etc/bashrc", NULL, FORM_READ },
	{ "shell", "/etc/bash.bash_logout", NULL, FORM_READ },
	{ "shell", "/etc/zsh", "z*", FORM_READ },
	{ "shell", "/etc", "z[ls]*", FORM_READ },
	{ "shell", "/etc/csh.cshrc", NULL, FORM_READ },
	{ "shell", "/etc/csh.login", NULL, FORM_READ },
	{ "shell", "/etc/fish", "*.fish", FORM_READ },
	{ "shell", "/etc/fish/conf.d", "*.fish", FORM_READ },
	{ "pam", "/etc/pam.d", "*", FORM_PAM },
	{ "pam", "/etc/pam.conf", NULL, FORM_PAM },
	{ "udev", "/etc/udev/rules.d", "*.rules", FORM_UDEV },
	{ "udev", "/run/udev/rules.d", "*.rules", FORM_UDEV },
	{ "udev", "/usr/local/lib/udev/rules.d", "*.rules", FORM_UDEV },
	{ "udev", "/usr/lib/udev/rules.d", "*.rules", FORM_UDEV },
	{ "udev", "/lib/udev/rules.d", "*.rules", FORM_UDEV },
	{ "module", "/etc/modules", NULL, FORM_LINES },
	{ "module", "/etc/modules-load.d", "*.conf", FORM_LINES },
	{ "module", "/run/modules-load.d", "*.conf", FORM_LINES },
	{ "module", "/usr/lib/modules-load.d", "*.conf", FORM_LINES },
	{ "module", "/etc/modprobe.d", "*", FORM_LINES },
	{ "module", "/run/modprobe.d", "*", FORM_LINES },
	{ "module", "/usr/lib/modprobe.d", "*", FORM_LINES },
	{ "initramfs", "/etc/initramfs-tools/modules", NULL, FORM_LINES },
	{ "initramfs", "/etc/initramfs-tools/hooks", "*", FORM_FILE },
	{ "initramfs", "/etc/initramfs-tools/scripts/init-top", "*", FORM_FILE },
	{ "initramfs", "/etc/initramfs-tools/scripts/init-premount", "*", FORM_FILE },
	{ "initramfs", "/etc/initramfs-tools/scripts/init-bottom", "*", FORM_FILE },
	{ "initramfs", "/etc/initramfs-tools/scripts/local-top", "*", FORM_FILE },
	{ "initramfs", "/etc/initramfs-tools/scripts/local-bottom", "*", FORM_FILE },
	{ "initramfs", "/etc/dracut.conf", NULL, FORM_LINES },
	{ "initramfs", "/etc/dracut.conf.d", "*.conf", FORM_LINES },
	{ "kernel_hook", "/etc/kernel/postinst.d", "*", FORM_FILE },
	{ "kernel_hook", "/etc/kernel/postrm.d", "*", FORM_FILE },
	{ "kernel_hook", "/etc/kernel/install.d", "*", FORM_FILE },
	{ "motd", "/etc/update-motd.d", "*", FORM_FILE },
	{ "network_hook", "/etc/network/if-up.d", "*", FORM_FILE },
	{ "network_hook", "/etc/network/if-pre-up.d", "*", FORM_FILE },
	{ "network_hook", "/etc/network/if-down.d", "*", FORM_FILE },
	{ "network_hook", "/etc/NetworkManager/dispatcher.d", "*", FORM_FILE },
	{ "network_hook", "/etc/networkd-dispatcher/routable.d", "*", FORM_FILE },
	{ "network_hook", "/etc/dhcp/dhclient-enter-hooks.d", "*", FORM_READ },
	{ "network_hook", "/etc/dhcp/dhclient-exit-hooks.d", "*", FORM_READ },
	{ "network_hook", "/etc/ppp/ip-up.d", "*", FORM_FILE },
	{ "network_hook", "/etc/network/interfaces", NULL, FORM_LINES },
	{ "power_hook", "/usr/lib/systemd/system-sleep", "*", FORM_FILE },
	{ "power_hook", "/usr/lib/systemd/system-shutdown", "*", FORM_FILE },
	{ "generator", "/etc/systemd/system-generators", "*", FORM_FILE },
	{ "generator", "/usr/local/lib/systemd/system-generators", "*", FORM_FILE },
	{ "generator", "/usr/lib/systemd/system-generators", "*", FORM_FILE },
	{ "ssh", "/etc/ssh/sshd_config", NULL, FORM_SSHD },
	{ "ssh", "/etc/ssh/sshd_config.d", "*.conf", FORM_SSHD },
	{ "ssh", "/etc/ssh/ssh_config", NULL, FORM_SSHD },
	{ "ssh", "/etc/ssh/ssh_config.d", "*.conf", FORM_SSHD },
	{ "ssh", "/etc/ssh/sshrc", NULL, FORM_READ },
	{ "ssh_key", "/etc/ssh/authorized_keys", "*", FORM_KEYS },
	{ "ssh_key", "/etc/ssh/authorized_keys.d", "*", FORM_KEYS },
	{ "autostart", "/etc/xdg/autostart", "*.desktop", FORM_DESKTOP },
	{ "package_hook", "/etc/apt/apt.conf", NULL, FORM_APT },
	{ "package_hook", "/etc/apt/apt.conf.d", "*", FORM_APT },
	{ "package_hook", "/etc/dpkg/dpkg.cfg", NULL, FORM_LINES },
	{ "package_hook", "/etc/dpkg/dpkg.cfg.d", "*", FORM_LINES },
	{ "package_hook", "/etc/yum/pluginconf.d", "*", FORM_READ },
	{ "package_hook", "/etc/dnf/plugins", "*", FORM_READ },
	{ "package_hook", "/etc/dnf/libdnf5-plugins/actions.d", "*", FORM_LINES },
	{ "cloud_init", "/var/lib/cloud/scripts/per-boot", "*", FORM_FILE },
	{ "cloud_init", "/var/lib/cloud/scripts/per-instance", "*", FORM_FILE },
	{ "cloud_init", "/var/lib/cloud/scripts/per-once", "*", FORM_FILE },
	{ "cloud_init", "/var/lib/cloud/instance/scripts", "*", FORM_FILE },
	{ "cloud_init", "/var/lib/cloud/instance/user-data.txt", NULL, FORM_READ },
	{ "cloud_init", "/etc/cloud/cloud.cfg", NULL, FORM_READ },
	{ "cloud_init", "/etc/cloud/cloud.cfg.d", "*", FORM_READ },
	{ "binfmt", "/etc/binfmt.d", "*", FORM_LINES },
	{ "tmpfiles", "/etc/tmpfiles.d", "*", FORM_LINES },
	{ "sysctl", "/etc/sysctl.conf", NULL, FORM_LINES },
	{ "sysctl", "/etc/sysctl.d", "*", FORM_LINES },
	{ "python", "/usr/lib/python3/dist-packages", "*.pth", FORM_LINES },
	{ "python", "/usr/lib/python3/dist-packages", "*customize.py", FORM_READ },
	{ "polkit", "/etc/polkit-1/rules.d", "*", FORM_READ },
	{ "dbus", "/etc/dbus-1/system.d", "*", FORM_READ },
	{ "inetd", "/etc/inetd.conf", NULL, FORM_LINES },
	{ "inetd", "/etc/xinetd.d", "*", FORM_READ },
	{ "nss", "/etc/nsswitch.conf", NULL, FORM_LINES },
	{ "audit", "/etc/audit/rules.d", "*", FORM_LINES },
	{ "syslog", "/etc/rsyslog.conf", NULL, FORM_LINES },
	{ "syslog", "/etc/rsyslog.d", "*", FORM_LINES },
	{ "logrotate", "/etc/logrotate.d", "*", FORM_READ },
	{ "git", "/etc/gitconfig", NULL, FORM_ASSIGN },
};

static const struct place in_home[] = {
	{ "shell", "/.bashrc", NULL, FORM_READ },
	{ "shell", "/.bash_profile", NULL, FORM_READ },
	{ "shell", "/.bash_login", NULL, FORM_READ },
	{ "shell", "/.bash_logout", NULL, FORM_READ },
	{ "shell", "/.bash_aliases", NULL, FORM_READ },
	{ "shell", "/.profile", NULL, FORM_READ },
	{ "shell", "/.zshenv", NULL, FORM_READ },
	{ "shell", "/.zshrc", NULL, FORM_READ },
	{ "shell", "/.zprofile", NULL, FORM_READ },
	{ "shell", "/.zlogin", NULL, FORM_READ },
	{ "shell", "/.kshrc", NULL, FORM_READ },
	{ "shell", "/.cshrc", NULL, FORM_READ },
	{ "shell", "/.tcshrc", NULL, FORM_READ },
	{ "shell", "/.config/fish/config.fish", NULL, FORM_READ },
	{ "shell", "/.config/fish/conf.d", "*.fish", FORM_READ },
	{ "shell", "/.xprofile", NULL, FORM_READ },
	{ "shell", "/.xinitrc", NULL, FORM_READ },
	{ "environment", "/.pam_environment", NULL, FORM_LINES },
	{ "environment", "/.ssh/environment", NULL, FORM_ASSIGN },
	{ "environment", "/.config/environment.d", "*.conf", FORM_ASSIGN },
	{ "ssh", "/.ssh/rc", NULL, FORM_READ },
	{ "ssh", "/.ssh/config", NULL, FORM_SSHD },
	{ "ssh_key", "/.ssh/authorized_keys", NULL, FORM_KEYS },
	{ "ssh_key", "/.ssh/authorized_keys2", NULL, FORM_KEYS },
	{ "autostart", "/.config/autostart", "*.desktop", FORM_DESKTOP },
	{ "editor", "/.vimrc", NULL, FORM_READ },
	{ "git", "/.gitconfig", NULL, FORM_ASSIGN },
};

static int read_place(struct persistence *p, const struct place *place, const char *path)
{
	p->kind = place->kind;
	p->path = path;
	p->enabled = ENABLED_UNKNOWN;
	if (place->pattern != NULL)
		return persistence_dir(p, path, place->pattern, place->form);
	return persistence_file(p, place->form);
}

/* The rows of a home, and its files. */
static int home(void *arg, const char *user, const char *dir)
{
	struct persistence *p = arg;
	char path[PATH_BYTES];
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(in_home) && r == 0; i++) {
		if (snprintf(path, sizeof(path), "%s%s", dir, in_home[i].path) >= (int)sizeof(path))
			continue;
		p->user = user;
		r = read_place(p, &in_home[i], path);
		if (r == 0)
			r = take_path(p->take, path);
	}
	p->user = user;
	if (r == 0)
		r = persistence_units(p, dir);
	p->user = NULL;
	return r;
}

/* AuthorizedKeysFile may name a place of its own: "/etc/keys/%u", ".keys/own". */
struct keys {
	struct persistence *p;
	char place[8][512];
	size_t count;
};

static int config_line(void *arg, char *line, size_t len, unsigned number)
{
	struct keys *k = arg;
	struct persistence_row row = { .line = number };
	struct field f[8];
	size_t n;

	if (!persistence_line(FORM_SSHD, line, len, &row) || row.name.len != 18 ||
	    strncasecmp(row.name.text, "AuthorizedKeysFile", 18) != 0)
		return 0;
	n = fields_words(row.runs.text, row.runs.len, f, ARRAY_LEN(f));
	for (size_t i = 0; i < n && k->count < ARRAY_LEN(k->place); i++)
		if (f[i].len < sizeof(k->place[0]) && !fields_begin(f[i], ".ssh/authorized_keys") &&
		    !fields_equal(f[i], "none"))
			(void)snprintf(k->place[k->count++], sizeof(k->place[0]), "%.*s",
				       (int)f[i].len, f[i].text);
	return 0;
}

/* sshd_config(5): %u the user, %h the home, %% a percent sign. */
static bool expand(const char *place, const char *user, const char *dir, char *out, size_t cap)
{
	size_t n = place[0] != '/' && strncmp(place, "%h", 2) != 0 ?
		   (size_t)snprintf(out, cap, "%s/", dir) : 0;

	for (; *place != '\0' && n < cap; place++) {
		const char *with = *place != '%' ? NULL : place[1] == 'u' ? user :
				   place[1] == 'h' ? dir : place[1] == '%' ? "%" : NULL;

		if (with != NULL)
			place++;
		n += (size_t)snprintf(out + n, cap - n, "%.*s", with != NULL ? 512 : 1,
				      with != NULL ? with : place);
	}
	return n < cap;
}

static int keys_of(void *arg, const char *user, const char *dir)
{
	static const struct place form = { "ssh_key", NULL, NULL, FORM_KEYS };
	struct keys *k = arg;
	char path[PATH_BYTES];
	int r = 0;

	for (size_t i = 0; i < k->count && r == 0; i++) {
		if (user == NULL || !expand(k->place[i], user, dir, path, sizeof(path)))
			continue;
		k->p->user = user;
		r = read_place(k->p, &form, path);
		if (r == 0)
			r = take_path(k->p->take, path);
	}
	k->p->user = NULL;
	return r;
}

static int more_keys(struct persistence *p)
{
	struct keys k = { .p = p };
	int r = take_lines(p->take, "/etc/ssh/sshd_config", config_line, &k);

	return r == 0 && k.count > 0 ? homes_each(p->take, keys_of, &k) : r;
}

/* What has no rows, or more than its rows say. */
static const char *const files[] = {
	"/etc/cron.allow", "/etc/cron.deny", "/etc/at.allow", "/etc/at.deny", "/etc/ld.so.cache",
	"/etc/ssh", "/etc/systemd", "/run/systemd/system", "/run/systemd/transient",
	"/run/systemd/generator", "/run/systemd/generator.late", "/run/systemd/generator.early",
	"/usr/local/lib/systemd", "/lib/systemd/system", "/usr/lib/systemd/system",
	"/usr/lib/systemd/user", "/usr/lib/dracut/modules.d", "/usr/share/initramfs-tools",
	"/etc/initramfs-tools", "/etc/rc0.d", "/etc/rc1.d", "/etc/rc2.d", "/etc/rc3.d", "/etc/rc4.d",
	"/etc/rc5.d", "/etc/rc6.d", "/etc/rcS.d", "/etc/motd", "/etc/motd.d", "/etc/issue", "/etc/issue.net",
	"/etc/skel", "/etc/network", "/etc/netplan", "/etc/yum", "/etc/yum.conf", "/etc/dnf",
	"/var/lib/cloud/instance", "/var/lib/cloud/instances", "/var/lib/cloud/data", "/run/cloud-init",
	"/etc/audit", "/etc/selinux/config", "/etc/apparmor.d/local", "/etc/fstab", "/etc/crypttab",
	"/etc/hosts.allow", "/etc/hosts.deny", "/etc/default", "/etc/sysconfig",
};

static const struct tree_limits limits = {
	.depth = 32, .entries = 200000, .file_bytes = (uint64_t)16 << 20,
	.bytes = (uint64_t)512 << 20, .mask = true,
};

static int read_all(struct persistence *p)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(places) && r == 0; i++)
		r = read_place(p, &places[i], places[i].path);
	if (r == 0)
		r = persistence_units(p, NULL);
	for (size_t i = 0; i < ARRAY_LEN(places) && r == 0; i++) {
		if (places[i].pattern == NULL)
			r = take_path(p->take, places[i].path);
		else
			r = take_matching(p->take, places[i].path, &places[i].pattern, 1);
	}
	if (r == 0)
		r = homes_each(p->take, home, p);
	if (r == 0)
		r = more_keys(p);
	return r == 0 ? take_paths(p->take, files, ARRAY_LEN(files)) : r;
}

static int run(const struct host *host, const struct collector_request *req,
	       struct sink *sink)
{
	AUTO_FREE char *joined = malloc(PERSISTENCE_LINE), *masked = malloc(PERSISTENCE_LINE);
	struct persistence p = { .enabled = ENABLED_UNKNOWN, .joined = joined };
	struct take t;
	int r = take_open(&t, host, req, sink, &limits, "persistence"), end;

	taken_open(&p.seen);
	p.take = &t;
	p.masked = t.mask ? masked : NULL;
	if (joined == NULL || masked == NULL)
		r = -ENOMEM;
	if (r == 0)
		r = table_open(&p.table, sink, "persistence");
	if (r == 0)
		r = read_all(&p);
	end = table_close(p.table);
	taken_free(&p.seen);
	return take_close(&t, r < 0 ? r : end);
}

const struct collector collector_persistence = {
	.name = "persistence",
	.group = "host",
	.reads = "what runs by itself: cron, systemd, rc, preload, PAM, udev, ssh keys, hooks",
	.rank = RANK_ACCOUNT,
	.cost = COST_LOW,
	.profile = PROFILE_DEFAULT,
	.budget_s = 120,
	.run = run,
};
