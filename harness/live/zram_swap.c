// SPDX-License-Identifier: GPL-2.0-or-later
/* A borrowed zram device as swap: pages of this process go out to it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <unistd.h>

#include "harness/live/internal.h"
#include "harness/swap/page.h"
#include "lib/random.h"

/* Where the kernel looks for a swap area's header, and what it looks for. */
#define HEADER_AT 1024
#define HEADER_MAGIC "SWAPSPACE2"

/* Bit of an entry of /proc/PID/pagemap: the page is swapped out. */
#define PAGEMAP_SWAPPED (1ull << 62)

/* A page that was written on another CPU than it is pushed out on stays. */
#define TRIES 100

/**
 * struct header - the part of a swap area's header that is not optional
 * @version: 1
 * @last_page: of the area
 * @bad_pages: how many are not to be used
 */
struct header {
	uint32_t version, last_page, bad_pages;
};

static bool says_yes(const char *path)
{
	FILE *f = fopen(path, "re");
	bool yes = f && fgetc(f) == 'Y';

	if (f)
		fclose(f);
	return yes;
}

int zram_swap_check(const char *zswap, const char *swaps, struct err *err)
{
	struct zram_swaps seen;

	if (says_yes(zswap))
		return err_set(
			err, -EBUSY,
			"zswap is on and would take the pages; \"echo N > "
			"%s\" turns it off, until it is written Y again",
			zswap);
	zram_swapped(swaps, 0, &seen);
	if (seen.highest >= SWAP_FLAG_PRIO_MASK)
		return err_set(err, -EBUSY,
			       "a swap area has the highest priority, %d, and "
			       "would take the pages; \"swapon -p\" gives it "
			       "another",
			       seen.highest);
	return 0;
}

static int map(struct zram_swap *s, uint64_t keys, struct err *err)
{
	if (keys < ZRAM_PROBES)
		keys = ZRAM_PROBES;
	s->span = keys * MM_STAT_PAGE;
	s->zero = calloc(keys, sizeof(*s->zero));
	s->zeroes = 0;
	s->pages = mmap(NULL, s->span, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (s->pages == MAP_FAILED)
		s->pages = NULL;
	if (!s->zero || !s->pages)
		return err_set(err, -ENOMEM, "out of memory");
	/* Fails where the kernel has no huge pages. */
	madvise(s->pages, s->span, MADV_NOHUGEPAGE);
	s->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	return s->pagemap < 0 ? err_set(err, -errno, "/proc/self/pagemap: %s",
					strerror(errno))
			      : 0;
}

void zram_swap_forget(struct zram *z)
{
	struct zram_swap *s = &z->swap;

	if (s->pages)
		munmap(s->pages, s->span);
	if (s->pagemap >= 0)
		close(s->pagemap);
	free(s->zero);
	s->pages = NULL;
	s->zero = NULL;
	s->pagemap = -1;
}

static int write_header(struct zram *z, struct err *err)
{
	static char page[MM_STAT_PAGE] __attribute__((aligned(MM_STAT_PAGE)));
	unsigned long long bytes = strtoull(z->size, NULL, 10);
	struct header h = { 1, (uint32_t)(bytes / MM_STAT_PAGE - 1), 0 };
	size_t magic = sizeof(HEADER_MAGIC) - 1;
	int ret;

	memcpy(page + HEADER_AT, &h, sizeof(h));
	memcpy(page + MM_STAT_PAGE - magic, HEADER_MAGIC, magic);
	ret = zram_store(z, 0, page);
	return ret ? err_set(err, ret, "%s does not take a page: %s",
			     z->place.path, strerror(-ret))
		   : 0;
}

static int start(struct zram *z, struct err *err)
{
	zram_hold(z, ZRAM_SWAP);
	if (!swapon(z->place.path, SWAP_FLAG_PREFER | SWAP_FLAG_PRIO_MASK))
		return 0;
	return errno == EPERM
		       ? err_set(err, -EPERM,
				 "swapon is not allowed here, as in a "
				 "container; without --swap pages are written "
				 "to %s",
				 z->place.path)
		       : err_set(err, -errno, "%s cannot be swap: %s",
				 z->place.path, strerror(errno));
}

/* The kernel has read the header; on the device it would be a page too many. */
static int drop_header(struct zram *z, struct err *err)
{
	uint64_t range[2] = { 0, MM_STAT_PAGE };

	if (ioctl(z->fd, BLKDISCARD, range) ||
	    attr_write(z->place.dir, "mem_used_max", "0"))
		return err_set(err, -EIO, "%s: the swap header cannot be freed",
			       z->place.path);
	return 0;
}

int zram_swap_on(struct zram *z, uint64_t keys, struct err *err)
{
	int ret = map(&z->swap, keys, err);

	if (ret)
		return ret;
	/* The kernel wants the device for itself. */
	close(z->fd);
	z->fd = open(z->place.path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (z->fd < 0)
		return err_set(err, -errno, "%s: %s", z->place.path,
			       strerror(errno));
	ret = write_header(z, err);
	if (!ret)
		ret = start(z, err);
	return ret ? ret : drop_header(z, err);
}

int zram_swap_off(struct zram *z, struct err *err)
{
	zram_swap_forget(z);
	if (z->hold != ZRAM_SWAP)
		return 0;
	if (swapoff(z->place.path))
		return err_set(err, -errno, "swapoff %s: %s", z->place.path,
			       strerror(errno));
	zram_hold(z, ZRAM_OURS);
	return 0;
}

static char *page_of(const struct zram_swap *s, uint32_t key)
{
	return s->pages + (size_t)key * MM_STAT_PAGE;
}

static void set_zero(struct zram_swap *s, uint32_t key, bool zero)
{
	if (s->zero[key] != zero)
		atomic_fetch_add(&s->zeroes, zero ? 1 : -1);
	s->zero[key] = zero;
}

static bool is_out(const struct zram_swap *s, uint32_t key)
{
	off_t at = (off_t)((uintptr_t)page_of(s, key) / MM_STAT_PAGE *
			   sizeof(uint64_t));
	uint64_t entry = 0;

	return pread(s->pagemap, &entry, sizeof(entry), at) == sizeof(entry) &&
	       entry & PAGEMAP_SWAPPED;
}

static int discard(void *z, uint32_t key)
{
	struct zram_swap *s = &((struct zram *)z)->swap;

	set_zero(s, key, false);
	return madvise(page_of(s, key), MM_STAT_PAGE, MADV_DONTNEED) ? -errno
								     : 0;
}

/*
 * The old page goes first: to write over it would be to read it back. The
 * kernel takes a page only from the CPU that it was written on; a second try
 * with a new page is on one CPU, most likely.
 */
static int store(void *z, uint32_t key, const void *page)
{
	struct zram_swap *s = &((struct zram *)z)->swap;
	char *to = page_of(s, key);
	unsigned long fill;
	int i, ret;

	for (i = 0; i < TRIES; i++) {
		ret = discard(z, key);
		if (ret)
			return ret;
		memcpy(to, page, MM_STAT_PAGE);
		if (madvise(to, MM_STAT_PAGE, MADV_PAGEOUT))
			return -errno;
		if (is_out(s, key)) {
			set_zero(s, key,
				 page_same_filled(page, &fill) && !fill);
			return 0;
		}
	}
	return -EBUSY;
}

static int load(void *z, uint32_t key, void *page)
{
	struct zram_swap *s = &((struct zram *)z)->swap;

	memcpy(page, page_of(s, key), MM_STAT_PAGE);
	if (s->rules.load_frees)
		set_zero(s, key, false);
	return 0;
}

static int store_probe(struct zram *z, uint32_t key, const void *page,
		       struct err *err)
{
	int ret = store(z, key, page);

	if (ret == -EINVAL)
		return err_set(err, ret,
			       "this kernel cannot be told to swap a page out "
			       "(MADV_PAGEOUT, 5.4 and later)");
	if (ret == -EBUSY)
		return err_set(
			err, ret,
			"the kernel does not swap a page out; the memory "
			"cgroup of this shell may forbid it "
			"(memory.swap.max, memory.memsw.limit_in_bytes)");
	return ret ? err_set(err, ret, "a page is not swapped out: %s",
			     strerror(-ret))
		   : 0;
}

/* Whether a page that is given up is still on the device. Twice: one batch. */
static int probe_free(struct zram *z, const void *page, bool *late,
		      struct err *err)
{
	struct mm_stat before, after;
	int i, ret = 0;

	*late = false;
	for (i = 0; i < 2 && !ret; i++) {
		ret = store_probe(z, 0, page, err);
		if (!ret)
			ret = zram_stat(z, &before, err);
		if (!ret)
			ret = discard(z, 0);
		if (!ret)
			ret = zram_stat(z, &after, err);
		if (!ret)
			*late |= after.stored >= before.stored;
	}
	return ret;
}

static int probe_zero(struct zram *z, bool *keeps, struct err *err)
{
	static char page[MM_STAT_PAGE] __attribute__((aligned(MM_STAT_PAGE)));
	struct mm_stat before, after;
	int ret = zram_stat(z, &before, err);

	if (!ret)
		ret = store_probe(z, 0, page, err);
	if (!ret)
		ret = zram_stat(z, &after, err);
	if (!ret)
		*keeps = after.stored <= before.stored;
	return ret ? ret : discard(z, 0);
}

/* Many of them: some kernels free slots in batches. */
static int probe_load(struct zram *z, char *page, bool *frees, struct err *err)
{
	struct mm_stat before, after;
	uint32_t i;
	int ret = 0;

	for (i = 0; i < ZRAM_PROBES && !ret; i++)
		ret = store_probe(z, i, page, err);
	if (!ret)
		ret = zram_stat(z, &before, err);
	for (i = 0; i < ZRAM_PROBES && !ret; i++)
		ret = load(z, i, page);
	if (!ret)
		ret = zram_stat(z, &after, err);
	for (i = 0; i < ZRAM_PROBES && !ret; i++)
		ret = discard(z, i);
	if (!ret)
		*frees = after.stored < before.stored;
	return ret;
}

int zram_swap_probe(struct zram *z, struct zram_rules *rules, struct err *err)
{
	static char page[MM_STAT_PAGE] __attribute__((aligned(MM_STAT_PAGE)));
	uint64_t state = 1;
	int ret = probe_zero(z, &rules->keeps_zeroes, err);

	random_fill(page, sizeof(page), &state);
	if (!ret)
		ret = probe_free(z, page, &rules->frees_late, err);
	if (!ret)
		ret = probe_load(z, page, &rules->load_frees, err);
	if (!ret)
		z->swap.rules = *rules;
	return ret;
}

void zram_swap_device(struct zram *z, struct swap_device *d, bool blank)
{
	zram_device(z, d, blank);
	d->store = store;
	d->load = load;
	d->discard = discard;
}

void zram_swap_used(const struct zram *z, uint64_t *slots, uint64_t *zeroes)
{
	struct zram_swaps seen;

	zram_swapped("/proc/swaps", z->place.dev, &seen);
	*slots = seen.pages;
	*zeroes = (uint64_t)atomic_load(&z->swap.zeroes);
}
