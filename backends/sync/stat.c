// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lock classes, their counts and histograms.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "backends/sync/stat.h"

/* The counts of one CPU; written by that CPU alone. */
struct cpu_stat {
	struct class_stat {
		uint64_t con_bounces, acq_bounces;
		struct hist wait, hold;
	} class[SYNC_MAX_CLASSES];
	struct hist section;
};

static struct cpu_stat first;
static struct cpu_stat *stats[SYNC_MAX_CPUS] = { &first };

/* Class 0 means "not looked up yet" at a call site. */
static const char *class_name[SYNC_MAX_CLASSES];
static unsigned nr_classes = 1;
static pthread_mutex_t registry = PTHREAD_MUTEX_INITIALIZER;

/*
 * Of these megabytes a CPU touches only a few pages: most classes are never
 * waited for, and times fall into few buckets.
 */
int sync_stat_attach(unsigned cpu)
{
	const size_t len = sizeof(struct cpu_stat);
	struct cpu_stat *s;

	if (stats[cpu])
		return 0;
	s = mmap(NULL, len, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (s == MAP_FAILED)
		return -ENOMEM;
	madvise(s, len, MADV_NOHUGEPAGE);
	smp_store_release(&stats[cpu], s);
	return 0;
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
		/* The name may be in a shared object that is unloaded. */
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

static void count(uint64_t *at)
{
	WRITE_ONCE(*at, *at + 1);
}

void sync_stat_wait(unsigned cpu, unsigned class, uint64_t ns)
{
	hist_add(&stats[cpu]->class[class].wait, ns);
}

void sync_stat_hold(unsigned cpu, unsigned class, uint64_t ns)
{
	hist_add(&stats[cpu]->class[class].hold, ns);
}

void sync_stat_bounce(unsigned cpu, unsigned class, bool contended)
{
	struct class_stat *s = &stats[cpu]->class[class];

	count(&s->acq_bounces);
	if (contended)
		count(&s->con_bounces);
}

void sync_stat_section(unsigned cpu, uint64_t ns)
{
	hist_add(&stats[cpu]->section, ns);
}

static const struct cpu_stat *stat_of(unsigned cpu)
{
	return smp_load_acquire(&stats[cpu]);
}

static void merge(struct lock_stat *to, const struct class_stat *s)
{
	uint64_t waits = hist_get(&s->wait.count), min, max;
	uint64_t holds = hist_get(&s->hold.count);

	min = hist_get(&s->wait.min);
	max = hist_get(&s->wait.max);
	if (waits && (!to->contentions || min < to->waittime_min_ns))
		to->waittime_min_ns = min;
	if (max > to->waittime_max_ns)
		to->waittime_max_ns = max;
	min = hist_get(&s->hold.min);
	max = hist_get(&s->hold.max);
	if (holds && (!to->hold_samples || min < to->holdtime_min_ns))
		to->holdtime_min_ns = min;
	if (max > to->holdtime_max_ns)
		to->holdtime_max_ns = max;
	to->contentions += waits;
	to->con_bounces += READ_ONCE(s->con_bounces);
	to->acq_bounces += READ_ONCE(s->acq_bounces);
	to->waittime_total_ns += hist_get(&s->wait.sum);
	to->hold_samples += holds;
	to->holdtime_total_ns += hist_get(&s->hold.sum);
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
		s->acquisitions = sync_flavour_acquisitions(i);
		for (cpu = 0; cpu < SYNC_MAX_CPUS; cpu++)
			if (stat_of(cpu))
				merge(s, &stat_of(cpu)->class[i]);
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

bool lock_hists_read(const char *name, struct hist *wait, struct hist *hold)
{
	const char *have;
	unsigned i, cpu;

	*wait = *hold = (struct hist){ 0 };
	for (i = 1; (have = sync_class_name(i)); i++)
		if (!strcmp(have, name))
			break;
	for (cpu = 0; have && cpu < SYNC_MAX_CPUS; cpu++) {
		if (!stat_of(cpu))
			continue;
		hist_merge(wait, &stat_of(cpu)->class[i].wait);
		hist_merge(hold, &stat_of(cpu)->class[i].hold);
	}
	return have != NULL;
}

void atomic_section_read(struct hist *out)
{
	unsigned cpu;

	*out = (struct hist){ 0 };
	for (cpu = 0; cpu < SYNC_MAX_CPUS; cpu++)
		if (stat_of(cpu))
			hist_merge(out, &stat_of(cpu)->section);
}

static void reset(struct cpu_stat *s)
{
	unsigned i;

	for (i = 1; sync_class_name(i); i++) {
		s->class[i].con_bounces = s->class[i].acq_bounces = 0;
		hist_reset(&s->class[i].wait);
		hist_reset(&s->class[i].hold);
	}
	hist_reset(&s->section);
}

void lock_stats_reset(void)
{
	unsigned cpu;

	for (cpu = 0; cpu < SYNC_MAX_CPUS; cpu++)
		if (stats[cpu])
			reset(stats[cpu]);
	sync_flavour_reset();
}
