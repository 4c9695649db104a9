/* sntp.h - one question to a time server (RFC 4330, a client's part of NTP). */
#ifndef SNTP_H
#define SNTP_H

#include <stddef.h>
#include <stdint.h>

/* Amazon Time Sync, by its link-local address. */
#define SNTP_AMAZON "169.254.169.123"

struct sntp_answer {
	int64_t offset_us;  /* the server's clock minus ours */
	int64_t delay_us;   /* there and back: the offset is right to half of it */
	unsigned stratum;
	uint8_t reference[4];
};

/*
 * Ask ${server}: an IPv4 address, or "ADDRESS:PORT".  0; -ETIMEDOUT after
 * ${wait_ms}; -EINVAL: no address; another negative errno.
 */
int sntp_ask(const char *server, int wait_ms, struct sntp_answer *ret);

#define SNTP_BYTES 48

/*
 * Read an answer of ${len} bytes to a question that was sent at ${sent_us} and
 * came back at ${back_us} (both since 1970), and whose own time was
 * ${stamp} on the wire.  0; -EBADMSG: no answer to it, or from a server that has
 * no time.
 */
int sntp_parse(const uint8_t *data, size_t len, const uint8_t stamp[8], int64_t sent_us,
	       int64_t back_us, struct sntp_answer *ret);

#endif
