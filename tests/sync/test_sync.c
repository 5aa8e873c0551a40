// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the locks count. No test asserts a time; what can be said of times is
 * that they are there, in order, and add up.
 */
#include <pthread.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "backends/sync.h"
#include "backends/sync/clock.h"
#include "backends/sync/stat.h"
#include "tests/lib/random.h"

#define THREADS 4
#define ROUNDS 20000

static struct lock_stat stats[SYNC_MAX_CLASSES];
static size_t nr_stats;

static const struct lock_stat *stat_of(const char *name)
{
	size_t i;

	nr_stats = lock_stats_read(stats, SYNC_MAX_CLASSES);
	for (i = 0; i < nr_stats; i++)
		if (!strcmp(stats[i].name, name))
			return &stats[i];
	return NULL;
}

static uint64_t hist_sum(const struct hist *h)
{
	uint64_t n = 0;
	unsigned i;

	for (i = 0; i < HIST_SIZE; i++)
		n += h->n[i];
	return n;
}

static int reset(void **state)
{
	lock_stats_detail(false);
	lock_stats_reset();
	return 0;
}

struct zone {
	spinlock_t lock;
	rwlock_t rw;
	struct rw_semaphore sem;
	unsigned long word;
};

static struct zone zone;

static void classes(void **state)
{
	struct zone *class = &zone, *other = &zone;
	const struct lock_stat *s;
	int i;

	spin_lock_init(&zone.lock);
	rwlock_init(&zone.rw);
	init_rwsem(&zone.sem);
	for (i = 0; i < 10; i++) {
		spin_lock(&class->lock);
		spin_unlock(&class->lock);
		spin_lock(&other->lock);
		spin_unlock(&other->lock);
		if (spin_trylock(&class->lock))
			spin_unlock(&class->lock);
		read_lock(&class->rw);
		read_unlock(&class->rw);
		write_lock(&class->rw);
		if (read_trylock(&class->rw))
			fail();
		write_unlock(&class->rw);
		down_read(&class->sem);
		up_read(&class->sem);
		down_write(&class->sem);
		up_write(&class->sem);
		bit_spin_lock(3, &class->word);
		bit_spin_unlock(3, &class->word);
	}
	/* The name is the macro's argument without its "&". */
	s = stat_of("class->lock");
	assert_non_null(s);
	assert_int_equal(s->acquisitions, 20);
	assert_int_equal(s->contentions, 0);
	assert_int_equal(s->waittime_total_ns, 0);
	assert_int_equal(stat_of("other->lock")->acquisitions, 10);
	assert_int_equal(stat_of("class->rw-R")->acquisitions, 10);
	assert_int_equal(stat_of("class->rw-W")->acquisitions, 10);
	assert_int_equal(stat_of("class->sem-R")->acquisitions, 10);
	assert_int_equal(stat_of("class->sem-W")->acquisitions, 10);
	assert_int_equal(stat_of("class->word")->acquisitions, 10);
	lock_stats_reset();
	assert_null(stat_of("class->lock"));
}

static void *locker(void *arg)
{
	int i;

	sync_cpu_attach();
	for (i = 0; i < ROUNDS; i++) {
		spin_lock(&zone.lock);
		read_lock(&zone.rw);
		read_unlock(&zone.rw);
		spin_unlock(&zone.lock);
	}
	sync_cpu_detach();
	return NULL;
}

static void together(void *(*fn)(void *), int n)
{
	pthread_t t[THREADS];
	long i;

	for (i = 0; i < n; i++)
		assert_int_equal(pthread_create(&t[i], NULL, fn, (void *)i), 0);
	for (i = 0; i < n; i++)
		pthread_join(t[i], NULL);
}

/* Exact over any number of CPUs, and consistent with each other. */
static void many_cpus(void **state)
{
	static struct hist wait, hold, sections;
	const struct lock_stat *s;

	spin_lock_init(&zone.lock);
	rwlock_init(&zone.rw);
	together(locker, THREADS);
	s = stat_of("zone.lock");
	assert_int_equal(s->acquisitions, THREADS * ROUNDS);
	assert_true(lock_hists_read("zone.lock", &wait, &hold));
	assert_int_equal(hist_sum(&wait), s->contentions);
	assert_int_equal(hist_sum(&hold), s->hold_samples);
	assert_int_equal(wait.sum, s->waittime_total_ns);
	assert_int_equal(hold.max, s->holdtime_max_ns);
	assert_false(lock_hists_read("no such class", &wait, &hold));
	assert_int_equal(hist_sum(&wait), 0);
	assert_true(s->hold_samples > 0);
	assert_true(s->hold_samples < s->acquisitions / 10);
	assert_true(s->holdtime_min_ns <= s->holdtime_max_ns);
	/* Every class of a timed section is timed. */
	assert_int_equal(stat_of("zone.rw-R")->hold_samples,
			 stat_of("zone.lock")->hold_samples);
	atomic_section_read(&sections);
	assert_int_equal(sections.count, stat_of("zone.lock")->hold_samples);
	assert_int_equal(hist_sum(&sections), sections.count);
}

static atomic_t stage;

static void *waiter(void *arg)
{
	uint64_t before;

	sync_cpu_attach();
	before = lock_wait_ns();
	atomic_set(&stage, 1);
	spin_lock(&zone.lock);
	spin_unlock(&zone.lock);
	assert_true(lock_wait_ns() > before);
	sync_cpu_detach();
	return NULL;
}

/* A wait that must happen is counted, once, and its CPU knows its time. */
static void one_wait(void **state)
{
	const struct lock_stat *s;
	pthread_t t;

	lock_stats_detail(true);
	spin_lock_init(&zone.lock);
	atomic_set(&stage, 0);
	spin_lock(&zone.lock);
	assert_int_equal(pthread_create(&t, NULL, waiter, NULL), 0);
	while (!spin_is_contended(&zone.lock) || !atomic_read(&stage))
		sched_yield();
	spin_unlock(&zone.lock);
	pthread_join(t, NULL);
	s = stat_of("zone.lock");
	assert_int_equal(s->acquisitions, 2);
	assert_int_equal(s->contentions, 1);
	assert_int_equal(s->acq_bounces, 1);
	assert_int_equal(s->con_bounces, 1);
	assert_true(s->waittime_total_ns > 0);
	assert_int_equal(s->waittime_total_ns, s->waittime_max_ns);
	assert_int_equal(s->waittime_total_ns, s->waittime_min_ns);
	assert_true(strcmp(stats[0].name, "zone.lock") == 0);
}

static void detail(void **state)
{
	static struct hist sections;
	const struct lock_stat *s;
	int i;

	lock_stats_detail(true);
	spin_lock_init(&zone.lock);
	rwlock_init(&zone.rw);
	for (i = 0; i < 100; i++) {
		preempt_disable();
		spin_lock(&zone.lock);
		read_lock(&zone.rw);
		spin_unlock(&zone.lock);
		read_unlock(&zone.rw);
		preempt_enable();
	}
	s = stat_of("zone.lock");
	assert_int_equal(s->hold_samples, 100);
	assert_int_equal(s->acq_bounces, 0);
	assert_int_equal(stat_of("zone.rw-R")->hold_samples, 100);
	/* One section, however deep. */
	atomic_section_read(&sections);
	assert_int_equal(sections.count, 100);
	assert_true(sections.max >= stat_of("zone.lock")->holdtime_max_ns);
	assert_true(sections.sum >= stat_of("zone.lock")->holdtime_total_ns);
}

/*
 * Equal times have equal percentiles, whether they are waits, holds, atomic
 * sections or, in a histogram of their own, operations.
 */
static void same_percentiles(void **state)
{
	static const double percents[] = { 1, 10, 50, 90, 99, 99.9, 100 };
	static struct hist wait, hold, sections, operations;
	unsigned class = sync_class_of("percentiles");
	uint64_t rng = 1, ns;
	size_t i;

	for (i = 0; i < 10000; i++) {
		ns = 1 + (next(&rng) >> (20 + next(&rng) % 44));
		hist_add(&operations, ns);
		sync_stat_wait(0, class, ns);
		sync_stat_hold(0, class, ns);
		sync_stat_section(0, ns);
	}
	assert_true(lock_hists_read("percentiles", &wait, &hold));
	atomic_section_read(&sections);
	for (i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
		ns = hist_percentile(&operations, percents[i]);
		assert_true(ns > 0);
		assert_int_equal(hist_percentile(&wait, percents[i]), ns);
		assert_int_equal(hist_percentile(&hold, percents[i]), ns);
		assert_int_equal(hist_percentile(&sections, percents[i]), ns);
	}
	assert_int_equal(sections.sum, operations.sum);
	lock_stats_reset();
	assert_true(lock_hists_read("percentiles", &wait, &hold));
	atomic_section_read(&sections);
	assert_int_equal(hist_sum(&wait) + hist_sum(&hold), 0);
	assert_int_equal(hist_sum(&sections), 0);
	/* Nothing is left between the least and the largest of new ones. */
	sync_stat_section(0, operations.min);
	sync_stat_section(0, operations.max);
	atomic_section_read(&sections);
	assert_int_equal(hist_sum(&sections), 2);
	lock_stats_reset();
}

static void *surround(void *arg)
{
	uint64_t before, waited, ticks;

	sync_cpu_attach();
	atomic_set(&stage, 1);
	waited = lock_wait_ns();
	before = clock_ticks();
	spin_lock(&zone.lock);
	ticks = clock_ticks() - before;
	waited = lock_wait_ns() - waited;
	spin_unlock(&zone.lock);
	sync_cpu_detach();
	assert_true(waited > 0);
	return (void *)(long)(waited > clock_to_ns(ticks));
}

/* One clock: a wait never lasts longer than what it is a part of. */
static void one_clock(void **state)
{
	void *longer;
	uint64_t t;
	int i;

	clock_init();
	for (i = 0; i < 5; i++) {
		pthread_t thread;

		spin_lock_init(&zone.lock);
		atomic_set(&stage, 0);
		spin_lock(&zone.lock);
		assert_int_equal(pthread_create(&thread, NULL, surround, NULL),
				 0);
		while (!spin_is_contended(&zone.lock) || !atomic_read(&stage))
			sched_yield();
		/* Long enough for two clocks to come apart. */
		t = clock_ticks();
		while (clock_to_ns(clock_ticks() - t) < 2000000)
			sched_yield();
		spin_unlock(&zone.lock);
		pthread_join(thread, &longer);
		assert_null(longer);
	}
}

static void cpu_numbers(void **state)
{
	assert_int_equal(smp_processor_id(), 0);
}

static void *numbered(void *arg)
{
	assert_int_equal(sync_cpu_attach(), 0);
	assert_int_not_equal(smp_processor_id(), 0);
	assert_true(smp_processor_id() < SYNC_MAX_CPUS);
	sync_cpu_detach();
	return NULL;
}

static void numbers_are_reused(void **state)
{
	int i;

	for (i = 0; i < SYNC_MAX_CPUS + 10; i++)
		together(numbered, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(classes, reset),
		cmocka_unit_test_setup(many_cpus, reset),
		cmocka_unit_test_setup(one_wait, reset),
		cmocka_unit_test_setup(detail, reset),
		cmocka_unit_test_setup(same_percentiles, reset),
		cmocka_unit_test_setup(one_clock, reset),
		cmocka_unit_test_setup(cpu_numbers, reset),
		cmocka_unit_test_setup(numbers_are_reused, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
