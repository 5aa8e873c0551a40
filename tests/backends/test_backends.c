// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What every allocator must do, whatever it is: each test runs for each
 * registered backend as it stands, for each of its presets, and for some more
 * combinations of options.
 */
#include <errno.h>
#include <libgen.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "backends/zpool.h"
#include "tests/lib/random.h"

#define PAGE 4096u
#define MAX_SPECS 64

/* A debug build, with a sanitizer, is many times slower. */
#ifdef ZLAB_DEBUG
#define STEPS(n) ((n) / 4)
#else
#define STEPS(n) (n)
#endif

static const char *const more_specs[] = {
	"zbud:lru=on",
	"z3fold:form=early,lock=pool,header=1,lru=on",
	"z3fold:form=early,lock=page,header=1,lru=on",
	"z3fold:form=early,lock=page,header=2,slide=off",
	"z3fold:lru=on",
	"jemalloc:tcache=none",
};

struct object {
	unsigned long handle;
	uint64_t seed;
	unsigned size; /* 0: none */
};

/* A pool under test with the objects that must be in it. */
struct world {
	const char *spec;
	struct zpool *pool;
	struct object *obj;
	size_t nr, live;
	uint64_t rng;
	unsigned refuse; /* evict refuses each so-many-th object; 0 = none */
	unsigned asked;
};

static unsigned below(struct world *w, unsigned n)
{
	return next(&w->rng) % n;
}

static void fill(unsigned char *to, unsigned size, uint64_t seed)
{
	unsigned i;

	for (i = 0; i < size; i++) {
		if (!(i & 7))
			seed = seed * 6364136223846793005u +
			       1442695040888963407u;
		to[i] = seed >> (i & 7) * 8;
	}
}

static void check(struct world *w, const struct object *o)
{
	unsigned char want[PAGE], copy[PAGE], *got;

	if (w->pool->caps & ZPOOL_NO_CONTENTS)
		return;
	fill(want, o->size, o->seed);
	got = zpool_read_begin(w->pool, o->handle, o->size, copy);
	if (memcmp(got, want, o->size))
		fail_msg("%s: an object of %u bytes came back changed", w->spec,
			 o->size);
	zpool_read_end(w->pool, o->handle, o->size, got);
}

static void check_all(struct world *w)
{
	size_t i;

	for (i = 0; i < w->nr; i++)
		if (w->obj[i].size)
			check(w, &w->obj[i]);
}

static void write_object(struct world *w, struct object *o)
{
	unsigned char bytes[PAGE];

	o->seed = next(&w->rng);
	fill(bytes, o->size, o->seed);
	zpool_write(w->pool, o->handle, bytes, o->size);
}

/* Returns what malloc returned. */
static int put(struct world *w, size_t i, unsigned size)
{
	struct object *o = &w->obj[i];
	int ret = w->pool->driver->malloc(w->pool, size, &o->handle);

	if (ret)
		return ret;
	o->size = size;
	w->live++;
	write_object(w, o);
	return 0;
}

static void drop(struct world *w, size_t i)
{
	struct object *o = &w->obj[i];

	check(w, o);
	w->pool->driver->free(w->pool, o->handle);
	o->size = 0;
	w->live--;
}

static void drop_all(struct world *w)
{
	size_t i;

	for (i = 0; i < w->nr; i++)
		if (w->obj[i].size)
			drop(w, i);
}

static void settle(struct world *w)
{
	if (w->pool->driver->settle)
		w->pool->driver->settle(w->pool);
}

static struct zpool_stats stats_of(struct world *w)
{
	struct zpool_stats stats;

	w->pool->driver->stats(w->pool, &stats);
	return stats;
}

static void validate(struct world *w)
{
	struct err err = { "" };

	if (w->pool->driver->validate &&
	    w->pool->driver->validate(w->pool, &err))
		fail_msg("%s: %s", w->spec, err.text);
	assert_int_equal(stats_of(w).objects, w->live);
}

static int evict(struct zpool *pool, unsigned long handle, const void *object,
		 void *arg)
{
	struct world *w = arg;
	size_t i;

	if (w->refuse && ++w->asked % w->refuse == 0)
		return -EEXIST;
	for (i = 0; i < w->nr; i++)
		if (w->obj[i].size && w->obj[i].handle == handle) {
			if (object && w->obj[i].size >= 8)
				check(w, &w->obj[i]);
			drop(w, i);
			return 0;
		}
	fail_msg("%s: evict of handle 0x%lx, which is not live", w->spec,
		 handle);
	return -ENOENT;
}

static void open_world(struct world *w, const char *spec, size_t nr,
		       size_t limit)
{
	struct zpool_config config = {
		.arena = { .limit = limit, .capacity = limit ? limit : 65536 },
		.evict = evict,
		.evict_arg = w,
	};
	struct err err = { "" };

	memset(w, 0, sizeof(*w));
	w->spec = spec;
	w->nr = nr;
	w->rng = 7;
	w->obj = calloc(nr, sizeof(*w->obj));
	assert_non_null(w->obj);
	w->pool = zpool_create(spec, &config, &err);
	if (!w->pool)
		fail_msg("%s: %s", spec, err.text);
}

static void close_world(struct world *w)
{
	drop_all(w);
	settle(w);
	validate(w);
	if (w->pool->arena)
		assert_int_equal(stats_of(w).pages, 0);
	zpool_destroy(w->pool);
	free(w->obj);
}

static void shuffle(struct world *w, unsigned *order, unsigned n)
{
	unsigned i, j, t;

	for (i = 0; i < n; i++)
		order[i] = i;
	for (i = n - 1; i; i--) {
		j = below(w, i + 1);
		t = order[i];
		order[i] = order[j];
		order[j] = t;
	}
}

static void test_every_size(void **state)
{
	unsigned order[PAGE], i, largest;
	struct world w;

	open_world(&w, *state, PAGE, 0);
	largest = w.pool->driver->largest(w.pool);
	assert_in_range(largest, PAGE / 2, PAGE);
	for (i = 0; i < PAGE; i++)
		assert_int_equal(put(&w, i, i + 1),
				 i + 1 <= largest ? 0 : -ENOSPC);
	assert_int_equal(put(&w, 0, 0), -EINVAL);
	assert_int_equal(put(&w, 0, PAGE + 1), -ENOSPC);
	validate(&w);
	check_all(&w);
	shuffle(&w, order, PAGE);
	for (i = 0; i < PAGE; i++)
		if (w.obj[order[i]].size)
			drop(&w, order[i]);
	close_world(&w);
}

/* Sizes as compressed pages have them: many small, some that fill a page. */
static unsigned some_size(struct world *w)
{
	unsigned largest = w->pool->driver->largest(w->pool);
	unsigned size = 1 + below(w, below(w, 4) ? 2048 : PAGE);

	return size > largest ? largest : size;
}

static void random_step(struct world *w)
{
	size_t i = below(w, w->nr);
	struct object *o = &w->obj[i];
	unsigned pages = 0;

	switch (below(w, 64)) {
	case 0:
		settle(w);
		break;
	case 1:
		if (w->pool->driver->compact)
			w->pool->driver->compact(w->pool);
		break;
	case 2:
		if (w->pool->caps & ZPOOL_EVICTABLE)
			w->pool->driver->shrink(w->pool, 1, &pages);
		break;
	default:
		if (!o->size)
			put(w, i, some_size(w));
		else if (below(w, 3))
			drop(w, i);
		else if (below(w, 2))
			check(w, o);
		else
			write_object(w, o);
	}
}

/* Whatever is done in whatever order, the pool holds what a table says. */
static void test_model(void **state)
{
	struct world w;
	int step;

	open_world(&w, *state, 300, 0);
	w.refuse = 3;
	for (step = 0; step < STEPS(30000); step++) {
		random_step(&w);
		if (step % 1000 == 0) {
			validate(&w);
			check_all(&w);
		}
	}
	check_all(&w);
	close_world(&w);
}

static void test_limit(void **state)
{
	struct world w;
	size_t i = 0, round;
	int ret = 0;

	open_world(&w, *state, 4000, 40);
	if (w.pool->caps & ZPOOL_NO_CONTENTS && !w.pool->arena) {
		close_world(&w);
		return;
	}
	for (round = 0; round < 3; round++) {
		for (i = 0; i < w.nr && !ret; i++)
			if (!w.obj[i].size)
				ret = put(&w, i, some_size(&w));
		assert_int_equal(ret, -ENOMEM);
		if (w.pool->arena) {
			assert_true(stats_of(&w).pages <= 40);
			assert_true(arena_used(w.pool->arena) <= 40);
		}
		settle(&w);
		validate(&w);
		check_all(&w);
		for (i = 0; i < w.nr; i += 2)
			if (w.obj[i].size)
				drop(&w, i);
		settle(&w);
		ret = 0;
	}
	close_world(&w);
}

/* The same sequence again and again, with another allocation failing in it. */
static void test_no_memory(void **state)
{
	struct world w;
	int nth, step, failed, clean = 0;

	for (nth = 1; clean < 2; nth += 1 + nth / STEPS(8)) {
		open_world(&w, *state, 120, 0);
		if (!w.pool->arena) {
			close_world(&w);
			return;
		}
		arena_fail(w.pool->arena, nth, nth % 3 ? 0 : 2);
		failed = 0;
		for (step = 0; step < 600; step++) {
			size_t i = below(&w, w.nr);

			if (w.obj[i].size)
				drop(&w, i);
			else
				failed += put(&w, i, some_size(&w)) != 0;
			if (step % 50 == 0)
				settle(&w);
			if (step % 90 == 0 && w.pool->driver->compact)
				w.pool->driver->compact(w.pool);
			if (step % 70 == 0)
				validate(&w);
		}
		clean += !failed;
		check_all(&w);
		arena_fail(w.pool->arena, 0, 0);
		close_world(&w);
	}
	assert_true(nth > 40);
}

static void test_out_of_memory_code(void **state)
{
	struct world w;

	open_world(&w, *state, 1, 0);
	if (w.pool->arena) {
		arena_fail(w.pool->arena, 1, 1);
		assert_int_equal(put(&w, 0, 100), -ENOMEM);
		assert_int_equal(put(&w, 0, PAGE / 2), -ENOMEM);
		arena_fail(w.pool->arena, 0, 0);
		assert_int_equal(arena_used(w.pool->arena), 0);
		assert_int_equal(put(&w, 0, 100), 0);
	}
	close_world(&w);
}

static void test_shrink(void **state)
{
	struct zpool_stats before, after;
	unsigned reclaimed = 0, total = 0, round;
	struct world w;
	size_t i;

	open_world(&w, *state, 1000, 0);
	if (!(w.pool->caps & ZPOOL_EVICTABLE)) {
		close_world(&w);
		return;
	}
	assert_int_equal(w.pool->driver->shrink(w.pool, 1, &reclaimed),
			 -EINVAL);
	assert_int_equal(reclaimed, 0);
	for (i = 0; i < w.nr; i++)
		assert_int_equal(put(&w, i, some_size(&w)), 0);
	before = stats_of(&w);
	assert_int_equal(w.pool->driver->shrink(w.pool, 50, &reclaimed), 0);
	after = stats_of(&w);
	assert_int_equal(reclaimed, 50);
	assert_int_equal(before.pages - after.pages, 50);
	assert_true(before.objects - after.objects >= 50);
	validate(&w);
	/* Objects that must stay do stay, and so do their pages. */
	for (w.refuse = 1; w.refuse < 5; w.refuse++)
		for (round = 0; round < STEPS(20); round++) {
			w.pool->driver->shrink(w.pool, 3, &reclaimed);
			total += reclaimed;
			validate(&w);
			check_all(&w);
		}
	assert_true(total > 0);
	w.refuse = 1;
	assert_int_equal(w.pool->driver->shrink(w.pool, 1, &reclaimed),
			 -EAGAIN);
	w.refuse = 0;
	while (!w.pool->driver->shrink(w.pool, 1, &reclaimed))
		;
	settle(&w);
	assert_int_equal(w.live, 0);
	close_world(&w);
}

/* Other page sizes: objects of up to a page, contents intact. */
static void test_page_sizes(void **state)
{
	static const unsigned shifts[] = { 14, 16 };
	struct zpool_config config = { .arena = { .capacity = 4096 } };
	unsigned char *bytes = malloc(1 << 16), *copy = malloc(1 << 16), *got;
	unsigned long handle[64];
	struct err err = { "" };
	struct zpool *pool;
	size_t size, i, s;

	assert_non_null(bytes);
	assert_non_null(copy);
	for (s = 0; s < 2; s++) {
		config.arena.page_shift = shifts[s];
		pool = zpool_create(*state, &config, &err);
		if (!pool)
			fail_msg("%s", err.text);
		for (i = 0; i < 64; i++) {
			size = pool->driver->largest(pool) * (i + 1) / 64;
			fill(bytes, size, i);
			assert_int_equal(pool->driver->malloc(pool, size,
							      &handle[i]),
					 0);
			if (!(pool->caps & ZPOOL_NO_CONTENTS))
				zpool_write(pool, handle[i], bytes, size);
		}
		for (i = 0; i < 64; i++) {
			size = pool->driver->largest(pool) * (i + 1) / 64;
			fill(bytes, size, i);
			if (!(pool->caps & ZPOOL_NO_CONTENTS)) {
				got = zpool_read_begin(pool, handle[i], size,
						       copy);
				assert_memory_equal(got, bytes, size);
				zpool_read_end(pool, handle[i], size, got);
			}
			pool->driver->free(pool, handle[i]);
		}
		if (pool->driver->validate &&
		    pool->driver->validate(pool, &err))
			fail_msg("%s", err.text);
		zpool_destroy(pool);
	}
	free(bytes);
	free(copy);
}

/*
 * Threads: each stores, verifies and frees slots of its own; one more settles,
 * compacts and shrinks, and an evicted object may be anybody's.
 */
#define SLOTS 400
#define WORKERS 2

struct slot {
	spinlock_t lock;
	struct object obj;
};

struct crowd {
	struct zpool *pool;
	struct slot slot[SLOTS];
	atomic_t running, wrong, evicted;
	long steps;
};

struct worker {
	struct crowd *c;
	unsigned id;
	pthread_t thread;
};

/* The first word of an object says whose it is; the rest is filled. */
static void crowd_write(struct crowd *c, unsigned slot, struct object *o)
{
	unsigned char bytes[PAGE], *to;

	fill(bytes, o->size, o->seed);
	memcpy(bytes, &(uint64_t){ slot }, 8);
	if (c->pool->driver->obj_write) {
		c->pool->driver->obj_write(c->pool, o->handle, bytes, o->size);
		return;
	}
	to = c->pool->driver->map(c->pool, o->handle, ZPOOL_MM_WO);
	WRITE_ONCE(*(uint64_t *)to, slot);
	memcpy(to + 8, bytes + 8, o->size - 8);
	c->pool->driver->unmap(c->pool, o->handle);
}

static void crowd_check(struct crowd *c, unsigned slot, const struct object *o)
{
	unsigned char want[PAGE], copy[PAGE], *got;

	if (c->pool->caps & ZPOOL_NO_CONTENTS)
		return;
	fill(want, o->size, o->seed);
	memcpy(want, &(uint64_t){ slot }, 8);
	got = zpool_read_begin(c->pool, o->handle, o->size, copy);
	if (memcmp(got, want, o->size))
		atomic_inc(&c->wrong);
	zpool_read_end(c->pool, o->handle, o->size, got);
}

static int crowd_evict(struct zpool *pool, unsigned long handle,
		       const void *object, void *arg)
{
	struct crowd *c = arg;
	struct slot *s;
	uint64_t slot = READ_ONCE(*(const uint64_t *)object);

	if (slot >= SLOTS)
		return -EEXIST;
	s = &c->slot[slot];
	if (!spin_trylock(&s->lock))
		return -EEXIST;
	if (s->obj.size && s->obj.handle == handle) {
		crowd_check(c, slot, &s->obj);
		pool->driver->free(pool, handle);
		s->obj.size = 0;
		atomic_inc(&c->evicted);
	}
	spin_unlock(&s->lock);
	return 0;
}

static void crowd_step(struct crowd *c, struct slot *s, uint64_t *rng)
{
	unsigned largest = c->pool->driver->largest(c->pool);
	unsigned slot = s - c->slot, size;
	unsigned long handle;

	if (s->obj.size) {
		crowd_check(c, slot, &s->obj);
		if (next(rng) % 2)
			return;
		handle = s->obj.handle;
		s->obj.size = 0;
		c->pool->driver->free(c->pool, handle);
		return;
	}
	size = 8 + next(rng) % (next(rng) % 4 ? 1500 : largest - 8);
	if (c->pool->driver->malloc(c->pool, size, &s->obj.handle))
		return;
	s->obj.seed = next(rng);
	s->obj.size = size;
	crowd_write(c, slot, &s->obj);
}

static void *crowd_work(void *arg)
{
	struct worker *me = arg;
	struct crowd *c = me->c;
	uint64_t rng = me->id;
	struct slot *s;
	long i;

	sync_cpu_attach();
	for (i = 0; i < c->steps; i++) {
		s = &c->slot[next(&rng) % SLOTS];
		spin_lock(&s->lock);
		crowd_step(c, s, &rng);
		spin_unlock(&s->lock);
	}
	atomic_dec(&c->running);
	sync_cpu_detach();
	return NULL;
}

static void crowd_maintain(struct crowd *c)
{
	const struct zpool_driver *d = c->pool->driver;
	unsigned reclaimed, round = 0;

	while (atomic_read(&c->running)) {
		if (d->settle)
			d->settle(c->pool);
		if (d->compact && round % 4 == 0)
			d->compact(c->pool);
		if (c->pool->caps & ZPOOL_EVICTABLE && round % 4 == 1)
			d->shrink(c->pool, 4, &reclaimed);
		round++;
		cond_resched();
	}
}

static void test_threads(void **state)
{
	static struct crowd crowd;
	struct worker worker[WORKERS];
	struct zpool_config config = { .arena = { .capacity = 65536 },
				       .evict = crowd_evict,
				       .evict_arg = &crowd };
	struct err err = { "" };
	unsigned i;

	memset(&crowd, 0, sizeof(crowd));
	crowd.steps = STEPS(20000);
	atomic_set(&crowd.running, WORKERS);
	crowd.pool = zpool_create(*state, &config, &err);
	if (!crowd.pool)
		fail_msg("%s", err.text);
	for (i = 0; i < SLOTS; i++)
		spin_lock_init(&crowd.slot[i].lock);
	for (i = 0; i < WORKERS; i++) {
		worker[i] = (struct worker){ .c = &crowd, .id = i };
		assert_int_equal(pthread_create(&worker[i].thread, NULL,
						crowd_work, &worker[i]),
				 0);
	}
	crowd_maintain(&crowd);
	for (i = 0; i < WORKERS; i++)
		pthread_join(worker[i].thread, NULL);
	assert_int_equal(atomic_read(&crowd.wrong), 0);
	if (crowd.pool->caps & ZPOOL_EVICTABLE)
		assert_true(atomic_read(&crowd.evicted) > 0);
	if (crowd.pool->driver->validate &&
	    crowd.pool->driver->validate(crowd.pool, &err))
		fail_msg("%s: %s", (char *)*state, err.text);
	for (i = 0; i < SLOTS; i++)
		if (crowd.slot[i].obj.size) {
			crowd_check(&crowd, i, &crowd.slot[i].obj);
			crowd.pool->driver->free(crowd.pool,
						 crowd.slot[i].obj.handle);
		}
	if (crowd.pool->driver->settle)
		crowd.pool->driver->settle(crowd.pool);
	assert_int_equal(atomic_read(&crowd.wrong), 0);
	if (crowd.pool->arena)
		assert_int_equal(arena_used(crowd.pool->arena), 0);
	zpool_destroy(crowd.pool);
}

#ifdef ZLAB_DEBUG
/* At fork jemalloc takes more locks than its detector of deadlocks can hold. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "detect_deadlocks=0";
}

/* Debug builds name a handle that is none, and end the run with status 1. */
enum misuse {
	FREE_TWICE,
	FREE_NEVER,
	FREE_MAPPED,
	MAP_FREED,
	MAP_TWICE,
	UNMAP_UNMAPPED,
	NR_MISUSES
};

static void misuse(const char *spec, enum misuse how)
{
	const struct zpool_driver *d;
	struct world w;
	unsigned long handle;

	open_world(&w, spec, 4, 0);
	d = w.pool->driver;
	put(&w, 0, 500);
	put(&w, 1, 500);
	handle = w.obj[0].handle;
	if (how == FREE_TWICE || how == MAP_FREED)
		d->free(w.pool, handle);
	if (how == FREE_MAPPED || how == MAP_TWICE)
		d->map(w.pool, handle, ZPOOL_MM_RO);
	if (how == FREE_NEVER)
		handle = 0x123450;
	if (how == MAP_FREED || how == MAP_TWICE)
		d->map(w.pool, handle, ZPOOL_MM_RW);
	else if (how == UNMAP_UNMAPPED)
		d->unmap(w.pool, handle);
	else
		d->free(w.pool, handle);
	_exit(0);
}

static void test_misuse(void **state)
{
	char said[4096], want[64];
	int how, status, fds[2];
	ssize_t n;
	size_t len;
	pid_t pid;

	for (how = 0; how < NR_MISUSES; how++) {
		assert_int_equal(pipe(fds), 0);
		pid = fork();
		if (!pid) {
			dup2(fds[1], 2);
			misuse(*state, how);
		}
		close(fds[1]);
		for (len = 0; len < sizeof(said) - 1; len += n) {
			n = read(fds[0], said + len, sizeof(said) - 1 - len);
			if (n <= 0)
				break;
		}
		said[len] = '\0';
		close(fds[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		snprintf(want, sizeof(want), "zlab: pool %.*s",
			 (int)strcspn(*state, "@:"), (char *)*state);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 1 ||
		    !strstr(said, want) || !strstr(said, "handle 0x"))
			fail_msg(
				"%s: misuse %d ended with 0x%x and said \"%s\"",
				(char *)*state, how, status, said);
	}
}
#endif

static const struct {
	const char *name;
	CMUnitTestFunction run;
} cases[] = {
	{ "every size", test_every_size },
	{ "model", test_model },
	{ "limit", test_limit },
	{ "no memory", test_no_memory },
	{ "out of memory", test_out_of_memory_code },
	{ "shrink", test_shrink },
	{ "page sizes", test_page_sizes },
	{ "threads", test_threads },
};
#define NR_CASES (sizeof(cases) / sizeof(cases[0]))

/* jemalloc has no ghost frames. */
static bool has_frames(const char *spec)
{
	return !FRAMES_GHOST || strncmp(spec, "jemalloc", 8) != 0;
}

/* @dir has the example of a backend in a shared object. */
static size_t collect_specs(char **spec, const char *dir)
{
	const struct zpool_driver *d = NULL;
	const struct spec_preset *p;
	size_t i, n = 0;

	while ((d = zpool_driver_next(d))) {
		if (!has_frames(d->spec.name))
			continue;
		if (asprintf(&spec[n++], "%s", d->spec.name) < 0)
			abort();
		for (p = d->spec.presets; p && p->name; p++)
			if (asprintf(&spec[n++], "%s@%s", d->spec.name,
				     p->name) < 0)
				abort();
	}
	if (!FRAMES_GHOST &&
	    asprintf(&spec[n++], "%s/onepage.so:scrub=on", dir) < 0)
		abort();
	for (i = 0; i < sizeof(more_specs) / sizeof(more_specs[0]); i++)
		if (has_frames(more_specs[i]) &&
		    asprintf(&spec[n++], "%s", more_specs[i]) < 0)
			abort();
	return n;
}

/*
 * An argument is a pattern of the titles to run, or with a / in it a shared
 * object that is tested alone.
 */
int main(int argc, char **argv)
{
	static struct CMUnitTest tests[MAX_SPECS * (NR_CASES + 1)];
	static char *spec[MAX_SPECS];
	size_t nr_specs, n = 0, s, c;
	char *title, *self = strdup(argv[0]);

	if (!self)
		return 1;
	if (argc > 1 && strchr(argv[1], '/')) {
		spec[0] = argv[1];
		nr_specs = 1;
		argc = 1;
	} else {
		nr_specs = collect_specs(spec, dirname(self));
	}
	free(self);
	for (s = 0; s < nr_specs; s++)
		for (c = 0; c < NR_CASES; c++) {
			if (asprintf(&title, "%s: %s", basename(spec[s]),
				     cases[c].name) < 0)
				abort();
			tests[n++] = (struct CMUnitTest){ title, cases[c].run,
							  NULL, NULL, spec[s] };
		}
#ifdef ZLAB_DEBUG
	for (s = 0; s < nr_specs; s++) {
		/* zsmalloc has tests of its own for what it can tell. */
		if (strncmp(spec[s], "zbud", 4) &&
		    strncmp(spec[s], "z3fold", 6))
			continue;
		if (asprintf(&title, "%s: misuse", spec[s]) < 0)
			abort();
		tests[n++] = (struct CMUnitTest){ title, test_misuse, NULL,
						  NULL, spec[s] };
	}
#endif
#ifdef __SANITIZE_THREAD__
	/* One thread has no races: the other tests are for long runs. */
	if (scaled(100) < 100)
		cmocka_set_test_filter("*: threads");
#endif
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return _cmocka_run_group_tests("backends", tests, n, NULL, NULL);
}
