/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The line that a zram device has in its file mm_stat. */
#ifndef ZLAB_LIVE_MM_STAT_H
#define ZLAB_LIVE_MM_STAT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

/* The kernel counts pages of the traces' size; others are refused. */
#define MM_STAT_PAGE 4096u

/**
 * struct mm_stat - a device's counters
 * @stored: pages that are stored, same-filled ones included
 * @bytes: bytes of their objects
 * @pages: pages that the pool holds
 * @pages_max: the most that it held
 * @same: stored pages of one repeated word, which have no object
 * @compacted: pages that compaction freed
 * @huge: stored pages that are kept uncompressed
 * @huge_since: stores of such pages
 * @has_huge: the kernel has @huge (4.19 and later)
 * @has_huge_since: the kernel has @huge_since (5.12 and later)
 */
struct mm_stat {
	uint64_t stored, bytes, pages, pages_max, same, compacted;
	uint64_t huge, huge_since;
	bool has_huge, has_huge_since;
};

/**
 * mm_stat_parse() - read the line
 * @text: numbers with blanks between them; those of newer kernels behind the
 *	  known ones are ignored
 * @m: receives the counters
 *
 * Return: 0, or -EINVAL with @err set for anything else.
 */
int mm_stat_parse(const char *text, struct mm_stat *m, struct err *err);

#endif
