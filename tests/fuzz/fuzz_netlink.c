/* Answers of sock_diag: any datagram, every kind of socket, and its row. */
#include <linux/sock_diag.h>
#include <stddef.h>
#include <stdint.h>

#include "netlink.h"
#include "socket_diag.h"
#include "socket_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned sum;

static int each(void *arg, uint16_t type, const void *data, size_t len)
{
	struct socket_record s;

	(void)type;
	if (socket_diag_parse(arg, data, len, &s) < 0)
		return 0;
	/* What the record points to must be there. */
	for (size_t i = 0; i < s.name_len; i++)
		sum += s.name[i];
	for (size_t i = 0; i < s.filter_len; i++)
		sum += s.filter[i];
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct netlink_result result = { 0 };

	if (size == 0)
		return 0;
	for (size_t i = 0; socket_kinds[i].name != NULL; i++) {
		struct socket_kind kind = socket_kinds[i];

		if (kind.diag == DIAG_NONE)
			continue;
		/* Once as messages, once as the payload of one. */
		(void)netlink_parse(data + 1, size - 1, data[0], each, &kind, &result);
		(void)each(&kind, SOCK_DIAG_BY_FAMILY, data, size);
	}
	return 0;
}
