/*
 * bodyfile.c - one file as a line of a body file; no I/O.
 *
 * The format has no way to quote: a name with a "|" or a line feed could forge
 * another file's line, so both are escaped.
 */
#include "bodyfile.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "parse.h"

static size_t put_name(char *out, const char *text, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	const uint8_t *p = (const uint8_t *)text;
	size_t n = 0;

	for (size_t i = 0; i < len;) {
		size_t whole = p[i] >= 0x80 ? parse_utf8(p + i, len - i) :
			       p[i] >= ' ' && p[i] != '|' && p[i] != '\\' && p[i] != 0x7f;

		/* C1 controls, too, are two bytes of UTF-8. */
		if (whole == 0 || (whole == 2 && p[i] == 0xc2 && p[i + 1] < 0xa0)) {
			out[n++] = '\\';
			out[n++] = 'x';
			out[n++] = hex[p[i] >> 4];
			out[n++] = hex[p[i] & 15];
			i++;
			continue;
		}
		memcpy(out + n, text + i, whole);
		n += whole;
		i += whole;
	}
	return n;
}

static char type_of(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR: return 'd';
	case S_IFLNK: return 'l';
	case S_IFIFO: return 'p';
	case S_IFSOCK: return 's';
	case S_IFCHR: return 'c';
	case S_IFBLK: return 'b';
	default: return 'r';
	}
}

/* "r/rrwsr-xr-x": as the directory has it, and as the inode does. */
static void put_mode(char out[13], uint32_t mode)
{
	static const char bits[] = "rwxrwxrwx";
	char type = type_of(mode);

	out[0] = out[2] = type;
	out[1] = '/';
	for (unsigned i = 0; i < 9; i++)
		out[3 + i] = (mode >> (8 - i) & 1) != 0 ? bits[i] : '-';
	if ((mode & S_ISUID) != 0)
		out[5] = out[5] == 'x' ? 's' : 'S';
	if ((mode & S_ISGID) != 0)
		out[8] = out[8] == 'x' ? 's' : 'S';
	if ((mode & S_ISVTX) != 0)
		out[11] = out[11] == 'x' ? 't' : 'T';
	out[12] = '\0';
}

size_t bodyfile_line(char *out, const char *path, size_t path_len, const char *target,
		     size_t target_len, const struct attr *a)
{
	size_t cap = BODYFILE_BYTES(path_len + target_len), n = 2;
	char mode[13];

	memcpy(out, "0|", 2);
	n += put_name(out + n, path, path_len);
	if (target_len > 0) {
		memcpy(out + n, " -> ", 4);
		n += 4;
		n += put_name(out + n, target, target_len);
	}
	put_mode(mode, a->mode);
	return n + (size_t)snprintf(out + n, cap - n, "|%" PRIu64 "|%s|%u|%u|%" PRIu64 "|%" PRId64
				    "|%" PRId64 "|%" PRId64 "|%" PRId64 "\n", a->inode, mode, a->uid,
				    a->gid, a->size, (int64_t)a->atime.tv_sec, (int64_t)a->mtime.tv_sec,
				    (int64_t)a->ctime.tv_sec, (int64_t)a->btime.tv_sec);
}
