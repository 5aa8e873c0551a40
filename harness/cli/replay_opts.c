// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/cli.h"
#include "harness/cli/replay_opts.h"

enum {
	OPT_LOADS = 0x1000,
	OPT_UNCHANGED,
	OPT_INCOMPRESSIBLE,
	OPT_SAME_FILLED,
	OPT_API,
	OPT_SETTLE,
	OPT_VERIFY,
	OPT_NO_VERIFY,
	OPT_VALIDATE,
	OPT_LOCK_DETAIL,
	OPT_SAMPLE,
	OPT_SEED,
	OPT_POOLS,
	OPT_POOL_LIMIT,
	OPT_PAGE_SIZE,
	OPT_HUGE,
	OPT_COMPACT_EVERY,
	OPT_COMPACT_AT_END,
	OPT_OCCUPANCY,
	OPT_MIGRATE_EVERY,
	OPT_SERIES,
	OPT_EVENTS,
	OPT_ASSIGN,
	OPT_PACED,
	OPT_SALVAGE,
	OPT_INDEX,
	OPT_RECLAIM,
	OPT_SECOND_CHANCE,
	OPT_MAX_POOL,
	OPT_RAM,
	OPT_ACCEPT,
	OPT_SWAP,
};

static const struct argp_option options[] = {
	{ 0, 0, 0, 0, "What the swap path does:", 1 },
	{ "loads", OPT_LOADS, "exclusive|keep", 0,
	  "A load frees the object (exclusive, as since 6.9, the default) or "
	  "keeps it",
	  0 },
	{ "unchanged", OPT_UNCHANGED, "store|drop", 0,
	  "Store a page again that the slot holds already (the default), or "
	  "drop the store as when the swap cache kept the page",
	  0 },
	{ "incompressible", OPT_INCOMPRESSIBLE, "reject|keep", 0,
	  "Reject a page that does not shrink (the default), or keep it as "
	  "4096 bytes, as from 6.18",
	  0 },
	{ "same-filled", OPT_SAME_FILLED, "on|off", 0,
	  "Keep a page of one repeated word as that word (default on)", 0 },
	{ "api", OPT_API, "auto|map|obj", 0,
	  "Carry bytes through map and unmap, as to 6.14, or through "
	  "obj_read_begin and obj_write (auto: where the backend has them)",
	  0 },
	{ "pools", OPT_POOLS, "N", 0,
	  "Spread keys over N pools, 1 to 32, as 6.6 to 6.10 did (default 1)",
	  0 },
	{ 0, 0, 0, 0,
	  "The zswap front end above the pool; any of these puts it there:", 2 },
	{ "index", OPT_INDEX, "direct|rbtree|trees|xarray", 0,
	  "Entries are found by number (direct, the default: no front end), in "
	  "one tree (to 6.7), in a tree per 64 MiB of swap (6.8, 6.9) or in a "
	  "radix tree per 64 MiB (from 6.10; what the options below imply)",
	  0 },
	{ "max-pool", OPT_MAX_POOL, "SIZE|N%", 0,
	  "Refuse stores and write back above SIZE, or above N percent of "
	  "--ram",
	  0 },
	{ "ram", OPT_RAM, "SIZE", 0,
	  "Size of the machine that --max-pool N% is a share of", 0 },
	{ "accept", OPT_ACCEPT, "PERCENT", 0,
	  "After the limit was hit, accept stores again below this share of it "
	  "(default 90)",
	  0 },
	{ "reclaim", OPT_RECLAIM, "lru|backend", 0,
	  "What is written back: the oldest entry of one list above all pools, "
	  "as since 6.5 (default), or what the allocator chooses, as before",
	  0 },
	{ "second-chance", OPT_SECOND_CHANCE, "on|off", 0,
	  "Pass over an entry once before it is written back, as since 6.12 "
	  "(default off)",
	  0 },
	{ "swap", OPT_SWAP, "FILE|temp|none", 0,
	  "Write back to FILE or to a temporary one (default) in $TMPDIR or "
	  "the current directory; none counts without writing, and what left "
	  "the pool is gone",
	  0 },
	{ 0, 0, 0, 0, "The pool:", 3 },
	{ "pool-limit", OPT_POOL_LIMIT, "SIZE", 0,
	  "Let a pool run out of memory at SIZE (256M, 2G)", 0 },
	{ "page-size", OPT_PAGE_SIZE, "4K|16K|64K", 0, "Size of a frame", 0 },
	{ "huge", OPT_HUGE, "on|off", 0,
	  "Back frames with huge pages, as the kernel's direct map is (default "
	  "on); off charges the allocator for this process's page faults",
	  0 },
	{ "compact-every", OPT_COMPACT_EVERY, "N", 0,
	  "Compact after every N events; with threads, in a thread of its own",
	  0 },
	{ "compact-at-end", OPT_COMPACT_AT_END, 0, 0,
	  "Compact once after the last event", 0 },
	{ "occupancy", OPT_OCCUPANCY, "FILE", 0,
	  "Append a map of the frames at the end, before and after "
	  "--compact-at-end, to FILE",
	  0 },
	{ "migrate-every", OPT_MIGRATE_EVERY, "N", 0,
	  "Replace a random frame after every N events, as memory compaction "
	  "does",
	  0 },
	{ "settle", OPT_SETTLE, "op|kernel|mark|never", 0,
	  "Run a backend's deferred work after each operation (the default), "
	  "after some hundred, as kernels' workers do (conform's interval), at "
	  "marks and compactions, or at the end",
	  0 },
	{ 0, 0, 0, 0, "The replay:", 4 },
	{ "assign", OPT_ASSIGN, "key|tid|cpu", 0,
	  "Who performs an operation: a thread chosen by its key (default), or "
	  "by the thread or CPU that did it in the trace",
	  0 },
	{ "paced", OPT_PACED, "SPEED", 0,
	  "Keep to the trace's own timing, SPEED times as fast (default: as "
	  "fast as possible)",
	  0 },
	{ "events", OPT_EVENTS, "N", 0, "Stop after N events", 0 },
	{ "salvage", OPT_SALVAGE, 0, 0,
	  "Replay a damaged trace up to its first damage", 0 },
	{ "seed", OPT_SEED, "N", 0,
	  "Seed of made-up contents and of all random choices (default 1)", 0 },
	{ 0, 0, 0, 0, "Measurement:", 5 },
	{ "verify", OPT_VERIFY, 0, 0,
	  "Compare every load with what was stored (the default)", 0 },
	{ "no-verify", OPT_NO_VERIFY, 0, 0, "Do not", 0 },
	{ "lock-detail", OPT_LOCK_DETAIL, 0, 0,
	  "Time every lock hold and atomic section instead of one of many, and "
	  "count bounces; costs time itself",
	  0 },
	{ "validate", OPT_VALIDATE, 0, 0,
	  "Check every list, slot and handle of the pool at the end", 0 },
	{ "sample", OPT_SAMPLE, "N", 0,
	  "Time one of N operations (0: none; default: all when pages are "
	  "compressed, else 128)",
	  0 },
	{ "series", OPT_SERIES, "N", 0,
	  "Note the pool's state every N events (default: 100 times)", 0 },
	{ 0 },
};

static const char *name_of(int key)
{
	const struct argp_option *o;

	for (o = options; o->name || o->doc; o++)
		if (o->name && o->key == key)
			return o->name;
	return "?";
}

static error_t keep_arg(struct replay_opts *o, int key, const char *arg)
{
	char **at = &o->args[o->nr_args];

	if (o->nr_args == sizeof(o->args) / sizeof(o->args[0])) {
		cli_usage("there are too many options");
		return CLI_REPORTED;
	}
	if (asprintf(at, "--%s%s%s", name_of(key), arg ? "=" : "",
		     arg ? arg : "") < 0)
		return ENOMEM;
	o->nr_args++;
	return 0;
}

static error_t choice(int key, const char *arg, const char *const *words,
		      int *index)
{
	char option[32];

	snprintf(option, sizeof(option), "--%s", name_of(key));
	return cli_choice(option, arg, words, index);
}

static error_t count(int key, const char *arg, long long min, long long max,
		     long long *n)
{
	char option[32];

	snprintf(option, sizeof(option), "--%s", name_of(key));
	return cli_count(option, arg, min, max, n);
}

static error_t parse_choice(struct replay_config *c, int key, const char *arg)
{
	static const char *const loads[] = { "exclusive", "keep", NULL };
	static const char *const unchanged[] = { "store", "drop", NULL };
	static const char *const poor[] = { "reject", "keep", NULL };
	static const char *const on_off[] = { "on", "off", NULL };
	static const char *const api[] = { "auto", "map", "obj", NULL };
	static const char *const settle[] = { "op", "kernel", "mark", "never",
					      NULL };
	static const char *const sizes[] = { "4K", "16K", "64K", NULL };
	static const char *const assign[] = { "key", "tid", "cpu", NULL };
	error_t ret;
	int i = 0;

	switch (key) {
	case OPT_LOADS:
		ret = choice(key, arg, loads, &i);
		c->swap.exclusive = !i;
		return ret;
	case OPT_UNCHANGED:
		ret = choice(key, arg, unchanged, &i);
		c->swap.drop_unchanged = i;
		return ret;
	case OPT_INCOMPRESSIBLE:
		ret = choice(key, arg, poor, &i);
		c->swap.keep_incompressible = i;
		return ret;
	case OPT_SAME_FILLED:
		ret = choice(key, arg, on_off, &i);
		c->swap.same_filled = !i;
		return ret;
	case OPT_HUGE:
		ret = choice(key, arg, on_off, &i);
		c->swap.pool.arena.huge = !i;
		return ret;
	case OPT_API:
		ret = choice(key, arg, api, &i);
		c->swap.api = (enum swap_api)i;
		return ret;
	case OPT_SETTLE:
		ret = choice(key, arg, settle, &i);
		c->swap.settle = (enum swap_settle)i;
		return ret;
	case OPT_PAGE_SIZE:
		ret = choice(key, arg, sizes, &i);
		c->swap.pool.arena.page_shift = 12 + 2 * (unsigned)i;
		return ret;
	case OPT_ASSIGN:
		ret = choice(key, arg, assign, &i);
		c->assign = (enum replay_assign)i;
		return ret;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_number(struct replay_opts *o, int key, const char *arg)
{
	struct replay_config *c = &o->config;
	long long n = 0;
	error_t ret;

	switch (key) {
	case OPT_POOLS:
		ret = count(key, arg, 1, SWAP_MAX_POOLS, &n);
		c->swap.pools = (unsigned)n;
		return ret;
	case OPT_SAMPLE:
		ret = count(key, arg, 0, 1000000000, &n);
		c->swap.sample = (unsigned)n;
		return ret;
	case OPT_SEED:
		ret = count(key, arg, 0, LLONG_MAX, &n);
		c->swap.seed = (uint64_t)n;
		return ret;
	case OPT_COMPACT_EVERY:
		ret = count(key, arg, 1, LLONG_MAX, &n);
		c->compact_every = (uint64_t)n;
		return ret;
	case OPT_MIGRATE_EVERY:
		ret = count(key, arg, 1, LLONG_MAX, &n);
		c->migrate_every = (uint64_t)n;
		return ret;
	case OPT_SERIES:
		ret = count(key, arg, 1, LLONG_MAX, &n);
		c->series_every = (uint64_t)n;
		return ret;
	case OPT_EVENTS:
		ret = count(key, arg, 1, LLONG_MAX, &n);
		c->max_events = (uint64_t)n;
		return ret;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_limit(struct replay_config *c, const char *arg)
{
	long long bytes;

	if (size_parse(arg, &bytes) || bytes < 4096) {
		cli_usage("--pool-limit takes a size of at least 4K, as 256M "
			  "or 2G, not \"%s\"",
			  arg);
		return CLI_REPORTED;
	}
	c->pool_limit = (uint64_t)bytes;
	return 0;
}

static error_t parse_speed(struct replay_config *c, const char *arg)
{
	char *end;

	errno = 0;
	c->speed = strtod(arg, &end);
	if (!errno && end != arg && !*end && c->speed > 0 && c->speed < 1e9)
		return 0;
	cli_usage("--paced takes a speed above 0, as 1 or 0.5, not \"%s\"",
		  arg);
	return CLI_REPORTED;
}

static error_t parse_other(struct replay_opts *o, int key, const char *arg)
{
	struct replay_config *c = &o->config;

	switch (key) {
	case OPT_VERIFY:
		c->swap.verify = true;
		return 0;
	case OPT_NO_VERIFY:
		c->swap.verify = false;
		return 0;
	case OPT_LOCK_DETAIL:
		c->lock_detail = true;
		return 0;
	case OPT_VALIDATE:
		c->validate = true;
		return 0;
	case OPT_OCCUPANCY:
		c->occupancy = arg;
		return 0;
	case OPT_COMPACT_AT_END:
		c->compact_at_end = true;
		return 0;
	case OPT_SALVAGE:
		c->salvage = true;
		return 0;
	case OPT_POOL_LIMIT:
		return parse_limit(c, arg);
	case OPT_PACED:
		return parse_speed(c, arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_max_pool(struct replay_config *c, const char *arg)
{
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
	cli_usage("--max-pool takes a size of at least 4K or 1%% to 100%% of "
		  "--ram, not \"%s\"",
		  arg);
	return CLI_REPORTED;
}

static error_t parse_ram(struct replay_config *c, const char *arg)
{
	long long n;

	if (size_parse(arg, &n) || n < 1 << 20) {
		cli_usage("--ram takes a size of at least 1M, as 256M or 8G, "
			  "not \"%s\"",
			  arg);
		return CLI_REPORTED;
	}
	c->ram_bytes = (uint64_t)n;
	return 0;
}

static error_t parse_index(struct replay_config *c, int key, const char *arg)
{
	static const char *const words[] = { "rbtree", "trees", "xarray",
					     "direct", NULL };
	int i = 0;
	error_t ret = choice(key, arg, words, &i);

	c->front = i != 3;
	if (c->front)
		c->zswap.index = (enum zswap_index_kind)i;
	return ret;
}

/* Whatever only a front end has, puts one there. */
static error_t parse_front(struct replay_config *c, int key, const char *arg)
{
	static const char *const reclaim[] = { "lru", "backend", NULL };
	static const char *const on_off[] = { "off", "on", NULL };
	long long n = 0;
	error_t ret;
	int i = 0;

	if (key == OPT_INDEX)
		return parse_index(c, key, arg);
	if (key == OPT_RAM)
		return parse_ram(c, arg);
	if (key < OPT_RECLAIM || key > OPT_SWAP)
		return ARGP_ERR_UNKNOWN;
	c->front = true;
	switch (key) {
	case OPT_RECLAIM:
		ret = choice(key, arg, reclaim, &i);
		c->zswap.reclaim = (enum zswap_reclaim)i;
		return ret;
	case OPT_SECOND_CHANCE:
		ret = choice(key, arg, on_off, &i);
		c->zswap.second_chance = i;
		return ret;
	case OPT_ACCEPT:
		ret = count(key, arg, 0, 100, &n);
		c->zswap.accept_percent = (unsigned)n;
		return ret;
	case OPT_SWAP:
		c->no_swap = !strcmp(arg, "none");
		c->swap_file = c->no_swap || !strcmp(arg, "temp") ? NULL : arg;
		return 0;
	default:
		return parse_max_pool(c, arg);
	}
}

static error_t parse_end(const struct replay_config *c)
{
	if (c->max_pool_percent && !c->ram_bytes) {
		cli_usage("--max-pool %u%% is a share of --ram, which is not "
			  "given",
			  c->max_pool_percent);
		return CLI_REPORTED;
	}
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct replay_opts *o = state->input;
	error_t ret;

	if (key == ARGP_KEY_END)
		return parse_end(&o->config);
	ret = parse_choice(&o->config, key, arg);
	if (ret == ARGP_ERR_UNKNOWN)
		ret = parse_front(&o->config, key, arg);
	if (ret == ARGP_ERR_UNKNOWN)
		ret = parse_number(o, key, arg);
	if (ret == ARGP_ERR_UNKNOWN)
		ret = parse_other(o, key, arg);
	return ret ? ret : keep_arg(o, key, arg);
}

const struct argp replay_argp = { .options = options, .parser = parse };

void replay_opts_init(struct replay_opts *o)
{
	memset(o, 0, sizeof(*o));
	o->config.swap.sample = REPLAY_SAMPLE_AUTO;
	o->config.threads = 1;
	o->config.swap.pools = 1;
	o->config.swap.pool.arena.huge = true;
	o->config.swap.exclusive = true;
	o->config.swap.same_filled = true;
	o->config.swap.verify = true;
	o->config.swap.seed = 1;
	o->config.zswap.index = ZSWAP_XARRAY;
	o->config.zswap.accept_percent = 90;
}

void replay_opts_free(struct replay_opts *o)
{
	while (o->nr_args)
		free(o->args[--o->nr_args]);
}
