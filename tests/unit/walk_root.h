/* walk_root.h - a collector of files, run on a directory that stands for the host. */
#ifndef WALK_ROOT_H
#define WALK_ROOT_H

#include <stdbool.h>

struct collector;
struct sink;
struct temp;

/* Run ${c} on ${root}, with this machine's /proc and in a collection that has no file yet.  What it returns. */
int walk_root(const struct collector *c, const struct temp *root, struct sink *s, bool with_secrets);

/* A sink that fails at any of ${calls} calls: how often the collector does not end with that error.  ${calls} must be > 0. */
int walk_root_failing(const struct collector *c, const struct temp *root, unsigned long calls);

#endif
