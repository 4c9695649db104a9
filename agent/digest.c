/*
 * digest.c - SHA-256 by OpenSSL.
 */
#include "digest.h"

#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "io.h"

struct digest {
	EVP_MD_CTX *ctx;
};

int digest_open(struct digest **ret)
{
	struct digest *d = malloc(sizeof(*d));

	if (d == NULL)
		return -ENOMEM;
	d->ctx = EVP_MD_CTX_new();
	if (d->ctx == NULL || EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL) != 1) {
		digest_free(d);
		return -ENOMEM;
	}
	*ret = d;
	return 0;
}

/* After a successful open none of these fails: no memory, no choice left. */
void digest_reset(struct digest *d)
{
	int ok = EVP_DigestInit_ex(d->ctx, NULL, NULL);

	assert(ok == 1);
	(void)ok;
}

void digest_add(struct digest *d, const void *data, size_t len)
{
	int ok = EVP_DigestUpdate(d->ctx, data, len);

	assert(ok == 1);
	(void)ok;
}

void digest_end(struct digest *d, uint8_t ret[DIGEST_BYTES])
{
	int ok = EVP_DigestFinal_ex(d->ctx, ret, NULL);

	assert(ok == 1);
	(void)ok;
}

void digest_free(struct digest *d)
{
	if (d == NULL)
		return;
	EVP_MD_CTX_free(d->ctx);
	free(d);
}

int digest_memory(const void *data, size_t len, uint8_t ret[DIGEST_BYTES])
{
	struct digest *d;
	int r = digest_open(&d);

	if (r < 0)
		return r;
	digest_add(d, data, len);
	digest_end(d, ret);
	digest_free(d);
	return 0;
}

int digest_md5(const void *data, size_t len, uint8_t ret[DIGEST_MD5_BYTES])
{
	return EVP_Digest(data, len, ret, NULL, EVP_md5(), NULL) == 1 ? 0 : -ENOMEM;
}

int digest_file(int fd, uint64_t max, uint8_t ret[DIGEST_BYTES], uint64_t *ret_bytes)
{
	uint64_t done = 0;
	struct digest *d;
	char chunk[32768];
	ssize_t n;
	int r = digest_open(&d);

	if (r < 0)
		return r;
	while ((n = io_read(fd, chunk, sizeof(chunk))) > 0) {
		digest_add(d, chunk, (size_t)n);
		done += (uint64_t)n;
		if (done > max)
			break;
	}
	digest_end(d, ret);
	digest_free(d);
	if (ret_bytes != NULL)
		*ret_bytes = done;
	if (n < 0)
		return (int)n;
	return done > max ? -EFBIG : 0;
}
