/* Secrets are masked, what makes evidence stays, and the bounds hold. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "scope.h"
#include "secrets.h"

static const struct {
	const char *text, *masked;
	size_t count;
} texts[] = {
	{ "nothing here", "nothing here", 0 },
	{ "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = abc/DEF+1\nregion = eu-west-1\n",
	  "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = ***\nregion = eu-west-1\n", 1 },
	{ "{\"SecretAccessKey\": \"a\\\"b\", \"SessionToken\":\"t0ken\", \"Region\": \"x\"}",
	  "{\"SecretAccessKey\": \"***\", \"SessionToken\":\"***\", \"Region\": \"x\"}", 2 },
	{ "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\nbnNz\n-----END OPENSSH PRIVATE KEY-----\nafter",
	  "-----BEGIN OPENSSH PRIVATE KEY-----***-----END OPENSSH PRIVATE KEY-----\nafter", 1 },
	{ "-----BEGIN RSA PRIVATE KEY-----\ncut", "-----BEGIN RSA PRIVATE KEY-----***", 1 },
	{ "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
	  "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", 0 },
	{ "root:$6$saltsalt$0123456789abcdefghij/.:19000:0", "root:$6$***:19000:0", 1 },
	{ "u:$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7:1", "u:$y$***:1", 1 },
	{ "price $1$ and {SHA} alone", "price $1$ and {SHA} alone", 0 },
	{ "postgres://app:hunter2@db:5432/x?y=1", "postgres://app:***@db:5432/x?y=1", 1 },
	{ "http://host:80/path@x", "http://host:80/path@x", 0 },
	{ "Authorization: Bearer abcdefgh.ijk", "Authorization: Bearer ***", 1 },
	{ "token ghp_0123456789012345678901234567890123456 end", "token ghp_*** end", 1 },
	{ "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQ", "AGE-SECRET-KEY-1***", 1 },
	{ "mysql --password=hunter2 -u root", "mysql --password=*** -u root", 1 },
	{ "export DB_PASSWORD='two words' && run", "export DB_PASSWORD='***' && run", 1 },
	{ "db.password = two words\nnext", "db.password = ***\nnext", 1 },
	{ "password=\nnext=1", "password=\nnext=1", 0 },
	{ "?api_key=k1&x=2", "?api_key=**&x=2", 1 },
	{ "credential_source = Ec2InstanceMetadata", "credential_source = Ec2InstanceMetadata", 0 },
};

static void test_texts(void)
{
	char out[512], same[512];
	size_t len, n;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		size_t in = strlen(texts[i].text), count = secrets_mask(texts[i].text, in, out, &len);

		CHECK(count == texts[i].count && len == strlen(texts[i].masked) &&
		      memcmp(out, texts[i].masked, len) == 0, "%.40s", texts[i].masked);
		memcpy(same, texts[i].text, in);
		if (secrets_mask(same, in, same, &n) != count || n != len || memcmp(same, out, len) != 0)
			CHECK(0, "the same in place: %s", texts[i].text);
	}
}

static void test_names(void)
{
	static const char *const secret[] = {
		"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "PGPASSWORD",
		"MYSQL_PWD", "db.password", "ApiKey", "private-key", "VAULT_SECRET_ID", "SMTP_PASS", "AZURE_STORAGE_ACCOUNT_KEY",
	};
	static const char *const not[] = {
		"AWS_ACCESS_KEY_ID", "PWD", "OLDPWD", "PATH", "AWS_WEB_IDENTITY_TOKEN_FILE", "SSH_ASKPASS",
		"SSH_AUTH_SOCK", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "GOOGLE_APPLICATION_CREDENTIALS", "", "_",
		"LD_PRELOAD", "HISTFILE", "TOKEN_URL",
	};

	for (size_t i = 0; i < ARRAY_LEN(secret); i++)
		CHECK(secrets_in_name(secret[i], strlen(secret[i])), "%s is a secret", secret[i]);
	for (size_t i = 0; i < ARRAY_LEN(not); i++)
		CHECK(!secrets_in_name(not[i], strlen(not[i])), "%s is none", not[i]);
}

static void test_values(void)
{
	char out[64], name[1000];
	size_t len;

	CHECK(secrets_mask_value("A_TOKEN", 7, "x\ny z", 5, out, &len) == 1 && len == 3 && memcmp(out, "***", 3) == 0,
	      "all of a value whose name says so");
	CHECK(secrets_mask_value("A_TOKEN", 7, "", 0, out, &len) == 0 && len == 0, "an empty one is empty");
	CHECK(secrets_mask_value("URL", 3, "redis://:pw@h", 13, out, &len) == 1 && len == 13 &&
	      memcmp(out, "redis://:**@h", 13) == 0, "another's parts");
	memset(name, 'a', sizeof(name));
	memcpy(name + 990, "_token", 6);
	CHECK(secrets_in_name(name, 996), "a long name");
}

int main(void)
{
	test_names();
	test_values();
	test_texts();
	return CHECK_DONE();
}
