/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of the shadow that every access goes through. */
#ifndef ZLAB_EXPLORE_SHADOW_H
#define ZLAB_EXPLORE_SHADOW_H

#include "backends/sync/explore/internal.h"

/*
 * A cell: the bytes of a word that were touched, or the words of a line; the CPU
 * and its clock then; and the place in the code. Clocks run on over schedules, so
 * a cell of an earlier one is known by its size. Those of this schedule come
 * before the others, the newest first.
 */
#define XCELL_MASK 0xffull
#define XCELL_CPU_SHIFT 8
#define XCELL_CPU (7ull << XCELL_CPU_SHIFT)
#define XCELL_WRITE (1ull << 11)
#define XCELL_ATOMIC (1ull << 12)
#define XCELL_PLACE_SHIFT 13
#define XCELL_CLOCK_SHIFT 36
#define XCELL_KIND (XCELL_MASK | XCELL_CPU | XCELL_WRITE | XCELL_ATOMIC)

/** xstamp() - to be called when the CPU's clock was changed */
static inline void xstamp(struct xcpu *me)
{
	me->stamp = (uint64_t)me->now.at[me->id] << XCELL_CLOCK_SHIFT |
		    (uint64_t)me->id << XCELL_CPU_SHIFT;
}

#define XPLACE_MOST ((1u << 23) - 1)

/* The place of @pc, as in a cell. */
static inline uint64_t xplace(const void *pc)
{
	size_t at = (uintptr_t)pc - x.exe;

	if (unlikely(at >= x.exe_len)) {
		at = (uintptr_t)pc - x.so;
		at = at < x.so_len ? x.exe_len + at : XPLACE_MOST;
	}
	return (uint64_t)at << XCELL_PLACE_SHIFT;
}

/* The access @new, which has no place yet, within the word at index @at. */
void xshadow_word(struct xcpu *me, size_t at, size_t len, uint64_t new,
		  const void *pc);
/* An access of more than one word. */
void xshadow_words(struct xcpu *me, size_t at, size_t len, uint64_t flags,
		   const void *pc);

/** xshadow_access() - an access of at most 16 bytes at index @at */
static inline __attribute__((always_inline)) void
xshadow_access(struct xcpu *me, size_t at, size_t len, bool write, bool atomic,
	       const void *pc)
{
	uint64_t flags =
		(write ? XCELL_WRITE : 0) | (atomic ? XCELL_ATOMIC : 0);
	unsigned byte = at & 7, bit = at >> XWORD_SHIFT & 7;
	const struct xline *line;
	uint64_t *cell, new, differ;

	if (unlikely(byte + len > 8)) {
		xshadow_words(me, at, len, flags, pc);
		return;
	}
	new = me->stamp | flags | ((1ull << len) - 1) << byte;
	line = &x.line[at >> XLINE_SHIFT];
	cell = x.word[at >> XWORD_SHIFT].cell;
	differ = cell[0] ^ new;
	/*
	 * Most accesses come after one of the same CPU, to the same bytes or
	 * more, and as strong, so whatever races with this one raced with that.
	 */
	if (!(differ & (XCELL_CPU | (new &(XCELL_MASK | XCELL_WRITE)) |
			(cell[0] & XCELL_ATOMIC))) &&
	    likely(line->bulk != x.schedule) &&
	    likely(!(line->freed >> bit & 1)) && likely(!x.page[at >> 12])) {
		if (!(differ >> XCELL_CLOCK_SHIFT))
			return;
		if (!(differ & x.alike) && cell[0] >= x.live) {
			cell[0] = new | xplace(pc);
			return;
		}
	}
	xshadow_word(me, at, len, new, pc);
}

#endif
