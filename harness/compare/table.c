// SPDX-License-Identifier: GPL-2.0-or-later
/* Prints the table of a comparison: medians, ratios, intervals, notes. */
#include <stdlib.h>
#include <string.h>

#include "harness/cli/cli.h"
#include "harness/compare/compare.h"
#include "harness/virtual/sensitivity.h"
#include "harness/measure/load.h"
#include "harness/measure/stats.h"
#include "lib/layout.h"
#include "lib/text.h"

/* Output file of the tables, and its width in columns. */
struct sheet {
	FILE *out;
	int width;
};

#define SYS_SUM "virtual.sys_ns_sum"

/* A value in a record, by its path: "time.sys_split_ns.codec". */
static const json_t *value(const json_t *record, const char *path)
{
	char name[64];
	size_t len;

	while (record && *path) {
		len = strcspn(path, ".");
		snprintf(name, sizeof(name), "%.*s", (int)len, path);
		record = json_object_get(record, name);
		path += len + (path[len] == '.');
	}
	return record;
}

static double number(const json_t *record, const char *path)
{
	return json_number_value(value(record, path));
}

static bool same_case(const struct compare_cell *a,
		      const struct compare_cell *b)
{
	return a->trace == b->trace && a->threads == b->threads &&
	       (a->codec == b->codec ||
		(a->codec && b->codec && !strcmp(a->codec, b->codec)));
}

static size_t runs_of(const struct compare *c, const struct compare_cell *cell)
{
	size_t i, n = 0;

	for (i = 0; i < c->rounds; i++)
		n += cell->record[i] != NULL;
	return n;
}

static const json_t *first_of(const struct compare *c,
			      const struct compare_cell *cell)
{
	size_t i;

	for (i = 0; i < c->rounds; i++)
		if (cell->record[i])
			return cell->record[i];
	return NULL;
}

/* Put the values of a cell's runs into @v. Return: the number of values. */
static size_t collect(const struct compare *c, const struct compare_cell *cell,
		      const char *path, double *v)
{
	size_t i, n = 0;

	for (i = 0; i < c->rounds; i++)
		if (cell->record[i])
			v[n++] = number(cell->record[i], path);
	return n;
}

static double median(const struct compare *c, const struct compare_cell *cell,
		     const char *path, double *v)
{
	size_t n = collect(c, cell, path, v);

	return n ? stats_summary(v, n).median : 0;
}

/*
 * The median of all runs, and the least and the most of them if they differ:
 * with threads, pages and lock counts depend on how the threads interleave.
 */
static void put_values(struct layout_table *t, double *v, size_t n, int digits)
{
	struct stats_summary s;
	char low[32], high[32];

	if (!n) {
		layout_cell(t, "-");
		return;
	}
	s = stats_summary(v, n);
	snprintf(low, sizeof(low), "%.*f", digits, s.min);
	snprintf(high, sizeof(high), "%.*f", digits, s.max);
	if (strcmp(low, high) != 0)
		layout_cell(t, "%.*f (%s..%s)", digits, s.median, low, high);
	else
		layout_cell(t, "%s", low);
}

/* A ratio may be null: an empty pool has none. */
static void put_spread(const struct compare *c, const struct compare_cell *cell,
		       const char *path, double unit, int digits, double *v,
		       struct layout_table *t)
{
	const json_t *one;
	size_t i, n = 0;

	for (i = 0; i < c->rounds; i++) {
		one = value(cell->record[i], path);
		if (json_is_number(one))
			v[n++] = json_number_value(one) / unit;
	}
	put_values(t, v, n, digits);
}

/* Median over the rounds of the ratio cell/base of one number; 0 = none. */
static double ratio_of(const struct compare *c, const struct compare_cell *base,
		       const struct compare_cell *cell, const char *path,
		       double *v)
{
	size_t i, n = 0;
	double from;

	for (i = 0; i < c->rounds; i++) {
		from = number(base->record[i], path);
		if (from > 0 && cell->record[i])
			v[n++] = number(cell->record[i], path) / from;
	}
	return n ? stats_summary(v, n).median : 0;
}

/* Both ends of the interval given by the two models of cache misses. */
static void put_vs_virtual(const struct compare *c,
			   const struct compare_cell *base,
			   const struct compare_cell *cell, double *v,
			   struct layout_table *t)
{
	double sum = ratio_of(c, base, cell, SYS_SUM, v);
	double ratio = ratio_of(c, base, cell, "time.sys_ns", v);

	if (sum > 0)
		layout_cell(t, "%.3f .. %.3f", ratio, sum);
	else
		layout_cell(t, "%.3f", ratio);
}

static void put_vs(const struct compare *c, const struct compare_cell *base,
		   const struct compare_cell *cell, double *v,
		   struct layout_table *t)
{
	double *w = v + c->rounds;
	struct stats_ratio r;
	size_t i, n = 0;

	if (base == cell) {
		layout_cell(t, "1");
		return;
	}
	if (c->virtual) {
		put_vs_virtual(c, base, cell, v, t);
		return;
	}
	for (i = 0; i < c->rounds; i++) {
		if (!base->record[i] || !cell->record[i])
			continue;
		v[n] = number(base->record[i], "time.sys_ns");
		w[n++] = number(cell->record[i], "time.sys_ns");
	}
	if (stats_ratio(v, w, n, &r))
		layout_cell(t, "-");
	else if (r.interval)
		layout_cell(t, "%.3f [%.3f, %.3f]", r.ratio, r.low, r.high);
	else
		layout_cell(t, "%.3f", r.ratio);
}

static void put_cell(const struct compare *c, const struct compare_cell *base,
		     const struct compare_cell *cell, double *v,
		     struct layout_table *t, size_t columns)
{
	static const char *const parts[] = { "time.sys_split_ns.codec",
					     "time.sys_split_ns.allocator",
					     "time.sys_split_ns.lock_wait",
					     "time.sys_split_ns.frontend" };
	const json_t *r = first_of(c, cell);
	double sys;
	size_t i;

	layout_cell(t, "%s", cell->backend);
	if (!r) {
		layout_cell(t, "failed");
		for (i = 2; i < columns; i++)
			layout_cell(t, "%s", "");
		return;
	}
	sys = median(c, cell, "time.sys_ns", v);
	put_spread(c, cell, "over_time.frag_ratio", 1, 2, v, t);
	put_spread(c, cell, "over_time.density", 1, 3, v, t);
	put_spread(c, cell, "over_time.footprint_bytes_max", 1 << 20, 2, v, t);
	layout_cell(t, "%.2f", sys / 1e6);
	if (c->virtual)
		layout_cell(t, "%.2f", median(c, cell, SYS_SUM, v) / 1e6);
	for (i = 0; i < 4; i++)
		layout_cell(t, "%.2f",
			    sys > 0 ? 100 * median(c, cell, parts[i], v) / sys
				    : 0);
	layout_cell(t, "%.2f",
		    median(c, cell, "latency_ns.store.p99", v) / 1e3);
	layout_cell(t, "%.2f", median(c, cell, "latency_ns.load.p99", v) / 1e3);
	put_vs(c, base, cell, v, t);
}

/* Space, time and the parts of the time, one row per backend. */
static int print_rows(const struct compare *c, const struct compare_cell *from,
		      const struct compare_cell *to, double *v,
		      const struct sheet *sheet)
{
	const char *heads[14] = { "\nbackend", "frag\nratio %", "\ndensity",
				  "footprint\nmax MiB", "sys\nms" };
	const struct compare_cell *cell;
	struct layout_table *t;
	size_t n = 5;
	char ratio[300];

	snprintf(ratio, sizeof(ratio), "sys, ratio to\n%s",
		 PLAIN(from->backend));
	if (c->virtual)
		heads[n++] = "to (sum)\nms";
	heads[n++] = "codec\n% sys";
	heads[n++] = "alloc\n% sys";
	heads[n++] = "lock\n% sys";
	heads[n++] = "front\n% sys";
	heads[n++] = "store\np99 us";
	heads[n++] = "load\np99 us";
	heads[n++] = ratio;
	t = layout_table(heads, n);
	for (cell = from; cell < to; cell++)
		put_cell(c, from, cell, v, t, n);
	return layout_table_print(t, sheet->out, sheet->width);
}

static int print_times(const struct compare *c, const struct compare_cell *from,
		       const struct compare_cell *to, double *v,
		       const struct sheet *sheet)
{
	static const char *const heads[] = { "",     "ms",     "MIN",	"MAX",
					     "MEAN", "MEDIAN", "STDDEV" };
	static const char *const names[] = { "real", "user", "sys" };
	static const char *const paths[] = { "time.real_ns", "time.user_ns",
					     "time.sys_ns" };
	struct layout_table *t = layout_table(heads, 7);
	const struct compare_cell *cell;
	struct stats_summary s;
	size_t i, n;

	for (cell = from; cell < to; cell++)
		for (i = 0; i < 3; i++) {
			n = collect(c, cell, paths[i], v);
			if (!n)
				continue;
			s = stats_summary(v, n);
			layout_cell(t, "%s", i ? "" : cell->backend);
			layout_cell(t, "%-4s", names[i]);
			layout_cell(t, "%.3f", s.min / 1e6);
			layout_cell(t, "%.3f", s.max / 1e6);
			layout_cell(t, "%.3f", s.mean / 1e6);
			layout_cell(t, "%.3f", s.median / 1e6);
			layout_cell(t, "%.3f", s.stddev / 1e6);
		}
	fputc('\n', sheet->out);
	return layout_table_print(t, sheet->out, sheet->width);
}

static const char *name_of(const json_t *lock)
{
	return json_string_value(json_object_get(lock, "name"));
}

/* One number of the lock class @name of a run; 0 if it was not taken. */
static double lock_number(const json_t *record, const char *name,
			  const char *what)
{
	const json_t *l;
	size_t i;

	json_array_foreach (json_object_get(record, "locks"), i, l)
		if (!strcmp(name_of(l), name))
			return number(l, what);
	return 0;
}

static void put_lock(const struct compare *c, const struct compare_cell *cell,
		     const char *name, double *v, struct layout_table *t)
{
	static const struct {
		const char *name;
		double unit;
		int digits;
	} columns[] = {
		{ "acquisitions", 1, 0 },
		{ "contentions", 1, 0 },
		{ "waittime_total_ns", 1e6, 3 },
		{ "waittime_max_ns", 1e3, 1 },
	};
	size_t i, k, n;

	layout_cell(t, "%s %s", cell->backend, name);
	for (k = 0; k < 4; k++) {
		for (i = n = 0; i < c->rounds; i++)
			if (cell->record[i])
				v[n++] = lock_number(cell->record[i], name,
						     columns[k].name) /
					 columns[k].unit;
		put_values(t, v, n, columns[k].digits);
	}
}

/* Whether a run before @round had contentions on it, so that it has a row. */
static bool has_row(const struct compare_cell *cell, size_t round,
		    const char *name)
{
	size_t i;

	for (i = 0; i < round; i++)
		if (lock_number(cell->record[i], name, "contentions") > 0)
			return true;
	return false;
}

static int print_locks(const struct compare *c, const struct compare_cell *from,
		       const struct compare_cell *to, double *v,
		       const struct sheet *sheet)
{
	static const char *const heads[] = { "lock class", "acquisitions",
					     "contentions", "wait ms",
					     "max us" };
	const struct compare_cell *cell;
	struct layout_table *t = NULL;
	const json_t *l;
	size_t i, round;

	for (cell = from; cell < to; cell++)
		for (round = 0; round < c->rounds; round++)
			json_array_foreach (json_object_get(cell->record[round],
							    "locks"),
					    i, l) {
				if (!number(l, "contentions") ||
				    has_row(cell, round, name_of(l)))
					continue;
				if (!t) {
					fputc('\n', sheet->out);
					t = layout_table(heads, 5);
				}
				put_lock(c, cell, name_of(l), v, t);
			}
	return t ? layout_table_print(t, sheet->out, sheet->width) : 0;
}

static void print_floor(const struct compare *c,
			const struct compare_cell *base, double *v, FILE *out)
{
	size_t n = collect(c, base, "time.sys_ns", v);
	double floor = stats_floor(v, n);

	if (floor > 0)
		fprintf(out,
			"A/A noise floor: two runs of %s differ by %.1f %% of "
			"sys; smaller differences say nothing.\n",
			PLAIN(base->backend), 100 * (floor - 1));
	if (n < STATS_MIN_PAIRS)
		fprintf(out,
			"%d runs or more give the ratio an interval "
			"(--runs %d).\n",
			STATS_MIN_PAIRS, STATS_MIN_PAIRS);
}

/* What the numbers in parentheses are, or that there are none. */
static void print_spread(const struct compare *c,
			 const struct compare_cell *from, FILE *out)
{
	if (c->virtual || from->threads < 2)
		return;
	if (c->rounds < 2)
		fprintf(out,
			"One interleaving of %u threads: frag ratio, density, "
			"footprint and locks depend on it; --runs 5 shows by "
			"how much.\n",
			from->threads);
	else
		fprintf(out,
			"In parentheses the least and the most of the %zu "
			"runs: with threads, pages and locks depend on how "
			"they interleave.\n",
			c->rounds);
}

static void print_load(const struct compare *c, FILE *out)
{
	char text[LOAD_NOTE];

	if (!c->virtual && load_note(c->others, load_cpus(), text))
		fprintf(out, "note: %s\n\n", text);
}

/* The spread between seeds is a property of the workload, not noise. */
static void print_seeds(const struct compare *c,
			const struct compare_cell *from,
			const struct compare_cell *to, double *v, FILE *out)
{
	const struct compare_cell *cell, *worst = from;
	double apart = 1, one;
	struct stats_summary s;
	size_t n;

	fprintf(out, "Virtual time repeats to the digit. sys and the ratio go "
		     "from misses that overlap to misses that add up.\n");
	for (cell = from; cell < to; cell++) {
		n = collect(c, cell, "time.sys_ns", v);
		s = stats_summary(v, n ? n : 1);
		one = n && s.min > 0 ? s.max / s.min : 1;
		if (one > apart) {
			apart = one;
			worst = cell;
		}
	}
	if (c->rounds > 1 && apart == 1)
		fprintf(out, "All seeds are the same run: with --think 0 there "
			     "is nothing to draw.\n");
	else if (c->rounds > 1)
		fprintf(out, "%zu seeds: sys %.2f %% apart at most (%s).\n",
			c->rounds, 100 * (apart - 1), PLAIN(worst->backend));
}

static void print_sensitivity(const struct compare *c,
			      const struct compare_cell *from,
			      const struct compare_cell *to,
			      const struct sheet *sheet)
{
	const json_t *records[to - from];
	const char *labels[to - from];
	size_t i, n = (size_t)(to - from);

	for (i = 0; i < n; i++) {
		records[i] = from[i].record[0];
		labels[i] = from[i].backend;
	}
	sensitivity_print(sheet->out, sheet->width, labels, records, n);
}

static void print_title(const struct compare *c,
			const struct compare_cell *cell, const json_t *r,
			FILE *out)
{
	const char *unit = c->virtual ? "virtual CPU" : "thread";
	const json_t *v = json_object_get(r, "virtual");
	size_t runs = runs_of(c, cell);

	fprintf(out, "%s, %s, %u %s%s, %zu %s%s", c->trace[cell->trace].text,
		json_string_value(json_object_get(r, "codec")), cell->threads,
		unit, cell->threads > 1 ? "s" : "", runs,
		c->virtual ? "seed" : "run", runs == 1 ? "" : "s");
	if (v)
		fprintf(out, ", %s %s, think %.0f ns before %.0f",
			json_string_value(json_object_get(v, "profile")),
			json_string_value(json_object_get(r, "topology")),
			number(v, "think_ns"), number(v, "burst"));
	if (json_is_true(json_object_get(r, "oversubscribed")))
		fprintf(out, ", OVERSUBSCRIBED");
	fprintf(out, "\n\n");
}

static void print_case(const struct compare *c, const struct compare_cell *from,
		       const struct compare_cell *to, double *v,
		       const struct sheet *sheet)
{
	const struct compare_cell *cell;
	const json_t *r = NULL;
	int bad;

	for (cell = from; cell < to && !r; cell++)
		r = first_of(c, cell);
	print_title(c, from, r, sheet->out);
	bad = print_rows(c, from, to, v, sheet);
	if (!c->virtual || c->rounds > 1)
		bad |= print_times(c, from, to, v, sheet);
	bad |= print_locks(c, from, to, v, sheet);
	if (bad)
		cli_failed("out of memory: the table is not complete");
	if (c->virtual)
		print_sensitivity(c, from, to, sheet);
	fputc('\n', sheet->out);
	if (c->virtual)
		print_seeds(c, from, to, v, sheet->out);
	else
		print_floor(c, from, v, sheet->out);
	print_spread(c, from, sheet->out);
	fputc('\n', sheet->out);
}

size_t compare_print(const struct compare *c, FILE *out, int width)
{
	const struct sheet sheet = { layout_open(out, width), width };
	double *v = malloc((2 * c->rounds + 1) * sizeof(*v));
	size_t from, to, i, printed = 0;
	bool any;

	for (from = 0; v && sheet.out && from < c->nr_cells; from = to) {
		any = false;
		for (to = from; to < c->nr_cells &&
				same_case(&c->cell[from], &c->cell[to]);
		     to++)
			for (i = 0; i < c->rounds; i++)
				any |= c->cell[to].record[i] != NULL;
		if (!any)
			continue;
		print_case(c, &c->cell[from], &c->cell[to], v, &sheet);
		printed++;
	}
	if (sheet.out && printed)
		print_load(c, sheet.out);
	if (sheet.out)
		(void)layout_close(sheet.out);
	free(v);
	return printed;
}
