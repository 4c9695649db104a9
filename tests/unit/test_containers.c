/* The containers collector: configurations come, roots do not, secrets are masked; a failing sink. */
#include <fcntl.h>
#include <string.h>

#include "check.h"
#include "collector.h"
#include "sink_list.h"
#include "temp.h"
#include "walk_root.h"

static struct temp top;

static int run(struct sink *s)
{
	return walk_root(&collector_containers, &top, s, false);
}

int main(void)
{
	static const char task[] = "run/containerd/io.containerd.runtime.v2.task/moby/abc/";
	const struct sink_list_file *f;
	struct sink *s = sink_list_open();
	unsigned long calls;
	char path[256];

	temp_open(&top);
	CHECK(run(s) == 0 && sink_list_gaps(s, "", NULL) == 0, "a host without containers");
	sink_list_free(s);
	temp_put(&top, "var/lib/docker/containers/abc/config.v2.json", "{\"Image\":\"sha256:1\",\"Env\":[\"DB_PASSWORD=hunter22\"]}\n");
	(void)snprintf(path, sizeof(path), "%sconfig.json", task);
	temp_put(&top, path, "{}\n");
	(void)snprintf(path, sizeof(path), "%srootfs/etc/passwd", task);
	temp_put(&top, path, "root\n");
	temp_put(&top, "var/lib/docker/volumes/v/_data/file", "data\n");
	s = sink_list_open();
	CHECK(run(s) == 0 && sink_list_gaps(s, "", NULL) == 0, "the host is read");
	f = sink_list_find(s, "files/var/lib/docker/containers/abc/config.v2.json");
	CHECK(f != NULL && strstr(f->data, "sha256:1") != NULL && strstr(f->data, "hunter22") == NULL, "a configuration without its password");
	(void)snprintf(path, sizeof(path), "files/%sconfig.json", task);
	CHECK(sink_list_find(s, path) != NULL, "what containerd runs");
	(void)snprintf(path, sizeof(path), "files/%srootfs/etc/passwd", task);
	CHECK(sink_list_find(s, path) == NULL && sink_list_find(s, "files/var/lib/docker/volumes/v/_data/file") == NULL, "no container's files");
	calls = sink_list_calls(s);
	sink_list_free(s);
	CHECK(walk_root_failing(&collector_containers, &top, calls) == 0, "a sink that fails at any of %lu calls ends it", calls);
	temp_close(&top);
	return CHECK_DONE();
}
