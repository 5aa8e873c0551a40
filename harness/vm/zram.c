// SPDX-License-Identifier: GPL-2.0-or-later
/* Pages through zram: the page of a key is the device's page of that number. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "harness/vm/guest.h"

#define SYS "/sys/block/zram0/"
#define DEVICE "/dev/zram0"

static int device = -1;

static int size_to(const struct guest_plan *plan, uint64_t bytes,
		   struct err *err)
{
	char text[256];

	if (access(SYS, F_OK))
		return err_set(err, -ENODEV,
			       "this kernel has no zram (CONFIG_ZRAM)");
	if (file_put(SYS "comp_algorithm", plan->codec, NULL)) {
		file_get(SYS "comp_algorithm", text, sizeof(text));
		text[strcspn(text, "\n")] = '\0';
		return err_set(err, -EINVAL,
			       "this kernel's zram has no codec %s; it has %s",
			       plan->codec, text);
	}
	snprintf(text, sizeof(text), "%llu", (unsigned long long)bytes);
	return file_put(SYS "disksize", text, err);
}

static int swap(const struct guest_plan *plan, struct err *err)
{
	return size_to(plan, (uint64_t)plan->swap_kb << 10, err)
		       ?: swap_on(DEVICE, plan->swap_kb, err);
}

static int begin(const struct guest_plan *plan, uint64_t keys, struct err *err)
{
	int ret = size_to(plan, (keys + 1) * ZLT_PAGE_SIZE, err);

	if (ret)
		return ret;
	device = open(DEVICE, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (device < 0)
		return err_set(err, -errno, DEVICE ": %s", strerror(errno));
	return 0;
}

/* Direct I/O needs an aligned buffer. */
static char buffer[ZLT_PAGE_SIZE] __attribute__((aligned(ZLT_PAGE_SIZE)));

static int store(uint64_t key, const void *page, struct err *err)
{
	memcpy(buffer, page, sizeof(buffer));
	if (pwrite(device, buffer, sizeof(buffer),
		   (off_t)(key * ZLT_PAGE_SIZE)) != sizeof(buffer))
		return err_set(err, -EIO, "zram refuses a page: %s",
			       strerror(errno));
	return 0;
}

static int load(uint64_t key, struct err *err)
{
	if (pread(device, buffer, sizeof(buffer),
		  (off_t)(key * ZLT_PAGE_SIZE)) != sizeof(buffer))
		return err_set(err, -EIO, "zram does not read a page: %s",
			       strerror(errno));
	return 0;
}

static int drop(uint64_t key, struct err *err)
{
	uint64_t range[2] = { key * ZLT_PAGE_SIZE, ZLT_PAGE_SIZE };

	if (ioctl(device, BLKDISCARD, range))
		return err_set(err, -errno, "zram does not discard a page: %s",
			       strerror(errno));
	return 0;
}

static int compact(struct err *err)
{
	return file_put(SYS "compact", "1", err);
}

static void counters(char *text, size_t len)
{
	static const char *const names[] = {
		"orig_data_size",  "compr_data_size", "mem_used_total",
		"mem_limit",	   "mem_used_max",    "same_pages",
		"pages_compacted", "huge_pages",      "huge_pages_since",
	};
	char stat[256], *word, *rest = stat;
	size_t i, n = 0;

	text[0] = '\0';
	if (file_get(SYS "mm_stat", stat, sizeof(stat)))
		return;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		word = strtok_r(rest, " \n", &rest);
		if (!word || n >= len)
			return;
		n += (size_t)snprintf(text + n, len - n, "\t%s=%s", names[i],
				      word);
	}
}

const struct guest_user user_zram = {
	.name = "zram",
	.swap = swap,
	.begin = begin,
	.store = store,
	.load = load,
	.drop = drop,
	.compact = compact,
	.counters = counters,
};
