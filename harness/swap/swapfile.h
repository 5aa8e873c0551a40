/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The swap device: one file of page slots, written when an entry leaves the
 * pool and read when its page is wanted again.
 */
#ifndef ZLAB_SWAPFILE_H
#define ZLAB_SWAPFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/swap/page.h"
#include "lib/err.h"

struct swapfile;

/**
 * swapfile_open() - open or make the file
 * @path: the file; NULL creates a temporary one in @dir that is removed when
 *	  the process ends
 * @dir: directory of the temporary file
 * @err: receives the error line
 *
 * O_DIRECT is used where the file system supports it, see swapfile_direct(). An
 * existing file is overwritten only when it is a regular file that is empty or
 * a swap file made by zlab; anything else is refused.
 * Return: the file, or NULL with @err set.
 */
struct swapfile *swapfile_open(const char *path, const char *dir,
			       struct err *err);

/** swapfile_close() - close; removes a file it created; NULL is ignored */
void swapfile_close(struct swapfile *f);

/** swapfile_direct() - whether transfers bypass the page cache */
bool swapfile_direct(const struct swapfile *f);

/**
 * swapfile_write() - write one page
 * @f: the file
 * @slot: where
 * @page: SWAP_PAGE_SIZE bytes, aligned to that
 *
 * Several CPUs may write different slots at once. Return: 0, or the negative
 * errno of the write (-ENOSPC, -EIO, ...); a slot whose write failed must not
 * be read.
 */
int swapfile_write(struct swapfile *f, uint64_t slot, const void *page);

/** swapfile_read() - read one page; return: 0 or a negative errno */
int swapfile_read(struct swapfile *f, uint64_t slot, void *page);

/**
 * swapfile_fail() - make chosen writes fail with -EIO
 * @nth: the @nth write from now fails (1 = the next); 0 switches it off
 * @every: afterwards each @every-th fails too; 0 = only the first
 */
void swapfile_fail(struct swapfile *f, long nth, long every);

#endif
