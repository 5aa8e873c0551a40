// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Metadata objects. A cache reserves its own address range of 4 KiB pages;
 * each page has a descriptor with the list of its free objects, and each CPU a
 * small stack of objects in front of all that. Taking from the stack is no
 * atomic section, as SLUB's fast path is none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

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

struct slab *slab_create(struct arena *a, const char *name, size_t size,
			 size_t align, struct err *err)
{
	struct arena_config config = {
		.desc_size = (sizeof(struct slab_page) + 7) / 8 * 8,
		.capacity = a->capacity < 1u << 20 ? 1u << 20 : a->capacity,
		.huge = a->huge,
		.base = a->next_base,
	};
	struct slab *s = calloc(1, sizeof(*s));

	if (!align)
		align = 8;
	if (size < 8 || size > SLAB_SIZE || (align & (align - 1))) {
		err_set(err, -EINVAL, "slab %s: %zu bytes aligned to %zu", name,
			size, align);
		free(s);
		return NULL;
	}
	if (!s)
		goto no_memory;
	/* Pages of CPUs that never come stay untouched. */
	s->cpu = mmap(NULL, SYNC_MAX_CPUS * sizeof(*s->cpu),
		      PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	if (s->cpu == MAP_FAILED)
		goto no_memory;
	s->arena = a;
	s->name = name;
	s->align = align;
	s->size = (size + align - 1) / align * align;
	s->per_page = SLAB_SIZE / s->size;
	s->partial = PFN_NONE;
	spin_lock_init(&s->lock);
	s->pages = arena_create(&config, err);
	if (!s->pages) {
		err_prefix(err, "slab %s", name);
		munmap(s->cpu, SYNC_MAX_CPUS * sizeof(*s->cpu));
		free(s);
		return NULL;
	}
	if (a->next_base)
		a->next_base = s->pages->next_base;
	return s;

no_memory:
	err_set(err, -ENOMEM, "out of memory for slab %s", name);
	free(s);
	return NULL;
}

static void partial_add(struct slab *s, pfn_t pfn)
{
	struct slab_page *p = pfn_desc(s->pages, pfn);
	struct slab_page *head;

	p->prev = PFN_NONE;
	p->next = s->partial;
	if (s->partial != PFN_NONE) {
		head = pfn_desc(s->pages, s->partial);
		head->prev = pfn;
	}
	WRITE_ONCE(s->partial, pfn);
}

static void partial_del(struct slab *s, pfn_t pfn)
{
	struct slab_page *p = pfn_desc(s->pages, pfn);
	struct slab_page *q;

	if (p->next != PFN_NONE) {
		q = pfn_desc(s->pages, p->next);
		q->prev = p->prev;
	}
	if (p->prev != PFN_NONE) {
		q = pfn_desc(s->pages, p->prev);
		q->next = p->next;
	} else {
		WRITE_ONCE(s->partial, p->next);
	}
}

static uint16_t *obj_link(struct slab *s, pfn_t pfn, unsigned idx)
{
	return (uint16_t *)((char *)pfn_addr(s->pages, pfn) + idx * s->size);
}

/*
 * A page with all its objects free, on no list yet. Its first touch, which
 * clears a huge page now and then, is the caller's own time and no lock's.
 */
static pfn_t new_page(struct slab *s)
{
	pfn_t pfn = frame_alloc(s->pages);
	struct slab_page *p;
	unsigned i;

	if (pfn == PFN_NONE)
		return PFN_NONE;
	p = pfn_desc(s->pages, pfn);
	for (i = 0; i < s->per_page; i++)
		*obj_link(s, pfn, i) = i + 1 < s->per_page ? i + 2 : 0;
	p->free_head = 1;
	p->free_count = s->per_page;
	atomic_long_add(SLAB_SIZE, &s->arena->slab_bytes);
	return pfn;
}

/* Half a stack at most; lock held. */
static void take(struct slab *s, struct slab_cpu *c)
{
	struct slab_page *p;
	unsigned want = SLAB_STACK / 2;
	uint16_t *link;
	pfn_t pfn;

	while (c->count < want && s->partial != PFN_NONE) {
		pfn = s->partial;
		p = pfn_desc(s->pages, pfn);
		while (c->count < want && p->free_head) {
			link = obj_link(s, pfn, p->free_head - 1);
			p->free_head = *link;
			p->free_count--;
			c->obj[c->count++] = link;
		}
		if (!p->free_head)
			partial_del(s, pfn);
	}
}

/*
 * A page is made before the lock is taken, where none seems to be left; another
 * CPU may then have emptied those that seemed to. Addresses ascend so that
 * neighbours share lines.
 */
static void refill(struct slab *s, struct slab_cpu *c)
{
	pfn_t fresh = PFN_NONE;
	unsigned i;
	bool empty;

	do {
		empty = READ_ONCE(s->partial) == PFN_NONE;
		if (empty)
			fresh = new_page(s);
		spin_lock_named(&s->lock, "slab->lock");
		if (fresh != PFN_NONE)
			partial_add(s, fresh);
		take(s, c);
		spin_unlock(&s->lock);
	} while (!c->count && !empty);
	for (i = 0; i < c->count / 2; i++) {
		void *t = c->obj[i];

		c->obj[i] = c->obj[c->count - 1 - i];
		c->obj[c->count - 1 - i] = t;
	}
}

static void give_back(struct slab *s, void *obj)
{
	pfn_t pfn = addr_pfn(s->pages, obj);
	struct slab_page *p = pfn_desc(s->pages, pfn);
	char *page = pfn_addr(s->pages, pfn);

	*(uint16_t *)obj = p->free_head;
	p->free_head = ((char *)obj - page) / s->size + 1;
	if (!p->free_count++)
		partial_add(s, pfn);
	if (p->free_count == s->per_page) {
		partial_del(s, pfn);
		frame_free(s->pages, pfn);
		atomic_long_sub(SLAB_SIZE, &s->arena->slab_bytes);
	}
}

static void spill(struct slab *s, struct slab_cpu *c)
{
	unsigned i, n = SLAB_STACK / 2;

	spin_lock_named(&s->lock, "slab->lock");
	for (i = 0; i < n; i++)
		give_back(s, c->obj[i]);
	spin_unlock(&s->lock);
	c->count -= n;
	memmove(c->obj, c->obj + n, c->count * sizeof(c->obj[0]));
}

void *slab_alloc(struct slab *s)
{
	struct slab_cpu *c = &s->cpu[smp_processor_id()];
	void *obj = NULL;

	if (!arena_may_alloc(s->arena))
		return NULL;
	if (!c->count)
		refill(s, c);
	if (c->count) {
		obj = c->obj[--c->count];
		WRITE_ONCE(c->in_use, c->in_use + 1);
	}
	return obj;
}

void *slab_zalloc(struct slab *s)
{
	void *obj = slab_alloc(s);

	return obj ? memset(obj, 0, s->size) : NULL;
}

void slab_free(struct slab *s, void *obj)
{
	struct slab_cpu *c = &s->cpu[smp_processor_id()];

	if (c->count == SLAB_STACK)
		spill(s, c);
	c->obj[c->count++] = obj;
	WRITE_ONCE(c->in_use, c->in_use - 1);
}

static bool on_page_list(struct slab *s, pfn_t pfn, unsigned idx)
{
	struct slab_page *p = pfn_desc(s->pages, pfn);
	unsigned at;

	for (at = p->free_head; at; at = *obj_link(s, pfn, at - 1))
		if (at - 1 == idx)
			return true;
	return false;
}

bool slab_owns(struct slab *s, const void *obj)
{
	const char *o = obj;
	bool owned = false;
	unsigned idx, cpu, i;
	pfn_t pfn;

	if (!addr_in_arena(s->pages, obj))
		return false;
	pfn = addr_pfn(s->pages, obj);
	idx = (o - (char *)pfn_addr(s->pages, pfn)) / s->size;
	spin_lock_named(&s->lock, "slab->lock");
	if (pfn < s->pages->never_used && idx < s->per_page &&
	    o == (char *)obj_link(s, pfn, idx))
		owned = !on_page_list(s, pfn, idx);
	spin_unlock(&s->lock);
	for (cpu = 0; owned && cpu < SYNC_MAX_CPUS; cpu++)
		for (i = 0; i < s->cpu[cpu].count; i++)
			if (s->cpu[cpu].obj[i] == obj)
				return false;
	return owned;
}

bool slab_in_range(struct slab *s, const void *obj)
{
	size_t at = (uintptr_t)obj & (SLAB_SIZE - 1);

	return addr_in_arena(s->pages, obj) &&
	       addr_pfn(s->pages, obj) < READ_ONCE(s->pages->never_used) &&
	       at % s->size == 0 && at / s->size < s->per_page;
}

size_t slab_objects(const struct slab *s)
{
	long n = 0;
	unsigned cpu;

	for (cpu = 0; cpu < SYNC_MAX_CPUS; cpu++)
		n += READ_ONCE(s->cpu[cpu].in_use);
	return n < 0 ? 0 : (size_t)n;
}

size_t slab_bytes(const struct slab *s)
{
	return arena_used(s->pages) << SLAB_SHIFT;
}

size_t slab_destroy(struct slab *s)
{
	size_t leaked;

	if (!s)
		return 0;
	leaked = slab_objects(s);
	atomic_long_sub((long)slab_bytes(s), &s->arena->slab_bytes);
	arena_destroy(s->pages);
	munmap(s->cpu, SYNC_MAX_CPUS * sizeof(*s->cpu));
	free(s);
	return leaked;
}
