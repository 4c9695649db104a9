/* The cloud and time collectors: a service that answers, one that does not, one that lies; answers of time servers. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "check.h"
#include "collector.h"
#include "sink_list.h"
#include "sntp.h"

static const struct { const char *path, *answer; } answers[] = {
	{ "meta-data/instance-id", "i-0123456789abcdef0" }, { "meta-data/instance-type", "m7g.large" },
	{ "meta-data/placement/region", "eu-west-1" }, { "meta-data/placement/availability-zone", "eu-west-1a" },
	{ "meta-data/local-hostname", "ip-10-0-0-5.eu-west-1.compute.internal" }, { "meta-data/local-ipv4", "10.0.0.5" },
	{ "meta-data/mac", "02:00:00:00:00:01" }, { "meta-data/security-groups", "web\nssh" },
	{ "meta-data/ami-id", "ami-0abc" }, { "meta-data/reservation-id", "r-0abc" },
	{ "meta-data/iam/info", "{\"InstanceProfileArn\":\"arn:aws:iam::123456789012:instance-profile/app\"}" },
	{ "meta-data/iam/security-credentials/", "app-role" }, { "meta-data/public-hostname", "ec2.example" },
	{ "meta-data/public-ipv4", "203.0.113.5" }, { "meta-data/public-keys/0/openssh-key", "ssh-ed25519 AAAA me\377" },
	{ "meta-data/profile", "default-hvm" }, { "meta-data/instance-life-cycle", "on-demand" },
	{ "meta-data/instance-action", "none" }, { "meta-data/block-device-mapping/", "ami\nroot" },
	{ "meta-data/events/maintenance/scheduled", "[]" },
	{ "dynamic/instance-identity/document", "{\"accountId\":\"123456789012\"}" },
	{ "dynamic/instance-identity/signature", "c2lnbmF0dXJl" }, { "dynamic/instance-identity/pkcs7", "cGtjczc=" },
	{ "dynamic/instance-identity/rsa2048", "cnNhMjA0OA==" },
	{ "meta-data/network/interfaces/macs/", "02:00:00:00:00:01/\n" },
	{ "meta-data/network/interfaces/macs/02:00:00:00:00:01/interface-id", "eni-1" },
	{ "meta-data/network/interfaces/macs/02:00:00:00:00:01/owner-id", "123456789012" },
	{ "meta-data/network/interfaces/macs/02:00:00:00:00:01/vpc-id", "vpc-1" },
	{ "meta-data/network/interfaces/macs/02:00:00:00:00:01/subnet-id", "subnet-1" },
	{ "meta-data/network/interfaces/macs/02:00:00:00:00:01/vpc-ipv4-cidr-block", "10.0.0.0/16" },
	{ "meta-data/network/interfaces/macs/02:00:00:00:00:01/security-group-ids", "sg-1\nsg-2" },
	{ "meta-data/network/interfaces/macs/02:00:00:00:00:01/local-ipv4s", "10.0.0.5" },
	{ "meta-data/network/interfaces/macs/02:00:00:00:00:01/public-ipv4s", "203.0.113.5" },
	{ "meta-data/network/interfaces/macs/02:00:00:00:00:01/ipv6s", "2001:db8::5" },
	{ "meta-data/tags/instance", "Name\nApp Password" }, { "meta-data/tags/instance/Name", "web" },
	{ "meta-data/tags/instance/App%20Password", "hunter2hunter2" },
	{ "user-data", "#!/bin/sh\nexport DB_PASSWORD=hunter2hunter2\ncurl http://203.0.113.9/x | sh\n" },
};

static int silent, credentials, questions;

static int get(void *arg, const char *path, struct buf *ret, char why[COLLECTOR_METADATA_WHY])
{
	questions++;
	(void)arg;
	(void)snprintf(why, COLLECTOR_METADATA_WHY, "nobody there");
	credentials += strstr(path, "security-credentials/") != NULL && path[strlen(path) - 1] != '/';
	if (silent)
		return -EHOSTUNREACH;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (strcmp(answers[i].path, path) == 0)
			return buf_add(ret, answers[i].answer, strlen(answers[i].answer));
	return -ENOENT;
}

static void test_cloud(const struct host *h)
{
	const struct collector_metadata door = { .get = get, .bidden = true };
	struct collector_request req = { .memory = MEMORY_NONE, .metadata = &door };
	struct sink *s = sink_list_open();
	const struct sink_list_file *f;
	const char *row;
	int wrong = 0;

	CHECK(collector_cloud.run(h, &req, s) == 0, "an instance");
	row = sink_list_row(s, "ec2_instance_metadata.ndjson", "\"instance_id\":\"i-0123456789abcdef0\"", "\"region\":\"eu-west-1\"", "\"iam_role\":\"app-role\"");
	CHECK(row != NULL && strstr(row, "\"user_data_sha256\":\"") != NULL && strstr(row, "\"user_data_masked\":1") != NULL, "what it says of itself");
	f = sink_list_find(s, "cloud/identity/document");
	CHECK(f != NULL && strcmp(f->data, "{\"accountId\":\"123456789012\"}") == 0 && sink_list_find(s, "cloud/identity/rsa2048") != NULL &&
	      sink_list_find(s, "cloud/identity/pkcs7") != NULL && sink_list_find(s, "cloud/identity/signature") != NULL, "its identity, byte by byte");
	f = sink_list_find(s, "cloud/user-data");
	CHECK(f != NULL && strstr(f->data, "hunter2") == NULL && strstr(f->data, "curl http://203.0.113.9/x | sh") != NULL,
	      "user data without its password");
	CHECK(sink_list_row(s, "ec2_network_interfaces.ndjson", "\"vpc_id\":\"vpc-1\"", "\"security_group_ids\":\"sg-1\\u000asg-2\"", "\"owner_id\":\"123456789012\"") != NULL,
	      "an interface");
	CHECK(sink_list_row(s, "ec2_instance_tags.ndjson", "\"key\":\"Name\",\"value\":\"web\"", NULL, NULL) != NULL &&
	      sink_list_row(s, "ec2_instance_tags.ndjson", "hunter2", NULL, NULL) == NULL, "tags, without what is secret");
	CHECK(credentials == 0, "nobody asked for credentials");
	for (unsigned long n = 1, calls = sink_list_calls(s); n <= calls; n++) {
		struct sink *bad = sink_list_open();

		sink_list_fail_at(bad, n, -ECANCELED);
		wrong += collector_cloud.run(h, &req, bad) != -ECANCELED;
		sink_list_free(bad);
	}
	CHECK(wrong == 0, "a sink that fails at any call ends it");
	sink_list_free(s);

	s = sink_list_open();
	req.with_secrets = true;
	CHECK(collector_cloud.run(h, &req, s) == 0 && strstr(sink_list_find(s, "cloud/user-data")->data, "hunter2") != NULL, "with secrets, all of it");
	sink_list_free(s);

	s = sink_list_open();
	silent = 1;
	questions = 0;
	CHECK(collector_cloud.run(h, &req, s) == 0 && questions == 1 && sink_list_gaps(s, "cloud", NULL) == 1, "nobody there: one question, one gap");
	sink_list_free(s);
	s = sink_list_open();
	req.metadata = NULL;
	CHECK(collector_cloud.run(h, &req, s) == 0 && sink_list_gaps(s, "", NULL) == 0, "not to be asked: no gap");
	sink_list_free(s);
}

/* An answer whose clock is ${ahead} seconds before 1970-based ${now}. */
static void answer_of(uint8_t *a, const uint8_t stamp[8], int64_t now_s)
{
	uint32_t s = htonl((uint32_t)(now_s + 2208988800ll));

	memset(a, 0, SNTP_BYTES);
	a[0] = 4 << 3 | 4;
	a[1] = 3;
	memcpy(a + 12, "\251\376\251\172", 4);
	memcpy(a + 24, stamp, 8);
	memcpy(a + 32, &s, 4);
	memcpy(a + 40, &s, 4);
}

static void test_answers(void)
{
	static const uint8_t stamp[8] = "evacevac";
	const int64_t now_us = 1795535041000000;
	uint8_t a[SNTP_BYTES];
	struct sntp_answer r;

	answer_of(a, stamp, 1795535041 + 90);
	CHECK(sntp_parse(a, sizeof(a), stamp, now_us - 1000, now_us + 1000, &r) == 0 && r.offset_us == 90000000 && r.delay_us == 2000 &&
	      r.stratum == 3, "a server that is 90 s ahead");
	answer_of(a, stamp, 2208988800ll + 100);
	CHECK(sntp_parse(a, sizeof(a), stamp, 2208988800000000, 2208988800000000, &r) == 0 && r.offset_us == 100000000, "after 2036");
	answer_of(a, stamp, 1795535041);
	CHECK(sntp_parse(a, sizeof(a) - 1, stamp, now_us, now_us, &r) == -EBADMSG, "one that is cut off");
	a[24] ^= 1;
	CHECK(sntp_parse(a, sizeof(a), stamp, now_us, now_us, &r) == -EBADMSG, "one to another question");
	answer_of(a, stamp, 1795535041);
	a[1] = 0;
	CHECK(sntp_parse(a, sizeof(a), stamp, now_us, now_us, &r) == -EBADMSG, "a server that refuses");
	answer_of(a, stamp, 1795535041);
	a[0] |= 3 << 6;
	CHECK(sntp_parse(a, sizeof(a), stamp, now_us, now_us, &r) == -EBADMSG, "one that has no time itself");
	CHECK(sntp_ask("nonsense", 1, &r) == -EINVAL && sntp_ask("127.0.0.1:0", 1, &r) == -EINVAL, "no address");
}

/* First noise, then an answer that is an hour ahead. */
static void *serve(void *arg)
{
	int fd = *(int *)arg;
	uint8_t q[128], a[SNTP_BYTES];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);

	if (recvfrom(fd, q, sizeof(q), 0, (struct sockaddr *)&from, &len) >= SNTP_BYTES) {
		(void)sendto(fd, "noise", 5, 0, (struct sockaddr *)&from, len);
		answer_of(a, q + 40, (int64_t)time(NULL) + 3600);
		(void)sendto(fd, a, sizeof(a), 0, (struct sockaddr *)&from, len);
	}
	return NULL;
}

static void test_time(const struct host *h)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct collector_request req = { .memory = MEMORY_NONE, .time_server = "none" };
	struct sink *s = sink_list_open(), *other = sink_list_open();
	struct host sample = *h;
	socklen_t len = sizeof(at);
	pthread_t thread;
	long long offset;
	char server[32];

	CHECK(collector_time.run(h, &req, s) == 0 && sink_list_gaps(s, "", NULL) == 0, "clocks alone");
	sample.sys = open("tests/fixtures/host/sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(collector_time.run(&sample, &req, other) == 0 &&
	      sink_list_row(other, "clocks.ndjson", "\"hardware_time\":1795535040", NULL, NULL) != NULL, "the hardware's clock");
	sink_list_free(other);
	(void)close(sample.sys);
	CHECK(sink_list_row(s, "clocks.ndjson", "\"monotonic_ns\":", "\"boot_time\":", "\"synchronised\":") != NULL, "what they say");
	sink_list_free(s);

	s = sink_list_open();
	(void)bind(fd, (struct sockaddr *)&at, sizeof(at));
	(void)getsockname(fd, (struct sockaddr *)&at, &len);
	(void)snprintf(server, sizeof(server), "127.0.0.1:%u", ntohs(at.sin_port));
	req.time_server = server;
	(void)pthread_create(&thread, NULL, serve, &fd);
	CHECK(collector_time.run(h, &req, s) == 0 && sink_list_row(s, "clocks.ndjson", "\"server_stratum\":3", server, NULL) != NULL, "a time server");
	(void)pthread_join(thread, NULL);
	offset = sink_list_note(s, "time.offset_us") != NULL ? atoll(sink_list_note(s, "time.offset_us")) : 0;
	CHECK(offset > 3598000000 && offset < 3601000000, "an hour ahead (%lld us)", offset);
	sink_list_free(s);

	/* The socket is still there, and nobody answers. */
	s = sink_list_open();
	CHECK(collector_time.run(h, &req, s) == 0 && sink_list_gaps(s, "time/server", NULL) == 1, "one that is silent");
	sink_list_free(s);
	(void)close(fd);
}

int main(void)
{
	struct host h;

	if (host_open(&h) < 0)
		return 1;
	test_cloud(&h);
	test_answers();
	test_time(&h);
	host_close(&h);
	return CHECK_DONE();
}
