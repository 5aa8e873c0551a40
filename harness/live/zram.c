// SPDX-License-Identifier: GPL-2.0-or-later
/* A borrowed zram device: set up, used, given back. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "harness/live/internal.h"
#include "harness/live/zram.h"

static int set(struct zram *z, const char *name, const char *word,
	       struct err *err)
{
	int ret = attr_write(z->place.dir, name, word);

	return ret ? err_set(err, ret, "%s/%s does not take %s: %s",
			     z->place.dir, name, word, strerror(-ret))
		   : 0;
}

void zram_hold(struct zram *z, enum zram_hold hold)
{
	z->hold = hold;
	guard_arm(&z->guard, hold);
}

static int set_up(struct zram *z, struct err *err)
{
	int ret = set(z, "comp_algorithm", z->algorithm, err);

	if (!ret)
		ret = set(z, "disksize", z->size, err);
	/* Where this fails, another program has been faster. */
	zram_hold(z, ret ? ZRAM_NOT_OURS : ZRAM_OURS);
	if (ret)
		return ret;
	z->fd = open(z->place.path, O_RDWR | O_DIRECT | O_EXCL | O_CLOEXEC);
	if (z->fd < 0)
		return err_set(err, -errno, "%s: %s", z->place.path,
			       strerror(errno));
	return 0;
}

struct zram *zram_take(const char *path, const char *algorithm, uint64_t bytes,
		       struct err *err)
{
	struct zram *z = calloc(1, sizeof(*z));
	char stat[PATH_MAX + ZRAM_WORD];

	if (!z) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	z->fd = z->stat_fd = z->swap.pagemap = -1;
	snprintf(z->algorithm, sizeof(z->algorithm), "%s", algorithm);
	snprintf(z->size, sizeof(z->size), "%llu", (unsigned long long)bytes);
	if (zram_find(&z->place, path, algorithm, err) ||
	    guard_start(&z->guard, &z->place, err)) {
		free(z);
		return NULL;
	}
	snprintf(stat, sizeof(stat), "%s/mm_stat", z->place.dir);
	z->stat_fd = open(stat, O_RDONLY | O_CLOEXEC);
	if (z->stat_fd < 0)
		err_set(err, -errno, "%s: %s", stat, strerror(errno));
	if (z->stat_fd < 0 || set_up(z, err)) {
		zram_release(z, NULL);
		return NULL;
	}
	return z;
}

const char *zram_name(const struct zram *z)
{
	return z->place.name;
}

int zram_again(struct zram *z, struct err *err)
{
	int ret = zram_swap_off(z, err);

	if (ret)
		return ret;
	close(z->fd);
	z->fd = -1;
	ret = zram_reset(&z->place);
	return ret ? err_set(err, ret, "%s cannot be reset: %s", z->place.path,
			     strerror(-ret))
		   : set_up(z, err);
}

int zram_stat(struct zram *z, struct mm_stat *m, struct err *err)
{
	char text[ZRAM_LINE];
	ssize_t n = pread(z->stat_fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		return err_set(err, -errno, "%s/mm_stat: %s", z->place.dir,
			       strerror(errno));
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return mm_stat_parse(text, m, err);
}

static off_t offset(uint32_t key)
{
	return (off_t)key * MM_STAT_PAGE;
}

static int whole(ssize_t n)
{
	return n == MM_STAT_PAGE ? 0 : n < 0 ? -errno : -EIO;
}

int zram_store(void *z, uint32_t key, const void *page)
{
	return whole(pwrite(((struct zram *)z)->fd, page, MM_STAT_PAGE,
			    offset(key)));
}

static int load(void *z, uint32_t key, void *page)
{
	return whole(
		pread(((struct zram *)z)->fd, page, MM_STAT_PAGE, offset(key)));
}

static int discard(void *z, uint32_t key)
{
	uint64_t range[2] = { (uint64_t)offset(key), MM_STAT_PAGE };

	return ioctl(((struct zram *)z)->fd, BLKDISCARD, range) ? -errno : 0;
}

static uint64_t compact(void *arg)
{
	struct mm_stat before = { 0 }, after = { 0 };
	struct zram *z = arg;

	zram_stat(z, &before, NULL);
	attr_write(z->place.dir, "compact", "1");
	zram_stat(z, &after, NULL);
	return after.compacted - before.compacted;
}

static void stats(void *arg, struct zpool_stats *s)
{
	struct mm_stat m = { 0 };

	zram_stat(arg, &m, NULL);
	*s = (struct zpool_stats){
		.pages = m.pages,
		.pages_peak = m.pages_max,
		.objects = m.stored - m.same,
		.object_bytes = m.bytes,
		.compacted_pages = m.compacted,
	};
}

void zram_device(struct zram *z, struct swap_device *d, bool blank)
{
	*d = (struct swap_device){ .store = zram_store,
				   .load = load,
				   .discard = discard,
				   .compact = compact,
				   .stats = stats,
				   .arg = z,
				   .blank = blank };
}

int zram_release(struct zram *z, struct err *err)
{
	bool swap;
	int ret;

	if (!z)
		return 0;
	zram_swap_forget(z);
	if (z->fd >= 0)
		close(z->fd);
	if (z->stat_fd >= 0)
		close(z->stat_fd);
	/* Fails, as it should, where another program has set the device up. */
	if (z->hold == ZRAM_NOT_OURS)
		attr_write(z->place.dir, "comp_algorithm", z->place.before);
	swap = z->hold == ZRAM_SWAP;
	ret = guard_end(&z->guard);
	if (ret)
		err_set(err, ret,
			"%s could not be reset; do it by hand: %s%s%secho 1 > "
			"/sys/block/%s/reset",
			z->place.path, swap ? "swapoff " : "",
			swap ? z->place.path : "", swap ? "; " : "",
			z->place.name);
	free(z);
	return ret;
}
