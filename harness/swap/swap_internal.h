/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the forms of the swap path share. */
#ifndef ZLAB_SWAP_INTERNAL_H
#define ZLAB_SWAP_INTERNAL_H

#include <errno.h>

#include "harness/swap/hooks.h"
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

/* A form's operations on one page, and what it does after each; may be NULL. */
struct swap_ops {
	int (*store)(struct swap_cpu *c, uint32_t key, uint32_t object,
		     bool timed);
	int (*load)(struct swap_cpu *c, uint32_t key, bool timed);
	int (*invalidate)(struct swap_cpu *c, uint32_t key, bool timed);
	void (*after)(struct swap_cpu *c);
};

/* The loop of a form; inlined, so that constant @ops cost no indirect call. */
static inline __attribute__((always_inline)) ssize_t
swap_each(struct swap_cpu *c, const struct swap_ops *ops, const uint8_t *op,
	  const uint32_t *key, const uint32_t *object, size_t n)
{
	bool timed;
	size_t i;
	int ret;

	for (i = 0; i < n && op[i] <= ZLT_INVALIDATE; i++) {
		timed = !--c->sample_left;
		if (timed)
			c->sample_left = swap_next_sample(c);
		c->counts.op[op[i]]++;
		hook_operation(op[i] == ZLT_STORE);
		if (op[i] == ZLT_STORE)
			ret = ops->store(c, key[i], object[i], timed);
		else if (op[i] == ZLT_LOAD)
			ret = ops->load(c, key[i], timed);
		else
			ret = ops->invalidate(c, key[i], timed);
		if (ret)
			return ret;
		if (ops->after)
			ops->after(c);
	}
	return (ssize_t)i;
}

/* The direct form for objects of this kind. */
swap_form_t swap_direct(enum swap_object kind);

/* The form that goes to a device. */
ssize_t swap_through_device(struct swap_cpu *c, const uint8_t *op,
			    const uint32_t *key, const uint32_t *object,
			    size_t n);

/*
 * For the forms through a front end: the page of a content, or the object's
 * bytes when nothing is compressed, cut from the pattern. @length is 0 for a
 * page. Return: 0 or a negative errno with @c->err set.
 */
int swap_front_page(struct swap_cpu *c, uint32_t object, uint32_t *content,
		    const void **page, size_t *length);

/* Compare c->page with what the slot records. Return: as above. */
int swap_front_verify(struct swap_cpu *c, uint32_t key);

/* The error of a load that went wrong. Return: -EIO. */
int swap_front_changed(struct swap_cpu *c, uint32_t key, const char *how);

/* The form through a zram disk. */
ssize_t swap_through_zram(struct swap_cpu *c, const uint8_t *op,
			  const uint32_t *key, const uint32_t *object,
			  size_t n);

/* The form through the zswap front end. */
ssize_t swap_through_zswap(struct swap_cpu *c, const uint8_t *op,
			   const uint32_t *key, const uint32_t *object,
			   size_t n);

#endif
