// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jemalloc: an allocator that a user-space program would use instead. Each pool
 * is a separate jemalloc arena, so that the arena's statistics cover only the
 * pool, although jemalloc also serves the program's own malloc: it is linked
 * and exports malloc. In a sanitizer build the sanitizer's malloc takes
 * precedence; the calls used here are not affected.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jemalloc/jemalloc.h>

#include "backends/drivers.h"

#define JE_PAGE_SHIFT 12
#define MIB_MAX 8

/* A statistic of one arena; its name is looked up only once. */
struct je_stat {
	size_t mib[MIB_MAX], len;
};

enum {
	PACTIVE,
	PDIRTY,
	PMUZZY,
	RESIDENT,
	BASE,
	INTERNAL,
	NR_STATS
};

static const char *const stat_name[NR_STATS] = {
	"pactive", "pdirty", "pmuzzy", "resident", "base", "internal",
};

struct je_pool {
	struct zpool zpool;
	unsigned arena;
	bool cached;
	size_t largest;
	uint64_t limit, peak;
	atomic_long_t objects, bytes;
	spinlock_t stat_lock;
	struct je_stat stat[NR_STATS];
	/* One cache per CPU, its number + 1; 0 = not created yet. */
	unsigned tcache[SYNC_MAX_CPUS];
};

struct je_params {
	long long tcache, decay;
};

enum {
	TCACHE_NONE,
	TCACHE_CPU
};

static inline struct je_pool *je(struct zpool *zpool)
{
	return (struct je_pool *)zpool;
}

/* The flags of this CPU's calls; creates its cache at first use. */
static int flags(struct je_pool *pool)
{
	int arena = MALLOCX_ARENA(pool->arena);
	unsigned *mine, nr;
	size_t len = sizeof(nr);

	if (!pool->cached)
		return arena | MALLOCX_TCACHE_NONE;
	mine = &pool->tcache[smp_processor_id()];
	if (!*mine && !mallctl("tcache.create", &nr, &len, NULL, 0))
		*mine = nr + 1;
	return arena |
	       (*mine ? MALLOCX_TCACHE(*mine - 1) : MALLOCX_TCACHE_NONE);
}

static int set_decay(struct je_pool *pool, const char *kind, long long ms)
{
	ssize_t value = ms;
	char name[64];

	snprintf(name, sizeof(name), "arena.%u.%s_decay_ms", pool->arena, kind);
	return mallctl(name, NULL, NULL, &value, sizeof(value));
}

/* jemalloc updates its statistics only when a new epoch starts. */
static void next_epoch(void)
{
	uint64_t epoch = 1;
	size_t len = sizeof(epoch);

	mallctl("epoch", &epoch, &len, &epoch, sizeof(epoch));
}

/* An arena's statistics can be looked up only after an epoch has started. */
static int find_stats(struct je_pool *pool)
{
	char name[64];
	int i, ret = 0;

	next_epoch();

	for (i = 0; i < NR_STATS && !ret; i++) {
		snprintf(name, sizeof(name), "stats.arenas.%u.%s", pool->arena,
			 stat_name[i]);
		pool->stat[i].len = MIB_MAX;
		ret = mallctlnametomib(name, pool->stat[i].mib,
				       &pool->stat[i].len);
	}
	return ret;
}

static void je_destroy(struct zpool *zpool)
{
	struct je_pool *pool = je(zpool);
	char name[64];
	unsigned i, nr;

	for (i = 0; i < SYNC_MAX_CPUS; i++) {
		nr = pool->tcache[i] - 1;
		if (pool->tcache[i])
			mallctl("tcache.destroy", NULL, NULL, &nr, sizeof(nr));
	}
	snprintf(name, sizeof(name), "arena.%u.destroy", pool->arena);
	mallctl(name, NULL, NULL, NULL, 0);
	free(pool);
}

static struct zpool *je_create(const struct zpool_config *config,
			       const void *params, struct err *err)
{
	unsigned shift = config->arena.page_shift ? config->arena.page_shift
						  : JE_PAGE_SHIFT;
	struct je_pool *pool = calloc(1, sizeof(*pool));
	const struct je_params *want = params;
	size_t len = sizeof(pool->arena);
	int ret;

	if (!pool) {
		err_set(err, -ENOMEM, "out of memory for a jemalloc pool");
		return NULL;
	}
	ret = mallctl("arenas.create", &pool->arena, &len, NULL, 0);
	if (ret) {
		err_set(err, -ret, "jemalloc makes no arena: %s",
			strerror(ret));
		free(pool);
		return NULL;
	}
	ret = set_decay(pool, "dirty", want->decay);
	if (!ret)
		ret = set_decay(pool, "muzzy", want->decay);
	if (!ret)
		ret = find_stats(pool);
	if (ret) {
		err_set(err, -ret, "jemalloc was built without statistics: %s",
			strerror(ret));
		je_destroy(&pool->zpool);
		return NULL;
	}
	pool->zpool.caps = ZPOOL_SLEEP_MAPPED;
	pool->cached = want->tcache == TCACHE_CPU;
	pool->largest = (size_t)1 << shift;
	pool->limit = (uint64_t)config->arena.limit << shift;
	spin_lock_init(&pool->stat_lock);
	return &pool->zpool;
}

static int je_malloc(struct zpool *zpool, size_t size, unsigned long *handle)
{
	struct je_pool *pool = je(zpool);
	void *obj;
	long room;

	if (!size)
		return -EINVAL;
	if (size > pool->largest)
		return -ENOSPC;
	room = (long)nallocx(size, 0);
	if (pool->limit &&
	    (uint64_t)atomic_long_read(&pool->bytes) + room > pool->limit)
		return -ENOMEM;
	obj = mallocx(size, flags(pool));
	if (!obj)
		return -ENOMEM;
	atomic_long_inc(&pool->objects);
	atomic_long_add(room, &pool->bytes);
	*handle = (unsigned long)obj;
	return 0;
}

static void je_free(struct zpool *zpool, unsigned long handle)
{
	struct je_pool *pool = je(zpool);

	atomic_long_dec(&pool->objects);
	atomic_long_sub((long)sallocx((void *)handle, 0), &pool->bytes);
	dallocx((void *)handle, flags(pool));
}

static void *je_map(struct zpool *zpool, unsigned long handle,
		    enum zpool_mapmode mode)
{
	return (void *)handle;
}

static void je_unmap(struct zpool *zpool, unsigned long handle)
{
}

static uint64_t read_stat(struct je_pool *pool, int which)
{
	size_t value = 0, len = sizeof(value);

	mallctlbymib(pool->stat[which].mib, pool->stat[which].len, &value, &len,
		     NULL, 0);
	return value;
}

/* The peak is the maximum over the calls of this function. */
static void je_stats(struct zpool *zpool, struct zpool_stats *stats)
{
	struct je_pool *pool = je(zpool);
	uint64_t pages;

	next_epoch();
	pages = read_stat(pool, PACTIVE) + read_stat(pool, PDIRTY) +
		read_stat(pool, PMUZZY);
	spin_lock(&pool->stat_lock);
	if (pages > pool->peak)
		pool->peak = pages;
	*stats = (struct zpool_stats){
		.pages = pages,
		.pages_peak = pool->peak,
		.objects = atomic_long_read(&pool->objects),
		.metadata_bytes =
			read_stat(pool, BASE) + read_stat(pool, INTERNAL),
		.resident_bytes = read_stat(pool, RESIDENT),
	};
	spin_unlock(&pool->stat_lock);
}

static size_t je_largest(struct zpool *zpool)
{
	return je(zpool)->largest;
}

static const char *const tcaches[] = { "none", "cpu", NULL };

static const struct spec_option options[] = {
	{ .name = "tcache",
	  .kind = SPEC_CHOICE,
	  .offset = offsetof(struct je_params, tcache),
	  .def = "cpu",
	  .choices = tcaches,
	  .help = "a cache of free objects per CPU; its objects count as used" },
	{ .name = "decay",
	  .kind = SPEC_INT,
	  .offset = offsetof(struct je_params, decay),
	  .def = "0",
	  .min = -1,
	  .max = 1e9,
	  .help = "ms until free pages go back to the system; -1 = never; "
		  "pages repeat between runs with 0 alone" },
	{ 0 },
};

const struct zpool_driver jemalloc_driver = {
	.abi = ZPOOL_ABI,
	.spec = { .name = "jemalloc",
		  .what = "backend",
		  .options = options,
		  .params_size = sizeof(struct je_params) },
	.summary = "an arena of jemalloc: what a program would use instead",
	.create = je_create,
	.destroy = je_destroy,
	.malloc = je_malloc,
	.free = je_free,
	.map = je_map,
	.unmap = je_unmap,
	.stats = je_stats,
	.largest = je_largest,
};
