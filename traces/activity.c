// SPDX-License-Identifier: GPL-2.0-or-later
#include <Judy.h>
#include <errno.h>
#include <stdlib.h>

#include "traces/activity.h"

/* Longer runs are counted as this long in the quantiles. */
#define RUNS 65536
/* CPUs are below it; so are numbers of threads, the last one shared. */
#define LANES 65536

/* Runs by length, and the one at its end that is counted in full. */
struct tally {
	uint64_t of[RUNS + 1];
	uint64_t count, sum, max;
};

/*
 * A CPU, or what stands in for it.
 *
 * @first, @last: times of its earliest and its latest operation
 * @then: time of the operation before
 */
struct lane {
	uint64_t ops, first, last, then;
	uint64_t stores, loads, burst;
};

/*
 * @seen: the window in which each was seen last, from 1 on
 * @at: set of (window, which)
 */
struct windows {
	uint64_t seen[LANES];
	void *at;
};

/**
 * struct activity_pass - a trace being read
 * @numbers: number of each tid, from 1 on
 * @cpus: set of CPUs
 * @last_tid: tid that was looked up last
 * @last_number: its number, from 0 on
 */
struct activity_pass {
	struct lane lane[LANES];
	struct tally stores, loads, bursts;
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

static void end_run(struct tally *t, uint64_t *run)
{
	if (!*run)
		return;
	t->count++;
	t->sum += *run;
	t->of[*run < RUNS ? *run : RUNS]++;
	if (*run > t->max)
		t->max = *run;
	*run = 0;
}

static struct activity_runs sum_up(const struct tally *t)
{
	struct activity_runs runs = { .count = t->count, .max = t->max };

	if (!t->count)
		return runs;
	runs.mean = (double)t->sum / (double)t->count;
	runs.p50 = activity_quantile(t->of, RUNS + 1, t->count, 0.5);
	runs.p90 = activity_quantile(t->of, RUNS + 1, t->count, 0.9);
	return runs;
}

struct activity_pass *activity_begin(void)
{
	struct activity_pass *p = calloc(1, sizeof(*p));

	if (p)
		p->time_first = UINT64_MAX;
	return p;
}

/* Neighbours mostly agree; a look-up for each is slow. */
static int number_thread(struct activity_pass *p, uint32_t tid)
{
	PPvoid_t at;

	if (p->threads && tid == p->last_tid)
		return 0;
	/* An insertion wants memory even for what is there. */
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

static int see(struct windows *w, uint64_t window, uint32_t which)
{
	if (w->seen[which] == window)
		return 0;
	w->seen[which] = window;
	return Judy1Set(&w->at, window * LANES + which, PJE0) == JERR ? -ENOMEM
								      : 0;
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
		ret = see(&p->busy_cpus, window, b->cpu[i]);
	if (!ret && b->tid)
		ret = see(&p->busy_threads, window, p->last_number);
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

/* The mean time between two operations of a CPU, over all CPUs. */
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
	/* Rounded up: of operations at one time none is after a pause. */
	return gaps > 0 ? (uint64_t)(time / gaps) + 1 : 1;
}

static void add_to_burst(struct activity_pass *p, struct lane *lane,
			 uint64_t now, uint64_t pause)
{
	if (lane->burst && now > lane->then && now - lane->then > pause)
		end_run(&p->bursts, &lane->burst);
	lane->then = now;
	lane->burst++;
}

static int find_bursts(struct activity_pass *p, struct zlt_reader *r,
		       uint64_t pause, struct err *err)
{
	struct zlt_batch b;
	int ret = zlt_seek(r, 0, err);
	size_t i;

	while (!ret && (ret = zlt_next(r, &b, err)) == 1) {
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

static uint64_t sum_up_busy(struct windows *w, struct activity_busy *busy)
{
	Word_t at = 0, window = 0, n = 0, pairs = 0;
	int found = Judy1First(w->at, &at, PJE0);

	while (found) {
		if (!busy->windows || at / LANES != window) {
			busy->windows++;
			window = at / LANES;
			n = 0;
		}
		pairs++;
		if (++n > busy->max)
			busy->max = n;
		found = Judy1Next(w->at, &at, PJE0);
	}
	if (busy->windows)
		busy->mean = (double)pairs / (double)busy->windows;
	return pairs;
}

static void sum_up_time(struct activity_pass *p, struct activity *a)
{
	uint64_t cpus = sum_up_busy(&p->busy_cpus, &a->busy_cpus);
	uint64_t threads = sum_up_busy(&p->busy_threads, &a->busy_threads);
	uint64_t window = ACTIVITY_WINDOW_NS;

	a->duration_ns = p->time_last - p->time_first;
	if (!a->duration_ns)
		return;
	/* Nobody is busy for longer than the trace lasts. */
	if (window > a->duration_ns)
		window = a->duration_ns;
	a->rate = (double)p->ops * 1e9 / (double)a->duration_ns;
	if (cpus || threads)
		a->busy_rate = (double)p->ops * 1e9 /
			       ((double)window * (double)(cpus ?: threads));
}

int activity_end(struct activity_pass *p, struct zlt_reader *r,
		 struct activity *a, struct err *err)
{
	int ret = 0;
	size_t i;

	*a = (struct activity){
		.threads = p->threads,
		.cpus = Judy1Count(p->cpus, 0, -1, PJE0),
	};
	if (p->has_time) {
		sum_up_time(p, a);
		a->pause_ns = mean_gap(p);
		ret = find_bursts(p, r, a->pause_ns, err);
	}
	for (i = 0; i < LANES; i++) {
		end_run(&p->stores, &p->lane[i].stores);
		end_run(&p->loads, &p->lane[i].loads);
		end_run(&p->bursts, &p->lane[i].burst);
	}
	a->stores = sum_up(&p->stores);
	a->loads = sum_up(&p->loads);
	a->bursts = sum_up(&p->bursts);
	return ret;
}

void activity_free(struct activity_pass *p)
{
	if (!p)
		return;
	Judy1FreeArray(&p->busy_cpus.at, PJE0);
	Judy1FreeArray(&p->busy_threads.at, PJE0);
	Judy1FreeArray(&p->cpus, PJE0);
	JudyLFreeArray(&p->numbers, PJE0);
	free(p);
}
