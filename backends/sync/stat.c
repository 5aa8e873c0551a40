// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lock classes, their counts and histograms.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/sync/stat.h"

static struct sync_class_stat stats[SYNC_MAX_CPUS][SYNC_MAX_CLASSES];
static struct sync_section_stat sections[SYNC_MAX_CPUS];
static unsigned cpus_seen = 1;

/* Class 0 means "not looked up yet" at a call site. */
static const char *class_name[SYNC_MAX_CLASSES];
static unsigned nr_classes = 1;
static pthread_mutex_t registry = PTHREAD_MUTEX_INITIALIZER;

void sync_stat_cpu_seen(unsigned cpu)
{
	pthread_mutex_lock(&registry);
	if (cpu >= cpus_seen)
		cpus_seen = cpu + 1;
	pthread_mutex_unlock(&registry);
}

unsigned sync_class_of(const char *name)
{
	unsigned i;

	if (*name == '&')
		name++;
	pthread_mutex_lock(&registry);
	for (i = 1; i < nr_classes; i++)
		if (!strcmp(class_name[i], name))
			break;
	if (i == nr_classes) {
		/* The name may lie in a shared object that goes away. */
		name = strdup(name);
		if (!name || nr_classes == SYNC_MAX_CLASSES) {
			fprintf(stderr, "zlab: more than %d lock classes\n",
				SYNC_MAX_CLASSES - 1);
			abort();
		}
		class_name[nr_classes++] = name;
	}
	pthread_mutex_unlock(&registry);
	return i;
}

const char *sync_class_name(unsigned class)
{
	const char *name = NULL;

	pthread_mutex_lock(&registry);
	if (class && class < nr_classes)
		name = class_name[class];
	pthread_mutex_unlock(&registry);
	return name;
}

unsigned lock_site_resolve(struct lock_site *site)
{
	unsigned class = sync_class_of(site->name);

	WRITE_ONCE(site->class, class);
	return class;
}

/* Four buckets an octave: a bucket is at most a quarter wider than its start. */
static unsigned hist_bucket(uint64_t ns)
{
	unsigned octave, bucket;

	if (ns < 4)
		return ns;
	octave = 63 - __builtin_clzll(ns);
	bucket = (octave - 1) * 4 + ((ns >> (octave - 2)) & 3);
	return bucket < SYNC_HIST_BUCKETS ? bucket : SYNC_HIST_BUCKETS - 1;
}

uint64_t sync_hist_bound(unsigned bucket)
{
	if (bucket < 4)
		return bucket;
	return (4ull + bucket % 4) << (bucket / 4 - 1);
}

uint64_t sync_hist_quantile(const struct sync_hist *h, double q)
{
	uint64_t n = 0, upto = 0;
	unsigned i;

	for (i = 0; i < SYNC_HIST_BUCKETS; i++)
		n += h->bucket[i];
	for (i = 0; i < SYNC_HIST_BUCKETS; i++) {
		upto += h->bucket[i];
		if (upto && (double)upto >= q * (double)n)
			return (sync_hist_bound(i) + sync_hist_bound(i + 1)) /
			       2;
	}
	return 0;
}

static void count(uint64_t *at, uint64_t by)
{
	WRITE_ONCE(*at, *at + by);
}

static void hist_count(struct sync_hist *h, uint64_t ns)
{
	uint32_t *at = &h->bucket[hist_bucket(ns)];

	WRITE_ONCE(*at, *at + 1);
}

static void extremes(uint64_t *min, uint64_t *max, uint64_t ns, bool first)
{
	if (first || ns < *min)
		WRITE_ONCE(*min, ns);
	if (ns > *max)
		WRITE_ONCE(*max, ns);
}

void sync_stat_wait(unsigned cpu, unsigned class, uint64_t ns)
{
	struct sync_class_stat *s = &stats[cpu][class];

	extremes(&s->wait_min, &s->wait_max, ns, !s->contentions);
	count(&s->contentions, 1);
	count(&s->wait_total, ns);
	hist_count(&s->wait, ns);
}

void sync_stat_hold(unsigned cpu, unsigned class, uint64_t ns)
{
	struct sync_class_stat *s = &stats[cpu][class];

	extremes(&s->hold_min, &s->hold_max, ns, !s->hold_samples);
	count(&s->hold_samples, 1);
	count(&s->hold_total, ns);
	hist_count(&s->hold, ns);
}

void sync_stat_bounce(unsigned cpu, unsigned class, bool contended)
{
	struct sync_class_stat *s = &stats[cpu][class];

	count(&s->acq_bounces, 1);
	if (contended)
		count(&s->con_bounces, 1);
}

void sync_stat_section(unsigned cpu, uint64_t ns)
{
	struct sync_section_stat *s = &sections[cpu];

	count(&s->samples, 1);
	count(&s->total, ns);
	if (ns > s->max)
		WRITE_ONCE(s->max, ns);
	hist_count(&s->hist, ns);
}

static void hist_add(struct sync_hist *to, const struct sync_hist *from)
{
	unsigned i;

	for (i = 0; i < SYNC_HIST_BUCKETS; i++)
		to->bucket[i] += READ_ONCE(from->bucket[i]);
}

static void merge(struct lock_stat *to, const struct sync_class_stat *s)
{
	uint64_t waits = READ_ONCE(s->contentions);
	uint64_t holds = READ_ONCE(s->hold_samples);
	uint64_t min;

	min = READ_ONCE(s->wait_min);
	if (waits && (!to->contentions || min < to->waittime_min_ns))
		to->waittime_min_ns = min;
	if (READ_ONCE(s->wait_max) > to->waittime_max_ns)
		to->waittime_max_ns = READ_ONCE(s->wait_max);
	min = READ_ONCE(s->hold_min);
	if (holds && (!to->hold_samples || min < to->holdtime_min_ns))
		to->holdtime_min_ns = min;
	if (READ_ONCE(s->hold_max) > to->holdtime_max_ns)
		to->holdtime_max_ns = READ_ONCE(s->hold_max);
	to->contentions += waits;
	to->con_bounces += READ_ONCE(s->con_bounces);
	to->acq_bounces += READ_ONCE(s->acq_bounces);
	to->waittime_total_ns += READ_ONCE(s->wait_total);
	to->hold_samples += holds;
	to->holdtime_total_ns += READ_ONCE(s->hold_total);
	hist_add(&to->wait, &s->wait);
	hist_add(&to->hold, &s->hold);
}

static int by_wait(const void *a, const void *b)
{
	const struct lock_stat *x = a, *y = b;

	if (x->waittime_total_ns != y->waittime_total_ns)
		return x->waittime_total_ns < y->waittime_total_ns ? 1 : -1;
	return strcmp(x->name, y->name);
}

size_t lock_stats_read(struct lock_stat *out, size_t max)
{
	struct lock_stat *s;
	size_t n = 0;
	unsigned i, cpu;
	const char *name;

	for (i = 1; n < max && (name = sync_class_name(i)); i++) {
		s = &out[n];
		memset(s, 0, sizeof(*s));
		s->name = name;
		for (cpu = 0; cpu < cpus_seen; cpu++) {
			s->acquisitions += sync_flavour_acquisitions(cpu, i);
			merge(s, &stats[cpu][i]);
		}
		if (!s->acquisitions)
			continue;
		if (s->hold_samples)
			s->holdtime_total_ns =
				(uint64_t)((double)s->holdtime_total_ns *
						   (double)s->acquisitions /
						   (double)s->hold_samples +
					   0.5);
		n++;
	}
	qsort(out, n, sizeof(*out), by_wait);
	return n;
}

void atomic_section_read(struct atomic_section *out)
{
	unsigned cpu;

	memset(out, 0, sizeof(*out));
	for (cpu = 0; cpu < cpus_seen; cpu++) {
		struct sync_section_stat *s = &sections[cpu];

		out->samples += READ_ONCE(s->samples);
		out->sampled_ns += READ_ONCE(s->total);
		if (READ_ONCE(s->max) > out->max_ns)
			out->max_ns = READ_ONCE(s->max);
		hist_add(&out->hist, &s->hist);
	}
}

void lock_stats_reset(void)
{
	unsigned cpu;

	for (cpu = 0; cpu < cpus_seen; cpu++) {
		memset(stats[cpu], 0, sizeof(stats[cpu]));
		memset(&sections[cpu], 0, sizeof(sections[cpu]));
		sync_flavour_reset(cpu);
	}
}
