/*
 * persistence_lines.c - which line of which kind of file makes what run.
 *
 * The parsers look at one line: bytes in, struct out, no I/O.  They are meant to
 * find, not to judge: what they do not understand is still in the file itself,
 * which comes whole.
 */
#include <ctype.h>
#include <string.h>

#include "persistence.h"
#include "scope.h"

static struct field rest_of(const char *line, size_t len, const char *from)
{
	return fields_trim((struct field){ from, len - (size_t)(from - line) });
}

/* "m h dom mon dow [user] command", or "@word [user] command"; NAME=VALUE, too. */
static bool cron_line(const char *line, size_t len, bool with_user, struct persistence_row *ret)
{
	size_t times = len > 0 && line[0] == '@' ? 1 : 5, want = times + with_user + 1;
	struct field f[7], name, value;

	if (len > 0 && (isalpha((unsigned char)line[0]) || line[0] == '_') &&
	    fields_assignment(line, len, '=', &name, &value) && memchr(name.text, ' ', name.len) == NULL) {
		ret->name = name;
		ret->runs = value;
		return true;
	}
	if (fields_words(line, len, f, want) < want)
		return false;
	ret->schedule = (struct field){ f[0].text, (size_t)(f[times - 1].text - f[0].text) + f[times - 1].len };
	if (with_user)
		ret->user = f[times];
	ret->runs = f[want - 1];
	return true;
}

/* pam.conf(5): "type control module arguments", where control may be [...]. */
static bool pam_line(const char *line, size_t len, struct persistence_row *ret)
{
	struct field f[2];
	const char *module, *end = line + len;

	if (fields_words(line, len, f, 2) < 2)
		return false;
	ret->name = f[0];
	if (line[0] == '@') { /* @include */
		ret->runs = f[1];
		return true;
	}
	module = f[1].text;
	if (*module == '[') {
		module = memchr(module, ']', (size_t)(end - module));
		if (module == NULL)
			return false;
		module++;
	} else {
		while (module < end && *module != ' ' && *module != '\t')
			module++;
	}
	ret->runs = rest_of(line, len, module);
	return ret->runs.len > 0;
}

static const char *find(const char *line, size_t len, const char *what)
{
	return memmem(line, len, what, strlen(what));
}

/* udev(7): RUN, PROGRAM, IMPORT{program}: the keys that run something. */
static bool udev_line(const char *line, size_t len, struct persistence_row *ret)
{
	static const char *const keys[] = { "RUN", "PROGRAM", "IMPORT{program}" };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const char *at = find(line, len, keys[i]), *quote;

		if (at == NULL)
			continue;
		quote = memchr(at, '"', len - (size_t)(at - line));
		ret->name = (struct field){ at, strlen(keys[i]) };
		ret->runs = rest_of(line, len, quote != NULL ? quote : at);
		return true;
	}
	return false;
}

/* apt.conf(5): "DPkg::Post-Invoke {"cmd";};" and the like. */
static bool apt_line(const char *line, size_t len, struct persistence_row *ret)
{
	static const char *const keys[] = { "-Invoke", "Pre-Install-Pkgs", "::Run", "Proxy-Auto-Detect" };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (find(line, len, keys[i]) != NULL) {
			struct field f[2];

			if (fields_words(line, len, f, 2) > 0)
				ret->name = f[0];
			ret->runs = rest_of(line, len, line);
			return true;
		}
	return false;
}

static bool assignment(const char *line, size_t len, const char *const *names, size_t count,
		       struct persistence_row *ret)
{
	if (!fields_assignment(line, len, '=', &ret->name, &ret->runs))
		return false;
	for (size_t i = 0; i < count; i++)
		if (fields_equal(ret->name, names[i]))
			return true;
	return count == 0;
}

static bool desktop_line(const char *line, size_t len, struct persistence_row *ret)
{
	static const char *const names[] = { "Exec", "TryExec" };

	return assignment(line, len, names, ARRAY_LEN(names), ret);
}

/* systemd.service(5), .timer, .path, .socket: what runs, as whom, when. */
static bool unit_line(const char *line, size_t len, struct persistence_row *ret)
{
	static const char *const runs[] = {
		"ExecStart", "ExecStartPre", "ExecStartPost", "ExecCondition", "ExecReload",
		"ExecStop", "ExecStopPost", "Environment", "EnvironmentFile", "User", "Unit",
	};
	static const char *const when[] = {
		"OnCalendar", "OnBootSec", "OnStartupSec", "OnActiveSec", "OnUnitActiveSec",
		"OnUnitInactiveSec", "PathExists", "PathExistsGlob", "PathChanged", "PathModified",
		"DirectoryNotEmpty", "ListenStream", "ListenDatagram", "ListenFIFO",
	};

	if (assignment(line, len, runs, ARRAY_LEN(runs), ret))
		return ret->runs.len > 0;
	if (!assignment(line, len, when, ARRAY_LEN(when), ret))
		return false;
	ret->schedule = ret->runs;
	ret->runs.len = 0;
	return ret->schedule.len > 0;
}

/* sshd_config(5), ssh_config(5): what runs a command or lets in. */
static bool ssh_line(const char *line, size_t len, struct persistence_row *ret)
{
	static const char *const names[] = {
		"authorizedkeysfile", "authorizedkeyscommand", "authorizedprincipalscommand",
		"authorizedprincipalsfile", "trustedusercakeys", "forcecommand", "permitrootlogin",
		"passwordauthentication", "permitemptypasswords", "subsystem", "include", "port",
		"permituserenvironment", "permituserrc", "proxycommand", "localcommand",
		"knownhostscommand", "match", "acceptenv", "gatewayports", "usepam", "host",
	};
	struct field f[2];

	if (fields_words(line, len, f, 2) < 2)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (f[0].len == strlen(names[i]) && strncasecmp(f[0].text, names[i], f[0].len) == 0) {
			ret->name = f[0];
			ret->runs = f[1];
			return true;
		}
	return false;
}

/* authorized_keys of sshd(8): "[options] type key comment": the options, which may
 * run a command, are the name; the key is what lets in. */
static bool key_line(const char *line, size_t len, struct persistence_row *ret)
{
	static const char *const types[] = { "ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-" };
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		bool begins = i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t';

		if (line[i] == '"' && (i == 0 || line[i - 1] != '\\'))
			quoted = !quoted;
		if (quoted || !begins)
			continue;
		for (size_t k = 0; k < ARRAY_LEN(types); k++)
			if (len - i > strlen(types[k]) && memcmp(line + i, types[k], strlen(types[k])) == 0) {
				ret->name = fields_trim((struct field){ line, i });
				ret->runs = rest_of(line, len, line + i);
				return true;
			}
	}
	ret->runs = rest_of(line, len, line);
	return true;
}

bool persistence_line(enum persistence_form form, const char *line, size_t len,
		      struct persistence_row *ret)
{
	struct field f = fields_trim((struct field){ line, len });

	if (f.len == 0 || f.text[0] == '#' || (f.text[0] == ';' && form == FORM_UNIT))
		return false;
	switch (form) {
	case FORM_LINES:
		ret->runs = f;
		return true;
	case FORM_CRON: return cron_line(f.text, f.len, true, ret);
	case FORM_CRONTAB: return cron_line(f.text, f.len, false, ret);
	case FORM_PAM: return pam_line(f.text, f.len, ret);
	case FORM_UDEV: return udev_line(f.text, f.len, ret);
	case FORM_APT: return apt_line(f.text, f.len, ret);
	case FORM_DESKTOP: return desktop_line(f.text, f.len, ret);
	case FORM_SSHD: return ssh_line(f.text, f.len, ret);
	case FORM_KEYS: return key_line(f.text, f.len, ret);
	case FORM_ASSIGN: return assignment(f.text, f.len, NULL, 0, ret);
	case FORM_UNIT: return unit_line(f.text, f.len, ret);
	case FORM_FILE:
	case FORM_READ:
		break;
	}
	return false;
}
