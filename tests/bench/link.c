/*
 * link.c - a cable with delay, loss and a rate, between two network namespaces.
 *
 * usage: link PID_A PID_B DELAY_MS LOSS_PERCENT RATE_MBIT SEED
 *
 * Makes a TUN device "cable" in the namespaces of both processes and carries IP
 * packets between them: each waits for its turn on the wire, then DELAY_MS; of
 * a hundred, LOSS_PERCENT are dropped at random, each way.  What would wait
 * for more than 100 ms for its turn is dropped too, as a router would.  Prints
 * "ready", and at SIGTERM what it carried and dropped.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define PACKET_MAX 2048
#define QUEUE 65536 /* packets under way */
#define BACKLOG_NS 100000000u
#define NS 1000000000u

struct packet {
	uint64_t due_ns;
	size_t len;
	unsigned char data[PACKET_MAX];
};

struct way {
	const char *name;
	int from, to;
	uint64_t delay_ns, ns_per_kib, random, loss; /* loss: of 2^32 */
	uint64_t free_ns; /* when the wire is free again */
	struct packet *queue;
	uint32_t head, tail;
	uint64_t carried, bytes, lost, late;
};

static void die(const char *what)
{
	fprintf(stderr, "link: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS + (uint64_t)t.tv_nsec;
}

static int make_device(const char *pid)
{
	struct ifreq r = { .ifr_name = "cable" };
	char path[64];
	int ns, fd;

	(void)snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET) < 0)
		die(path);
	(void)close(ns);
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	r.ifr_flags = IFF_TUN | IFF_NO_PI;
	if (fd < 0 || ioctl(fd, TUNSETIFF, &r) < 0)
		die("/dev/net/tun");
	return fd;
}

/* xorshift64*, upper half */
static uint64_t draw(struct way *w)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return (w->random * 2685821657736338717u) >> 32;
}

static void take(struct way *w, uint64_t now)
{
	for (;;) {
		struct packet *p = &w->queue[w->tail % QUEUE];
		ssize_t n = read(w->from, p->data, sizeof(p->data));

		if (n <= 0)
			return;
		if (draw(w) < w->loss) {
			w->lost++;
			continue;
		}
		if (w->free_ns < now)
			w->free_ns = now;
		if (w->free_ns - now > BACKLOG_NS || w->tail - w->head == QUEUE - 1) {
			w->late++;
			continue;
		}
		w->free_ns += (uint64_t)n * w->ns_per_kib / 1024;
		p->due_ns = w->free_ns + w->delay_ns;
		p->len = (size_t)n;
		w->tail++;
	}
}

static void give(struct way *w, uint64_t now)
{
	for (; w->head != w->tail; w->head++) {
		struct packet *p = &w->queue[w->head % QUEUE];

		if (p->due_ns > now)
			return;
		if (write(w->to, p->data, p->len) == (ssize_t)p->len) {
			w->carried++;
			w->bytes += p->len;
		} else {
			w->late++;
		}
	}
}

static void *carry(void *arg)
{
	struct way *w = arg;

	for (;;) {
		struct pollfd p = { .fd = w->from, .events = POLLIN };
		struct timespec wait = { 1, 0 };
		uint64_t now = now_ns();

		if (w->head != w->tail) {
			uint64_t due = w->queue[w->head % QUEUE].due_ns;
			uint64_t left = due > now ? due - now : 0;

			wait = (struct timespec){ (time_t)(left / NS), (long)(left % NS) };
		}
		(void)ppoll(&p, 1, &wait, NULL);
		now = now_ns();
		take(w, now);
		give(w, now);
	}
	return NULL;
}

static void start(struct way *w, char **argv, uint64_t seed)
{
	pthread_t thread;

	w->delay_ns = (uint64_t)(atof(argv[3]) * 1e6);
	w->loss = (uint64_t)(atof(argv[4]) / 100 * 4294967296.0);
	w->ns_per_kib = (uint64_t)(1024 * 8 * 1e3 / atof(argv[5]));
	w->random = seed * 0x9e3779b97f4a7c15u + 1;
	w->queue = calloc(QUEUE, sizeof(*w->queue));
	if (w->queue == NULL || pthread_create(&thread, NULL, carry, w) != 0)
		die("no memory");
}

int main(int argc, char **argv)
{
	struct way ways[2] = { { .name = "there" }, { .name = "back" } };
	sigset_t set;
	int a, b, got;

	if (argc != 7) {
		fprintf(stderr, "usage: link PID_A PID_B DELAY_MS LOSS_PERCENT RATE_MBIT SEED\n");
		return 64;
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_TIMERSLACK, 1000);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	a = make_device(argv[1]);
	b = make_device(argv[2]);
	ways[0].from = ways[1].to = a;
	ways[0].to = ways[1].from = b;
	for (uint64_t i = 0; i < 2; i++)
		start(&ways[i], argv, strtoull(argv[6], NULL, 10) * 2 + i + 1);
	(void)puts("ready");
	(void)fflush(stdout);
	(void)sigwait(&set, &got);
	for (int i = 0; i < 2; i++)
		fprintf(stderr, "%s: %llu packets, %llu bytes; %llu lost, %llu too late\n", ways[i].name,
			(unsigned long long)ways[i].carried, (unsigned long long)ways[i].bytes,
			(unsigned long long)ways[i].lost, (unsigned long long)ways[i].late);
	return 0;
}
