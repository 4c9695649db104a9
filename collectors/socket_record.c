/*
 * socket_record.c - the kinds of sockets, and a socket as a row.
 *
 * Column names are osquery's process_open_sockets; the rest is ours.
 */
#include "socket_record.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "parse.h"
#include "scope.h"
#include "table.h"

#ifndef AF_VSOCK
#define AF_VSOCK 40
#endif

/* classic BPF has at most 4096 instructions of 8 bytes */
#define FILTER_MAX ((size_t)32 << 10)
#define NAME_MAX_BYTES 256u

const struct socket_kind socket_kinds[] = {
	{ "tcp", "TCP", AF_INET, IPPROTO_TCP, SOCK_STREAM, DIAG_INET, LAYOUT_INET },
	{ "tcp6", "TCPv6", AF_INET6, IPPROTO_TCP, SOCK_STREAM, DIAG_INET, LAYOUT_INET },
	{ "udp", "UDP", AF_INET, IPPROTO_UDP, SOCK_DGRAM, DIAG_INET, LAYOUT_INET },
	{ "udp6", "UDPv6", AF_INET6, IPPROTO_UDP, SOCK_DGRAM, DIAG_INET, LAYOUT_INET },
	{ "udplite", "UDP-Lite", AF_INET, 136, SOCK_DGRAM, DIAG_INET, LAYOUT_INET },
	{ "udplite6", "UDPLITEv6", AF_INET6, 136, SOCK_DGRAM, DIAG_INET, LAYOUT_INET },
	{ "raw", "RAW", AF_INET, IPPROTO_RAW, SOCK_RAW, DIAG_RAW, LAYOUT_INET },
	{ "raw6", "RAWv6", AF_INET6, IPPROTO_RAW, SOCK_RAW, DIAG_RAW, LAYOUT_INET },
	{ "icmp", "PING", AF_INET, IPPROTO_ICMP, SOCK_DGRAM, DIAG_NONE, LAYOUT_INET },
	{ "icmp6", "PINGv6", AF_INET6, IPPROTO_ICMPV6, SOCK_DGRAM, DIAG_NONE, LAYOUT_INET },
	{ "unix", "UNIX", AF_UNIX, 0, 0, DIAG_UNIX, LAYOUT_UNIX },
	{ "packet", "PACKET", AF_PACKET, 0, 0, DIAG_PACKET, LAYOUT_PACKET },
	{ "netlink", "NETLINK", AF_NETLINK, 0, 0, DIAG_NETLINK, LAYOUT_NETLINK },
	{ "mptcp", "MPTCP", AF_INET, 262, SOCK_STREAM, DIAG_MPTCP, LAYOUT_NONE },
	{ "mptcp6", "MPTCPv6", AF_INET6, 262, SOCK_STREAM, DIAG_MPTCP, LAYOUT_NONE },
	{ "sctp", "SCTP", AF_INET, IPPROTO_SCTP, 0, DIAG_INET, LAYOUT_NONE },
	{ "sctp6", "SCTPv6", AF_INET6, IPPROTO_SCTP, 0, DIAG_INET, LAYOUT_NONE },
	{ "dccp", "DCCP", AF_INET, 33, 0, DIAG_INET, LAYOUT_NONE },
	{ "dccp6", "DCCPv6", AF_INET6, 33, 0, DIAG_INET, LAYOUT_NONE },
	{ "vsock", "AF_VSOCK", AF_VSOCK, 0, 0, DIAG_VSOCK, LAYOUT_NONE },
	{ 0 },
};

const char *socket_state_name(unsigned state)
{
	static const char *const names[] = {
		"", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1",
		"FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK",
		"LISTEN", "CLOSING", "NEW_SYN_RECV", "BOUND_INACTIVE",
	};

	return state < ARRAY_LEN(names) ? names[state] : "";
}

static const char *type_name(int type)
{
	static const char *const names[] = {
		"", "stream", "dgram", "raw", "rdm", "seqpacket", "dccp", "",
		"", "", "packet",
	};

	return type >= 0 && (size_t)type < ARRAY_LEN(names) ? names[type] : "";
}

static void add_address(struct json *j, const char *key, const uint8_t *address,
			unsigned len)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (len > 0)
		(void)inet_ntop(len == 4 ? AF_INET : AF_INET6, address, text,
				sizeof(text));
	json_str(j, key, text);
}

static void add_addresses(struct json *j, const struct socket_record *s)
{
	char cid[16];

	if (s->kind->family == AF_VSOCK) {
		(void)snprintf(cid, sizeof(cid), "%u", s->local_cid);
		json_str(j, "local_address", cid);
		(void)snprintf(cid, sizeof(cid), "%u", s->remote_cid);
		json_str(j, "remote_address", cid);
	} else {
		add_address(j, "local_address", s->local, s->address_len);
		add_address(j, "remote_address", s->remote, s->address_len);
	}
	json_u64(j, "local_port", s->local_port);
	json_u64(j, "remote_port", s->remote_port);
}

/* An abstract name is shown with "@" for its leading NUL, as everywhere. */
static void add_unix(struct json *j, const struct socket_record *s)
{
	uint8_t name[NAME_MAX_BYTES];
	size_t len = s->name_len < sizeof(name) ? s->name_len : sizeof(name);
	bool abstract = len > 0 && s->name[0] == '\0';

	for (size_t i = 0; i < len; i++)
		name[i] = s->name[i];
	if (abstract)
		name[0] = '@';
	else if (len > 0 && name[len - 1] == '\0')
		len--;
	json_bytes(j, "path", name, len);
	json_bool(j, "abstract", abstract);
	if (s->peer != 0)
		json_u64(j, "peer_inode", s->peer);
	if (s->file_inode != 0) {
		json_u64(j, "file_inode", s->file_inode);
		json_u64(j, "file_device", s->file_device);
	}
}

static void add_packet(struct json *j, const struct socket_record *s)
{
	AUTO_FREE char *hex = NULL;

	json_u64(j, "packet_flags", s->flags);
	if (s->filter_len == 0 || s->filter_len > FILTER_MAX)
		return;
	/* A filter on a packet socket is how some backdoors wait. */
	hex = malloc(2 * s->filter_len + 1);
	if (hex == NULL)
		return;
	parse_to_hex(hex, s->filter, s->filter_len);
	json_u64(j, "bpf_instructions", s->filter_len / 8);
	json_str(j, "bpf_filter", hex);
}

static void add_kernel_view(struct json *j, const struct socket_record *s)
{
	if (s->has_uid)
		json_u64(j, "uid", s->uid);
	json_u64(j, "interface", s->interface);
	json_u64(j, "recv_queue", s->recv_queue);
	json_u64(j, "send_queue", s->send_queue);
	if (s->cookie != 0)
		json_u64(j, "cookie", s->cookie);
	if (s->cgroup != 0)
		json_u64(j, "cgroup_id", s->cgroup);
	if (s->has_mark)
		json_u64(j, "mark", s->mark);
	if (s->timer != 0) {
		json_u64(j, "timer", s->timer);
		json_u64(j, "timer_expires_ms", s->expires_ms);
		json_u64(j, "retransmits", s->retransmits);
	}
	if (!s->has_info)
		return;
	json_u64(j, "bytes_acked", s->bytes_acked);
	json_u64(j, "bytes_received", s->bytes_received);
	json_u64(j, "rtt_us", s->rtt_us);
	json_u64(j, "last_sent_ms", s->last_sent_ms);
	json_u64(j, "last_received_ms", s->last_received_ms);
}

int socket_record_row(struct table *t, const struct socket_record *s, pid_t pid,
		      int fd, uint64_t net_namespace, const char *source)
{
	struct json *j = table_row(t);
	char ns[24];

	(void)snprintf(ns, sizeof(ns), "%llu", (unsigned long long)net_namespace);
	json_i64(j, "pid", pid);
	json_i64(j, "fd", fd);
	json_u64(j, "socket", s->inode);
	json_i64(j, "family", s->kind->family);
	json_i64(j, "protocol", s->protocol);
	json_str(j, "protocol_name", s->kind->name);
	json_str(j, "type", type_name(s->type));
	add_addresses(j, s);
	if (s->kind->family == AF_UNIX)
		add_unix(j, s);
	else
		json_str(j, "path", "");
	json_str(j, "state", socket_state_name(s->state));
	json_str(j, "net_namespace", ns);
	add_kernel_view(j, s);
	if (s->kind->family == AF_PACKET)
		add_packet(j, s);
	if (s->kind->family == AF_NETLINK)
		json_hex(j, "groups", s->groups);
	json_str(j, "source", source);
	return table_row_end(t);
}
