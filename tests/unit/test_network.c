/* The network collector: a kernel's own answers as rows, answers that lie, peers, this machine. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/neighbour.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aws_ranges.h"
#include "buf.h"
#include "check.h"
#include "emulator.h"
#include "collector.h"
#include "conntrack.h"
#include "io.h"
#include "iptables.h"
#include "json.h"
#include "nft.h"
#include "peer.h"
#include "rtnl.h"
#include "sink_list.h"
#include "socket_owner.h"
#include "socket_record.h"
#include "table.h"

/* Recorded from a real kernel; the first byte is the fuzz target's. */
#define CORPUS "tests/fuzz/corpus/fuzz_network/"

static struct buf out;
static struct sink *kept; /* rows of the good ones, as the collector would write them */

/* ${kind} of row out of ${len} bytes that are just so long. */
static bool convert(int kind, const void *data, size_t len)
{
	uint8_t *p = malloc(len > 0 ? len : 1);
	struct nft_elements e;
	struct conntrack c;
	const uint8_t *one;
	struct json j;
	bool done = false;
	size_t n;

	if (p == NULL)
		abort();
	memcpy(p, data, len);
	out.len = 0;
	json_open(&j, &out);
	json_object(&j, NULL);
	switch (kind) {
	case 0: done = rtnl_link_row(&j, p, len, NULL); break;
	case 1: done = rtnl_address_row(&j, p, len, NULL); break;
	case 2: done = rtnl_route_row(&j, AF_INET, p, len, NULL); break;
	case 3: done = rtnl_rule_row(&j, AF_INET, p, len); break;
	case 4: done = rtnl_neighbour_row(&j, p, len, NULL); break;
	case 5:
	case 15: done = rtnl_traffic_row(&j, kind == 15, p, len, NULL); break;
	case 6:
	case 13:
		done = kind == 6 ? conntrack_parse(p, len, &c) == 0
				 : conntrack_parse_line((const char *)p, len, &c) == 0;
		if (done)
			conntrack_row(&j, &c);
		break;
	case 7: done = nft_table_row(&j, p, len); break;
	case 8: done = nft_chain_row(&j, p, len); break;
	case 9: done = nft_rule_row(&j, p, len); break;
	case 10: done = nft_set_row(&j, p, len); break;
	case 11:
		done = nft_elements_open(&e, p, len);
		while (done && nft_elements_next(&e, &one, &n)) {
			out.len = 0;
			json_open(&j, &out);
			json_object(&j, NULL);
			nft_element_row(&j, &e, one, n);
		}
		break;
	default: done = nft_object_row(&j, p, len); break;
	}
	json_object_end(&j);
	(void)buf_add(&out, "", 1);
	free(p);
	return done;
}

/* Put the row into its table. */
static void keep(int kind)
{
	static const char *const names[] = {
		"interface_details", "interface_addresses", "routes", "routing_rules", "arp_cache", "traffic_control",
		"tracked_connections", "nft_tables", "nft_chains", "nft_rules", "nft_sets", "nft_elements", "nft_objects",
		NULL, "iptables",
	};
	static struct table *tables[15];
	struct json *j;

	for (size_t i = 0; kind < 0 && i < 15; i++)
		(void)table_close(tables[i]);
	if (kind < 0)
		return;
	kind = kind == 13 ? 6 : kind == 15 ? 5 : kind;
	if (tables[kind] == NULL && table_open(&tables[kind], kept, names[kind]) < 0)
		abort();
	j = table_row(tables[kind]);
	json_str(j, "net_namespace", "1");
	json_raw(j, NULL, (const char *)out.data + 1, out.len - 3);
	(void)table_row_end(tables[kind]);
}

static bool says(const char *text)
{
	if (strstr((const char *)out.data, text) != NULL)
		return true;
	printf("# no %s in %s\n", text, (const char *)out.data);
	return false;
}

static uint8_t *load(const char *name, size_t *len)
{
	char path[128];
	void *data = NULL;

	(void)snprintf(path, sizeof(path), CORPUS "%s", name);
	if (io_load(AT_FDCWD, path, 1 << 20, &data, len) < 0)
		abort();
	return data;
}

/* Convert a recorded message; then every beginning of it, and it with each byte changed. */
static void recorded(const char *name, const char *a, const char *b, const char *c)
{
	size_t len;
	uint8_t *data = load(name, &len);
	bool good = convert(data[0], data + 1, len - 1);

	CHECK(good && says(a) && says(b) && says(c), "%s", name);
	if (good)
		keep(data[0]);
	for (size_t n = 0; n < len - 1; n++)
		(void)convert(data[0], data + 1, n);
	for (size_t i = 1; i < len; i++) {
		data[i] ^= 0xff;
		(void)convert(data[0], data + 1, len - 1);
		data[i] ^= 0xff;
	}
	free(data);
}

static void test_recorded(void)
{
	recorded("link_veth", "\"interface\":\"v0\"", "\"kind\":\"veth\"", "\"up\":true");
	recorded("link_vxlan", "\"vxlan_id\":42", "\"tunnel_remote\":\"203.0.113.2\"", "\"tunnel_port\":4789");
	recorded("address", "\"address\":\"203.0.113.1\"", "\"mask\":\"255.255.255.0\"", "\"point_to_point\":\"\"");
	recorded("route", "\"destination\":\"198.51.100.0\",\"netmask\":24", "\"gateway\":\"203.0.113.2\"", "\"table\":254");
	recorded("rule", "\"from\":\"10.9.0.0\",\"from_mask\":16", "\"table\":77", "\"priority\":500");
	recorded("neighbour", "\"address\":\"203.0.113.9\"", "\"mac\":\"02:00:00:00:00:09\"", "\"permanent\":1");
	recorded("queue", "\"object\":\"queue\"", "\"kind\":", "\"parent\":");
	recorded("flow", "\"original\":{\"source\":\"203.0.113.1\",\"destination\":\"203.0.113.2\"", "\"state\":\"ESTABLISHED\"",
		 "\"packets\":3,\"bytes\":1164");
	recorded("flow_text", "\"original\":{\"source\":\"203.0.113.1\",\"destination\":\"203.0.113.2\"", "\"assured\"",
		 "\"packets\":3,\"bytes\":1164");
	recorded("nft_table", "\"family\":\"inet\"", "\"table\":\"evil\"", "\"handle\":1");
	recorded("nft_chain", "\"chain\":\"in\"", "\"hook\":\"input\"", "\"policy\":\"accept\"");
	recorded("nft_rule", "\"comment\":\"backdoor\"", "{\"name\":\"base\",\"number\":2,\"means\":\"transport\"}",
		 "{\"name\":\"data\",\"number\":4444,");
	recorded("nft_rule_log", "{\"name\":\"prefix\",\"text\":\"hi \"}", "\"verdict\":\"jump\"", "\"chain\":\"other\"");
	recorded("nft_rule_set", "{\"name\":\"set\",\"text\":\"bad\"}", "\"verdict\":\"drop\"", "\"means\":\"nfproto\"");
	recorded("nft_set", "\"set\":\"bad\"", "\"key_bytes\":4", "\"key_type\":7");
	recorded("nft_elements", "\"flags\":1", "\"key\":\"0.0.0.0\"", "\"set\":\"bad\"");
	recorded("nft_object", "\"object\":\"hits\"", "\"type\":\"counter\"", "\"table\":\"evil\"");
}

/* ---- messages with all that a kernel may say */

static uint8_t made[16384];
static size_t made_len;

static void put(uint16_t type, const void *data, size_t len)
{
	struct nlattr a = { .nla_len = (uint16_t)(sizeof(a) + len), .nla_type = type };

	memset(made + made_len, 0, sizeof(a) + len + 3);
	memcpy(made + made_len, &a, sizeof(a));
	memcpy(made + made_len + sizeof(a), data, len);
	made_len += (sizeof(a) + len + 3) & ~(size_t)3;
}

/* What follows, until end(), is in an attribute. */
static size_t nest(uint16_t type)
{
	put(type, "", 0);
	return made_len - sizeof(struct nlattr);
}

static void end(size_t at)
{
	uint16_t len = (uint16_t)(made_len - at);

	memcpy(made + at, &len, sizeof(len));
}

/* A head of ${head} bytes for IPv4, and ${count} attributes that each have eight of their own. */
static void make(size_t head, uint16_t count)
{
	memset(made, 0, head);
	made[0] = AF_INET;
	made_len = head;
	for (uint16_t i = 1; i <= count; i++) {
		size_t at = nest(i);

		for (uint16_t k = 1; k <= 8; k++)
			put(k, "\0\0\0\7", 4);
		end(at);
	}
}

static void all_said(int kind, const char *a, const char *b)
{
	bool good = convert(kind, made, made_len);

	CHECK(good && says(a) && says(b), "all of a message of kind %d", kind);
	if (good)
		keep(kind);
}

static void test_links_made(void)
{
	size_t at, in;

	make(16, 60);
	at = nest(IFLA_PROP_LIST);
	put(IFLA_ALT_IFNAME, "other", 6);
	end(at);
	at = nest(IFLA_XDP);
	put(IFLA_XDP_ATTACHED, "\2", 1);
	put(IFLA_XDP_PROG_ID, "\11\0\0\0", 4);
	end(at);
	at = nest(IFLA_LINKINFO);
	put(IFLA_INFO_KIND, "gre", 4);
	put(IFLA_INFO_SLAVE_KIND, "bridge", 7);
	in = nest(IFLA_INFO_DATA);
	put(IFLA_GRE_LOCAL, "\12\0\0\1", 4);
	put(IFLA_GRE_REMOTE, "\12\0\0\2", 4);
	end(in);
	end(at);
	all_said(0, "\"xdp_program\":9", "\"tunnel_local\":\"10.0.0.1\",\"tunnel_remote\":\"10.0.0.2\"");
	CHECK(says("\"alternative_names\":[\"other\"]"), "and another name");
}

static void test_routes_made(void)
{
	static const uint8_t hops[] = { 16, 0, 0, 3, 2, 0, 0, 0, 8, 0, RTA_GATEWAY, 0, 10, 0, 0, 9,
					8, 0, 0, 0, 3, 0, 0, 0, 99, 0, 0, 0 };

	make(12, 30);
	put(RTA_MULTIPATH, hops, sizeof(hops));
	all_said(2, "\"next_hops\":[{\"interface\":\"2\",\"gateway\":\"10.0.0.9\",\"weight\":4", "\"weight\":1,\"flags\":0}]");
	make(12, 24);
	put(FRA_IP_PROTO, "\6", 1);
	put(FRA_SPORT_RANGE, "\12\0\24\0", 4);
	all_said(3, "\"protocol\":6", "\"source_ports\":\"10-20\"");
	make(12, 10);
	put(NDA_VLAN, "\5\0", 2);
	all_said(4, "\"vlan\":5", "\"master\":");
	make(20, 10);
	put(TCA_KIND, "bpf", 4);
	{
		size_t at = nest(TCA_OPTIONS);

		put(TCA_BPF_NAME, "backdoor", 9);
		put(TCA_BPF_ID, "\11\0\0\0", 4);
		put(TCA_BPF_OPS, "\6\0\0\0\0\0\0\0", 8);
		end(at);
	}
	all_said(15, "\"bpf_program\":9", "\"object\":\"filter\"");
}

static void expression(uint16_t type, const char *name)
{
	size_t at = nest(type), in;

	put(NFTA_EXPR_NAME, name, strlen(name) + 1);
	in = nest(NFTA_EXPR_DATA);
	put(1, "\0\0\0\1", 4);
	put(12, "\0\0\0\1", 4);
	end(in);
	end(at);
}

static void test_rules_made(void)
{
	static const char comment[] = "\0\3hi\0";
	size_t at;

	make(4, 20);
	put(NFTA_TABLE_USERDATA, comment, 5);
	all_said(7, "\"comment\":\"hi\"", "\"owner_port\":");
	make(4, 20);
	put(NFTA_CHAIN_USERDATA, comment, 5);
	all_said(8, "\"comment\":\"hi\"", "\"device\":");
	make(4, 6);
	at = nest(NFTA_RULE_EXPRESSIONS);
	expression(NFTA_LIST_ELEM, "mystery");
	expression(NFTA_LIST_ELEM, "dynset");
	end(at);
	all_said(9, "{\"name\":\"mystery\",\"attributes\":[],\"raw\":", "{\"name\":\"dynset\",\"attributes\":[{\"name\":\"set\"");
	make(4, 20);
	all_said(10, "\"data_type\":", "\"timeout_ms\":");
	make(4, 10);
	put(NFTA_OBJ_USERDATA, comment, 5);
	all_said(12, "\"comment\":\"hi\"", "\"uses\":");
	make(4, 2);
	at = nest(NFTA_SET_ELEM_LIST_ELEMENTS);
	{
		size_t one = nest(NFTA_LIST_ELEM);
		static const uint16_t values[] = { NFTA_SET_ELEM_KEY, NFTA_SET_ELEM_KEY_END, NFTA_SET_ELEM_DATA };

		for (uint16_t i = 1; i < 9; i++)
			put(i, "\0\0\0\0\0\0\0\5", 8);
		for (size_t i = 0; i < 3; i++) {
			size_t in = nest(values[i]);

			put(NFTA_DATA_VALUE, i == 2 ? "\0\0\0\0\0\0\0\6" : "\12\0\0\7", i == 2 ? 8 : 4);
			end(in);
		}
		put(NFTA_SET_ELEM_USERDATA, comment, 5);
		expression(NFTA_SET_ELEM_EXPR, "counter");
		end(one);
	}
	end(at);
	all_said(11, "\"key\":\"10.0.0.7\"", "\"value\":\"6\"");
}

static void test_conntrack_lines(void)
{
	static const char icmp[] = "ipv4     2 icmp     1 29 src=10.0.0.5 dst=192.0.2.9 type=8 code=0 id=77 [UNREPLIED] "
				   "src=192.0.2.9 dst=10.0.0.5 type=0 code=0 id=77 mark=7 zone=3 use=2";
	static const char six[] = "ipv6     10 udp      17 170 src=2001:db8::1 dst=2001:db8::2 sport=5353 dport=53 "
				  "src=2001:db8::2 dst=2001:db8::1 sport=53 dport=5353 use=1";

	static const char old[] = "ipv4 2 tcp 6 9 NONE src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 src=10.0.0.2 dst=10.0.0.1 "
				  "sport=2 dport=1 delta-time=77 use=1";
	size_t at;

	CHECK(convert(13, icmp, strlen(icmp)) && says("\"icmp_id\":77") && says("\"mark\":7,\"zone\":3") &&
	      strstr((char *)out.data, "seen_reply") == NULL, "a ping that nobody answered");
	keep(13);
	CHECK(convert(13, old, strlen(old)) && says("\"age_s\":77"), "one of some age");
	keep(13);
	CHECK(convert(13, six, strlen(six)) && says("\"source\":\"2001:db8::1\"") && says("\"destination_port\":53"), "IPv6");
	CHECK(!convert(13, "ipv4 2 tcp", 10) && !convert(13, "", 0) && !convert(13, "a b c d", 7), "what is no line");
	made_len = 4;
	at = nest(CTA_TUPLE_ORIG);
	{
		size_t in = nest(CTA_TUPLE_IP);

		put(CTA_IP_V4_SRC, "\12\0\0\1", 4);
		put(CTA_IP_V4_DST, "\12\0\0\2", 4);
		end(in);
	}
	end(at);
	at = nest(CTA_HELP);
	put(CTA_HELP_NAME, "ftp", 4);
	end(at);
	all_said(6, "\"helper\":\"ftp\"", "\"source\":\"10.0.0.1\"");
}

/* The recorded table: its valid hooks, their entries and policies, then the entries. */
static void open_table(struct iptables *t, const uint8_t *data, size_t len)
{
	*t = (struct iptables){ .name = "filter" };
	memcpy(&t->hooks, data, 4);
	memcpy(t->entry, data + 4, sizeof(t->entry));
	memcpy(t->underflow, data + 24, sizeof(t->underflow));
	t->len = len - 44;
	t->data = malloc(t->len > 0 ? t->len : 1);
	if (t->data == NULL)
		abort();
	memcpy(t->data, data + 44, t->len);
	(void)iptables_open(t);
}

static unsigned all_rows(const struct iptables *t, struct table *rows_of)
{
	struct json j, *row_json;
	unsigned rows = 0;
	bool row;

	out.len = 0;
	json_open(&j, &out);
	for (size_t at = 0, next = 1; next > 0; at = next) {
		next = iptables_next(t, at, &row);
		if (!row)
			continue;
		rows++;
		json_object(&j, NULL);
		iptables_row(&j, t, at);
		json_object_end(&j);
		if (rows_of == NULL)
			continue;
		row_json = table_row(rows_of);
		json_str(row_json, "net_namespace", "1");
		iptables_row(row_json, t, at);
		(void)table_row_end(rows_of);
	}
	(void)buf_add(&out, "", 1);
	return rows;
}

static void test_iptables(const char *name, unsigned count, const char *a, const char *b, const char *c)
{
	static struct table *rows;
	size_t len;
	uint8_t *data;
	struct iptables t;

	if (name == NULL) {
		(void)table_close(rows);
		return;
	}
	if (rows == NULL)
		(void)table_open(&rows, kept, "iptables");
	data = load(name, &len);
	open_table(&t, data + 1, len - 1);
	CHECK(all_rows(&t, rows) == count, "a table's rules, its policies and a chain's end");
	CHECK(says(a) && says(b) && says(c), "and what they say");
	iptables_free(&t);
	for (size_t i = 1; i < len; i++) {
		data[i] ^= 0xff;
		open_table(&t, data + 1, len - 1);
		(void)all_rows(&t, NULL);
		iptables_free(&t);
		data[i] ^= 0xff;
	}
	for (size_t n = 45; n < len; n += 7) {
		open_table(&t, data + 1, n - 1);
		(void)all_rows(&t, NULL);
		iptables_free(&t);
	}
	free(data);
}

static const char ranges[] =
	"{\"syncToken\":\"1\",\"createDate\":\"2026-11-23-21-05-07\",\"prefixes\":["
	"{\"ip_prefix\":\"203.0.113.0/24\",\"region\":\"eu-west-1\",\"service\":\"AMAZON\",\"network_border_group\":\"eu-west-1\"},"
	"{\"ip_prefix\":\"203.0.113.64/26\",\"region\":\"eu-west-1\",\"service\":\"S3\",\"network_border_group\":\"eu-west-1\"}],"
	"\"ipv6_prefixes\":[{\"ipv6_prefix\":\"2001:db8:7::/48\",\"region\":\"us-east-1\",\"service\":\"EC2\"}]}";

static void test_ranges(struct aws_ranges **ret)
{
	uint8_t address[16];
	struct aws_range r[8];
	struct aws_ranges *a = NULL;

	CHECK(aws_ranges_parse(ret, ranges, strlen(ranges)) == 0 &&
	      strcmp(aws_ranges_date(*ret), "2026-11-23-21-05-07") == 0, "Amazon's table");
	(void)inet_pton(AF_INET, "203.0.113.80", address);
	CHECK(aws_ranges_find(*ret, address, 4, r, 8) == 2 && strcmp(r[0].service, "S3") == 0 &&
	      strcmp(r[1].service, "AMAZON") == 0, "an address in two of its ranges, the closer first");
	(void)inet_pton(AF_INET, "203.0.113.63", address);
	CHECK(aws_ranges_find(*ret, address, 4, r, 8) == 1, "one just outside of the closer");
	(void)inet_pton(AF_INET, "203.0.114.0", address);
	CHECK(aws_ranges_find(*ret, address, 4, r, 8) == 0, "and one of neither");
	(void)inet_pton(AF_INET6, "2001:db8:7:ffff::1", address);
	CHECK(aws_ranges_find(*ret, address, 16, r, 8) == 1 && strcmp(r[0].region, "us-east-1") == 0, "IPv6");
	CHECK(aws_ranges_parse(&a, "{}", 2) == -EBADMSG && aws_ranges_parse(&a, "", 0) == -EBADMSG &&
	      aws_ranges_parse(&a, "{\"prefixes\":[{\"ip_prefix\":\"1.2.3.4/40\"}]}", 40) == -EBADMSG &&
	      aws_ranges_parse(&a, "{\"prefixes\":[7]}", 16) == -EBADMSG, "what is none");
}

static void tcp(struct socket_record *s, const char *remote, uint16_t local, uint16_t port)
{
	*s = (struct socket_record){ .kind = &socket_kinds[0], .protocol = IPPROTO_TCP, .address_len = 4,
				     .local_port = local, .remote_port = port };
	(void)inet_pton(AF_INET, remote, s->remote);
}

static void test_peers(const struct aws_ranges *aws)
{
	static const char line[] = "ipv4 2 udp 17 9 src=10.0.0.5 dst=192.0.2.53 sport=1 dport=53 packets=1 bytes=60 "
				   "src=192.0.2.53 dst=10.0.0.5 sport=53 dport=1 packets=1 bytes=600 delta-time=3600";
	const struct socket_owner owner = { .pid = getpid(), .inode = 5, .fd = 3 };
	struct host h = { -1, open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC), -1 };
	uint8_t own[4] = { 10, 0, 0, 5 };
	struct peers *p = peers_open(aws);
	struct sink *s = sink_list_open();
	struct socket_record r;
	struct conntrack c;
	const char *row;

	peers_add_own(p, 1, own, 4);
	tcp(&r, "0.0.0.0", 22, 0);
	peers_add_socket(p, 1, &r, NULL, 0);
	tcp(&r, "198.51.100.7", 22, 40001);
	r.has_info = true;
	r.bytes_acked = 500;
	r.bytes_received = 7;
	peers_add_socket(p, 1, &r, &owner, 1);
	tcp(&r, "203.0.113.80", 33000, 443);
	peers_add_socket(p, 1, &r, &owner, 1);
	tcp(&r, "10.0.0.5", 33001, 5432);
	peers_add_socket(p, 1, &r, NULL, 0);
	tcp(&r, "127.0.0.1", 33002, 25);
	peers_add_socket(p, 1, &r, NULL, 0);
	/* the same address as an IPv6 socket shows it */
	r.address_len = 16;
	memset(r.remote, 0, 16);
	(void)inet_pton(AF_INET6, "::ffff:198.51.100.7", r.remote);
	r.local_port = 22;
	r.remote_port = 40002;
	peers_add_socket(p, 1, &r, NULL, 0);
	(void)conntrack_parse_line(line, strlen(line), &c);
	peers_add_flow(p, 1, &c);
	CHECK(peers_write(p, &h, s) == 0, "peers are written");
	row = sink_list_row(s, "peers.ndjson", "\"remote_address\":\"198.51.100.7\"", "\"inbound\":true,\"outbound\":false", NULL);
	CHECK(row != NULL && strstr(row, "\"aws\":false") != NULL && strstr(row, "\"remote_ports\":[40001,40002]") != NULL &&
	      strstr(row, "\"sockets\":2") != NULL && strstr(row, "\"bytes_sent\":500,\"bytes_received\":7") != NULL &&
	      strstr(row, emulator_is_here() ? "}],\"own\":true" : "\"name\":\"test_network\"}],\"own\":true") != NULL,
	      "who came in, twice");
	CHECK(sink_list_row(s, "peers.ndjson", "\"remote_address\":\"203.0.113.80\"", "\"outbound\":true", "\"aws\":true,\"aws_region\":\"eu-west-1\",\"aws_services\":[\"S3\",\"AMAZON\"]") != NULL,
	      "one of Amazon's");
	row = sink_list_row(s, "peers.ndjson", "\"remote_address\":\"192.0.2.53\"", "\"flows\":1", NULL);
	CHECK(row != NULL && strstr(row, "\"bytes_sent\":60,\"bytes_received\":600") != NULL &&
	      strstr(row, "conntrack_timestamp") != NULL, "one that only the connection table knows");
	CHECK(sink_list_row(s, "peers.ndjson", "10.0.0.5", NULL, NULL) == NULL &&
	      sink_list_row(s, "peers.ndjson", "127.0.0.1", NULL, NULL) == NULL, "the host itself is none");
	CHECK(strcmp(sink_list_note(s, "network.peers"), "3") == 0, "three in all");
	peers_free(p);
	sink_list_free(s);
	(void)close(h.proc);
}

static void test_live(void)
{
	struct collector_request req = { .memory = MEMORY_NONE };
	struct sink *s = sink_list_open();
	struct host h;
	int wrong = 0;

	CHECK(host_open(&h) == 0 && collector_network.run(&h, &req, s) == 0, "this machine is walked");
	CHECK(sink_list_row(s, "interface_details.ndjson", "\"interface\":\"lo\"", "\"type\":772", NULL) != NULL, "its loopback");
	if (emulator_is_here())
		CHECK_SKIP("the emulator does not know the messages of rules");
	else
		CHECK(sink_list_row(s, "routing_rules.ndjson", "\"action\":\"lookup\"", "\"table\":255", NULL) != NULL,
		      "its rules");
	CHECK(sink_list_row(s, "peers.ndjson", "\"aws\":true", NULL, NULL) == NULL, "without a table nobody is Amazon's");
	CHECK(strcmp(sink_list_note(s, "network.aws_ranges"), "not given") == 0, "which is noted");
	for (unsigned long n = 1; n < 8; n++) {
		struct sink *bad = sink_list_open();

		sink_list_fail_at(bad, n, -ECANCELED);
		wrong += collector_network.run(&h, &req, bad) != -ECANCELED;
		sink_list_free(bad);
	}
	CHECK(wrong == 0, "a sink that fails ends the walk");
	sink_list_free(s);
	host_close(&h);
}

int main(void)
{
	struct aws_ranges *aws = NULL;

	if (buf_open(&out, 1 << 20) < 0)
		return 1;
	kept = sink_list_open();
	test_recorded();
	test_links_made();
	test_routes_made();
	test_rules_made();
	test_conntrack_lines();
	test_iptables("iptables", 7, "\"dst_port\":\"22:23\",\"target\":\"DROP\"",
		      "\"src_ip\":\"192.0.2.0\",\"src_mask\":\"255.255.255.0\"", "\"target\":\"MYCHAIN\"");
	test_iptables("iptables_nat", 5, "\"chain\":\"PREROUTING\",\"policy\":\"ACCEPT\"", "\"dst_port\":\"80\"",
		      "\"target\":\"REDIRECT\",\"target_revision\":0,\"target_data\":");
	test_iptables(NULL, 0, NULL, NULL, NULL);
	test_ranges(&aws);
	test_peers(aws);
	aws_ranges_free(aws);
	test_live();
	keep(-1);
	sink_list_free(kept);
	buf_free(&out);
	return CHECK_DONE();
}
