// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The form of 5.5 to 6.14, as in 6.1. A handle is the address of one of four
 * words in a page's slots; the word encodes page, buddy and, for LAST, length.
 * Pages with free chunks are on lists of the CPU that last used them. After a
 * free, deferred work compacts the page: an object that is alone moves into
 * another page (its slot stays in place and becomes a foreign handle of that
 * page); a middle object moves within the page.
 *
 * pool->lock guards lists and LRU, a page's lock its header, slots->lock the
 * words. Order: page_lock, then pool->lock or slots->lock; where a page is found
 * through a list or a slot, its lock is taken with trylock. A page exists while
 * it has references: one for each object, and one for each temporary user. When
 * the last is dropped, the page goes to the stale list, under stale_lock, and
 * deferred work frees its frame.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/cpus.h"
#include "backends/z3fold/z3fold.h"

#define SLOTS 4
#define SLOT_MASK 3ul
#define LAST_SHIFT 2
#define SLOTS_ALIGN 64
#define HANDLE_HEADLESS 1ul

struct z3fold_buddy_slots {
	unsigned long slot[SLOTS];
	struct z3fold_pool *pool;
	rwlock_t lock;
};
_Static_assert(sizeof(struct z3fold_buddy_slots) == 48, "as in 6.1");

struct late_cpu {
	bool ready;
	struct list_head unbuddied[TOTAL_CHUNKS];
};

static void z3fold_page_lock(struct z3fold_header *zhdr)
{
	spin_lock(&zhdr->page_lock);
}

static void z3fold_page_unlock(struct z3fold_header *zhdr)
{
	spin_unlock(&zhdr->page_lock);
}

static bool z3fold_page_trylock(struct z3fold_header *zhdr)
{
	return spin_trylock(&zhdr->page_lock);
}

static struct z3fold_buddy_slots *handle_to_slots(unsigned long handle)
{
	return (struct z3fold_buddy_slots *)(handle & ~(SLOTS_ALIGN - 1ul));
}

static unsigned slot_idx(const struct z3fold_header *zhdr, enum buddy bud)
{
	return (bud + zhdr->first_num) & SLOT_MASK;
}

static unsigned long slot_word(const struct z3fold_pool *pool,
			       const struct z3fold_header *zhdr, enum buddy bud)
{
	unsigned long value =
		(unsigned long)page_addr(pool, zhdr) + slot_idx(zhdr, bud);

	if (bud == LAST)
		value |= (unsigned long)zhdr->last_chunks << LAST_SHIFT;
	return value;
}

static void set_slot(struct z3fold_buddy_slots *slots, unsigned long *slot,
		     unsigned long value)
{
	write_lock(&slots->lock);
	*slot = value;
	write_unlock(&slots->lock);
}

static unsigned long get_slot(unsigned long handle)
{
	struct z3fold_buddy_slots *slots = handle_to_slots(handle);
	unsigned long value;

	read_lock(&slots->lock);
	value = *(unsigned long *)handle;
	read_unlock(&slots->lock);
	return value;
}

static enum buddy handle_to_buddy(const struct z3fold_header *zhdr,
				  unsigned long handle)
{
	return (get_slot(handle) - zhdr->first_num) & SLOT_MASK;
}

/* The length of a last object, even while its header no longer has it. */
static unsigned handle_to_chunks(const struct z3fold_pool *pool,
				 unsigned long handle)
{
	return (get_slot(handle) & (page_bytes(pool) - 1)) >> LAST_SHIFT;
}

/* This CPU's lists, which the CPU sets up at first use. */
static struct late_cpu *this_cpu(struct z3fold_pool *pool)
{
	int cpu = (int)smp_processor_id();
	struct late_cpu *c = &pool->cpu[cpu];
	unsigned i;

	if (c->ready)
		return c;
	for (i = 0; i < TOTAL_CHUNKS; i++)
		INIT_LIST_HEAD(&c->unbuddied[i]);
	smp_store_release(&c->ready, true);
	cpus_note(&pool->cpus, cpu);
	return c;
}

static void compact_page_work(struct work *work);

static struct z3fold_buddy_slots *alloc_slots(struct z3fold_pool *pool)
{
	struct z3fold_buddy_slots *slots = slab_zalloc(pool->c_handle);

	if (slots) {
		slots->pool = pool;
		rwlock_init(&slots->lock);
	}
	return slots;
}

static struct z3fold_header *new_page(struct z3fold_pool *pool)
{
	struct z3fold_buddy_slots *slots = alloc_slots(pool);
	struct z3fold_header *zhdr;

	if (!slots)
		return NULL;
	zhdr = z3fold_new_page(pool, false);
	if (!zhdr) {
		slab_free(pool->c_handle, slots);
		return NULL;
	}
	atomic_set(&zhdr->refcount, 1);
	zhdr->cpu = -1;
	work_init(&zhdr->work, compact_page_work);
	zhdr->work.key = header_pfn(pool, zhdr);
	zhdr->slots = slots;
	zhdr->pool = pool;
	return zhdr;
}

/* Clears an object's slot word; frees the slots if all words are now 0. */
static void free_handle(struct z3fold_pool *pool, struct z3fold_header *zhdr,
			unsigned long handle)
{
	struct z3fold_buddy_slots *slots = handle_to_slots(handle);
	bool none;

	lockdep_assert_held(&zhdr->page_lock);
	write_lock(&slots->lock);
	*(unsigned long *)handle = 0;
	none = !slots->slot[0] && !slots->slot[1] && !slots->slot[2] &&
	       !slots->slot[3];
	write_unlock(&slots->lock);
	if (zhdr->slots != slots)
		zhdr->foreign_handles--;
	if (none) {
		if (zhdr->slots == slots)
			zhdr->slots = NULL;
		slab_free(pool->c_handle, slots);
	}
}

/* Puts the page, which is on no list, on this CPU's list by free chunks. */
static void add_to_unbuddied(struct z3fold_pool *pool,
			     struct z3fold_header *zhdr)
{
	struct list_head *list;

	lockdep_assert_held(&zhdr->page_lock);
	if (z3fold_full(zhdr))
		return;
	list = &this_cpu(pool)->unbuddied[z3fold_num_free_chunks(pool, zhdr)];
	spin_lock(&pool->lock);
	list_add(&zhdr->buddy, list);
	spin_unlock(&pool->lock);
	zhdr->cpu = smp_processor_id();
}

/* Inlined always, see put_z3fold_locked(). The page may be on no list. */
static inline __attribute__((always_inline)) void
unlist(struct z3fold_pool *pool, struct z3fold_header *zhdr)
{
	spin_lock(&pool->lock);
	list_del_init(&zhdr->buddy);
	spin_unlock(&pool->lock);
}

/*
 * No handle refers to the page and it is on no list by free chunks: unlocks it
 * and leaves its frame to the deferred work.
 */
static void release_page(struct z3fold_pool *pool, struct z3fold_header *zhdr)
{
	spin_lock(&pool->lock);
	list_del_init(&page_desc(pool, zhdr)->lru);
	spin_unlock(&pool->lock);
	z3fold_forget_page(pool, zhdr);
	z3fold_page_unlock(zhdr);
	spin_lock(&pool->stale_lock);
	list_add(&zhdr->buddy, &pool->stale);
	queue_work(&pool->wq, &pool->work);
	spin_unlock(&pool->stale_lock);
}

static void free_pages_work(struct work *work)
{
	struct z3fold_pool *pool = list_entry(work, struct z3fold_pool, work);
	struct z3fold_header *zhdr;

	spin_lock(&pool->stale_lock);
	while (!list_empty(&pool->stale)) {
		zhdr = list_first_entry(&pool->stale, struct z3fold_header,
					buddy);
		list_del_init(&zhdr->buddy);
		spin_unlock(&pool->stale_lock);
		cancel_work(&pool->wq, &zhdr->work);
		frame_free(pool->zpool.arena, header_pfn(pool, zhdr));
		spin_lock(&pool->stale_lock);
	}
	spin_unlock(&pool->stale_lock);
}

/*
 * Drops a reference of a locked page, which is on no list by free chunks, or
 * with the second function on any. Return: whether the page was released.
 *
 * Never inlined, not even in part: a virtual CPU is charged for calls, and its
 * time must not depend on the compiler's inlining decisions in the callers.
 */
static __attribute__((noinline)) bool
put_z3fold_locked(struct z3fold_pool *pool, struct z3fold_header *zhdr)
{
	lockdep_assert_held(&zhdr->page_lock);
	/* Relaxed: the count changes only under the page's lock. */
	if (atomic_add_return_relaxed(-1, &zhdr->refcount))
		return false;
	release_page(pool, zhdr);
	return true;
}

static __attribute__((noinline)) bool
put_z3fold_locked_list(struct z3fold_pool *pool, struct z3fold_header *zhdr)
{
	lockdep_assert_held(&zhdr->page_lock);
	if (atomic_add_return_relaxed(-1, &zhdr->refcount))
		return false;
	unlist(pool, zhdr);
	release_page(pool, zhdr);
	return true;
}

/* Takes a page off its list; trylock, as its lock precedes pool->lock. */
static bool take(struct z3fold_pool *pool, struct z3fold_header *zhdr)
{
	lockdep_assert_held(&pool->lock);
	if (!z3fold_page_trylock(zhdr))
		return false;
	list_del_init(&zhdr->buddy);
	zhdr->cpu = -1;
	return true;
}

/* Unlocks a page that is queued for compaction; that work lists it again. */
static bool usable(struct z3fold_header *zhdr)
{
	lockdep_assert_held(&zhdr->page_lock);
	if (!zhdr->needs_compacting && !zhdr->claimed)
		return true;
	z3fold_page_unlock(zhdr);
	return false;
}

static struct z3fold_header *find_here(struct z3fold_pool *pool,
				       unsigned chunks)
{
	struct late_cpu *c = this_cpu(pool);
	struct z3fold_header *zhdr;
	unsigned i;
	bool took;

	for (i = chunks; i < pool->nchunks;) {
		if (list_empty(&c->unbuddied[i])) {
			i++;
			continue;
		}
		spin_lock(&pool->lock);
		took = false;
		if (!list_empty(&c->unbuddied[i])) {
			zhdr = list_first_entry(&c->unbuddied[i],
						struct z3fold_header, buddy);
			took = take(pool, zhdr);
		}
		spin_unlock(&pool->lock);
		if (took && usable(zhdr))
			return zhdr;
		/* Another thread was faster: search again from the start. */
		if (!took)
			cpu_relax();
		i = chunks;
	}
	return NULL;
}

/* On other CPUs' lists, only pages with an exact fit are searched. */
static struct z3fold_header *find_elsewhere(struct z3fold_pool *pool,
					    unsigned chunks)
{
	struct z3fold_header *zhdr;
	struct list_head *list;
	unsigned cpu;
	bool took;

	for (cpu = 0; cpu < SYNC_MAX_CPUS; cpu++) {
		if (!smp_load_acquire(&pool->cpu[cpu].ready))
			continue;
		list = &pool->cpu[cpu].unbuddied[chunks];
		took = false;
		spin_lock(&pool->lock);
		if (!list_empty(list)) {
			zhdr = list_first_entry(list, struct z3fold_header,
						buddy);
			took = take(pool, zhdr);
		}
		spin_unlock(&pool->lock);
		if (took && usable(zhdr))
			return zhdr;
	}
	return NULL;
}

/*
 * Return: a page with room, locked, on no list, referenced for the object.
 * @slots: it must have slots, for a new handle
 */
static struct z3fold_header *find_page(struct z3fold_pool *pool,
				       unsigned chunks, bool slots)
{
	struct z3fold_header *zhdr = find_here(pool, chunks);

	if (!zhdr)
		zhdr = find_elsewhere(pool, chunks);
	if (!zhdr)
		return NULL;
	if (slots && !zhdr->slots)
		zhdr->slots = alloc_slots(pool);
	if (slots && !zhdr->slots) {
		add_to_unbuddied(pool, zhdr);
		z3fold_page_unlock(zhdr);
		return NULL;
	}
	atomic_inc(&zhdr->refcount);
	return zhdr;
}

int z3fold_late_malloc(struct zpool *zpool, size_t size, unsigned long *handle)
{
	struct z3fold_pool *pool = z3fold(zpool);
	struct z3fold_header *zhdr, *headless;
	enum buddy bud = FIRST;
	unsigned chunks;
	int ret;

	ret = z3fold_refuses(pool, size);
	if (ret)
		return ret;
	chunks = size_to_chunks(size, pool->chunk_shift);
	if (z3fold_headless(pool, size)) {
		headless = z3fold_malloc_headless(pool);
		*handle = (unsigned long)page_addr(pool, headless) |
			  HANDLE_HEADLESS;
		return headless ? 0 : -ENOMEM;
	}
	zhdr = find_page(pool, chunks, true);
	if (zhdr) {
		bud = z3fold_get_free_buddy(pool, zhdr, chunks);
	} else {
		zhdr = new_page(pool);
		if (!zhdr)
			return -ENOMEM;
		z3fold_page_lock(zhdr);
	}
	z3fold_place(pool, zhdr, bud, chunks);
	atomic_long_inc(&pool->objects);
	add_to_unbuddied(pool, zhdr);
	spin_lock(&pool->lock);
	z3fold_lru_touch(pool, zhdr);
	*handle = (unsigned long)&zhdr->slots->slot[slot_idx(zhdr, bud)];
	set_slot(zhdr->slots, (unsigned long *)*handle,
		 slot_word(pool, zhdr, bud));
	spin_unlock(&pool->lock);
	z3fold_page_unlock(zhdr);
	return 0;
}

/* Debug builds: checks the handle's address only. */
static void check_handle(struct z3fold_pool *pool, const char *call,
			 unsigned long handle)
{
	struct arena *a = pool->zpool.arena;
	bool known;

	if (!chunk_debug())
		return;
	if (handle & HANDLE_HEADLESS)
		known = addr_in_arena(a, (void *)handle) &&
			addr_pfn(a, (void *)handle) <
				READ_ONCE(a->never_used) &&
			(handle & (page_bytes(pool) - 1)) == HANDLE_HEADLESS;
	else
		known = slab_in_range(pool->c_handle,
				      handle_to_slots(handle)) &&
			!(handle & 7) &&
			(handle & (SLOTS_ALIGN - 1)) / 8 < SLOTS;
	z3fold_bad_handle(pool, call, HEADLESS, handle,
			  known ? NULL : "no such handle was ever given out");
	if ((handle & HANDLE_HEADLESS) &&
	    (!atomic_read(&page_desc(pool, handle_to_z3fold_header(pool, handle))
				   ->note.used) ||
	     !page_desc(pool, handle_to_z3fold_header(pool, handle))->headless))
		z3fold_bad_handle(pool, call, HEADLESS, handle,
				  "it was freed already");
}

/* Debug builds: checks the word in the handle's slot. */
static void check_word(struct z3fold_pool *pool, const char *call,
		       unsigned long handle)
{
	unsigned long value = *(unsigned long *)handle;
	struct arena *a = pool->zpool.arena;

	lockdep_assert_held(&handle_to_slots(handle)->lock);
	if (!chunk_debug())
		return;
	if (!addr_in_arena(a, (void *)value) ||
	    !atomic_read(&page_desc(pool, handle_to_z3fold_header(pool, value))
				  ->note.used) ||
	    page_desc(pool, handle_to_z3fold_header(pool, value))->headless)
		z3fold_bad_handle(pool, call, value & SLOT_MASK, handle,
				  "it was freed already or never given out");
}

/* Locks an object's page; retries, since the object may be moved meanwhile. */
static struct z3fold_header *get_z3fold_header(struct z3fold_pool *pool,
					       const char *call,
					       unsigned long handle)
{
	struct z3fold_buddy_slots *slots = handle_to_slots(handle);
	struct z3fold_header *zhdr;
	bool locked;

	for (;;) {
		read_lock(&slots->lock);
		check_word(pool, call, handle);
		zhdr = handle_to_z3fold_header(pool, *(unsigned long *)handle);
		locked = z3fold_page_trylock(zhdr);
		read_unlock(&slots->lock);
		if (locked)
			return zhdr;
		cpu_relax();
	}
}

static bool buddy_single(const struct z3fold_header *zhdr)
{
	lockdep_assert_held(&zhdr->page_lock);
	return !!zhdr->first_chunks + !!zhdr->middle_chunks +
		       !!zhdr->last_chunks <
	       2;
}

/* Moves a page's only object into another page, if one has room for it. */
static bool compact_single_buddy(struct z3fold_pool *pool,
				 struct z3fold_header *zhdr)
{
	unsigned long *slot = NULL;
	struct z3fold_header *to;
	enum buddy from, bud;
	unsigned chunks;
	size_t bytes;

	lockdep_assert_held(&zhdr->page_lock);
	for (from = FIRST; from < BUDDIES; from++) {
		slot = &zhdr->slots->slot[slot_idx(zhdr, from)];
		if (*z3fold_chunks(zhdr, from) && *slot)
			break;
	}
	if (from == BUDDIES)
		return false;
	chunks = *z3fold_chunks(zhdr, from);
	/* The object keeps its handle. The kernel asks for slots even so. */
	to = find_page(pool, chunks, pool->leak);
	if (!to)
		return false;
	bud = z3fold_get_free_buddy(pool, to, chunks);
	z3fold_place(pool, to, bud, chunks);
	bytes = (size_t)chunks << pool->chunk_shift;
	frame_copy(pool->zpool.arena, z3fold_object(pool, to, bud),
		   z3fold_object(pool, zhdr, from), bytes);
	to->foreign_handles++;
	set_slot(zhdr->slots, slot, slot_word(pool, to, bud));
	add_to_unbuddied(pool, to);
	z3fold_page_unlock(to);
	*z3fold_chunks(zhdr, from) = 0;
	atomic_long_inc(&pool->moved_objects);
	atomic_long_add((long)bytes, &pool->moved_bytes);
	return true;
}

/* The caller took a reference for this; it is dropped and the page unlocked. */
static void do_compact_page(struct z3fold_header *zhdr)
{
	struct z3fold_pool *pool = zhdr->pool;

	lockdep_assert_held(&zhdr->page_lock);
	zhdr->needs_compacting = 0;
	unlist(pool, zhdr);
	if (put_z3fold_locked(pool, zhdr))
		return;
	if (zhdr->claimed) {
		z3fold_page_unlock(zhdr);
		return;
	}
	if (!zhdr->foreign_handles && buddy_single(zhdr) && !zhdr->mapped &&
	    zhdr->slots && compact_single_buddy(pool, zhdr)) {
		/* From here on the slots belong to the moved object. */
		zhdr->slots = NULL;
		if (!put_z3fold_locked(pool, zhdr))
			z3fold_page_unlock(zhdr);
		return;
	}
	z3fold_compact_page(pool, zhdr);
	add_to_unbuddied(pool, zhdr);
	z3fold_page_unlock(zhdr);
}

static void compact_page_work(struct work *work)
{
	struct z3fold_header *zhdr =
		list_entry(work, struct z3fold_header, work);

	z3fold_page_lock(zhdr);
	do_compact_page(zhdr);
}

/* @relist is a constant: the calls differ, so that neither form asks for it. */
static inline __attribute__((always_inline)) void
late_free(struct zpool *zpool, unsigned long handle, bool relist)
{
	struct z3fold_pool *pool = z3fold(zpool);
	struct z3fold_header *zhdr;
	enum buddy bud;

	check_handle(pool, "free", handle);
	if (handle & HANDLE_HEADLESS) {
		zhdr = handle_to_z3fold_header(pool, handle);
		z3fold_check_unmapped(pool, zhdr, HEADLESS, handle);
		z3fold_free_headless(pool, zhdr);
		return;
	}
	zhdr = get_z3fold_header(pool, "free", handle);
	bud = handle_to_buddy(zhdr, handle);
	z3fold_check_unmapped(pool, zhdr, bud, handle);
	atomic_long_dec(&pool->objects);
	if (zhdr->claimed) {
		/* Reclaim holds a reference and completes the free. */
		zhdr->freed |= 1 << bud;
		atomic_dec(&zhdr->refcount);
		z3fold_page_unlock(zhdr);
		return;
	}
	*z3fold_chunks(zhdr, bud) = 0;
	free_handle(pool, zhdr, handle);
	if (put_z3fold_locked_list(pool, zhdr))
		return;
	if (zhdr->needs_compacting) {
		z3fold_page_unlock(zhdr);
		return;
	}
	zhdr->needs_compacting = 1;
	atomic_inc(&zhdr->refcount);
	if (zhdr->cpu < 0) {
		if (!relist)
			unlist(pool, zhdr);
		do_compact_page(zhdr);
		return;
	}
	queue_work(&pool->wq, &zhdr->work);
	z3fold_page_unlock(zhdr);
}

void z3fold_late_free(struct zpool *zpool, unsigned long handle)
{
	late_free(zpool, handle, true);
}

void z3fold_late_free_510(struct zpool *zpool, unsigned long handle)
{
	late_free(zpool, handle, false);
}

/* A mapping begins or ends. */
static inline __attribute__((always_inline)) void *
change_mapping(struct zpool *zpool, unsigned long handle, bool begins,
	       enum zpool_mapmode mode)
{
	const char *call = begins ? "map" : "unmap";
	struct z3fold_pool *pool = z3fold(zpool);
	struct z3fold_header *zhdr;
	enum buddy bud;
	char *addr;

	check_handle(pool, call, handle);
	if (handle & HANDLE_HEADLESS) {
		zhdr = handle_to_z3fold_header(pool, handle);
		z3fold_note_map(pool, zhdr, HEADLESS, handle, begins, mode);
		return page_addr(pool, zhdr);
	}
	zhdr = get_z3fold_header(pool, call, handle);
	bud = handle_to_buddy(zhdr, handle);
	addr = z3fold_mapping(pool, zhdr, bud, handle, begins, mode);
	if (begins && bud == LAST)
		addr = page_addr(pool, zhdr) + page_bytes(pool) -
		       ((size_t)handle_to_chunks(pool, handle)
			<< pool->chunk_shift);
	z3fold_page_unlock(zhdr);
	return addr;
}

void *z3fold_late_map(struct zpool *zpool, unsigned long handle,
		      enum zpool_mapmode mode)
{
	return frame_map(zpool->arena,
			 change_mapping(zpool, handle, true, mode), handle,
			 mode != ZPOOL_MM_RO);
}

void z3fold_late_unmap(struct zpool *zpool, unsigned long handle)
{
	change_mapping(zpool, handle, false, ZPOOL_MM_RO);
	frame_unmap(zpool->arena, handle);
}

/*
 * Pages with foreign handles cannot be claimed: some of their slots belong to
 * other pages. A claimed page is locked and has a reference for reclaim.
 */
static bool claim(struct z3fold_pool *pool, struct z3fold_header *zhdr)
{
	lockdep_assert_held(&pool->lock);
	if (!z3fold_page_trylock(zhdr))
		return false;
	if (zhdr->foreign_handles || zhdr->claimed) {
		z3fold_page_unlock(zhdr);
		return false;
	}
	zhdr->claimed = 1;
	list_del_init(&zhdr->buddy);
	zhdr->cpu = -1;
	atomic_inc(&zhdr->refcount);
	return true;
}

/* Unlocks the page, which is claimed. Return: whether it was freed. */
static inline __attribute__((always_inline)) bool
late_objects(struct z3fold_pool *pool, struct z3fold_header *zhdr, bool relist)
{
	unsigned long handle[BUDDIES] = { 0 };
	enum buddy bud;

	lockdep_assert_held(&zhdr->page_lock);
	for (bud = FIRST; bud < BUDDIES; bud++)
		if (*z3fold_chunks(zhdr, bud))
			handle[bud] = (unsigned long)&zhdr->slots
					      ->slot[slot_idx(zhdr, bud)];
	z3fold_page_unlock(zhdr);

	z3fold_evict(pool, zhdr, handle);

	z3fold_page_lock(zhdr);
	for (bud = FIRST; bud < BUDDIES; bud++)
		if (zhdr->freed & 1 << bud) {
			*z3fold_chunks(zhdr, bud) = 0;
			free_handle(pool, zhdr, handle[bud]);
		}
	zhdr->freed = 0;
	zhdr->claimed = 0;
	if (put_z3fold_locked(pool, zhdr))
		return true;
	spin_lock(&pool->lock);
	z3fold_lru_touch(pool, zhdr);
	spin_unlock(&pool->lock);
	/* If its compaction is queued, that work puts the page on a list. */
	if (relist && !zhdr->needs_compacting)
		add_to_unbuddied(pool, zhdr);
	z3fold_page_unlock(zhdr);
	return false;
}

static bool reclaim_objects(struct z3fold_pool *pool,
			    struct z3fold_header *zhdr)
{
	return late_objects(pool, zhdr, true);
}

static bool reclaim_objects_510(struct z3fold_pool *pool,
				struct z3fold_header *zhdr)
{
	return late_objects(pool, zhdr, false);
}

static int reclaim_page(struct zpool *zpool)
{
	return z3fold_reclaim_page(z3fold(zpool), claim, reclaim_objects,
				   HANDLE_HEADLESS);
}

static int reclaim_page_510(struct zpool *zpool)
{
	return z3fold_reclaim_page(z3fold(zpool), claim, reclaim_objects_510,
				   HANDLE_HEADLESS);
}

int z3fold_late_shrink(struct zpool *zpool, unsigned pages, unsigned *reclaimed)
{
	return chunk_shrink(zpool, pages, reclaimed, reclaim_page);
}

int z3fold_late_shrink_510(struct zpool *zpool, unsigned pages,
			   unsigned *reclaimed)
{
	return chunk_shrink(zpool, pages, reclaimed, reclaim_page_510);
}

size_t z3fold_late_settle(struct zpool *zpool)
{
	return workqueue_drain(&z3fold(zpool)->wq);
}

bool z3fold_late_run_work(struct zpool *zpool, pfn_t pfn)
{
	struct z3fold_pool *pool = z3fold(zpool);
	bool ran = workqueue_run_key(&pool->wq, pfn);

	/* A page that it released has its frame freed, too. */
	while (workqueue_run_key(&pool->wq, PFN_NONE))
		;
	return ran;
}

void z3fold_late_locate(struct zpool *zpool, unsigned long handle,
			struct zpool_location *loc)
{
	struct z3fold_pool *pool = z3fold(zpool);
	struct z3fold_header *zhdr;

	loc->indexed = false;
	if (handle & HANDLE_HEADLESS) {
		loc->pfn =
			header_pfn(pool, handle_to_z3fold_header(pool, handle));
		loc->at = 0;
		return;
	}
	zhdr = get_z3fold_header(pool, "locate", handle);
	loc->pfn = header_pfn(pool, zhdr);
	loc->at = z3fold_offset(pool, zhdr, handle_to_buddy(zhdr, handle));
	z3fold_page_unlock(zhdr);
}

int z3fold_late_init(struct z3fold_pool *pool, struct err *err)
{
	pool->c_handle = slab_create(pool->zpool.arena, "z3fold",
				     sizeof(struct z3fold_buddy_slots),
				     SLOTS_ALIGN, err);
	if (!pool->c_handle)
		return -ENOMEM;
	spin_lock_init(&pool->stale_lock);
	INIT_LIST_HEAD(&pool->stale);
	workqueue_init(&pool->wq);
	work_init(&pool->work, free_pages_work);
	pool->work.key = PFN_NONE;
	atomic_set(&pool->cpus, 1);
	pool->cpu = calloc(SYNC_MAX_CPUS, sizeof(*pool->cpu));
	if (pool->cpu)
		return 0;
	slab_destroy(pool->c_handle);
	return err_set(err, -ENOMEM, "out of memory for a z3fold pool");
}

void z3fold_late_exit(struct z3fold_pool *pool)
{
	slab_destroy(pool->c_handle);
	free(pool->cpu);
}

size_t z3fold_late_bytes(struct z3fold_pool *pool)
{
	return (size_t)atomic_read(&pool->cpus) * pool->nchunks *
	       sizeof(struct list_head);
}

/* The calls differ; a pool does not say it a second time. */
static bool relists(const struct z3fold_pool *pool)
{
	return pool->zpool.driver->free == z3fold_late_free;
}

static int check_page(struct z3fold_pool *pool, struct z3fold_header *zhdr,
		      struct err *err)
{
	unsigned own = 0, objects = 0;
	bool queued = work_pending(&zhdr->work);
	enum buddy bud;

	for (bud = FIRST; bud < BUDDIES; bud++) {
		if (!*z3fold_chunks(zhdr, bud))
			continue;
		objects++;
		own += zhdr->slots && zhdr->slots->slot[slot_idx(zhdr, bud)] ==
					      slot_word(pool, zhdr, bud);
	}
	if (own + zhdr->foreign_handles != objects ||
	    atomic_read(&zhdr->refcount) != (int)(objects + queued) ||
	    zhdr->needs_compacting != queued)
		return err_set(err, -EIO,
			       "z3fold: page %u: %u objects, %u in its own "
			       "slots, %u foreign, %d references, work %s",
			       header_pfn(pool, zhdr), objects, own,
			       zhdr->foreign_handles,
			       atomic_read(&zhdr->refcount),
			       queued ? "queued" : "not queued");
	if (relists(pool) && list_empty(&zhdr->buddy) && !z3fold_full(zhdr) &&
	    !queued)
		return err_set(err, -EIO,
			       "z3fold: page %u has room and is on no list",
			       header_pfn(pool, zhdr));
	return 0;
}

int z3fold_late_validate(struct zpool *zpool, struct err *err)
{
	struct z3fold_pool *pool = z3fold(zpool);
	struct list_head *list, *node;
	struct z3fold_header *zhdr;
	unsigned cpu, i;

	for (cpu = 0; cpu < SYNC_MAX_CPUS; cpu++)
		for (i = 0; pool->cpu[cpu].ready && i < TOTAL_CHUNKS; i++) {
			list = &pool->cpu[cpu].unbuddied[i];
			list_for_each (node, list) {
				zhdr = list_entry(node, struct z3fold_header,
						  buddy);
				/* Else the queued work corrects its list. */
				if (!zhdr->needs_compacting &&
				    z3fold_num_free_chunks(pool, zhdr) != i)
					return err_set(
						err, -EIO,
						"z3fold: page %u with %u free "
						"chunks is on the list of %u",
						header_pfn(pool, zhdr),
						z3fold_num_free_chunks(pool,
								       zhdr),
						i);
			}
		}
	return z3fold_check_pages(pool, check_page, err);
}
