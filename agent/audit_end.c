/*
 * audit_end.c - what a collection lacks, and what it has too much.
 *
 * Compares the list of objects with the verified manifest or, where the run
 * was cut short before it wrote one, with the numbers that the names have.
 */
#include "audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collection.h"
#include "finding.h"
#include "manifest_read.h"
#include "quote.h"

#define HOLES_SHOWN 100

bool audit_is_lost(const struct audit *a, const char *name)
{
	for (size_t i = 0; a->manifest != NULL && i < a->manifest->lost_count; i++)
		if (strcmp(a->manifest->lost[i].name, name) == 0)
			return true;
	return false;
}

/* Segments of which only the signature is there. */
static void check_lone_signatures(struct audit *a)
{
	for (size_t i = 0; i < a->collection->segment_count; i++) {
		const struct collection_object *o = &a->collection->segments[i];

		if (o->present)
			continue;
		if (a->cut)
			finding_note(a->findings, o->name, "in flight when the run was "
				     "cut: only its signature arrived");
		/* The manifest's own records of it say more than this would. */
		else if (audit_record(a, o->name) == NULL && !audit_is_lost(a, o->name))
			finding_problem(a->findings, o->name,
					"missing: only its signature is there");
	}
	if (a->cut && a->collection->manifest.has_signature)
		finding_note(a->findings, COLLECTION_MANIFEST, "in flight when the run was "
			     "cut: only its signature arrived");
}

/* Is ${name}, of number ${number}, there?  ${at}: where its number begins. */
static bool is_present(const struct collection *c, size_t at, unsigned number,
		       const char *name)
{
	for (; at < c->segment_count && c->segments[at].number == number; at++)
		if (c->segments[at].present && strcmp(c->segments[at].name, name) == 0)
			return true;
	return false;
}

static void check_records(struct audit *a)
{
	const struct collection *c = a->collection;
	const struct manifest_view *m = a->manifest;
	char why[256];
	size_t at = 0;

	/* Both lists are in order of their numbers. */
	for (size_t i = 0; i < m->segment_count; i++) {
		const struct manifest_read_segment *s = &m->segments[i];

		while (at < c->segment_count && c->segments[at].number < s->number)
			at++;
		if (!is_present(c, at, s->number, s->name))
			finding_problem(a->findings, s->name,
					"missing: the manifest names it");
	}
	/* This list is in the order of the losses. */
	for (size_t i = 0; i < m->lost_count; i++) {
		const struct manifest_read_lost *l = &m->lost[i];

		for (at = 0; at < c->segment_count && c->segments[at].number < l->number; at++)
			;
		if (!is_present(c, at, l->number, l->name))
			finding_problem(a->findings, l->name,
					"never stored, says the manifest: %s",
					quote_text(why, sizeof(why), l->why));
	}
}

/* Numbers below the highest that no segment, and no lost one, has. */
static void check_numbers(struct audit *a)
{
	const struct collection *c = a->collection;
	const struct manifest_view *m = a->manifest;
	size_t count = m != NULL ? m->segment_count : c->segment_count, shown = 0;
	size_t lost = m != NULL ? m->lost_count : 0;
	unsigned highest = 0, *numbers;
	bool *seen;

	numbers = calloc(count + lost + 1, sizeof(*numbers));
	if (numbers == NULL)
		return;
	for (size_t i = 0; i < count; i++)
		numbers[i] = m != NULL ? m->segments[i].number : c->segments[i].number;
	for (size_t i = 0; i < lost; i++)
		numbers[count + i] = m->lost[i].number;
	/* A number past this many shows by the holes below it. */
	seen = calloc(count + lost + HOLES_SHOWN + 1, sizeof(*seen));
	for (size_t i = 0; seen != NULL && i < count + lost; i++) {
		if (numbers[i] < count + lost + HOLES_SHOWN)
			seen[numbers[i]] = true;
		if (numbers[i] > highest)
			highest = numbers[i];
	}
	for (unsigned n = 0; seen != NULL && n < highest && shown < HOLES_SHOWN &&
			     n < count + lost + HOLES_SHOWN; n++) {
		char name[32];

		if (seen[n])
			continue;
		shown++;
		(void)snprintf(name, sizeof(name), "%04u", n);
		if (a->cut)
			finding_note(a->findings, name, "no object of this number arrived");
		else
			finding_problem(a->findings, name, "no segment has this number");
	}
	free(seen);
	free(numbers);
}

static void check_others(struct audit *a)
{
	const struct collection *c = a->collection;

	for (size_t i = 0; i < c->other_count; i++)
		finding_problem(a->findings, c->others[i].name,
				"it does not belong to a collection of evac");
	for (size_t i = 1; i < c->segment_count; i++)
		if (c->segments[i].number == c->segments[i - 1].number &&
		    c->segments[i].present && c->segments[i - 1].present)
			finding_problem(a->findings, c->segments[i].name,
					"another segment has this number too");
}

/* The marker that volatile state is safe: it may be missing only when cut. */
static void check_marker(struct audit *a)
{
	const struct collection_object *o = &a->collection->marker;

	if (o->present)
		(void)audit_object(a, COLLECTION_MARKER);
	else if (a->manifest != NULL && a->manifest->has_marker)
		finding_problem(a->findings, COLLECTION_MARKER, "missing");
	else if (o->has_signature)
		finding_note(a->findings, COLLECTION_MARKER, "in flight when the run was "
			     "cut: only its signature arrived");
}

void audit_end(struct audit *a)
{
	check_lone_signatures(a);
	check_marker(a);
	if (a->manifest != NULL)
		check_records(a);
	check_numbers(a);
	check_others(a);
	if (a->collection->segment_count == 0 && !a->collection->manifest.present)
		finding_note(a->findings, COLLECTION_MANIFEST, "there is nothing but the key");
	if (!a->key_given && a->genuine == 0 && a->failed > 0 && a->manifest == NULL)
		finding_problem(a->findings, COLLECTION_PUBLIC,
				"it verifies nothing here: it was changed, or all else was");
}
