// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The side of a shimmed backend that uses libc and zlab: memory, CPUs and
 * deferred work for the kernel code, and the zpool driver that calls the kernel
 * code. Linked into the same shared object as the unit of kernel code.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "backends/zpool.h"
#include "backends/shim/runtime.h"
#include "backends/shim/say.h"

#ifndef SHIM_BUILD
/* Defaults, so that checkers can process this file alone. */
#define SHIM_NAME "shim"
#define SHIM_SUMMARY ""
#define SHIM_SOURCE NULL
#define SHIM_PAGE_SHIFT 12
#define SHIM_ZS
#define SHIM_DEFERS 0
#endif

#define PERCPU_BYTES (SHIM_PERCPU_STRIDE * SYNC_MAX_CPUS)
#define NR_HEAP (SHIM_PERCPU_STRIDE / 64)
#define HEAP_MOST (PTRDIFF_MAX / 4)
#define NR_CACHES 256
#define NR_HOTPLUG 4

struct shim_count {
	long objects;
} __attribute__((aligned(64)));

struct shim_zpool {
	struct zpool zpool;
	void *unit;
	void *shrinker;
	size_t limit;
	atomic_long_t compacted;
	atomic_long_t migrated, migrate_busy;
	atomic_long_t peak;
	struct shim_count count[SYNC_MAX_CPUS];
};

struct arena *shim_arena;
char *shim_frames;
struct page *shim_mem_map;
long shim_percpu_offset;
unsigned shim_cpus_online;

/* Protects the data below that changes when pools and CPUs come and go. */
static spinlock_t shim_lock = SPINLOCK_INITIALIZER;
static unsigned nr_pools;
static size_t largest; /* size that malloc accepts; 0 = not known yet */
static bool was_shared;
static char *percpu;
static uint32_t percpu_heap[NR_HEAP];
static long percpu_bytes; /* for each CPU */
static atomic_long_t heap_bytes;
static struct hotplug {
	int (*up)(unsigned cpu);
	int (*down)(unsigned cpu);
} hotplug[NR_HOTPLUG];

static struct workqueue works;
static atomic_t worker_cpu; /* CPU number + 1 of the worker; 0 = none */

/*
 * The general heap: few small allocations. What the allocator asks for is
 * counted as metadata, in the sizes of the kernel's heap; what the kernel
 * around it would ask for is not.
 */
struct heap_object {
	size_t counted;
	max_align_t data[];
};

static struct heap_object *heap_object(const void *p)
{
	return (struct heap_object *)((char *)p -
				      offsetof(struct heap_object, data));
}

/* A size that is an error of the caller's gets nothing, as in the kernel. */
static bool heap_refuses(size_t size)
{
	return size > HEAP_MOST || (shim_arena && !arena_may_alloc(shim_arena));
}

static void *heap_alloc(size_t size, bool zero, bool counts)
{
	struct heap_object *o;
	size_t counted;

	if (heap_refuses(size))
		return NULL;
	counted = counts ? kmalloc_bytes(size) : 0;
	o = malloc(sizeof(*o) + size);
	if (!o)
		return NULL;
	o->counted = counted;
	atomic_long_add((long)counted, &heap_bytes);
	return zero ? memset(o->data, 0, size) : o->data;
}

void *shim_kmalloc(size_t size, bool zero)
{
	return heap_alloc(size, zero, true);
}

void *shim_alloc_outside(size_t size)
{
	return heap_alloc(size, true, false);
}

void *shim_krealloc(const void *p, size_t size)
{
	struct heap_object *o = p ? heap_object(p) : NULL;
	size_t had = o ? o->counted : 0, counted;

	if (heap_refuses(size))
		return NULL;
	counted = kmalloc_bytes(size);
	o = realloc(o, sizeof(*o) + size);
	if (!o)
		return NULL;
	o->counted = counted;
	atomic_long_add((long)counted - (long)had, &heap_bytes);
	return o->data;
}

void shim_kfree(const void *p)
{
	if (!p)
		return;
	atomic_long_sub((long)heap_object(p)->counted, &heap_bytes);
	free(heap_object(p));
}

char *shim_kstrdup(const char *s)
{
	size_t len = strlen(s) + 1;
	char *copy = shim_kmalloc(len, false);

	return copy ? memcpy(copy, s, len) : NULL;
}

char *shim_kasprintf(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return shim_kstrdup(text);
}

struct kmem_cache *shim_cache_create(const char *name, unsigned size,
				     unsigned align)
{
	struct kmem_cache *c = shim_alloc_outside(sizeof(*c));
	struct err err = { "" };

	if (!c)
		return NULL;
	c->size = size;
	c->slab = slab_create(shim_arena, SHIM_NAME, size, align, &err);
	if (!c->slab) {
		shim_printk("%s: %s", name, err.text);
		shim_kfree(c);
		return NULL;
	}
	return c;
}

void shim_cache_destroy(struct kmem_cache *cache)
{
	if (!cache)
		return;
	slab_destroy(cache->slab);
	shim_kfree(cache);
}

/*
 * Per-CPU data. Each CPU's area begins with a copy of the source's section. The
 * heap after it has the same layout for all CPUs and is allocated in units of
 * 64 bytes; the bytes of an allocation are stored for its first unit.
 */
static size_t percpu_units(size_t bytes)
{
	return (bytes + 63) / 64;
}

static size_t percpu_static(void)
{
	return percpu_units((size_t)(__stop_shim_percpu - __start_shim_percpu));
}

void *shim_percpu_alloc(size_t size, size_t align)
{
	size_t units = percpu_units(size), at = percpu_static(), i;
	unsigned cpu;

	if (!size || align > 64)
		return NULL;
	while (at + units <= NR_HEAP) {
		for (i = 0; i < units && !percpu_heap[at + i]; i++)
			;
		if (i == units)
			break;
		at += i + percpu_units(percpu_heap[at + i]);
	}
	if (at + units > NR_HEAP)
		return NULL;
	percpu_heap[at] = (uint32_t)size;
	percpu_bytes += (long)size;
	for (cpu = 0; cpu < SYNC_MAX_CPUS; cpu++)
		memset(percpu + cpu * SHIM_PERCPU_STRIDE + at * 64, 0,
		       units * 64);
	return __start_shim_percpu + at * 64;
}

void shim_percpu_free(void *p)
{
	uint32_t *bytes;

	if (!p)
		return;
	bytes = &percpu_heap[((char *)p - __start_shim_percpu) / 64];
	percpu_bytes -= *bytes;
	*bytes = 0;
}

static int percpu_create(void)
{
	size_t bytes = (size_t)(__stop_shim_percpu - __start_shim_percpu);
	unsigned cpu;

	if (bytes > SHIM_PERCPU_STRIDE / 2)
		return -E2BIG;
	percpu = mmap(NULL, PERCPU_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (percpu == MAP_FAILED)
		return -ENOMEM;
	shim_percpu_offset = percpu - __start_shim_percpu;
	for (cpu = 0; cpu < SYNC_MAX_CPUS; cpu++)
		memcpy(percpu + cpu * SHIM_PERCPU_STRIDE, __start_shim_percpu,
		       bytes);
	memset(percpu_heap, 0, sizeof(percpu_heap));
	percpu_bytes = 0;
	return 0;
}

/* CPUs: the first thread of CPU n brings all CPUs up to n online. */
int shim_cpuhp_setup(int (*up)(unsigned cpu), int (*down)(unsigned cpu))
{
	unsigned i, cpu;
	int ret;

	for (i = 0; i < NR_HOTPLUG && (hotplug[i].up || hotplug[i].down); i++)
		;
	if (i == NR_HOTPLUG)
		return -ENOSPC;
	for (cpu = 0; up && cpu < shim_cpus_online; cpu++) {
		ret = up(cpu);
		if (ret)
			return ret;
	}
	hotplug[i] = (struct hotplug){ up, down };
	return 0;
}

void shim_cpuhp_remove(void)
{
	unsigned i, cpu;

	for (i = 0; i < NR_HOTPLUG; i++) {
		for (cpu = 0; hotplug[i].down && cpu < shim_cpus_online; cpu++)
			hotplug[i].down(cpu);
		hotplug[i] = (struct hotplug){ NULL, NULL };
	}
}

static void cpu_up(unsigned cpu)
{
	unsigned i;

	spin_lock(&shim_lock);
	while (shim_cpus_online <= cpu) {
		for (i = 0; i < NR_HOTPLUG; i++)
			if (hotplug[i].up && hotplug[i].up(shim_cpus_online))
				shim_printk("no memory to bring CPU %u online",
					    shim_cpus_online);
		WRITE_ONCE(shim_cpus_online, shim_cpus_online + 1);
	}
	spin_unlock(&shim_lock);
}

static inline void enter(void)
{
	if (__builtin_expect(smp_processor_id() >= READ_ONCE(shim_cpus_online),
			     0))
		cpu_up(smp_processor_id());
}

/*
 * Deferred work. One worker at a time, as on the kernel's single-threaded
 * queues, so that cancelling a work can wait for the running one.
 */
static bool worker_is_me(void)
{
	return atomic_read(&worker_cpu) == (int)smp_processor_id() + 1;
}

static bool worker_begin(bool wait)
{
	int me = (int)smp_processor_id() + 1;

	/* Acquire and release as a lock: a work sees the stores of the last. */
	while (atomic_cmpxchg_acquire(&worker_cpu, 0, me)) {
		if (!wait || worker_is_me())
			return false;
		cond_resched();
	}
	return true;
}

static void worker_end(void)
{
	atomic_set_release(&worker_cpu, 0);
}

/* A work that is stored in a page frame belongs to that frame. */
bool shim_queue_work(struct work *work)
{
	if (!work_pending(work))
		work->key = addr_in_arena(shim_arena, work)
				    ? addr_pfn(shim_arena, work)
				    : ~0ul;
	return queue_work(&works, work);
}

/* The worker may be running the work that the caller must wait for. */
static void wait_for_worker(void)
{
	while (atomic_read(&worker_cpu) && !worker_is_me())
		cond_resched();
}

bool shim_cancel_work(struct work *work)
{
	bool was = cancel_work(&works, work);

	wait_for_worker();
	return was;
}

bool shim_flush_work(struct work *work)
{
	bool was = cancel_work(&works, work);

	if (was)
		work->fn(work);
	wait_for_worker();
	return was;
}

static size_t run_works(const unsigned long *key)
{
	size_t n = 0;

	while (key ? workqueue_run_key(&works, *key)
		   : workqueue_run_one(&works))
		n++;
	return n;
}

void shim_drain_works(void)
{
	bool mine = worker_begin(true);

	run_works(NULL);
	if (mine)
		worker_end();
}

int shim_evict(void *outer, unsigned long handle)
{
	struct zpool *zpool = outer;

	/* As in the kernel, the callback maps the object to read its bytes. */
	return zpool->evict
		       ? zpool->evict(zpool, handle, NULL, zpool->evict_arg)
		       : -ENOENT;
}

/* The first pool creates the arena that all pools of this object share. */
static int first_pool(const struct zpool_config *config, struct err *err)
{
	struct arena_config arena = config->arena;
	int ret;

	arena.desc_size = 64;
	arena.keep_descs = true;
	arena.page_shift = SHIM_PAGE_SHIFT;
	shim_arena = arena_create(&arena, err);
	if (!shim_arena)
		return -ENOMEM;
	shim_frames = shim_arena->frames;
	shim_mem_map = (struct page *)shim_arena->descs;
	workqueue_init(&works);
	shim_cpus_online = smp_processor_id() + 1;
	was_shared = false;
	ret = percpu_create();
	if (ret) {
		err_set(err, ret, "%s: no per-CPU memory: %s", SHIM_NAME,
			strerror(-ret));
		goto no_percpu;
	}
	ret = shim_module_init();
	if (!ret)
		return 0;
	err_set(err, ret, "%s: its init failed: %s", SHIM_NAME, strerror(-ret));
	munmap(percpu, PERCPU_BYTES);
no_percpu:
	arena_destroy(shim_arena);
	shim_arena = NULL;
	return ret;
}

static void last_pool(void)
{
	shim_module_exit();
	memset(hotplug, 0, sizeof(hotplug));
	munmap(percpu, PERCPU_BYTES);
	arena_destroy(shim_arena);
	shim_arena = NULL;
}

#ifdef SHIM_ZS
static int find_largest(const struct zpool_config *config, struct err *err)
{
	largest = (size_t)1 << SHIM_PAGE_SHIFT;
	return 0;
}
#else
/*
 * Tries sizes in a pool of its own, which leaves with the arena: the first pool
 * then starts with untouched lists of frames, as a native one does.
 */
static int find_largest(const struct zpool_config *config, struct err *err)
{
	size_t low = 1, high = (size_t)1 << SHIM_PAGE_SHIFT, mid = 0;
	struct shim_zpool outer = { .limit = 0 };
	unsigned long handle;
	void *unit;
	int ret = 0;

	unit = shim_unit_create(&outer.zpool);
	while (unit && low < high && ret != -ENOMEM) {
		mid = (low + high + 1) / 2;
		ret = shim_unit_malloc(unit, mid, &handle);
		if (ret) {
			high = mid - 1;
			continue;
		}
		shim_unit_free(unit, handle);
		/* The frame of a small arena may wait for deferred work. */
		shim_drain_works();
		low = mid;
	}
	if (unit) {
		shim_drain_works();
		shim_unit_destroy(unit);
	}
	last_pool();
	if (ret == -ENOMEM)
		return err_set(err, ret,
			       "%s: its malloc of %zu bytes finds no memory in "
			       "an empty pool",
			       SHIM_NAME, mid);
	if (unit)
		largest = low;
	return first_pool(config, err);
}
#endif

static struct zpool *shim_create(const struct zpool_config *config,
				 const void *params, struct err *err)
{
	unsigned shift = config->arena.page_shift;
	struct shim_zpool *p;

	if (shift && shift != SHIM_PAGE_SHIFT) {
		err_set(err, -EINVAL,
			"%s was built for pages of %dK, not %dK; build it "
			"again with \"zlab shim --page-size\"",
			SHIM_NAME, 1 << (SHIM_PAGE_SHIFT - 10),
			1 << (shift - 10));
		return NULL;
	}
	p = aligned_alloc(64, sizeof(*p));
	if (!p) {
		err_set(err, -ENOMEM, "out of memory for a %s pool", SHIM_NAME);
		return NULL;
	}
	memset(p, 0, sizeof(*p));
	if (!nr_pools && (first_pool(config, err) ||
			  (!largest && find_largest(config, err)))) {
		free(p);
		return NULL;
	}
	enter();
	p->limit = config->arena.limit;
	if (nr_pools++) {
		was_shared = true;
		shim_arena->limit += p->limit;
	}
	p->zpool.arena = shim_arena;
	p->zpool.evict = config->evict;
	p->zpool.evict_arg = config->evict_arg;
	p->unit = shim_unit_create(&p->zpool);
	if (!p->unit) {
		err_set(err, -ENOMEM, "%s: could not create a pool", SHIM_NAME);
		if (!--nr_pools)
			last_pool();
		free(p);
		return NULL;
	}
	p->shrinker = shim_unit_shrinker();
	p->zpool.caps = ZPOOL_NEEDS_FRAMES;
#ifdef SHIM_HAS_SHRINK
	p->zpool.caps |= ZPOOL_EVICTABLE;
#endif
#ifdef SHIM_HAS_MIGRATE
	p->zpool.caps |= ZPOOL_MOVABLE;
#endif
#ifdef SHIM_HAS_COMPACT
	p->zpool.caps |= ZPOOL_COMPACTABLE;
#endif
	if (SHIM_DEFERS)
		p->zpool.caps |= ZPOOL_DEFERS;
	if (shim_unit_sleeps_mapped())
		p->zpool.caps |= ZPOOL_SLEEP_MAPPED;
	return &p->zpool;
}

static void shim_destroy(struct zpool *pool)
{
	struct shim_zpool *p = (struct shim_zpool *)pool;

	/* A pool may be destroyed with objects in it; do not warn. */
	shim_silent = true;
	shim_drain_works();
	shim_unit_destroy(p->unit);
	shim_silent = false;
	if (!--nr_pools)
		last_pool();
	else
		shim_arena->limit -= p->limit;
	free(p);
}

/* Each CPU has its own count, which other CPUs read concurrently. */
static inline void count(struct shim_zpool *p, long by)
{
	long *objects = &p->count[smp_processor_id()].objects;

	WRITE_ONCE(*objects, *objects + by);
}

static int shim_malloc(struct zpool *pool, size_t size, unsigned long *handle)
{
	struct shim_zpool *p = (struct shim_zpool *)pool;
	int ret;

	enter();
	ret = shim_unit_malloc(p->unit, size, handle);
	if (!ret)
		count(p, 1);
	return ret;
}

static void shim_free(struct zpool *pool, unsigned long handle)
{
	struct shim_zpool *p = (struct shim_zpool *)pool;

	enter();
	shim_unit_free(p->unit, handle);
	count(p, -1);
}

#ifdef SHIM_HAS_MAP
static void *shim_map(struct zpool *pool, unsigned long handle,
		      enum zpool_mapmode mode)
{
	enter();
	return shim_unit_map(((struct shim_zpool *)pool)->unit, handle,
			     (int)mode);
}

static void shim_unmap(struct zpool *pool, unsigned long handle)
{
	shim_unit_unmap(((struct shim_zpool *)pool)->unit, handle);
}
#endif

#ifdef SHIM_HAS_READ
static void *shim_read_begin(struct zpool *pool, unsigned long handle,
			     size_t len, void *copy)
{
	enter();
	return shim_unit_read_begin(((struct shim_zpool *)pool)->unit, handle,
				    len, copy);
}

static void shim_read_end(struct zpool *pool, unsigned long handle, size_t len,
			  void *mem)
{
	shim_unit_read_end(((struct shim_zpool *)pool)->unit, handle, len, mem);
}

static void shim_write(struct zpool *pool, unsigned long handle,
		       const void *mem, size_t len)
{
	enter();
	shim_unit_write(((struct shim_zpool *)pool)->unit, handle, mem, len);
}
#endif

/*
 * Kernel code keeps no size per object, and all pools share an arena: the peak
 * is that of the arena if it has one pool, else the largest value seen here.
 */
static void shim_stats(struct zpool *pool, struct zpool_stats *stats)
{
	struct shim_zpool *p = (struct shim_zpool *)pool;
	long objects = 0, pages = (long)shim_unit_pages(p->unit);
	unsigned cpu;

	for (cpu = 0; cpu < READ_ONCE(shim_cpus_online); cpu++)
		objects += READ_ONCE(p->count[cpu].objects);
	if (pages > atomic_long_read(&p->peak))
		atomic_long_set(&p->peak, pages);
	*stats = (struct zpool_stats){
		.pages = (uint64_t)pages,
		.pages_peak = (uint64_t)atomic_long_read(
			was_shared ? &p->peak : &shim_arena->peak),
		.objects = (uint64_t)objects,
		.metadata_bytes =
			(uint64_t)(atomic_long_read(&shim_arena->slab_bytes) +
				   atomic_long_read(&heap_bytes) +
				   percpu_bytes * READ_ONCE(shim_cpus_online)) /
			nr_pools,
		.compacted_pages = (uint64_t)atomic_long_read(&p->compacted),
		.migrated_pages = (uint64_t)atomic_long_read(&p->migrated),
		.migrate_busy = (uint64_t)atomic_long_read(&p->migrate_busy),
	};
#ifdef SHIM_HAS_CLASSES
	struct shim_class c;
	unsigned slot;

	for (slot = 0; !shim_unit_class(p->unit, slot, &c); slot++)
		if (c.index == slot)
			stats->slots += c.allocated;
#endif
}

#ifdef SHIM_HAS_COMPACT
static unsigned long shim_compact(struct zpool *pool)
{
	struct shim_zpool *p = (struct shim_zpool *)pool;
	unsigned long freed;

	enter();
	freed = shim_unit_compact(p->unit);
	atomic_long_add((long)freed, &p->compacted);
	return freed;
}

static unsigned long shim_can_compact(struct zpool *pool)
{
	return shim_unit_can_compact(((struct shim_zpool *)pool)->shrinker);
}
#endif

#ifdef SHIM_HAS_SHRINK
static int shim_shrink(struct zpool *pool, unsigned pages, unsigned *reclaimed)
{
	enter();
	return shim_unit_shrink(((struct shim_zpool *)pool)->unit, pages,
				reclaimed);
}
#endif

#ifdef SHIM_HAS_MIGRATE
static int shim_migrate(struct zpool *pool, pfn_t pfn)
{
	struct shim_zpool *p = (struct shim_zpool *)pool;
	int ret;

	enter();
	if (pfn >= READ_ONCE(shim_arena->never_used))
		return -ENOENT;
	ret = shim_unit_migrate(pfn);
	if (!ret)
		atomic_long_inc(&p->migrated);
	else if (ret == -EAGAIN)
		atomic_long_inc(&p->migrate_busy);
	return ret;
}
#endif

/* If another worker runs already, the works are left to that worker. */
static size_t shim_settle(struct zpool *pool)
{
	size_t n;

	if (!READ_ONCE(works.head))
		return 0;
	enter();
	if (!worker_begin(false))
		return 0;
	n = run_works(NULL);
	worker_end();
	return n;
}

/* Run the work of the frame, then pool works (key ~0), which it may queue. */
static bool shim_run_work(struct zpool *pool, pfn_t pfn)
{
	const unsigned long frame = pfn, any = ~0ul;
	bool mine, ran;

	enter();
	mine = worker_begin(true);
	ran = workqueue_run_key(&works, frame);
	run_works(&any);
	if (mine)
		worker_end();
	return ran;
}

#ifdef SHIM_HAS_LOCATE
static void shim_locate(struct zpool *pool, unsigned long handle,
			struct zpool_location *loc)
{
	unsigned long pfn;

	enter();
	shim_unit_locate(((struct shim_zpool *)pool)->unit, handle, &pfn,
			 &loc->at);
	loc->pfn = (pfn_t)pfn;
#ifdef SHIM_ZS
	loc->indexed = true;
#else
	loc->indexed = false;
#endif
}
#endif

#ifdef SHIM_HAS_CLASSES
static int shim_size_class(struct zpool *pool, unsigned slot,
			   struct zpool_class *class)
{
	const unsigned page = 1u << SHIM_PAGE_SHIFT;
	struct shim_class c;
	unsigned i;

	if (shim_unit_class(((struct shim_zpool *)pool)->unit, slot, &c))
		return -ENOENT;
	*class = (struct zpool_class){
		.slot = c.slot,
		.index = c.index,
		.size = c.size,
		.pages = c.pages,
		.objects = c.objects,
		.waste = c.pages * page - c.objects * c.size,
		.huge = c.pages == 1 && c.objects == 1,
		.inuse = c.inuse,
		.allocated = c.allocated,
	};
	for (i = 0; i < c.objects; i++)
		if (i * c.size / page != ((i + 1) * c.size - 1) / page)
			class->spanning++;
	return 0;
}
#endif

static size_t shim_largest(struct zpool *pool)
{
	return largest;
}

__attribute__((visibility("default")))
const struct zpool_driver zlab_backend = {
	.abi = ZPOOL_ABI,
	.spec = { .name = SHIM_NAME, .what = "backend" },
	.summary = SHIM_SUMMARY,
	.source = SHIM_SOURCE,
	.create = shim_create,
	.destroy = shim_destroy,
	.malloc = shim_malloc,
	.free = shim_free,
#ifdef SHIM_HAS_MAP
	.map = shim_map,
	.unmap = shim_unmap,
#endif
#ifdef SHIM_HAS_READ
	.obj_read_begin = shim_read_begin,
	.obj_read_end = shim_read_end,
	.obj_write = shim_write,
#endif
	.stats = shim_stats,
#ifdef SHIM_HAS_COMPACT
	.compact = shim_compact,
	.can_compact = shim_can_compact,
#endif
#ifdef SHIM_HAS_SHRINK
	.shrink = shim_shrink,
#endif
#ifdef SHIM_HAS_MIGRATE
	.migrate = shim_migrate,
#endif
	.settle = shim_settle,
	.run_work = shim_run_work,
#ifdef SHIM_HAS_LOCATE
	.locate = shim_locate,
#endif
#ifdef SHIM_HAS_CLASSES
	.size_class = shim_size_class,
#endif
	.largest = shim_largest,
};
