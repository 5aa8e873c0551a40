// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two passes over the events: the first counts runs of stores and loads and the
 * CPUs busy in each window; the second counts bursts, which need the mean gap
 * between operations that the first has found.
 */
#include <Judy.h>
#include <errno.h>
#include <stdlib.h>

#include "traces/activity.h"

/* Longer runs count as this long in the quantiles. */
#define RUN_LENGTH_MAX 65536
/* More than the largest CPU number; threads above it share the last lane. */
#define LANES 65536

/*
 * Lengths of the runs that have ended.
 *
 * @of: number of runs by length, at most RUN_LENGTH_MAX
 * @count, @sum, @max: number of runs, and sum and maximum of their full lengths
 */
struct run_lengths {
	uint64_t of[RUN_LENGTH_MAX + 1];
	uint64_t count, sum, max;
};

/*
 * The operations of one CPU, or of one thread in a trace without CPUs.
 *
 * @first, @last: times of its earliest and its latest operation
 * @previous: time of the previous operation
 * @stores, @loads, @burst: lengths of the runs that have not ended yet
 */
struct lane {
	uint64_t ops, first, last, previous;
	uint64_t stores, loads, burst;
};

/*
 * Times are not in order, so windows are kept until they are this many behind
 * the latest one (ten minutes), and longer while there are few of them.
 */
#define WINDOWS_BEHIND 60000
#define PAIRS_KEPT (1u << 18)

/*
 * The windows in which each CPU (or thread) was busy.
 *
 * @latest: the latest window of each, counted from 1
 * @busy: Judy set of (window, CPU) pairs
 * @last: the latest window of all
 * @tallied: windows up to this one are in @tally and no longer in @busy; an
 *	     event that is later still does not count
 * @kept: pairs in @busy
 * @pairs: pairs in @tally
 */
struct windows {
	uint64_t latest[LANES];
	void *busy;
	uint64_t last, tallied, kept, pairs;
	struct activity_busy tally;
};

/**
 * struct activity_pass - a trace being read
 * @numbers: Judy map from tid to a dense number, counted from 1
 * @cpus: Judy set of CPUs
 * @last_tid: the tid looked up last
 * @last_number: its number, counted from 0
 */
struct activity_pass {
	struct lane lane[LANES];
	struct run_lengths stores, loads, bursts;
	struct windows busy_cpus, busy_threads;
	void *numbers, *cpus;
	uint64_t threads;
	uint32_t last_tid, last_number;
	uint64_t ops, time_first, time_last;
	bool has_time;
};

uint64_t activity_quantile(const uint64_t *count_of, size_t values,
			   uint64_t total, double share)
{
	double want = share * (double)total;
	uint64_t sum = 0;
	size_t v;

	for (v = 0; v < values; v++) {
		sum += count_of[v];
		if (sum && (double)sum >= want)
			return v;
	}
	return 0;
}

static void end_run(struct run_lengths *l, uint64_t *run)
{
	if (!*run)
		return;
	l->count++;
	l->sum += *run;
	l->of[*run < RUN_LENGTH_MAX ? *run : RUN_LENGTH_MAX]++;
	if (*run > l->max)
		l->max = *run;
	*run = 0;
}

static struct activity_runs summarize_runs(const struct run_lengths *l)
{
	struct activity_runs runs = { .count = l->count, .max = l->max };

	if (!l->count)
		return runs;
	runs.mean = (double)l->sum / (double)l->count;
	runs.p50 = activity_quantile(l->of, RUN_LENGTH_MAX + 1, l->count, 0.5);
	runs.p90 = activity_quantile(l->of, RUN_LENGTH_MAX + 1, l->count, 0.9);
	return runs;
}

struct activity_pass *activity_begin(void)
{
	struct activity_pass *p = calloc(1, sizeof(*p));

	if (p)
		p->time_first = UINT64_MAX;
	return p;
}

/*
 * Give a tid its dense number. Consecutive events mostly have the same tid, and
 * a lookup for each would be slow.
 */
static int number_thread(struct activity_pass *p, uint32_t tid)
{
	PPvoid_t at;

	if (p->threads && tid == p->last_tid)
		return 0;
	/* JudyLIns() may need memory even for an index that exists. */
	at = JudyLGet(p->numbers, tid, PJE0);
	if (!at)
		at = JudyLIns(&p->numbers, tid, PJE0);
	if (at == PPJERR)
		return -ENOMEM;
	if (!*(Word_t *)at)
		*(Word_t *)at = ++p->threads;
	p->last_tid = tid;
	p->last_number = (uint32_t)(*(Word_t *)at - 1);
	if (p->last_number >= LANES)
		p->last_number = LANES - 1;
	return 0;
}

/* Add up the windows before @end. With @forget they leave the set, too. */
static int tally(struct windows *w, uint64_t end, bool forget)
{
	Word_t at = 0, window = 0, n = 0;
	int found = Judy1First(w->busy, &at, PJE0);

	while (found && at / LANES < end) {
		if (!n || at / LANES != window) {
			w->tally.windows++;
			window = at / LANES;
			n = 0;
		}
		w->pairs++;
		w->kept--;
		if (++n > w->tally.max)
			w->tally.max = n;
		if (forget && Judy1Unset(&w->busy, at, PJE0) == JERR)
			return -ENOMEM;
		found = Judy1Next(w->busy, &at, PJE0);
	}
	w->tallied = end - 1;
	return 0;
}

/* Record that @lane was busy in a window. */
static int mark_busy(struct windows *w, uint64_t window, uint32_t lane)
{
	int set;

	if (w->latest[lane] == window || window <= w->tallied)
		return 0;
	w->latest[lane] = window;
	set = Judy1Set(&w->busy, window * LANES + lane, PJE0);
	if (set == JERR)
		return -ENOMEM;
	w->kept += (uint64_t)set;
	if (window <= w->last)
		return 0;
	w->last = window;
	if (w->kept <= PAIRS_KEPT || window <= w->tallied + 2 * WINDOWS_BEHIND)
		return 0;
	return tally(w, window - WINDOWS_BEHIND, true);
}

static struct lane *lane_of(struct activity_pass *p, const struct zlt_batch *b,
			    size_t i)
{
	if (b->cpu)
		return &p->lane[b->cpu[i]];
	return &p->lane[b->tid ? p->last_number : 0];
}

static int add_time(struct activity_pass *p, const struct zlt_batch *b,
		    size_t i, struct lane *lane)
{
	uint64_t now = b->time_ns[i], window = 1 + now / ACTIVITY_WINDOW_NS;
	int ret = 0;

	if (!lane->ops || now < lane->first)
		lane->first = now;
	if (!lane->ops || now > lane->last)
		lane->last = now;
	if (b->cpu)
		ret = mark_busy(&p->busy_cpus, window, b->cpu[i]);
	if (!ret && b->tid)
		ret = mark_busy(&p->busy_threads, window, p->last_number);
	return ret;
}

static int add_event(struct activity_pass *p, const struct zlt_batch *b,
		     size_t i)
{
	struct lane *lane;
	int ret = 0;

	if (b->tid && number_thread(p, b->tid[i]))
		return -ENOMEM;
	if (b->cpu && (!i || b->cpu[i] != b->cpu[i - 1]) &&
	    Judy1Set(&p->cpus, b->cpu[i], PJE0) == JERR)
		return -ENOMEM;
	if (b->time_ns && b->time_ns[i] < p->time_first)
		p->time_first = b->time_ns[i];
	if (b->time_ns && b->time_ns[i] > p->time_last)
		p->time_last = b->time_ns[i];
	if (b->op[i] > ZLT_INVALIDATE)
		return 0;
	lane = lane_of(p, b, i);
	if (b->time_ns)
		ret = add_time(p, b, i, lane);
	p->ops++;
	lane->ops++;
	if (b->op[i] == ZLT_STORE)
		lane->stores++;
	else
		end_run(&p->stores, &lane->stores);
	if (b->op[i] == ZLT_LOAD)
		lane->loads++;
	else
		end_run(&p->loads, &lane->loads);
	return ret;
}

int activity_add(struct activity_pass *p, const struct zlt_batch *b)
{
	int ret = 0;
	size_t i;

	p->has_time = b->time_ns;
	for (i = 0; !ret && i < b->count; i++)
		ret = add_event(p, b, i);
	return ret;
}

/* The mean time between two operations of the same CPU, over all CPUs. */
static uint64_t mean_gap(const struct activity_pass *p)
{
	double time = 0, gaps = 0;
	size_t i;

	for (i = 0; i < LANES; i++) {
		if (p->lane[i].ops < 2)
			continue;
		time += (double)(p->lane[i].last - p->lane[i].first);
		gaps += (double)(p->lane[i].ops - 1);
	}
	/* Rounded up, so that equal times never have a pause between them. */
	return gaps > 0 ? (uint64_t)(time / gaps) + 1 : 1;
}

static void add_to_burst(struct activity_pass *p, struct lane *lane,
			 uint64_t now, uint64_t pause)
{
	if (lane->burst && now > lane->previous && now - lane->previous > pause)
		end_run(&p->bursts, &lane->burst);
	lane->previous = now;
	lane->burst++;
}

static int find_bursts(struct activity_pass *p, struct source *s,
		       uint64_t pause, struct err *err)
{
	struct zlt_batch b;
	int ret = source_rewind(s, err);
	size_t i;

	while (!ret && (ret = source_next(s, &b, err)) == 1) {
		ret = 0;
		for (i = 0; !ret && i < b.count; i++) {
			if (b.tid)
				ret = number_thread(p, b.tid[i]);
			if (!ret && b.op[i] <= ZLT_INVALIDATE)
				add_to_burst(p, lane_of(p, &b, i), b.time_ns[i],
					     pause);
		}
	}
	return ret;
}

/* Return: the number of (window, CPU) pairs. */
static uint64_t summarize_busy(struct windows *w, struct activity_busy *busy)
{
	tally(w, UINT64_MAX, false);
	*busy = w->tally;
	if (busy->windows)
		busy->mean = (double)w->pairs / (double)busy->windows;
	return w->pairs;
}

static void summarize_time(struct activity_pass *p, struct activity *a)
{
	uint64_t cpus = summarize_busy(&p->busy_cpus, &a->busy_cpus);
	uint64_t threads = summarize_busy(&p->busy_threads, &a->busy_threads);
	uint64_t window = ACTIVITY_WINDOW_NS;

	a->duration_ns = p->time_last - p->time_first;
	if (!a->duration_ns)
		return;
	/* A CPU is not busy for longer than the trace lasts. */
	if (window > a->duration_ns)
		window = a->duration_ns;
	a->rate = (double)p->ops * 1e9 / (double)a->duration_ns;
	if (cpus || threads)
		a->busy_rate = (double)p->ops * 1e9 /
			       ((double)window * (double)(cpus ?: threads));
}

int activity_end(struct activity_pass *p, struct source *s, struct activity *a,
		 struct err *err)
{
	int ret = 0;
	size_t i;

	*a = (struct activity){
		.threads = p->threads,
		.cpus = Judy1Count(p->cpus, 0, -1, PJE0),
	};
	if (p->has_time) {
		summarize_time(p, a);
		a->pause_ns = mean_gap(p);
		ret = find_bursts(p, s, a->pause_ns, err);
	}
	for (i = 0; i < LANES; i++) {
		end_run(&p->stores, &p->lane[i].stores);
		end_run(&p->loads, &p->lane[i].loads);
		end_run(&p->bursts, &p->lane[i].burst);
	}
	a->stores = summarize_runs(&p->stores);
	a->loads = summarize_runs(&p->loads);
	a->bursts = summarize_runs(&p->bursts);
	return ret;
}

void activity_free(struct activity_pass *p)
{
	if (!p)
		return;
	Judy1FreeArray(&p->busy_cpus.busy, PJE0);
	Judy1FreeArray(&p->busy_threads.busy, PJE0);
	Judy1FreeArray(&p->cpus, PJE0);
	JudyLFreeArray(&p->numbers, PJE0);
	free(p);
}
