// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the replayer itself costs: CPU time per event with nothing to replay
 * into, where it goes, the memory per key, and how much of a store and load
 * with a real codec is not the codec. Best of several passes over a warm file.
 * Prints one JSON line a figure.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/replay/replay.h"
#include "harness/replay/result.h"
#include "traces/generate.h"

#define SIZES "zipf:keys=1000000,ops=12000000"
#define PAGES "zipf:keys=8000,ops=40000,contents=on"
#define PASSES 7
#define CODEC_PASSES 3

static const char *trace;

static void die(const struct err *err)
{
	fprintf(stderr, "bench/replay: %s\n", err->text);
	exit(1);
}

static void figure(const char *name, double value, const char *unit)
{
	printf("{\"bench\": \"replay\", \"figure\": \"%s\", \"value\": %.3f, "
	       "\"unit\": \"%s\", \"trace\": \"%s\"}\n",
	       name, value, unit, trace);
	fflush(stdout);
}

static struct replay_config config(const char *path, const char *backend)
{
	struct replay_config c = { .trace = path, .threads = 1 };

	c.swap.backend = backend;
	c.swap.pools = 1;
	c.swap.pool.arena.huge = true;
	c.swap.exclusive = true;
	c.swap.same_filled = true;
	c.swap.verify = true;
	c.swap.seed = 1;
	return c;
}

static void run(const struct replay_config *c, struct replay_result *res)
{
	struct err err = { "" };

	if (replay_run(c, res, &err))
		die(&err);
}

/* The pass that took least CPU time. */
static void best(const struct replay_config *c, int passes,
		 struct replay_result *least)
{
	struct replay_result res;
	int i;

	run(c, least);
	for (i = 1; i < passes; i++) {
		run(c, &res);
		if (res.cpu_ns < least->cpu_ns) {
			replay_result_free(least);
			*least = res;
		} else {
			replay_result_free(&res);
		}
	}
}

static void engine(const char *path)
{
	struct replay_config c = config(path, "null");
	struct replay_result r;
	double plain, events;

	trace = SIZES;
	c.swap.sample = 0;
	best(&c, PASSES, &r);
	events = (double)r.events;
	plain = (double)r.cpu_ns / events;
	figure("null and none: events per CPU-second", 1e3 / plain,
	       "M events/s");
	figure("null and none: reading the trace", (double)r.decode_ns / events,
	       "ns/event");
	figure("null and none: loop, slots and null's calls",
	       (double)r.loop_ns / events, "ns/event");
	figure("table by key", (double)r.table_bytes / (double)r.live_peak,
	       "bytes/live key");
	replay_result_free(&r);
	c.swap.sample = REPLAY_SAMPLE_AUTO;
	best(&c, PASSES, &r);
	figure("null and none, operations timed as by default",
	       1e3 * (double)r.events / (double)r.cpu_ns, "M events/s");
	figure("clock reading", (double)r.clock_ns, "ns");
	replay_result_free(&r);
}

static double field(const json_t *o, const char *name)
{
	return json_number_value(json_object_get(o, name));
}

/* Everything of sys that is not the codec. */
static void codec_share(const char *path, const char *codec,
			const char *backend)
{
	struct replay_config c = config(path, backend);
	const json_t *time, *split;
	struct replay_result r;
	json_t *record;
	char name[96];

	trace = PAGES;
	c.codec = codec;
	c.swap.sample = REPLAY_SAMPLE_AUTO;
	best(&c, CODEC_PASSES, &r);
	record = result_record(&c, &r, "");
	time = json_object_get(record, "time");
	split = json_object_get(time, "sys_split_ns");
	snprintf(name, sizeof(name), "%s, %s: sys outside the codec", codec,
		 backend);
	figure(name, 100 - 100 * field(split, "codec") / field(time, "sys_ns"),
	       "%");
	snprintf(name, sizeof(name), "%s, %s: frontend per operation", codec,
		 backend);
	figure(name, field(split, "frontend") / (double)r.ops_done, "ns");
	json_decref(record);
	replay_result_free(&r);
}

int main(void)
{
	static const char *const backends[] = { "null", "zbud", "zsmalloc" };
	const char *dir = getenv("TMPDIR") ?: "/tmp";
	struct err err = { "" };
	char path[512];
	size_t i;

	snprintf(path, sizeof(path), "%s/bench-%d.zlt", dir, (int)getpid());
	if (generate_trace(SIZES, path, &err))
		die(&err);
	engine(path);
	if (generate_trace(PAGES, path, &err))
		die(&err);
	for (i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		codec_share(path, "lz4", backends[i]);
		codec_share(path, "zstd", backends[i]);
	}
	unlink(path);
	return 0;
}
