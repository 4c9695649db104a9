/* The packages collector: a changed program and one that is gone, against dpkg's sums; a failing sink. */
#include <fcntl.h>
#include <string.h>

#include "check.h"
#include "collector.h"
#include "sink_list.h"
#include "temp.h"
#include "walk_root.h"

#define TABLE "package_files.ndjson"

static struct temp top;

static int run(struct sink *s)
{
	return walk_root(&collector_packages, &top, s, false);
}

int main(void)
{
	struct sink *s = sink_list_open();
	unsigned long calls;

	temp_open(&top);
	CHECK(run(s) == 0 && sink_list_gaps(s, "", NULL) == 0, "a host without dpkg");
	sink_list_free(s);
	temp_put(&top, "var/lib/dpkg/status", "Package: coreutils\n");
	temp_put(&top, "usr/bin/ls", "hello\n");
	temp_put(&top, "usr/bin/ps", "evil\n");
	temp_put(&top, "var/lib/dpkg/info/coreutils.md5sums", "b1946ac92492d2347c6235b4d2611184  usr/bin/ls\n"
							       "b1946ac92492d2347c6235b4d2611184  usr/bin/ps\n"
							       "b1946ac92492d2347c6235b4d2611184  usr/bin/gone\n"
							       "b1946ac92492d2347c6235b4d2611184  usr/share/doc/x\nodd\n");
	s = sink_list_open();
	CHECK(run(s) == 0 && sink_list_gaps(s, "", NULL) == 0, "the host is read");
	CHECK(sink_list_row(s, TABLE, "/usr/bin/ls", NULL, NULL) == NULL, "what is as it was is no row");
	CHECK(sink_list_row(s, TABLE, "\"package\":\"coreutils\",\"path\":\"/usr/bin/ps\",\"status\":\"changed\"", "\"md5\":\"", NULL) != NULL, "a changed program");
	CHECK(sink_list_row(s, TABLE, "\"path\":\"/usr/bin/gone\",\"status\":\"missing\"", NULL, NULL) != NULL, "one that is gone");
	CHECK(sink_list_row(s, TABLE, "usr/share", NULL, NULL) == NULL && strcmp(sink_list_note(s, "packages.files_compared"), "2") == 0, "programs only");
	CHECK(sink_list_find(s, "files/var/lib/dpkg/status") != NULL, "the database itself");
	calls = sink_list_calls(s);
	sink_list_free(s);
	CHECK(walk_root_failing(&collector_packages, &top, calls) == 0, "a sink that fails at any of %lu calls ends it", calls);
	temp_close(&top);
	return CHECK_DONE();
}
