// SPDX-License-Identifier: GPL-2.0-or-later
/* Frames without memory, and what is kept beside them. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "backends/ghost/ghost.h"

#define HEAD 40
#define FRAMES 300

static struct arena *new_arena(unsigned shift, bool words)
{
	const struct arena_config config = { .page_shift = shift,
					     .ghost = true,
					     .head_size = HEAD,
					     .keep_words = words };
	struct err err = { "" };
	struct arena *a = arena_create(&config, &err);

	if (!a)
		fail_msg("%s", err.text);
	return a;
}

/* The kernel's way of reading the byte, which fails and does no harm. */
static bool readable(const void *at)
{
	int fd[2], ret;

	assert_int_equal(pipe(fd), 0);
	ret = (int)write(fd[1], at, 1);
	assert_true(ret == 1 || errno == EFAULT);
	close(fd[0]);
	close(fd[1]);
	return ret == 1;
}

static void test_heads(void **state)
{
	static const unsigned shifts[] = { 12, 14, 16 };
	unsigned char *head[FRAMES];
	pfn_t pfn[FRAMES];
	struct arena *a;
	unsigned s, i;
	char *at;

	for (s = 0; s < 3; s++) {
		a = new_arena(shifts[s], false);
		for (i = 0; i < FRAMES; i++) {
			pfn[i] = frame_alloc(a);
			head[i] = frame_head(a, pfn[i], HEAD);
			memset(head[i], (int)i, HEAD);
		}
		for (i = 0; i < FRAMES; i++) {
			at = pfn_addr(a, pfn[i]);
			assert_false(readable(at));
			assert_false(readable(at + arena_page_size(a) - 1));
			assert_int_equal(addr_pfn(a, at), pfn[i]);
			assert_int_equal(head_pfn(a, head[i], HEAD), pfn[i]);
			assert_ptr_equal(head_addr(a, head[i], HEAD), at);
			assert_ptr_equal(addr_head(a, (unsigned long)at + 77,
						   HEAD),
					 head[i]);
			assert_int_equal(head[i][0], (unsigned char)i);
			assert_int_equal(head[i][HEAD - 1], (unsigned char)i);
			frame_free(a, pfn[i]);
		}
		assert_int_equal(arena_used(a), 0);
		arena_destroy(a);
	}
}

static void *object(const struct arena *a, pfn_t pfn, unsigned at)
{
	return (char *)pfn_addr(a, pfn) + at;
}

static void store(struct arena *a, void *at, unsigned long handle,
		  unsigned long word)
{
	unsigned long *bytes = frame_map(a, at, handle, true);

	memset(bytes, 0xee, 200);
	*bytes = word;
	frame_unmap(a, handle);
}

static unsigned long word_of(struct arena *a, void *at)
{
	unsigned long word = *(unsigned long *)frame_map(a, at, 99, false);

	frame_unmap(a, 99);
	return word;
}

static void test_words(void **state)
{
	struct arena *a = new_arena(12, true);
	pfn_t one = frame_alloc(a), two = frame_alloc(a);
	unsigned long *bytes;

	store(a, object(a, one, 64), 1, 1111);
	store(a, object(a, one, 3072), 2, 2222);
	store(a, object(a, two, 64), 3, 3333);
	assert_int_equal(word_of(a, object(a, one, 64)), 1111);
	assert_int_equal(word_of(a, object(a, one, 3072)), 2222);
	assert_int_equal(
		*(const unsigned long *)frame_object(a, object(a, two, 64)),
		3333);

	/* What a reader leaves behind, and what was not mapped, is not kept. */
	bytes = frame_map(a, object(a, one, 64), 4, false);
	*bytes = 4444;
	frame_unmap(a, 4);
	frame_map(a, object(a, one, 64), 5, true);
	frame_unmap(a, 6);
	assert_int_equal(word_of(a, object(a, one, 64)), 1111);

	frame_copy(a, object(a, two, 1024), object(a, one, 3072), 1024);
	frame_move(a, object(a, two, 128), object(a, two, 64), 512);
	assert_int_equal(word_of(a, object(a, two, 1024)), 2222);
	assert_int_equal(word_of(a, object(a, two, 128)), 3333);
	arena_destroy(a);
}

/* Lengths that differ by one lie next to each other. */
static void test_runs(void **state)
{
	struct ghost_runs *runs = ghost_runs_create(10000, NULL);
	uint32_t run[100], again;
	unsigned long words;
	unsigned i, n;

	assert_non_null(runs);
	for (i = 0; i < 100; i++) {
		n = i % 50 + 1;
		run[i] = ghost_run_alloc(runs, n);
		assert_true(run[i] + n <= 10000);
		while (n--)
			runs->base[run[i] + n] = i;
	}
	for (i = 0; i < 100; i++)
		for (n = 0; n <= i % 50; n++)
			assert_int_equal(runs->base[run[i] + n], i);
	words = (unsigned long)atomic_long_read(&runs->used);

	ghost_run_free(runs, run[7], 8);
	ghost_run_free(runs, run[57], 8);
	assert_int_equal(ghost_run_alloc(runs, 8), run[57]);
	assert_int_equal(ghost_run_alloc(runs, 8), run[7]);
	assert_int_equal(atomic_long_read(&runs->used), words);

	while ((again = ghost_run_alloc(runs, 100)) != GHOST_NO_RUN)
		n = again;
	assert_int_equal(ghost_run_alloc(runs, 100), GHOST_NO_RUN);
	assert_true((size_t)atomic_long_read(&runs->used) <= 10000);
	ghost_run_free(runs, n, 100);
	assert_int_equal(ghost_run_alloc(runs, 100), n);
	ghost_runs_destroy(runs);
	ghost_runs_destroy(NULL);
}

#define WORKERS 4
#define HELD 16
#define ROUNDS 20000

/* A run that two threads have at once is seen by the number of its owner. */
static void *work(void *arg)
{
	static atomic_t next;
	struct ghost_runs *runs = arg;
	long me = atomic_add_return_relaxed(1, &next), wrong = 0;
	uint32_t held[HELD] = { 0 };
	unsigned i, k;

	for (i = 0; i < ROUNDS; i++) {
		k = i % HELD;
		if (i >= HELD) {
			wrong += READ_ONCE(runs->base[held[k] + 1]) !=
				 (unsigned long)me;
			ghost_run_free(runs, held[k], 3);
		}
		held[k] = ghost_run_alloc(runs, 3);
		WRITE_ONCE(runs->base[held[k] + 1], (unsigned long)me);
	}
	return (void *)wrong;
}

static void test_run_threads(void **state)
{
	struct ghost_runs *runs = ghost_runs_create(1 << 20, NULL);
	pthread_t thread[WORKERS];
	void *wrong;
	unsigned i;

	assert_non_null(runs);
	for (i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, work, runs),
				 0);
	for (i = 0; i < WORKERS; i++) {
		pthread_join(thread[i], &wrong);
		assert_null(wrong);
	}
	/* None was lost: a lost one would have been made anew. */
	assert_true(atomic_long_read(&runs->used) <= 3l * WORKERS * (HELD + 1));
	ghost_runs_destroy(runs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_run_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
