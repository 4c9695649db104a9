/*
 * containers.c - which containers and images there are, from the state folders of
 * Docker, containerd, podman and CRI-O.
 *
 * Takes metadata, configurations and the containers' own logs, never their file
 * systems: an image of the disk has those.  Which process is in which container
 * stands in "processes".
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collector.h"
#include "scope.h"
#include "sink.h"
#include "take.h"

#define PATH_BYTES 2048u

static const char *const paths[] = {
	"/etc/docker", "/etc/containerd", "/etc/containers", "/etc/crio", "/etc/cni/net.d",
	"/etc/crictl.yaml", "/var/lib/docker/containers", "/var/lib/docker/network/files",
	"/var/lib/docker/volumes/metadata.db", "/var/lib/docker/swarm/docker-state.json",
	"/var/lib/docker/image/overlay2/repositories.json", "/var/lib/docker/image/overlay2/imagedb/content",
	"/var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db",
	"/var/lib/containers/storage/overlay-containers/containers.json",
	"/var/lib/containers/storage/overlay-images/images.json",
	"/var/lib/containers/storage/libpod/bolt_state.db", "/var/lib/containers/storage/db.sql",
	"/var/lib/kubelet/config.yaml", "/var/lib/kubelet/cpu_manager_state", "/etc/kubernetes",
	"/etc/ecs", "/var/lib/ecs/data", "/run/crio/version",
};

/* In each directory of a place, these alone: beside them lies the container's root. */
static const struct {
	const char *place;
	const char *names[6];
	size_t count;
} inside[] = {
	{ "/run/containerd/io.containerd.runtime.v2.task/moby", { "config.json", "init.pid", "options.json" }, 3 },
	{ "/run/containerd/io.containerd.runtime.v2.task/k8s.io", { "config.json", "init.pid", "options.json" }, 3 },
	{ "/run/containerd/io.containerd.runtime.v2.task/default", { "config.json", "init.pid", "options.json" }, 3 },
	{ "/var/lib/containers/storage/overlay-containers", { "userdata" }, 1 },
	{ "/run/containers/storage/overlay-containers", { "userdata" }, 1 },
	{ "/var/lib/docker/volumes", { "opts.json" }, 1 },
	{ "/run/runc", { "state.json" }, 1 },
	{ "/run/crun", { "status", "config.json" }, 2 },
	{ "/run/docker/runtime-runc/moby", { "state.json" }, 1 },
};

static const struct tree_limits limits = {
	.depth = 16, .entries = 500000, .file_bytes = (uint64_t)128 << 20,
	.bytes = (uint64_t)2 << 30, .mask = true,
};

static int take_inside(struct take *t, const char *place, const char *const *names, size_t count)
{
	AUTO_CLOSEDIR DIR *d = tree_open_dir(t->tree, place);
	char path[PATH_BYTES];
	struct dirent *e;
	int r = 0;

	if (d == NULL)
		return errno == ENOENT || errno == ENOTDIR ? 0 : sink_gap(t->sink, place, -errno, NULL);
	while (r == 0 && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", place, e->d_name);
		r = take_matching(t, path, names, count);
	}
	return r;
}

static int run(const struct host *host, const struct collector_request *req,
	       struct sink *sink)
{
	struct take t;
	int r = take_open(&t, host, req, sink, &limits, "containers");

	for (size_t i = 0; i < ARRAY_LEN(inside) && r == 0; i++)
		r = take_inside(&t, inside[i].place, inside[i].names, inside[i].count);
	if (r == 0)
		r = take_paths(&t, paths, ARRAY_LEN(paths));
	return take_close(&t, r);
}

const struct collector collector_containers = {
	.name = "containers",
	.group = "host",
	.reads = "metadata, configurations and logs of Docker, containerd, podman, CRI-O, Kubernetes",
	.rank = RANK_STATE,
	.cost = COST_MEDIUM,
	.profile = PROFILE_DEFAULT,
	.budget_s = 180,
	.run = run,
};
