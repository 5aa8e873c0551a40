/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Same-filled pages: detecting and restoring them. */
#ifndef ZLAB_SWAP_PAGE_H
#define ZLAB_SWAP_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#define SWAP_PAGE_SIZE 4096
#define SWAP_PAGE_WORDS (SWAP_PAGE_SIZE / sizeof(unsigned long))

/**
 * page_same_filled() - whether one word fills the page
 * @page: SWAP_PAGE_SIZE bytes
 * @value: receives the word when it does
 *
 * As in the kernel, the last word is compared first: it differs in most pages.
 */
static inline bool page_same_filled(const void *page, unsigned long *value)
{
	const unsigned long *w = page;
	size_t i, last = SWAP_PAGE_WORDS - 1;

	if (w[0] != w[last])
		return false;
	for (i = 1; i < last; i++)
		if (w[i] != w[0])
			return false;
	*value = w[0];
	return true;
}

/** page_fill() - fill @page, SWAP_PAGE_SIZE bytes, with one repeated word */
static inline void page_fill(void *page, unsigned long value)
{
	unsigned long *w = page;
	size_t i;

	for (i = 0; i < SWAP_PAGE_WORDS; i++)
		w[i] = value;
}

#endif
