/*
 * secrets.c - masking secrets by their names and forms.
 *
 * Bytes in, bytes out, no I/O.  Each rule looks at one place of the text and
 * says how many bytes stay and how many after them are the secret; text that
 * fits no rule stays as it is.  Nothing here finds every secret: it keeps the
 * usual ones from being copied beside what is looked for.
 */
#include "secrets.h"

#include <string.h>
#include <strings.h>

#include "scope.h"

#define NAME_MAX_BYTES 256

/* At a place of the text: ${keep} bytes, then ${secret} bytes to be masked. */
struct found {
	size_t keep, secret;
};

static bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_alnum(char c) { return is_lower(c) || is_upper(c) || is_digit(c); }
static bool is_blank(char c) { return c == ' ' || c == '\t'; }
static bool is_end(char c) { return c == '\n' || c == '\r' || c == '\0'; }
static bool is_name(char c) { return is_alnum(c) || c == '_' || c == '-' || c == '.'; }

/* Characters of the tokens and keys of most services: base64 of both kinds. */
static bool is_token(char c)
{
	return is_alnum(c) || strchr("_-+/=.~", c) != NULL;
}

static bool ends_in(const char *text, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len >= n && memcmp(text + len - n, end, n) == 0;
}

/* ${name} in small letters, its separators left out; its end, if it is long. */
static size_t squeeze(char out[NAME_MAX_BYTES], const char *name, size_t len)
{
	size_t n = 0;

	if (len >= NAME_MAX_BYTES) {
		name += len - NAME_MAX_BYTES + 1;
		len = NAME_MAX_BYTES - 1;
	}
	for (size_t i = 0; i < len; i++)
		if (is_alnum(name[i]))
			out[n++] = (char)(is_upper(name[i]) ? name[i] - 'A' + 'a' : name[i]);
	out[n] = '\0';
	return n;
}

bool secrets_in_name(const char *name, size_t len)
{
	static const char *const inside[] = {
		"secret", "password", "passwd", "passphrase", "token", "apikey", "privatekey",
		"accesskey", "accountkey", "sharedkey", "encryptionkey", "signingkey", "authkey",
		"masterkey",
	};
	static const char *const at_end[] = { "pwd", "pass" };
	/* What only says where a secret lies, whose it is, or how long it holds. */
	static const char *const harmless[] = {
		"keyid", "tokenid", "file", "path", "dir", "arn", "name", "url", "uri", "ttl",
		"type", "expiration", "expires", "endpoint", "timeout", "version", "askpass",
		"count", "size", "length", "oldpwd",
	};
	char word[NAME_MAX_BYTES];
	size_t n = squeeze(word, name, len);

	if (strcmp(word, "pwd") == 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(harmless); i++)
		if (ends_in(word, n, harmless[i]))
			return false;
	for (size_t i = 0; i < ARRAY_LEN(inside); i++)
		if (strstr(word, inside[i]) != NULL)
			return true;
	for (size_t i = 0; i < ARRAY_LEN(at_end); i++)
		if (ends_in(word, n, at_end[i]))
			return true;
	return false;
}

static bool begins(const char *text, size_t len, const char *with)
{
	size_t n = strlen(with);

	return len >= n && memcmp(text, with, n) == 0;
}

static size_t run_of(const char *text, size_t len, bool (*of)(char))
{
	size_t n = 0;

	while (n < len && text[n] != '\0' && of(text[n]))
		n++;
	return n;
}

/* A private key between its PEM lines; to the end of the text if it has none. */
static struct found find_pem(const char *text, size_t len)
{
	static const char head[] = "-----BEGIN ", tail[] = "-----END ";
	size_t i = sizeof(head) - 1;
	bool private_key = false;
	const char *end;

	if (!begins(text, len, head))
		return (struct found){ 0, 0 };
	for (; i < len && i < 80 && !is_end(text[i]) && text[i] != '-'; i++)
		private_key |= begins(text + i, len - i, "PRIVATE KEY");
	if (!private_key)
		return (struct found){ 0, 0 };
	for (; i < len && text[i] == '-'; i++)
		;
	end = memmem(text + i, len - i, tail, sizeof(tail) - 1);
	return (struct found){ i, (end != NULL ? (size_t)(end - text) : len) - i };
}

static struct found find_token(const char *text, size_t len)
{
	static const struct { const char *prefix; size_t least; } kinds[] = {
		{ "AGE-SECRET-KEY-1", 20 }, { "ghp_", 20 }, { "gho_", 20 }, { "ghu_", 20 },
		{ "ghs_", 20 }, { "ghr_", 20 }, { "github_pat_", 20 }, { "glpat-", 16 },
		{ "xoxb-", 16 }, { "xoxp-", 16 }, { "xoxa-", 16 }, { "xoxr-", 16 }, { "xoxs-", 16 },
		{ "sk_live_", 16 }, { "rk_live_", 16 }, { "AIza", 30 }, { "npm_", 30 },
		{ "dop_v1_", 30 }, { "hvs.", 20 }, { "eyJhbGciOi", 20 },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		size_t keep = strlen(kinds[i].prefix), secret;

		if (!begins(text, len, kinds[i].prefix))
			continue;
		secret = run_of(text + keep, len - keep, is_token);
		if (secret >= kinds[i].least)
			return (struct found){ keep, secret };
	}
	return (struct found){ 0, 0 };
}

static bool is_hash(char c)
{
	return is_alnum(c) || strchr("./$,=+", c) != NULL;
}

/* crypt(5): "$method$...$...$digest"; LDAP's "{SSHA}base64". */
static struct found find_hash(const char *text, size_t len)
{
	static const char *const methods[] = {
		"$1$", "$2a$", "$2b$", "$2x$", "$2y$", "$5$", "$6$", "$7$", "$y$", "$gy$",
		"$md5$", "$sha1$", "$argon2id$", "$argon2i$", "$scrypt$", "{SSHA}", "{SHA}",
		"{SSHA512}", "{SMD5}",
	};

	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		size_t keep = strlen(methods[i]), secret;

		if (!begins(text, len, methods[i]))
			continue;
		secret = run_of(text + keep, len - keep, is_hash);
		if (secret >= 20)
			return (struct found){ keep, secret };
	}
	return (struct found){ 0, 0 };
}

/* "://user:password@" */
static struct found find_url(const char *text, size_t len)
{
	size_t colon = 0, i = 3;

	if (!begins(text, len, "://"))
		return (struct found){ 0, 0 };
	for (; i < len && i < 1024 && (unsigned char)text[i] > ' '; i++) {
		if (text[i] == '/' || text[i] == '?' || text[i] == '"' || text[i] == '\'')
			break;
		if (text[i] == ':' && colon == 0)
			colon = i;
		if (text[i] == '@' && colon != 0)
			return (struct found){ colon + 1, i - colon - 1 };
	}
	return (struct found){ 0, 0 };
}

static struct found find_bearer(const char *text, size_t len)
{
	static const char *const words[] = { "bearer ", "basic " };

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t keep = strlen(words[i]), secret;

		if (len < keep || strncasecmp(text, words[i], keep) != 0)
			continue;
		secret = run_of(text + keep, len - keep, is_token);
		if (secret >= 8)
			return (struct found){ keep, secret };
	}
	return (struct found){ 0, 0 };
}

/* A value that begins at ${i}: quoted, or a word, or the rest of its line. */
static size_t value_end(const char *text, size_t len, size_t i, char quote, bool line)
{
	for (; i < len && !is_end(text[i]); i++) {
		if (quote != '\0' && text[i] == '\\' && i + 1 < len && !is_end(text[i + 1])) {
			i++;
			continue;
		}
		if (quote != '\0' ? text[i] == quote :
		    !line && (is_blank(text[i]) || strchr("&;,\"'", text[i]) != NULL))
			break;
	}
	return i;
}

/* NAME=value, "name": "value", name = value to the end of the line. */
static struct found find_assignment(const char *text, size_t len)
{
	size_t name = run_of(text, len < NAME_MAX_BYTES ? len : NAME_MAX_BYTES, is_name);
	size_t i = name;
	bool line = false;
	char quote = '\0';
	size_t end;

	if (name == 0)
		return (struct found){ 0, 0 };
	if (i < len && (text[i] == '"' || text[i] == '\''))
		i++;
	for (; i < len && is_blank(text[i]); i++)
		line = true;
	if (i == len || (text[i] != '=' && text[i] != ':') || !secrets_in_name(text, name))
		return (struct found){ 0, 0 };
	for (i++; i < len && is_blank(text[i]); i++)
		line = true;
	if (i < len && (text[i] == '"' || text[i] == '\''))
		quote = text[i++];
	end = value_end(text, len, i, quote, line);
	return (struct found){ i, end - i };
}

/* The first rule that fits at the beginning of ${text}. */
static struct found find(const char *text, size_t len, bool word_begins)
{
	struct found f = { 0, 0 };

	if (text[0] == '-')
		f = find_pem(text, len);
	else if (text[0] == ':')
		f = find_url(text, len);
	else if (text[0] == '$' || text[0] == '{')
		f = find_hash(text, len);
	else if (word_begins && is_name(text[0])) {
		f = find_token(text, len);
		if (f.secret == 0)
			f = find_bearer(text, len);
		if (f.secret == 0)
			f = find_assignment(text, len);
	}
	return f;
}

static size_t put_mask(char *out, size_t secret)
{
	size_t n = secret < sizeof(SECRETS_MASK) - 1 ? secret : sizeof(SECRETS_MASK) - 1;

	memcpy(out, SECRETS_MASK, n);
	return n;
}

size_t secrets_mask(const char *text, size_t len, char *out, size_t *ret_len)
{
	size_t count = 0, n = 0;
	bool word_begins = true;

	for (size_t i = 0; i < len;) {
		struct found f = find(text + i, len - i, word_begins);

		if (f.secret == 0) {
			word_begins = !is_name(text[i]) || text[i] == '-';
			out[n++] = text[i++];
			continue;
		}
		memmove(out + n, text + i, f.keep);
		n += f.keep;
		n += put_mask(out + n, f.secret);
		i += f.keep + f.secret;
		word_begins = true;
		count++;
	}
	*ret_len = n;
	return count;
}

size_t secrets_mask_value(const char *name, size_t name_len, const char *value,
			  size_t len, char *out, size_t *ret_len)
{
	if (len == 0 || !secrets_in_name(name, name_len))
		return secrets_mask(value, len, out, ret_len);
	*ret_len = put_mask(out, len);
	return 1;
}
