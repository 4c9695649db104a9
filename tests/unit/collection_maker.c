/*
 * collection_maker.c - makes collections, whole or hostile, in a new directory.
 *
 * Uses libarchive itself, for the agent's writer would refuse most of this.
 */
#include "collection_maker.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agekey.h"
#include "buf.h"
#include "comment.h"
#include "digest.h"
#include "io.h"
#include "parse.h"
#include "sums.h"

#define RAW_MAX (16u << 20)

static void must(bool ok, const char *what)
{
	if (!ok) {
		perror(what);
		abort();
	}
}

static const char *path_of(const struct maker *m, const char *name)
{
	static char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", m->dir, name);
	return path;
}

void maker_write(struct maker *m, const char *name, const void *data, size_t len)
{
	int fd = open(path_of(m, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	must(fd >= 0 && io_write(fd, data, len) == 0, name);
	(void)close(fd);
}

static void write_identity(struct maker *m)
{
	uint8_t secret[AGEKEY_BYTES];
	char text[AGEKEY_IDENTITY_TEXT];
	int fd = open(m->identity, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	randombytes_buf(secret, sizeof(secret));
	agekey_public(secret, m->to.key[0]);
	m->to.count = 1;
	agekey_identity_text(secret, text);
	must(fd >= 0 && io_write(fd, text, strlen(text)) == 0, m->identity);
	(void)close(fd);
}

void maker_open(struct maker *m)
{
	char text[MINISIGN_PUBLIC_FILE_MAX];

	memset(m, 0, sizeof(*m));
	m->id = MAKER_ID;
	memcpy(m->base, "/tmp/evac-test-XXXXXX", sizeof("/tmp/evac-test-XXXXXX"));
	must(sodium_init() >= 0 && mkdtemp(m->base) != NULL, "mkdtemp");
	(void)snprintf(m->dir, sizeof(m->dir), "%s/c", m->base);
	(void)snprintf(m->identity, sizeof(m->identity), "%s/identity", m->base);
	(void)snprintf(m->out, sizeof(m->out), "%s/out", m->base);
	must(mkdir(m->dir, 0755) == 0, m->dir);
	write_identity(m);
	minisign_keygen(&m->key);
	minisign_public_text(&m->key.public, m->signer);
	minisign_public_file(&m->key.public, text);
	maker_write(m, "evac.pub", text, strlen(text));
}

void maker_close(struct maker *m)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -rf %s", m->base);
	must(system(command) == 0, command);
}

static void *load(struct maker *m, const char *name, size_t *len)
{
	void *data;

	must(io_load(AT_FDCWD, path_of(m, name), 64u << 20, &data, len) == 0, name);
	return data;
}

void maker_sign(struct maker *m, const char *name, long segment)
{
	struct comment c = { .is_segment = segment >= 0, .segment = (unsigned)segment,
			     .utc = 1795512600 };
	char text[COMMENT_TEXT_MAX], sig[MINISIGN_FILE_MAX], sig_name[300];
	size_t len;
	void *data = load(m, name, &len);

	if (segment < 0)
		c.segment = 0;
	(void)snprintf(c.name, sizeof(c.name), "%s", name);
	(void)snprintf(c.collection, sizeof(c.collection), "%s", m->id);
	c.size = len;
	must(comment_build(&c, text) == 0 &&
	     minisign_sign(&m->key, data, len, text, sig, sizeof(sig)) == 0, "sign");
	(void)snprintf(sig_name, sizeof(sig_name), "%s.minisig", name);
	maker_write(m, sig_name, sig, strlen(sig));
	free(data);
}

static void set_kind(struct archive_entry *ae, const struct maker_entry *e)
{
	switch (e->type) {
	case 'l':
		archive_entry_set_filetype(ae, AE_IFLNK);
		archive_entry_set_symlink(ae, e->target);
		break;
	case 'h':
		archive_entry_set_filetype(ae, AE_IFREG);
		archive_entry_set_hardlink(ae, e->target);
		break;
	case 'd':
		archive_entry_set_filetype(ae, AE_IFDIR);
		break;
	case 'p':
		archive_entry_set_filetype(ae, AE_IFIFO);
		break;
	case 'c':
		archive_entry_set_filetype(ae, AE_IFCHR);
		archive_entry_set_rdevmajor(ae, 1);
		archive_entry_set_rdevminor(ae, 5);
		break;
	default:
		archive_entry_set_filetype(ae, AE_IFREG);
		break;
	}
}

/* One entry; its line goes into ${sums} if it is a file. */
static void put_entry(struct archive *tar, struct sums *sums, const struct maker_entry *e)
{
	struct archive_entry *ae = archive_entry_new();
	size_t len = e->data != NULL ? strlen(e->data) : (size_t)e->size;
	char *data = calloc(1, len + 1);
	uint8_t sum[DIGEST_BYTES];

	must(ae != NULL && data != NULL, "memory");
	if (e->data != NULL)
		memcpy(data, e->data, len);
	archive_entry_set_pathname(ae, e->path);
	archive_entry_set_perm(ae, 04777);
	archive_entry_set_mtime(ae, 1600000000, 123456789);
	set_kind(ae, e);
	archive_entry_set_size(ae, e->type == 0 ? (la_int64_t)len : 0);
	must(archive_write_header(tar, ae) >= ARCHIVE_WARN, e->path);
	if (e->type == 0) {
		must(len == 0 || archive_write_data(tar, data, len) == (la_ssize_t)len,
		     e->path);
		must(digest_memory(data, len, sum) == 0 &&
		     (strcmp(e->path, "SHA256SUMS") == 0 ||
		      sums_add(sums, sum, e->path) == 0), "sums");
	}
	archive_entry_free(ae);
	free(data);
}

static size_t make_tar(struct maker *m, void *raw, const struct maker_entry *entries,
		       size_t count)
{
	struct archive *tar = archive_write_new();
	struct sums sums;
	size_t used;

	must(tar != NULL && sums_open(&sums) == 0 &&
	     archive_write_set_format_pax_restricted(tar) == ARCHIVE_OK &&
	     archive_write_set_options(tar, "hdrcharset=BINARY") == ARCHIVE_OK &&
	     archive_write_add_filter_zstd(tar) == ARCHIVE_OK &&
	     archive_write_open_memory(tar, raw, RAW_MAX, &used) == ARCHIVE_OK, "tar");
	for (size_t i = 0; i < count; i++)
		put_entry(tar, &sums, &entries[i]);
	if (m->bad_sums)
		sums.text[0] = sums.text[0] == '0' ? '1' : '0';
	if (!m->no_sums) {
		char *text = strndup(sums.text, sums.len);
		struct maker_entry list = { .path = "SHA256SUMS", .data = text };

		must(text != NULL, "memory");
		put_entry(tar, &sums, &list);
		free(text);
	}
	must(archive_write_close(tar) == ARCHIVE_OK, "tar");
	(void)archive_write_free(tar);
	sums_close(&sums);
	return used;
}

static void add_record(struct maker *m, const char *group, const char *name,
		       const struct buf *sealed, size_t count, uint64_t bytes)
{
	size_t at = strlen(m->segments);
	uint8_t sum[DIGEST_BYTES];
	char hex[DIGEST_HEX];

	must(digest_memory(sealed->data, sealed->len, sum) == 0, "digest");
	parse_to_hex(hex, sum, sizeof(sum));
	(void)snprintf(m->segments + at, sizeof(m->segments) - at,
		       "%s{\"number\":%u,\"group\":\"%s\",\"name\":\"%s\",\"size\":%zu,"
		       "\"sha256\":\"%s\",\"entries\":%zu,\"entry_bytes\":%llu}",
		       at == 0 ? "" : ",", m->next, group, name, sealed->len, hex, count,
		       (unsigned long long)(m->claim != 0 ? m->claim : bytes));
}

void maker_segment(struct maker *m, const char *group, const struct maker_entry *entries,
		   size_t count)
{
	void *raw = malloc(RAW_MAX);
	struct seal *s = malloc(sizeof(*s));
	struct buf sealed;
	uint64_t bytes = 0;
	char name[64];
	size_t len;

	must(raw != NULL && s != NULL, "memory");
	len = make_tar(m, raw, entries, count);
	for (size_t i = 0; i < count; i++)
		bytes += entries[i].data != NULL ? strlen(entries[i].data) :
						   (uint64_t)entries[i].size;
	must(buf_open(&sealed, seal_bound(len)) == 0 && seal_begin(s, &m->to, &sealed) == 0 &&
	     seal_write(s, raw, len) == 0 && seal_end(s) == 0, "seal");
	(void)snprintf(name, sizeof(name), "%04u-%s.tar.zst.age", m->next, group);
	maker_write(m, name, sealed.data, sealed.len);
	maker_sign(m, name, (long)m->next);
	add_record(m, group, name, &sealed, count, bytes);
	m->next++;
	m->claim = 0;
	m->bad_sums = m->no_sums = false;
	buf_free(&sealed);
	free(s);
	free(raw);
}

void maker_lose(struct maker *m, const char *group)
{
	size_t at = strlen(m->lost);

	(void)snprintf(m->lost + at, sizeof(m->lost) - at, "%s{\"number\":%u,\"name\":"
		       "\"%04u-%s.tar.zst.age\",\"why\":\"network gone\"}",
		       at == 0 ? "" : ",", m->next, m->next, group);
	m->next++;
}

void maker_manifest(struct maker *m, unsigned version)
{
	static char text[131072];
	int n = snprintf(text, sizeof(text), "{\"evac_manifest\":%u,\"collection\":\"%s\","
			 "\"case\":\"C-1\",\"host\":\"h\",\"path\":\"C-1/h/%s\","
			 "\"public_key\":\"%s\",\"complete\":%s,\"unknown\":[1,{}],"
			 "\"segments\":[%s],\"lost\":[%s]}\n", version, MAKER_ID, MAKER_ID,
			 m->signer, m->lost[0] ? "false" : "true", m->segments, m->lost);

	maker_write(m, "manifest.json", text, (size_t)n);
	maker_sign(m, "manifest.json", -1);
}

void maker_flip(struct maker *m, const char *name, long at, unsigned bit)
{
	size_t len;
	uint8_t *data = load(m, name, &len);

	data[at < 0 ? (long)len + at : at] ^= (uint8_t)(1u << bit);
	maker_write(m, name, data, len);
	free(data);
}

void maker_remove(struct maker *m, const char *name)
{
	must(unlink(path_of(m, name)) == 0, name);
}

void maker_rename(struct maker *m, const char *from, const char *to)
{
	char old[512];

	(void)snprintf(old, sizeof(old), "%s", path_of(m, from));
	must(rename(old, path_of(m, to)) == 0, from);
}

long maker_size(struct maker *m, const char *name)
{
	struct stat st;

	must(stat(path_of(m, name), &st) == 0, name);
	return (long)st.st_size;
}

int maker_run(int (*run)(int argc, char **argv), char *output, size_t cap, ...)
{
	char words[16][128], *argv[17];
	FILE *file = tmpfile();
	int saved[2], argc = 1, status;
	const char *word;
	size_t n;
	va_list ap;

	must(file != NULL, "tmpfile");
	(void)snprintf(words[0], sizeof(words[0]), "verb");
	va_start(ap, cap);
	while ((word = va_arg(ap, const char *)) != NULL)
		(void)snprintf(words[argc++], sizeof(words[0]), "%s", word);
	va_end(ap);
	for (int i = 0; i < argc; i++)
		argv[i] = words[i];
	argv[argc] = NULL;
	for (int fd = 1; fd <= 2; fd++) {
		(void)fflush(stdout);
		saved[fd - 1] = dup(fd);
		must(dup2(fileno(file), fd) == fd, "dup2");
	}
	status = run(argc, argv);
	(void)fflush(stdout);
	for (int fd = 1; fd <= 2; fd++) {
		must(dup2(saved[fd - 1], fd) == fd, "dup2");
		(void)close(saved[fd - 1]);
	}
	rewind(file);
	n = fread(output, 1, cap - 1, file);
	output[n] = '\0';
	(void)fclose(file);
	return status;
}

const char *maker_result(struct maker *m, const char *path)
{
	static char text[65536];
	char full[512];
	void *data;
	size_t len;

	(void)snprintf(full, sizeof(full), "%s/%s", m->out, path);
	if (io_load(AT_FDCWD, full, sizeof(text) - 1, &data, &len) < 0)
		return NULL;
	memcpy(text, data, len + 1);
	free(data);
	return text;
}
