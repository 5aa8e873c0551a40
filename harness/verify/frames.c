// SPDX-License-Identifier: GPL-2.0-or-later
/* A bijection between two numberings of frames, built step by step. */
#include <stdlib.h>

#include "harness/verify/frames.h"

static void set_fresh(struct frame *frame, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++)
		frame[i] = (struct frame){ .twin = PFN_NONE };
}

static bool reach(struct frames *f, int side, pfn_t pfn)
{
	size_t have = f->nr[side], want = (size_t)pfn + 1024 + have / 2;
	struct frame *grown;

	if (pfn < have)
		return true;
	grown = realloc(f->side[side], want * sizeof(*grown));
	if (!grown)
		return false;
	set_fresh(grown + have, want - have);
	f->side[side] = grown;
	f->nr[side] = want;
	return true;
}

bool frames_reach(struct frames *f, pfn_t zero, pfn_t one)
{
	return reach(f, 0, zero) && reach(f, 1, one);
}

int frames_fit(const struct frames *f, pfn_t zero, pfn_t one)
{
	const struct frame *a = &f->side[0][zero], *b = &f->side[1][one];

	if (a->objects && a->twin != one)
		return 0;
	if (b->objects && b->twin != zero)
		return 1;
	return FRAMES_FIT;
}

void frames_join(struct frames *f, pfn_t zero, pfn_t one)
{
	struct frame *a = &f->side[0][zero], *b = &f->side[1][one];

	if (!a->objects++)
		a->twin = one;
	if (!b->objects++)
		b->twin = zero;
}

void frames_leave(struct frames *f, pfn_t zero, pfn_t one)
{
	struct frame *a = &f->side[0][zero], *b = &f->side[1][one];

	a->objects -= a->objects != 0;
	b->objects -= b->objects != 0;
}

void frames_clear(struct frames *f)
{
	set_fresh(f->side[0], f->nr[0]);
	set_fresh(f->side[1], f->nr[1]);
}

void frames_free(struct frames *f)
{
	free(f->side[0]);
	free(f->side[1]);
	*f = (struct frames){ 0 };
}
