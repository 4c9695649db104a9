/*
 * finding.c - what a check found.
 *
 * Names come from hostile sources and are quoted here, once.  When memory runs
 * out a finding is still counted and printed, only not kept.
 */
#include "finding.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bar.h"
#include "json.h"
#include "quote.h"

#define NAME_MAX_QUOTED 512
#define TEXT_MAX 512

static void keep(struct findings *f, const char *name, const char *text, bool problem)
{
	struct finding *grown;
	size_t cap = f->cap == 0 ? 16 : 2 * f->cap;

	if (f->count == FINDING_MAX)
		return;
	if (f->count == f->cap) {
		grown = reallocarray(f->list, cap, sizeof(*grown));
		if (grown == NULL)
			return;
		f->list = grown;
		f->cap = cap;
	}
	grown = &f->list[f->count];
	grown->name = strdup(name);
	grown->text = strdup(text);
	grown->is_problem = problem;
	if (grown->name != NULL && grown->text != NULL) {
		f->count++;
		return;
	}
	free(grown->name);
	free(grown->text);
}

__attribute__((format(printf, 4, 0)))
static void add(struct findings *f, bool problem, const char *name, const char *fmt,
		va_list ap)
{
	char quoted[NAME_MAX_QUOTED], text[TEXT_MAX];

	(void)quote_text(quoted, sizeof(quoted), name);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	if (f->out != NULL) {
		bar_clear();
		(void)fprintf(f->out, "%s: %s\n", quoted, text);
	}
	if (problem)
		f->problems++;
	keep(f, quoted, text, problem);
}

void finding_problem(struct findings *f, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(f, true, name, fmt, ap);
	va_end(ap);
}

void finding_note(struct findings *f, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(f, false, name, fmt, ap);
	va_end(ap);
}

static void list_json(const struct findings *f, struct json *j, const char *key,
		      bool problems)
{
	json_array(j, key);
	for (size_t i = 0; i < f->count; i++) {
		if (f->list[i].is_problem != problems)
			continue;
		json_object(j, NULL);
		json_str(j, "object", f->list[i].name);
		json_str(j, "text", f->list[i].text);
		json_object_end(j);
	}
	json_array_end(j);
}

void finding_json(const struct findings *f, struct json *j)
{
	json_u64(j, "problem_count", f->problems);
	list_json(f, j, "problems", true);
	list_json(f, j, "notes", false);
}

size_t finding_json_size(const struct findings *f)
{
	size_t size = 256;

	for (size_t i = 0; i < f->count; i++)
		size += 64 + 6 * (strlen(f->list[i].name) + strlen(f->list[i].text));
	return size;
}

void finding_free(struct findings *f)
{
	for (size_t i = 0; i < f->count; i++) {
		free(f->list[i].name);
		free(f->list[i].text);
	}
	free(f->list);
	memset(f, 0, sizeof(*f));
}
