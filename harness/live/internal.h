/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Declarations shared by the files about a zram device. */
#ifndef ZLAB_LIVE_INTERNAL_H
#define ZLAB_LIVE_INTERNAL_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/err.h"

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

/* Say whether the device is ours to reset. */
void guard_arm(const struct zram_guard *g, bool ours);

/* Have it reset the device, and wait. Return: 0 or -EBUSY. */
int guard_end(struct zram_guard *g);

#endif
