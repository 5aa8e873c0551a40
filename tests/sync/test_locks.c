// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One validator for every kind of lock: mutual exclusion, trylock, readers
 * together, readers against writers, progress of both. It must fail the kinds
 * that exclude nobody.
 */
#include <pthread.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/sync/lock_desc.h"

#define THREADS 4
#define ROUNDS 20000
#define CELLS 8

static struct {
	const struct lock_desc *d;
	pthread_barrier_t start;
	long cell[CELLS];
	atomic_t inside, readers_together, tries_refused;
	atomic_t violations, stop;
	atomic_long_t reads, writes;
} run;

/* Racy on purpose where the lock is broken, so through the atomic macros. */
static void work_alone(void)
{
	unsigned i;

	if (atomic_add_return(1, &run.inside) != 1)
		atomic_inc(&run.violations);
	for (i = 0; i < CELLS; i++) {
		long v = READ_ONCE(run.cell[i]);

		if (i && v != READ_ONCE(run.cell[0]) - 1)
			atomic_inc(&run.violations);
		/* One processor may run all: let another thread come in. */
		if (run.d->broken && i == CELLS / 2)
			sched_yield();
		WRITE_ONCE(run.cell[i], v + 1);
	}
	if (atomic_add_return(-1, &run.inside) != 0)
		atomic_inc(&run.violations);
}

static void work_together(void)
{
	unsigned i;

	for (i = 1; i < CELLS; i++)
		if (READ_ONCE(run.cell[i]) != READ_ONCE(run.cell[0]))
			atomic_inc(&run.violations);
}

/* The lock alone orders these, so that a sanitizer checks it as well. */
static long plain_counter;

static void *worker(void *arg)
{
	const struct lock_desc *d = run.d;
	long mine = (long)arg, i;

	sync_cpu_attach();
	pthread_barrier_wait(&run.start);
	for (i = 0; i < ROUNDS; i++) {
		if (d->trylock && (i + mine) % 5 == 0) {
			while (!d->trylock()) {
				atomic_inc(&run.tries_refused);
				sched_yield();
			}
		} else {
			d->lock();
		}
		work_alone();
		if (!d->broken)
			plain_counter++;
		d->unlock();
		/* Long enough inside now and then that others must queue. */
		if (i % 1024 == 0)
			sched_yield();
	}
	sync_cpu_detach();
	return NULL;
}

static void start(const struct lock_desc *d)
{
	unsigned i;

	run.d = d;
	for (i = 0; i < CELLS; i++)
		run.cell[i] = 0;
	plain_counter = 0;
	atomic_set(&run.inside, 0);
	atomic_set(&run.violations, 0);
	atomic_set(&run.stop, 0);
	atomic_set(&run.readers_together, 0);
	atomic_long_set(&run.reads, 0);
	atomic_long_set(&run.writes, 0);
	pthread_barrier_init(&run.start, NULL, THREADS);
	d->init();
}

static void together(void *(*fn)(void *))
{
	pthread_t t[THREADS];
	long i;

	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, fn, (void *)i), 0);
	for (i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	pthread_barrier_destroy(&run.start);
}

static void excludes(void **state)
{
	for_each_lock (d) {
		if ((*d)->empty)
			continue;
		start(*d);
		together(worker);
		if ((*d)->broken) {
			if (!atomic_read(&run.violations))
				fail_msg("%s is broken and was not noticed",
					 (*d)->name);
			continue;
		}
		if (atomic_read(&run.violations) ||
		    plain_counter != THREADS * ROUNDS ||
		    run.cell[0] != THREADS * ROUNDS)
			fail_msg("%s: %d violations, %ld of %d rounds",
				 (*d)->name, atomic_read(&run.violations),
				 plain_counter, THREADS * ROUNDS);
	}
}

/* A lock that is held refuses a try; one that is free does not. */
static void tries(void **state)
{
	for_each_lock (d) {
		if ((*d)->broken || (*d)->empty || !(*d)->trylock)
			continue;
		(*d)->init();
		assert_true((*d)->trylock());
#ifndef ZLAB_DEBUG
		assert_false((*d)->trylock());
#endif
		(*d)->unlock();
		(*d)->lock();
		assert_false((*d)->trylock());
		(*d)->unlock();
		if (!(*d)->lock_shared)
			continue;
		(*d)->lock_shared();
		assert_false((*d)->trylock());
		(*d)->unlock_shared();
		assert_true((*d)->trylock());
		(*d)->unlock();
	}
}

/* Both readers are inside before either leaves, or this never ends. */
static void *reader_pair(void *arg)
{
	sync_cpu_attach();
	run.d->lock_shared();
	atomic_inc(&run.readers_together);
	while (atomic_read(&run.readers_together) < THREADS)
		sched_yield();
	work_together();
	run.d->unlock_shared();
	sync_cpu_detach();
	return NULL;
}

static void readers_overlap(void **state)
{
	for_each_lock (d) {
		if (!(*d)->lock_shared)
			continue;
		start(*d);
		together(reader_pair);
		assert_int_equal(atomic_read(&run.violations), 0);
	}
}

#define WRITES_WANTED 200

/* Readers keep the lock busy until the writer has had enough turns. */
static void *reader_or_writer(void *arg)
{
	long me = (long)arg, n = 0;

	sync_cpu_attach();
	pthread_barrier_wait(&run.start);
	while (!atomic_read(&run.stop)) {
		if (me) {
			run.d->lock_shared();
			work_together();
			run.d->unlock_shared();
			atomic_long_inc(&run.reads);
			continue;
		}
		run.d->lock();
		work_alone();
		run.d->unlock();
		if (++n == WRITES_WANTED)
			atomic_set(&run.stop, 1);
	}
	sync_cpu_detach();
	return NULL;
}

static void writer_not_starved(void **state)
{
	for_each_lock (d) {
		if (!(*d)->lock_shared)
			continue;
		start(*d);
		together(reader_or_writer);
		assert_int_equal(atomic_read(&run.violations), 0);
		assert_int_equal(run.cell[0], WRITES_WANTED);
	}
}

#define READS_WANTED 200

/* The other way round: writers in a row leave the reader its turn. */
static void *writer_or_reader(void *arg)
{
	long me = (long)arg, n = 0;

	sync_cpu_attach();
	pthread_barrier_wait(&run.start);
	while (!atomic_read(&run.stop)) {
		if (me) {
			run.d->lock();
			work_alone();
			run.d->unlock();
			continue;
		}
		run.d->lock_shared();
		work_together();
		run.d->unlock_shared();
		if (++n == READS_WANTED)
			atomic_set(&run.stop, 1);
	}
	sync_cpu_detach();
	return NULL;
}

static void reader_not_starved(void **state)
{
	for_each_lock (d) {
		if (!(*d)->lock_shared)
			continue;
		start(*d);
		together(writer_or_reader);
		assert_int_equal(atomic_read(&run.violations), 0);
	}
}

/* A bit lock leaves the other bits of its word alone. */
static void bit_keeps_word(void **state)
{
	unsigned long word = 0xf0f0f0f0f0f0f0f0ul;

	bit_spin_lock(0, &word);
	assert_int_equal(word, 0xf0f0f0f0f0f0f0f1ul);
	bit_spin_unlock(0, &word);
	assert_int_equal(word, 0xf0f0f0f0f0f0f0f0ul);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(excludes),
		cmocka_unit_test(tries),
		cmocka_unit_test(readers_overlap),
		cmocka_unit_test(writer_not_starved),
		cmocka_unit_test(reader_not_starved),
		cmocka_unit_test(bit_keeps_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
