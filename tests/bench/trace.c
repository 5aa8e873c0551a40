// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What it costs to write and to read a trace: CPU time per event on a generated
 * zipf trace from a warm file, the best of several passes. Prints one JSON line
 * a figure.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "traces/generate.h"

#define SPEC "zipf:keys=1000000,ops=12000000,threads=4"
#define PASSES 7
#define ALL (ZLT_TIME | ZLT_CPU | ZLT_TID)

static double cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void die(const struct err *err)
{
	fprintf(stderr, "bench/trace: %s\n", err->text);
	exit(1);
}

static void figure(const char *name, double value, const char *unit)
{
	printf("{\"bench\": \"trace\", \"figure\": \"%s\", \"value\": %.3f, "
	       "\"unit\": \"%s\", \"trace\": \"%s\"}\n",
	       name, value, unit, SPEC);
	fflush(stdout);
}

/* One pass over the trace; returns ns per event. */
static double read_pass(const char *path, unsigned int want)
{
	struct err err = { "" };
	double start = cpu_ns();
	struct zlt_reader *r = zlt_open(path, want, &err);
	struct zlt_batch b;
	uint64_t events = 0;
	int rc;

	if (!r)
		die(&err);
	while ((rc = zlt_next(r, &b, &err)) == 1)
		events += b.count;
	if (rc)
		die(&err);
	zlt_reader_close(r);
	return (cpu_ns() - start) / (double)events;
}

/* Write all events of a trace again; returns ns per event of the writer. */
static double write_pass(const char *from, const char *to)
{
	struct zlt_options opts = { .columns = ALL };
	struct zlt_event *events;
	struct err err = { "" };
	double ns = 0, start;
	struct zlt_reader *r = zlt_open(from, ALL | ZLT_KEYS, &err);
	struct zlt_writer *w;
	struct zlt_batch b;
	size_t i;
	int rc;

	w = r ? zlt_create(to, NULL, &opts, &err) : NULL;
	events = malloc((1u << 20) * sizeof(*events));
	if (!w || !events)
		die(&err);
	while ((rc = zlt_next(r, &b, &err)) == 1) {
		for (i = 0; i < b.count; i++)
			events[i] = (struct zlt_event){
				.key = b.orig[i],
				.time_ns = b.time_ns[i],
				.object = b.object[i],
				.tid = b.tid[i],
				.cpu = b.cpu[i],
				.op = b.op[i],
			};
		start = cpu_ns();
		for (i = 0; i < b.count; i++)
			if (zlt_event(w, &events[i], &err))
				die(&err);
		ns += cpu_ns() - start;
	}
	start = cpu_ns();
	if (rc || zlt_close(w, NULL, &err))
		die(&err);
	ns += cpu_ns() - start;
	ns /= (double)zlt_info(r)->events;
	free(events);
	zlt_reader_close(r);
	return ns;
}

static double best_read(const char *path, unsigned int want)
{
	double best = read_pass(path, want), ns;
	int i;

	for (i = 1; i < PASSES; i++) {
		ns = read_pass(path, want);
		best = ns < best ? ns : best;
	}
	return best;
}

static void report(const char *path, const char *again)
{
	struct err err = { "" };
	struct zlt_reader *r;
	double ns;

	ns = best_read(path, 0);
	figure("decode op, key and object", ns, "ns/event");
	ns = best_read(path, ALL);
	figure("decode op, key, object, time, cpu and tid", ns, "ns/event");
	ns = best_read(path, ALL | ZLT_KEYS);
	figure("decode all columns and original keys", ns, "ns/event");
	ns = write_pass(path, again);
	figure("write", 1e3 / ns, "M events/s");
	r = zlt_open(path, 0, &err);
	if (!r)
		die(&err);
	figure("file size",
	       (double)zlt_info(r)->file_bytes / (double)zlt_info(r)->events,
	       "bytes/event");
	zlt_reader_close(r);
}

int main(void)
{
	const char *dir = getenv("TMPDIR") ?: "/tmp";
	char path[512], again[512];
	struct err err = { "" };

	snprintf(path, sizeof(path), "%s/bench-%d.zlt", dir, (int)getpid());
	snprintf(again, sizeof(again), "%s/again-%d.zlt", dir, (int)getpid());
	if (generate_trace(SPEC, path, &err))
		die(&err);
	report(path, again);
	unlink(path);
	unlink(again);
	return 0;
}
