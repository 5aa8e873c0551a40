/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A zram device of the running kernel, borrowed: nobody may use it before, it is
 * ours alone meanwhile, and it is reset at the end. That is the work of a process
 * of its own, which waits for this one to end: the device is reset after any
 * signal, too.
 */
#ifndef ZLAB_LIVE_ZRAM_H
#define ZLAB_LIVE_ZRAM_H

#include "harness/live/mm_stat.h"
#include "harness/swap/swap.h"

struct zram;

/* Pages that zram_swap_probe() swaps out. */
#define ZRAM_PROBES 256u

/**
 * zram_blocks() - plan of a device: key n of a trace is its page n
 * @keys: distinct keys
 * @swap: the kernel chooses the page, as swap
 * @bytes: receives the size of the device
 *
 * Return: 0, or -EFBIG with @err set for more pages than a device can have.
 */
int zram_blocks(uint64_t keys, bool swap, uint64_t *bytes, struct err *err);

/**
 * zram_fits() - whether a pool fits in the machine's memory
 * @path: a file with the form of /proc/meminfo; not there: it fits
 * @bytes: of the pool
 *
 * Return: 0, or -ENOMEM with @err set.
 */
int zram_fits(const char *path, uint64_t bytes, struct err *err);

/**
 * zram_mounted() - whether a device is mounted
 * @path: a file with the form of /proc/self/mountinfo
 * @number: of the device, as "253:0"
 */
bool zram_mounted(const char *path, const char *number);

/**
 * struct zram_swaps - what /proc/swaps says
 * @pages: pages in use on the device asked for
 * @highest: highest priority of all others, INT_MIN if there are none
 */
struct zram_swaps {
	uint64_t pages;
	int highest;
};

/**
 * zram_swapped() - whether a device is swap
 * @path: a file with the form of /proc/swaps
 * @dev: number of the device
 * @swaps: receives more about it, or NULL
 */
bool zram_swapped(const char *path, dev_t dev, struct zram_swaps *swaps);

/**
 * zram_algorithms() - read the file comp_algorithm
 * @text: its line, "lzo-rle [lz4]"
 * @want: an algorithm
 * @now: receives the selected one
 * @len: bytes in @now
 *
 * Return: whether @want is one of them.
 */
bool zram_algorithms(const char *text, const char *want, char *now, size_t len);

/**
 * zram_take() - borrow a device
 * @path: block device, such as /dev/zram0
 * @algorithm: compressor, one that the device has
 * @bytes: size, of zram_blocks()
 * @err: receives the error line
 *
 * Call it before the process starts threads. Return: a device that is empty,
 * to be ended by zram_release(); or NULL: no root, no zram device, in use, or
 * such an algorithm is not there. A device in use is left as it is.
 */
struct zram *zram_take(const char *path, const char *algorithm, uint64_t bytes,
		       struct err *err);

/** zram_name() - the device's name, as "zram0" */
const char *zram_name(const struct zram *z);

/** zram_again() - empty the device. Return: 0 or a negative errno */
int zram_again(struct zram *z, struct err *err);

/** zram_stat() - read the device's counters. Return: 0 or a negative errno */
int zram_stat(struct zram *z, struct mm_stat *m, struct err *err);

/** zram_store() - write a page; as struct swap_device's store */
int zram_store(void *z, uint32_t key, const void *page);

/**
 * zram_device() - the device for a swap path
 * @d: receives the calls; valid until zram_release()
 * @blank: as in struct swap_device
 *
 * If its counters cannot be read, they are zero, and zram_stat() says why.
 */
void zram_device(struct zram *z, struct swap_device *d, bool blank);

/**
 * struct zram_rules - how the running kernel swaps to a zram device
 * @load_frees: a page that is read back is freed on the device
 * @keeps_zeroes: pages of zeroes never get to the device (6.12 and later)
 * @frees_late: freed pages leave the device in batches (5.10 to 6.12 at least)
 */
struct zram_rules {
	bool load_frees, keeps_zeroes, frees_late;
};

/**
 * zram_swap_check() - whether pages can be swapped to a device of ours
 * @zswap: the file of the kernel that says whether zswap is on
 * @swaps: a file with the form of /proc/swaps
 *
 * Return: 0, or a negative errno with @err set: zswap would take the pages, or
 * another swap area has the highest priority.
 */
int zram_swap_check(const char *zswap, const char *swaps, struct err *err);

/**
 * zram_swap_on() - make the device, which is empty, the kernel's first swap
 * @z: of zram_blocks() for as many @keys as swap
 * @keys: distinct keys
 *
 * Key n is page n of a piece of this process's memory. Pages go out one by one,
 * by madvise(), and nothing else of the system is set. When the machine is short
 * of memory, pages of other programs may go to the device, too; they come back
 * at the end. Until then the device cannot be used by zram_store().
 *
 * Return: 0 or a negative errno with @err set. Ended by zram_again() or
 * zram_release().
 */
int zram_swap_on(struct zram *z, uint64_t keys, struct err *err);

/** zram_swap_off() - undo zram_swap_on(), if need be. Return: as there */
int zram_swap_off(struct zram *z, struct err *err);

/**
 * zram_swap_probe() - find out how the kernel swaps to the device
 *
 * Called after zram_swap_on() and before anything else, which is then as
 * zram_swap_on() left it, but for counters. The device remembers the rules.
 * Return: 0 or a negative errno with @err set.
 */
int zram_swap_probe(struct zram *z, struct zram_rules *rules, struct err *err);

/**
 * zram_swap_device() - the device for a swap path that swaps for real
 * @d: receives the calls; valid until the next zram_again() or zram_release()
 * @blank: as in struct swap_device
 */
void zram_swap_device(struct zram *z, struct swap_device *d, bool blank);

/**
 * zram_swap_used() - what is swapped out
 * @slots: receives the pages in use on the device, as the kernel counts them
 * @zeroes: receives those of our own that are pages of zeroes
 */
void zram_swap_used(const struct zram *z, uint64_t *slots, uint64_t *zeroes);

/**
 * zram_release() - reset the device and give it back; NULL is ignored
 *
 * Return: 0, or -EBUSY with @err set, which says how to reset it by hand.
 */
int zram_release(struct zram *z, struct err *err);

#endif
