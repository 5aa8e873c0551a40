// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The checks of a debug build: each mistake ends the program with a line that
 * names both places; the correct forms next to them do not. This file has the
 * checks on whatever the build.
 */
#undef ZLAB_DEBUG
#define ZLAB_DEBUG

#include <pthread.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/sync.h"

static spinlock_t pool_lock, class_lock, other_lock;
static struct {
	spinlock_t lock;
} same[2];
static rwlock_t rw;
static struct rw_semaphore sem;
static unsigned long word;

static void setup(void)
{
	sync_debug_forget();
	spin_lock_init(&pool_lock);
	spin_lock_init(&class_lock);
	spin_lock_init(&other_lock);
	spin_lock_init(&same[0].lock);
	spin_lock_init(&same[1].lock);
	rwlock_init(&rw);
	init_rwsem(&sem);
	word = 0;
}

/* Run @fn in a child; return its stderr, its exit status in @status. */
static char *in_child(void (*fn)(void), int *status)
{
	static char text[8192];
	int fd[2];
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	fflush(stdout);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(fd[1], STDERR_FILENO);
		close(fd[0]);
		signal(SIGABRT, SIG_DFL);
		setup();
		fn();
		_exit(0);
	}
	close(fd[1]);
	while ((got = read(fd[0], text + n, sizeof(text) - 1 - n)) > 0)
		n += got;
	close(fd[0]);
	text[n] = '\0';
	assert_int_equal(waitpid(pid, status, 0), pid);
	return text;
}

/* @fn does it right: no word about it. */
static void lives(void (*fn)(void))
{
	int status;
	char *text = in_child(fn, &status);

	if (!WIFEXITED(status) || WEXITSTATUS(status) || strstr(text, "zlab:"))
		fail_msg("a correct use was stopped: %s", text);
}

/* @fn does it wrong: the line has @what and @places places of this file. */
static void dies(void (*fn)(void), const char *what, int places)
{
	int status, seen = 0;
	char *text = in_child(fn, &status), *at;

	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
		fail_msg("\"%s\" was not noticed: %s", what, text);
	if (!strstr(text, what))
		fail_msg("no \"%s\" in: %s", what, text);
	for (at = text; (at = strstr(at, "test_sync_debug.c:")); at++)
		seen++;
	if (seen < places)
		fail_msg("%d places, not %d, in: %s", seen, places, text);
}

static void order_one(void)
{
	spin_lock(&pool_lock);
	spin_lock(&class_lock);
	spin_unlock(&class_lock);
	spin_unlock(&pool_lock);
}

static void order_other(void)
{
	spin_lock(&class_lock);
	spin_lock(&pool_lock);
	spin_unlock(&pool_lock);
	spin_unlock(&class_lock);
}

static void good_order(void)
{
	order_one();
	order_one();
	if (spin_trylock(&class_lock)) {
		if (spin_trylock(&pool_lock))
			spin_unlock(&pool_lock);
		spin_unlock(&class_lock);
	}
}

static void inversion(void)
{
	order_one();
	order_other();
}

/* pool -> class -> other -> pool: no pair is inverted, the ring is. */
static void ring(void)
{
	order_one();
	spin_lock(&class_lock);
	spin_lock(&other_lock);
	spin_unlock(&other_lock);
	spin_unlock(&class_lock);
	spin_lock(&other_lock);
	spin_lock(&pool_lock);
}

/* A try cannot deadlock, but what is then taken under it can. */
static void inversion_under_try(void)
{
	order_one();
	if (spin_trylock(&class_lock))
		spin_lock(&pool_lock);
}

static void *thread_one(void *arg)
{
	sync_cpu_attach();
	order_one();
	sync_cpu_detach();
	return NULL;
}

/* Learnt in one thread, broken in another that never met it. */
static void inversion_across(void)
{
	pthread_t t;

	if (!pthread_create(&t, NULL, thread_one, NULL))
		pthread_join(t, NULL);
	order_other();
}

static void rw_order(void)
{
	read_lock(&rw);
	spin_lock(&class_lock);
	spin_unlock(&class_lock);
	read_unlock(&rw);
	spin_lock(&class_lock);
	write_lock(&rw);
}

static void test_order(void **state)
{
	lives(good_order);
	dies(inversion, "lock order inversion", 4);
	dies(ring, "lock order inversion", 4);
	dies(inversion_under_try, "lock order inversion", 4);
	dies(inversion_across, "lock order inversion", 4);
	dies(rw_order, "lock order inversion", 4);
}

static void nested_right(void)
{
	__typeof__(same[0]) *zspage = &same[0];

	spin_lock(&zspage->lock);
	zspage = &same[1];
	spin_lock_nested(&zspage->lock, 1);
	spin_unlock(&same[1].lock);
	spin_unlock(&same[0].lock);
}

static void nested_wrong(void)
{
	__typeof__(same[0]) *zspage;

	for (zspage = same; zspage < same + 2; zspage++)
		spin_lock(&zspage->lock);
}

static void test_nested(void **state)
{
	lives(nested_right);
	dies(nested_wrong, "two locks of one class", 2);
}

static void twice_spin(void)
{
	spin_lock(&pool_lock);
	spin_lock(&pool_lock);
}

static void twice_read(void)
{
	read_lock(&rw);
	read_lock(&rw);
}

static void twice_write(void)
{
	read_lock(&rw);
	write_lock(&rw);
}

static void twice_sem(void)
{
	down_write(&sem);
	down_read(&sem);
}

static void twice_bit(void)
{
	bit_spin_lock(0, &word);
	bit_spin_lock(0, &word);
}

static void test_recursive(void **state)
{
	dies(twice_spin, "recursive take", 2);
	dies(twice_read, "recursive take", 2);
	dies(twice_write, "recursive take", 2);
	dies(twice_sem, "recursive take", 2);
	dies(twice_bit, "recursive take", 2);
}

static void unlock_unheld(void)
{
	spin_lock(&class_lock);
	spin_unlock(&pool_lock);
}

static void unlock_nothing(void)
{
	read_unlock(&rw);
}

static void *take_and_stay(void *arg)
{
	sync_cpu_attach();
	spin_lock(&pool_lock);
	return NULL;
}

static void unlock_of_another(void)
{
	pthread_t t;

	if (!pthread_create(&t, NULL, take_and_stay, NULL))
		pthread_join(t, NULL);
	spin_lock(&class_lock);
	spin_unlock(&pool_lock);
}

static void test_not_held(void **state)
{
	dies(unlock_unheld, "unlock of a lock not held", 2);
	dies(unlock_nothing, "unlock of a lock not held", 1);
	dies(unlock_of_another, "unlock of a lock not held", 2);
}

static void sleep_under_spin(void)
{
	spin_lock(&pool_lock);
	down_read(&sem);
}

static void sleep_under_bit(void)
{
	bit_spin_lock(0, &word);
	down_write(&sem);
}

static void resched_under_read(void)
{
	read_lock(&rw);
	cond_resched();
}

static void resched_preempt_off(void)
{
	preempt_disable();
	cond_resched();
}

static void sleep_right(void)
{
	down_read(&sem);
	cond_resched();
	spin_lock(&pool_lock);
	spin_unlock(&pool_lock);
	up_read(&sem);
	spin_lock(&pool_lock);
	if (down_read_trylock(&sem))
		up_read(&sem);
	spin_unlock(&pool_lock);
}

static void test_sleep(void **state)
{
	lives(sleep_right);
	dies(sleep_under_spin, "may sleep", 2);
	dies(sleep_under_bit, "may sleep", 2);
	dies(resched_under_read, "may sleep", 2);
	dies(resched_preempt_off, "may sleep", 2);
}

static void *leave_it(void *arg)
{
	sync_cpu_attach();
	spin_lock(&pool_lock);
	sync_cpu_detach();
	return NULL;
}

static void left_at_thread_end(void)
{
	pthread_t t;

	if (!pthread_create(&t, NULL, leave_it, NULL))
		pthread_join(t, NULL);
}

static void left_at_operation_end(void)
{
	write_lock(&rw);
	sync_assert_none_held();
}

static void preempt_left_off(void)
{
	preempt_disable();
	sync_assert_none_held();
}

static void nothing_left(void)
{
	write_lock(&rw);
	preempt_disable();
	preempt_enable();
	write_unlock(&rw);
	sync_assert_none_held();
}

static void preempt_on_twice(void)
{
	preempt_enable();
}

static void test_left_held(void **state)
{
	lives(nothing_left);
	dies(left_at_thread_end, "lock left held", 2);
	dies(left_at_operation_end, "lock left held", 2);
	dies(preempt_left_off, "preemption left off", 2);
	dies(preempt_on_twice, "was not off", 1);
}

static void held_right(void)
{
	spin_lock(&pool_lock);
	assert_spin_locked(&pool_lock);
	lockdep_assert_held(&pool_lock);
	lockdep_assert_held_write(&pool_lock);
	lockdep_assert_not_held(&class_lock);
	spin_unlock(&pool_lock);
	lockdep_assert_not_held(&pool_lock);
	read_lock(&rw);
	lockdep_assert_held(&rw);
	lockdep_assert_held_read(&rw);
	read_unlock(&rw);
	down_write(&sem);
	lockdep_assert_held_write(&sem);
	up_write(&sem);
	if (down_read_trylock(&sem)) {
		lockdep_assert_held_read(&sem);
		up_read(&sem);
	}
	bit_spin_lock(0, &word);
	lockdep_assert(lockdep_is_held(&pool_lock) || lockdep_is_held(&word));
	bit_spin_unlock(0, &word);
}

static void held_another(void)
{
	spin_lock(&class_lock);
	assert_spin_locked(&pool_lock);
}

static void held_by_another(void)
{
	pthread_t t;

	if (!pthread_create(&t, NULL, take_and_stay, NULL))
		pthread_join(t, NULL);
	lockdep_assert_held(&pool_lock);
}

static void held_no_more(void)
{
	write_lock(&rw);
	write_unlock(&rw);
	lockdep_assert_held_write(&rw);
}

static void held_for_reading(void)
{
	read_lock(&rw);
	lockdep_assert_held_write(&rw);
}

static void held_for_writing(void)
{
	down_write(&sem);
	lockdep_assert_held_read(&sem);
}

static void held_yet(void)
{
	spin_lock(&pool_lock);
	lockdep_assert_not_held(&pool_lock);
}

static void held_neither(void)
{
	bit_spin_lock(0, &word);
	lockdep_assert(lockdep_is_held(&pool_lock) || lockdep_is_held(&rw));
}

static void test_assert_held(void **state)
{
	lives(held_right);
	dies(held_another, "must be held", 1);
	dies(held_by_another, "must be held", 1);
	dies(held_no_more, "must be held", 1);
	dies(held_for_reading, "held for writing and is held for reading", 2);
	dies(held_for_writing, "held for reading and is held for writing", 2);
	dies(held_yet, "must not be held", 2);
	dies(held_neither, "needs: lockdep_is_held(&pool_lock) ||", 1);
}

static void unlock_reader_as_writer(void)
{
	read_lock(&rw);
	write_unlock(&rw);
}

static void unlock_writer_as_reader(void)
{
	down_write(&sem);
	up_read(&sem);
}

static void test_unlock_mode(void **state)
{
	dies(unlock_reader_as_writer, "wrong unlock", 2);
	dies(unlock_writer_as_reader, "wrong unlock", 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_recursive),
		cmocka_unit_test(test_not_held),
		cmocka_unit_test(test_sleep),
		cmocka_unit_test(test_left_held),
		cmocka_unit_test(test_assert_held),
		cmocka_unit_test(test_unlock_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
