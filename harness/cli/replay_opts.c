// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Options of all commands that replay, and notes on options that have no effect
 * for a backend.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/cli.h"
#include "harness/cli/ghost.h"
#include "harness/cli/replay_opts.h"
#include "harness/replay/result.h"

#define OPTS struct replay_opts

static int set_max_pool(const struct cli_option *o, const char *arg, void *to)
{
	struct replay_config *c = &((OPTS *)to)->config;
	size_t len = strlen(arg);
	long long n;
	char *end;

	if (len && arg[len - 1] == '%') {
		n = strtoll(arg, &end, 10);
		if (end == arg + len - 1 && n >= 1 && n <= 100) {
			c->max_pool_percent = (unsigned)n;
			return 0;
		}
	} else if (!size_parse(arg, &n) && n >= 4096) {
		c->zswap.max_pool_bytes = (uint64_t)n;
		return 0;
	}
	return cli_usage("--max-pool takes a size of at least 4K or 1%% to "
			 "100%% of --ram, not \"%s\"",
			 arg);
}

static int set_speed(const struct cli_option *o, const char *arg, void *to)
{
	struct replay_config *c = &((OPTS *)to)->config;
	char *end;

	errno = 0;
	c->speed = strtod(arg, &end);
	if (!errno && end != arg && !*end && c->speed > 0 && c->speed < 1e9)
		return 0;
	return cli_usage("--paced takes a speed above 0, as 1 or 0.5, not "
			 "\"%s\"",
			 arg);
}

const struct cli_option replay_path_options[] = {
	{ "loads", 0, "WHAT",
	  "A load frees the object (exclusive, as since 6.9, the default) or "
	  "keeps it (keep)",
	  CLI_IS_CHOICE(OPTS, config.swap.exclusive, { "exclusive", true },
			{ "keep", false }) },
	{ "unchanged", 0, "WHAT",
	  "Store a page again that the slot holds already (store, the "
	  "default), or drop the store as when the swap cache kept the page "
	  "(drop)",
	  CLI_IS_CHOICE(OPTS, config.swap.drop_unchanged, { "store", false },
			{ "drop", true }) },
	{ "incompressible", 0, "WHAT",
	  "Reject a page that does not shrink (reject, the default), or keep "
	  "it as 4096 bytes, as from 6.18 (keep)",
	  CLI_IS_CHOICE(OPTS, config.swap.keep_incompressible,
			{ "reject", false }, { "keep", true }) },
	{ "same-filled", 0, "on|off",
	  "Keep a page of one repeated word as that word (default on)",
	  CLI_IS_CHOICE(OPTS, config.swap.same_filled, CLI_ON_OFF) },
	{ "api", 0, "WHICH",
	  "Carry bytes through map and unmap, as to 6.14 (map), or through "
	  "obj_read_begin and obj_write (obj); auto, the default: where the "
	  "backend has them",
	  CLI_IS_CHOICE(OPTS, config.swap.api, { "auto", SWAP_API_AUTO },
			{ "map", SWAP_API_MAP }, { "obj", SWAP_API_OBJ }) },
	{ "pools", 0, "N",
	  "Spread keys over N pools, 1 to 32, as 6.6 to 6.10 did (default 1)",
	  CLI_IS_COUNT(OPTS, config.swap.pools, 1, SWAP_MAX_POOLS) },
	{ 0 },
};

const struct cli_option replay_front_options[] = {
	{ "index", 0, "HOW",
	  "Entries are found by number (direct, the default: no front end), in "
	  "one tree (rbtree, to 6.7), in a tree per 64 MiB of swap (trees, 6.8 "
	  "and 6.9) or in a radix tree per 64 MiB (xarray, from 6.10; what the "
	  "options below imply)",
	  CLI_IS_CHOICE(OPTS, index, { "direct", -1 },
			{ "rbtree", ZSWAP_RBTREE }, { "trees", ZSWAP_TREES },
			{ "xarray", ZSWAP_XARRAY }) },
	{ "max-pool", 0, "SIZE|N%",
	  "Refuse stores and write back above SIZE, or above N percent of "
	  "--ram",
	  CLI_IS_CALL(set_max_pool) },
	{ "ram", 0, "SIZE",
	  "Size of the machine that --max-pool N% is a share of",
	  CLI_IS_SIZE(OPTS, config.ram_bytes, 1 << 20) },
	{ "accept", 0, "PERCENT",
	  "After the limit was hit, accept stores again below this share of it "
	  "(default 90)",
	  CLI_IS_COUNT(OPTS, config.zswap.accept_percent, 0, 100) },
	{ "reclaim", 0, "lru|backend",
	  "What is written back: the oldest entry of one list above all pools, "
	  "as since 6.5 (lru, the default), or what the allocator chooses, as "
	  "before (backend)",
	  CLI_IS_CHOICE(OPTS, config.zswap.reclaim,
			{ "lru", ZSWAP_RECLAIM_LRU },
			{ "backend", ZSWAP_RECLAIM_BACKEND }) },
	{ "second-chance", 0, "on|off",
	  "Pass over an entry once before it is written back, as since 6.12 "
	  "(default off)",
	  CLI_IS_CHOICE(OPTS, config.zswap.second_chance, CLI_ON_OFF) },
	{ "swap", 0, "FILE",
	  "Write back to FILE or to a temporary one (temp, the default) in "
	  "$TMPDIR or the current directory; none counts without writing, and "
	  "what left the pool is gone",
	  CLI_WORDS({ "temp", 0 }, { "none", 0 }), .offer = OFFER_FILE,
	  .output = true, CLI_IS_TEXT(OPTS, swap) },
	{ 0 },
};

const struct cli_option replay_pool_options[] = {
	{ "pool-limit", 0, "SIZE",
	  "Let a pool run out of memory at SIZE (256M, 2G)",
	  CLI_IS_SIZE(OPTS, config.pool_limit, 4096) },
	CLI_PAGE_SIZE(OPTS, config.swap.pool.arena.page_shift,
		      "Size of a frame"),
	{ "huge", 0, "on|off",
	  "Back frames with huge pages, as the kernel's direct map is (default "
	  "on); off charges the allocator for this process's page faults",
	  CLI_IS_CHOICE(OPTS, config.swap.pool.arena.huge, CLI_ON_OFF) },
	CLI_GHOST(CLI_IS_FLAG(OPTS, config.ghost, true)),
	{ "compact-every", 0, "N",
	  "Compact after every N events; with threads, in a thread of its own",
	  CLI_IS_COUNT(OPTS, config.compact_every, 1, LLONG_MAX) },
	{ "compact-at-end", 0, NULL, "Compact once after the last event",
	  CLI_IS_FLAG(OPTS, config.compact_at_end, true) },
	{ "occupancy", 0, "FILE",
	  "Append a map of the frames at the end, before and after "
	  "--compact-at-end, to FILE",
	  .offer = OFFER_FILE, .output = true,
	  CLI_IS_TEXT(OPTS, config.occupancy) },
	{ "migrate-every", 0, "N",
	  "Replace a random frame after every N events, as memory compaction "
	  "does",
	  CLI_IS_COUNT(OPTS, config.migrate_every, 1, LLONG_MAX) },
	{ "settle", 0, "WHEN",
	  "Run a backend's deferred work after each operation (op, the "
	  "default), after some hundred, as kernels' workers do (kernel, "
	  "conform's interval), at marks and compactions (mark), or at the end "
	  "(never)",
	  CLI_IS_CHOICE(OPTS, config.swap.settle, { "op", SWAP_SETTLE_OP },
			{ "kernel", SWAP_SETTLE_KERNEL },
			{ "mark", SWAP_SETTLE_MARK },
			{ "never", SWAP_SETTLE_NEVER }) },
	{ 0 },
};

const struct cli_option replay_run_options[] = {
	{ "assign", 0, "key|tid|cpu",
	  "Who performs an operation: a thread chosen by its key (default), or "
	  "by the thread or CPU that did it in the trace",
	  CLI_IS_CHOICE(OPTS, config.assign, { "key", REPLAY_BY_KEY },
			{ "tid", REPLAY_BY_TID }, { "cpu", REPLAY_BY_CPU }) },
	{ "paced", 0, "SPEED",
	  "Keep to the trace's own timing, SPEED times as fast (default: as "
	  "fast as possible)",
	  CLI_IS_CALL(set_speed) },
	{ "events", 0, "N", "Stop after N events",
	  CLI_IS_COUNT(OPTS, config.max_events, 1, LLONG_MAX) },
	{ "salvage", 0, NULL, "Replay a damaged trace up to its first damage",
	  CLI_IS_FLAG(OPTS, config.salvage, true) },
	{ "seed", 0, "N",
	  "Seed of made-up contents and of all random choices (default 1)",
	  CLI_IS_COUNT(OPTS, config.swap.seed, 0, LLONG_MAX) },
	{ 0 },
};

const struct cli_option replay_measure_options[] = {
	{ "verify", 0, NULL,
	  "Compare every load with what was stored (the default)",
	  CLI_IS_FLAG(OPTS, config.swap.verify, true) },
	{ "no-verify", 0, NULL,
	  "Do not compare loads: what comes back is not looked at",
	  CLI_IS_FLAG(OPTS, config.swap.verify, false) },
	{ "lock-detail", 0, NULL,
	  "Time every lock hold and atomic section instead of one of many, and "
	  "count bounces; costs time itself",
	  CLI_IS_FLAG(OPTS, config.lock_detail, true) },
	{ "validate", 0, NULL,
	  "Check every list, slot and handle of the pool at the end",
	  CLI_IS_FLAG(OPTS, config.validate, true) },
	{ "sample", 0, "N",
	  "Time one of N operations (0: none; default: all when pages are "
	  "compressed, else 128)",
	  CLI_IS_COUNT(OPTS, config.swap.sample, 0, 1000000000) },
	{ "series", 0, "N",
	  "Note the pool's state every N events (default: 100 times)",
	  CLI_IS_COUNT(OPTS, config.series_every, 1, LLONG_MAX) },
	{ 0 },
};

static bool given(const struct replay_opts *o, const char *name)
{
	size_t i, len = strlen(name);
	const char *arg;

	for (i = 0; i < o->kept.nr; i++) {
		arg = o->kept.args[i] + 2;
		if (!strncmp(arg, name, len) && (!arg[len] || arg[len] == '='))
			return true;
	}
	return false;
}

/* The first given option that only a front end uses, or NULL. */
static const char *front_option(const struct replay_opts *o)
{
	static const char *const names[] = { "max-pool", "accept", "reclaim",
					     "second-chance", "swap" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (given(o, names[i]))
			return names[i];
	return NULL;
}

int replay_opts_check(struct replay_opts *o)
{
	struct replay_config *c = &o->config;
	const char *front = front_option(o);
	struct err err;

	c->no_swap = o->swap && !strcmp(o->swap, "none");
	if (o->swap && !c->no_swap && strcmp(o->swap, "temp") != 0)
		c->swap_file = o->swap;
	if (result_check(c->occupancy, &err))
		return cli_failed("%s", err.text);
	if (o->index == -1 && front)
		return cli_usage("--index direct has no front end, which --%s "
				 "belongs to",
				 front);
	c->front = front || o->index >= 0;
	if (o->index >= 0)
		c->zswap.index = (enum zswap_index_kind)o->index;
	if (c->max_pool_percent && !c->ram_bytes)
		return cli_usage("--max-pool %u%% is a share of --ram, which "
				 "is not given",
				 c->max_pool_percent);
	if (c->ram_bytes && !c->max_pool_percent)
		return cli_usage("--ram is what --max-pool N%% is a share of, "
				 "which is not given");
	return 0;
}

int replay_opts_sampled(struct replay_opts *o)
{
	const char *map = o->config.occupancy;

	if (map && !strcmp(map, "-"))
		return cli_usage("--occupancy - is for a single replay; name a "
				 "file");
	return replay_opts_check(o);
}

int replay_check_words(const char *const *backends, size_t nr_backends,
		       const char *const *codecs, size_t nr_codecs)
{
	struct codec *codec;
	char full[1024];
	struct err err;
	size_t i;

	for (i = 0; i < nr_backends; i++)
		if (zpool_full_spec(backends[i], full, sizeof(full), &err))
			return cli_usage("%s", err.text);
	for (i = 0; i < nr_codecs; i++) {
		codec = codec_create(codecs[i], &err);
		if (!codec)
			return cli_usage("%s", err.text);
		codec_destroy(codec);
	}
	return 0;
}

/* What a group of options needs a backend's pool to support. */
enum need {
	NEED_COMPACT,
	NEED_MIGRATE,
	NEED_FRAMES,
	NEEDS
};

static bool lacks(const struct zpool *pool, enum need need)
{
	switch (need) {
	case NEED_COMPACT:
		return !(pool->caps & ZPOOL_COMPACTABLE);
	case NEED_MIGRATE:
		return !(pool->caps & ZPOOL_MOVABLE);
	default:
		return !pool->arena;
	}
}

static void note(const char *option, enum need need,
		 const char *const *backends, size_t nr)
{
	static const char *const why[NEEDS] = { "cannot compact",
						"cannot move frames",
						"has no frames of its own" };
	struct zpool_config config = { 0 };
	struct zpool *pool;
	size_t i;

	for (i = 0; i < nr; i++) {
		pool = zpool_create(backends[i], &config, NULL);
		if (pool && lacks(pool, need))
			cli_note("note: --%s does nothing for %s, which %s",
				 option, backends[i], why[need]);
		zpool_destroy(pool);
	}
}

void replay_opts_note(const struct replay_opts *o, const char *const *backends,
		      size_t nr)
{
	static const struct {
		const char *option;
		enum need need;
	} needs[] = {
		{ "compact-every", NEED_COMPACT },
		{ "compact-at-end", NEED_COMPACT },
		{ "migrate-every", NEED_MIGRATE },
		{ "page-size", NEED_FRAMES },
		{ "huge", NEED_FRAMES },
	};
	size_t i;

	for (i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (given(o, needs[i].option))
			note(needs[i].option, needs[i].need, backends, nr);
}
