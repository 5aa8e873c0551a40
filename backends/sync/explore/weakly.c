// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Weakly ordered memory under the explorer's CPUs: backends/sync/weak.h for
 * atomics, READ_ONCE() and WRITE_ONCE(), and for copies a list of what stores
 * have overwritten. A copy that reads bytes whose store its CPU does not know of
 * may get those that were there before. Other plain accesses are made by the
 * compiled code itself and read what is newest; the races tell of them.
 *
 * Which of the possible values is read follows from the schedule's seed, the CPU
 * and its point alone, so that it is the same in a replay and, mostly, while a
 * schedule is shrunk.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/sync/explore/internal.h"
#include "backends/sync/weak.h"
#include "lib/random.h"

#define STORES 256u
#define BYTES (1u << 20)

/* What a plain store has overwritten; @bytes are at @old. */
struct overwritten {
	uintptr_t addr;
	size_t len, old;
	uint32_t time, cpu;
};

static struct {
	struct weak memory;
	struct overwritten store[STORES];
	uint64_t stores;
	size_t used;
	unsigned char bytes[BYTES];
	uint64_t seed, reads;
} * weakly;

/* The newest half of the time; else any that may be read. */
static unsigned choose(void *arg, unsigned n)
{
	uint64_t state = weakly->seed ^ (uint64_t)x.me->id << 56 ^
			 xcpu_steps(x.me->id) << 16 ^ ++weakly->reads;
	uint64_t dice = random_splitmix(&state);

	return dice & 1 ? 0 : (unsigned)((dice >> 8) % n);
}

int xcpu_weak(bool weak, uint64_t seed, struct err *err)
{
	x.weak = weak;
	if (!weak)
		return 0;
	if (!weakly) {
		weakly = calloc(1, sizeof(*weakly));
		if (!weakly)
			return err_set(err, -ENOMEM, "out of memory");
		weakly->memory.choose = choose;
	}
	weakly->seed = seed;
	return 0;
}

void xweak_begin(void)
{
	if (!x.weak)
		return;
	weak_begin(&weakly->memory);
	weakly->stores = weakly->used = weakly->reads = 0;
}

static bool is_watched(const volatile void *addr)
{
	return x.me && xindex((uintptr_t)addr) != XNONE;
}

uint64_t xweak_load(const volatile void *addr, size_t len, uint64_t newest,
		    int order)
{
	if (!is_watched(addr))
		return newest;
	weakly->reads = 0;
	return weak_load(&weakly->memory, x.me->id, (const void *)addr, len,
			 newest, order);
}

void xweak_store(const volatile void *addr, size_t len, uint64_t old,
		 uint64_t value, int order)
{
	if (is_watched(addr))
		weak_store(&weakly->memory, x.me->id, (const void *)addr, len,
			   old, value, order);
}

void xweak_rmw(const volatile void *addr, size_t len, uint64_t old,
	       uint64_t value, int order)
{
	if (is_watched(addr))
		weak_rmw(&weakly->memory, x.me->id, (const void *)addr, len,
			 old, value, order);
}

void xweak_rmw_failed(const volatile void *addr, size_t len, uint64_t old)
{
	if (is_watched(addr))
		weak_rmw_failed(&weakly->memory, x.me->id, (const void *)addr,
				len, old, __ATOMIC_RELAXED);
}

void xweak_fence(int order)
{
	weak_fence(&weakly->memory, x.me->id, order);
}

void xweak_acquire(const struct xcpu *me, const void *what)
{
	weak_acquire(&weakly->memory, me->id, what);
}

void xweak_release(const struct xcpu *me, const void *what)
{
	weak_release(&weakly->memory, me->id, what);
}

void xweak_refresh(const struct xcpu *me)
{
	weak_refresh(&weakly->memory, me->id);
}

/* The oldest are forgotten when there is no more room. */
void xweak_overwrite(const void *addr, size_t len)
{
	struct weak_cpu *cpu = &weakly->memory.cpu[x.me->id];
	struct overwritten *o;

	if (len > BYTES)
		return;
	if (weakly->used + len > BYTES) {
		weakly->stores = 0;
		weakly->used = 0;
	}
	o = &weakly->store[weakly->stores++ % STORES];
	*o = (struct overwritten){ .addr = (uintptr_t)addr,
				   .len = len,
				   .old = weakly->used,
				   .time = cpu->now.at[x.me->id],
				   .cpu = x.me->id };
	memcpy(weakly->bytes + weakly->used, addr, len);
	weakly->used += len;
}

/* Puts back, in the copy @to, what @o has overwritten of @from. */
static void put_back(const struct overwritten *o, unsigned char *to,
		     uintptr_t from, size_t len)
{
	uintptr_t first = o->addr > from ? o->addr : from;
	uintptr_t last =
		o->addr + o->len < from + len ? o->addr + o->len : from + len;

	if (first < last)
		memcpy(to + (first - from),
		       weakly->bytes + o->old + (first - o->addr),
		       last - first);
}

void xweak_copied(void *to, const void *from, size_t len)
{
	uintptr_t at = (uintptr_t)from;
	const struct overwritten *o;
	uint64_t n = weakly->stores, last;

	if (!is_watched(from))
		return;
	weakly->reads = 0;
	last = n > STORES ? n - STORES : 0;
	while (n-- > last) {
		o = &weakly->store[n % STORES];
		if (o->addr >= at + len || at >= o->addr + o->len)
			continue;
		if (weak_before(&weakly->memory, x.me->id, o->cpu, o->time) ||
		    !choose(NULL, 2))
			return;
		put_back(o, to, at, len);
	}
}
