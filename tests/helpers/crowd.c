/*
 * crowd.c - many processes and many sockets in a network namespace of their own, for measurements.
 *
 * usage: crowd PROCESSES SOCKETS     says "ready"; ends with standard input, or by itself after ten minutes
 *
 * The sockets are spread over the processes: half TCP listeners, the rest UDP and unix ones.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(int result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(1);
	}
}

/* Addresses of 127/8 differ, so that ports do not run out. */
static void make_socket(unsigned i, unsigned process)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(0x7f000001u + process) };
	int fd;

	if (i % 4 == 3) {
		must(socket(AF_UNIX, SOCK_DGRAM, 0), "unix socket");
		return;
	}
	fd = socket(AF_INET, i % 2 == 0 ? SOCK_STREAM : SOCK_DGRAM, 0);
	must(fd, "socket");
	must(bind(fd, (struct sockaddr *)&a, sizeof(a)), "bind");
	if (i % 2 == 0)
		must(listen(fd, 1), "listen");
}

static void make_process(unsigned process, unsigned sockets, int ready)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned i = 0; i < sockets; i++)
		make_socket(i, process);
	must((int)write(ready, "r", 1), "write");
	close(ready);
	for (;;)
		pause();
}

static unsigned number(const char *text)
{
	return (unsigned)strtoul(text, NULL, 10);
}

int main(int argc, char **argv)
{
	struct rlimit files = { 4096, 4096 };
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	unsigned processes = argc == 3 ? number(argv[1]) : 0, sockets;
	int fd, ready[2];
	char c;

	if (processes == 0) {
		fprintf(stderr, "usage: crowd PROCESSES SOCKETS\n");
		return 64;
	}
	sockets = number(argv[2]) / processes;
	must(setrlimit(RLIMIT_NOFILE, &files), "files");
	must(unshare(CLONE_NEWNET), "network namespace");
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	must(ioctl(fd, SIOCSIFFLAGS, &lo), "loopback");
	close(fd);
	must(pipe(ready), "pipe");
	alarm(600);
	for (unsigned i = 0; i < processes; i++) {
		pid_t pid = fork();

		must(pid, "fork");
		if (pid == 0)
			make_process(i, sockets, ready[1]);
		if (read(ready[0], &c, 1) != 1)
			return 1;
	}
	printf("ready\n");
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
	return 0; /* the children go with it */
}
