// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A backend with one defect of each kind that zlab explore must find; the option
 * says which. An object is a frame, and a handle is the address of a note that
 * has its address and its length.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/zpool.h"

/* clang-format off */
#define PLANTS(X) \
	X(none) \
	X(race) X(bytes) X(tear) X(relaxed) X(freed) X(twice) X(leak) X(slab) \
	X(deadlock) X(order) X(lost) X(sleep) X(unlock) X(again) X(left) \
	X(section) X(livelock) X(null) X(abort) X(invalid) X(handle) X(errno) \
	X(said)
/* clang-format on */
#define ENUM(name) PLANT_##name,
#define NAME(name) #name,

enum plant {
	PLANTS(ENUM)
};

struct note {
	void *frame;
	size_t len;
};

struct params {
	long long plant;
};

struct planted {
	struct zpool zpool; /* first */
	enum plant plant;
	spinlock_t lock, other, big, copy;
	struct slab *notes;
	struct note *spare;
	atomic_t busy, objects, ready;
	long counted;
	unsigned long shared[8];
};

static struct zpool *create(const struct zpool_config *config,
			    const void *params, struct err *err)
{
	const struct params *want = params;
	struct planted *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	pool->plant = want->plant;
	pool->zpool.arena = arena_create(&config->arena, err);
	if (!pool->zpool.arena)
		return NULL;
	pool->notes = slab_create(pool->zpool.arena, "note",
				  sizeof(struct note), 0, err);
	if (!pool->notes)
		return NULL;
	pool->zpool.caps = ZPOOL_SLEEP_MAPPED;
	spin_lock_init(&pool->lock);
	spin_lock_init(&pool->other);
	spin_lock_init(&pool->big);
	spin_lock_init(&pool->copy);
	return &pool->zpool;
}

static void destroy(struct zpool *zpool)
{
	struct planted *pool = (struct planted *)zpool;

	slab_destroy(pool->notes);
	arena_destroy(zpool->arena);
	free(pool);
}

/* A count by two atomics that are not one. */
static void count(struct planted *pool, int by)
{
	if (pool->plant == PLANT_invalid)
		atomic_set(&pool->objects, atomic_read(&pool->objects) + by);
	else
		atomic_add_return(by, &pool->objects);
}

static void at_malloc(struct planted *pool)
{
	volatile int i;

	switch (pool->plant) {
	case PLANT_race:
		pool->counted++;
		break;
	case PLANT_deadlock:
		spin_lock(&pool->lock);
		spin_lock(&pool->other);
		spin_unlock(&pool->other);
		spin_unlock(&pool->lock);
		break;
	case PLANT_order:
		spin_lock(&pool->big);
		spin_lock(&pool->lock);
		spin_lock(&pool->other);
		spin_unlock(&pool->other);
		spin_unlock(&pool->lock);
		spin_unlock(&pool->big);
		break;
	case PLANT_lost:
		/* A held lock is copied, as with the structure that it is in. */
		spin_lock(&pool->lock);
		if (spin_is_contended(&pool->lock))
			memcpy(&pool->copy, &pool->lock, sizeof(pool->copy));
		spin_unlock(&pool->lock);
		spin_lock(&pool->copy);
		spin_unlock(&pool->copy);
		break;
	case PLANT_sleep:
		spin_lock(&pool->lock);
		cond_resched();
		spin_unlock(&pool->lock);
		break;
	case PLANT_unlock:
		spin_unlock(&pool->lock);
		break;
	case PLANT_again:
		spin_lock(&pool->lock);
		spin_lock(&pool->lock);
		break;
	case PLANT_left:
		spin_lock(&pool->lock);
		if (atomic_read(&pool->busy) < 1)
			spin_unlock(&pool->lock);
		break;
	case PLANT_section:
		spin_lock(&pool->lock);
		for (i = 0; i < 30000; i++)
			WRITE_ONCE(pool->counted, i);
		spin_unlock(&pool->lock);
		break;
	case PLANT_livelock:
		while (atomic_read(&pool->busy))
			cpu_relax();
		atomic_set(&pool->busy, 1);
		break;
	case PLANT_said:
		fprintf(stderr, "planted: a warning\n");
		break;
	default:
		break;
	}
}

static void at_free(struct planted *pool)
{
	switch (pool->plant) {
	case PLANT_race:
		pool->counted--;
		break;
	case PLANT_deadlock:
		spin_lock(&pool->other);
		spin_lock(&pool->lock);
		spin_unlock(&pool->lock);
		spin_unlock(&pool->other);
		break;
	case PLANT_order:
		spin_lock(&pool->big);
		spin_lock(&pool->other);
		spin_lock(&pool->lock);
		spin_unlock(&pool->lock);
		spin_unlock(&pool->other);
		spin_unlock(&pool->big);
		break;
	case PLANT_null:
		if (atomic_add_return(1, &pool->busy) > 1)
			*(volatile int *)pool->counted = 1;
		atomic_dec(&pool->busy);
		break;
	case PLANT_abort:
		if (atomic_add_return(1, &pool->busy) > 1)
			abort();
		atomic_dec(&pool->busy);
		break;
	default:
		break;
	}
}

static int planted_malloc(struct zpool *zpool, size_t size,
			  unsigned long *handle)
{
	struct planted *pool = (struct planted *)zpool;
	struct note *note;
	pfn_t pfn;

	if (pool->plant == PLANT_errno && atomic_read(&pool->objects) == 3)
		return -EIO;
	note = slab_alloc(pool->notes);
	if (!note)
		return -ENOMEM;
	pfn = frame_alloc(zpool->arena);
	if (pfn == PFN_NONE) {
		if (pool->plant != PLANT_slab)
			slab_free(pool->notes, note);
		return -ENOMEM;
	}
	note->frame = pfn_addr(zpool->arena, pfn);
	note->len = size;
	at_malloc(pool);
	count(pool, 1);
	*handle = (unsigned long)note;
	if (pool->plant == PLANT_handle) {
		/* Two CPUs may both take the spare note for theirs. */
		if (READ_ONCE(pool->spare))
			*handle = (unsigned long)READ_ONCE(pool->spare);
		WRITE_ONCE(pool->spare, note);
		cond_resched();
		WRITE_ONCE(pool->spare, NULL);
	}
	return 0;
}

static void planted_free(struct zpool *zpool, unsigned long handle)
{
	struct planted *pool = (struct planted *)zpool;
	struct note *note = (struct note *)handle;
	pfn_t pfn = addr_pfn(zpool->arena, note->frame);
	bool first;

	at_free(pool);
	count(pool, -1);
	if (pool->plant == PLANT_leak && !spin_trylock(&pool->lock))
		goto note;
	if (pool->plant == PLANT_twice) {
		first = !atomic_xchg(&pool->busy, 1);
		cond_resched();
		atomic_set(&pool->busy, 0);
		if (!first)
			frame_free(zpool->arena, pfn);
	}
	frame_free(zpool->arena, pfn);
	if (pool->plant == PLANT_leak)
		spin_unlock(&pool->lock);
	if (pool->plant == PLANT_freed)
		*(unsigned long *)note->frame = 0;
note:
	slab_free(pool->notes, note);
}

static void *map(struct zpool *zpool, unsigned long handle,
		 enum zpool_mapmode mode)
{
	struct planted *pool = (struct planted *)zpool;

	if (pool->plant == PLANT_bytes && mode == ZPOOL_MM_RO) {
		/* One buffer for all CPUs, each word of it an atomic. */
		WRITE_ONCE(pool->shared[0],
			   *(unsigned long *)((struct note *)handle)->frame);
		cond_resched();
		WRITE_ONCE(*(unsigned long *)((struct note *)handle)->frame,
			   READ_ONCE(pool->shared[0]));
	}
	if (pool->plant == PLANT_tear && mode == ZPOOL_MM_RO)
		memset(pool->shared, 0, sizeof(pool->shared));
	if (pool->plant == PLANT_relaxed) {
		/* A lock whose release is none. */
		while (atomic_cmpxchg_acquire(&pool->busy, 0, 1))
			cpu_relax();
		pool->counted++;
		atomic_set(&pool->busy, 0);
	}
	return ((struct note *)handle)->frame;
}

static void unmap(struct zpool *zpool, unsigned long handle)
{
}

static void stats(struct zpool *zpool, struct zpool_stats *s)
{
	struct planted *pool = (struct planted *)zpool;

	*s = (struct zpool_stats){
		.pages = arena_used(zpool->arena),
		.objects = slab_objects(pool->notes),
	};
}

static int validate(struct zpool *zpool, struct err *err)
{
	struct planted *pool = (struct planted *)zpool;
	size_t objects = slab_objects(pool->notes);

	if (atomic_read(&pool->objects) != (int)objects &&
	    pool->plant == PLANT_invalid)
		return err_set(err, -EIO, "planted: %d objects are counted",
			       atomic_read(&pool->objects));
	return 0;
}

static size_t largest(struct zpool *zpool)
{
	return arena_page_size(zpool->arena);
}

static const char *const names[] = { PLANTS(NAME) NULL };

static const struct spec_option options[] = {
	{ .name = "plant",
	  .kind = SPEC_CHOICE,
	  .offset = offsetof(struct params, plant),
	  .def = "none",
	  .choices = names,
	  .help = "the defect" },
	{ 0 },
};

const struct zpool_driver zlab_backend = {
	.abi = ZPOOL_ABI,
	.spec = { .name = "planted",
		  .what = "backend",
		  .options = options,
		  .params_size = sizeof(struct params) },
	.summary = "one defect of each kind",
	.create = create,
	.destroy = destroy,
	.malloc = planted_malloc,
	.free = planted_free,
	.map = map,
	.unmap = unmap,
	.stats = stats,
	.validate = validate,
	.largest = largest,
};
