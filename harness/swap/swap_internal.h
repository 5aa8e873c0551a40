/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the forms of the swap path share. */
#ifndef ZLAB_SWAP_INTERNAL_H
#define ZLAB_SWAP_INTERNAL_H

#include <errno.h>

#include "harness/swap/swap.h"

/* What a form returns when the allocator gave handle 0; swap_run() says so. */
#define SWAP_NO_HANDLE (-EBADF)

#define GOLDEN 0x9e3779b1u

/* The bytes of an object that is not made from a page. */
static inline const char *swap_made_up(const struct swap *s, uint32_t content)
{
	return s->pattern + (content * GOLDEN >> 16);
}

/* Return: the number of operations until the next timed one. */
uint32_t swap_next_sample(struct swap_cpu *c);

/* Record the times of a timed operation that has just ended. */
void swap_note_sample(struct swap_cpu *c, uint8_t op);

/* The direct form for objects of this kind. */
swap_form_t swap_direct(enum swap_object kind);

/* The form that goes to a device. */
ssize_t swap_through_device(struct swap_cpu *c, const uint8_t *op,
			    const uint32_t *key, const uint32_t *object,
			    size_t n);

/* The form through the zswap front end. */
ssize_t swap_through_zswap(struct swap_cpu *c, const uint8_t *op,
			   const uint32_t *key, const uint32_t *object,
			   size_t n);

#endif
