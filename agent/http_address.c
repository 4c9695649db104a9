/*
 * http_address.c - addresses that are asked for or spoken to.
 *
 * Reads texts of the command line and of tickets; decides and changes nothing.
 */
#include "http.h"

#include <string.h>

#include "scope.h"

/* Is ${text} a port, from its colon to the end, or nothing? */
static bool is_port(const char *text)
{
	size_t digits = text[0] == ':' ? strspn(text + 1, "0123456789") : 0;

	return text[0] == '\0' || (digits > 0 && digits < 6 && text[1 + digits] == '\0');
}

bool http_may_be_plain(const char *url)
{
	static const char *const hosts[] = {
		"169.254.169.254", "[fd00:ec2::254]", "127.0.0.1", "[::1]",
	};
	size_t len;
	char port[8];

	if (strncmp(url, "http://", 7) != 0)
		return false;
	url += 7;
	len = strcspn(url, "/");
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		size_t host = strlen(hosts[i]);

		if (len < host || len - host >= sizeof(port) ||
		    strncmp(url, hosts[i], host) != 0)
			continue;
		memcpy(port, url + host, len - host);
		port[len - host] = '\0';
		return is_port(port);
	}
	return false;
}

bool http_is_proxy(const char *proxy)
{
	size_t host;

	if (strcmp(proxy, "env") == 0)
		return true;
	if (strncmp(proxy, "http://", 7) == 0)
		proxy += 7;
	else if (strncmp(proxy, "https://", 8) == 0)
		proxy += 8;
	else
		return false;
	if (proxy[0] == '[')
		host = strspn(proxy + 1, "0123456789abcdefABCDEF:.") + 2;
	else
		host = strspn(proxy, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789-.");
	return host > 0 && host < 256 && strnlen(proxy, host) == host &&
	       (proxy[0] != '[' || proxy[host - 1] == ']') && is_port(proxy + host);
}
