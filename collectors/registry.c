/*
 * registry.c - the table of collectors, in order of volatility.
 *
 * A new collector is one file and one row here.
 */
#include "collector.h"

const struct collector *const collectors[] = {
	&collector_process,
	&collector_socket,
	&collector_hidden,
	&collector_network,
	&collector_kernel,
	&collector_time,
	&collector_cloud,
	&collector_process_files,
	&collector_process_maps,
	&collector_process_envs,
	&collector_process_threads,
	&collector_process_executables,
	&collector_memory,
	&collector_hidden_ports,
	&collector_users,
	&collector_persistence,
	&collector_shells,
	&collector_log,
	&collector_containers,
	&collector_packages,
	&collector_filesystem,
	NULL,
};
