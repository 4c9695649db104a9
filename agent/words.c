/*
 * words.c - values on the command line that several commands take.
 */
#include "words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agekey.h"
#include "collection_id.h"
#include "kmod_store.h"
#include "parse.h"
#include "quote.h"
#include "scope.h"
#include "seal.h"

#define DEADLINE_LEAST_S 5
#define DEADLINE_MOST_S (7 * 86400)

static int wrong(char error[CLI_ERROR_MAX], const char *why)
{
	(void)snprintf(error, CLI_ERROR_MAX, "%s", why);
	return -EINVAL;
}

int words_case(const char *value, char error[CLI_ERROR_MAX])
{
	if (!collection_case_ok(value))
		return wrong(error, "1 to 64 of A-Z a-z 0-9 . _ - and no dot first");
	return 0;
}

int words_recipient(const char *value, size_t have, uint8_t ret[32],
		    char error[CLI_ERROR_MAX])
{
	char why[AGEKEY_ERROR_MAX];

	if (have == SEAL_RECIPIENTS_MAX) {
		(void)snprintf(error, CLI_ERROR_MAX, "at most %u recipients",
			       SEAL_RECIPIENTS_MAX);
		return -E2BIG;
	}
	if (agekey_parse_recipient(value, ret, why) < 0)
		return wrong(error, why);
	return 0;
}

int words_memory(const char *value, enum collector_memory *ret,
		 char error[CLI_ERROR_MAX])
{
	static const struct { const char *word; enum collector_memory method; } words[] = {
		{ "auto", MEMORY_AUTO }, { "lime", MEMORY_LIME },
		{ "kcore", MEMORY_KCORE }, { "process", MEMORY_PROCESS },
		{ "all", MEMORY_ALL }, { "none", MEMORY_NONE },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(value, words[i].word) == 0) {
			*ret = words[i].method;
			return 0;
		}
	return wrong(error, "auto, lime, kcore, process, all or none");
}

int words_profile(const char *value, enum collector_profile *ret,
		  char error[CLI_ERROR_MAX])
{
	for (unsigned i = PROFILE_FAST; i <= PROFILE_FULL; i++)
		if (strcmp(value, words_profile_name(i)) == 0) {
			*ret = i;
			return 0;
		}
	return wrong(error, "fast, default or full");
}

const char *words_profile_name(enum collector_profile profile)
{
	static const char *const names[] = { "fast", "default", "full" };

	return names[profile];
}

int words_deadline(const char *value, uint64_t *ret_s, char error[CLI_ERROR_MAX])
{
	if (parse_duration(value, ret_s) < 0 || *ret_s < DEADLINE_LEAST_S ||
	    *ret_s > DEADLINE_MOST_S)
		return wrong(error, "a time from 5s to 168h: a number with s, m or h");
	return 0;
}

int words_collector(const char **list, size_t *ret_row, char error[CLI_ERROR_MAX])
{
	size_t len = strcspn(*list, ","), i = 0;
	char word[64], shown[80];

	while (collectors[i] != NULL && (strlen(collectors[i]->name) != len ||
					 memcmp(collectors[i]->name, *list, len) != 0))
		i++;
	if (collectors[i] == NULL) {
		(void)snprintf(word, sizeof(word), "%.*s", (int)(len < 60 ? len : 60), *list);
		(void)snprintf(error, CLI_ERROR_MAX, "no collector '%s'",
			       quote_text(shown, sizeof(shown), word));
		return -EINVAL;
	}
	*ret_row = i;
	*list = (*list)[len] == ',' ? *list + len + 1 : NULL;
	return 0;
}

int words_lime_store(void *at, const char *value, char error[CLI_ERROR_MAX])
{
	*(const char **)at = value;
	if (value[0] != '\0' && (strstr(value, "://") == NULL || kmod_store_is_place(value)))
		return 0;
	(void)snprintf(error, CLI_ERROR_MAX, "a directory, https://HOST/PATH or s3://BUCKET/PREFIX");
	return -EINVAL;
}

void words_mark(size_t row, bool *rows)
{
	size_t len = strlen(collectors[row]->name);

	for (size_t i = 0; collectors[i] != NULL; i++)
		if (strncmp(collectors[i]->name, collectors[row]->name, len) == 0 &&
		    (collectors[i]->name[len] == '\0' || collectors[i]->name[len] == '_'))
			rows[i] = true;
}
