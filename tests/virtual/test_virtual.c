// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Virtual CPUs: who goes first, what waiting costs, what memory costs, and what
 * is said when nobody can go on. All times are virtual, so exact.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "backends/sync.h"
#include "tests/virtual/copies.h"

#define NS 1000ull

void __tsan_read8(void *addr);
void __tsan_write8(void *addr);
void __tsan_atomic_thread_fence(int order);

static const struct vmachine machine = {
	.cpus = 4,
	.sockets = 2,
	.cores = 2,
	.cost = { .access = 1 * NS,
		  .call = 0,
		  .rmw = 10 * NS,
		  .relax = 20 * NS,
		  .copy_start = 3 * NS,
		  .copy = 2 * NS,
		  .stream = 5 * NS,
		  .xfer = 100 * NS,
		  .xfer_socket = 300 * NS,
		  .l3 = 40 * NS,
		  .dram = 200 * NS,
		  .wake = 1000 * NS,
		  .wake_latency = 2000 * NS,
		  .handover = 200,
		  .handover_many = 300,
		  .l2_lines = 8 * 64,
		  .l3_lines = 16 * 64 },
};

static spinlock_t lock_a, lock_b;
static rwlock_t rw;
static struct rw_semaphore sem;
static unsigned long word;
static unsigned order[16], nr_order;
static uint64_t took_at[16];
#define PAGE 4096
#define ARENA (64 * PAGE)

static char *arena; /* not in the image, which costs nothing */

static void start_sum(bool sum)
{
	struct vmachine m = machine;
	struct err err;

	m.sum = sum;
	spin_lock_init(&lock_a);
	spin_lock_init(&lock_b);
	rwlock_init(&rw);
	init_rwsem(&sem);
	word = 0;
	nr_order = 0;
	lock_stats_reset();
	assert_int_equal(vcpu_start(&m, &err), 0);
}

static void run(void)
{
	struct err err;

	if (vcpu_run(&err))
		fail_msg("%s", err.text);
}

static const struct lock_stat *stat_of(const char *name)
{
	static struct lock_stat stats[SYNC_MAX_CLASSES];
	size_t i, n = lock_stats_read(stats, SYNC_MAX_CLASSES);

	for (i = 0; i < n; i++)
		if (!strcmp(stats[i].name, name))
			return &stats[i];
	fail_msg("no class %s", name);
	return NULL;
}

static void note(void)
{
	took_at[nr_order] = vcpu_now();
	order[nr_order++] = smp_processor_id();
}

/* Arrive one after the other, hold for a microsecond each. */
static void spinner(void *arg)
{
	vcpu_work((10 + smp_processor_id()) * NS, 0);
	spin_lock(&lock_a);
	note();
	vcpu_work(1000 * NS, 0);
	spin_unlock(&lock_a);
}

static void spin_is_fair(void **state)
{
	unsigned i;

	start_sum(true);
	for (i = 0; i < 4; i++)
		vcpu_spawn(3 - i, spinner, NULL);
	run();
	for (i = 0; i < 4; i++)
		assert_int_equal(order[i], i);
	/* Two transfers to the only waiter, three when others wait behind. */
	assert_int_equal(took_at[1] - took_at[0], (1000 + 3 * 100) * NS);
	assert_int_equal(took_at[2] - took_at[1], (1000 + 3 * 300) * NS);
	assert_int_equal(took_at[3] - took_at[2], (1000 + 2 * 100) * NS);
	assert_int_equal(stat_of("lock_a")->acquisitions, 4);
	assert_int_equal(stat_of("lock_a")->contentions, 3);
	assert_int_equal(stat_of("lock_a")->con_bounces, 3);
	assert_int_equal(stat_of("lock_a")->hold_samples, 4);
	assert_int_equal(stat_of("lock_a")->holdtime_min_ns, 1000);
	assert_int_equal(stat_of("lock_a")->holdtime_max_ns, 1000);
}

static void reader(void *arg)
{
	vcpu_work((10 + smp_processor_id()) * NS, 0);
	read_lock(&rw);
	note();
	vcpu_work(1000 * NS, 0);
	read_unlock(&rw);
}

static void writer(void *arg)
{
	vcpu_work((10 + smp_processor_id()) * NS, 0);
	write_lock(&rw);
	note();
	vcpu_work(1000 * NS, 0);
	write_unlock(&rw);
}

/* 0 and 1 read together; writer 2 waits for both; reader 3 comes after it. */
static void rwlock_is_fair(void **state)
{
	start_sum(true);
	vcpu_spawn(0, reader, NULL);
	vcpu_spawn(1, reader, NULL);
	vcpu_spawn(2, writer, NULL);
	vcpu_spawn(3, reader, NULL);
	run();
	assert_int_equal(order[2], 2);
	assert_int_equal(order[3], 3);
	assert_true(took_at[1] - took_at[0] < 1000 * NS);
	assert_true(took_at[2] - took_at[1] >= 1000 * NS);
	assert_true(took_at[3] - took_at[2] >= 1000 * NS);
	assert_int_equal(stat_of("rw-R")->contentions, 1);
	assert_int_equal(stat_of("rw-W")->contentions, 1);
}

static uint64_t idle[4];

static void sleeper(void *arg)
{
	vcpu_work((10 + smp_processor_id()) * NS, 0);
	if (smp_processor_id() == 0) {
		down_write(&sem);
		vcpu_work(50000 * NS, 0);
		up_write(&sem);
	} else {
		down_read(&sem);
		note();
		up_read(&sem);
	}
	idle[smp_processor_id()] = vcpu_idle();
}

static void rwsem_sleeps(void **state)
{
	unsigned i;

	start_sum(true);
	for (i = 0; i < 3; i++)
		vcpu_spawn(i, sleeper, NULL);
	run();
	assert_int_equal(idle[0], 0);
	assert_true(idle[1] > 50000 * NS);
	/* Both wake up in the same turn. */
	assert_true(took_at[1] - took_at[0] < 50000 * NS);
	assert_int_equal(stat_of("sem-R")->contentions, 2);
}

static void bit_locker(void *arg)
{
	vcpu_work((10 + smp_processor_id()) * NS, 0);
	bit_spin_lock(0, &word);
	note();
	vcpu_work(1000 * NS, 0);
	bit_spin_unlock(0, &word);
}

/* With n waiters the word moves n times more. */
static void bit_lock_storms(void **state)
{
	unsigned i;

	start_sum(true);
	word = 0xf0;
	for (i = 0; i < 4; i++)
		vcpu_spawn(i, bit_locker, NULL);
	run();
	assert_int_equal(nr_order, 4);
	assert_true(took_at[1] - took_at[0] > took_at[3] - took_at[2]);
	assert_int_equal(word, 0xf0);
}

static void try_locker(void *arg)
{
	vcpu_work((10 + 100 * smp_processor_id()) * NS, 0);
	if (spin_trylock(&lock_a)) {
		note();
		vcpu_work(5000 * NS, 0);
		spin_unlock(&lock_a);
	}
}

static void try_fails(void **state)
{
	start_sum(true);
	vcpu_spawn(0, try_locker, NULL);
	vcpu_spawn(1, try_locker, NULL);
	run();
	assert_int_equal(nr_order, 1);
	assert_int_equal(stat_of("lock_a")->acquisitions, 1);
}

/* What cost[i] says, in ns, of each step of a story. */
static uint64_t cost[32];
static unsigned steps;

static void step(void (*access)(void *), void *addr)
{
	uint64_t t = vcpu_now();

	access(addr);
	cost[steps++] = (vcpu_now() - t) / NS;
}

static void at(uint64_t ns)
{
	vcpu_sleep_until(ns * NS);
}

static void first_cpu(void *arg)
{
	unsigned i;

	step(__tsan_read8, arena); /* 0: cold */
	step(__tsan_read8, arena + 8); /* 1: hit */
	step(__tsan_write8, arena + 16); /* 2: hit, alone */
	at(20000);
	step(__tsan_write8, arena); /* 6: the others read it meanwhile */
	at(40000);
	for (i = 1; i <= 12; i++)
		step(__tsan_read8, arena + 1024 * i);
	step(__tsan_read8, arena); /* evicted to the last cache */
}

static void second_cpu(void *arg)
{
	at(10000);
	step(__tsan_read8, arena); /* 3: modified in the same socket */
	step(__tsan_read8, arena); /* 4: hit */
}

static void third_cpu(void *arg)
{
	at(15000);
	step(__tsan_read8, arena); /* 5: shared, in the other socket */
	at(30000);
	step(__tsan_write8, arena); /* 7: modified in the other socket */
}

static void memory_costs(void **state)
{
	start_sum(true);
	steps = 0;
	vcpu_spawn(0, first_cpu, NULL);
	vcpu_spawn(1, second_cpu, NULL);
	vcpu_spawn(2, third_cpu, NULL);
	run();
	assert_int_equal(cost[0], 1 + 200);
	assert_int_equal(cost[1], 1);
	assert_int_equal(cost[2], 1);
	assert_int_equal(cost[3], 1 + 100);
	assert_int_equal(cost[4], 1);
	assert_int_equal(cost[5], 1 + 300);
	assert_int_equal(cost[6], 1 + 300); /* an upgrade takes both copies */
	assert_int_equal(cost[7], 1 + 300);
	assert_int_equal(cost[8], 1 + 200);
}

static void own_line(void *arg)
{
	unsigned i;

	step(__tsan_read8, arena);
	for (i = 1; i <= 20; i++)
		__tsan_read8(arena + PAGE * i + 1024);
	step(__tsan_read8, arena); /* those are of other sets */
	for (i = 1; i <= 12; i++)
		__tsan_read8(arena + PAGE * i);
	step(__tsan_read8, arena); /* out of its own cache */
	for (i = 21; i <= 40; i++)
		__tsan_read8(arena + PAGE * i);
	step(__tsan_read8, arena); /* out of both */
	__tsan_read8(arena + PAGE * 50);
	step(__tsan_read8, arena + PAGE * 50 + 64); /* the prefetcher had it */
}

static void capacity(void **state)
{
	start_sum(true);
	steps = 0;
	vcpu_spawn(0, own_line, NULL);
	run();
	assert_int_equal(cost[0], 1 + 200);
	assert_int_equal(cost[1], 1);
	assert_int_equal(cost[2], 1 + 40);
	assert_int_equal(cost[3], 1 + 200);
	assert_int_equal(cost[4], 1 + 5);
}

static uint64_t ended;

static void two_misses(void *arg)
{
	__tsan_read8(arena);
	__tsan_read8(arena + 8192);
	spin_lock(&lock_a);
	ended = vcpu_now();
	spin_unlock(&lock_a);
}

/* The second address was loaded by the first miss. */
static void chained_misses(void *arg)
{
	*(char **)arena = arena + 8192;
	two_misses(NULL);
	*(char **)arena = NULL;
}

static void overlap(void **state)
{
	uint64_t apart, together, chained;

	start_sum(true);
	vcpu_spawn(0, two_misses, NULL);
	run();
	apart = ended;
	start_sum(false);
	vcpu_spawn(0, two_misses, NULL);
	run();
	together = ended;
	start_sum(false);
	vcpu_spawn(0, chained_misses, NULL);
	run();
	chained = ended;
	assert_int_equal(apart - together, 200 * NS);
	assert_int_equal(chained - together, 199 * NS);
}

static uint64_t charged[2][16], charged_struct;
static unsigned nr_charged;

#define CHARGE(n)                                          \
	{                                                  \
		uint64_t u = vcpu_now();                   \
		copy_##n(arena, arena + 8192);             \
		charged[0][nr_charged] = vcpu_now() - u;   \
		u = vcpu_now();                            \
		zero_##n(arena + 16384);                   \
		charged[1][nr_charged++] = vcpu_now() - u; \
	}

static void copier(void *arg)
{
	uint64_t t;

	EACH_COPY(CHARGE)
	t = vcpu_now();
	copy_struct((struct big *)arena, (struct big *)(arena + 8192));
	charged_struct = vcpu_now() - t;
}

/* No copy of any constant size escapes, in whatever way it is compiled. */

static void payload(void *arg)
{
	unsigned i;
	uint64_t t;

	for (i = 0; i < 3; i++) {
		/* Cold; mine; and after the others' pages are all touched. */
		if (i == 2)
			vcpu_work(1, 9 * 64);
		t = vcpu_now();
		vmem_memset(arena, 0, 1024);
		__tsan_atomic_thread_fence(0);
		cost[i] = (vcpu_now() - t) / NS;
	}
}

/* A copy pays for its lines, and once for where they come from. */
static void payload_has_levels(void **state)
{
	start_sum(false);
	vcpu_spawn(0, payload, NULL);
	run();
	/* The prefetcher's lines come while the first one does. */
	assert_int_equal(cost[0], 3 + 16 * 2 + 200);
	assert_int_equal(cost[1], 3 + 16 * 2);
	assert_int_equal(cost[2], 3 + 16 * 2 + 16 * 5);
}

static void copies_are_charged(void **state)
{
	unsigned i;

	start_sum(true);
	nr_charged = 0;
	vcpu_spawn(0, copier, NULL);
	run();
	for (i = 0; i < nr_charged; i++) {
		assert_true(charged[0][i] >= 2 * NS);
		assert_true(charged[1][i] >= 1 * NS);
	}
	assert_true(charged_struct >= 2 * NS);
}

static int *shared_counter;

static void counter(void *arg)
{
	int i;

	for (i = 0; i < 1000; i++)
		bump_atomic(shared_counter);
}

/* Atomics on one line take turns: that alone takes so long. */
static void atomics_queue(void **state)
{
	unsigned i;
	uint64_t end = 0;

	start_sum(true);
	shared_counter = (int *)arena;
	*shared_counter = 0;
	for (i = 0; i < 4; i++)
		vcpu_spawn(i, counter, NULL);
	run();
	for (i = 0; i < 4; i++)
		if (vcpu_end(i) > end)
			end = vcpu_end(i);
	assert_int_equal(*shared_counter, 4000);
	assert_true(end > 3000 * 100 * NS);
}

static void a_then_b(void *arg)
{
	spin_lock(&lock_a);
	vcpu_work(1000 * NS, 0);
	spin_lock(&lock_b);
}

static void b_then_a(void *arg)
{
	spin_lock(&lock_b);
	vcpu_work(1000 * NS, 0);
	spin_lock(&lock_a);
}

static void itself(void *arg)
{
	write_lock(&rw);
	read_lock(&rw);
}

static void forever(void *arg)
{
	vcpu_park("a friend");
}

static void deadlocks(void (*one)(void *), void (*other)(void *),
		      const char *const *says)
{
	struct err err = { "" };

	start_sum(false);
	vcpu_spawn(0, one, NULL);
	if (other)
		vcpu_spawn(1, other, NULL);
	assert_int_equal(vcpu_run(&err), -EDEADLK);
	for (; *says; says++)
		if (!strstr(err.text, *says))
			fail_msg("no \"%s\" in: %s", *says, err.text);
}

static void deadlock_is_told(void **state)
{
	deadlocks(a_then_b, b_then_a,
		  (const char *const[]){ "deadlock", "CPU 0 waits for lock_b",
					 "CPU 1 took as lock_b",
					 "CPU 1 waits for lock_a",
					 "test_virtual.c:", NULL });
	deadlocks(itself, NULL,
		  (const char *const[]){ "CPU 0 waits for rw-R",
					 "CPU 0 took as rw", NULL });
	deadlocks(forever, NULL,
		  (const char *const[]){ "waits for a friend", NULL });
}

static void busy_cpu(void *arg)
{
	unsigned random = smp_processor_id() + 1, i;

	for (i = 0; i < 2000; i++) {
		random = random * 1664525u + 1013904223u;
		vcpu_think((random >> 20) * NS);
		__tsan_write8(arena + (random >> 16) % 60000);
		switch (random >> 30) {
		case 0:
			spin_lock(&lock_a);
			__tsan_write8(arena);
			spin_unlock(&lock_a);
			break;
		case 1:
			read_lock(&rw);
			__tsan_read8(arena + 64);
			read_unlock(&rw);
			break;
		case 2:
			write_lock(&rw);
			__tsan_write8(arena + 64);
			write_unlock(&rw);
			break;
		default:
			down_read(&sem);
			vcpu_work(100 * NS, 2);
			up_read(&sem);
		}
	}
}

static void repeats(void **state)
{
	uint64_t hash[2];
	unsigned i, round;

	for (round = 0; round < 2; round++) {
		start_sum(false);
		for (i = 0; i < 4; i++)
			vcpu_spawn(i, busy_cpu, NULL);
		run();
		hash[round] = vcpu_hash();
	}
	assert_int_equal(hash[0], hash[1]);
}

/* Outside virtual CPUs everything works and costs nothing. */
static void outside(void **state)
{
	vcpu_finish();
	spin_lock_init(&lock_a);
	rwlock_init(&rw);
	init_rwsem(&sem);
	spin_lock(&lock_a);
	assert_false(spin_trylock(&lock_a));
	spin_unlock(&lock_a);
	read_lock(&rw);
	read_lock(&rw);
	assert_false(write_trylock(&rw));
	read_unlock(&rw);
	read_unlock(&rw);
	assert_true(write_trylock(&rw));
	write_unlock(&rw);
	down_write(&sem);
	up_write(&sem);
	bit_spin_lock(1, &word);
	assert_int_equal(word & 2, 2);
	bit_spin_unlock(1, &word);
	assert_int_equal(smp_processor_id(), 0);
	assert_int_equal(vcpu_now(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spin_is_fair),
		cmocka_unit_test(rwlock_is_fair),
		cmocka_unit_test(rwsem_sleeps),
		cmocka_unit_test(bit_lock_storms),
		cmocka_unit_test(try_fails),
		cmocka_unit_test(memory_costs),
		cmocka_unit_test(capacity),
		cmocka_unit_test(overlap),
		cmocka_unit_test(payload_has_levels),
		cmocka_unit_test(copies_are_charged),
		cmocka_unit_test(atomics_queue),
		cmocka_unit_test(deadlock_is_told),
		cmocka_unit_test(repeats),
		cmocka_unit_test(outside),
	};

	arena = aligned_alloc(4096, ARENA);
	if (!arena)
		return 1;
	memset(arena, 0, ARENA);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
