/*
 * kmod_index.c - the list of a module store.
 *
 * Reads JSON in memory (RFC 8259, by yyjson), which somebody has vouched for,
 * or not: nothing is believed that the kernel's name or a limit forbids.
 */
#include "kmod_index.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <yyjson.h>

#include "parse.h"

#define VERSION 1

static int refuse(char error[KMOD_INDEX_ERROR_MAX], const char *why)
{
	(void)snprintf(error, KMOD_INDEX_ERROR_MAX, "%s", why);
	return -EINVAL;
}

/* A text of printable ASCII that fits; false when it is none. */
static bool get_text(yyjson_val *object, const char *key, char *ret, size_t cap)
{
	yyjson_val *v = yyjson_obj_get(object, key);
	const char *text = yyjson_get_str(v);
	size_t len = yyjson_get_len(v);

	if (text == NULL || len == 0 || len >= cap)
		return false;
	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	memcpy(ret, text, len + 1);
	return true;
}

static bool get_sha256(yyjson_val *object, uint8_t ret[32])
{
	char hex[65], again[65];

	if (!get_text(object, "sha256", hex, sizeof(hex)) || strlen(hex) != 64)
		return false;
	for (size_t i = 0; i < 32; i++) {
		uint64_t byte;

		if (parse_u64(hex + 2 * i, 2, 16, &byte) < 0)
			return false;
		ret[i] = (uint8_t)byte;
	}
	parse_to_hex(again, ret, 32);
	return strcmp(hex, again) == 0;
}

int kmod_index_name(const char *arch, const char *release, char ret[KMOD_FILE_MAX])
{
	int n;

	for (const char *c = release; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~' || *c == '/')
			return -EINVAL;
	n = snprintf(ret, KMOD_FILE_MAX, "lime-%s-%s.ko", arch, release);
	return release[0] == '\0' || n < 0 || n >= KMOD_FILE_MAX ? -EINVAL : 0;
}

static bool is_text(yyjson_val *object, const char *key, const char *want)
{
	return yyjson_equals_str(yyjson_obj_get(object, key), want);
}

static bool read_entry(yyjson_val *v, const char *file, struct kmod_entry *ret)
{
	yyjson_val *size = yyjson_obj_get(v, "size");

	ret->size = yyjson_get_uint(size);
	return get_text(v, "file", ret->file, sizeof(ret->file)) &&
	       strcmp(ret->file, file) == 0 && yyjson_is_uint(size) && ret->size > 0 &&
	       ret->size <= KMOD_MODULE_MAX && get_sha256(v, ret->sha256) &&
	       get_text(v, "vermagic", ret->vermagic, sizeof(ret->vermagic)) &&
	       get_text(v, "lime", ret->lime, sizeof(ret->lime));
}

static int find(yyjson_val *root, const char *arch, const char *release,
		struct kmod_entry *ret, size_t *ret_count, char error[KMOD_INDEX_ERROR_MAX])
{
	yyjson_val *version = yyjson_obj_get(root, "evac_kmod");
	yyjson_val *list = yyjson_obj_get(root, "modules"), *v;
	char file[KMOD_FILE_MAX];
	size_t i, max;

	if (!yyjson_is_uint(version) || !yyjson_is_arr(list))
		return refuse(error, "it is no index of a module store");
	if (yyjson_get_uint(version) != VERSION)
		return refuse(error, "it is of another version: use a newer evac");
	if (kmod_index_name(arch, release, file) < 0)
		return refuse(error, "the kernel's release is no file name");
	*ret_count = yyjson_arr_size(list);
	yyjson_arr_foreach(list, i, max, v) {
		if (!is_text(v, "arch", arch) || !is_text(v, "release", release))
			continue;
		return read_entry(v, file, ret) ? 0 :
		       refuse(error, "what it says of this kernel's module cannot be");
	}
	(void)snprintf(error, KMOD_INDEX_ERROR_MAX, "none of its %zu modules is for %s, %s",
		       *ret_count, release, arch);
	return -ENOENT;
}

int kmod_index_find(const void *text, size_t len, const char *arch,
		    const char *release, struct kmod_entry *ret, size_t *ret_count,
		    char error[KMOD_INDEX_ERROR_MAX])
{
	yyjson_doc *doc;
	int r;

	*ret_count = 0;
	if (len > KMOD_INDEX_MAX)
		return refuse(error, "it is too long");
	/* The reader changes nothing without its flag for that. */
	doc = yyjson_read((const char *)text, len, YYJSON_READ_NOFLAG);
	if (doc == NULL)
		return refuse(error, "it is no JSON");
	r = find(yyjson_doc_get_root(doc), arch, release, ret, ret_count, error);
	yyjson_doc_free(doc);
	return r;
}
