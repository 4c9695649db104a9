/* Lines of /proc/net: any bytes, every layout. */
#include <stddef.h>
#include <stdint.h>

#include "procfs.h"
#include "socket_proc.h"
#include "socket_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned sum;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *line;
	struct socket_record s;
	size_t n;

	while (procfs_line(&text, &size, &line, &n))
		for (size_t i = 0; socket_kinds[i].name != NULL; i++) {
			if (socket_proc_parse(&socket_kinds[i], line, n, &s) < 0)
				continue;
			for (size_t k = 0; k < s.name_len; k++)
				sum += s.name[k];
		}
	return 0;
}
