/*
 * audit.c - checking a collection, object by object.
 *
 * Reads a directory that anybody may have changed.  Nothing of an object is
 * used before its signature is verified, and what was verified is what the
 * caller gets: an object is read once.  A finding names the object that is at
 * fault, so a signature file that was changed is told from a changed object.
 */
#include "audit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collection.h"
#include "digest.h"
#include "finding.h"
#include "manifest_read.h"
#include "quote.h"
#include "scope.h"

#define SIGNATURE_NAME_MAX 320
#define SMALL_MAX 65536u

static void signature_name(const char *name, char ret[SIGNATURE_NAME_MAX])
{
	(void)snprintf(ret, SIGNATURE_NAME_MAX, "%s.minisig", name);
}

/* Load the signature of ${name}.  0, or -EBADMSG after a finding. */
static int load_signature(struct audit *a, const char *name,
			  struct minisign_signature *ret)
{
	char error[MINISIGN_ERROR_MAX], again[MINISIGN_FILE_MAX];
	char sig_name[SIGNATURE_NAME_MAX];
	AUTO_FREE void *text = NULL;
	size_t len;
	int r;

	signature_name(name, sig_name);
	r = collection_load(a->collection, sig_name, MINISIGN_FILE_MAX, &text, &len);
	if (r == -ENOENT)
		finding_problem(a->findings, sig_name, "missing: %s is not proven", name);
	else if (r < 0)
		finding_problem(a->findings, sig_name, "cannot be read: %s", strerror(-r));
	else if (minisign_parse_signature(text, len, ret, error) < 0)
		finding_problem(a->findings, sig_name, "%s", error);
	/* The first line is not signed, but it has one form only. */
	else if (minisign_signature_text(ret, again, sizeof(again)) < 0 ||
		 strlen(again) != len || memcmp(again, text, len) != 0)
		finding_problem(a->findings, sig_name, "its untrusted comment was changed");
	else
		return 0;
	return -EBADMSG;
}

/* Is the trusted comment that of ${name}?  0 or -EBADMSG after a finding. */
static int check_comment(struct audit *a, const char *name,
			 const struct collection_object *segment, size_t len,
			 const struct minisign_signature *sig)
{
	char quoted[COMMENT_WORD_MAX];
	struct comment c;

	if (comment_parse(sig->comment, &c) < 0) {
		finding_problem(a->findings, name, "signed, but not as an object of evac");
		return -EBADMSG;
	}
	(void)quote_text(quoted, sizeof(quoted), c.name);
	if (strcmp(c.name, name) != 0)
		finding_problem(a->findings, name, "it is %s, renamed", quoted);
	else if (c.size != len || c.is_segment != (segment != NULL) ||
		 (segment != NULL && c.segment != segment->number))
		finding_problem(a->findings, name, "signed with another number or size");
	else if (a->id[0] != '\0' && strcmp(a->id, c.collection) != 0)
		finding_problem(a->findings, name, "it is from another collection: %s",
				quote_text(quoted, sizeof(quoted), c.collection));
	else
		return 0;
	return -EBADMSG;
}

/* Signature and trusted comment of an object.  0 or -EBADMSG after a finding. */
static int check_signature(struct audit *a, const char *name,
			   const struct collection_object *segment, const void *data,
			   size_t len)
{
	char error[MINISIGN_ERROR_MAX], sig_name[SIGNATURE_NAME_MAX];
	struct minisign_signature sig;
	struct comment c;
	int r;

	if (load_signature(a, name, &sig) < 0)
		return -EBADMSG;
	r = minisign_verify(&a->key, &sig, data, len, error);
	if (r < 0) {
		signature_name(name, sig_name);
		finding_problem(a->findings, r == -EBADMSG ? name : sig_name, "%s", error);
		return -EBADMSG;
	}
	r = check_comment(a, name, segment, len, &sig);
	if (r == 0 && a->id[0] == '\0' && comment_parse(sig.comment, &c) == 0)
		memcpy(a->id, c.collection, sizeof(a->id));
	return r;
}

const struct manifest_read_segment *audit_record(const struct audit *a,
						 const char *name)
{
	unsigned number;
	char group[COLLECTION_GROUP_MAX];
	size_t low = 0, high = a->manifest == NULL ? 0 : a->manifest->segment_count;

	if (collection_parse_name(name, &number, group) < 0)
		return NULL;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct manifest_read_segment *s = &a->manifest->segments[middle];

		if (s->number == number)
			return strcmp(s->name, name) == 0 ? s : NULL;
		if (s->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Does the segment agree with the manifest?  0 or -EBADMSG after a finding. */
static int check_record(struct audit *a, const char *name, const void *data, size_t len)
{
	const struct manifest_read_segment *s = audit_record(a, name);
	uint8_t sha256[DIGEST_BYTES];

	if (a->manifest == NULL)
		return 0;
	if (s == NULL && audit_is_lost(a, name)) {
		/* The server had it when the network died; its answer did not come back. */
		finding_note(a->findings, name, "the manifest says it was lost, but it arrived");
		return 0;
	}
	if (s == NULL)
		finding_problem(a->findings, name, "it is not in the manifest");
	else if (s->size != len)
		finding_problem(a->findings, name, "it has %zu bytes, and %" PRIu64
				" by the manifest", len, s->size);
	else if (digest_memory(data, len, sha256) < 0)
		finding_problem(a->findings, name, "no memory to check it");
	else if (memcmp(sha256, s->sha256, sizeof(sha256)) != 0)
		finding_problem(a->findings, name, "its SHA-256 is not the manifest's");
	else
		return 0;
	return -EBADMSG;
}

int audit_object(struct audit *a, const char *name)
{
	void *data;
	size_t len;
	int r = collection_load(a->collection, name, SMALL_MAX, &data, &len);

	if (r < 0) {
		finding_problem(a->findings, name, "cannot be read: %s", strerror(-r));
		return -EBADMSG;
	}
	r = check_signature(a, name, NULL, data, len);
	free(data);
	return r;
}

int audit_segment(struct audit *a, const struct collection_object *o, void **ret,
		  size_t *len)
{
	void *data;
	int r;

	if (!o->present)
		return -ENOENT;
	r = collection_load(a->collection, o->name, COLLECTION_OBJECT_MAX, &data, len);
	if (r < 0) {
		finding_problem(a->findings, o->name, "cannot be read: %s", strerror(-r));
		a->failed++;
		return -EBADMSG;
	}
	r = check_signature(a, o->name, o, data, *len);
	if (r == 0)
		r = check_record(a, o->name, data, *len);
	if (r < 0) {
		a->failed++;
		free(data);
		return r;
	}
	a->genuine++;
	a->genuine_bytes += *len;
	if (o->number > a->highest)
		a->highest = o->number;
	*ret = data;
	return 0;
}

/* Read evac.pub.  0, or -ENOKEY after a finding. */
static int load_own_key(struct audit *a, struct minisign_public *ret)
{
	char error[MINISIGN_ERROR_MAX];
	AUTO_FREE void *text = NULL;
	size_t len;
	int r = collection_load(a->collection, COLLECTION_PUBLIC, 4096, &text, &len);

	if (r < 0) {
		finding_problem(a->findings, COLLECTION_PUBLIC, "%s",
				r == -ENOENT ? "missing" : strerror(-r));
		return -ENOKEY;
	}
	if (minisign_parse_public(text, len, ret, error) < 0) {
		finding_problem(a->findings, COLLECTION_PUBLIC, "%s", error);
		return -ENOKEY;
	}
	if (!minisign_is_public_file(ret, text, len)) {
		finding_problem(a->findings, COLLECTION_PUBLIC,
				"it was changed: it is not as evac wrote it");
		return -ENOKEY;
	}
	return 0;
}

/* Did ${key} sign the manifest?  No findings. */
static bool signed_manifest(const struct audit *a, const struct minisign_public *key,
			    const void *data, size_t len)
{
	char error[MINISIGN_ERROR_MAX];
	struct minisign_signature sig;
	AUTO_FREE void *text = NULL;
	size_t text_len;

	return collection_load(a->collection, COLLECTION_MANIFEST ".minisig",
			       MINISIGN_FILE_MAX, &text, &text_len) == 0 &&
	       minisign_parse_signature(text, text_len, &sig, error) == 0 &&
	       minisign_verify(key, &sig, data, len, error) == 0;
}

/*
 * Which key to check by.  Where none was given and evac.pub cannot be right,
 * the one that the manifest names, if it did sign the manifest: then evac.pub
 * is the one object that is at fault.
 */
static int choose_key(struct audit *a, const struct minisign_public *signer,
		      const void *manifest, size_t len)
{
	struct minisign_public own, named;
	char text[MINISIGN_PUBLIC_TEXT], error[MINISIGN_ERROR_MAX];
	int r = load_own_key(a, &own);

	if (signer != NULL) {
		a->key = *signer;
		a->key_given = true;
		if (r == 0 && memcmp(&own, signer, sizeof(own)) != 0)
			finding_problem(a->findings, COLLECTION_PUBLIC,
					"it is not the signer's key");
		return 0;
	}
	if (r == 0)
		a->key = own;
	if ((r == 0 && (manifest == NULL || signed_manifest(a, &own, manifest, len))) ||
	    manifest == NULL)
		return r;
	if (manifest_read_public_key(manifest, len, text, sizeof(text)) < 0 ||
	    minisign_parse_public(text, strlen(text), &named, error) < 0 ||
	    !signed_manifest(a, &named, manifest, len))
		return r;
	if (r == 0)
		finding_problem(a->findings, COLLECTION_PUBLIC,
				"it is not the key that signed the manifest");
	a->key = named;
	return 0;
}

/* Verify and read the manifest.  0, or -EPROTONOSUPPORT. */
static int check_manifest(struct audit *a, const void *data, size_t len)
{
	char error[MANIFEST_READ_ERROR], text[MINISIGN_PUBLIC_TEXT];
	struct manifest_view *m;
	int r;

	if (check_signature(a, COLLECTION_MANIFEST, NULL, data, len) < 0)
		return 0;
	r = manifest_read(data, len, &m, error);
	if (r < 0) {
		finding_problem(a->findings, COLLECTION_MANIFEST, "%s", error);
		return r == -EPROTONOSUPPORT ? r : 0;
	}
	minisign_public_text(&a->key, text);
	if (strcmp(m->public_key, text) != 0 || strcmp(m->collection, a->id) != 0) {
		finding_problem(a->findings, COLLECTION_MANIFEST,
				"its key or collection is not that of its signature");
		manifest_read_free(m);
		return 0;
	}
	a->manifest = m;
	return 0;
}

int audit_open(struct audit *a, const struct collection *c,
	       const struct minisign_public *signer, struct findings *f)
{
	AUTO_FREE void *data = NULL;
	size_t len = 0;
	int r = -ENOENT;

	memset(a, 0, sizeof(*a));
	a->collection = c;
	a->findings = f;
	a->cut = !c->manifest.present;
	if (c->manifest.present) {
		r = collection_load(c, COLLECTION_MANIFEST, MANIFEST_READ_MAX, &data, &len);
		if (r < 0)
			finding_problem(f, COLLECTION_MANIFEST, "cannot be read: %s",
					strerror(-r));
	}
	if (choose_key(a, signer, data, len) < 0) {
		finding_note(f, COLLECTION_PUBLIC,
			     "without a public key nothing can be checked: give --signer");
		return -ENOKEY;
	}
	return data == NULL ? 0 : check_manifest(a, data, len);
}

void audit_close(struct audit *a)
{
	manifest_read_free(a->manifest);
	a->manifest = NULL;
}

enum audit_status audit_status(const struct audit *a)
{
	if (a->findings->problems > 0)
		return AUDIT_WRONG;
	return a->cut ? AUDIT_CUT : AUDIT_GENUINE;
}

const char *audit_verdict(enum audit_status status)
{
	return status == AUDIT_GENUINE ? "genuine" :
	       status == AUDIT_CUT ? "cut short" : "wrong";
}
