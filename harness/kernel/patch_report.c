// SPDX-License-Identifier: GPL-2.0-or-later
/* The text of a patch test. */
#include <stdlib.h>
#include <string.h>

#include "harness/kernel/patch_report.h"
#include "harness/measure/load.h"
#include "lib/text.h"
#include "version.h"

#define RESAMPLES 4000
#define WIDTH_NAME 34

void patch_report_head(FILE *out, const struct shim_object obj[2],
		       const char *file,
		       const struct placement_result *verified)
{
	int i;

	fprintf(out, "zlab %s, %s, %s\n", ZLAB_VERSION, PLAIN(file),
		PLAIN(obj[0].settings));
	for (i = 0; i < 2; i++)
		fprintf(out, "  %s %.16s  %.54s\n", i ? "head" : "base",
			obj[i].sha256, PLAIN(obj[i].git));
	if (!verified)
		return;
	fprintf(out,
		"  contents verified: %lu reads of objects, 0 changed, with "
		"compaction and\n  page migration\n",
		(unsigned long)verified->compared[PLACEMENT_CONTENTS]);
}

static void change(FILE *out, double a, double b)
{
	if (a == b)
		fprintf(out, "%10s\n", "=");
	else if (a != 0)
		fprintf(out, "%+9.2f%%\n", 100 * (b - a) / a);
	else
		fprintf(out, "%10s\n", "new");
}

/* Print a row, unless the value is missing on both sides. */
static void row(FILE *out, const char *name, double a, double b, int digits)
{
	if (a == 0 && b == 0)
		return;
	fprintf(out, "  %-*.*s %13.*f %13.*f ", WIDTH_NAME, WIDTH_NAME, name,
		digits, a, digits, b);
	change(out, a, b);
}

static json_t *get(const struct patch_result *r, int side, const char *a,
		   const char *b)
{
	json_t *v = json_object_get(r->record[side], a);

	return b ? json_object_get(v, b) : v;
}

static void record_row(FILE *out, const struct patch_result *r,
		       const char *name, const char *a, const char *b,
		       int digits)
{
	row(out, name, json_number_value(get(r, 0, a, b)),
	    json_number_value(get(r, 1, a, b)), digits);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double *v, int n)
{
	double sorted[PATCH_MAX_RUNS];

	memcpy(sorted, v, (size_t)n * sizeof(*v));
	qsort(sorted, (size_t)n, sizeof(*sorted), by_value);
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

/*
 * Ratio of head to base over adjacent runs: the median, and the interval that
 * contains the median of 95 % of the resampled sets of runs.
 */
static void ratio(const struct patch_result *r, double *mid, double *low,
		  double *high)
{
	static double mids[RESAMPLES];
	double ratios[PATCH_MAX_RUNS], sample[PATCH_MAX_RUNS];
	uint64_t rng = 1;
	int i, k;

	for (i = 0; i < r->runs; i++)
		ratios[i] = r->ns[1][i] / r->ns[0][i];
	for (k = 0; k < RESAMPLES; k++) {
		for (i = 0; i < r->runs; i++) {
			rng = rng * 6364136223846793005ull +
			      1442695040888963407ull;
			sample[i] = ratios[(rng >> 33) % (unsigned)r->runs];
		}
		mids[k] = median(sample, r->runs);
	}
	qsort(mids, RESAMPLES, sizeof(mids[0]), by_value);
	*mid = median(ratios, r->runs);
	*low = mids[RESAMPLES / 40];
	*high = mids[RESAMPLES - RESAMPLES / 40];
}

static double lock_value(json_t *locks, const char *name, const char *what)
{
	json_t *l;
	size_t i;

	json_array_foreach (locks, i, l)
		if (!strcmp(json_string_value(json_object_get(l, "name")),
			    name))
			return json_number_value(json_object_get(l, what));
	return 0;
}

/* Print one line for each lock class of either side. */
static void lock_table(FILE *out, const struct patch_plan *plan,
		       const struct patch_result *r, const char *what,
		       const char *title)
{
	json_t *locks[2] = { get(r, 0, "locks", NULL),
			     get(r, 1, "locks", NULL) };
	json_t *l;
	size_t i;
	int side;

	fprintf(out, "  %s\n", title);
	for (side = 0; side < 2; side++)
		json_array_foreach (locks[side], i, l) {
			const char *name =
				json_string_value(json_object_get(l, "name"));
			char label[64];
			double a = lock_value(locks[0], name, what);
			double b = lock_value(locks[1], name, what);

			if ((side &&
			     lock_value(locks[0], name, "acquisitions") > 0) ||
			    (a == 0 && b == 0))
				continue;
			snprintf(label, sizeof(label), "  %s", PLAIN(name));
			row(out, label, a, b, 0);
		}
}

void patch_report_trace(FILE *out, const struct patch_plan *plan,
			const struct patch_result *r)
{
	const struct placement_result *p = &r->places;
	double mid, low, high;
	char of[24], text[LOAD_NOTE];
	uint64_t places =
		p->compared[PLACEMENT_SLOTS] + p->compared[PLACEMENT_MOVED] / 2;
	uint64_t moved = p->differences[PLACEMENT_SLOTS] +
			 p->differences[PLACEMENT_MOVED] / 2;

	fprintf(out, "\n%s: %lu events, codec %s, %lld thread%s\n",
		PLAIN(r->trace), (unsigned long)r->events, PLAIN(r->codec),
		plan->threads, plan->threads == 1 ? "" : "s");
	fprintf(out, "  %-*s %13s %13s %10s\n", WIDTH_NAME, "", "base", "head",
		"change");
	record_row(out, r, "frag ratio, mean over time", "over_time",
		   "frag_ratio", 2);
	record_row(out, r, "frag ratio, at the end, compacted", "frag_ratio",
		   NULL, 2);
	record_row(out, r, "pages, at the end, compacted", "pool_pages", NULL,
		   0);
	record_row(out, r, "pages, most", "pool_pages_peak", NULL, 0);
	record_row(out, r, "pages that compaction freed", "counts",
		   "compacted_pages", 0);
	record_row(out, r, "metadata, bytes at the end", "metadata_bytes", NULL,
		   0);
	if (r->ir[0] > 0 && r->ir[1] > 0)
		row(out, "instructions per event, its code", r->ir[0], r->ir[1],
		    2);
	snprintf(of, sizeof(of), "of %lu", (unsigned long)places);
	if (places)
		fprintf(out, "  %-*s %13lu %13s %9.2f%%\n", WIDTH_NAME,
			"objects placed elsewhere", (unsigned long)moved, of,
			100 * (double)moved / (double)places);
	lock_table(out, plan, r, "acquisitions", "lock acquisitions");
	if (plan->threads > 1) {
		lock_table(out, plan, r, "contentions", "contentions");
		lock_table(out, plan, r, "waittime_total_ns",
			   "time waited, ns");
	}
	if (r->runs > 1) {
		ratio(r, &mid, &low, &high);
		fprintf(out,
			"  allocator time, %d interleaved runs: ratio %.3f "
			"[%.3f, %.3f]\n  (median %.1f and %.1f ns per event; "
			"the time advises, the rest repeats)\n",
			r->runs, mid, low, high,
			median(r->ns[0], r->runs) / (double)r->events,
			median(r->ns[1], r->runs) / (double)r->events);
	}
	if (load_note(r->others, load_cpus(), text))
		fprintf(out, "  %s\n", text);
	if (!r->repeats)
		fprintf(out, "  counts varied between runs%s\n",
			plan->threads > 1 ? ", as they may with threads"
					  : "; this is a fault");
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void result_row(FILE *out, const struct patch_found *found,
		       const char *name, const char *key)
{
	row(out, name,
	    json_number_value(json_object_get(found->result[0], key)),
	    json_number_value(json_object_get(found->result[1], key)), 0);
}

static void known_row(FILE *out, const struct patch_found *found)
{
	size_t nr[2];
	int i;

	for (i = 0; i < 2; i++)
		nr[i] = json_array_size(
			json_object_get(found->result[i], "known"));
	row(out, "known races, no findings", (double)nr[0], (double)nr[1], 0);
}

void patch_report_found(FILE *out, const struct patch_search *s,
			const struct patch_found *found)
{
	static const char *const words[] = { "new", "mended", "both" };
	const struct patch_finding *p;
	uint64_t times;
	size_t i;

	fprintf(out, "\nexplored: %lld schedule%s of each side, seed %d\n",
		s->schedules, plural((uint64_t)s->schedules),
		PATCH_EXPLORE_SEED);
	fprintf(out, "  %-*s %13s %13s %10s\n", WIDTH_NAME, "", "base", "head",
		"change");
	result_row(out, found, "programs", "programs");
	result_row(out, found, "points at which CPUs can switch", "points");
	known_row(out, found);
	for (i = 0; i < found->nr; i++) {
		p = &found->at[i];
		times = p->times[p->json[1] ? 1 : 0];
		fprintf(out, "  %-6s %3u  %s: %s, %llu time%s\n",
			words[p->side], p->number, PLAIN(p->kind),
			PLAIN(p->name), (unsigned long long)times,
			plural(times));
	}
	fprintf(out, "  %zu new, %zu mended, %zu in both\n",
		found->count[PATCH_ADDED], found->count[PATCH_MENDED],
		found->count[PATCH_BOTH]);
	if (s->dir && found->nr)
		fprintf(out,
			"  stories: %s/N.txt, and N.json for \"zlab "
			"explore --replay\"\n",
			PLAIN(s->dir));
}
