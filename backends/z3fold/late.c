// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The form of 5.5 to 6.14, as in 6.1. A handle is the address of one of four
 * words in a page's slots; the word says page, buddy and, for LAST, length.
 * Pages with room wait on lists of the CPU that last used them. After a free,
 * deferred work compacts the page: a lone object moves into another page (its
 * slot stays where it is and becomes a foreign handle there), a middle one
 * moves within the page.
 *
 * pool->lock guards lists and LRU, a page's lock its header, slots->lock the
 * words. Order: page_lock, then pool->lock or slots->lock; where a page is
 * found through a list or a slot, its lock is only tried. A page lives while it
 * has references: one for each object, and one for each user in between.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/z3fold/z3fold.h"

#define SLOTS 4
#define SLOT_MASK 3ul
#define LAST_SHIFT 2
#define SLOTS_ALIGN 64
#define HANDLE_HEADLESS 1ul

struct slots {
	unsigned long word[SLOTS];
	struct z3fold_pool *pool;
	rwlock_t lock;
};
_Static_assert(sizeof(struct slots) == 48, "as in 6.1");

struct late_header {
	struct z3fold_header h;
	atomic_t refcount;
	int16_t cpu;
	struct work work;
	struct slots *slots;
	struct z3fold_pool *pool;
};
_Static_assert(sizeof(struct late_header) == 88, "as in 6.1");

struct late_cpu {
	bool ready;
	struct list_head unbuddied[TOTAL_CHUNKS];
};

static void page_unlock(struct late_header *z)
{
	spin_unlock(&z->h.page_lock);
}

static bool page_trylock(struct late_header *z)
{
	return spin_trylock_named(&z->h.page_lock, "zhdr->page_lock");
}

static struct slots *handle_slots(unsigned long handle)
{
	return (struct slots *)(handle & ~(SLOTS_ALIGN - 1ul));
}

static unsigned slot_of(const struct late_header *z, enum buddy bud)
{
	return (bud + z->h.first_num) & SLOT_MASK;
}

static unsigned long word_of(const struct late_header *z, enum buddy bud)
{
	unsigned long word = (unsigned long)z + slot_of(z, bud);

	if (bud == LAST)
		word |= (unsigned long)z->h.last_chunks << LAST_SHIFT;
	return word;
}

static void set_word(struct slots *slots, unsigned long *slot,
		     unsigned long word)
{
	write_lock_named(&slots->lock, "zsl->lock");
	*slot = word;
	write_unlock(&slots->lock);
}

static unsigned long get_word(unsigned long handle)
{
	struct slots *slots = handle_slots(handle);
	unsigned long word;

	read_lock_named(&slots->lock, "zsl->lock");
	word = *(unsigned long *)handle;
	read_unlock(&slots->lock);
	return word;
}

static enum buddy handle_buddy(const struct late_header *z,
			       unsigned long handle)
{
	return (get_word(handle) - z->h.first_num) & SLOT_MASK;
}

/* This CPU's lists. A CPU sets up its own. */
static struct late_cpu *this_cpu(struct z3fold_pool *p)
{
	struct late_cpu *c = &p->cpu[smp_processor_id()];
	unsigned i;

	if (c->ready)
		return c;
	for (i = 0; i < TOTAL_CHUNKS; i++)
		INIT_LIST_HEAD(&c->unbuddied[i]);
	smp_store_release(&c->ready, true);
	return c;
}

static void compact_work(struct work *work);

static struct slots *new_slots(struct z3fold_pool *p)
{
	struct slots *slots = slab_zalloc(p->slots);

	if (slots) {
		slots->pool = p;
		rwlock_init(&slots->lock);
	}
	return slots;
}

static struct late_header *new_page(struct z3fold_pool *p)
{
	struct slots *slots = new_slots(p);
	struct late_header *z;

	if (!slots)
		return NULL;
	z = (struct late_header *)z3fold_new_page(p, false);
	if (!z) {
		slab_free(p->slots, slots);
		return NULL;
	}
	atomic_set(&z->refcount, 1);
	z->cpu = -1;
	work_init(&z->work, compact_work);
	z->work.key = header_pfn(p, &z->h);
	z->slots = slots;
	z->pool = p;
	return z;
}

/* Clears the slot of an object of @z; the last one of its slots frees them. */
static void free_handle(struct z3fold_pool *p, struct late_header *z,
			unsigned long handle)
{
	struct slots *slots = handle_slots(handle);
	bool none;

	write_lock_named(&slots->lock, "zsl->lock");
	*(unsigned long *)handle = 0;
	none = !slots->word[0] && !slots->word[1] && !slots->word[2] &&
	       !slots->word[3];
	write_unlock(&slots->lock);
	if (z->slots != slots)
		z->h.foreign_handles--;
	if (none) {
		if (z->slots == slots)
			z->slots = NULL;
		slab_free(p->slots, slots);
	}
}

/* Puts the page, which is locked and on no list, where it can be found. */
static void add_to_unbuddied(struct z3fold_pool *p, struct late_header *z)
{
	struct list_head *list;

	if (z3fold_full(&z->h))
		return;
	list = &this_cpu(p)->unbuddied[z3fold_free_chunks(p, &z->h)];
	spin_lock_named(&p->lock, "pool->lock");
	list_add(&z->h.buddy, list);
	spin_unlock(&p->lock);
	z->cpu = smp_processor_id();
}

/*
 * Drops a reference of a locked page. With the last one the page is unlocked
 * and gone: nobody holds a handle to it, and under pool->lock it leaves all
 * lists. Return: whether it is gone.
 */
static bool put_page(struct z3fold_pool *p, struct late_header *z)
{
	if (!atomic_dec_and_test(&z->refcount))
		return false;
	spin_lock_named(&p->lock, "pool->lock");
	list_del_init(&z->h.buddy);
	list_del_init(&page_desc(p, &z->h)->lru);
	spin_unlock(&p->lock);
	page_unlock(z);
	z3fold_free_page(p, &z->h);
	return true;
}

/* What was found on a list is ours if its lock can be had; pool->lock held. */
static bool take(struct late_header *z)
{
	if (!page_trylock(z))
		return false;
	list_del_init(&z->h.buddy);
	z->cpu = -1;
	return true;
}

/* A page that waits for compaction is dropped here; its work lists it again. */
static bool usable(struct late_header *z)
{
	if (!z->h.needs_compacting && !z->h.claimed)
		return true;
	page_unlock(z);
	return false;
}

static struct late_header *find_here(struct z3fold_pool *p, unsigned chunks)
{
	struct late_cpu *c = this_cpu(p);
	struct late_header *z;
	unsigned i;
	bool took;

	for (i = chunks; i < p->nchunks;) {
		if (list_empty(&c->unbuddied[i])) {
			i++;
			continue;
		}
		spin_lock_named(&p->lock, "pool->lock");
		took = false;
		if (!list_empty(&c->unbuddied[i])) {
			z = list_first_entry(&c->unbuddied[i],
					     struct late_header, h.buddy);
			took = take(z);
		}
		spin_unlock(&p->lock);
		if (took && usable(z))
			return z;
		/* Another user was faster: look from the start again. */
		if (!took)
			cpu_relax();
		i = chunks;
	}
	return NULL;
}

/* On other CPUs' lists only an exact fit is looked for. */
static struct late_header *find_elsewhere(struct z3fold_pool *p,
					  unsigned chunks)
{
	struct late_header *z;
	struct list_head *list;
	unsigned cpu;
	bool took;

	for (cpu = 0; cpu < SYNC_MAX_CPUS; cpu++) {
		if (!smp_load_acquire(&p->cpu[cpu].ready))
			continue;
		list = &p->cpu[cpu].unbuddied[chunks];
		took = false;
		spin_lock_named(&p->lock, "pool->lock");
		if (!list_empty(list)) {
			z = list_first_entry(list, struct late_header, h.buddy);
			took = take(z);
		}
		spin_unlock(&p->lock);
		if (took && usable(z))
			return z;
	}
	return NULL;
}

/* A page with room, locked, on no list, with a reference for the newcomer. */
static struct late_header *find_page(struct z3fold_pool *p, unsigned chunks)
{
	struct late_header *z = find_here(p, chunks);

	if (!z)
		z = find_elsewhere(p, chunks);
	if (!z)
		return NULL;
	if (!z->slots)
		z->slots = new_slots(p);
	if (!z->slots) {
		add_to_unbuddied(p, z);
		page_unlock(z);
		return NULL;
	}
	atomic_inc(&z->refcount);
	return z;
}

int z3fold_late_malloc(struct zpool *pool, size_t size, unsigned long *handle)
{
	struct z3fold_pool *p = z3fold(pool);
	struct z3fold_header *headless;
	enum buddy bud = FIRST;
	struct late_header *z;
	unsigned chunks;

	if (!size)
		return -EINVAL;
	if (size > page_bytes(p))
		return -ENOSPC;
	chunks = (size + (1u << p->chunk_shift) - 1) >> p->chunk_shift;
	if (size > (size_t)(p->nchunks - 1) << p->chunk_shift) {
		headless = z3fold_malloc_headless(p);
		*handle = (unsigned long)headless | HANDLE_HEADLESS;
		return headless ? 0 : -ENOMEM;
	}
	z = find_page(p, chunks);
	if (z) {
		bud = z3fold_free_buddy(p, &z->h, chunks);
	} else {
		z = new_page(p);
		if (!z)
			return -ENOMEM;
		spin_lock_named(&z->h.page_lock, "zhdr->page_lock");
	}
	z3fold_place(p, &z->h, bud, chunks);
	atomic_long_inc(&p->objects);
	add_to_unbuddied(p, z);
	spin_lock_named(&p->lock, "pool->lock");
	z3fold_lru_touch(p, &z->h);
	spin_unlock(&p->lock);
	*handle = (unsigned long)&z->slots->word[slot_of(z, bud)];
	set_word(z->slots, (unsigned long *)*handle, word_of(z, bud));
	page_unlock(z);
	return 0;
}

/* Debug builds: what the address alone says. */
static void check_handle(struct z3fold_pool *p, const char *call,
			 unsigned long handle)
{
	struct arena *a = p->zpool.arena;
	bool known;

	if (!chunk_debug())
		return;
	if (handle & HANDLE_HEADLESS)
		known = addr_in_arena(a, (void *)handle) &&
			addr_pfn(a, (void *)handle) <
				READ_ONCE(a->never_used) &&
			(handle & (page_bytes(p) - 1)) == HANDLE_HEADLESS;
	else
		known = slab_in_range(p->slots, handle_slots(handle)) &&
			!(handle & 7) &&
			(handle & (SLOTS_ALIGN - 1)) / 8 < SLOTS;
	z3fold_bad_handle(p, call, HEADLESS, handle,
			  known ? NULL : "no such handle was ever given out");
	if ((handle & HANDLE_HEADLESS) &&
	    (!atomic_read(&page_desc(p, page_of(p, handle))->note.used) ||
	     !page_desc(p, page_of(p, handle))->headless))
		z3fold_bad_handle(p, call, HEADLESS, handle,
				  "it was freed already");
}

/* Debug builds: what the word in its slot says; slots->lock is held. */
static void check_word(struct z3fold_pool *p, const char *call,
		       unsigned long handle)
{
	unsigned long word = *(unsigned long *)handle;
	struct arena *a = p->zpool.arena;

	if (!chunk_debug())
		return;
	if (!addr_in_arena(a, (void *)word) ||
	    !atomic_read(&page_desc(p, page_of(p, word))->note.used) ||
	    page_desc(p, page_of(p, word))->headless)
		z3fold_bad_handle(p, call, word & SLOT_MASK, handle,
				  "it was freed already or never given out");
}

static void check_unmapped(struct z3fold_pool *p, struct z3fold_header *zhdr,
			   enum buddy bud, unsigned long handle)
{
	if (chunk_debug() && atomic_read(&page_desc(p, zhdr)->note.mapped[bud]))
		z3fold_bad_handle(p, "free", bud, handle, "it is mapped");
}

/* The page of an object, locked; the object may be on its way elsewhere. */
static struct late_header *lock_page_of(struct z3fold_pool *p, const char *call,
					unsigned long handle)
{
	struct slots *slots = handle_slots(handle);
	struct late_header *z;
	bool locked;

	for (;;) {
		read_lock_named(&slots->lock, "zsl->lock");
		check_word(p, call, handle);
		z = (struct late_header *)page_of(p, *(unsigned long *)handle);
		locked = page_trylock(z);
		read_unlock(&slots->lock);
		if (locked)
			return z;
		cpu_relax();
	}
}

static bool buddy_single(const struct z3fold_header *zhdr)
{
	return !!zhdr->first_chunks + !!zhdr->middle_chunks +
		       !!zhdr->last_chunks <
	       2;
}

/* Moves the only object of @z into another page, if there is one for it. */
static bool move_lone_object(struct z3fold_pool *p, struct late_header *z)
{
	unsigned long *slot = NULL;
	struct late_header *to;
	enum buddy from, bud;
	unsigned chunks;
	size_t bytes;

	for (from = FIRST; from < BUDDIES; from++) {
		slot = &z->slots->word[slot_of(z, from)];
		if (*z3fold_chunks(&z->h, from) && *slot)
			break;
	}
	if (from == BUDDIES)
		return false;
	chunks = *z3fold_chunks(&z->h, from);
	to = find_page(p, chunks);
	if (!to)
		return false;
	bud = z3fold_free_buddy(p, &to->h, chunks);
	z3fold_place(p, &to->h, bud, chunks);
	bytes = (size_t)chunks << p->chunk_shift;
	memcpy((char *)to + z3fold_offset(p, &to->h, bud),
	       (char *)z + z3fold_offset(p, &z->h, from), bytes);
	to->h.foreign_handles++;
	set_word(z->slots, slot, word_of(to, bud));
	add_to_unbuddied(p, to);
	page_unlock(to);
	*z3fold_chunks(&z->h, from) = 0;
	atomic_long_inc(&p->moved_objects);
	atomic_long_add((long)bytes, &p->moved_bytes);
	return true;
}

/* Compacts a locked page that has a reference for it; unlocks it. */
static void compact_page(struct late_header *z)
{
	struct z3fold_pool *p = z->pool;

	z->h.needs_compacting = 0;
	spin_lock_named(&p->lock, "pool->lock");
	list_del_init(&z->h.buddy);
	spin_unlock(&p->lock);
	if (put_page(p, z))
		return;
	if (z->h.claimed) {
		page_unlock(z);
		return;
	}
	if (!z->h.foreign_handles && buddy_single(&z->h) && !z->h.mapped &&
	    z->slots && move_lone_object(p, z)) {
		/* The slots belong to the object now. */
		z->slots = NULL;
		if (!put_page(p, z))
			page_unlock(z);
		return;
	}
	z3fold_compact_page(p, &z->h);
	add_to_unbuddied(p, z);
	page_unlock(z);
}

static void compact_work(struct work *work)
{
	struct late_header *z = list_entry(work, struct late_header, work);

	spin_lock_named(&z->h.page_lock, "zhdr->page_lock");
	compact_page(z);
}

void z3fold_late_free(struct zpool *pool, unsigned long handle)
{
	struct z3fold_pool *p = z3fold(pool);
	struct late_header *z;
	enum buddy bud;

	check_handle(p, "free", handle);
	if (handle & HANDLE_HEADLESS) {
		z = (struct late_header *)page_of(p, handle);
		check_unmapped(p, &z->h, HEADLESS, handle);
		z3fold_free_headless(p, &z->h);
		return;
	}
	z = lock_page_of(p, "free", handle);
	bud = handle_buddy(z, handle);
	check_unmapped(p, &z->h, bud, handle);
	atomic_long_dec(&p->objects);
	if (z->h.claimed) {
		/* Reclaim has a reference and does the rest. */
		z->h.freed |= 1 << bud;
		atomic_dec(&z->refcount);
		page_unlock(z);
		return;
	}
	*z3fold_chunks(&z->h, bud) = 0;
	free_handle(p, z, handle);
	if (put_page(p, z))
		return;
	if (z->h.needs_compacting) {
		page_unlock(z);
		return;
	}
	z->h.needs_compacting = 1;
	atomic_inc(&z->refcount);
	if (z->cpu < 0) {
		compact_page(z);
		return;
	}
	queue_work(&p->wq, &z->work);
	page_unlock(z);
}

void *z3fold_late_map(struct zpool *pool, unsigned long handle,
		      enum zpool_mapmode mode)
{
	struct z3fold_pool *p = z3fold(pool);
	struct late_header *z;
	enum buddy bud;
	char *addr;

	check_handle(p, "map", handle);
	if (handle & HANDLE_HEADLESS) {
		z = (struct late_header *)page_of(p, handle);
		z3fold_note_map(p, &z->h, HEADLESS, handle, true, mode);
		return z;
	}
	z = lock_page_of(p, "map", handle);
	bud = handle_buddy(z, handle);
	z3fold_note_map(p, &z->h, bud, handle, true, mode);
	z3fold_mapped(&z->h, bud, 1);
	addr = (char *)z + z3fold_offset(p, &z->h, bud);
	page_unlock(z);
	return addr;
}

void z3fold_late_unmap(struct zpool *pool, unsigned long handle)
{
	struct z3fold_pool *p = z3fold(pool);
	struct late_header *z;
	enum buddy bud;

	check_handle(p, "unmap", handle);
	if (handle & HANDLE_HEADLESS) {
		z = (struct late_header *)page_of(p, handle);
		z3fold_note_map(p, &z->h, HEADLESS, handle, false, ZPOOL_MM_RO);
		return;
	}
	z = lock_page_of(p, "unmap", handle);
	bud = handle_buddy(z, handle);
	z3fold_note_map(p, &z->h, bud, handle, false, ZPOOL_MM_RO);
	z3fold_mapped(&z->h, bud, -1);
	page_unlock(z);
}

/*
 * Claims the oldest page that can be had. Pages with foreign handles cannot:
 * their slots are not all theirs. A page with a header comes locked and with a
 * reference for reclaim. pool->lock is held.
 */
static struct late_header *claim_oldest(struct z3fold_pool *p)
{
	struct z3fold_page *page;
	struct list_head *node;
	struct late_header *z;

	for (node = p->lru.prev; node != &p->lru; node = node->prev) {
		page = list_entry(node, struct z3fold_page, lru);
		z = pfn_addr(p->zpool.arena, desc_pfn(p->zpool.arena, page));
		if (page->headless) {
			page->claimed = true;
		} else {
			if (!page_trylock(z))
				continue;
			if (z->h.foreign_handles || z->h.claimed) {
				page_unlock(z);
				continue;
			}
			z->h.claimed = 1;
			list_del_init(&z->h.buddy);
			z->cpu = -1;
			atomic_inc(&z->refcount);
		}
		list_del_init(&page->lru);
		return z;
	}
	return NULL;
}

/* The page is claimed and locked. Returns whether it was freed. */
static bool reclaim_objects(struct z3fold_pool *p, struct late_header *z)
{
	unsigned long handle[BUDDIES] = { 0 };
	enum buddy bud;

	for (bud = FIRST; bud < BUDDIES; bud++)
		if (*z3fold_chunks(&z->h, bud))
			handle[bud] =
				(unsigned long)&z->slots->word[slot_of(z, bud)];
	page_unlock(z);

	z3fold_evict(p, &z->h, handle);

	spin_lock_named(&z->h.page_lock, "zhdr->page_lock");
	for (bud = FIRST; bud < BUDDIES; bud++)
		if (z->h.freed & 1 << bud) {
			*z3fold_chunks(&z->h, bud) = 0;
			free_handle(p, z, handle[bud]);
		}
	z->h.freed = 0;
	z->h.claimed = 0;
	if (put_page(p, z))
		return true;
	spin_lock_named(&p->lock, "pool->lock");
	z3fold_lru_touch(p, &z->h);
	spin_unlock(&p->lock);
	/* Queued work lists it when it is done. */
	if (!z->h.needs_compacting)
		add_to_unbuddied(p, z);
	page_unlock(z);
	return false;
}

static int reclaim_page(struct z3fold_pool *p)
{
	struct late_header *z;
	bool headless;
	int i;

	if (!p->zpool.evict)
		return -EINVAL;
	for (i = 0; i < RECLAIM_TRIES; i++) {
		spin_lock_named(&p->lock, "pool->lock");
		if (list_empty(&p->lru)) {
			spin_unlock(&p->lock);
			return -EINVAL;
		}
		z = claim_oldest(p);
		spin_unlock(&p->lock);
		if (!z)
			break;
		headless = page_desc(p, &z->h)->headless;
		if (headless ? !z3fold_evict_headless(p, &z->h,
						      (unsigned long)z |
							      HANDLE_HEADLESS)
			     : reclaim_objects(p, z))
			return 0;
	}
	return -EAGAIN;
}

int z3fold_late_shrink(struct zpool *pool, unsigned pages, unsigned *reclaimed)
{
	int ret = -EINVAL;

	for (*reclaimed = 0; *reclaimed < pages; ++*reclaimed) {
		ret = reclaim_page(z3fold(pool));
		if (ret)
			break;
	}
	return ret;
}

size_t z3fold_late_settle(struct zpool *pool)
{
	return workqueue_drain(&z3fold(pool)->wq);
}

bool z3fold_late_run_work(struct zpool *pool, pfn_t pfn)
{
	return workqueue_run_key(&z3fold(pool)->wq, pfn);
}

void z3fold_late_locate(struct zpool *pool, unsigned long handle,
			struct zpool_location *loc)
{
	struct z3fold_pool *p = z3fold(pool);
	struct late_header *z;

	loc->indexed = false;
	if (handle & HANDLE_HEADLESS) {
		loc->pfn = header_pfn(p, page_of(p, handle));
		loc->at = 0;
		return;
	}
	z = lock_page_of(p, "locate", handle);
	loc->pfn = header_pfn(p, &z->h);
	loc->at = z3fold_offset(p, &z->h, handle_buddy(z, handle));
	page_unlock(z);
}

int z3fold_late_init(struct z3fold_pool *p, struct err *err)
{
	p->slots = slab_create(p->zpool.arena, "z3fold", sizeof(struct slots),
			       SLOTS_ALIGN, err);
	if (!p->slots)
		return -ENOMEM;
	workqueue_init(&p->wq);
	p->cpu = calloc(SYNC_MAX_CPUS, sizeof(*p->cpu));
	if (p->cpu)
		return 0;
	slab_destroy(p->slots);
	return err_set(err, -ENOMEM, "out of memory for a z3fold pool");
}

void z3fold_late_exit(struct z3fold_pool *p)
{
	slab_destroy(p->slots);
	free(p->cpu);
}

size_t z3fold_late_bytes(struct z3fold_pool *p)
{
	size_t bytes = 0;
	unsigned cpu;

	for (cpu = 0; cpu < SYNC_MAX_CPUS; cpu++)
		if (smp_load_acquire(&p->cpu[cpu].ready))
			bytes += p->nchunks * sizeof(struct list_head);
	return bytes;
}

static int check_page(struct z3fold_pool *p, struct z3fold_header *zhdr,
		      struct err *err)
{
	struct late_header *z = (struct late_header *)zhdr;
	unsigned own = 0, objects = 0;
	bool queued = work_pending(&z->work);
	enum buddy bud;

	for (bud = FIRST; bud < BUDDIES; bud++) {
		if (!*z3fold_chunks(zhdr, bud))
			continue;
		objects++;
		own += z->slots &&
		       z->slots->word[slot_of(z, bud)] == word_of(z, bud);
	}
	if (own + zhdr->foreign_handles != objects ||
	    atomic_read(&z->refcount) != (int)(objects + queued) ||
	    zhdr->needs_compacting != queued)
		return err_set(err, -EIO,
			       "z3fold: page %u: %u objects, %u in its own "
			       "slots, %u foreign, %d references, work %s",
			       header_pfn(p, zhdr), objects, own,
			       zhdr->foreign_handles, atomic_read(&z->refcount),
			       queued ? "queued" : "not queued");
	if (list_empty(&zhdr->buddy) && !z3fold_full(zhdr) && !queued)
		return err_set(err, -EIO,
			       "z3fold: page %u has room and is on no list",
			       header_pfn(p, zhdr));
	return 0;
}

int z3fold_late_validate(struct zpool *pool, struct err *err)
{
	struct z3fold_pool *p = z3fold(pool);
	struct list_head *list, *node;
	struct late_header *z;
	unsigned cpu, i;

	for (cpu = 0; cpu < SYNC_MAX_CPUS; cpu++)
		for (i = 0; p->cpu[cpu].ready && i < TOTAL_CHUNKS; i++) {
			list = &p->cpu[cpu].unbuddied[i];
			list_for_each (node, list) {
				z = list_entry(node, struct late_header,
					       h.buddy);
				/* Its list is put right by the work. */
				if (!z->h.needs_compacting &&
				    z3fold_free_chunks(p, &z->h) != i)
					return err_set(
						err, -EIO,
						"z3fold: page %u with %u free "
						"chunks is on the list of %u",
						header_pfn(p, &z->h),
						z3fold_free_chunks(p, &z->h),
						i);
			}
		}
	return z3fold_check_pages(p, check_page, err);
}
