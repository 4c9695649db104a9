/* ec2.h - is this machine an EC2 instance, by what its firmware says? */
#ifndef EC2_H
#define EC2_H

#include <stdbool.h>

struct host;

/*
 * By DMI's vendor, or the hypervisor's UUID on Xen ("Detect whether a host is an
 * EC2 instance", EC2 User Guide).  It decides only whether the services of EC2
 * are asked unbidden: elsewhere nobody answers, and each costs a second.
 */
bool ec2_is(const struct host *host);

#endif
