/*
 * ec2.c - is this machine an EC2 instance, by what its firmware says?
 */
#include "ec2.h"

#include <string.h>
#include <strings.h>
#include <sys/types.h>

#include "host.h"
#include "io.h"
#include "scope.h"

bool ec2_is(const struct host *host)
{
	static const struct {
		const char *file, *begins;
	} signs[] = {
		{ "devices/virtual/dmi/id/sys_vendor", "Amazon EC2" },
		{ "devices/virtual/dmi/id/bios_vendor", "Amazon EC2" },
		{ "hypervisor/uuid", "ec2" },
	};
	char text[64];

	for (size_t i = 0; i < ARRAY_LEN(signs); i++)
		if (io_read_file(host->sys, signs[i].file, text, sizeof(text)) > 0 &&
		    strncasecmp(text, signs[i].begins, strlen(signs[i].begins)) == 0)
			return true;
	return false;
}
