/* thread.c - detached threads. */
#include "thread.h"

#include <pthread.h>

int thread_start(void *(*run)(void *), void *arg, size_t stack_bytes)
{
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	(void)pthread_attr_init(&attr);
	if (stack_bytes != 0)
		(void)pthread_attr_setstacksize(&attr, stack_bytes);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&thread, &attr, run, arg);
	(void)pthread_attr_destroy(&attr);
	return -r;
}
