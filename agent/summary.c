/*
 * summary.c - counting what a sink took and missed, and saying it as text.
 */
#include "summary.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "buf.h"
#include "errname.h"
#include "json.h"

void summary_gap(struct sink_summary *sum, int why)
{
	unsigned i = 0;

	sum->gaps++;
	/* By name: it becomes a key, and values without one share theirs. */
	while (i < sum->reason_count &&
	       strcmp(errname(sum->reasons[i].why), errname(why)) != 0)
		i++;
	if (i == SINK_REASONS)
		i--;
	else if (i == sum->reason_count)
		sum->reasons[sum->reason_count++].why = why;
	sum->reasons[i].count++;
}

void summary_gap_line(struct buf *list, const char *path, int why, const char *detail)
{
	size_t start = list->len;
	struct timespec now;
	struct json j;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	json_open(&j, list);
	json_object(&j, NULL);
	json_bytes(&j, "path", path, strnlen(path, SUMMARY_PATH_MAX));
	json_str(&j, "error", errname(why));
	json_i64(&j, "errno", -(int64_t)why);
	if (detail != NULL)
		json_bytes(&j, "detail", detail, strlen(detail));
	json_i64(&j, "time", now.tv_sec);
	json_object_end(&j);
	if (json_end(&j) < 0 || buf_add(list, "\n", 1) < 0)
		list->len = start;
}

void summary_note(struct sink_summary *sum, const char *key, const char *fmt, va_list ap)
{
	unsigned i = 0;

	while (i < sum->note_count && strcmp(sum->notes[i].key, key) != 0)
		i++;
	if (i == SINK_NOTES || strlen(key) >= sizeof(sum->notes[i].key))
		return;
	if (i == sum->note_count)
		memcpy(sum->notes[sum->note_count++].key, key, strlen(key) + 1);
	(void)vsnprintf(sum->notes[i].text, SINK_NOTE_MAX, fmt, ap);
}
