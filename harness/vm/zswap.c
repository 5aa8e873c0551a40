// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pages through zswap: the page of a key is a page of one anonymous mapping,
 * which is pushed out at once. Behind zswap is a device for what it refuses.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness/vm/guest.h"

#define PARAM "/sys/module/zswap/parameters/"
#define DEBUG "/sys/kernel/debug/zswap/"
#define SWAP_DEVICE "/dev/ram0"

static char *area;

static int swap(const struct guest_plan *plan, struct err *err)
{
	int ret;

	if (access(PARAM, F_OK))
		return err_set(err, -ENODEV,
			       "this kernel has no zswap (CONFIG_ZSWAP)");
	if (file_put(PARAM "compressor", plan->codec, NULL))
		return err_set(err, -EINVAL,
			       "this kernel's zswap has no codec %s",
			       plan->codec);
	/* Gone where zsmalloc is the only allocator that is left. */
	if (!access(PARAM "zpool", F_OK) &&
	    file_put(PARAM "zpool", plan->allocator, NULL))
		return err_set(err, -EINVAL,
			       "this kernel's zswap does not take %s",
			       plan->allocator);
	/* Everything fits, so that nothing is refused or written back. */
	ret = file_put(PARAM "max_pool_percent", "80", err);
	if (!ret)
		ret = file_put(PARAM "enabled", "Y", err);
	if (!ret && !access(PARAM "shrinker_enabled", F_OK))
		ret = file_put(PARAM "shrinker_enabled", "N", err);
	if (!ret)
		ret = file_put("/proc/sys/vm/page-cluster", "0", err);
	if (!ret && access(SWAP_DEVICE, F_OK))
		ret = err_set(err, -ENODEV,
			      "this kernel has no RAM disk to swap to "
			      "(CONFIG_BLK_DEV_RAM)");
	return ret ?: swap_on(SWAP_DEVICE, plan->swap_kb, err);
}

static int begin(const struct guest_plan *plan, uint64_t keys, struct err *err)
{
	int ret = swap(plan, err);

	if (ret)
		return ret;
	area = mmap(NULL, (keys + 1) * ZLT_PAGE_SIZE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (area == MAP_FAILED)
		return err_set(err, -ENOMEM, "no memory for %llu pages",
			       (unsigned long long)keys);
	return 0;
}

static int advise(uint64_t key, int what, struct err *err)
{
	if (madvise(area + key * ZLT_PAGE_SIZE, ZLT_PAGE_SIZE, what))
		return err_set(err, -errno, "madvise: %s", strerror(errno));
	return 0;
}

static int store(uint64_t key, const void *page, struct err *err)
{
	/* A page that is out would be read back before it is written. */
	int ret = advise(key, MADV_DONTNEED, err);

	if (ret)
		return ret;
	memcpy(area + key * ZLT_PAGE_SIZE, page, ZLT_PAGE_SIZE);
	return advise(key, MADV_PAGEOUT, err);
}

static int load(uint64_t key, struct err *err)
{
	*(volatile char *)(area + key * ZLT_PAGE_SIZE);
	return 0;
}

static int drop(uint64_t key, struct err *err)
{
	return advise(key, MADV_DONTNEED, err);
}

static void counters(char *text, size_t len)
{
	static const char *const names[] = {
		"pool_total_size",	"stored_pages",
		"same_filled_pages",	"reject_compress_poor",
		"reject_compress_fail", "reject_alloc_fail",
		"pool_limit_hit",	"written_back_pages",
	};
	char path[128], value[64];
	size_t i, n = 0;

	text[0] = '\0';
	for (i = 0; i < sizeof(names) / sizeof(names[0]) && n < len; i++) {
		snprintf(path, sizeof(path), DEBUG "%s", names[i]);
		if (file_get(path, value, sizeof(value)))
			continue;
		value[strcspn(value, "\n")] = '\0';
		n += (size_t)snprintf(text + n, len - n, "\t%s=%s", names[i],
				      value);
	}
}

const struct guest_user user_zswap = {
	.name = "zswap",
	.swap = swap,
	.begin = begin,
	.store = store,
	.load = load,
	.drop = drop,
	.counters = counters,
};
