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

/**
 * zram_blocks() - plan of a device: key n of a trace is its page n
 * @keys: distinct keys
 * @bytes: receives the size of the device
 *
 * Return: 0, or -EFBIG with @err set for more pages than a device can have.
 */
int zram_blocks(uint64_t keys, uint64_t *bytes, struct err *err);

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
 * zram_swapped() - whether a device is swap
 * @path: a file with the form of /proc/swaps
 * @dev: number of the device
 */
bool zram_swapped(const char *path, dev_t dev);

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
 * zram_release() - reset the device and give it back; NULL is ignored
 *
 * Return: 0, or -EBUSY with @err set, which says how to reset it by hand.
 */
int zram_release(struct zram *z, struct err *err);

#endif
