/* imds.h - the credentials of the instance's role, by the instance metadata service, version 2. */
#ifndef IMDS_H
#define IMDS_H

#include <stddef.h>

#include "credentials.h"

#define IMDS_ENDPOINT "http://169.254.169.254"

struct buf;
struct imds;

/*
 * ${endpoint}: NULL for Amazon's, else "http://HOST[:PORT]" with that address
 * or one of this host's own.  Nothing is sent yet.  0, or a negative errno and
 * ${error}.
 */
int imds_open(struct imds **ret, const char *endpoint, char error[CREDENTIALS_ERROR_MAX]);

void imds_close(struct imds *i); /* NULL is fine */

/*
 * Ask for the role's credentials; each of the three requests has two seconds.
 * 0; -ENOENT and ${error}, one line that says what to look at.  One thread at
 * a time.
 */
int imds_credentials(struct imds *i, struct credentials **ret,
		     char error[CREDENTIALS_ERROR_MAX]);

#define IMDS_WHY_MAX 192

/*
 * Ask for ${path} below "/latest/" and append the answer to ${ret}, in a second
 * at most.  0; -ENOENT: there is no such thing; -EPERM: it would be credentials,
 * and is not asked for; another negative errno and ${why}, one line.  When the
 * service did not answer once, it is not asked again.  One thread at a time.
 */
int imds_get(struct imds *i, const char *path, struct buf *ret, char why[IMDS_WHY_MAX]);

/*
 * Read a role's credentials: JSON with Code, AccessKeyId, SecretAccessKey,
 * Token and Expiration (EC2 User Guide, "Retrieve security credentials from
 * instance metadata").  ${text} is wiped.  0, -EBADMSG or -ENOMEM.
 */
int imds_parse(char *text, size_t len, struct credentials **ret);

#endif
