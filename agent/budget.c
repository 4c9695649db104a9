/*
 * budget.c - how the time until the deadline is shared out.
 *
 *   begun ... collectors ... stop | sending | manifest | done, 100 ms | end
 */
#include "budget.h"

/* To say the last line, and to end. */
#define DONE_MS 100
/* The least time to send what collectors left, once they have stopped. */
#define SEND_MS 600

static int64_t clamp(int64_t ms, int64_t least, int64_t most)
{
	return ms < least ? least : ms > most ? most : ms;
}

void budget_open(struct budget *b, int64_t begun_ms, int64_t all_ms)
{
	*b = (struct budget){ .begun_ms = begun_ms };
	if (all_ms == 0)
		return;
	b->end_ms = begun_ms + all_ms;
	b->reserve_ms = clamp(all_ms / 20, 500, 3000);
}

int64_t budget_done(const struct budget *b)
{
	return b->end_ms == 0 ? 0 : b->end_ms - DONE_MS;
}

int64_t budget_stop(const struct budget *b, int64_t need_ms)
{
	int64_t all = b->end_ms - b->begun_ms, last = budget_done(b) - b->reserve_ms, stop;

	if (b->end_ms == 0)
		return 0;
	if (need_ms < 0)
		stop = b->end_ms - clamp(all / 10, 1000, 15000);
	else if (need_ms < all)
		stop = last - clamp(2 * need_ms, clamp(all / 20, 600, 3000), all);
	else
		stop = b->begun_ms;
	if (stop > last - SEND_MS)
		stop = last - SEND_MS;
	return stop < b->begun_ms + all / 2 ? b->begun_ms + all / 2 : stop;
}

int64_t budget_leave(const struct budget *b)
{
	return b->end_ms == 0 ? 0 : budget_done(b) - b->reserve_ms - SEND_MS / 2;
}

int64_t budget_share(const struct budget *b, int64_t now_ms, int64_t stop_ms, unsigned percent)
{
	if (b->end_ms == 0)
		return 0;
	return stop_ms > now_ms ? now_ms + (stop_ms - now_ms) * percent / 100 : now_ms;
}

int64_t budget_patience(const struct budget *b, int64_t usual_ms)
{
	int64_t most = (b->end_ms - b->begun_ms) / 5;

	return b->end_ms != 0 && most < usual_ms ? most : usual_ms;
}
