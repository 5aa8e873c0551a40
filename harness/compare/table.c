// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "harness/compare/compare.h"
#include "harness/virtual/sensitivity.h"
#include "harness/measure/stats.h"

#define LABEL_MAX 40
#define SYS_SUM "virtual.sys_ns_sum"

/* A number in a record, by its path: "time.sys_split_ns.codec". */
static double number(const json_t *record, const char *path)
{
	char name[64];
	size_t len;

	while (record && *path) {
		len = strcspn(path, ".");
		snprintf(name, sizeof(name), "%.*s", (int)len, path);
		record = json_object_get(record, name);
		path += len + (path[len] == '.');
	}
	return json_number_value(record);
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

/* The values of a cell's runs in @v; return: how many. */
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

/* A ratio may be null: an empty pool has none. */
static void print_ratio(FILE *out, int width, const json_t *record,
			const char *object, const char *name, int digits)
{
	const json_t *v =
		json_object_get(json_object_get(record, object), name);

	if (json_is_number(v))
		fprintf(out, "%*.*f", width, digits, json_number_value(v));
	else
		fprintf(out, "%*s", width, "-");
}

/* Median over the rounds of cell against base, of one number; 0 = none. */
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

/* Both ends of the models' interval. */
static void print_vs_virtual(const struct compare *c,
			     const struct compare_cell *base,
			     const struct compare_cell *cell, double *v,
			     FILE *out)
{
	double sum = ratio_of(c, base, cell, SYS_SUM, v);

	fprintf(out, "   %.3f", ratio_of(c, base, cell, "time.sys_ns", v));
	if (sum > 0)
		fprintf(out, " .. %.3f", sum);
}

static void print_vs(const struct compare *c, const struct compare_cell *base,
		     const struct compare_cell *cell, double *v, FILE *out)
{
	double *w = v + c->rounds;
	struct stats_ratio r;
	size_t i, n = 0;

	if (base == cell) {
		fprintf(out, "   1");
		return;
	}
	if (c->virtual) {
		print_vs_virtual(c, base, cell, v, out);
		return;
	}
	for (i = 0; i < c->rounds; i++) {
		if (!base->record[i] || !cell->record[i])
			continue;
		v[n] = number(base->record[i], "time.sys_ns");
		w[n++] = number(cell->record[i], "time.sys_ns");
	}
	if (stats_ratio(v, w, n, &r))
		fprintf(out, "   -");
	else if (r.interval)
		fprintf(out, "   %.3f [%.3f, %.3f]", r.ratio, r.low, r.high);
	else
		fprintf(out, "   %.3f", r.ratio);
}

static void print_cell(const struct compare *c, const struct compare_cell *base,
		       const struct compare_cell *cell, int width, double *v,
		       FILE *out)
{
	static const char *const parts[] = { "time.sys_split_ns.codec",
					     "time.sys_split_ns.allocator",
					     "time.sys_split_ns.lock_wait",
					     "time.sys_split_ns.frontend" };
	const json_t *r = first_of(c, cell);
	double sys;
	size_t i;

	fprintf(out, "%-*.*s", width, width, cell->backend);
	if (!r) {
		fprintf(out, "  no result\n");
		return;
	}
	sys = median(c, cell, "time.sys_ns", v);
	print_ratio(out, 8, r, "over_time", "frag_ratio", 2);
	print_ratio(out, 9, r, "over_time", "density", 3);
	fprintf(out, "%11.2f",
		number(r, "over_time.footprint_bytes_max") / (1 << 20));
	fprintf(out, "%11.2f", sys / 1e6);
	if (c->virtual)
		fprintf(out, "%11.2f", median(c, cell, SYS_SUM, v) / 1e6);
	for (i = 0; i < 4; i++)
		fprintf(out, "%7.2f",
			sys > 0 ? 100 * median(c, cell, parts[i], v) / sys : 0);
	fprintf(out, "%10.2f",
		median(c, cell, "latency_ns.store.p99", v) / 1e3);
	fprintf(out, "%9.2f", median(c, cell, "latency_ns.load.p99", v) / 1e3);
	print_vs(c, base, cell, v, out);
	fputc('\n', out);
}

static void print_times(const struct compare *c,
			const struct compare_cell *from,
			const struct compare_cell *to, int width, double *v,
			FILE *out)
{
	static const char *const names[] = { "real", "user", "sys" };
	static const char *const paths[] = { "time.real_ns", "time.user_ns",
					     "time.sys_ns" };
	const struct compare_cell *cell;
	struct stats_summary s;
	size_t i, n;

	fprintf(out, "\n%-*s  ms %12s%12s%12s%12s%12s\n", width, "", "MIN",
		"MAX", "MEAN", "MEDIAN", "STDDEV");
	for (cell = from; cell < to; cell++)
		for (i = 0; i < 3; i++) {
			n = collect(c, cell, paths[i], v);
			if (!n)
				continue;
			s = stats_summary(v, n);
			fprintf(out,
				"%-*.*s  %-4s%11.3f%12.3f%12.3f%12.3f%12.3f\n",
				width, width, i ? "" : cell->backend, names[i],
				s.min / 1e6, s.max / 1e6, s.mean / 1e6,
				s.median / 1e6, s.stddev / 1e6);
		}
}

static void print_locks(const struct compare *c,
			const struct compare_cell *from,
			const struct compare_cell *to, int width, FILE *out)
{
	const struct compare_cell *cell;
	const json_t *l;
	bool head = false;
	size_t i;

	for (cell = from; cell < to; cell++)
		json_array_foreach (json_object_get(first_of(c, cell), "locks"),
				    i, l) {
			if (!number(l, "contentions"))
				continue;
			if (!head)
				fprintf(out, "\n%-*s  %-24s%14s%13s%12s%12s\n",
					width, "", "lock class", "acquisitions",
					"contentions", "wait ms", "max us");
			head = true;
			fprintf(out, "%-*.*s  %-24s%14.0f%13.0f%12.3f%12.1f\n",
				width, width, cell->backend,
				json_string_value(json_object_get(l, "name")),
				number(l, "acquisitions"),
				number(l, "contentions"),
				number(l, "waittime_total_ns") / 1e6,
				number(l, "waittime_max_ns") / 1e3);
		}
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
			base->backend, 100 * (floor - 1));
	if (n < STATS_MIN_PAIRS)
		fprintf(out,
			"%d runs or more give the ratio an interval "
			"(--runs %d).\n",
			STATS_MIN_PAIRS, STATS_MIN_PAIRS);
}

/* Seeds are not noise: how far they are apart belongs to the workload. */
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
			c->rounds, 100 * (apart - 1), worst->backend);
}

static void print_sensitivity(const struct compare *c,
			      const struct compare_cell *from,
			      const struct compare_cell *to, FILE *out)
{
	const json_t *records[to - from];
	const char *labels[to - from];
	size_t i, n = (size_t)(to - from);

	for (i = 0; i < n; i++) {
		records[i] = from[i].record[0];
		labels[i] = from[i].backend;
	}
	sensitivity_print(out, labels, records, n);
}

static void print_title(const struct compare *c,
			const struct compare_cell *cell, const json_t *r,
			FILE *out)
{
	const char *unit = c->virtual ? "virtual CPU" : "thread";
	const json_t *v = json_object_get(r, "virtual");
	size_t runs = runs_of(c, cell);

	fprintf(out, "%s, %s, %u %s%s, %zu %s%s",
		json_string_value(
			json_object_get(json_object_get(r, "trace"), "name")),
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

static void print_heads(const struct compare *c, const char *reference,
			int width, FILE *out)
{
	fprintf(out, "%-*s%8s%9s%11s%11s", width, "", "frag", "density",
		"footprint", "sys");
	if (c->virtual)
		fprintf(out, "%11s", "to (sum)");
	fprintf(out, "%28s%19s   %s\n", "of sys, %    ", "p99 us    ",
		"sys, ratio to");
	fprintf(out, "%-*s%8s%9s%11s%11s", width, "backend", "ratio %", "",
		"max MiB", "ms");
	if (c->virtual)
		fprintf(out, "%11s", "ms");
	fprintf(out, "%7s%7s%7s%7s%10s%9s   %s\n", "codec", "alloc", "lock",
		"front", "store", "load", reference);
}

static void print_case(const struct compare *c, const struct compare_cell *from,
		       const struct compare_cell *to, double *v, FILE *out)
{
	const struct compare_cell *cell;
	const json_t *r = NULL;
	int width = 8, len;

	for (cell = from; cell < to; cell++) {
		len = (int)strlen(cell->backend);
		if (len > width)
			width = len;
		if (!r)
			r = first_of(c, cell);
	}
	if (width > LABEL_MAX)
		width = LABEL_MAX;
	print_title(c, from, r, out);
	print_heads(c, from->backend, width, out);
	for (cell = from; cell < to; cell++)
		print_cell(c, from, cell, width, v, out);
	if (!c->virtual || c->rounds > 1)
		print_times(c, from, to, width, v, out);
	print_locks(c, from, to, width, out);
	if (c->virtual)
		print_sensitivity(c, from, to, out);
	fputc('\n', out);
	if (c->virtual)
		print_seeds(c, from, to, v, out);
	else
		print_floor(c, from, v, out);
	fputc('\n', out);
}

size_t compare_print(const struct compare *c, FILE *out)
{
	double *v = malloc((2 * c->rounds + 1) * sizeof(*v));
	size_t from, to, i, printed = 0;
	bool any;

	for (from = 0; v && from < c->nr_cells; from = to) {
		any = false;
		for (to = from; to < c->nr_cells &&
				same_case(&c->cell[from], &c->cell[to]);
		     to++)
			for (i = 0; i < c->rounds; i++)
				any |= c->cell[to].record[i] != NULL;
		if (!any)
			continue;
		print_case(c, &c->cell[from], &c->cell[to], v, out);
		printed++;
	}
	free(v);
	return printed;
}
