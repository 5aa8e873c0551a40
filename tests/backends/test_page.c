// SPDX-License-Identifier: GPL-2.0-or-later
#include <pthread.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "backends/page.h"

#define THREADS 4
#define STEPS 30000
#define HELD 200
/* Where neither sanitizer keeps its shadow. */
#ifdef SYNC_TSAN
#define FIXED ((uintptr_t)1 << 37)
#else
#define FIXED ((uintptr_t)1 << 45)
#endif

static struct arena *make(struct arena_config config)
{
	struct err err = { "" };
	struct arena *a = arena_create(&config, &err);

	if (!a)
		fail_msg("%s", err.text);
	return a;
}

static void arithmetic(void **state)
{
	static const unsigned shifts[] = { 0, 12, 14, 16 };
	struct arena *a;
	pfn_t pfn[3];
	char *p;
	size_t i, k;

	for (i = 0; i < sizeof(shifts) / sizeof(shifts[0]); i++) {
		a = make((struct arena_config){ .page_shift = shifts[i],
						.desc_size = 24,
						.capacity = 100 });
		assert_int_equal(arena_page_size(a),
				 1u << (shifts[i] ? shifts[i] : 12));
		for (k = 0; k < 3; k++) {
			pfn[k] = frame_alloc(a);
			assert_int_not_equal(pfn[k], PFN_NONE);
			p = pfn_addr(a, pfn[k]);
			assert_int_equal((uintptr_t)p % arena_page_size(a), 0);
			assert_int_equal(addr_pfn(a, p), pfn[k]);
			assert_int_equal(addr_pfn(a,
						  p + arena_page_size(a) - 1),
					 pfn[k]);
			assert_int_equal(desc_pfn(a, pfn_desc(a, pfn[k])),
					 pfn[k]);
			assert_true(addr_in_arena(a, p));
			memset(p, (int)k, arena_page_size(a));
			memset(pfn_desc(a, pfn[k]), 0xee, 24);
		}
		/* Numbers are dense, frames and descriptors do not overlap. */
		for (k = 0; k < 3; k++) {
			assert_true(pfn[k] < 3);
			p = pfn_addr(a, pfn[k]);
			assert_int_equal(*p, k);
			assert_int_equal(p[arena_page_size(a) - 1], k);
			assert_int_equal(*(unsigned char *)pfn_desc(a, pfn[k]),
					 0xee);
		}
		assert_false(addr_in_arena(a, a->frames - 1));
		assert_false(addr_in_arena(a, &a));
		assert_int_equal(arena_used(a), 3);
		arena_destroy(a);
	}
}

static void descriptors(void **state)
{
	static const unsigned char zero[24];
	struct arena *a;
	pfn_t pfn, again;
	int keep;

	for (keep = 0; keep < 2; keep++) {
		a = make((struct arena_config){
			.desc_size = 24, .capacity = 1, .keep_descs = keep });
		pfn = frame_alloc(a);
		assert_memory_equal(pfn_desc(a, pfn), zero, 24);
		memset(pfn_desc(a, pfn), 1, 24);
		frame_free(a, pfn);
		again = frame_alloc(a);
		assert_int_equal(again, pfn);
		assert_int_equal(*(char *)pfn_desc(a, again), keep);
		arena_destroy(a);
	}
}

static void limits(void **state)
{
	struct arena *a =
		make((struct arena_config){ .capacity = 1000, .limit = 300 });
	pfn_t pfn[300];
	int i;

	for (i = 0; i < 300; i++) {
		pfn[i] = frame_alloc(a);
		assert_int_not_equal(pfn[i], PFN_NONE);
	}
	assert_int_equal(frame_alloc(a), PFN_NONE);
	assert_int_equal(arena_used(a), 300);
	/* A freed frame counts as free at once. */
	frame_free(a, pfn[7]);
	assert_int_equal(arena_used(a), 299);
	pfn[7] = frame_alloc(a);
	assert_int_not_equal(pfn[7], PFN_NONE);
	assert_int_equal(frame_alloc(a), PFN_NONE);
	for (i = 0; i < 300; i++)
		frame_free(a, pfn[i]);
	assert_int_equal(arena_used(a), 0);
	assert_int_equal(atomic_long_read(&a->peak), 300);
	arena_destroy(a);
}

/* Frames on another CPU's list must not look like exhaustion. */
static void *take_and_give(void *arg)
{
	struct arena *a = arg;
	pfn_t pfn[ARENA_PCP];
	int i;

	sync_cpu_attach();
	for (i = 0; i < ARENA_PCP; i++)
		pfn[i] = frame_alloc(a);
	for (i = 0; i < ARENA_PCP; i++)
		frame_free(a, pfn[i]);
	sync_cpu_detach();
	return NULL;
}

static void other_lists(void **state)
{
	struct arena *a = make((struct arena_config){ .capacity = ARENA_PCP });
	pthread_t t;
	int i;

	assert_int_equal(pthread_create(&t, NULL, take_and_give, a), 0);
	pthread_join(t, NULL);
	for (i = 0; i < ARENA_PCP; i++)
		assert_int_not_equal(frame_alloc(a), PFN_NONE);
	assert_int_equal(frame_alloc(a), PFN_NONE);
	arena_destroy(a);
}

static void chosen_failures(void **state)
{
	struct arena *a = make((struct arena_config){ .capacity = 100 });
	struct slab *s = slab_create(a, "test", 24, 0, NULL);
	long nth, every, i;

	for (nth = 1; nth <= 20; nth++) {
		for (every = 0; every <= 3; every++) {
			arena_fail(a, nth, every);
			for (i = 1; i <= 30; i++) {
				bool fails =
					i == nth || (every && i > nth &&
						     (i - nth) % every == 0);
				pfn_t pfn;
				void *obj;

				/* Frames and objects count together. */
				if (i % 2) {
					pfn = frame_alloc(a);
					assert_int_equal(pfn == PFN_NONE,
							 fails);
					if (pfn != PFN_NONE)
						frame_free(a, pfn);
				} else {
					obj = slab_alloc(s);
					assert_int_equal(!obj, fails);
					if (obj)
						slab_free(s, obj);
				}
			}
			assert_int_equal(arena_used(a), 0);
			assert_int_equal(slab_objects(s), 0);
		}
	}
	arena_fail(a, 0, 0);
	assert_int_not_equal(frame_alloc(a), PFN_NONE);
	assert_int_equal(slab_destroy(s), 0);
	arena_destroy(a);
}

static void bad_arenas(void **state)
{
	static const struct arena_config bad[] = {
		{ .page_shift = 13 },
		{ .page_shift = 20 },
		{ .desc_size = 12, .capacity = 10 },
		{ .capacity = (size_t)1 << 40 },
		{ .capacity = 10, .base = 4096 + 1 },
	};
	struct arena_config taken = { .capacity = 10, .base = FIXED };
	struct arena *a = make(taken);
	struct err err;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err.text[0] = '\0';
		assert_null(arena_create(&bad[i], &err));
		assert_true(err.text[0]);
	}
	err.text[0] = '\0';
	assert_null(arena_create(&taken, &err));
	assert_non_null(strstr(err.text, "fixed base"));
	arena_destroy(a);
}

/* With a fixed base every address repeats, those of slabs too. */
static void fixed_base(void **state)
{
	uintptr_t seen[4] = { 0 };
	struct arena_config config = { .capacity = 10, .base = FIXED };
	struct arena *a;
	struct slab *s, *t;
	int round;

	for (round = 0; round < 2; round++) {
		a = make(config);
		s = slab_create(a, "first", 8, 0, NULL);
		t = slab_create(a, "second", 56, 0, NULL);
		assert_non_null(s);
		assert_non_null(t);
		if (!round) {
			seen[0] = (uintptr_t)pfn_addr(a, frame_alloc(a));
			seen[1] = (uintptr_t)slab_alloc(s);
			seen[2] = (uintptr_t)slab_alloc(t);
		} else {
			assert_ptr_equal(pfn_addr(a, frame_alloc(a)), seen[0]);
			assert_ptr_equal(slab_alloc(s), seen[1]);
			assert_ptr_equal(slab_alloc(t), seen[2]);
		}
		assert_int_equal(a->base, FIXED);
		assert_int_equal(slab_destroy(s), 1);
		assert_int_equal(slab_destroy(t), 1);
		arena_destroy(a);
	}
}

static void huge_backing(void **state)
{
	struct arena *a = make((struct arena_config){
		.capacity = 2000, .huge = true, .desc_size = 8 });
	int i;

	for (i = 0; i < 2000; i++) {
		pfn_t pfn = frame_alloc(a);

		assert_int_not_equal(pfn, PFN_NONE);
		memset(pfn_addr(a, pfn), i, 4096);
	}
	assert_int_equal((uintptr_t)a->frames % (2ul << 20), 0);
	arena_destroy(a);
}

static void slabs(void **state)
{
	static const struct {
		size_t size, align, per_page, step;
	} cases[] = {
		{ 8, 0, 512, 8 },    { 56, 0, 73, 56 },	   { 48, 64, 64, 64 },
		{ 100, 0, 39, 104 }, { 4096, 0, 1, 4096 }, { 24, 16, 128, 32 },
	};
	struct arena *a = make((struct arena_config){ .capacity = 10 });
	void *obj[700];
	struct slab *s;
	size_t i, k, n;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t align = cases[i].align ? cases[i].align : 8;

		s = slab_create(a, "test", cases[i].size, cases[i].align, NULL);
		assert_non_null(s);
		n = cases[i].per_page * 2 > 700 ? 700 : cases[i].per_page * 2;
		for (k = 0; k < n; k++) {
			obj[k] = slab_zalloc(s);
			assert_non_null(obj[k]);
			assert_int_equal((uintptr_t)obj[k] % align, 0);
			assert_int_equal(*(char *)obj[k], 0);
			memset(obj[k], 0xff, cases[i].size);
			assert_true(slab_owns(s, obj[k]));
			assert_true(slab_in_range(s, obj[k]));
			assert_false(slab_owns(s, (char *)obj[k] + 1));
		}
		assert_int_equal(slab_objects(s), n);
		/* Packed: two pages hold two pages' worth. */
		assert_true(slab_bytes(s) <= 3 * 4096);
		assert_int_equal(atomic_long_read(&a->slab_bytes),
				 slab_bytes(s));
		for (k = 0; k < n; k++) {
			slab_free(s, obj[k]);
			assert_false(slab_owns(s, obj[k]));
		}
		assert_int_equal(slab_objects(s), 0);
		assert_false(slab_owns(s, &a));
		assert_int_equal(slab_destroy(s), 0);
		assert_int_equal(atomic_long_read(&a->slab_bytes), 0);
	}
	assert_null(slab_create(a, "test", 4, 0, NULL));
	assert_null(slab_create(a, "test", 5000, 0, NULL));
	assert_null(slab_create(a, "test", 8, 24, NULL));
	arena_destroy(a);
}

static void slab_gives_pages_back(void **state)
{
	struct arena *a = make((struct arena_config){ .capacity = 10 });
	struct slab *s = slab_create(a, "test", 64, 0, NULL);
	static void *obj[64 * 100];
	int i;

	for (i = 0; i < 64 * 100; i++)
		obj[i] = slab_alloc(s);
	assert_true(slab_bytes(s) >= 100 * 4096);
	for (i = 0; i < 64 * 100; i++)
		slab_free(s, obj[i]);
	/* What waits on this CPU's list may hold a few pages. */
	assert_true(slab_bytes(s) <= 4 * 4096);
	assert_int_equal(slab_destroy(s), 0);
	arena_destroy(a);
}

static void leak_is_told(void **state)
{
	struct arena *a = make((struct arena_config){ .capacity = 10 });
	struct slab *s = slab_create(a, "test", 8, 0, NULL);

	slab_alloc(s);
	slab_alloc(s);
	assert_int_equal(slab_destroy(s), 2);
	arena_destroy(a);
}

/* Each frame and object carries its owner's mark while it is held. */
struct stress {
	struct arena *arena;
	struct slab *slab;
	long id, wrong;
	pfn_t shared[HELD];
};

static void *stress(void *arg)
{
	struct stress *s = arg;
	pfn_t frame[HELD];
	long *obj[HELD];
	unsigned random = s->id, i, step;

	sync_cpu_attach();
	memset(frame, 0xff, sizeof(frame));
	memset(obj, 0, sizeof(obj));
	for (step = 0; step < STEPS; step++) {
		random = random * 1664525u + 1013904223u;
		i = (random >> 8) % HELD;
		if (frame[i] == PFN_NONE) {
			frame[i] = frame_alloc(s->arena);
			if (frame[i] != PFN_NONE)
				*(long *)pfn_addr(s->arena, frame[i]) = s->id;
		} else {
			if (*(long *)pfn_addr(s->arena, frame[i]) != s->id)
				s->wrong++;
			frame_free(s->arena, frame[i]);
			frame[i] = PFN_NONE;
		}
		i = (random >> 16) % HELD;
		if (!obj[i]) {
			obj[i] = slab_alloc(s->slab);
			if (obj[i])
				*obj[i] = s->id;
		} else {
			if (*obj[i] != s->id)
				s->wrong++;
			slab_free(s->slab, obj[i]);
			obj[i] = NULL;
		}
	}
	for (i = 0; i < HELD; i++) {
		if (frame[i] != PFN_NONE)
			frame_free(s->arena, frame[i]);
		if (obj[i])
			slab_free(s->slab, obj[i]);
	}
	sync_cpu_detach();
	return NULL;
}

static void many_cpus(void **state)
{
	/* Too few frames for all, so the limit is met as well. */
	struct arena *a = make((struct arena_config){
		.capacity = 300, .limit = 250, .desc_size = 16 });
	struct slab *slab = slab_create(a, "test", 24, 0, NULL);
	struct stress s[THREADS];
	pthread_t t[THREADS];
	long i;

	for (i = 0; i < THREADS; i++) {
		s[i] = (struct stress){ .arena = a, .slab = slab, .id = i + 1 };
		assert_int_equal(pthread_create(&t[i], NULL, stress, &s[i]), 0);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(t[i], NULL);
		assert_int_equal(s[i].wrong, 0);
	}
	assert_int_equal(arena_used(a), 0);
	assert_int_equal(slab_objects(slab), 0);
	assert_true(atomic_long_read(&a->peak) <= 250);
	assert_int_equal(slab_destroy(slab), 0);
	arena_destroy(a);
}

static void heap_sizes(void **state)
{
	static const size_t sizes[][2] = {
		{ 0, 8 },	 { 8, 8 },     { 9, 16 },      { 64, 64 },
		{ 65, 96 },	 { 96, 96 },   { 97, 128 },    { 129, 192 },
		{ 193, 256 },	 { 257, 512 }, { 4097, 8192 }, { 8192, 8192 },
		{ 8193, 16384 },
	};
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_int_equal(kmalloc_bytes(sizes[i][0]), sizes[i][1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arithmetic),
		cmocka_unit_test(descriptors),
		cmocka_unit_test(limits),
		cmocka_unit_test(other_lists),
		cmocka_unit_test(chosen_failures),
		cmocka_unit_test(bad_arenas),
		cmocka_unit_test(fixed_base),
		cmocka_unit_test(huge_backing),
		cmocka_unit_test(slabs),
		cmocka_unit_test(slab_gives_pages_back),
		cmocka_unit_test(leak_is_told),
		cmocka_unit_test(heap_sizes),
		cmocka_unit_test(many_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
