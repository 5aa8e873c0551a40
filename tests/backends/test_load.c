// SPDX-License-Identifier: GPL-2.0-or-later
/* Backends from shared objects: the example works, others are turned away. */
#include <dlfcn.h>
#include <errno.h>
#include <libgen.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backends/zpool.h"

static char dir[3000];

static struct zpool *create(const char *rest, struct err *err)
{
	struct zpool_config config = { .arena = { .limit = 4 } };
	char spec[4096];

	err->text[0] = '\0';
	snprintf(spec, sizeof(spec), "%s/%s", dir, rest);
	return zpool_create(spec, &config, err);
}

static void test_example(void **state)
{
	unsigned long handle[5];
	struct err err;
	struct zpool *pool = create("onepage.so:scrub=on", &err);
	struct zpool_stats stats;
	char *page;
	int i;

	if (!pool)
		fail_msg("%s", err.text);
	assert_string_equal(pool->spec, "onepage:scrub=on");
	for (i = 0; i < 4; i++)
		assert_int_equal(pool->driver->malloc(pool, 10 + i, &handle[i]),
				 0);
	assert_int_equal(pool->driver->malloc(pool, 10, &handle[4]), -ENOMEM);
	zpool_write(pool, handle[2], "compressed", 10);
	page = pool->driver->map(pool, handle[2], ZPOOL_MM_RO);
	assert_memory_equal(page, "compressed", 10);
	pool->driver->unmap(pool, handle[2]);
	pool->driver->free(pool, handle[2]);
	assert_int_equal(page[0], 0);
	pool->driver->stats(pool, &stats);
	assert_int_equal(stats.pages, 3);
	assert_int_equal(stats.objects, 3);
	zpool_destroy(pool);
}

static void expect_error(const char *rest, const char *says)
{
	struct err err;

	assert_null(create(rest, &err));
	if (!strstr(err.text, says))
		fail_msg("%s: \"%s\" does not say \"%s\"", rest, err.text,
			 says);
	assert_null(strchr(err.text, '\n'));
}

/* old_abi.so is compiled against @abi and turned away for that reason. */
static void expect_other(struct zpool_driver *d, const struct zpool_abi *abi,
			 const char *why)
{
	*(struct zpool_abi *)d->abi = *abi;
	expect_error("old_abi.so", "was built for another zlab");
	expect_error("old_abi.so", why);
}

#define STRUCT_SAYS(name) "its struct " #name " has ",

static void test_other_abi(void **state)
{
	static const char *const says[] = { ZPOOL_ABI_STRUCTS(STRUCT_SAYS) };
	const struct zpool_abi ours = *ZPOOL_ABI;
	struct zpool_abi abi;
	struct zpool_driver *d;
	char path[4096];
	unsigned i;
	void *so;

	snprintf(path, sizeof(path), "%s/old_abi.so", dir);
	so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	assert_non_null(so);
	d = dlsym(so, "zlab_backend");
	assert_non_null(d);

	abi = ours;
	abi.version++;
	expect_other(d, &abi, "its contract has version ");
	abi = ours;
	abi.flavour ^= ZPOOL_DEBUG;
	expect_other(d, &abi, " -DZLAB_DEBUG, this one with");
	abi = ours;
	abi.flavour ^= ZPOOL_NO_STATS;
	expect_other(d, &abi, " -DSYNC_NO_STATS, this one with");
	abi = ours;
	abi.flavour ^= ZPOOL_VIRTUAL;
	expect_other(d, &abi, "with -DSYNC_VIRTUAL, this one without");
	abi = ours;
	abi.spin = "none";
	expect_other(d, &abi, "its spinlocks are of kind none, this one's ");
	for (i = 0; i < ZPOOL_ABI_SIZES; i++) {
		abi = ours;
		abi.size[i] += 8;
		expect_other(d, &abi, says[i]);
	}

	/* A number, as in the headers of old, or an address elsewhere. */
	d->abi = (const struct zpool_abi *)1;
	expect_error("old_abi.so", "does not say what it was compiled against");
	d->abi = &ours;
	expect_error("old_abi.so", "does not say what it was compiled against");
	dlclose(so);
}

static void test_turned_away(void **state)
{
	expect_error("no_symbol.so", "exports no \"zlab_backend\"");
	expect_error("no_such.so", "cannot be loaded");
	expect_error("onepage.so:scrub=maybe", "on | off");
	expect_error("onepage.so:size=3", "size");
	expect_error("onepage.so@6.1", "6.1");
}

/* A table that lacks a call is turned away, and the call is named. */
static void test_incomplete(void **state)
{
	static const struct {
		size_t at;
		const char *says;
	} calls[] = {
		{ offsetof(struct zpool_driver, spec.name),
		  "has no .spec.name" },
		{ offsetof(struct zpool_driver, create), "has no .create" },
		{ offsetof(struct zpool_driver, destroy), "has no .destroy" },
		{ offsetof(struct zpool_driver, malloc), "has no .malloc" },
		{ offsetof(struct zpool_driver, free), "has no .free" },
		{ offsetof(struct zpool_driver, map),
		  "has no .map (nor .obj_read_begin, " },
		{ offsetof(struct zpool_driver, unmap), "has no .unmap" },
		{ offsetof(struct zpool_driver, stats), "has no .stats" },
		{ offsetof(struct zpool_driver, largest), "has no .largest" },
	};
	struct zpool_driver *d;
	char path[4096];
	void **call, *kept;
	unsigned i;
	void *so;

	snprintf(path, sizeof(path), "%s/faulty.so", dir);
	so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	assert_non_null(so);
	d = dlsym(so, "zlab_backend");
	assert_non_null(d);
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		call = (void **)((char *)d + calls[i].at);
		kept = *call;
		*call = NULL;
		expect_error("faulty.so", calls[i].says);
		expect_error("faulty.so", "faulty.so is not complete");
		*call = kept;
	}
	call = (void **)&d->obj_read_begin;
	*call = (void *)d->map;
	expect_error("faulty.so", "has no .obj_read_end, which");
	*call = NULL;
	call = (void **)&d->obj_read_end;
	*call = (void *)d->map;
	expect_error("faulty.so", "has no .obj_read_begin, which");
	*call = NULL;
	dlclose(so);
}

static void test_no_pool(void **state)
{
	expect_error("faulty.so:fault=no-pool", "/faulty.so:fault=no-pool: ");
	expect_error("faulty.so:fault=no-pool", "said nothing of why");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_other_abi),
		cmocka_unit_test(test_turned_away),
		cmocka_unit_test(test_incomplete),
		cmocka_unit_test(test_no_pool),
	};

	snprintf(dir, sizeof(dir), "%s", dirname(argv[0]));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
