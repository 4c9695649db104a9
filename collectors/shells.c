/*
 * shells.c - what people did and how their shells are set up, in every home.
 *
 * Takes histories and settings, and what says where they went from here.  Of
 * credentials it takes whose they are; the secrets in them are masked.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attr.h"
#include "collector.h"
#include "history.h"
#include "homes.h"
#include "scope.h"
#include "secrets.h"
#include "sink.h"
#include "table.h"
#include "take.h"

#define PATH_BYTES 2048u
#define COMMAND_BYTES ((size_t)64 << 10)

static const char *const names[] = {
	".*history*", ".*_hist", ".*histfile*", ".viminfo", ".lesshst", ".*rc", ".*profile",
	".bash*", ".z[a-z]*", ".login", ".logout", ".kshrc", ".wget-hsts", ".selected_editor",
	".gitconfig", ".git-credentials", ".netrc", ".rhosts", ".shosts", ".forward", ".pgpass",
	".my.cnf", ".s3cfg", ".boto", ".npmrc", ".pypirc", ".tmux.conf", ".vault-token", ".ssh",
	".aws", ".k5login", ".hushlogin", ".xsession*", ".pam_environment", ".recently-used*",
};

static const char *const paths[] = {
	"/.docker/config.json", "/.kube/config", "/.kube/cache/discovery", "/.gnupg",
	"/.config/fish", "/.local/share/fish", "/.local/share/recently-used.xbel",
	"/.local/share/nano", "/.local/state/bash", "/.local/state/zsh", "/.local/share/zsh",
	"/.config/git", "/.config/gh/hosts.yml", "/.config/gcloud", "/.config/rclone",
	"/.config/nvim", "/.vim/.netrwhist", "/.local/share/mc", "/.mc", "/.local/state/nvim/shada",
	"/.terraform.d/credentials.tfrc.json", "/.azure", "/.cache/thumbnails/normal",
	"/.local/share/Trash/info", "/snap/aws-cli/current/.aws", "/.ansible/cp", "/.screenrc",
};

static const char *const histories[] = {
	"/.bash_history", "/.history", "/.sh_history", "/.ash_history", "/.zsh_history", "/.zhistory",
	"/.ksh_history", "/.local/share/fish/fish_history", "/.local/state/bash/history",
	"/.local/share/zsh/history",
};

struct shells {
	struct take *take;
	struct table *table;
	struct history history;
	const char *path, *user;
	uint32_t uid;
	char *masked; /* COMMAND_BYTES, or NULL: secrets stay */
};

static int command(void *arg, char *line, size_t len, unsigned number)
{
	struct shells *s = arg;
	struct history *h = &s->history;
	size_t count = 0, n;
	struct json *j;

	if (!history_line(h, line, len))
		return 0;
	n = h->command.len < COMMAND_BYTES ? h->command.len : COMMAND_BYTES;
	if (s->masked != NULL) {
		count = secrets_mask(h->command.text, n, s->masked, &n);
		h->command.text = s->masked;
	}
	j = table_row(s->table);
	json_u64(j, "uid", s->uid);
	if (s->user != NULL)
		json_bytes(j, "username", s->user, strlen(s->user));
	json_bytes(j, "history_file", s->path, strlen(s->path));
	json_u64(j, "line_number", number);
	json_i64(j, "time", h->time_s);
	json_bytes(j, "command", h->command.text, n);
	if (count > 0)
		json_bool(j, "masked", true);
	return table_row_end(s->table);
}

static int read_history(struct shells *s, const char *path)
{
	struct attr a;
	AUTO_CLOSE int fd = tree_open_file(s->take->tree, path, &a);

	if (fd < 0) /* that it is no file, or a link to /dev/null, stands in "files_shells" */
		return 0;
	s->uid = a.uid;
	s->path = path;
	s->history = (struct history){ .time_s = 0 };
	return take_lines(s->take, path, command, s);
}

static int home(void *arg, const char *user, const char *dir)
{
	struct shells *s = arg;
	char path[PATH_BYTES];
	int r = 0;

	s->user = user;
	for (size_t i = 0; i < ARRAY_LEN(histories) && r == 0; i++)
		if (snprintf(path, sizeof(path), "%s%s", dir, histories[i]) < (int)sizeof(path))
			r = read_history(s, path);
	if (r == 0)
		r = take_matching(s->take, dir, names, ARRAY_LEN(names));
	for (size_t i = 0; i < ARRAY_LEN(paths) && r == 0; i++)
		if (snprintf(path, sizeof(path), "%s%s", dir, paths[i]) < (int)sizeof(path))
			r = take_path(s->take, path);
	return r;
}

static const struct tree_limits limits = {
	.depth = 16, .entries = 200000, .file_bytes = (uint64_t)32 << 20,
	.bytes = (uint64_t)512 << 20, .mask = true,
};

static const struct tree_limits full_limits = {
	.depth = 64, .entries = 2000000, .file_bytes = (uint64_t)1 << 30,
	.bytes = (uint64_t)8 << 30, .mask = true,
};

static int run(const struct host *host, const struct collector_request *req,
	       struct sink *sink)
{
	AUTO_FREE char *masked = malloc(COMMAND_BYTES);
	const struct tree_limits *most = req->profile == PROFILE_FULL ? &full_limits : &limits;
	struct shells s = { .take = NULL };
	struct take t;
	int r = take_open(&t, host, req, sink, most, "shells"), end;

	s.take = &t;
	s.masked = t.mask ? masked : NULL;
	if (masked == NULL)
		r = -ENOMEM;
	if (r == 0)
		r = table_open(&s.table, sink, "shell_history");
	if (r == 0)
		r = homes_each(&t, home, &s);
	end = table_close(s.table);
	return take_close(&t, r < 0 ? r : end);
}

const struct collector collector_shells = {
	.name = "shells",
	.group = "host",
	.reads = "every home: histories, shell settings, known hosts, credentials without secrets",
	.rank = RANK_ACCOUNT,
	.cost = COST_LOW,
	.profile = PROFILE_DEFAULT,
	.budget_s = 120,
	.run = run,
};
