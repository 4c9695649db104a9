/*
 * notable.c - why a file stands out; no I/O.
 *
 * These are no verdicts: a host has setuid programs of its own.  They are the
 * few files of a million that are worth a look.
 */
#include "notable.h"

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "scope.h"

#define RECENT_S (7 * 86400)

static bool below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && path[n] == '/';
}

static bool is_temporary(const char *path)
{
	static const char *const places[] = { "/tmp", "/var/tmp", "/dev/shm", "/run/shm", "/run/lock", "/run/user" };

	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (below(path, places[i]))
			return true;
	return false;
}

/* A leading dot or blank, or nothing that a terminal shows. */
static bool is_hidden(const char *path)
{
	static const char *const known[] = {
		"/tmp/.X11-unix", "/tmp/.ICE-unix", "/tmp/.XIM-unix", "/tmp/.font-unix", "/tmp/.Test-unix",
	};
	const char *name = strrchr(path, '/');

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(path, known[i]) == 0)
			return false;
	if (name == NULL)
		return false;
	for (const char *c = ++name; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return true;
	return name[0] == '.' || name[0] == ' ' || (name[0] != '\0' && name[strlen(name) - 1] == ' ');
}

static unsigned bit(enum notable n, bool set)
{
	return set ? 1u << n : 0;
}

unsigned notable_reasons(const char *path, const struct attr *a, int64_t now_s)
{
	bool regular = S_ISREG(a->mode), executable = regular && (a->mode & 0111) != 0;
	int64_t changed = a->ctime.tv_sec > a->mtime.tv_sec ? a->ctime.tv_sec : a->mtime.tv_sec;
	unsigned why = 0;

	why |= bit(NOTABLE_SETUID, regular && (a->mode & S_ISUID) != 0);
	why |= bit(NOTABLE_SETGID, executable && (a->mode & S_ISGID) != 0);
	why |= bit(NOTABLE_IMMUTABLE, (a->flags & ATTR_IMMUTABLE) != 0);
	why |= bit(NOTABLE_APPEND, (a->flags & ATTR_APPEND) != 0);
	why |= bit(NOTABLE_WRITABLE, executable && (a->mode & S_IWOTH) != 0);
	why |= bit(NOTABLE_TEMPORARY, executable && is_temporary(path));
	why |= bit(NOTABLE_RECENT, executable && changed > now_s - RECENT_S);
	why |= bit(NOTABLE_HIDDEN, S_ISDIR(a->mode) && is_temporary(path) && is_hidden(path));
	why |= bit(NOTABLE_DEVICE, (S_ISCHR(a->mode) || S_ISBLK(a->mode)) && !below(path, "/dev") &&
				   a->device_of != 0); /* 0:0 is a whiteout of overlayfs */
	return why;
}
