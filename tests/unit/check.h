/* check.h - the whole unit test framework: TAP on stdout, continues after a failure. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>

static int check_count, check_failed;

/* Lines begin with "#" so that a message of several lines stays TAP. */
#define CHECK(cond, ...)                                                       \
	do {                                                                   \
		int check_ok = (cond) ? 1 : 0;                                 \
                                                                               \
		check_count++;                                                 \
		printf("%sok %d - ", check_ok ? "" : "not ", check_count);     \
		printf(__VA_ARGS__);                                           \
		printf("\n");                                                  \
		if (!check_ok) {                                               \
			check_failed++;                                        \
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);    \
		}                                                              \
		(void)fflush(stdout);                                          \
	} while (0)

/* A check that cannot be made here; ${why} is plain text. */
#define CHECK_SKIP(why)                                                        \
	do {                                                                   \
		printf("ok %d # SKIP %s\n", ++check_count, (why));             \
		(void)fflush(stdout);                                          \
	} while (0)

/* The plan and the exit status: "return CHECK_DONE();" ends main(). */
#define CHECK_DONE()                                                           \
	(printf("1..%d\n", check_count), check_failed > 0 || check_count == 0)

#endif
