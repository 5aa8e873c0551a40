// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Races: for each word of 8 bytes the last few accesses, each with the bytes it
 * touched, its CPU, that CPU's clock then, and its place in the code. Two
 * accesses race when one of them writes, one of them is not an atomic, and
 * neither has happened before the other.
 *
 * Clocks run on over schedules, so what an earlier schedule left is ordered
 * before everything, and no schedule begins with clearing. Copies of whole lines
 * of 64 bytes are noted once for a line; the words of a line are compared with
 * that only in a schedule in which both were used.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "backends/sync/explore/shadow.h"

#define CPU(c) ((unsigned)((c) >> XCELL_CPU_SHIFT) & 7)
#define PLACE(c) ((unsigned)((c) >> XCELL_PLACE_SHIFT) & XPLACE_MOST)
#define CLOCK(c) ((uint32_t)((c) >> XCELL_CLOCK_SHIFT))

static void *reserve(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, bytes, MADV_DONTDUMP);
	return p;
}

#define LINE_BYTES ((XINDEX_SIZE >> XLINE_SHIFT) * sizeof(struct xline))
#define WORD_BYTES ((XINDEX_SIZE >> XWORD_SHIFT) * sizeof(struct xword))

int xshadow_start(struct err *err)
{
	x.line = reserve(LINE_BYTES);
	x.word = reserve(WORD_BYTES);
	x.page = reserve(XINDEX_SIZE >> 12);
	if (!x.line || !x.word || !x.page)
		return err_set(err, -ENOMEM,
			       "no address space for %zu MiB of shadow",
			       (LINE_BYTES + WORD_BYTES) >> 20);
	return 0;
}

/* Which memory is freed must stay known. */
void xshadow_clear(void)
{
	size_t at;

	madvise(x.word, WORD_BYTES, MADV_DONTNEED);
	for (at = 0; at < XINDEX_SIZE >> XLINE_SHIFT; at++)
		if (x.line[at].bulk || x.line[at].word)
			memset(x.line[at].cell, 0, sizeof(x.line[at].cell));
}

/*
 * Cells that are alike but for clock and place replace each other without a
 * look. Not any more when a race was told: the new access may be part of another
 * one.
 */
void xshadow_begin(uint32_t base)
{
	x.live = (uint64_t)(base + 1) << XCELL_CLOCK_SHIFT;
	x.alike = XCELL_KIND;
}

static const void *pc_of(unsigned place)
{
	if (place == XPLACE_MOST)
		return NULL;
	return (const void *)(place < x.exe_len ? x.exe + place
						: x.so + place - x.exe_len);
}

static __attribute__((noinline, cold)) void race(struct xcpu *me, size_t at,
						 size_t len, uint64_t cell,
						 bool write, bool atomic,
						 const void *pc)
{
	struct xfinding f = {
		.kind = XFOUND_RACE,
		.at = { .kind = atomic	? write ? XDO_ATOMIC_WRITE
						: XDO_ATOMIC_READ
				: write ? XDO_WRITE
					: XDO_READ,
			.addr = (const void *)xaddr(at),
			.len = len,
			.pc = pc },
		.other = CPU(cell),
		.other_pc = pc_of(PLACE(cell)),
		.other_write = cell & XCELL_WRITE,
	};
	char where[64];

	snprintf(f.text, sizeof(f.text),
		 "CPU %u's %s%s of %zu bytes at %s and CPU %u's %s%s are in no "
		 "order",
		 me->id, atomic ? "atomic " : "", write ? "write" : "read", len,
		 xworld_where(f.at.addr, where, sizeof(where)), f.other,
		 cell & XCELL_ATOMIC ? "atomic " : "",
		 f.other_write ? "write" : "read");
	x.alike = ~0ull;
	xfound(&f);
}

/* A CPU has seen its own past. */
static inline bool has_seen(const struct xcpu *me, uint64_t cell)
{
	return CLOCK(cell) <= me->now.at[CPU(cell)];
}

/* Whether two accesses at the same time, of which one is @new, would race. */
static inline bool conflict(uint64_t cell, uint64_t new)
{
	return (cell & new &XCELL_MASK) && ((cell | new) & XCELL_WRITE) &&
	       !(cell & new &XCELL_ATOMIC);
}

/* Tells of all in @cell that race with @new. */
static void races(struct xcpu *me, const uint64_t *cell, uint64_t new,
		  size_t at, size_t len, const void *pc)
{
	unsigned i;

	for (i = 0; i < XCELLS && cell[i] >= x.live; i++)
		if (conflict(cell[i], new) && !has_seen(me, cell[i]))
			race(me, at, len, cell[i], new &XCELL_WRITE,
			     new &XCELL_ATOMIC, pc);
}

/* The cell @to goes, and those before it move on: the newest is the first. */
static inline void put(const struct xcpu *me, uint64_t *cell, unsigned to,
		       uint64_t new, size_t at)
{
	/* All are in use: the schedule goes on with one less. */
	if (unlikely(to == XCELLS))
		to = (me->now.at[me->id] + (unsigned)at) % XCELLS;
	for (; to; to--)
		cell[to] = cell[to - 1];
	cell[0] = new;
}

static __attribute__((noinline, cold)) void
put_and_tell(struct xcpu *me, uint64_t *cell, unsigned to, uint64_t new,
	     size_t at, size_t len, const void *pc)
{
	races(me, cell, new, at, len, pc);
	put(me, cell, to, new, at);
}

/*
 * Compares with the cells, of which there is at least one, and adds @new. What
 * is older than one that is alike was compared with that. Another one makes room
 * if it is ordered before @new, and whoever races with it races with @new, too.
 */
static inline __attribute__((always_inline)) void
note(struct xcpu *me, uint64_t *cell, uint64_t new, size_t at, size_t len,
     const void *pc)
{
	uint64_t same =
		(new &XCELL_ATOMIC) | (new &XCELL_WRITE ? 0 : XCELL_CPU);
	unsigned i, to = XCELLS;
	bool found = false;
	uint64_t c;

#pragma GCC unroll 4
	for (i = 0; i < XCELLS; i++) {
		c = cell[i];
		if (c < x.live)
			break;
		if (!((c ^ new) & x.alike)) {
			to = i;
			break;
		}
		if (!(c & new &XCELL_MASK))
			continue;
		if (!has_seen(me, c))
			found |= conflict(c, new);
		else if (!((c ^ new) &
			   (same | (c & (XCELL_MASK | XCELL_WRITE)))))
			to = i;
	}
	to = to < XCELLS ? to : i;
	if (unlikely(found))
		put_and_tell(me, cell, to, new, at, len, pc);
	else
		put(me, cell, to, new, at);
}

static inline bool freed(const struct xline *line, size_t at, unsigned bits)
{
	return unlikely(line->freed & bits) || unlikely(x.page[at >> 12]);
}

static inline __attribute__((always_inline)) void
add(struct xcpu *me, struct xline *line, size_t at, size_t len, uint64_t new,
    const void *pc)
{
	uint64_t *cell = x.word[at >> XWORD_SHIFT].cell;

	new |= xplace(pc);
	if (cell[0] >= x.live) {
		note(me, cell, new, at, len, pc);
		return;
	}
	if (line->word != x.schedule) {
		line->word = x.schedule;
		line->words = 0;
	}
	line->words |= 1u << (at >> XWORD_SHIFT & 7);
	cell[0] = new;
}

/* The line has free words, or is copied in this schedule as well. */
static __attribute__((noinline)) void
check_and_add(struct xcpu *me, struct xline *line, size_t at, size_t len,
	      uint64_t new, const void *pc)
{
	unsigned bit = 1u << (at >> XWORD_SHIFT & 7);

	if (freed(line, at, bit))
		xworld_freed(at, len, new &XCELL_WRITE, pc);
	if (line->bulk == x.schedule)
		races(me, line->cell, (new & ~XCELL_MASK) | bit, at, len, pc);
	add(me, line, at, len, new, pc);
}

/* Calls come last here and above, so that few registers must be saved. */
void xshadow_word(struct xcpu *me, size_t at, size_t len, uint64_t new,
		  const void *pc)
{
	struct xline *line = &x.line[at >> XLINE_SHIFT];
	unsigned bit = 1u << (at >> XWORD_SHIFT & 7);

	if (freed(line, at, bit) || line->bulk == x.schedule)
		check_and_add(me, line, at, len, new, pc);
	else
		add(me, line, at, len, new, pc);
}

void xshadow_words(struct xcpu *me, size_t at, size_t len, uint64_t flags,
		   const void *pc)
{
	size_t n;

	for (; len; at += n, len -= n) {
		n = 8 - (at & 7);
		n = n < len ? n : len;
		xshadow_access(me, at, n, flags & XCELL_WRITE,
			       flags & XCELL_ATOMIC, pc);
	}
}

/* Whole words of one line, at most all of them. */
static void access_line(struct xcpu *me, size_t at, size_t len, uint64_t new,
			const void *pc)
{
	struct xline *line = &x.line[at >> XLINE_SHIFT];
	unsigned first = at >> XWORD_SHIFT & 7, n = (unsigned)(len >> 3);
	unsigned bits = ((1u << n) - 1) << first, both;
	size_t start = at & ~63ul, word;

	if (freed(line, at, bits))
		xworld_freed(at, len, new &XCELL_WRITE, pc);
	both = line->word == x.schedule ? line->words & bits : 0;
	for (; both; both &= both - 1) {
		word = start + 8 * (size_t)__builtin_ctz(both);
		races(me, x.word[word >> XWORD_SHIFT].cell, new | XCELL_MASK,
		      word, 8, pc);
	}
	new |= bits;
	if (line->bulk == x.schedule) {
		note(me, line->cell, new, at, len, pc);
		return;
	}
	line->bulk = x.schedule;
	line->cell[0] = new;
}

void xshadow_bulk(struct xcpu *me, size_t at, size_t len, bool write,
		  const void *pc)
{
	uint64_t new, flags = write ? XCELL_WRITE : 0;
	size_t head = -at & 7, n;

	if (len < head + 16) {
		xshadow_words(me, at, len, flags, pc);
		return;
	}
	if (head)
		xshadow_words(me, at, head, flags, pc);
	new = me->stamp | flags | xplace(pc);
	for (at += head, len -= head; len >= 8; at += n, len -= n) {
		n = 64 - (at & 63);
		n = n < len ? n : len & ~7ul;
		access_line(me, at, n, new, pc);
	}
	if (len)
		xshadow_words(me, at, len, flags, pc);
}
