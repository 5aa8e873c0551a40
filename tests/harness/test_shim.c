// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The shim with three sources of this project's own in the kernel's style,
 * which use every group of names that it offers: contents under threads,
 * migration, eviction and deferred work; memory that runs out at each
 * allocation; page sizes; several objects and pools in one process; what a bad
 * tree is told.
 *
 * ZLAB_TEST_SCALE scales the steps of the threaded runs, in percent.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "backends/zpool.h"
#include "harness/kernel/files.h"
#include "harness/kernel/shim_build.h"
#include "tests/lib/random.h"

#define OLD "tests/shim_src/old"
#define NEW "tests/shim_src/new"
#define HALVES "mm/halves.c"
#define ZSMALLOC "mm/zsmalloc.c"
#define ZBUD "mm/zbud.c"
#define OBJECTS 600

struct object {
	unsigned long handle;
	size_t size;
	unsigned seed;
};

struct run {
	struct zpool *pool;
	struct object obj[OBJECTS];
	uint64_t rng;
	long steps, corrupt, no_memory;
	/* Of all threads: a frame was migrated; nothing more is wanted. */
	bool *moved, *stop;
};

static const char *scratch(void)
{
	const char *dir = getenv("TMPDIR");

	return dir ? dir : "/tmp";
}

/* Under a ThreadSanitizer build the kernel code is built with it as well. */
static bool with_tsan(void)
{
#ifdef __SANITIZE_THREAD__
	return true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
	return true;
#else
	return false;
#endif
#else
	return false;
#endif
}

static struct shim_object built(const char *tree, const char *file,
				unsigned shift, bool debug)
{
	struct shim_request req = {
		.tree = tree,
		.file = file,
		.page_shift = shift,
		.debug = debug,
		.tsan = with_tsan(),
	};
	struct shim_object obj;
	struct err err = { "" };

	if (shim_build(&req, &obj, &err))
		fail_msg("%s", err.text);
	return obj;
}

static int evict(struct zpool *pool, unsigned long handle, const void *object,
		 void *arg)
{
	struct run *r = arg;
	size_t i;

	for (i = 0; i < OBJECTS; i++)
		if (r->obj[i].size && r->obj[i].handle == handle)
			r->obj[i].size = 0;
	pool->driver->free(pool, handle);
	return 0;
}

static struct zpool *pool_new(const struct shim_object *obj, size_t limit,
			      unsigned shift, struct run *r)
{
	struct zpool_config config = {
		.arena = { .capacity = 1u << 16,
			   .limit = limit,
			   .page_shift = shift },
		.evict = r ? evict : NULL,
		.evict_arg = r,
	};
	struct err err = { "" };
	struct zpool *pool = zpool_create(obj->spec, &config, &err);

	if (!pool)
		fail_msg("%s: %s", obj->spec, err.text);
	return pool;
}

static void fill(unsigned char *bytes, const struct object *o)
{
	uint64_t rng = o->seed;
	size_t i;

	for (i = 0; i < o->size; i++)
		bytes[i] = (unsigned char)next(&rng);
}

static void check(struct run *r, const struct object *o)
{
	unsigned char want[4096], copy[4096];
	void *mem;

	fill(want, o);
	mem = zpool_read_begin(r->pool, o->handle, o->size, copy);
	if (memcmp(mem, want, o->size))
		r->corrupt++;
	zpool_read_end(r->pool, o->handle, o->size, mem);
}

static void drop(struct run *r, struct object *o)
{
	if (!o->size)
		return;
	check(r, o);
	r->pool->driver->free(r->pool, o->handle);
	o->size = 0;
}

static void step(struct run *r)
{
	struct object *o = &r->obj[next(&r->rng) % OBJECTS];
	unsigned char bytes[4096];
	int ret;

	if (o->size && next(&r->rng) % 3 == 0) {
		check(r, o);
		return;
	}
	if (o->size) {
		drop(r, o);
		return;
	}
	o->size = 1 + next(&r->rng) % 4096;
	o->seed = (unsigned)next(&r->rng);
	ret = r->pool->driver->malloc(r->pool, o->size, &o->handle);
	if (ret) {
		assert_int_equal(ret, -ENOMEM);
		o->size = 0;
		r->no_memory++;
		return;
	}
	fill(bytes, o);
	zpool_write(r->pool, o->handle, bytes, o->size);
}

static void drop_all(struct run *r)
{
	size_t i;

	for (i = 0; i < OBJECTS; i++)
		drop(r, &r->obj[i]);
	while (r->pool->driver->settle(r->pool))
		;
}

static void assert_empty(struct zpool *pool)
{
	struct zpool_stats stats;

	pool->driver->stats(pool, &stats);
	assert_int_equal(stats.objects, 0);
	assert_int_equal(stats.pages, 0);
	assert_int_equal(arena_used(pool->arena), 0);
}

static void test_groups(void **state)
{
	struct shim_object obj = built(OLD, HALVES, 12, false);
	struct run *r = calloc(1, sizeof(*r));
	const unsigned caps = ZPOOL_EVICTABLE | ZPOOL_MOVABLE | ZPOOL_DEFERS |
			      ZPOOL_NEEDS_FRAMES;
	const struct zpool_driver *d;
	struct zpool_location a, b;
	struct zpool_stats stats;
	unsigned reclaimed = 0;
	unsigned long handle;
	size_t i;

	assert_non_null(r);
	r->rng = 1;
	r->pool = pool_new(&obj, 0, 0, r);
	d = r->pool->driver;
	assert_int_equal(r->pool->caps, caps);
	/* That it has looked for the largest size leaves no trace. */
	assert_int_equal(r->pool->arena->never_used, 0);
	/*
	 * struct half_pool and the name, from the heap; a word and a buffer of
	 * the CPU. What the shim itself allocates is not metadata.
	 */
	d->stats(r->pool, &stats);
	assert_int_equal(stats.metadata_bytes, 128 + 8 + 8 + 4096);
	assert_int_equal(d->largest(r->pool), 4096);
	assert_int_equal(d->malloc(r->pool, 0, &handle), -EINVAL);
	assert_int_equal(d->malloc(r->pool, 4097, &handle), -ENOSPC);
	assert_non_null(strstr(d->source, obj.sha256));
	for (i = 0; i < 20000; i++)
		step(r);
	/* Two small objects share a frame, the second behind the first. */
	assert_int_equal(r->corrupt, 0);
	drop_all(r);
	assert_empty(r->pool);
	for (i = 0; i < 2; i++) {
		r->obj[i].size = 100;
		r->obj[i].seed = 7;
		assert_int_equal(d->malloc(r->pool, 100, &r->obj[i].handle), 0);
	}
	d->locate(r->pool, r->obj[0].handle, &a);
	d->locate(r->pool, r->obj[1].handle, &b);
	assert_int_equal(a.pfn, b.pfn);
	assert_int_equal(a.at, 0);
	assert_int_equal(b.at, 2048);
	assert_false(a.indexed);
	r->obj[0].size = r->obj[1].size = 0;
	d->free(r->pool, r->obj[0].handle);
	d->free(r->pool, r->obj[1].handle);
	/* The emptied page is freed by its work, not by the free. */
	d->stats(r->pool, &stats);
	assert_int_equal(stats.pages, 0);
	assert_int_equal(arena_used(r->pool->arena), 1);
	assert_int_equal(d->settle(r->pool), 1);
	assert_empty(r->pool);
	assert_int_equal(d->shrink(r->pool, 1, &reclaimed), -EINVAL);
	for (i = 0; i < 2000; i++)
		step(r);
	d->stats(r->pool, &stats);
	assert_int_equal(d->shrink(r->pool, 50, &reclaimed), 0);
	assert_int_equal(reclaimed, 50);
	i = stats.pages;
	d->stats(r->pool, &stats);
	assert_int_equal(stats.pages, i - 50);
	assert_int_equal(r->corrupt, 0);
	drop_all(r);
	assert_empty(r->pool);
	zpool_destroy(r->pool);
	free(r);
}

static void test_newer_calls(void **state)
{
	struct shim_object obj = built(NEW, ZSMALLOC, 12, false);
	struct run *r = calloc(1, sizeof(*r));
	const struct zpool_driver *d;
	struct zpool_stats stats;
	unsigned long handle;
	long i;

	assert_non_null(r);
	r->rng = 2;
	r->pool = pool_new(&obj, 0, 0, NULL);
	d = r->pool->driver;
	assert_int_equal(r->pool->caps, ZPOOL_MOVABLE | ZPOOL_COMPACTABLE |
						ZPOOL_SLEEP_MAPPED |
						ZPOOL_NEEDS_FRAMES |
						ZPOOL_DEFERS);
	assert_null(d->map);
	assert_null(d->shrink);
	assert_int_equal(d->malloc(r->pool, 0, &handle), -EINVAL);
	assert_int_equal(d->malloc(r->pool, 4097, &handle), -ENOSPC);
	for (i = 0; i < 10000; i++)
		step(r);
	d->stats(r->pool, &stats);
	assert_int_equal(stats.pages, 2 * stats.objects);
	assert_true(stats.metadata_bytes > 0);
	assert_int_equal(d->can_compact(r->pool), stats.objects);
	assert_int_equal(d->compact(r->pool), 0);
	assert_int_equal(d->settle(r->pool), 1);
	assert_int_equal(r->corrupt, 0);
	drop_all(r);
	assert_empty(r->pool);
	zpool_destroy(r->pool);
	free(r);
}

/* A pseudo file system, and the migration that goes through its inode. */
static void test_older_calls(void **state)
{
	struct shim_object obj = built(OLD, ZBUD, 12, true);
	struct run *r = calloc(1, sizeof(*r));
	struct zpool_stats stats;
	struct zpool_location loc;
	unsigned long moved;
	long i;

	assert_non_null(r);
	r->rng = 3;
	r->pool = pool_new(&obj, 0, 0, NULL);
	assert_int_equal(r->pool->caps, ZPOOL_MOVABLE | ZPOOL_NEEDS_FRAMES);
	for (i = 0; i < 10000; i++) {
		struct object *o = &r->obj[next(&r->rng) % OBJECTS];

		step(r);
		if (!o->size)
			continue;
		r->pool->driver->locate(r->pool, o->handle, &loc);
		moved = loc.pfn;
		assert_int_equal(r->pool->driver->migrate(r->pool, loc.pfn), 0);
		r->pool->driver->locate(r->pool, o->handle, &loc);
		assert_int_not_equal(loc.pfn, moved);
	}
	r->pool->driver->stats(r->pool, &stats);
	assert_true(stats.migrated_pages > 1000);
	assert_int_equal(stats.pages, stats.objects);
	drop_all(r);
	assert_int_equal(r->corrupt, 0);
	assert_empty(r->pool);
	zpool_destroy(r->pool);
	free(r);
}

/* Each allocation in turn fails; nothing is lost or leaked. */
static void out_of_memory(const char *tree, const char *file)
{
	struct shim_object obj = built(tree, file, 12, false);
	struct run *r = calloc(1, sizeof(*r));
	struct zpool_stats stats;
	long nth, i, refused = 0;

	assert_non_null(r);
	r->pool = pool_new(&obj, 64, 0, NULL);
	for (nth = 1; nth < 200; nth++) {
		r->rng = (uint64_t)nth;
		r->no_memory = 0;
		arena_fail(r->pool->arena, nth, 7);
		for (i = 0; i < 200; i++)
			step(r);
		arena_fail(r->pool->arena, 0, 0);
		refused += r->no_memory;
		r->pool->driver->stats(r->pool, &stats);
		drop_all(r);
		assert_empty(r->pool);
	}
	assert_int_equal(r->corrupt, 0);
	assert_true(refused > 1000);
	/* A limit of frames. */
	r->no_memory = 0;
	for (i = 0; i < 2000; i++)
		step(r);
	assert_true(r->no_memory > 100);
	assert_true(arena_used(r->pool->arena) <= 64);
	drop_all(r);
	assert_empty(r->pool);
	zpool_destroy(r->pool);
	free(r);
}

static void test_out_of_memory(void **state)
{
	out_of_memory(OLD, HALVES);
	out_of_memory(OLD, ZBUD);
	out_of_memory(NEW, ZSMALLOC);
}

/* On a busy machine the steps may be over before the disturber is there. */
#define PATIENCE 1000

static void *worker(void *arg)
{
	struct run *r = arg;
	long i;

	assert_int_equal(sync_cpu_attach(), 0);
	for (i = 0;
	     i < r->steps || (i < PATIENCE * r->steps &&
			      !__atomic_load_n(r->moved, __ATOMIC_RELAXED));
	     i++)
		step(r);
	sync_cpu_detach();
	return NULL;
}

/* Memory compaction, deferred work and zs_compact, all the time. */
static void *disturber(void *arg)
{
	struct run *r = arg;
	const struct zpool_driver *d = r->pool->driver;
	pfn_t pfn = 0;

	assert_int_equal(sync_cpu_attach(), 0);
	while (!__atomic_load_n(r->stop, __ATOMIC_ACQUIRE)) {
		if (!d->migrate(r->pool, pfn++ % (3 * OBJECTS)))
			__atomic_store_n(r->moved, true, __ATOMIC_RELAXED);
		if (pfn % 64 == 0)
			d->settle(r->pool);
		if (pfn % 512 == 0 && d->compact)
			d->compact(r->pool);
		sched_yield();
	}
	sync_cpu_detach();
	return NULL;
}

static void threads(const char *tree, const char *file)
{
	struct shim_object obj = built(tree, file, 12, false);
	struct run *r = calloc(3, sizeof(*r));
	struct zpool_stats stats;
	pthread_t thread[3];
	bool stop = false, moved = false;
	int i;

	assert_non_null(r);
	r[0].pool = pool_new(&obj, 0, 0, NULL);
	for (i = 0; i < 3; i++) {
		r[i].pool = r[0].pool;
		r[i].rng = (uint64_t)i;
		r[i].steps = scaled(40000);
		r[i].stop = &stop;
		r[i].moved = &moved;
		assert_int_equal(pthread_create(&thread[i], NULL,
						i < 2 ? worker : disturber,
						&r[i]),
				 0);
	}
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	pthread_join(thread[2], NULL);
	r[0].pool->driver->stats(r[0].pool, &stats);
	assert_true(stats.migrated_pages > 0);
	for (i = 0; i < 2; i++) {
		drop_all(&r[i]);
		assert_int_equal(r[i].corrupt, 0);
	}
	assert_empty(r[0].pool);
	zpool_destroy(r[0].pool);
	free(r);
}

static void test_threads(void **state)
{
	threads(OLD, HALVES);
	threads(OLD, ZBUD);
	threads(NEW, ZSMALLOC);
}

static void test_several(void **state)
{
	struct shim_object a = built(OLD, HALVES, 12, false);
	struct shim_object b = built(NEW, ZSMALLOC, 12, false);
	struct run *r = calloc(3, sizeof(*r));
	struct zpool_stats stats;
	long i;

	assert_non_null(r);
	r[0].pool = pool_new(&a, 0, 0, NULL);
	r[1].pool = pool_new(&a, 0, 0, NULL);
	r[2].pool = pool_new(&b, 0, 0, NULL);
	/* Pools of one object share its memory, as in a kernel. */
	assert_ptr_equal(r[0].pool->arena, r[1].pool->arena);
	assert_ptr_not_equal(r[0].pool->arena, r[2].pool->arena);
	for (i = 0; i < 6000; i++)
		step(&r[i % 3]);
	for (i = 0; i < 3; i++)
		assert_int_equal(r[i].corrupt, 0);
	drop_all(&r[0]);
	r[0].pool->driver->stats(r[0].pool, &stats);
	assert_int_equal(stats.pages, 0);
	zpool_destroy(r[0].pool);
	for (i = 0; i < 1000; i++)
		step(&r[1]);
	drop_all(&r[1]);
	assert_empty(r[1].pool);
	/* One is destroyed with objects in it, and then a new one is made. */
	for (i = 0; i < 1000; i++)
		step(&r[1]);
	zpool_destroy(r[1].pool);
	memset(&r[1], 0, sizeof(r[1]));
	r[1].pool = pool_new(&a, 0, 0, NULL);
	for (i = 0; i < 1000; i++)
		step(&r[1]);
	drop_all(&r[1]);
	assert_empty(r[1].pool);
	zpool_destroy(r[1].pool);
	drop_all(&r[2]);
	assert_empty(r[2].pool);
	zpool_destroy(r[2].pool);
	free(r);
}

static void test_page_sizes(void **state)
{
	struct zpool_config config = { .arena = { .page_shift = 12 } };
	struct shim_object obj = built(OLD, HALVES, 16, false);
	struct run *r = calloc(1, sizeof(*r));
	struct zpool_location loc;
	struct err err = { "" };
	long i;

	assert_non_null(r);
	assert_null(zpool_create(obj.spec, &config, &err));
	assert_non_null(strstr(err.text, "pages of 64K, not 4K"));
	r->pool = pool_new(&obj, 0, 16, NULL);
	assert_int_equal(r->pool->driver->largest(r->pool), 65536);
	for (i = 0; i < 2000; i++)
		step(r);
	drop_all(r);
	assert_int_equal(r->corrupt, 0);
	r->pool->driver->malloc(r->pool, 30000, &r->obj[0].handle);
	r->pool->driver->malloc(r->pool, 30000, &r->obj[1].handle);
	r->pool->driver->locate(r->pool, r->obj[1].handle, &loc);
	assert_int_equal(loc.at, 32768);
	zpool_destroy(r->pool);
	free(r);
}

/* What the debug build prints when @size is allocated. */
static void messages(bool debug, size_t size, char *text, size_t len)
{
	struct shim_object obj = built(OLD, HALVES, 12, debug);
	struct zpool *pool = pool_new(&obj, 0, 0, NULL);
	char path[PATH_MAX];
	unsigned long handle;
	int saved = dup(2), fd;
	char *all;

	snprintf(path, sizeof(path), "%s/messages", scratch());
	fflush(stderr);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	dup2(fd, 2);
	pool->driver->malloc(pool, size, &handle);
	fflush(stderr);
	dup2(saved, 2);
	close(fd);
	close(saved);
	all = file_read(path);
	snprintf(text, len, "%s", all ? all : "");
	free(all);
	zpool_destroy(pool);
}

static void test_debug(void **state)
{
	char text[512];

	messages(false, 3333, text, sizeof(text));
	assert_string_equal(text, "");
	messages(true, 3332, text, sizeof(text));
	assert_string_equal(text, "");
	messages(true, 3333, text, sizeof(text));
	assert_non_null(strstr(text, "zlab: mm/halves.c:"));
	assert_non_null(strstr(text, "size == 3333"));
}

static void put(const char *dir, const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* A copy of a tree, for damage. */
static void copy_tree(const char *from, char *to, size_t len)
{
	char command[3 * PATH_MAX];

	snprintf(to, len, "%s/tree.XXXXXX", scratch());
	assert_non_null(mkdtemp(to));
	snprintf(command, sizeof(command), "cp -r %s/. %s", from, to);
	assert_int_equal(system(command), 0);
}

static void assert_refused(const struct shim_request *req, const char *says)
{
	struct shim_object obj;
	struct err err = { "" };

	assert_int_not_equal(shim_build(req, &obj, &err), 0);
	if (!strstr(err.text, says))
		fail_msg("said \"%s\", not \"%s\"", err.text, says);
	assert_null(strchr(err.text, '\n'));
}

static void test_bad_trees(void **state)
{
	struct shim_request req = { .file = HALVES, .page_shift = 12 };
	struct shim_object obj;
	struct err err = { "" };
	char dir[PATH_MAX], extra[PATH_MAX + 16];
	char *source, *bad;
	size_t len;

	req.tree = "/nowhere";
	assert_refused(&req, "/nowhere is not a directory");
	req.tree = OLD;
	req.file = "mm/zsmalloc.c";
	assert_refused(&req, "has no mm/zsmalloc.c");
	req.file = "../../etc/passwd";
	assert_refused(&req, "give a path inside the tree");
	req.file = "include/linux/list.h";
	assert_refused(&req, "neither zs_malloc() nor a zpool driver");
	req.file = HALVES;
	req.chain = 8;
	assert_refused(&req, "has no CONFIG_ZSMALLOC_CHAIN_SIZE");
	req.chain = 0;

	/* Names that a newer kernel or a patch brings. */
	copy_tree(OLD, dir, sizeof(dir));
	req.tree = dir;
	source = file_read(OLD "/" HALVES);
	assert_non_null(source);
	len = strlen(source) + 256;
	bad = malloc(len);
	assert_non_null(bad);
	snprintf(bad, len,
		 "%s\nint patch(struct page *p);\nint patch(struct page *p)\n"
		 "{\n\treturn totally_new(p) + BRAND_NEW;\n}\n",
		 source);
	put(dir, HALVES, bad);
	assert_refused(&req, "uses totally_new, BRAND_NEW, which the shim does "
			     "not offer; add them with --include");
	snprintf(extra, sizeof(extra), "%s/extra.h", dir);
	put(dir, "extra.h",
	    "#include <linux/mm.h>\n#define BRAND_NEW 4\n"
	    "static inline int totally_new(struct page *p) { return 1; }\n");
	req.include[0] = extra;
	req.nr_include = 1;
	if (shim_build(&req, &obj, &err))
		fail_msg("%s", err.text);
	req.include[0] = "/nowhere.h";
	assert_refused(&req, "/nowhere.h: No such file");
	req.nr_include = 0;

	/* A type that is not there is named, and not what has that type. */
	snprintf(bad, len,
		 "%s\nstatic const struct new_ops unknown_ops __used = {\n"
		 "\t.new_call = NULL,\n};\n",
		 source);
	put(dir, HALVES, bad);
	assert_refused(&req, "uses struct new_ops, new_call, which the "
			     "shim does not offer");

	/* What is no program at all is shown as the compiler saw it. */
	snprintf(bad, len, "%s\n}\n", source);
	put(dir, HALVES, bad);
	assert_refused(&req, "mm/halves.c does not compile: mm/halves.c:");
	put(dir, HALVES, source);
	setenv("CC", "no-such-compiler", 1);
	assert_refused(&req, "the compiler \"no-such-compiler\" does not run");
	unsetenv("CC");
	snprintf(bad, len, "%s/include/linux/list.h", dir);
	unlink(bad);
	assert_refused(&req, "include/linux/list.h is missing");
	free(bad);
	free(source);

	/* zsmalloc of a year in which its calls were others. */
	copy_tree(NEW, dir, sizeof(dir));
	req.file = ZSMALLOC;
	put(dir, "include/linux/zsmalloc.h",
	    "unsigned long zs_malloc(struct zs_pool *pool, size_t size);\n");
	assert_refused(&req, "zs_malloc() takes 2 arguments in this tree");

	/* All that a first error brings about is left out. */
	copy_tree(NEW, dir, sizeof(dir));
	source = file_read(NEW "/" ZSMALLOC);
	assert_non_null(source);
	len = strlen(source) + 256;
	bad = malloc(len);
	assert_non_null(bad);
	snprintf(bad, len,
		 "#include <linux/list.h>\nstatic int first(void)\n"
		 "\t__new_annotation(1)\n{\n\treturn unknown_call();\n}\n%s",
		 source);
	put(dir, ZSMALLOC, bad);
	assert_refused(&req, "mm/zsmalloc.c does not compile: "
			     "mm/zsmalloc.c:3:");
	assert_refused(&req, "__new_annotation");
	free(bad);
	free(source);
}

static void test_cache(void **state)
{
	struct shim_request req = { .file = HALVES,
				    .page_shift = 12,
				    .tsan = with_tsan() };
	char dir[PATH_MAX], path[2 * PATH_MAX], *source;
	struct shim_object one, two;
	struct err err = { "" };

	copy_tree(OLD, dir, sizeof(dir));
	req.tree = dir;
	/* Neither links nor a tree that cannot be written are in the way. */
	snprintf(path, sizeof(path), "%s/include/linux/mm.h", dir);
	assert_int_equal(symlink("/nowhere/at/all", path), 0);
	assert_int_equal(shim_build(&req, &one, &err), 0);
	assert_int_equal(shim_build(&req, &two, &err), 0);
	assert_true(two.cached);
	assert_string_equal(one.path, two.path);
	source = file_read(OLD "/" HALVES);
	assert_non_null(source);
	source[strlen(source) - 1] = ' ';
	put(dir, HALVES, source);
	free(source);
	assert_int_equal(shim_build(&req, &two, &err), 0);
	assert_false(two.cached);
	assert_string_not_equal(one.path, two.path);
	assert_string_not_equal(one.sha256, two.sha256);
	snprintf(path, sizeof(path), "%s/out.so", scratch());
	req.output = path;
	assert_int_equal(shim_build(&req, &two, &err), 0);
	assert_string_equal(two.path, path);
	assert_int_equal(access(path, R_OK), 0);
	/* A value of the tree's .config makes another object. */
	put(dir, ".config", "# CONFIG_COMPACTION is not set\n");
	req.output = NULL;
	assert_int_equal(shim_build(&req, &two, &err), 0);
	assert_false(two.cached);
	zpool_destroy(pool_new(&two, 0, 0, NULL));
}

static char said_path[PATH_MAX + 16];

/* A check of the kernel code that failed is a fault of the shim here. */
static void test_no_warnings(void **state)
{
	char *said;

	fflush(stderr);
	said = file_read(said_path);
	assert_non_null(said);
	if (strstr(said, "the kernel's code"))
		fail_msg("%.400s", said);
	free(said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_newer_calls),
		cmocka_unit_test(test_older_calls),
		cmocka_unit_test(test_out_of_memory),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_page_sizes),
		cmocka_unit_test(test_debug),
		cmocka_unit_test(test_bad_trees),
		cmocka_unit_test(test_cache),
		cmocka_unit_test(test_no_warnings),
	};
	int saved = dup(2), fd, ret;
	char cache[PATH_MAX], *said;

	snprintf(cache, sizeof(cache), "%s/cache.XXXXXX", scratch());
	if (!mkdtemp(cache) || setenv("XDG_CACHE_HOME", cache, 1))
		return 1;
	snprintf(said_path, sizeof(said_path), "%s/said", cache);
	fd = open(said_path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (saved < 0 || fd < 0 || dup2(fd, 2) < 0)
		return 1;
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	dup2(saved, 2);
	said = file_read(said_path);
	fputs(said ? said : "", stderr);
	free(said);
	return ret;
}
