// SPDX-License-Identifier: GPL-2.0-or-later
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "backends/sync.h"
#include "tests/lib/pool.h"

#define WORKS 8
#define THREADS 4
#define ROUNDS 20000

static struct workqueue wq;
static struct work works[WORKS];
static unsigned long ran[64];
static unsigned nr_ran;

static void note(struct work *w)
{
	ran[nr_ran++] = w->key;
}

static int setup(void **state)
{
	unsigned i;

	memset(works, 0, sizeof(works));
	for (i = 0; i < WORKS; i++) {
		works[i].fn = note;
		works[i].key = i;
	}
	nr_ran = 0;
	workqueue_init(&wq);
	return 0;
}

static void oldest_first(void **state)
{
	unsigned i;

	assert_false(workqueue_run_one(&wq));
	for (i = 0; i < WORKS; i++)
		assert_true(queue_work(&wq, &works[i]));
	assert_true(workqueue_run_one(&wq));
	assert_int_equal(nr_ran, 1);
	assert_int_equal(workqueue_drain(&wq), WORKS - 1);
	for (i = 0; i < WORKS; i++)
		assert_int_equal(ran[i], i);
	assert_int_equal(workqueue_drain(&wq), 0);
}

static void queued_once(void **state)
{
	assert_true(queue_work(&wq, &works[0]));
	assert_false(queue_work(&wq, &works[0]));
	assert_int_equal(workqueue_drain(&wq), 1);
	assert_true(queue_work(&wq, &works[0]));
	assert_int_equal(workqueue_drain(&wq), 1);
}

static void cancelled(void **state)
{
	unsigned i;

	for (i = 0; i < 4; i++)
		queue_work(&wq, &works[i]);
	/* First, middle, last; then the list still works at both ends. */
	assert_true(cancel_work(&wq, &works[0]));
	assert_true(cancel_work(&wq, &works[2]));
	assert_true(cancel_work(&wq, &works[3]));
	assert_false(cancel_work(&wq, &works[3]));
	queue_work(&wq, &works[4]);
	assert_int_equal(workqueue_drain(&wq), 2);
	assert_int_equal(ran[0], 1);
	assert_int_equal(ran[1], 4);
}

static void by_key(void **state)
{
	unsigned i;

	for (i = 0; i < 4; i++) {
		works[i].key = i % 2;
		queue_work(&wq, &works[i]);
	}
	assert_false(workqueue_run_key(&wq, 7));
	assert_true(workqueue_run_key(&wq, 1));
	assert_true(workqueue_run_key(&wq, 1));
	assert_false(workqueue_run_key(&wq, 1));
	assert_int_equal(workqueue_drain(&wq), 2);
	assert_int_equal(ran[2], 0);
	assert_int_equal(ran[3], 0);
}

/* An idle queue or work costs no lock, as in the kernel. */
static void idle(void **state)
{
	uint64_t taken = acquisitions("wq->lock");

	assert_false(workqueue_run_one(&wq));
	assert_false(workqueue_run_key(&wq, 7));
	assert_int_equal(workqueue_drain(&wq), 0);
	assert_false(cancel_work(&wq, &works[0]));
	assert_int_equal(acquisitions("wq->lock"), taken);
}

static void again(struct work *w)
{
	nr_ran++;
	if (nr_ran < 3)
		queue_work(&wq, w);
}

/* A work may queue itself, and may take locks of its own. */
static void queues_itself(void **state)
{
	works[0].fn = again;
	queue_work(&wq, &works[0]);
	assert_int_equal(workqueue_drain(&wq), 3);
	assert_int_equal(nr_ran, 3);
}

static atomic_long_t queued, done;

static void count(struct work *w)
{
	atomic_long_inc(&done);
}

static void *hammer(void *arg)
{
	unsigned random = (unsigned)(long)arg, i;
	struct work *w;

	sync_cpu_attach();
	for (i = 0; i < ROUNDS; i++) {
		random = random * 1664525u + 1013904223u;
		w = &works[(random >> 8) % WORKS];
		switch ((random >> 16) % 4) {
		case 0:
			workqueue_run_one(&wq);
			break;
		case 1:
			workqueue_run_key(&wq, (random >> 20) % WORKS);
			break;
		case 2:
			if (cancel_work(&wq, w))
				atomic_long_dec(&queued);
			break;
		default:
			if (queue_work(&wq, w))
				atomic_long_inc(&queued);
		}
	}
	sync_cpu_detach();
	return NULL;
}

static void many_cpus(void **state)
{
	pthread_t t[THREADS];
	long i;

	for (i = 0; i < WORKS; i++)
		works[i].fn = count;
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, hammer, (void *)i),
				 0);
	for (i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	workqueue_drain(&wq);
	assert_int_equal(atomic_long_read(&queued), atomic_long_read(&done));
	assert_null(wq.head);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(oldest_first, setup),
		cmocka_unit_test_setup(queued_once, setup),
		cmocka_unit_test_setup(cancelled, setup),
		cmocka_unit_test_setup(by_key, setup),
		cmocka_unit_test_setup(idle, setup),
		cmocka_unit_test_setup(queues_itself, setup),
		cmocka_unit_test_setup(many_cpus, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
