/* Gives the collector what the plan gives it, and nothing else of this machine. */
#include "walk_root.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "collector.h"
#include "host.h"
#include "sink_list.h"
#include "taken.h"
#include "temp.h"

int walk_root(const struct collector *c, const struct temp *root, struct sink *s, bool with_secrets)
{
	struct host h = { .root = root->fd, .proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC), .sys = -1 };
	struct collector_request req = { .memory = MEMORY_NONE, .profile = PROFILE_DEFAULT, .with_secrets = with_secrets };
	struct taken taken;
	int r;

	taken_open(&taken);
	req.taken = &taken;
	r = c->run(&h, &req, s);
	taken_free(&taken);
	(void)close(h.proc);
	return r;
}

int walk_root_failing(const struct collector *c, const struct temp *root, unsigned long calls)
{
	int wrong = 0;

	assert(calls > 0);
	for (unsigned long n = 1; n <= calls; n++) {
		struct sink *s = sink_list_open();

		sink_list_fail_at(s, n, -ECANCELED);
		wrong += walk_root(c, root, s, false) != -ECANCELED;
		sink_list_free(s);
	}
	return wrong;
}
