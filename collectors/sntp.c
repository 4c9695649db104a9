/*
 * sntp.c - one question to a time server.
 *
 * The stamp that we send is random and comes back in the answer, so that nobody
 * who does not see the question can answer it.  One question, no repetition: a
 * host without the server costs the wait, once.
 */
#include "sntp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "parse.h"
#include "scope.h"

#define PORT 123u
#define EPOCH_S 2208988800ll /* of NTP, before 1970 */
#define ERA_S (1ll << 32)

static int64_t real_us(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static uint32_t word_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Its seconds run over in 2036: the era is the one next to ${near_us}. */
static int64_t time_at(const uint8_t *p, int64_t near_us)
{
	int64_t s = (int64_t)word_at(p) - EPOCH_S, near_s = near_us / 1000000;

	while (s < near_s - ERA_S / 2)
		s += ERA_S;
	while (s > near_s + ERA_S / 2)
		s -= ERA_S;
	return s * 1000000 + (int64_t)(((uint64_t)word_at(p + 4) * 1000000) >> 32);
}

int sntp_parse(const uint8_t *data, size_t len, const uint8_t stamp[8], int64_t sent_us,
	       int64_t back_us, struct sntp_answer *ret)
{
	int64_t got_us, left_us;

	/* Mode 4: a server's; leap 3 or stratum 0: it has no time to give. */
	if (len < SNTP_BYTES || (data[0] & 7) != 4 || data[0] >> 6 == 3 || data[1] == 0 ||
	    data[1] > 15 || memcmp(data + 24, stamp, 8) != 0)
		return -EBADMSG;
	got_us = time_at(data + 32, back_us);
	left_us = time_at(data + 40, back_us);
	ret->offset_us = ((got_us - sent_us) + (left_us - back_us)) / 2;
	ret->delay_us = (back_us - sent_us) - (left_us - got_us);
	ret->stratum = data[1];
	memcpy(ret->reference, data + 12, sizeof(ret->reference));
	return 0;
}

static bool parse_server(const char *server, struct sockaddr_in *ret)
{
	const char *colon = strchr(server, ':');
	char address[INET_ADDRSTRLEN];
	uint64_t port = PORT;
	size_t n = colon != NULL ? (size_t)(colon - server) : strlen(server);

	if (n >= sizeof(address) ||
	    (colon != NULL && (parse_dec(colon + 1, &port) < 0 || port == 0 || port > 65535)))
		return false;
	memcpy(address, server, n);
	address[n] = '\0';
	*ret = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	return inet_pton(AF_INET, address, &ret->sin_addr) == 1;
}

/* Answers of others, or to nothing, are passed over until the time is up. */
static int await(int fd, const uint8_t stamp[8], int64_t sent_us, int wait_ms,
		 struct sntp_answer *ret)
{
	int64_t end_ms = clock_now_ms() + wait_ms, left_ms;
	uint8_t data[128];

	while ((left_ms = end_ms - clock_now_ms()) > 0) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int r = poll(&p, 1, (int)left_ms);
		ssize_t n;

		if (r < 0 && errno != EINTR)
			return -errno;
		if (r <= 0)
			continue;
		n = recv(fd, data, sizeof(data), 0);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (n > 0 && sntp_parse(data, (size_t)n, stamp, sent_us, real_us(), ret) == 0)
			return 0;
	}
	return -ETIMEDOUT;
}

int sntp_ask(const char *server, int wait_ms, struct sntp_answer *ret)
{
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint8_t question[SNTP_BYTES] = { 4 << 3 | 3 }; /* version 4, a client's */
	struct sockaddr_in to;
	int64_t sent_us;

	if (!parse_server(server, &to))
		return -EINVAL;
	if (fd < 0 || getrandom(question + 40, 8, 0) != 8 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return -errno;
	sent_us = real_us();
	if (send(fd, question, sizeof(question), 0) < 0)
		return -errno;
	return await(fd, question + 40, sent_us, wait_ms, ret);
}
