// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Metadata objects. A cache reserves its own address range of 4 KiB pages.
 * Each page has a descriptor with the list of its free objects; each CPU has a
 * small stack of objects, which is used first. Taking an object from the stack
 * is not an atomic section, like SLUB's fast path.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "backends/mem/watch.h"
#include "backends/page.h"

#define SLAB_SHIFT 12
#define SLAB_SIZE (1u << SLAB_SHIFT)
#define SLAB_STACK 62

struct slab_page {
	uint16_t free_head; /* object index + 1; 0 = none */
	uint16_t free_count;
	pfn_t prev, next; /* list of pages with free objects */
};

struct slab_cpu {
	unsigned count;
	long in_use;
	void *obj[SLAB_STACK];
} __attribute__((aligned(64)));

struct slab {
	struct arena *arena; /* counts and failures */
	struct arena *pages; /* the memory itself */
	const char *name;
	unsigned size, align, per_page;
	spinlock_t lock;
	pfn_t partial;
	struct slab_cpu *cpu;
};

/* The metadata of a small pool may need more memory than its frames. */
static size_t capacity(const struct arena *a)
{
	if (a->slab_capacity)
		return a->slab_capacity;
	return a->capacity < 1u << 20 ? 1u << 20 : a->capacity;
}

struct slab *slab_create(struct arena *a, const char *name, size_t size,
			 size_t align, struct err *err)
{
	struct arena_config config = {
		.desc_size = (sizeof(struct slab_page) + 7) / 8 * 8,
		.capacity = capacity(a),
		.huge = a->huge,
		.base = a->next_base,
	};
	struct slab *slab = calloc(1, sizeof(*slab));

	if (!align)
		align = 8;
	if (size < 8 || size > SLAB_SIZE || (align & (align - 1))) {
		err_set(err, -EINVAL, "slab %s: %zu bytes aligned to %zu", name,
			size, align);
		free(slab);
		return NULL;
	}
	if (!slab)
		goto no_memory;
	/* mmap: the pages of CPUs that are never used stay untouched. */
	slab->cpu = mmap(NULL, SYNC_MAX_CPUS * sizeof(*slab->cpu),
			 PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	if (slab->cpu == MAP_FAILED)
		goto no_memory;
	slab->arena = a;
	slab->name = name;
	slab->align = align;
	slab->size = (size + align - 1) / align * align;
	slab->per_page = SLAB_SIZE / slab->size;
	slab->partial = PFN_NONE;
	spin_lock_init(&slab->lock);
	slab->pages = arena_create(&config, err);
	if (!slab->pages) {
		err_prefix(err, "slab %s", name);
		munmap(slab->cpu, SYNC_MAX_CPUS * sizeof(*slab->cpu));
		free(slab);
		return NULL;
	}
	if (a->next_base)
		a->next_base = slab->pages->next_base;
	return slab;

no_memory:
	err_set(err, -ENOMEM, "out of memory for slab %s", name);
	free(slab);
	return NULL;
}

static void partial_add(struct slab *slab, pfn_t pfn)
{
	struct slab_page *p = pfn_desc(slab->pages, pfn);
	struct slab_page *head;

	lockdep_assert_held(&slab->lock);
	p->prev = PFN_NONE;
	p->next = slab->partial;
	if (slab->partial != PFN_NONE) {
		head = pfn_desc(slab->pages, slab->partial);
		head->prev = pfn;
	}
	WRITE_ONCE(slab->partial, pfn);
}

static void partial_del(struct slab *slab, pfn_t pfn)
{
	struct slab_page *p = pfn_desc(slab->pages, pfn);
	struct slab_page *q;

	lockdep_assert_held(&slab->lock);
	if (p->next != PFN_NONE) {
		q = pfn_desc(slab->pages, p->next);
		q->prev = p->prev;
	}
	if (p->prev != PFN_NONE) {
		q = pfn_desc(slab->pages, p->prev);
		q->next = p->next;
	} else {
		WRITE_ONCE(slab->partial, p->next);
	}
}

static uint16_t *obj_link(struct slab *slab, pfn_t pfn, unsigned idx)
{
	return (uint16_t *)((char *)pfn_addr(slab->pages, pfn) +
			    idx * slab->size);
}

/*
 * Allocates a page with all objects free, on no list yet. Its first touch may
 * clear a huge page, so this is called without a lock held.
 */
static pfn_t new_page(struct slab *slab)
{
	pfn_t pfn = frame_alloc(slab->pages);
	struct slab_page *p;
	unsigned i;

	if (pfn == PFN_NONE)
		return PFN_NONE;
	p = pfn_desc(slab->pages, pfn);
	for (i = 0; i < slab->per_page; i++)
		*obj_link(slab, pfn, i) = i + 1 < slab->per_page ? i + 2 : 0;
	p->free_head = 1;
	p->free_count = slab->per_page;
	atomic_long_add(SLAB_SIZE, &slab->arena->slab_bytes);
	mem_freed(MEM_SLAB_PAGE, pfn_addr(slab->pages, pfn), SLAB_SIZE);
	return pfn;
}

/* Fills the CPU's stack up to half. */
static void take(struct slab *slab, struct slab_cpu *c)
{
	struct slab_page *p;
	unsigned want = SLAB_STACK / 2;
	uint16_t *link;
	pfn_t pfn;

	lockdep_assert_held(&slab->lock);
	while (c->count < want && slab->partial != PFN_NONE) {
		pfn = slab->partial;
		p = pfn_desc(slab->pages, pfn);
		while (c->count < want && p->free_head) {
			link = obj_link(slab, pfn, p->free_head - 1);
			p->free_head = *link;
			p->free_count--;
			c->obj[c->count++] = link;
		}
		if (!p->free_head)
			partial_del(slab, pfn);
	}
}

/*
 * If no page with free objects seems to be left, a page is allocated before the
 * lock is taken. If one seemed to be left but another CPU emptied it first, try
 * again. Objects are taken by ascending address: neighbours share cache lines.
 */
static void refill(struct slab *slab, struct slab_cpu *c)
{
	pfn_t fresh = PFN_NONE;
	unsigned i;
	bool empty;

	do {
		mem_looks(&slab->lock);
		empty = READ_ONCE(slab->partial) == PFN_NONE;
		if (empty)
			fresh = new_page(slab);
		spin_lock(&slab->lock);
		if (fresh != PFN_NONE)
			partial_add(slab, fresh);
		take(slab, c);
		spin_unlock(&slab->lock);
	} while (!c->count && !empty);
	for (i = 0; i < c->count / 2; i++) {
		void *t = c->obj[i];

		c->obj[i] = c->obj[c->count - 1 - i];
		c->obj[c->count - 1 - i] = t;
	}
}

static void give_back(struct slab *slab, void *obj)
{
	pfn_t pfn = addr_pfn(slab->pages, obj);
	struct slab_page *p = pfn_desc(slab->pages, pfn);
	char *page = pfn_addr(slab->pages, pfn);

	lockdep_assert_held(&slab->lock);
	*(uint16_t *)obj = p->free_head;
	p->free_head = ((char *)obj - page) / slab->size + 1;
	if (!p->free_count++)
		partial_add(slab, pfn);
	if (p->free_count == slab->per_page) {
		partial_del(slab, pfn);
		mem_taken(MEM_SLAB_PAGE, page, SLAB_SIZE);
		frame_free(slab->pages, pfn);
		atomic_long_sub(SLAB_SIZE, &slab->arena->slab_bytes);
	}
}

static void spill(struct slab *slab, struct slab_cpu *c)
{
	unsigned i, n = SLAB_STACK / 2;

	spin_lock(&slab->lock);
	for (i = 0; i < n; i++)
		give_back(slab, c->obj[i]);
	spin_unlock(&slab->lock);
	c->count -= n;
	memmove(c->obj, c->obj + n, c->count * sizeof(c->obj[0]));
}

void *slab_alloc(struct slab *slab)
{
	struct slab_cpu *c = &slab->cpu[smp_processor_id()];
	void *obj = NULL;

	if (!arena_may_alloc(slab->arena))
		return NULL;
	if (!c->count)
		refill(slab, c);
	if (c->count) {
		obj = c->obj[--c->count];
		WRITE_ONCE(c->in_use, c->in_use + 1);
		mem_taken(MEM_OBJECT, obj, slab->size);
	}
	return obj;
}

void *slab_zalloc(struct slab *slab)
{
	void *obj = slab_alloc(slab);

	return obj ? memset(obj, 0, slab->size) : NULL;
}

void slab_free(struct slab *slab, void *obj)
{
	struct slab_cpu *c = &slab->cpu[smp_processor_id()];

	mem_freed(MEM_OBJECT, obj, slab->size);
	if (c->count == SLAB_STACK)
		spill(slab, c);
	c->obj[c->count++] = obj;
	WRITE_ONCE(c->in_use, c->in_use - 1);
}

static bool on_page_list(struct slab *slab, pfn_t pfn, unsigned idx)
{
	struct slab_page *p = pfn_desc(slab->pages, pfn);
	unsigned at;

	lockdep_assert_held(&slab->lock);
	for (at = p->free_head; at; at = *obj_link(slab, pfn, at - 1))
		if (at - 1 == idx)
			return true;
	return false;
}

bool slab_owns(struct slab *slab, const void *obj)
{
	const char *o = obj;
	bool owned = false;
	unsigned idx, cpu, i;
	pfn_t pfn;

	if (!addr_in_arena(slab->pages, obj))
		return false;
	pfn = addr_pfn(slab->pages, obj);
	idx = (o - (char *)pfn_addr(slab->pages, pfn)) / slab->size;
	spin_lock(&slab->lock);
	if (pfn < slab->pages->never_used && idx < slab->per_page &&
	    o == (char *)obj_link(slab, pfn, idx))
		owned = !on_page_list(slab, pfn, idx);
	spin_unlock(&slab->lock);
	for (cpu = 0; owned && cpu < SYNC_MAX_CPUS; cpu++)
		for (i = 0; i < slab->cpu[cpu].count; i++)
			if (slab->cpu[cpu].obj[i] == obj)
				return false;
	return owned;
}

bool slab_in_range(struct slab *slab, const void *obj)
{
	size_t at = (uintptr_t)obj & (SLAB_SIZE - 1);

	mem_looks(&slab->pages->lock);
	return addr_in_arena(slab->pages, obj) &&
	       addr_pfn(slab->pages, obj) <
		       READ_ONCE(slab->pages->never_used) &&
	       at % slab->size == 0 && at / slab->size < slab->per_page;
}

size_t slab_objects(const struct slab *slab)
{
	long n = 0;
	unsigned cpu;

	for (cpu = 0; cpu < SYNC_MAX_CPUS; cpu++)
		n += READ_ONCE(slab->cpu[cpu].in_use);
	return n < 0 ? 0 : (size_t)n;
}

size_t slab_bytes(const struct slab *slab)
{
	return arena_used(slab->pages) << SLAB_SHIFT;
}

size_t kmalloc_bytes(size_t size)
{
	size_t bytes = 8;

	if (size > 64 && size <= 96)
		return 96;
	if (size > 128 && size <= 192)
		return 192;
	while (bytes < size)
		bytes *= 2;
	return bytes;
}

size_t slab_destroy(struct slab *slab)
{
	size_t leaked;

	if (!slab)
		return 0;
	leaked = slab_objects(slab);
	atomic_long_sub((long)slab_bytes(slab), &slab->arena->slab_bytes);
	arena_destroy(slab->pages);
	munmap(slab->cpu, SYNC_MAX_CPUS * sizeof(*slab->cpu));
	free(slab);
	return leaked;
}
