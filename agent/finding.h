/* finding.h - what a check found: lines for people, a list for programs. */
#ifndef FINDING_H
#define FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct json;

struct finding {
	char *name;         /* of the object, quoted */
	char *text;
	bool is_problem;    /* else a note */
};

/* Zeroed but for ${out}: where each is printed at once, or NULL. */
struct findings {
	FILE *out;
	struct finding *list;
	size_t count, cap;  /* kept, at most FINDING_MAX */
	size_t problems;    /* all of them */
};

#define FINDING_MAX 100000

/* Something is wrong with ${name} (any bytes; it is quoted). */
void finding_problem(struct findings *f, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Something about ${name} that is worth saying and not wrong. */
void finding_note(struct findings *f, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The members "problems" and "notes" of an object. */
void finding_json(const struct findings *f, struct json *j);

/* Upper bound of what finding_json() writes, in bytes. */
size_t finding_json_size(const struct findings *f);

void finding_free(struct findings *f);

#endif
