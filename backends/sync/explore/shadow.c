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

#include "backends/sync/explore/internal.h"

/*
 * A cell. Its mask has a bit for each byte of a word, or for each word of a
 * line; clock 0 is an unused cell.
 */
#define MASK(c) ((unsigned)(c)&0xff)
#define CPU(c) ((unsigned)((c) >> 8) & 7)
#define WRITE_BIT (1ull << 11)
#define ATOMIC_BIT (1ull << 12)
#define PLACE(c) ((unsigned)((c) >> 13) & PLACE_MOST)
#define PLACE_MOST ((1u << 23) - 1)
#define CLOCK(c) ((uint32_t)((c) >> 36))

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

static unsigned place_of(const void *pc)
{
	size_t at = (uintptr_t)pc - x.exe;

	if (at < x.exe_len)
		return (unsigned)at;
	at = (uintptr_t)pc - x.so;
	return at < x.so_len ? (unsigned)(x.exe_len + at) : PLACE_MOST;
}

static const void *pc_of(unsigned place)
{
	if (place == PLACE_MOST)
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
		.other_write = cell & WRITE_BIT,
	};
	char where[64];

	snprintf(f.text, sizeof(f.text),
		 "CPU %u's %s%s of %zu bytes at %s and CPU %u's %s%s are in no "
		 "order",
		 me->id, atomic ? "atomic " : "", write ? "write" : "read", len,
		 xworld_where(f.at.addr, where, sizeof(where)), f.other,
		 cell & ATOMIC_BIT ? "atomic " : "",
		 f.other_write ? "write" : "read");
	xfound(&f);
}

#define NONE XCELLS

/* Whether whoever races with @old also races with @new, which comes after it. */
static inline bool replaces(const struct xcpu *me, uint64_t new, uint64_t old)
{
	bool write = new &WRITE_BIT;

	if (MASK(old) & ~MASK(new) || (old & WRITE_BIT && !write))
		return false;
	if (new &ATOMIC_BIT && !(old & ATOMIC_BIT))
		return false;
	return write || CPU(old) == me->id;
}

/* Compares an access with the cells. Return: the cell that it may replace. */
static inline __attribute__((always_inline)) unsigned
compare(struct xcpu *me, const uint64_t *cell, uint64_t new, size_t at,
	size_t len, const void *pc)
{
	unsigned i, free = NONE;
	uint64_t c;

	for (i = 0; i < XCELLS; i++) {
		c = cell[i];
		if (CLOCK(c) <= x.base) {
			free = i;
			continue;
		}
		if (!(c & new & 0xff))
			continue;
		/* A CPU has seen its own past. */
		if (CLOCK(c) <= me->now.at[CPU(c)]) {
			if (replaces(me, new, c))
				free = i;
			continue;
		}
		if (((c | new) & WRITE_BIT) && !(c & new &ATOMIC_BIT))
			race(me, at, len, c, new &WRITE_BIT, new &ATOMIC_BIT,
			     pc);
	}
	return free;
}

/* A cell without its place. */
static inline uint64_t make(const struct xcpu *me, unsigned mask, bool write,
			    bool atomic)
{
	return mask | me->id << 8 | (write ? WRITE_BIT : 0) |
	       (atomic ? ATOMIC_BIT : 0) | (uint64_t)me->now.at[me->id] << 36;
}

static void note(struct xcpu *me, uint64_t *cell, uint64_t new, size_t at,
		 size_t len, const void *pc)
{
	unsigned to = compare(me, cell, new, at, len, pc);

	/* All are in use: the schedule goes on with one less. */
	if (to == NONE)
		to = (me->now.at[me->id] + (unsigned)at) % XCELLS;
	/* The newest is the first. */
	cell[to] = cell[0];
	cell[0] = new;
}

#define WHO_BITS (7ull << 8 | ~0ull << 36)

/*
 * Whether all that races with @new also races with @old: the same CPU with
 * nothing released since, the same bytes or more, and as strong an access.
 */
static inline bool covers(uint64_t old, uint64_t new)
{
	return !((old ^ new) & WHO_BITS) && !(MASK(new) & ~MASK(old)) &&
	       !(new & ~old &WRITE_BIT) && !(old & ~new &ATOMIC_BIT);
}

static inline bool freed(const struct xline *line, size_t at, unsigned bits)
{
	return unlikely(line->freed & bits) || unlikely(x.page[at >> 12]);
}

static inline void access_word(struct xcpu *me, struct xline *line, size_t at,
			       size_t len, bool write, bool atomic,
			       const void *pc)
{
	unsigned mask = ((1u << len) - 1) << (at & 7);
	unsigned bit = 1u << (at >> XWORD_SHIFT & 7);
	uint64_t *cell = x.word[at >> XWORD_SHIFT].cell;
	uint64_t new = make(me, mask, write, atomic);

	if (freed(line, at, bit))
		xworld_freed(at, len, write, pc);
	if (covers(cell[0], new) && line->bulk != x.schedule)
		return;
	new |= (uint64_t)place_of(pc) << 13;
	if (line->bulk == x.schedule)
		compare(me, line->cell, (new & ~0xffull) | bit, at, len, pc);
	if (line->word != x.schedule) {
		line->word = x.schedule;
		line->words = 0;
	}
	if (line->words & bit) {
		note(me, cell, new, at, len, pc);
		return;
	}
	/* Nothing in the cells is of this schedule. */
	line->words |= bit;
	cell[0] = new;
}

void xshadow_access(struct xcpu *me, size_t at, size_t len, bool write,
		    bool atomic, const void *pc)
{
	size_t n = 8 - (at & 7);

	if (likely(len <= n)) {
		access_word(me, &x.line[at >> XLINE_SHIFT], at, len, write,
			    atomic, pc);
		return;
	}
	for (; len; at += n, len -= n) {
		n = 8 - (at & 7);
		n = n < len ? n : len;
		access_word(me, &x.line[at >> XLINE_SHIFT], at, n, write,
			    atomic, pc);
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
		xworld_freed(at, len, new &WRITE_BIT, pc);
	both = line->word == x.schedule ? line->words & bits : 0;
	for (; both; both &= both - 1) {
		word = start + 8 * (size_t)__builtin_ctz(both);
		compare(me, x.word[word >> XWORD_SHIFT].cell, new | 0xff, word,
			8, pc);
	}
	new |= bits;
	if (line->bulk != x.schedule) {
		line->bulk = x.schedule;
		line->cell[0] = new;
		return;
	}
	note(me, line->cell, new, at, len, pc);
}

void xshadow_bulk(struct xcpu *me, size_t at, size_t len, bool write,
		  const void *pc)
{
	size_t head = -at & 7, n;
	uint64_t new;

	if (len < head + 16) {
		xshadow_access(me, at, len, write, false, pc);
		return;
	}
	if (head)
		xshadow_access(me, at, head, write, false, pc);
	new = make(me, 0, write, false) | (uint64_t)place_of(pc) << 13;
	for (at += head, len -= head; len >= 8; at += n, len -= n) {
		n = 64 - (at & 63);
		n = n < len ? n : len & ~7ul;
		access_line(me, at, n, new, pc);
	}
	if (len)
		xshadow_access(me, at, len, write, false, pc);
}
