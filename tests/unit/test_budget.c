/*
 * test_budget.c - the time until the deadline: there is always some for each part,
 * in the right order, whatever was measured.
 */
#include "budget.h"
#include "check.h"

static void test_none(void)
{
	struct budget b;

	budget_open(&b, 5000, 0);
	CHECK(budget_done(&b) == 0 && budget_stop(&b, -1) == 0 && budget_stop(&b, 9) == 0 &&
	      budget_leave(&b) == 0 && budget_share(&b, 6000, 0, 50) == 0 &&
	      budget_patience(&b, 15000) == 15000, "without a deadline nothing ends");
}

/* For each deadline and each need: half for collecting, then sending, then the manifest. */
static void test_order(int64_t all)
{
	static const int64_t needs[] = { -1, 0, 50, 500, 5000, 50000, 500000, INT64_MAX };
	const int64_t begun = 1000000;
	struct budget b;

	budget_open(&b, begun, all);
	CHECK(b.end_ms == begun + all && budget_done(&b) < b.end_ms && b.reserve_ms >= 500 &&
	      b.reserve_ms <= 3000, "%lld s: a reserve of %lld ms", (long long)all / 1000,
	      (long long)b.reserve_ms);
	for (unsigned i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		int64_t stop = budget_stop(&b, needs[i]), send = budget_done(&b) - b.reserve_ms - stop;

		CHECK(stop >= begun + all / 2 && send >= 300 && budget_leave(&b) > stop &&
		      budget_leave(&b) < budget_done(&b) - b.reserve_ms,
		      "  stops after %lld ms, then %lld ms to send", (long long)(stop - begun),
		      (long long)send);
		CHECK(needs[i] < 0 || needs[i] > all / 3 || send >= needs[i], "  enough for it");
	}
}

int main(void)
{
	struct budget b;

	test_none();
	test_order(5000);
	test_order(90000);
	test_order(7200000);
	budget_open(&b, 0, 90000);
	CHECK(budget_stop(&b, 0) > budget_stop(&b, 10000) &&
	      budget_stop(&b, 10000) - budget_stop(&b, 20000) == 20000,
	      "a slow vault makes it stop earlier");
	CHECK(budget_share(&b, 10000, 80000, 80) == 66000, "a fifth is for what comes after");
	CHECK(budget_share(&b, 80000, 70000, 80) == 80000, "there may be none left");
	CHECK(budget_patience(&b, 15000) == 15000, "patience fits into a long deadline");
	budget_open(&b, 0, 6000);
	CHECK(budget_patience(&b, 15000) == 1200, "and is less in a short one");
	return CHECK_DONE();
}
