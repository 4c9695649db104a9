/*
 * test_meter.c - the rate at which a vault takes objects: only busy time counts,
 * objects side by side count together, and the past fades.
 */
#include <stdbool.h>

#include "check.h"
#include "meter.h"

static bool near(double is, double wanted)
{
	return is > wanted * 0.99 && is < wanted * 1.01;
}

int main(void)
{
	struct meter m;

	meter_open(&m);
	CHECK(meter_rate(&m, 1000) == 0 && meter_need_ms(&m, 5, 1000) == -1, "nothing is known at first");
	meter_begin(&m, 1000, 1000);
	CHECK(meter_need_ms(&m, 0, 1500) == -1, "nor before the first is through");
	meter_end(&m, 1000, 1000, 2000);
	CHECK(near(meter_rate(&m, 2000), 1000), "1000 bytes in a second");
	CHECK(near(meter_rate(&m, 99000), 1000), "a vault that waits is not slow");
	CHECK(meter_need_ms(&m, 500, 99000) == 500, "500 bytes more take half a second");
	meter_begin(&m, 3000, 100000);
	meter_begin(&m, 3000, 100000);
	CHECK(meter_need_ms(&m, 0, 100000) == 6000, "what is on its way is to be waited for");
	meter_end(&m, 3000, 3000, 101000);
	meter_end(&m, 3000, 3000, 101000);
	CHECK(near(meter_rate(&m, 101000), 3500), "side by side they count together: %.0f",
	      meter_rate(&m, 101000));
	meter_begin(&m, 4000, 101000);
	meter_end(&m, 4000, 0, 109000);
	CHECK(near(meter_rate(&m, 109000), 700), "what is refused costs its time: %.0f",
	      meter_rate(&m, 109000));
	meter_open(&m);
	for (int i = 0; i < 60; i++) {
		meter_begin(&m, 9000, 1000 * i);
		meter_end(&m, 9000, 9000, 1000 * i + 1000);
	}
	for (int i = 60; i < 240; i++) {
		meter_begin(&m, 1000, 1000 * i);
		meter_end(&m, 1000, 1000, 1000 * i + 1000);
	}
	CHECK(meter_rate(&m, 240000) > 900 && meter_rate(&m, 240000) < 1300,
	      "the past fades: %.0f", meter_rate(&m, 240000));
	return CHECK_DONE();
}
