/*
 * mask.c - which files hold secrets, and their text without them.
 *
 * Bytes in, bytes out, no I/O.  Names decide only about files that are secret
 * as a whole; in all others the forms of secrets are looked for.
 */
#include "mask.h"

#include <fnmatch.h>
#include <string.h>

#include "scope.h"
#include "secrets.h"

/* shadow(5): a method, "!" or "*" says how one logs in; the rest is a secret. */
#define SHADOW_KEEP "!*"

static bool any(const char *const *patterns, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (fnmatch(patterns[i], text, 0) == 0)
			return true;
	return false;
}

enum mask_kind mask_kind_of(const char *path)
{
	static const char *const names[] = {
		".netrc", "_netrc", ".pgpass", ".vault-token", "*.keytab", "*.kdbx", "*.p12",
		"*.pfx", "*.jks", "*.keystore", "krb5cc_*", ".authinfo", "*.ppk",
	};
	static const char *const paths[] = {
		"*/.docker/config.json", "*/.config/gcloud/*", "*/.azure/*", "*/.kube/config",
		"*/.gnupg/private-keys-v1.d/*", "*/.gnupg/secring.gpg", "*/.aws/sso/cache/*",
		"*/.aws/cli/cache/*", "*/.password-store/*", "*/.config/rclone/rclone.conf",
		"*/containers/auth.json",
	};
	static const char *const shadow[] = { "shadow", "shadow-", "gshadow", "gshadow-" };
	const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;

	if (any(names, ARRAY_LEN(names), name) || any(paths, ARRAY_LEN(paths), path))
		return MASK_WITHHELD;
	return any(shadow, ARRAY_LEN(shadow), name) ? MASK_SHADOW : MASK_TEXT;
}

/* One line "name:hash:..."; its new length. */
static size_t mask_shadow(char *line, size_t len, uint64_t *count)
{
	char *hash = memchr(line, ':', len), *end;
	size_t keep = 0, mark = sizeof(SECRETS_MASK) - 1;

	if (hash == NULL) { /* another form: it may be a hash by itself */
		if (len < mark)
			return len;
		memcpy(line, SECRETS_MASK, mark);
		++*count;
		return mark;
	}
	hash++;
	end = memchr(hash, ':', len - (size_t)(hash - line));
	if (end == NULL)
		end = line + len;
	while (hash < end && strchr(SHADOW_KEEP, *hash) != NULL)
		hash++;
	if (hash < end && *hash == '$') { /* the method: "$6$", "$y$" */
		const char *dollar = memchr(hash + 1, '$', (size_t)(end - hash) - 1);

		if (dollar != NULL && dollar - hash < 8)
			keep = (size_t)(dollar - hash) + 1;
	}
	hash += keep;
	if (hash >= end)
		return len;
	if (mark > (size_t)(end - hash))
		mark = (size_t)(end - hash);
	memcpy(hash, SECRETS_MASK, mark);
	memmove(hash + mark, end, len - (size_t)(end - line));
	++*count;
	return len - ((size_t)(end - hash) - mark);
}

static size_t mask_lines(char *text, size_t len, uint64_t *count)
{
	size_t put = 0;

	for (size_t at = 0; at < len;) {
		char *newline = memchr(text + at, '\n', len - at);
		size_t n = newline != NULL ? (size_t)(newline - text) - at : len - at;

		memmove(text + put, text + at, n);
		put += mask_shadow(text + put, n, count);
		at += n;
		if (newline != NULL)
			text[put++] = text[at++] = '\n';
	}
	return put;
}

size_t mask_text(enum mask_kind kind, char *text, size_t len, bool last,
		 size_t *ret_put, uint64_t *count)
{
	const char *newline = last ? NULL : memrchr(text, '\n', len);
	size_t done = newline != NULL ? (size_t)(newline - text) + 1 : len;

	*ret_put = done;
	if (kind == MASK_NONE || memchr(text, '\0', done) != NULL)
		return done;
	if (kind == MASK_SHADOW)
		*ret_put = mask_lines(text, done, count);
	*count += secrets_mask(text, *ret_put, text, ret_put);
	return done;
}
