/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The buffers in which a CPU compresses and expands pages. */
#ifndef ZLAB_SWAP_BUFFERS_H
#define ZLAB_SWAP_BUFFERS_H

#include <stdlib.h>

#include "harness/swap/page.h"

/**
 * struct swap_buffers - buffers of one CPU, used by that CPU only
 * @page: a page, aligned for direct transfers to a file
 * @object: what a codec makes of a page
 * @copy: an object that an allocator does not have in one piece
 */
struct swap_buffers {
	char page[SWAP_PAGE_SIZE] __attribute__((aligned(SWAP_PAGE_SIZE)));
	char object[2 * SWAP_PAGE_SIZE];
	char copy[2 * SWAP_PAGE_SIZE];
};

/**
 * swap_buffers_get() - a CPU's buffers, allocated at first use
 * @mine: where the CPU keeps them; NULL at first. The owner frees them
 *
 * Return: the buffers, or NULL when memory ran out.
 */
static inline struct swap_buffers *swap_buffers_get(struct swap_buffers **mine)
{
	if (!*mine)
		*mine = aligned_alloc(SWAP_PAGE_SIZE, sizeof(**mine));
	return *mine;
}

#endif
