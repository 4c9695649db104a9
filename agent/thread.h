/* thread.h - a thread that nobody joins, for what may never return. */
#ifndef THREAD_H
#define THREAD_H

#include <stddef.h>

/*
 * Start ${run} with ${arg} in a thread of its own, which frees itself when it
 * returns.  ${stack_bytes}: of its stack, 0 for the C library's.  0 or -errno
 * of pthread_create(3); then ${arg} is still the caller's.
 */
int thread_start(void *(*run)(void *), void *arg, size_t stack_bytes);

#endif
