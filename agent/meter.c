/*
 * meter.c - how fast segments are built and taken by the vault.
 *
 * Time counts only while something is on its way: a vault that waits for evidence
 * is not a slow one.  What is half a minute old counts half.
 */
#include "meter.h"

#define HALF_MS 30000.0

void meter_open(struct meter *m)
{
	*m = (struct meter){ .flying = 0 };
	(void)pthread_mutex_init(&m->lock, NULL);
}

static void advance(struct meter *m, int64_t now_ms)
{
	if (m->flying > 0)
		m->busy_ms += (double)(now_ms - m->since_ms);
	m->since_ms = now_ms;
	if (m->busy_ms >= 2 * HALF_MS) {
		m->busy_ms /= 2;
		m->bytes /= 2;
	}
}

void meter_begin(struct meter *m, size_t bytes, int64_t now_ms)
{
	(void)pthread_mutex_lock(&m->lock);
	advance(m, now_ms);
	m->flying++;
	m->flying_bytes += bytes;
	(void)pthread_mutex_unlock(&m->lock);
}

void meter_end(struct meter *m, size_t bytes, size_t taken, int64_t now_ms)
{
	(void)pthread_mutex_lock(&m->lock);
	advance(m, now_ms);
	m->flying--;
	m->flying_bytes -= bytes;
	m->bytes += (double)taken;
	(void)pthread_mutex_unlock(&m->lock);
}

static double rate(const struct meter *m)
{
	if (m->bytes <= 0)
		return 0;
	return m->bytes * 1000 / (m->busy_ms < 1 ? 1 : m->busy_ms);
}

double meter_rate(struct meter *m, int64_t now_ms)
{
	double r;

	(void)pthread_mutex_lock(&m->lock);
	advance(m, now_ms);
	r = rate(m);
	(void)pthread_mutex_unlock(&m->lock);
	return r;
}

int64_t meter_need_ms(struct meter *m, uint64_t more_bytes, int64_t now_ms)
{
	double r;
	int64_t ms = -1;

	(void)pthread_mutex_lock(&m->lock);
	advance(m, now_ms);
	r = rate(m);
	if (r > 0)
		ms = (int64_t)((double)(m->flying_bytes + more_bytes) * 1000 / r);
	(void)pthread_mutex_unlock(&m->lock);
	return ms;
}
