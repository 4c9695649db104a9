/* The socket collector: both views of a sample, and real sockets in namespaces. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attr.h"
#include "check.h"
#include "collector.h"
#include "netlink.h"
#include "netns.h"
#include "scope.h"
#include "sink_list.h"
#include "socket_record.h"
#include "socket_view.h"
#include "table.h"

#define FIXTURE "tests/fixtures/host"
#define ROWS "process_open_sockets.ndjson"

static int run(const struct host *h, struct sink *s)
{
	struct collector_request req = { .memory = MEMORY_NONE };

	return collector_socket.run(h, &req, s);
}

static int row(void *arg, const struct socket_record *s)
{
	return socket_record_row(arg, s, -1, -1, 5, "proc");
}

static int lonely(void *arg, const char *kind, uint64_t inode, bool by_diag)
{
	(void)kind;
	*(int *)arg += by_diag ? 1000 : inode > 0;
	return 0;
}

/* Without sock_diag the text has to do. */
static void test_sample(void)
{
	struct host h = {
		.root = -1, .sys = -1,
		.proc = open(FIXTURE "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	};
	struct netns home = { .fd = -1, .inode = 5 };
	struct sink *s = sink_list_open();
	struct socket_view v, twin;
	struct table *t;
	int count = 0;

	(void)table_open(&t, s, "process_open_sockets");
	CHECK(socket_view_open(&v, &h, &home, &home) == 0, "the sample is opened");
	CHECK(socket_view_proc(&v, s, 5, row, t) == 0 && table_close(t) == 0, "and read");
	CHECK(sink_list_row(s, ROWS, "\"local_address\":\"127.0.0.1\"", "\"local_port\":8080", "LISTEN") != NULL,
	      "a listening TCP socket");
	CHECK(sink_list_row(s, ROWS, "\"remote_address\":\"93.184.216.34\"", "\"remote_port\":443", "ESTABLISHED") != NULL,
	      "a connection");
	CHECK(sink_list_row(s, ROWS, "\"local_address\":\"::1\"", "\"local_port\":80,", "\"family\":10") != NULL,
	      "an IPv6 socket");
	CHECK(sink_list_row(s, ROWS, "\"protocol_name\":\"raw\"", "\"protocol\":1,", NULL) != NULL, "a raw socket");
	CHECK(sink_list_row(s, ROWS, "\"path\":\"/run/x y.sock\"", "LISTEN", "\"socket\":781") != NULL,
	      "a unix socket with a blank in its name");
	CHECK(sink_list_row(s, ROWS, "\"path_b64\":", "\"socket\":783", "seqpacket") != NULL,
	      "one whose name is not UTF-8");
	CHECK(sink_list_row(s, ROWS, "\"protocol_name\":\"packet\"", "\"interface\":2", NULL) != NULL, "a packet socket");
	CHECK(sink_list_find(s, "proc/net/5/tcp") != NULL && sink_list_find(s, "proc/net/5/unix") != NULL,
	      "the texts are evidence");
	CHECK(v.malformed, "a line that is none is noticed");
	/* As if sock_diag had answered the same. */
	v.by_diag = v.by_proc;
	(void)socket_view_open(&twin, &h, &home, &home);
	(void)socket_view_proc(&twin, NULL, 5, NULL, NULL);
	v.diag = twin.proc;
	CHECK(socket_view_compare(&v, lonely, &count) == 0 && count == 0, "what both show is no finding");
	CHECK(!socket_view_lonely(&v, "tcp", 777, false) && !socket_view_lonely(&v, "tcp", 777, true), "by name neither");
	v.diag = (struct set){ 0 };
	socket_view_close(&twin);
	/* As if it had shown nothing. */
	CHECK(socket_view_compare(&v, lonely, &count) == 0 && count == 9, "9 that only /proc shows (%d)", count);
	CHECK(socket_view_lonely(&v, "tcp", 777, false) && !socket_view_lonely(&v, "tcp", 777, true) &&
	      !socket_view_lonely(&v, "tcp6", 777, false), "each by name");
	/* And the other way round. */
	v.diag = v.proc;
	v.proc = (struct set){ 0 };
	count = 0;
	CHECK(socket_view_compare(&v, lonely, &count) == 0 && count == 9000, "or only sock_diag");
	CHECK(socket_view_lonely(&v, "unix", 781, true), "each by name");
	socket_view_close(&v);
	(void)close(h.proc);
	sink_list_free(s);
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in a = { 0 };
	socklen_t len = sizeof(a);

	(void)getsockname(fd, (struct sockaddr *)&a, &len);
	return ntohs(a.sin_port);
}

static int listener(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1) < 0)
		return -1;
	return fd;
}

static void check_row(struct sink *s, int fd, const char *a, const char *b, const char *what)
{
	char id[48];

	(void)snprintf(id, sizeof(id), "\"pid\":%d,\"fd\":%d,", (int)getpid(), fd);
	CHECK(sink_list_row(s, ROWS, id, a, b) != NULL, "%s", what);
}

static void test_own(struct sink *s, const int *fds)
{
	char port[48];

	(void)snprintf(port, sizeof(port), "\"local_port\":%u,", port_of(fds[0]));
	check_row(s, fds[0], port, "LISTEN", "our listening TCP socket");
	(void)snprintf(port, sizeof(port), "\"remote_port\":%u,", port_of(fds[0]));
	check_row(s, fds[1], port, "ESTABLISHED", "our connection");
	check_row(s, fds[2], "\"protocol_name\":\"udp\"", "\"type\":\"dgram\"", "our UDP socket");
	/* The text shows every NUL of a name as "@". */
	if (strcmp(sink_list_note(s, "socket.source"), "sock_diag") == 0)
		check_row(s, fds[3], "\"path\":\"@evac-\\u0000-test\"", "\"abstract\":true", "our abstract unix socket");
	else
		check_row(s, fds[3], "\"path\":\"@evac-@-test\"", NULL, "our abstract unix socket");
	check_row(s, fds[4], "\"family\":-1", "\"source\":\"descriptor\"", "our socket that is in no table");
	if (fds[5] >= 0)
		check_row(s, fds[5], "\"protocol\":1,", "\"protocol_name\":\"raw\"", "our raw socket");
	else
		CHECK_SKIP("no raw socket can be made here");
	if (fds[6] < 0)
		CHECK_SKIP("no packet socket can be made here");
	else if (strcmp(sink_list_note(s, "socket.source"), "sock_diag") == 0)
		check_row(s, fds[6], "\"bpf_instructions\":1,", "\"protocol_name\":\"packet\"", "our packet socket's filter");
	else
		check_row(s, fds[6], NULL, "\"protocol_name\":\"packet\"", "our packet socket");
}

static int packet_socket(void)
{
	struct sock_filter code = { .code = BPF_RET | BPF_K };
	struct sock_fprog program = { .len = 1, .filter = &code };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
	return fd;
}

static void open_own(int fds[7])
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	struct sockaddr_un u = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(a);

	fds[0] = listener();
	(void)getsockname(fds[0], (struct sockaddr *)&a, &len);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(connect(fds[1], (struct sockaddr *)&a, sizeof(a)) == 0, "a connection over loopback");
	fds[2] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	a.sin_port = 0;
	(void)bind(fds[2], (struct sockaddr *)&a, sizeof(a));
	fds[3] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	memcpy(u.sun_path, "\0evac-\0-test", 12);
	(void)bind(fds[3], (struct sockaddr *)&u, sizeof(u.sun_family) + 12);
	(void)listen(fds[3], 1);
	fds[4] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fds[5] = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	fds[6] = packet_socket();
}

struct hidden {
	uint16_t port;
	uint64_t ns;
};

/* A child with a socket in a namespace of its own, to which it returns not
 * (${back} false), or that it keeps by a descriptor only. */
static pid_t in_namespace(bool back, struct hidden *ret)
{
	struct hidden h = { 0 };
	int say[2];
	pid_t pid;

	if (pipe2(say, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
		struct attr a;

		if (unshare(CLONE_NEWNET) == 0 && attr_get(AT_FDCWD, "/proc/self/ns/net", true, &a) == 0) {
			int kept = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

			h.port = port_of(listener());
			h.ns = a.inode;
			if (back && (kept < 0 || setns(home, CLONE_NEWNET) < 0))
				h.ns = 0;
			if (!back)
				(void)close(kept);
		}
		(void)!write(say[1], &h, sizeof(h));
		for (;;)
			(void)pause();
	}
	(void)close(say[1]);
	if (read(say[0], ret, sizeof(*ret)) != sizeof(*ret) || ret->ns == 0) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		pid = -1;
	}
	(void)close(say[0]);
	return pid;
}

static void check_hidden(struct sink *s, pid_t pid, const struct hidden *h, const char *how)
{
	char id[32], port[48], ns[48];

	if (pid < 0) {
		CHECK_SKIP("no network namespace can be made here");
		return;
	}
	(void)snprintf(id, sizeof(id), "\"pid\":%d,", (int)pid);
	(void)snprintf(port, sizeof(port), "\"local_port\":%u,", h->port);
	(void)snprintf(ns, sizeof(ns), "\"net_namespace\":\"%llu\"", (unsigned long long)h->ns);
	CHECK(sink_list_row(s, "network_namespaces.ndjson", ns, how, NULL) != NULL, "a namespace, by its %s", how);
	CHECK(sink_list_row(s, ROWS, id, port, ns) != NULL, "the socket in it, and its owner");
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

static void test_live(void)
{
	struct sink *s = sink_list_open();
	struct hidden one = { 0 }, two = { 0 };
	struct attr before = { 0 }, after = { 0 };
	pid_t first, second;
	struct host h;
	int fds[7], wrong = 0;

	open_own(fds);
	first = in_namespace(false, &one);
	second = in_namespace(true, &two);
	(void)attr_get(AT_FDCWD, "/proc/thread-self/ns/net", true, &before);
	CHECK(host_open(&h) == 0 && run(&h, s) == 0, "this machine is walked");
	(void)attr_get(AT_FDCWD, "/proc/thread-self/ns/net", true, &after);
	CHECK(before.inode == after.inode, "the thread is at home again");
	CHECK(sink_list_note(s, "socket.rows") != NULL, "from: %s", sink_list_note(s, "socket.source"));
	test_own(s, fds);
	check_hidden(s, first, &one, "process");
	check_hidden(s, second, &two, "descriptor");
	CHECK(sink_list_find(s, "socket_views.ndjson")->len == 0, "nothing is hidden on this machine");
	for (unsigned long n = 1; n < 12; n++) {
		struct sink *bad = sink_list_open();

		sink_list_fail_at(bad, n, -ECANCELED);
		wrong += run(&h, bad) != -ECANCELED;
		sink_list_free(bad);
	}
	CHECK(wrong == 0, "a sink that fails ends the walk");
	for (size_t i = 0; i < 7; i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	sink_list_free(s);
	host_close(&h);
}

/* A /proc that does not fit what the kernel answers: the sample's. */
static void test_disagreement(void)
{
	struct sink *s = sink_list_open();
	struct netlink n;
	struct host h;

	CHECK(host_open(&h) == 0, "this machine");
	(void)close(h.proc);
	h.proc = open(FIXTURE "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(run(&h, s) == 0, "with another's /proc");
	if (netlink_open(&n, NETLINK_SOCK_DIAG) < 0) {
		CHECK_SKIP("no NETLINK_SOCK_DIAG here: one view only");
	} else {
		netlink_close(&n);
		CHECK(sink_list_row(s, "socket_views.ndjson", "\"seen_by\":\"proc\"", "\"missing_from\":\"sock_diag\"", NULL) != NULL,
		      "a row for what one view lacks");
	}
	sink_list_free(s);
	host_close(&h);
}

int main(void)
{
	test_sample();
	test_disagreement();
	test_live();
	return CHECK_DONE();
}
