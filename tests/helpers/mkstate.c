/*
 * mkstate.c - makes processes and sockets in known states, for tests to find.
 *
 * usage: mkstate [-d DIR] [-m MARKER] [-p ADDRESS:PORT] [-f ADDRESS] KIND...
 *
 * Writes one line of JSON for each thing that it has planted, then one of kind
 * "ready"; holds everything until SIGTERM or the end of standard input, then
 * takes it all away.  A thing that cannot be planted is a line of kind
 * "failed", and the exit status is 1.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MARKER_SIZE (4U << 20)
#define CHILDREN 32

static const char *dir = "/tmp";
static const char *marker = "EVAC-MARKER";
static const char *peer = "127.0.0.1:0";
static const char *from;
static int out; /* where a child says what it has planted */

static void die(const char *what)
{
	dprintf(out, "{\"kind\":\"failed\",\"what\":\"%s\",\"error\":\"%s\"}\n",
		what, strerror(errno));
	_exit(1);
}

static int must(int result, const char *what)
{
	if (result < 0)
		die(what);
	return result;
}

__attribute__((format(printf, 2, 3))) static void
say(const char *kind, const char *format, ...)
{
	va_list list;

	dprintf(out, "{\"kind\":\"%s\",\"pid\":%d", kind, (int)getpid());
	va_start(list, format);
	vdprintf(out, format, list);
	va_end(list);
	dprintf(out, "}\n");
}

static unsigned long inode(int fd)
{
	struct stat st;

	must(fstat(fd, &st), "fstat");
	return (unsigned long)st.st_ino;
}

static unsigned long net_namespace(void)
{
	struct stat st;

	must(stat("/proc/self/ns/net", &st), "stat of the network namespace");
	return (unsigned long)st.st_ino;
}

/* An address as text, and its port; 0.0.0.0:0 where there is none. */
static unsigned address(int fd, int which, char *text)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);
	int rc = which ? getpeername(fd, (void *)&ss, &len)
		       : getsockname(fd, (void *)&ss, &len);

	if (ss.ss_family == AF_INET6) {
		struct sockaddr_in6 *a = (void *)&ss;

		inet_ntop(AF_INET6, &a->sin6_addr, text, INET6_ADDRSTRLEN);
		return ntohs(a->sin6_port);
	}
	struct sockaddr_in *a = (void *)&ss;

	if (rc)
		memset(&ss, 0, sizeof(ss));
	inet_ntop(AF_INET, &a->sin_addr, text, INET6_ADDRSTRLEN);
	return ntohs(a->sin_port);
}

static void say_socket(const char *kind, int fd)
{
	char local[INET6_ADDRSTRLEN], remote[INET6_ADDRSTRLEN];
	unsigned lport = address(fd, 0, local);
	unsigned rport = address(fd, 1, remote);

	say(kind,
	    ",\"fd\":%d,\"socket\":%lu,\"net_namespace\":%lu,"
	    "\"local_address\":\"%s\",\"local_port\":%u,"
	    "\"remote_address\":\"%s\",\"remote_port\":%u",
	    fd, inode(fd), net_namespace(), local, lport, remote, rport);
}

/* ---- memory and files */

static void fill_marker(void)
{
	char *mem = mmap(NULL, MARKER_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		die("mmap");
	/* Each page has its own number, so that none can stand for another. */
	for (size_t at = 0; at < MARKER_SIZE; at += 64)
		snprintf(mem + at, 64, "%s-%08zx-%d", marker, at / 64,
			 (int)getpid());
	say("marker", ",\"marker\":\"%s\",\"bytes\":%u,\"address\":\"%p\"",
	    marker, MARKER_SIZE, (void *)mem);
}

/* Memory that may be run and that no file has, as injected code is. */
static void plant_anonymous(void)
{
	char *mem = mmap(NULL, 65536, PROT_READ | PROT_WRITE | PROT_EXEC,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		die("mmap");
	snprintf(mem + 8192, 64, "%s-CODE", marker);
	say("anonymous", ",\"address\":\"%p\"", (void *)mem);
}

/* Copy this program's file to ${to}. */
static void copy_self(int to)
{
	int self = must(open("/proc/self/exe", O_RDONLY | O_CLOEXEC), "open");
	char buf[65536];
	ssize_t n;

	while ((n = read(self, buf, sizeof(buf))) > 0)
		if (write(to, buf, (size_t)n) != n)
			die("write of the program");
	must((int)n, "read of the program");
	close(self);
}

/* The new program goes on with ${kind}, and with the options of this one. */
static void start_again(int fd, const char *name, const char *kind)
{
	char number[16];
	char *argv[] = {(char *)name, "-o", number, "-m", (char *)marker, "-p",
			(char *)peer, "-f", (char *)(from ? from : ""),
			(char *)kind, NULL};

	snprintf(number, sizeof(number), "%d", out);
	fcntl(out, F_SETFD, 0);
	fexecve(fd, argv, environ);
	die("fexecve");
}

/* A program that is started from ${dir} and takes its own file away. */
static void run_deleted(const char *name, const char *kind)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = must(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700),
		  path);
	copy_self(fd);
	close(fd);
	fd = must(open(path, O_RDONLY | O_CLOEXEC), path);
	must(unlink(path), "unlink");
	start_again(fd, path, kind);
}

static void plant_deleted(void) { run_deleted("updated", "+deleted"); }
static void plant_implant(void) { run_deleted("sshd-helper", "+implant"); }

static void plant_memfd(void)
{
	int fd = must(memfd_create("kthread", MFD_CLOEXEC), "memfd_create");
	char path[64];

	copy_self(fd);
	/* A file that is open for writing cannot be run. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	start_again(must(open(path, O_RDONLY | O_CLOEXEC), path),
		    "[kworker/u8:3]", "+memfd");
}

static void say_program(const char *kind)
{
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	must((int)n, "readlink");
	exe[n] = '\0';
	say(kind, ",\"exe\":\"%s\"", exe);
}

static void started_deleted(void) { say_program("deleted"); }

static void started_memfd(void)
{
	prctl(PR_SET_NAME, "kworker/u8:3");
	say_program("memfd");
}

static void plant_names(void)
{
	static const char odd[] = "odd\n\033[31m\377\"\\";
	char *argv[] = {(char *)odd, "-o", "", (char *)"+names", "two\nlines",
			"\033]0;title\007", "\377\376 not UTF-8", "", NULL};
	char number[16];
	char *envp[] = {"ODD=\n\033\377", NULL};

	snprintf(number, sizeof(number), "%d", out);
	argv[2] = number;
	fcntl(out, F_SETFD, 0);
	execve("/proc/self/exe", argv, envp);
	die("execve");
}

static void started_names(void)
{
	char line[4096];
	int fd = must(open("/proc/self/cmdline", O_RDONLY), "cmdline");
	ssize_t n = read(fd, line, sizeof(line));

	prctl(PR_SET_NAME, "odd\n\033[1m\377\"");
	must((int)n, "read");
	close(fd);
	dprintf(out, "{\"kind\":\"names\",\"pid\":%d,\"cmdline_hex\":\"",
		(int)getpid());
	for (ssize_t i = 0; i < n; i++)
		dprintf(out, "%02x", (unsigned char)line[i]);
	dprintf(out, "\"}\n");
}

/* ---- sockets */

static struct sockaddr_in parse_address(const char *text)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	char host[64];
	const char *colon = strchr(text, ':');

	snprintf(host, sizeof(host), "%.*s",
		 colon ? (int)(colon - text) : (int)strlen(text), text);
	if (colon)
		a.sin_port = htons((unsigned short)strtoul(colon + 1, NULL, 10));
	errno = EINVAL;
	must(inet_pton(AF_INET, host, &a.sin_addr) - 1, "address");
	return a;
}

static int open_listener(const struct sockaddr *sa, socklen_t len)
{
	int fd = must(socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0),
		      "socket");

	must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)),
	     "SO_REUSEADDR");
	must(bind(fd, sa, len), "bind");
	must(listen(fd, 8), "listen");
	return fd;
}

/* A listener, a client, and the server's end, all of this process. */
static void plant_pair(const char *prefix, struct sockaddr *sa, socklen_t len)
{
	char kind[32];
	int listener = open_listener(sa, len);
	int client = must(socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0),
			  "socket");

	must(getsockname(listener, sa, &len), "getsockname");
	must(connect(client, sa, len), "connect");
	snprintf(kind, sizeof(kind), "%s_listen", prefix);
	say_socket(kind, listener);
	snprintf(kind, sizeof(kind), "%s_connect", prefix);
	say_socket(kind, client);
	snprintf(kind, sizeof(kind), "%s_accept", prefix);
	say_socket(kind, must(accept(listener, NULL, NULL), "accept"));
}

static void plant_tcp(void)
{
	struct sockaddr_in a = parse_address("127.0.0.1:0");

	plant_pair("tcp", (void *)&a, sizeof(a));
}

static void plant_tcp6(void)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6,
				 .sin6_addr = IN6ADDR_LOOPBACK_INIT};

	plant_pair("tcp6", (void *)&a, sizeof(a));
}

static void plant_udp(void)
{
	struct sockaddr_in a = parse_address("127.0.0.1:0");
	socklen_t len = sizeof(a);
	int fd = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	int client = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");

	must(bind(fd, (void *)&a, len), "bind");
	must(getsockname(fd, (void *)&a, &len), "getsockname");
	must(connect(client, (void *)&a, len), "connect");
	say_socket("udp", fd);
	say_socket("udp_connect", client);
}

static void plant_unix(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd, pair[2];

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/mkstate.sock", dir);
	unlink(a.sun_path);
	fd = open_listener((void *)&a, sizeof(a));
	say("unix", ",\"fd\":%d,\"socket\":%lu,\"path\":\"%s\"", fd, inode(fd),
	    a.sun_path);
	memcpy(a.sun_path, "\0evac\n\377", 7);
	fd = open_listener((void *)&a,
			   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 7));
	say("unix_abstract", ",\"fd\":%d,\"socket\":%lu,\"path_hex\":\"%s\"",
	    fd, inode(fd), "00657661630aff");
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
	say("unix_pair", ",\"fd\":%d,\"socket\":%lu,\"peer\":%lu", pair[0],
	    inode(pair[0]), inode(pair[1]));
}

static void plant_raw(void)
{
	say_socket("raw", must(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), "raw"));
}

static void plant_packet(void)
{
	struct sockaddr_ll a = {.sll_family = AF_PACKET,
				.sll_protocol = htons(ETH_P_ALL),
				.sll_ifindex = (int)if_nametoindex("lo")};
	int fd = must(socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), "packet");

	must(bind(fd, (void *)&a, sizeof(a)), "bind of a packet socket");
	say("packet", ",\"fd\":%d,\"socket\":%lu,\"net_namespace\":%lu", fd,
	    inode(fd), net_namespace());
}

static void plant_netns(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	struct sockaddr_in a = parse_address("127.0.0.1:0");
	int fd;

	must(unshare(CLONE_NEWNET), "unshare of the network");
	fd = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	must(ioctl(fd, SIOCSIFFLAGS, &lo), "loopback");
	close(fd);
	plant_pair("netns", (void *)&a, sizeof(a));
}

/* A BPF program that sees every system call, and does nothing. */
static void plant_bpf(void)
{
	const struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT,
		.insns = (uintptr_t)code,
		.insn_cnt = 2,
		.license = (uintptr_t)"GPL",
		.prog_name = "evac_door",
	};
	union bpf_attr attach = {.raw_tracepoint.name = (uintptr_t)"sys_enter"};
	int fd = must((int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load)),
		      "BPF program");

	attach.raw_tracepoint.prog_fd = (uint32_t)fd;
	must((int)syscall(SYS_bpf, BPF_RAW_TRACEPOINT_OPEN, &attach, sizeof(attach)),
	     "BPF link");
	say("bpf", ",\"fd\":%d,\"name\":\"evac_door\",\"instructions\":2", fd);
}

/* The far end of the implant's connection. */
static void plant_peer(void)
{
	struct sockaddr_in a = parse_address(peer);
	int fd = open_listener((void *)&a, sizeof(a));

	say_socket("peer", fd);
	if (must(fork(), "fork") == 0)
		return; /* the child keeps the descriptor, and the reporting */
	close(out);
	/* The connection stays in the backlog until it is taken. */
	accept(fd, NULL, NULL);
	for (;;)
		pause();
}

/* Started from a deleted file: a connection and the marker in one process. */
static void started_implant(void)
{
	struct sockaddr_in a = parse_address(peer);
	int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");

	if (from && *from) {
		struct sockaddr_in b = parse_address(from);

		must(bind(fd, (void *)&b, sizeof(b)), "bind");
	}
	must(connect(fd, (void *)&a, sizeof(a)), "connect");
	say_program("implant");
	say_socket("implant_connect", fd);
	fill_marker();
}

static void plant_zombie(void)
{
	pid_t pid = must(fork(), "fork");
	siginfo_t info;

	if (pid == 0)
		_exit(0);
	must(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), "waitid");
	dprintf(out, "{\"kind\":\"zombie\",\"pid\":%d,\"parent\":%d}\n",
		(int)pid, (int)getpid());
}

/* Memory that the kernel itself does not see (memfd_secret(2)). */
static void plant_secret(void)
{
	int fd = must((int)syscall(447 /* on all architectures */, O_CLOEXEC), "memfd_secret");
	char *p;

	must(ftruncate(fd, 65536), "ftruncate");
	p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		die("mmap");
	memset(p, 's', 65536);
	say("secret", ",\"pages\":16");
}

/* ---- the whole */

static const struct {
	const char *name;
	void (*plant)(void);
} kinds[] = {
	{"marker", fill_marker},     {"deleted", plant_deleted},
	{"memfd", plant_memfd},      {"names", plant_names},
	{"anonymous", plant_anonymous},
	{"tcp", plant_tcp},	     {"tcp6", plant_tcp6},
	{"udp", plant_udp},	     {"unix", plant_unix},
	{"raw", plant_raw},	     {"packet", plant_packet},
	{"netns", plant_netns},      {"zombie", plant_zombie},
	{"secret", plant_secret},
	{"bpf", plant_bpf},
	{"peer", plant_peer},	     {"implant", plant_implant},
	{"+deleted", started_deleted}, {"+memfd", started_memfd},
	{"+names", started_names},   {"+implant", started_implant},
};

static void plant(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0) {
			kinds[i].plant();
			return;
		}
	errno = EINVAL;
	die(name);
}

static void hold(void)
{
	close(out);
	for (;;)
		pause();
}

/* One child per kind: its lines go through to standard output. */
static pid_t start(const char *name, int *failed)
{
	int fds[2];
	char buf[4096];
	ssize_t n;
	pid_t pid;

	must(pipe2(fds, O_CLOEXEC), "pipe");
	pid = must(fork(), "fork");
	if (pid == 0) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fds[0]);
		out = fds[1];
		plant(name);
		hold();
	}
	setpgid(pid, pid);
	close(fds[1]);
	while ((n = read(fds[0], buf, sizeof(buf))) > 0) {
		if (memmem(buf, (size_t)n, "\"failed\"", 8))
			*failed = 1;
		if (write(STDOUT_FILENO, buf, (size_t)n) != n)
			*failed = 1;
	}
	close(fds[0]);
	return pid;
}

static void wait_for_end(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	for (;;) {
		struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
		const struct timespec no_time = {0};
		char c;

		if (sigtimedwait(&set, NULL, &no_time) > 0)
			return;
		if (poll(&p, 1, 50) > 0 && read(STDIN_FILENO, &c, 1) <= 0)
			return;
	}
}

static int run(char *const *names, int count)
{
	pid_t pids[CHILDREN];
	int failed = 0, n = 0;
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	for (; n < count && n < CHILDREN; n++)
		pids[n] = start(names[n], &failed);
	sigprocmask(SIG_BLOCK, &set, &old);
	dprintf(STDOUT_FILENO, "{\"kind\":\"ready\",\"pid\":%d,\"failed\":%s}\n",
		(int)getpid(), failed ? "true" : "false");
	if (!failed)
		wait_for_end();
	for (int i = 0; i < n; i++) {
		kill(-pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	return failed;
}

int main(int argc, char **argv)
{
	int c, again = 0;

	out = STDOUT_FILENO;
	while ((c = getopt(argc, argv, "+d:m:p:f:o:")) != -1) {
		switch (c) {
		case 'd': dir = optarg; break;
		case 'm': marker = optarg; break;
		case 'p': peer = optarg; break;
		case 'f': from = optarg; break;
		case 'o': out = (int)strtol(optarg, NULL, 10); again = 1; break;
		default: return 64;
		}
	}
	if (optind == argc)
		return 64;
	if (again) {
		/* Started again from a deleted file or the like. */
		plant(argv[optind]);
		hold();
	}
	return run(argv + optind, argc - optind);
}
