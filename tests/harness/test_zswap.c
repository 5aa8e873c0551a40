// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The front end against a plain dictionary: random stores, loads and
 * invalidates over tiny limits, so that writeback never stops, with frames,
 * entries and writes that fail. Every load must bring back the stored bytes.
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
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/swap/zswap_internal.h"
#include "tests/lib/random.h"

#define SLOTS 40000u
#define LIVE 600u
#define EMPTY 0u
/* Fewer do not fill the pool. */
#define MIN_STEPS 2500

struct world {
	struct zswap *z;
	struct swapfile *swap;
	uint64_t *stored; /* content seed by slot; EMPTY */
	bool faults;
};

struct worker {
	struct world *w;
	uint64_t rng;
	unsigned part, parts;
	long steps;
	pthread_t thread;
	char *page;
	char *want;
};

/* One page in eight repeats a word, one in eight does not compress. */
static void make_page(uint64_t seed, char *page)
{
	size_t noise = seed % 8 == 0   ? 0
		       : seed % 8 == 1 ? SWAP_PAGE_SIZE
				       : 64 + seed / 8 % 3000;
	uint64_t rng = seed, *w = (uint64_t *)page;
	size_t i;

	for (i = 0; i < SWAP_PAGE_SIZE / 8; i++)
		w[i] = i * 8 < noise ? next(&rng) : seed;
}

static void store(struct worker *k, uint64_t slot)
{
	struct world *w = k->w;
	uint64_t seed = next(&k->rng) | 1ull << 40;

	make_page(seed, k->page);
	/* A page that could not be stored stays with its owner. */
	w->stored[slot] = zswap_store(w->z, slot, k->page, 0) ? EMPTY : seed;
}

static void load(struct worker *k, uint64_t slot)
{
	struct world *w = k->w;
	int ret = zswap_load(w->z, slot, k->page);

	if (w->stored[slot] == EMPTY) {
		assert_int_equal(ret, -ENOENT);
		return;
	}
	assert_int_equal(ret, 0);
	make_page(w->stored[slot], k->want);
	assert_memory_equal(k->page, k->want, SWAP_PAGE_SIZE);
	if (w->z->config.exclusive &&
	    !(atomic_read(&w->z->slots[slot]) & SLOT_IN_FILE))
		w->stored[slot] = EMPTY;
}

static void *work(void *arg)
{
	struct worker *k = arg;
	struct world *w = k->w;
	uint64_t slot, r;
	long i;

	for (i = 0; i < k->steps; i++) {
		r = next(&k->rng);
		/* Few slots, far apart, so that every tree is used. */
		slot = (r >> 8) % (LIVE / k->parts) * k->parts + k->part;
		slot *= SLOTS / LIVE;
		if (r % 16 < 8)
			store(k, slot);
		else if (r % 16 < 14)
			load(k, slot);
		else {
			zswap_invalidate(w->z, slot);
			w->stored[slot] = EMPTY;
		}
		if (w->faults && i % 64 == 0 && k->part == 0) {
			swapfile_fail(w->swap, 1 + r / 16 % 9, 0);
			arena_fail(w->z->arena, 1 + r / 16 % 7, 0);
			if (w->z->pools.at[0]->arena)
				arena_fail(w->z->pools.at[0]->arena,
					   1 + r / 16 % 5, 0);
		}
		zswap_reclaim(w->z);
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

static long steps(void)
{
	const char *s = getenv("ZLAB_TEST_SCALE");

	return 8000 * (s ? atol(s) : 100) / 100;
}

static struct codec *codec;

/* The swap file's speed is not what is tested. */
static const char *scratch(void)
{
	return access("/dev/shm", W_OK) ? getenv("TMPDIR") ?: "/tmp"
					: "/dev/shm";
}

static void open_world(struct world *w, struct zswap_config *config)
{
	struct err err;

	memset(w, 0, sizeof(*w));
	w->swap = swapfile_open(NULL, scratch(), &err);
	assert_non_null(w->swap);
	config->codec = codec;
	config->slots = SLOTS;
	config->swap = w->swap;
	w->z = zswap_create(config, &err);
	if (!w->z)
		fail_msg("%s", err.text);
	w->stored = calloc(SLOTS, sizeof(*w->stored));
	assert_non_null(w->stored);
}

static void close_world(struct world *w)
{
	struct err err;

	if (zswap_validate(w->z, &err))
		fail_msg("%s", err.text);
	assert_int_equal(zswap_destroy(w->z), 0);
	swapfile_close(w->swap);
	free(w->stored);
}

static void run(struct zswap_config *config, uint64_t seed, unsigned threads,
		bool faults)
{
	struct worker k[2];
	struct zswap_stats stats;
	struct world w;
	unsigned i;

	open_world(&w, config);
	w.faults = faults;
	memset(k, 0, sizeof(k));
	for (i = 0; i < threads; i++) {
		k[i].w = &w;
		k[i].rng = seed + i;
		k[i].part = i;
		k[i].parts = threads;
		k[i].steps = steps() / (threads * threads);
		if (k[i].steps < MIN_STEPS)
			k[i].steps = MIN_STEPS;
		k[i].page = aligned_alloc(SWAP_PAGE_SIZE, SWAP_PAGE_SIZE);
		k[i].want = aligned_alloc(SWAP_PAGE_SIZE, SWAP_PAGE_SIZE);
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
	swapfile_fail(w.swap, 0, 0);
	zswap_stats(w.z, &stats);
	assert_true(stats.written_back_pages > 0);
	assert_true(stats.pool_limit_hit > 0);
	assert_true(stats.file_loads > 0);
	for (i = 0; i < SLOTS; i++)
		if (w.stored[i] != EMPTY)
			load(&k[0], i);
	for (i = 0; i < threads; i++) {
		free(k[i].page);
		free(k[i].want);
	}
	close_world(&w);
}

static void model(void **state)
{
	static const struct {
		const char *spec;
		bool evicts;
	} backends[] = {
		{ "zbud:lru=on", true },   { "z3fold@4.10", true },
		{ "z3fold@6.1", true },	   { "zsmalloc@6.1", false },
		{ "zsmalloc@7.3", false },
	};
	unsigned threads = (unsigned)(uintptr_t)*state;
	struct zswap_config config;
	size_t i;
	int combo;

	for (i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		for (combo = 0; combo < 24; combo++) {
			memset(&config, 0, sizeof(config));
			config.backend = backends[i].spec;
			config.pools = combo % 5 == 4 ? 4 : 1;
			config.index = combo % 3;
			config.exclusive = combo / 3 % 2;
			config.reclaim = combo / 6 % 2;
			config.second_chance = combo / 12;
			config.keep_incompressible = combo / 12;
			config.max_pool_bytes = 80 * SWAP_PAGE_SIZE;
			config.accept_percent = 90;
			if (config.reclaim == ZSWAP_RECLAIM_BACKEND &&
			    !backends[i].evicts)
				continue;
			run(&config, 1 + combo, threads, combo % 2);
		}
	}
}

/* A store that fails everywhere leaves nothing of the old page behind. */
static void failed_store_leaves_nothing(void **state)
{
	struct zswap_config config = { .backend = "zsmalloc", .pools = 1 };
	struct world w;
	char *page = aligned_alloc(SWAP_PAGE_SIZE, SWAP_PAGE_SIZE);

	open_world(&w, &config);
	make_page(18, page);
	assert_int_equal(zswap_store(w.z, 7, page, 0), 0);
	make_page(17, page);
	swapfile_fail(w.swap, 1, 0);
	assert_int_equal(zswap_store(w.z, 7, page, 0), -EIO);
	assert_int_equal(zswap_load(w.z, 7, page), -ENOENT);
	free(page);
	close_world(&w);
}

/* The limit holds from the hit down to the acceptance threshold. */
static void limit_has_hysteresis(void **state)
{
	struct zswap_config config = { .backend = "zbud",
				       .pools = 1,
				       .max_pool_bytes = 100 * SWAP_PAGE_SIZE,
				       .accept_percent = 50 };
	char *page = aligned_alloc(SWAP_PAGE_SIZE, SWAP_PAGE_SIZE);
	struct zswap_stats stats;
	struct world w;
	uint64_t i, rejected;

	open_world(&w, &config);
	for (i = 0; i < 400; i++) {
		make_page(8 * 3000 * (i + 1) + 2, page);
		assert_int_equal(zswap_store(w.z, i, page, 0), 0);
	}
	zswap_stats(w.z, &stats);
	rejected = stats.rejected_pages;
	assert_true(rejected > 0);
	assert_true(stats.pool_total_size <= config.max_pool_bytes);
	for (i = 0; i < 60; i++)
		zswap_invalidate(w.z, i);
	assert_int_equal(zswap_store(w.z, 500, page, 0), 0);
	zswap_stats(w.z, &stats);
	assert_int_equal(stats.rejected_pages, rejected + 1);
	assert_true(zswap_reclaim(w.z) > 0);
	assert_true(zswap_total_bytes(w.z) <= config.max_pool_bytes / 2);
	assert_int_equal(zswap_store(w.z, 501, page, 0), 0);
	zswap_stats(w.z, &stats);
	assert_int_equal(stats.rejected_pages, rejected + 1);
	free(page);
	close_world(&w);
}

/*
 * The order the 2023 review found wrong: with exclusive loads the last
 * reference is dropped, and then the entry is moved on the LRU.
 */
static void touch_after_put(struct zswap *z, uint32_t slot, bool flawed)
{
	struct zswap_tree *tree = zswap_tree(&z->index, slot);
	struct zswap_entry *entry;

	spin_lock(&tree->lock);
	entry = zswap_search(tree, slot);
	if (!flawed)
		zswap_lru_rotate(z, entry);
	zswap_erase(tree, entry);
	zswap_entry_put(tree, entry);
	spin_unlock(&tree->lock);
	zswap_count(z, Z_STORED, -1);
	zswap_entry_free(z, entry);
	if (flawed)
		zswap_lru_rotate(z, entry);
}

static int status_of_order(bool flawed)
{
	struct zswap_config config = { .backend = "zsmalloc",
				       .pools = 1,
				       .exclusive = true };
	struct world w;
	char *page;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(3);
		page = aligned_alloc(SWAP_PAGE_SIZE, SWAP_PAGE_SIZE);
		open_world(&w, &config);
		make_page(18, page);
		zswap_store(w.z, 7, page, 0);
		touch_after_put(w.z, 7, flawed);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void entry_is_not_touched_after_its_last_put(void **state)
{
	assert_int_equal(status_of_order(false), 0);
	assert_int_not_equal(status_of_order(true), 0);
}

static void bad_configurations(void **state)
{
	struct zswap_config config = {
		.backend = "zsmalloc", .pools = 1, .codec = codec, .slots = 10
	};
	struct err err;

	config.reclaim = ZSWAP_RECLAIM_BACKEND;
	assert_null(zswap_create(&config, &err));
	assert_non_null(strstr(err.text, "cannot evict"));
	config.reclaim = ZSWAP_RECLAIM_LRU;
	config.pools = 33;
	assert_null(zswap_create(&config, &err));
	assert_non_null(strstr(err.text, "1..32"));
	config.pools = 1;
	config.backend = "nothing";
	assert_null(zswap_create(&config, &err));
	assert_null(swapfile_open("/proc/self/exe", NULL, &err));
}

static int open_codec(void **state)
{
	struct err err;

	codec = codec_create("lz4", &err);
	return !codec;
}

static int close_codec(void **state)
{
	codec_destroy(codec);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(model, (void *)1),
		cmocka_unit_test_prestate(model, (void *)2),
		cmocka_unit_test(failed_store_leaves_nothing),
		cmocka_unit_test(limit_has_hysteresis),
		cmocka_unit_test(entry_is_not_touched_after_its_last_put),
		cmocka_unit_test(bad_configurations),
	};

	return cmocka_run_group_tests(tests, open_codec, close_codec);
}
