/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Internal interface of the files of the explorer's machine. */
#ifndef ZLAB_EXPLORE_INTERNAL_H
#define ZLAB_EXPLORE_INTERNAL_H

#include <setjmp.h>

#include "backends/sync.h"
#include "backends/sync/explore/machine.h"

/*
 * The world is a fixed range, so that addresses repeat. Behind it, in indices
 * only, comes the data of a loaded object.
 */
#define XWORLD_BASE 0x200000000000ul
#define XWORLD_SIZE (512ul << 20)
#define XDATA_SIZE (16ul << 20)
#define XINDEX_SIZE (XWORLD_SIZE + XDATA_SIZE)
#define XNONE (~0ul)

#define XSTACK (128ul << 10)

/* What is saved and put back at once. */
#define XBLOCK_SHIFT 9
#define XBLOCK (1ul << XBLOCK_SHIFT)

#define XWORD_SHIFT 3
#define XLINE_SHIFT 6
#define XCELLS 4

/*
 * The shadow of 64 bytes. Bulk copies are noted for the line, other accesses
 * for their word, each with the number of the schedule in which there was one:
 * what is older needs no look.
 *
 * @cell: the last bulk accesses, the newest first
 * @bulk: schedule of the last bulk access
 * @word: schedule of the last other access
 * @words: words of the other accesses of that schedule
 * @freed: a bit for each word that is in freed memory
 */
struct xline {
	uint64_t cell[XCELLS];
	uint32_t bulk, word;
	uint8_t words, freed;
};

/* Last accesses to a word of 8 bytes; shadow.h has the format of a cell. */
struct xword {
	uint64_t cell[XCELLS];
};

enum xwait {
	XWAIT_NONE,
	XWAIT_LOCK,
	XWAIT_READ,
	XWAIT_WRITE,
	XWAIT_HARNESS,
};

struct xclock {
	uint32_t at[XCPU_MAX];
};

struct xcpu {
	unsigned id;
	bool spawned, done;
	uint64_t steps; /* up to its last stop */

	/*
	 * @now: what of each CPU's past this one has seen
	 * @read: what its relaxed reads would let it see at an acquire fence
	 * @fence: what its relaxed writes let others see, from a release fence
	 */
	struct xclock now, read, fence;
	bool has_read, has_fence;
	uint64_t stamp; /* its number and its clock, as in a cell; see shadow.h */

	struct xpoint at;
	const struct lock_site *site;
	struct xlock held[XHELD_MAX];
	unsigned nr_held, depth;
	uint64_t section_since;

	enum xwait wait;
	const void *wait_for;
	const char *wait_name;

	void *sp;
	uintptr_t stack;
	void (*fn)(void *arg);
	void *arg;
};

struct xmachine {
	struct xcpu *me; /* NULL outside of a schedule */
	struct xcpu *fast; /* the same; NULL also while points are told */
	uint64_t left; /* points until someone must be chosen */
	bool tracing;

	uint32_t schedule; /* number of the schedule, for stamps */
	uint32_t base; /* all clocks of earlier schedules are at most this */
	uint64_t live; /* cells below are of earlier schedules, see shadow.h */
	uint64_t alike; /* bits of cells; see xshadow_begin() */

	/* World. */
	bool inside; /* malloc() and mmap() are those of the world */
	uintptr_t data; /* data of the loaded object */
	size_t data_len;
	uint32_t *dirty; /* for each block: schedule of its last store */
	uint32_t *saved; /* for each block: state of which it has a copy */
	struct xline *line;
	struct xword *word;
	uint8_t *page; /* for each 4 KiB: all of it is freed */

	/* Text. */
	uintptr_t exe, so;
	size_t exe_len, so_len;

	/* The schedule. */
	struct xcpu cpu[XCPU_MAX];
	unsigned nr, runnable, waiting, alive;
	uint64_t slice, steps, longest;
	struct xhooks hooks;
	struct xlimits limits;
	unsigned outside_cpu;
	uint64_t outside_left;
	bool stopped, guarded, weak;
	void *main_sp;
	sigjmp_buf crash;
};

extern struct xmachine x;

#define likely(c) __builtin_expect(!!(c), 1)
#define unlikely(c) __builtin_expect(!!(c), 0)

/** xindex() - index of an address in the world, or XNONE */
static inline size_t xindex(uintptr_t addr)
{
	size_t at = addr - XWORLD_BASE;

	if (likely(at < XWORLD_SIZE))
		return at;
	at = addr - x.data;
	return at < x.data_len ? XWORLD_SIZE + at : XNONE;
}

static inline uintptr_t xaddr(size_t at)
{
	return at < XWORLD_SIZE ? XWORLD_BASE + at : x.data + at - XWORLD_SIZE;
}

/* machine.c */

/* The CPU's next point; see struct xpoint. */
void xpoint_slow(enum xkind kind, int order, bool shared, const void *addr,
		 size_t len, const void *pc, const struct lock_site *site);

static inline void xpoint(enum xkind kind, int order, bool shared,
			  const void *addr, size_t len, const void *pc,
			  const struct lock_site *site)
{
	if (unlikely(!--x.left) || unlikely(x.tracing))
		xpoint_slow(kind, order, shared, addr, len, pc, site);
}

/* The running CPU stops until xwake(). */
void xblock(enum xwait how, const void *what, const char *name);
/* Those that wait for @what may run again. */
void xwake_slow(const void *what);

static inline void xwake(const void *what)
{
	if (unlikely(x.waiting))
		xwake_slow(what);
}

/* The CPU waits in a loop, or lets others go first: XDO_RELAX, XDO_YIELD. */
void xrelax(enum xkind kind, const void *pc);

/* Code outside of a schedule seems to have no end. */
void xoutside_long(void);

/* Reports, and ends the schedule unless it may go on. */
void xfound(struct xfinding *f);
void xreport(enum xfound kind, const void *pc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* order.c */

/** xorder_acquire() - the CPU sees all that was released to @addr */
void xorder_acquire(struct xcpu *me, const void *addr);
/** xorder_release() - what the CPU has seen and done, for who acquires @addr */
void xorder_release(struct xcpu *me, const void *addr);
/** xorder_atomic() - an atomic of @order, before its value changes */
void xorder_atomic(struct xcpu *me, const void *addr, enum xkind kind,
		   int order);
void xorder_fence(struct xcpu *me, int order);
/* Readers of a lock are ordered with its writers, not with each other. */
void xorder_lock(struct xcpu *me, const void *lock, bool shared);
void xorder_unlock(struct xcpu *me, const void *lock, bool shared);
/** xorder_begin() - clocks of a schedule; all earlier ones are over */
void xorder_begin(void);
/** xorder_init() - a lock begins anew */
void xorder_init(const void *lock);

/* weakly.c; to be called where x.weak is set */

/** xweak_begin() - a schedule begins */
void xweak_begin(void);
/** xweak_load() - what an atomic load returns, with the value in memory @newest */
uint64_t xweak_load(const volatile void *addr, size_t len, uint64_t newest,
		    int order);
/* The stores and read-modify-writes of atomics; the caller changes the memory. */
void xweak_store(const volatile void *addr, size_t len, uint64_t old,
		 uint64_t value, int order);
void xweak_rmw(const volatile void *addr, size_t len, uint64_t old,
	       uint64_t value, int order);
void xweak_rmw_failed(const volatile void *addr, size_t len, uint64_t old);
void xweak_fence(int order);
/* Orders of locks and of the harness. */
void xweak_acquire(const struct xcpu *me, const void *what);
void xweak_release(const struct xcpu *me, const void *what);
/** xweak_refresh() - the CPU waits in a loop, and sees what others have stored */
void xweak_refresh(const struct xcpu *me);
/** xweak_overwrite() - a plain store comes; remember what it overwrites */
void xweak_overwrite(const void *addr, size_t len);
/** xweak_copied() - @len bytes were copied: some may have been read earlier */
void xweak_copied(void *to, const void *from, size_t len);

/* shadow.c */
int xshadow_start(struct err *err);
/** xshadow_bulk() - a copy from or to index @at */
void xshadow_bulk(struct xcpu *me, size_t at, size_t len, bool write,
		  const void *pc);
void xshadow_clear(void);
/** xshadow_begin() - a schedule begins; all earlier clocks are at most @base */
void xshadow_begin(uint32_t base);

/* world.c */
int xworld_start(struct err *err);
void xdirty_slow(size_t block);
/* The harness's hooks allocate outside of the world. */
static inline bool xworld_pause(void)
{
	bool was = x.inside;

	x.inside = false;
	return was;
}

static inline void xworld_resume(bool was)
{
	x.inside = was;
}

/* dlopen() for a driver that is looked up while the world is entered. */
void *xworld_dlopen(const char *path, int flags);
/** xworld_freed() - report an access to freed memory */
void xworld_freed(size_t at, size_t len, bool write, const void *pc);

static inline void xdirty(size_t at, size_t len)
{
	size_t block = at >> XBLOCK_SHIFT,
	       last = (at + len - 1) >> XBLOCK_SHIFT;

	do {
		if (unlikely(x.dirty[block] != x.schedule))
			xdirty_slow(block);
	} while (++block <= last);
}

/* lockorder.c */
void xlockorder_take(struct xcpu *me, const struct lock_site *site);

/* lock.c */

/* The word of a lock is read and written like an atomic. */
void xlock_touch(const void *lock, size_t len, bool write, const void *pc);

#endif
