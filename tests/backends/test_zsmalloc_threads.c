// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every locking design of zsmalloc with threads: workers that store, verify and
 * free objects of their own and verify shared ones, while another thread
 * compacts and migrates. No byte may be wrong and the walk must find nothing.
 * Meant for the thread sanitizer's build, where it also shows that the
 * sanitizer finds a zspage lock without ordering.
 *
 * ZLAB_TEST_SCALE scales the steps of each combination, in percent.
 */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "backends/zpool.h"
#include "tests/lib/random.h"

#define NR(a) (sizeof(a) / sizeof((a)[0]))
#define PAGE 4096
#define WORKERS 2
#define LIVE 300
#define SHARED 64
#define STEPS_PER_ROUND 400

struct object {
	unsigned long handle;
	uint64_t seed;
	unsigned size;
};

struct world {
	struct zpool *pool;
	struct object shared[SHARED];
	long steps;
	atomic_t running, rounds;
	atomic_long_t wrong;
	pthread_barrier_t start;
};

struct worker {
	struct world *w;
	uint64_t rng;
	pthread_t thread;
	struct object objects[LIVE];
	unsigned char copy[PAGE];
};

/* Few classes, so that their locks and lists are fought for. */
static unsigned random_size(uint64_t *rng)
{
	static const unsigned sizes[] = { 40, 700, 1400, 2700, 3600, 4096 };

	return sizes[next(rng) % NR(sizes)];
}

static uint64_t word(uint64_t seed, size_t i)
{
	return seed * 0x9e3779b97f4a7c15ull + i;
}

static void write_object(struct zpool *pool, const struct object *o)
{
	uint64_t buf[PAGE / 8];
	size_t i;

	for (i = 0; i < o->size / 8; i++)
		buf[i] = word(o->seed, i);
	zpool_write(pool, o->handle, buf, o->size);
}

static void read_object(struct worker *k, const struct object *o)
{
	struct zpool *pool = k->w->pool;
	uint64_t *got;
	size_t i;

	got = zpool_read_begin(pool, o->handle, o->size, k->copy);
	/* As if preempted, whatever the form allows: others meet the lock. */
	if (next(&k->rng) % 64 == 0)
		sched_yield();
	for (i = 0; i < o->size / 8; i++) {
		if (got[i] != word(o->seed, i)) {
			atomic_long_inc(&k->w->wrong);
			break;
		}
	}
	zpool_read_end(pool, o->handle, o->size, got);
}

static void step(struct worker *k)
{
	struct object *o = &k->objects[next(&k->rng) % LIVE];
	struct zpool *pool = k->w->pool;

	if (next(&k->rng) % 4 == 0)
		read_object(k, &k->w->shared[next(&k->rng) % SHARED]);
	if (!o->handle) {
		o->size = random_size(&k->rng);
		o->seed = next(&k->rng);
		if (pool->driver->malloc(pool, o->size, &o->handle))
			o->handle = 0;
		else
			write_object(pool, o);
		return;
	}
	read_object(k, o);
	if (next(&k->rng) % 2) {
		pool->driver->free(pool, o->handle);
		o->handle = 0;
	}
}

static void *work(void *arg)
{
	struct worker *k = arg;
	int rounds;
	long i;

	sync_cpu_attach();
	pthread_barrier_wait(&k->w->start);
	for (i = 0; i < k->w->steps; i++) {
		step(k);
		if (i % STEPS_PER_ROUND)
			continue;
		/* On a busy machine the mover would hardly have its turn. */
		rounds = (int)(i / STEPS_PER_ROUND);
		while (atomic_read(&k->w->rounds) < rounds)
			cond_resched();
	}
	atomic_dec(&k->w->running);
	for (i = 0; i < LIVE; i++) {
		if (k->objects[i].handle) {
			read_object(k, &k->objects[i]);
			k->w->pool->driver->free(k->w->pool,
						 k->objects[i].handle);
		}
	}
	sync_cpu_detach();
	return NULL;
}

/* Frames come and go meanwhile: a number may be anybody's or nobody's. */
static void migrate_some(struct zpool *pool, uint64_t *rng)
{
	unsigned i;
	int ret;

	for (i = 0; i < 20; i++) {
		ret = pool->driver->migrate(pool, next(rng) % 600);
		if (ret && ret != -EAGAIN && ret != -ENOENT && ret != -ENOMEM)
			abort();
	}
}

static void *move(void *arg)
{
	struct world *w = arg;
	struct zpool *pool = w->pool;
	uint64_t rng = 1;

	sync_cpu_attach();
	pthread_barrier_wait(&w->start);
	while (atomic_read(&w->running)) {
		if (pool->driver->compact)
			pool->driver->compact(pool);
		if (pool->driver->migrate)
			migrate_some(pool, &rng);
		atomic_inc(&w->rounds);
		cond_resched();
	}
	sync_cpu_detach();
	return NULL;
}

static void fill_shared(struct world *w)
{
	uint64_t rng = 7;
	unsigned i;

	for (i = 0; i < SHARED; i++) {
		struct object *o = &w->shared[i];

		o->size = random_size(&rng);
		o->seed = next(&rng);
		assert_int_equal(w->pool->driver->malloc(w->pool, o->size,
							 &o->handle),
				 0);
		write_object(w->pool, o);
	}
}

/* What the mover achieved, over all runs. */
static struct zpool_stats total;

static void add_moves(struct zpool *pool)
{
	struct zpool_stats stats;

	pool->driver->stats(pool, &stats);
	total.moved_objects += stats.moved_objects;
	total.migrated_pages += stats.migrated_pages;
	total.migrate_busy += stats.migrate_busy;
	if (getenv("ZLAB_TEST_VERBOSE"))
		fprintf(stderr, "%s: %lu moved, %lu migrated, %lu busy\n",
			pool->spec, stats.moved_objects, stats.migrated_pages,
			stats.migrate_busy);
}

static void stress(const char *spec, long steps)
{
	static struct worker workers[WORKERS];
	struct zpool_config config = { .arena = { .capacity = 1u << 14 } };
	struct err err = { "" };
	struct world w = { .steps = steps };
	pthread_t mover;
	unsigned i;

	w.pool = zpool_create(spec, &config, &err);
	if (!w.pool)
		fail_msg("%s: %s", spec, err.text);
	fill_shared(&w);
	atomic_set(&w.running, WORKERS);
	pthread_barrier_init(&w.start, NULL, WORKERS + 1);
	memset(workers, 0, sizeof(workers));
	for (i = 0; i < WORKERS; i++) {
		workers[i].w = &w;
		workers[i].rng = i;
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	}
	pthread_create(&mover, NULL, move, &w);
	for (i = 0; i < WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
	pthread_join(mover, NULL);
	pthread_barrier_destroy(&w.start);
	add_moves(w.pool);
	if (atomic_long_read(&w.wrong))
		fail_msg("%s: %ld objects read back wrong", spec,
			 atomic_long_read(&w.wrong));
	if (w.pool->driver->validate(w.pool, &err))
		fail_msg("%s: %s", spec, err.text);
	for (i = 0; i < SHARED; i++)
		w.pool->driver->free(w.pool, w.shared[i].handle);
	if (w.pool->driver->validate(w.pool, &err))
		fail_msg("%s: %s", spec, err.text);
	assert_int_equal(arena_used(w.pool->arena), 0);
	zpool_destroy(w.pool);
}

static void test_presets(void **state)
{
	static const char *const preset[] = { "4.0",  "5.10", "6.1", "6.10",
					      "6.12", "7.2",  "7.3" };
	char spec[64];
	unsigned i;

	for (i = 0; i < NR(preset); i++) {
		snprintf(spec, sizeof(spec), "zsmalloc@%s", preset[i]);
		stress(spec, scaled(20000));
	}
}

static void test_designs(void **state)
{
	static const char *const lock[] = { "pool", "class", "class-free" };
	static const char *const zspage[] = { "pin", "rwlock", "rwsem",
					      "atomic", "preempt" };
	char spec[128];
	unsigned i;

	for (i = 0; i < 30; i++) {
		snprintf(spec, sizeof(spec),
			 "zsmalloc:lock=%s,zspage=%s,compact=%s,release=%s,"
			 "map=%s",
			 lock[i % 3], zspage[i / 3 % 5], i / 15 ? "old" : "new",
			 i % 2 ? "inside" : "after",
			 i / 15 != i % 2 ? "buffer" : "obj");
		stress(spec, scaled(10000));
	}
	assert_true(total.moved_objects > 0);
	assert_true(total.migrated_pages > 0);
}

#ifdef SYNC_TSAN
/*
 * The same source with a zspage lock that orders nothing, loaded as a backend
 * into a process of its own, which the sanitizer must stop: what one thread
 * wrote under the lock, another one copies under it. Nothing else orders the
 * two, so this does not depend on timing. With the right locks the same object
 * must pass.
 */
static const char *self;

struct handoff {
	struct zpool *pool;
	struct object object;
	atomic_t written;
};

static void *write_and_tell(void *arg)
{
	struct handoff *h = arg;

	sync_cpu_attach();
	write_object(h->pool, &h->object);
	atomic_set(&h->written, 1);
	sync_cpu_detach();
	return NULL;
}

static int planted(const char *zspage)
{
	struct zpool_config config = { .arena = { .capacity = 1u << 10 } };
	char path[PATH_MAX], spec[PATH_MAX + 64];
	struct handoff h = { .object = { .seed = 1, .size = 2048 } };
	struct zpool_location where;
	struct err err = { "" };
	pthread_t writer;
	ssize_t n;
	int ret;

	n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (n < 0)
		return 1;
	path[n] = '\0';
	snprintf(spec, sizeof(spec),
		 "%s/zsmalloc_relaxed.so:lock=class,zspage=%s", dirname(path),
		 zspage);
	h.pool = zpool_create(spec, &config, &err);
	if (!h.pool) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	if (h.pool->driver->malloc(h.pool, h.object.size, &h.object.handle))
		return 1;
	h.pool->driver->locate(h.pool, h.object.handle, &where);
	pthread_create(&writer, NULL, write_and_tell, &h);
	while (!atomic_read(&h.written))
		cond_resched();
	ret = h.pool->driver->migrate(h.pool, where.pfn);
	pthread_join(writer, NULL);
	zpool_destroy(h.pool);
	return ret ? 1 : 0;
}

static int run_planted(const char *zspage, char *text, size_t len)
{
	int pipes[2], status;
	size_t at = 0;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (!pid) {
		dup2(pipes[1], 2);
		setenv("TSAN_OPTIONS", "halt_on_error=1:exitcode=66", 1);
		execl("/proc/self/exe", self, "planted", zspage, NULL);
		_exit(127);
	}
	close(pipes[1]);
	while (at + 1 < len &&
	       (n = read(pipes[0], text + at, len - 1 - at)) > 0)
		at += n;
	text[at] = '\0';
	close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_relaxed_is_found(void **state)
{
	static const char *const right[] = { "pin", "rwlock", "rwsem", "atomic",
					     "preempt" };
	static char text[1 << 16];
	unsigned i;

	if (run_planted("relaxed", text, sizeof(text)) != 66 ||
	    !strstr(text, "data race"))
		fail_msg("zspage=relaxed passed: %s", text);
	for (i = 0; i < NR(right); i++)
		if (run_planted(right[i], text, sizeof(text)))
			fail_msg("zspage=%s: %s", right[i], text);
}
#endif

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_presets),
		cmocka_unit_test(test_designs),
#ifdef SYNC_TSAN
		cmocka_unit_test(test_relaxed_is_found),
#endif
	};

#ifdef SYNC_TSAN
	self = argv[0];
	if (argc == 3 && !strcmp(argv[1], "planted"))
		return planted(argv[2]);
#endif
	return cmocka_run_group_tests_name("zsmalloc threads", tests, NULL,
					   NULL);
}
