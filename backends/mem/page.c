// SPDX-License-Identifier: GPL-2.0-or-later
/* Frames: one reserved address range, with a list of free frames per CPU. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "backends/ghost/ghost.h"
#include "backends/mem/watch.h"
#include "backends/page.h"

#define ARENA_DEFAULT_BYTES (64ull << 30)
#define GHOST_DEFAULT_BYTES (2ull << 40)
#define HUGE_ALIGN (2ul << 20)

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

static void *reserve(uintptr_t base, size_t bytes, bool huge)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	size_t slack = base ? 0 : HUGE_ALIGN;
	char *p, *aligned;

	if (base)
		flags |= MAP_FIXED_NOREPLACE;
	p = mmap((void *)base, bytes + slack, PROT_READ | PROT_WRITE, flags, -1,
		 0);
	if (p == MAP_FAILED)
		return NULL;
	if (base && (uintptr_t)p != base) {
		munmap(p, bytes);
		return NULL;
	}
	aligned = (char *)round_up((uintptr_t)p, HUGE_ALIGN);
	if (aligned != p)
		munmap(p, aligned - p);
	if (aligned + bytes != p + bytes + slack)
		munmap(aligned + bytes, p + bytes + slack - aligned - bytes);
	madvise(aligned, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	madvise(aligned, bytes, MADV_DONTDUMP);
	return aligned;
}

static size_t default_bytes(const struct arena_config *config)
{
	return FRAMES_GHOST && config->ghost ? GHOST_DEFAULT_BYTES
					     : ARENA_DEFAULT_BYTES;
}

struct arena *arena_create(const struct arena_config *config, struct err *err)
{
	unsigned shift = config->page_shift ? config->page_shift : 12;
	size_t frames, descs, stack, pcp;
	struct arena *a;
	char *p;

	if (config->desc_size % 8) {
		err_set(err, -EINVAL,
			"frame descriptors of %u bytes; must be a multiple of 8",
			config->desc_size);
		return NULL;
	}
	if (config->base % HUGE_ALIGN) {
		err_set(err, -EINVAL,
			"fixed base %#lx; must be a multiple of 2 MiB",
			(unsigned long)config->base);
		return NULL;
	}
	if (shift != 12 && shift != 14 && shift != 16) {
		err_set(err, -EINVAL,
			"page size is %zu bytes; it can be 4K, 16K or 64K",
			(size_t)1 << shift);
		return NULL;
	}
	a = calloc(1, sizeof(*a));
	if (!a)
		goto no_memory;
	a->page_shift = shift;
	a->desc_size = config->desc_size;
	/* Plus what other CPUs' lists may hold, so @limit can be reached. */
	a->capacity = config->capacity
			      ? config->capacity + SYNC_MAX_CPUS * ARENA_PCP
			      : default_bytes(config) >> shift;
	a->limit = config->limit      ? config->limit
		   : config->capacity ? config->capacity
				      : a->capacity;
	a->slab_capacity = config->slab_capacity;
	a->keep_descs = config->keep_descs;
	a->huge = config->huge;
	spin_lock_init(&a->lock);

	frames = round_up(a->capacity << shift, HUGE_ALIGN);
	descs = round_up(a->capacity * a->desc_size, HUGE_ALIGN);
	stack = round_up(a->capacity * sizeof(pfn_t), HUGE_ALIGN);
	pcp = round_up(SYNC_MAX_CPUS * sizeof(*a->pcp), HUGE_ALIGN);
	a->reserved = frames + descs + stack + pcp;
	p = reserve(config->base, a->reserved, a->huge);
	if (!p) {
		err_set(err, -ENOMEM,
			"cannot reserve %zu MiB of address space%s: %s",
			a->reserved >> 20,
			config->base ? " at the fixed base" : "",
			strerror(errno));
		goto fail;
	}
	/*
	 * These arrays are first touched under the zone's lock, or with
	 * preemption off, where clearing a huge page would take too long.
	 */
	if (a->huge)
		madvise(p + frames + descs, stack + pcp, MADV_NOHUGEPAGE);
	a->base = (uintptr_t)p;
	a->frames = p;
	a->descs = p + frames;
	a->free_stack = (pfn_t *)(p + frames + descs);
	a->pcp = (struct arena_pcp *)(p + frames + descs + stack);
	if (config->base)
		a->next_base = a->base + a->reserved;
	if (FRAMES_GHOST && config->ghost && ghost_create(a, config, err)) {
		arena_destroy(a);
		return NULL;
	}
	return a;

no_memory:
	err_set(err, -ENOMEM, "out of memory for an arena");
fail:
	free(a);
	return NULL;
}

void arena_destroy(struct arena *a)
{
	if (!a)
		return;
	if (FRAMES_GHOST)
		ghost_destroy(a);
	munmap((void *)a->base, a->reserved);
	free(a);
}

void arena_fail(struct arena *a, long nth, long every)
{
	WRITE_ONCE(a->fail_every, every);
	atomic_long_set(&a->fail_in, nth);
}

/*
 * Moves half a list at a time, so that alternating alloc and free rarely take
 * the lock. The arena behind the CPUs' lists corresponds to the kernel's zone.
 */
static void pcp_refill(struct arena *zone, struct arena_pcp *pcp)
{
	spin_lock(&zone->lock);
	while (pcp->count < ARENA_PCP / 2 && zone->free_top)
		pcp->pfn[pcp->count++] = zone->free_stack[--zone->free_top];
	if (!pcp->count && zone->never_used < zone->capacity) {
		pcp->pfn[pcp->count++] = zone->never_used;
		WRITE_ONCE(zone->never_used, zone->never_used + 1);
	}
	spin_unlock(&zone->lock);
}

static void pcp_spill(struct arena *zone, struct arena_pcp *pcp)
{
	unsigned i;

	spin_lock(&zone->lock);
	for (i = 0; i < ARENA_PCP / 2; i++)
		zone->free_stack[zone->free_top++] = pcp->pfn[i];
	spin_unlock(&zone->lock);
	pcp->count -= i;
	memmove(pcp->pfn, pcp->pfn + i, pcp->count * sizeof(pfn_t));
}

static pfn_t pcp_take(struct arena *a)
{
	struct arena_pcp *pcp = &a->pcp[smp_processor_id()];
	pfn_t pfn = PFN_NONE;

	preempt_disable();
	if (!pcp->count)
		pcp_refill(a, pcp);
	if (pcp->count)
		pfn = pcp->pfn[--pcp->count];
	preempt_enable();
	return pfn;
}

pfn_t frame_alloc(struct arena *a)
{
	long used, peak;
	pfn_t pfn;

	if (!arena_may_alloc(a))
		return PFN_NONE;
	/* Relaxed, as the peak: these counters order no other memory access. */
	used = atomic_long_add_return_relaxed(1, &a->used);
	if ((size_t)used > a->limit)
		goto none;
	pfn = pcp_take(a);
	if (pfn == PFN_NONE)
		goto none;
	peak = atomic_long_read(&a->peak);
	while (used > peak) {
		long seen = atomic_long_cmpxchg_relaxed(&a->peak, peak, used);

		if (seen == peak)
			break;
		peak = seen;
	}
	mem_taken(MEM_FRAME, pfn_addr(a, pfn), arena_page_size(a));
	if (a->desc_size && !a->keep_descs) {
		mem_taken(MEM_DESC, pfn_desc(a, pfn), a->desc_size);
		memset(pfn_desc(a, pfn), 0, a->desc_size);
	}
	return pfn;
none:
	atomic_long_sub(1, &a->used);
	return PFN_NONE;
}

void frame_free(struct arena *a, pfn_t pfn)
{
	struct arena_pcp *pcp = &a->pcp[smp_processor_id()];

	mem_freed(MEM_FRAME, pfn_addr(a, pfn), arena_page_size(a));
	if (a->desc_size && !a->keep_descs)
		mem_freed(MEM_DESC, pfn_desc(a, pfn), a->desc_size);
	preempt_disable();
	if (pcp->count == ARENA_PCP)
		pcp_spill(a, pcp);
	pcp->pfn[pcp->count++] = pfn;
	preempt_enable();
	atomic_long_sub(1, &a->used);
}
