// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A zram disk against a plain dictionary: random writes, reads, discards,
 * compactions, writeback and recompression on few pages, with frames and
 * transfers that fail. Every read must bring back what was written.
 *
 * ZLAB_TEST_SCALE scales the steps of each combination, in percent.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/swap/zram_internal.h"
#include "tests/lib/random.h"

#define PAGES 400u
#define EMPTY 0u
/* Fewer do not reach the limit, nor every state. */
#define MIN_STEPS 3000

static struct codec *lz4, *zstd;

/* The backing file's speed is not what is tested. */
static const char *scratch(void)
{
	return access("/dev/shm", W_OK) ? getenv("TMPDIR") ?: "/tmp"
					: "/dev/shm";
}

/* What the disk should hold; EMPTY or the seed of a page. */
struct world {
	struct zram_disk *z;
	struct swapfile *file;
	uint64_t page[PAGES];
	bool faults;
};

struct worker {
	struct world *w;
	uint64_t rng;
	unsigned part, parts;
	long steps;
	pthread_t thread;
	char got[SWAP_PAGE_SIZE], want[SWAP_PAGE_SIZE];
};

/* One page in eight repeats a word, one in eight does not compress. */
static void make_page(uint64_t seed, void *page)
{
	size_t noise = seed % 8 == 0   ? 0
		       : seed % 8 == 1 ? SWAP_PAGE_SIZE
				       : 64 + seed / 8 % 3000;
	uint64_t rng = seed, *w = page;
	size_t i;

	for (i = 0; i < SWAP_PAGE_SIZE / 8; i++)
		w[i] = seed == EMPTY ? 0 : i * 8 < noise ? next(&rng) : seed;
}

static struct zram_params params_of(const char *spec)
{
	struct zram_params p;
	struct err err;

	if (spec_parse(&zram_spec, spec, &p, &err))
		fail_msg("%s", err.text);
	return p;
}

static void open_world(struct world *w, const char *spec, const char *backend)
{
	struct zram_disk_config config = { .params = params_of(spec),
					   .backend = backend,
					   .codec = lz4,
					   .secondary = { zstd },
					   .nr_secondary = 1,
					   .same_filled = true,
					   .pages = PAGES };
	struct err err;

	memset(w, 0, sizeof(*w));
	w->file = swapfile_open(NULL, scratch(), &err);
	assert_non_null(w->file);
	config.backing = w->file;
	w->z = zram_disk_create(&config, &err);
	if (!w->z)
		fail_msg("%s", err.text);
}

static void close_world(struct world *w)
{
	struct err err;

	if (zram_disk_validate(w->z, &err))
		fail_msg("%s", err.text);
	zram_disk_destroy(w->z);
	swapfile_close(w->file);
}

static struct zram_disk_stats stats_of(const struct world *w)
{
	struct zram_disk_stats s;

	zram_disk_stats(w->z, &s);
	return s;
}

static void store(struct worker *k, uint32_t index)
{
	struct world *w = k->w;
	uint64_t seed = next(&k->rng) | 1ull << 40;

	make_page(seed, k->got);
	if (!zram_disk_write(w->z, index, k->got, 0))
		w->page[index] = seed;
	else if (w->z->config.params.replace == ZRAM_REPLACE_FIRST)
		w->page[index] = EMPTY;
}

static void load(struct worker *k, uint32_t index)
{
	make_page(k->w->page[index], k->want);
	assert_int_equal(zram_disk_read(k->w->z, index, k->got), 0);
	assert_memory_equal(k->got, k->want, SWAP_PAGE_SIZE);
}

static void discard(struct worker *k, uint32_t index, bool wait)
{
	bool freed = true;

	if (wait)
		zram_disk_discard(k->w->z, index);
	else
		freed = zram_disk_free_notify(k->w->z, index);
	/* With one thread nobody has the lock. */
	assert_true(freed || k->parts > 1);
	if (freed)
		k->w->page[index] = EMPTY;
}

/* What concerns all pages, also those of the other thread. */
static void whole_disk(struct worker *k, uint64_t r)
{
	struct zram_disk *z = k->w->z;
	uint64_t n;

	switch (r % 6) {
	case 0:
		zram_disk_compact(z);
		break;
	case 1:
		zram_disk_mark_idle(z);
		break;
	case 2:
		zram_disk_recompress(z, ZRAM_ALL, &n);
		break;
	default:
		zram_disk_writeback(z, (enum zram_mode)(r / 8 % 6), &n);
	}
}

static void plant_faults(struct world *w, uint64_t r)
{
	swapfile_fail(w->file, 1 + (long)(r / 16 % 9), 0);
	arena_fail(w->z->pool->arena, 1 + (long)(r / 16 % 5), 0);
}

static void *work(void *arg)
{
	struct worker *k = arg;
	uint32_t index;
	uint64_t r;
	long i;

	for (i = 0; i < k->steps; i++) {
		r = next(&k->rng);
		index = (uint32_t)((r >> 16) % (PAGES / k->parts) * k->parts) +
			k->part;
		if (r % 16 < 7)
			store(k, index);
		else if (r % 16 < 12)
			load(k, index);
		else
			discard(k, index, r % 2);
		if (k->w->faults && k->part == 0 && i % 64 == 0)
			plant_faults(k->w, r);
		if (i % 128 == 127)
			whole_disk(k, r >> 8);
	}
	return NULL;
}

static void *work_on_cpu(void *arg)
{
	if (sync_cpu_attach())
		abort();
	work(arg);
	sync_cpu_detach();
	return NULL;
}

static void run(const char *spec, const char *backend, unsigned threads,
		bool faults)
{
	struct zram_disk_stats s;
	struct worker k[2];
	struct world w;
	unsigned i;

	open_world(&w, spec, backend);
	w.faults = faults;
	memset(k, 0, sizeof(k));
	for (i = 0; i < threads; i++) {
		k[i].w = &w;
		k[i].rng = 7 + i;
		k[i].part = i;
		k[i].parts = threads;
		k[i].steps = scaled(6000) / threads;
		if (k[i].steps < MIN_STEPS)
			k[i].steps = MIN_STEPS;
	}
	if (threads == 1)
		work(&k[0]);
	else
		for (i = 0; i < threads; i++)
			assert_int_equal(pthread_create(&k[i].thread, NULL,
							work_on_cpu, &k[i]),
					 0);
	for (i = 0; threads > 1 && i < threads; i++)
		pthread_join(k[i].thread, NULL);
	swapfile_fail(w.file, 0, 0);
	s = stats_of(&w);
	assert_true(s.same_writes && s.huge_pages_since && s.replaced);
	assert_true(s.bd_writes && s.bd_reads && s.recompressed);
	assert_true(s.reject_limit > 0);
	assert_int_equal(s.lost_reads, 0);
	for (i = 0; i < PAGES; i++)
		load(&k[0], i);
	close_world(&w);
}

static void model(void **state)
{
	static const struct {
		const char *spec, *backend;
	} kernels[] = {
		{ "zram@5.10:limit=600K", "zsmalloc@5.10" },
		{ "zram@6.1:limit=600K", "zsmalloc@6.1" },
		{ "zram@6.12:limit=600K", "zsmalloc@6.12" },
		{ "zram@6.14:limit=600K", "zsmalloc@6.12" },
		{ "zram@6.16:limit=600K", "zsmalloc@7.2" },
		{ "zram@7.3:limit=600K", "zsmalloc@7.3" },
	};
	unsigned threads = (unsigned)(uintptr_t)*state;
	size_t i;

	for (i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
		run(kernels[i].spec, kernels[i].backend, threads, false);
		run(kernels[i].spec, kernels[i].backend, threads, true);
	}
}

/* What is refused at the limit leaves the page as it was. */
static void refused_at_the_limit(void **state)
{
	struct worker k = { .parts = 1, .rng = 3 };
	struct zram_disk_stats s;
	struct world w;
	uint32_t i;

	open_world(&w, "zram:limit=64K", "zsmalloc");
	k.w = &w;
	for (i = 0; i < PAGES; i++) {
		make_page(8ull * i + 9, k.got);
		if (zram_disk_write(w.z, i, k.got, 0))
			break;
		w.page[i] = 8ull * i + 9;
	}
	assert_int_equal(i, 16);
	assert_int_equal(zram_disk_write(w.z, 3, k.got, 0), -ENOMEM);
	s = stats_of(&w);
	assert_int_equal(s.reject_limit, 2);
	assert_int_equal(s.failed_writes, 2);
	assert_int_equal(s.mem_used_total, 64 << 10);
	assert_int_equal(s.mem_used_max, 68 << 10);
	assert_int_equal(s.orig_data_size, 64 << 10);
	for (i = 0; i < 20; i++)
		load(&k, i);
	zram_disk_discard(w.z, 0);
	make_page(w.page[3], k.got);
	assert_int_equal(zram_disk_write(w.z, 0, k.got, 0), 0);
	close_world(&w);
}

/* An object of the limit's size is kept as the whole page; one byte less is not. */
static void huge_from_the_limit_on(void **state)
{
	static const struct {
		const char *backend;
		size_t limit;
	} all[] = { { "zsmalloc@5.10", 3257 },
		    { "zsmalloc@6.12", 3625 },
		    { "zsmalloc:chain=16", 3833 } };
	struct zram_disk_config config = { .sized = true, .pages = PAGES };
	char page[SWAP_PAGE_SIZE], got[SWAP_PAGE_SIZE];
	struct zram_disk_stats s;
	struct zram_disk *z;
	struct err err;
	size_t i;

	config.params = params_of("zram");
	make_page(9, page);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		config.backend = all[i].backend;
		z = zram_disk_create(&config, &err);
		assert_non_null(z);
		assert_int_equal(zram_disk_write(z, 0, page, all[i].limit - 1),
				 0);
		zram_disk_stats(z, &s);
		assert_int_equal(s.huge_pages, 0);
		assert_int_equal(s.compr_data_size, all[i].limit - 1);
		assert_int_equal(zram_disk_write(z, 0, page, all[i].limit), 0);
		zram_disk_stats(z, &s);
		assert_int_equal(s.huge_pages, 1);
		assert_int_equal(s.huge_pages_since, 1);
		assert_int_equal(s.compr_data_size, SWAP_PAGE_SIZE);
		assert_int_equal(zram_disk_read(z, 0, got), 0);
		assert_memory_equal(got, page, SWAP_PAGE_SIZE);
		zram_disk_discard(z, 0);
		zram_disk_stats(z, &s);
		assert_int_equal(s.huge_pages, 0);
		assert_int_equal(s.huge_pages_since, 1);
		assert_int_equal(zram_disk_validate(z, &err), 0);
		zram_disk_destroy(z);
	}
}

/* Fill the first @n pages of a world; page i is made of the seed 8i + 10. */
static void fill(struct world *w, uint32_t n)
{
	char page[SWAP_PAGE_SIZE];
	uint32_t i;

	for (i = 0; i < n; i++) {
		w->page[i] = 8ull * i + 10;
		make_page(w->page[i], page);
		assert_int_equal(zram_disk_write(w->z, i, page, 0), 0);
	}
}

static void only_idle_pages_are_written_back(void **state)
{
	static const char *const specs[] = { "zram@6.12", "zram@7.3" };
	struct worker k = { .parts = 1 };
	struct world w;
	uint64_t n;
	size_t i;

	for (i = 0; i < 2; i++) {
		open_world(&w, specs[i], "zsmalloc");
		k.w = &w;
		fill(&w, 40);
		assert_int_equal(zram_disk_writeback(w.z, ZRAM_IDLE, &n), 0);
		assert_int_equal(n, 0);
		zram_disk_mark_idle(w.z);
		load(&k, 5);
		fill(&w, 3);
		assert_int_equal(zram_disk_writeback(w.z, ZRAM_IDLE, &n), 0);
		assert_int_equal(n, 36);
		assert_int_equal(stats_of(&w).bd_count, 36);
		assert_int_equal(stats_of(&w).objects, 4);
		assert_int_equal(stats_of(&w).orig_data_size, 40 << 12);
		load(&k, 5);
		assert_int_equal(stats_of(&w).bd_reads, 0);
		load(&k, 20);
		assert_int_equal(stats_of(&w).bd_reads, 1);
		discard(&k, 20, true);
		load(&k, 20);
		assert_int_equal(stats_of(&w).bd_count, 35);
		close_world(&w);
	}
}

/* The largest objects leave first, or the first pages do. */
static void writeback_has_an_order_and_a_limit(void **state)
{
	static const struct {
		const char *spec;
		uint32_t last;
	} all[] = { { "zram@6.12:wb_limit=7", 6 },
		    { "zram@7.3:wb_limit=7", 39 } };
	struct world w;
	uint64_t n;
	size_t i;

	for (i = 0; i < 2; i++) {
		open_world(&w, all[i].spec, "zsmalloc");
		fill(&w, 40);
		assert_int_equal(zram_disk_writeback(w.z, ZRAM_ALL, &n), -EIO);
		assert_int_equal(n, 7);
		assert_true(w.z->table[all[i].last].flags & ENTRY_WB);
		assert_true(!(w.z->table[20].flags & ENTRY_WB));
		close_world(&w);
	}
}

static void failed_transfers_lose_nothing(void **state)
{
	static const char *const specs[] = { "zram@6.12", "zram@7.3" };
	struct worker k = { .parts = 1 };
	struct world w;
	uint64_t n;
	uint32_t i;
	size_t s;

	for (s = 0; s < 2; s++) {
		open_world(&w, specs[s], "zsmalloc");
		k.w = &w;
		fill(&w, 20);
		swapfile_fail(w.file, 3, 4);
		assert_int_equal(zram_disk_writeback(w.z, ZRAM_ALL, &n), -EIO);
		assert_int_equal(n, 15);
		assert_int_equal(stats_of(&w).write_errors, 5);
		assert_int_equal(stats_of(&w).bd_count, 15);
		swapfile_fail(w.file, 0, 0);
		for (i = 0; i < 20; i++)
			load(&k, i);
		close_world(&w);
	}
}

static void full_backing_file(void **state)
{
	struct zram_disk_config config = {
		.backend = "zsmalloc", .codec = lz4, .pages = PAGES, .blocks = 4
	};
	struct world w = { 0 };
	struct err err;
	uint64_t n;

	config.params = params_of("zram");
	w.z = zram_disk_create(&config, &err);
	assert_non_null(w.z);
	fill(&w, 6);
	assert_int_equal(zram_disk_writeback(w.z, ZRAM_ALL, &n), -ENOSPC);
	assert_int_equal(n, 4);
	zram_disk_discard(w.z, 5);
	assert_int_equal(zram_disk_writeback(w.z, ZRAM_ALL, &n), -ENOSPC);
	assert_int_equal(n, 1);
	/* There is no file: what left is gone, and said to be. */
	assert_int_equal(zram_disk_read(w.z, 4, (char[SWAP_PAGE_SIZE]){ 0 }),
			 -ENODATA);
	assert_int_equal(stats_of(&w).lost_reads, 1);
	close_world(&w);
}

/* zstd makes most pages smaller, and finds that noise cannot be. */
static void recompression(void **state)
{
	static const char *const specs[] = { "zram@6.12", "zram@7.3" };
	struct worker k = { .parts = 1 };
	struct zram_disk_stats s;
	struct world w;
	uint64_t n, before;
	uint32_t i;
	size_t at;

	for (at = 0; at < 2; at++) {
		open_world(&w, specs[at], "zsmalloc");
		k.w = &w;
		fill(&w, 40);
		w.page[40] = 1;
		make_page(1, k.got);
		assert_int_equal(zram_disk_write(w.z, 40, k.got, 0), 0);
		before = stats_of(&w).compr_data_size;
		assert_int_equal(zram_disk_recompress(w.z, ZRAM_HUGE, &n), 0);
		assert_int_equal(n, 0);
		assert_true(w.z->table[40].flags & ENTRY_INCOMPRESSIBLE);
		assert_int_equal(zram_disk_recompress(w.z, ZRAM_ALL, &n), 0);
		s = stats_of(&w);
		assert_int_equal(s.recompressed, n);
		assert_true(n > 0 && s.compr_data_size < before);
		for (i = 0; i < 41; i++)
			load(&k, i);
		assert_int_equal(zram_disk_recompress(w.z, ZRAM_ALL, &n), 0);
		assert_int_equal(n, 0);
		close_world(&w);
	}
}

/* A page whose entry is locked keeps its object until it is written again. */
static void notified_while_locked(void **state)
{
	static const char *const specs[] = { "zram@5.10", "zram@6.12",
					     "zram@7.3" };
	struct world w;
	size_t i;

	for (i = 0; i < 3; i++) {
		open_world(&w, specs[i], "zsmalloc");
		fill(&w, 1);
		entry_lock(w.z, &w.z->table[0]);
		assert_false(zram_disk_free_notify(w.z, 0));
		entry_unlock(w.z, &w.z->table[0]);
		assert_int_equal(stats_of(&w).miss_free, 1);
		assert_int_equal(stats_of(&w).objects, 1);
		assert_true(zram_disk_free_notify(w.z, 0));
		assert_int_equal(stats_of(&w).objects, 0);
		close_world(&w);
	}
}

/* To 6.14 the second try of an allocation may succeed. */
static void allocation_is_tried_again(void **state)
{
	struct worker k = { .parts = 1 };
	struct world w;

	open_world(&w, "zram@6.12", "zsmalloc");
	k.w = &w;
	arena_fail(w.z->pool->arena, 1, 0);
	fill(&w, 1);
	load(&k, 0);
	assert_int_equal(stats_of(&w).writestall, 1);
	close_world(&w);
	open_world(&w, "zram@7.3", "zsmalloc");
	make_page(10, k.got);
	arena_fail(w.z->pool->arena, 1, 0);
	assert_int_equal(zram_disk_write(w.z, 0, k.got, 0), -ENOMEM);
	assert_int_equal(stats_of(&w).reject_alloc_fail, 1);
	assert_int_equal(stats_of(&w).writestall, 0);
	close_world(&w);
}

/* The old object goes before, or after, the new one comes. */
static void old_object_is_freed_first_or_after(void **state)
{
	char page[SWAP_PAGE_SIZE];
	struct world w;
	int i;

	for (i = 0; i < 2; i++) {
		open_world(&w, i ? "zram@6.16" : "zram@7.3", "zsmalloc");
		make_page(1, page);
		assert_int_equal(zram_disk_write(w.z, 0, page, 0), 0);
		assert_int_equal(zram_disk_write(w.z, 0, page, 0), 0);
		assert_int_equal(stats_of(&w).mem_used_max,
				 (i ? 1 : 2) * SWAP_PAGE_SIZE);
		assert_int_equal(stats_of(&w).replaced, 1);
		close_world(&w);
	}
}

static void bad_configurations(void **state)
{
	struct zram_disk_config config = { .backend = "nothing",
					   .codec = lz4,
					   .pages = 10 };
	struct zram_params p;
	struct err err;

	config.params = params_of("zram");
	assert_null(zram_disk_create(&config, &err));
	config.backend = "zsmalloc";
	config.pages = 1ull << 33;
	assert_null(zram_disk_create(&config, &err));
	assert_non_null(strstr(err.text, "at most 4294967295 pages"));
	config.pages = 10;
	config.nr_secondary = ZRAM_MAX_SECONDARY + 1;
	assert_null(zram_disk_create(&config, &err));
	config.nr_secondary = 1;
	config.sized = true;
	assert_null(zram_disk_create(&config, &err));
	assert_non_null(strstr(err.text, "sizes alone"));
	assert_int_equal(spec_parse(&zram_spec, "zram:lock=mutex", &p, &err),
			 -EINVAL);
	assert_int_equal(spec_parse(&zram_spec, "zram@4.0", &p, &err), -EINVAL);
}

static int open_codecs(void **state)
{
	struct err err;

	lz4 = codec_create("lz4", &err);
	zstd = codec_create("zstd", &err);
	return !lz4 || !zstd;
}

static int close_codecs(void **state)
{
	codec_destroy(lz4);
	codec_destroy(zstd);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(model, (void *)1),
		cmocka_unit_test_prestate(model, (void *)2),
		cmocka_unit_test(refused_at_the_limit),
		cmocka_unit_test(huge_from_the_limit_on),
		cmocka_unit_test(only_idle_pages_are_written_back),
		cmocka_unit_test(writeback_has_an_order_and_a_limit),
		cmocka_unit_test(failed_transfers_lose_nothing),
		cmocka_unit_test(full_backing_file),
		cmocka_unit_test(recompression),
		cmocka_unit_test(notified_while_locked),
		cmocka_unit_test(allocation_is_tried_again),
		cmocka_unit_test(old_object_is_freed_first_or_after),
		cmocka_unit_test(bad_configurations),
	};

	return cmocka_run_group_tests(tests, open_codecs, close_codecs);
}
