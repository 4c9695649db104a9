/*
 * registry.c - the table of collectors, in order of volatility.
 *
 * A new collector is one file and one row here.
 */
#include "collector.h"

const struct collector *const collectors[] = {
	&collector_process,
	&collector_socket,
	&collector_network,
	&collector_kernel,
	&collector_time,
	&collector_cloud,
	&collector_memory,
	&collector_users,
	&collector_persistence,
	&collector_shells,
	&collector_log,
	&collector_containers,
	&collector_packages,
	&collector_filesystem,
	NULL,
};
