// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * lime.c - a kernel module that behaves as LiME does when things go wrong, for tests of its reader.
 *
 * Writes the ranges of System RAM to ${path} as LiME does, up to ${FAULT_BYTES}, and then
 *   FAULT_SHORT  returns success, as LiME does for a dump that is cut,
 *   FAULT_HANG   stands still inside the kernel, where no signal ends it.
 */
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/module.h>

static char *path, *format;
static long timeout = 1000;
module_param(path, charp, 0444);
module_param(format, charp, 0444);
module_param(timeout, long, 0444);

struct header {
	u32 magic, version;
	u64 start, end, reserved;
} __packed;

static struct file *out;
static u64 left = FAULT_BYTES;

/* False when it is time to fail. */
static bool put(const void *data, size_t len)
{
	loff_t pos = 0;

	if (len > left || kernel_write(out, data, len, &pos) != len)
		return false;
	left -= len;
	return true;
}

static bool put_range(const struct resource *r)
{
	const struct header h = { 0x4c694d45, 1, r->start, r->end, 0 };
	static const char zeros[4096];

	if (!put(&h, sizeof(h)))
		return false;
	for (u64 at = r->start; at <= r->end; at += PAGE_SIZE) {
		u64 n = min_t(u64, PAGE_SIZE, r->end - at + 1);

		if (!put(n < PAGE_SIZE ? zeros : __va(at), n))
			return false;
	}
	return true;
}

static int __init faulty_init(void)
{
	if (!path || !format || timeout != 0)
		return -EINVAL;
	out = filp_open(path, O_WRONLY, 0);
	if (IS_ERR(out))
		return PTR_ERR(out);
	for (struct resource *r = iomem_resource.child; r; r = r->sibling)
		if (!strcmp(r->name, "System RAM") && !put_range(r))
			break;
#ifdef FAULT_HANG
	for (;;)
		msleep(1000);
#endif
	filp_close(out, NULL);
	return 0;
}

static void __exit faulty_exit(void)
{
}

module_init(faulty_init);
module_exit(faulty_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("LiME's failures, for tests");
