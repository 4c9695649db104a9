/*
 * users.c - who may log in, and who did.
 *
 * Reads the host's own files and no name service.  They come as they are, but
 * for password hashes, and as tables.
 */
#include "users.h"

#include "collector.h"
#include "scope.h"
#include "take.h"

static const char *const paths[] = {
	"/etc/passwd", "/etc/passwd-", "/etc/group", "/etc/group-", "/etc/shadow", "/etc/shadow-",
	"/etc/gshadow", "/etc/gshadow-", "/etc/subuid", "/etc/subgid", "/etc/login.defs",
	"/etc/nsswitch.conf", "/etc/sudoers", "/etc/sudoers.d", "/usr/local/etc/sudoers",
	"/usr/local/etc/sudoers.d", "/etc/sudo.conf", "/etc/sudo-ldap.conf", "/etc/doas.conf",
	"/etc/doas.d", "/etc/securetty", "/etc/shells", "/etc/nologin", "/run/nologin",
	"/etc/security/opasswd", "/etc/sssd", "/etc/krb5.conf", "/etc/nslcd.conf", "/etc/userdb",
	"/run/userdb", "/run/utmp", "/var/run/utmp", "/var/lib/wtmpdb", "/var/lib/lastlog",
	"/run/systemd/sessions", "/run/systemd/users", "/run/systemd/seats", "/run/faillock",
	"/var/run/faillock", "/var/lib/AccountsService/users", "/var/lib/systemd/linger",
	"/var/lib/sudo", "/run/sudo/ts",
};

static const char *const login_files[] = { "wtmp*", "btmp*", "lastlog*", "faillog*", "tallylog*" };

static const struct tree_limits limits = {
	.depth = 16, .entries = 100000, .file_bytes = (uint64_t)256 << 20,
	.bytes = (uint64_t)1 << 30, .mask = true,
};

static int run(const struct host *host, const struct collector_request *req,
	       struct sink *sink)
{
	struct take t;
	int r = take_open(&t, host, req, sink, &limits, "users");

	if (r == 0)
		r = users_accounts(&t);
	if (r == 0)
		r = users_logins(&t);
	if (r == 0)
		r = take_paths(&t, paths, ARRAY_LEN(paths));
	if (r == 0)
		r = take_matching(&t, "/var/log", login_files, ARRAY_LEN(login_files));
	return take_close(&t, r);
}

const struct collector collector_users = {
	.name = "users",
	.group = "host",
	.reads = "passwd, group, shadow without hashes, sudoers, utmp, wtmp, btmp, lastlog, sessions",
	.rank = RANK_ACCOUNT,
	.cost = COST_LOW,
	.profile = PROFILE_DEFAULT,
	.budget_s = 60,
	.run = run,
};
