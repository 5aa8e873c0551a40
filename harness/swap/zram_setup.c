// SPDX-License-Identifier: GPL-2.0-or-later
/* Making, freeing, counting and checking a zram disk; the spec of one. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "harness/swap/zram_internal.h"

#define AT(member) offsetof(struct zram_params, member)
#define ONE_WORD(at, words, by_default)                          \
	.kind = SPEC_CHOICE, .offset = (at), .choices = (words), \
	.def = (by_default)

static const char *const locks[] = { "bit", "spin", "sleep", NULL };
static const char *const replaces[] = { "after", "first", NULL };
static const char *const posts[] = { "scan", "size", NULL };
static const char *const modes[] = { "off",  "all",	  "idle",
				     "huge", "huge_idle", "incompressible",
				     NULL };
static const char *const recompress_modes[] = { "off",	"all",	     "idle",
						"huge", "huge_idle", NULL };

static const struct spec_option options[] = {
	{ .name = "lock",
	  ONE_WORD(AT(lock), locks, "sleep"),
	  .help = "lock of a page's entry: a bit (to 6.11), a spinlock (to "
		  "6.14), a bit whose waiters sleep" },
	{ .name = "replace",
	  ONE_WORD(AT(replace), replaces, "after"),
	  .help = "a write frees the old object after it made the new one, or "
		  "first (6.14 to 6.16)" },
	{ .name = "post",
	  ONE_WORD(AT(post), posts, "size"),
	  .help = "order of writeback and recompression: by page number (scan, "
		  "to 6.12), or largest objects first" },
	{ .name = "retry",
	  .kind = SPEC_BOOL,
	  .offset = AT(retry),
	  .def = "off",
	  .help = "a failed allocation is tried twice (to 6.14)" },
	{ .name = "limit",
	  .kind = SPEC_SIZE,
	  .offset = AT(limit),
	  .def = "0",
	  .max = 1e15,
	  .help = "mem_limit: refuse writes while the pool is larger; 0: none" },
	{ .name = "huge",
	  .kind = SPEC_INT,
	  .offset = AT(huge),
	  .def = "0",
	  .max = SWAP_PAGE_SIZE,
	  .help = "keep a page uncompressed whose object has so many bytes; 0: "
		  "the limit of the allocator's classes" },
	{ .name = "every",
	  .kind = SPEC_INT,
	  .offset = AT(every),
	  .def = "0",
	  .max = UINT32_MAX,
	  .help = "operations of a CPU between two rounds: recompress, write "
		  "back, mark all pages idle; 0: never" },
	{ .name = "writeback",
	  ONE_WORD(AT(writeback), modes, "off"),
	  .help = "what a round writes back to the backing file" },
	{ .name = "recompress",
	  ONE_WORD(AT(recompress), recompress_modes, "off"),
	  .help = "what a round compresses again" },
	{ .name = "threshold",
	  .kind = SPEC_INT,
	  .offset = AT(threshold),
	  .def = "0",
	  .max = SWAP_PAGE_SIZE,
	  .help = "recompress objects of at least so many bytes to less; 0: "
		  "all" },
	{ .name = "wb_limit",
	  .kind = SPEC_INT,
	  .offset = AT(wb_limit),
	  .def = "0",
	  .max = UINT32_MAX,
	  .help = "pages that may be written back in all; 0: any number" },
	{ 0 },
};

static const struct spec_preset presets[] = {
	{ "5.10", "lock=bit,post=scan,retry=on", "Linux 5.10" },
	{ "6.1", "lock=bit,post=scan,retry=on", "Linux 6.1" },
	{ "6.12", "lock=spin,post=scan,retry=on", "Linux 6.12" },
	{ "6.14", "lock=spin,replace=first,retry=on", "Linux 6.14" },
	{ "6.16", "lock=sleep,replace=first,post=size", "Linux 6.15 and 6.16" },
	{ "7.2", "lock=sleep,post=size", "Linux 6.17 to 7.2" },
	{ "7.3", "lock=sleep,post=size", "Linux 7.3" },
	{ 0 },
};

const struct spec_desc zram_spec = {
	.name = "zram",
	.what = "front end",
	.options = options,
	.presets = presets,
	.params_size = sizeof(struct zram_params),
};

static int make_pool(struct zram_disk *z, struct err *err)
{
	int ret = pools_create(&z->pools, z->config.backend, 1, &z->config.pool,
			       z->config.api, err);

	if (ret)
		return ret;
	z->pool = z->pools.at[0];
	z->huge = z->config.params.huge ? (size_t)z->config.params.huge
					: pools_huge_limit(&z->pools);
	return pools_classes(&z->pools, &z->class, err);
}

/* Backed by huge pages, like the slots of a replay; zeroes are empty entries. */
static int make_table(struct zram_disk *z, struct err *err)
{
	size_t bytes = z->config.pages * sizeof(*z->table);

	z->table = aligned_alloc(64, (bytes + 63) / 64 * 64);
	z->block = calloc(z->nr_blocks, sizeof(*z->block));
	if (!z->table || !z->block)
		return err_set(err, -ENOMEM,
			       "out of memory for a disk of %llu pages",
			       (unsigned long long)z->config.pages);
	memset(z->table, 0, bytes);
	return 0;
}

static int check(const struct zram_disk_config *config, struct err *err)
{
	if (config->pages > UINT32_MAX || config->blocks > INT_MAX)
		return err_set(err, -EINVAL,
			       "a zram disk has at most %u pages, and its "
			       "backing file %d",
			       UINT32_MAX, INT_MAX);
	if (config->nr_secondary > ZRAM_MAX_SECONDARY)
		return err_set(err, -EINVAL,
			       "zram recompresses with at most %d codecs",
			       ZRAM_MAX_SECONDARY);
	if (config->nr_secondary && FRAMES_GHOST)
		return err_set(err, -EINVAL,
			       "frames without memory keep no page that could "
			       "be recompressed");
	if (config->nr_secondary && config->sized)
		return err_set(err, -EINVAL,
			       "sizes alone cannot be recompressed; that takes "
			       "a trace with pages");
	return 0;
}

struct zram_disk *zram_disk_create(const struct zram_disk_config *config,
				   struct err *err)
{
	struct zram_disk *z;
	unsigned i;

	if (check(config, err))
		return NULL;
	z = aligned_alloc(64, (sizeof(*z) + 63) / 64 * 64);
	if (!z) {
		err_set(err, -ENOMEM, "out of memory for a zram disk");
		return NULL;
	}
	memset(z, 0, sizeof(*z));
	z->config = *config;
	if (!z->config.pages)
		z->config.pages = 1;
	z->lock = (enum zram_lock)config->params.lock;
	z->limit = (uint64_t)config->params.limit;
	z->wb_left =
		config->params.wb_limit ? (long)config->params.wb_limit : -1;
	z->nr_blocks =
		(uint32_t)(config->blocks ? config->blocks : z->config.pages);
	z->codec[z->nr_codecs++] = config->codec;
	for (i = 0; i < config->nr_secondary; i++)
		z->codec[z->nr_codecs++] = config->secondary[i];
	if (make_table(z, err) || make_pool(z, err)) {
		zram_disk_destroy(z);
		return NULL;
	}
	for (i = 0; z->lock == ZRAM_LOCK_SPIN && i < z->config.pages; i++)
		spin_lock_init(&z->table[i].lock);
	return z;
}

void zram_disk_destroy(struct zram_disk *z)
{
	unsigned i;

	if (!z)
		return;
	pools_destroy(&z->pools);
	for (i = 0; i < SYNC_MAX_CPUS; i++)
		free(z->cpu[i].buffers);
	free(z->class);
	free(z->block);
	free(z->table);
	free(z);
}

static uint64_t count(const struct zram_disk *z, enum zram_counter what)
{
	long n = 0;
	unsigned cpu;

	if (what < R_SHARED)
		return (uint64_t)atomic_long_read(&z->n[what]);
	for (cpu = 0; cpu < SYNC_MAX_CPUS; cpu++)
		n += READ_ONCE(z->cpu[cpu].n[what - R_SHARED]);
	return (uint64_t)n;
}

void zram_disk_stats(const struct zram_disk *z, struct zram_disk_stats *stats)
{
	struct zpool_stats pool;

	pools_stats(&z->pools, &pool);
	*stats = (struct zram_disk_stats){
		.orig_data_size = count(z, R_STORED) * SWAP_PAGE_SIZE,
		.compr_data_size = count(z, R_COMPR_DATA),
		.mem_used_total = pools_bytes(&z->pools),
		.mem_limit = z->limit,
		.mem_used_max = count(z, R_USED_MAX),
		.same_pages = count(z, R_SAME),
		.pages_compacted = pool.compacted_pages,
		.huge_pages = count(z, R_HUGE),
		.huge_pages_since = count(z, R_HUGE_SINCE),
		.bd_count = count(z, R_BD_COUNT),
		.bd_reads = count(z, R_BD_READS),
		.bd_writes = count(z, R_BD_WRITES),
		.failed_reads = count(z, R_FAILED_READS),
		.failed_writes = count(z, R_FAILED_WRITES),
		.notify_free = count(z, R_NOTIFY_FREE),
		.miss_free = count(z, R_MISS_FREE),
		.writestall = count(z, R_WRITESTALL),
		.num_writes = count(z, R_WRITES),
		.num_reads = count(z, R_READS),
		.same_writes = count(z, R_SAME_WRITES),
		.replaced = count(z, R_REPLACED),
		.reject_limit = count(z, R_REJECT_LIMIT),
		.reject_alloc_fail = count(z, R_REJECT_ALLOC),
		.reject_size = count(z, R_REJECT_SIZE),
		.lost_reads = count(z, R_LOST_READS),
		.recompressed = count(z, R_RECOMPRESSED),
		.write_errors = count(z, R_WRITE_ERRORS),
		.objects = count(z, R_STORED) - count(z, R_SAME) -
			   count(z, R_BD_COUNT),
		.table_bytes = z->config.pages * sizeof(*z->table),
	};
}

const struct swap_pools *zram_disk_pools(const struct zram_disk *z)
{
	return &z->pools;
}

/* Flags of an entry while nothing runs; locked ones are an error. */
static uint32_t flags_at_rest(const struct zram_disk *z, uint64_t index)
{
	const struct zram_table_entry *entry = &z->table[index];

	return z->lock == ZRAM_LOCK_SPIN ? entry->attr : (uint32_t)entry->flags;
}

bool zram_disk_object(const struct zram_disk *z, uint32_t index,
		      unsigned long *handle, size_t *length)
{
	uint32_t flags = flags_at_rest(z, index);

	if (flags & (ENTRY_WB | ENTRY_SAME) || !(flags & ENTRY_SIZE))
		return false;
	*handle = z->table[index].handle;
	*length = flags & ENTRY_SIZE;
	return true;
}

static bool is_locked(struct zram_disk *z, uint64_t index)
{
	struct zram_table_entry *entry = &z->table[index];

	return z->lock == ZRAM_LOCK_SPIN ? spin_is_locked(&entry->lock)
					 : (entry->flags & ENTRY_LOCK) != 0;
}

/* What all entries together hold. */
struct sums {
	uint64_t stored, same, huge, bytes, objects, blocks;
};

static int check_entry(struct zram_disk *z, uint64_t i, struct sums *s,
		       struct err *err)
{
	uint32_t flags = flags_at_rest(z, i);
	const char *wrong = NULL;

	if (is_locked(z, i))
		wrong = "is locked";
	else if (flags & (ENTRY_UNDER_WB | ENTRY_CHOSEN))
		wrong = "is still chosen for writeback";
	else if (!is_stored(flags) && (flags || z->table[i].handle))
		wrong = "holds nothing, but has flags or a handle";
	else if (flags & ENTRY_SAME && flags & (ENTRY_WB | ENTRY_SIZE))
		wrong = "has a word and something else";
	else if (flags & ENTRY_WB &&
		 (z->table[i].handle >= z->nr_blocks ||
		  !(atomic_read(&z->block[z->table[i].handle]) & 1)))
		wrong = "is in a block that is not taken";
	if (wrong)
		return err_set(err, -EIO, "page %llu %s", (unsigned long long)i,
			       wrong);
	s->stored += is_stored(flags);
	s->same += (flags & ENTRY_SAME) != 0;
	s->blocks += (flags & ENTRY_WB) != 0;
	if (!is_stored(flags) || flags & (ENTRY_SAME | ENTRY_WB))
		return 0;
	s->objects++;
	s->bytes += flags & ENTRY_SIZE;
	s->huge += (flags & ENTRY_HUGE) != 0;
	return 0;
}

static int check_sums(const struct zram_disk *z, const struct sums *s,
		      struct err *err)
{
	const struct {
		const char *what;
		uint64_t found, counted;
	} all[] = {
		{ "stored pages", s->stored, count(z, R_STORED) },
		{ "same-filled pages", s->same, count(z, R_SAME) },
		{ "huge pages", s->huge, count(z, R_HUGE) },
		{ "bytes of objects", s->bytes, count(z, R_COMPR_DATA) },
		{ "blocks", s->blocks, count(z, R_BD_COUNT) },
	};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].found != all[i].counted)
			return err_set(err, -EIO, "%llu %s, %llu are counted",
				       (unsigned long long)all[i].found,
				       all[i].what,
				       (unsigned long long)all[i].counted);
	return 0;
}

int zram_disk_validate(struct zram_disk *z, struct err *err)
{
	struct zpool_stats stats;
	struct sums sums = { 0 };
	uint64_t i;
	int ret = 0;

	for (i = 0; i < z->config.pages && !ret; i++)
		ret = check_entry(z, i, &sums, err);
	if (!ret)
		ret = check_sums(z, &sums, err);
	if (!ret)
		ret = pools_validate(&z->pools, err);
	if (ret)
		return ret;
	pools_stats(&z->pools, &stats);
	if (stats.objects != sums.objects)
		return err_set(err, -EIO,
			       "%llu objects in the pool, %llu in the table",
			       (unsigned long long)stats.objects,
			       (unsigned long long)sums.objects);
	return 0;
}
