/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Declarations shared by the files about a zram device. */
#ifndef ZLAB_LIVE_INTERNAL_H
#define ZLAB_LIVE_INTERNAL_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "harness/live/zram.h"

#define ZRAM_WORD 64
#define ZRAM_LINE 512

/**
 * struct zram_place - where a device is
 * @path: of the device file
 * @dir: its folder in sysfs
 * @name: its name there, as "zram0"
 * @dev: its number
 * @before: algorithm that was selected
 */
struct zram_place {
	char path[PATH_MAX];
	char dir[PATH_MAX];
	char name[ZRAM_WORD];
	dev_t dev;
	char before[ZRAM_WORD];
};

/* Read the first line of a file of sysfs. Return: 0 or a negative errno. */
int attr_read(const char *dir, const char *name, char *text, size_t len);

/* Write a word to one. Return: 0 or a negative errno. */
int attr_write(const char *dir, const char *name, const char *word);

/* Find a device that nobody uses and that has @algorithm. */
int zram_find(struct zram_place *p, const char *path, const char *algorithm,
	      struct err *err);

/* Empty a device that this process has closed; others may be looking at it. */
int zram_reset(const struct zram_place *p);

/**
 * enum zram_hold - what the guard has to undo
 * @ZRAM_NOT_OURS: nothing
 * @ZRAM_OURS: the device is set up
 * @ZRAM_SWAP: it is swap, too, or about to be
 */
enum zram_hold {
	ZRAM_NOT_OURS,
	ZRAM_OURS,
	ZRAM_SWAP
};

/**
 * struct zram_guard - process that resets the device when this one has ended
 * @pid: the process
 * @fd: pipe to it; closed when this process ends
 */
struct zram_guard {
	pid_t pid;
	int fd;
};

/* Start it. It does nothing until it is armed. */
int guard_start(struct zram_guard *g, const struct zram_place *p,
		struct err *err);

/* Say what there is to undo. */
void guard_arm(const struct zram_guard *g, enum zram_hold hold);

/* Have it undo that, and wait. Return: 0 or -EBUSY. */
int guard_end(struct zram_guard *g);

/**
 * struct zram_swap - the memory whose pages are swapped to the device
 * @pages: one page for each key; NULL when the device is not swap
 * @span: bytes of @pages
 * @pagemap: says which of them are swapped out
 * @zero: by key, whether what is swapped out is a page of zeroes
 * @zeroes: how many of these there are
 * @rules: of the running kernel, once they are known
 */
struct zram_swap {
	char *pages;
	size_t span;
	int pagemap;
	bool *zero;
	atomic_llong zeroes;
	struct zram_rules rules;
};

/**
 * struct zram - a borrowed device
 * @place: where it is
 * @algorithm: its compressor
 * @size: its bytes, as text
 * @fd: the open device, or -1
 * @stat_fd: its open file mm_stat
 * @guard: resets it
 * @hold: what there is to undo
 * @swap: its use as swap
 */
struct zram {
	struct zram_place place;
	char algorithm[ZRAM_WORD];
	char size[24];
	int fd, stat_fd;
	struct zram_guard guard;
	enum zram_hold hold;
	struct zram_swap swap;
};

/* Remember what there is to undo, and tell the guard. */
void zram_hold(struct zram *z, enum zram_hold hold);

/* Give up the swapped pages, but leave the device swap. */
void zram_swap_forget(struct zram *z);

#endif
