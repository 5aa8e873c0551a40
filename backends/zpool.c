// SPDX-License-Identifier: GPL-2.0-or-later
/* The registry of allocators, loading shared objects, creating pools. */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/drivers.h"
#include "lib/plugin.h"

#define SPEC_MAX 512

/* The registry: one line per allocator. */

static const struct zpool_driver *const drivers[] = {
	/* clang-format off */
	&null_driver,
	&jemalloc_driver,
	&zbud_driver,
	&z3fold_driver,
	&zsmalloc_driver,
	/* clang-format on */
};
#define NR_DRIVERS (sizeof(drivers) / sizeof(drivers[0]))

static bool same_object(const void *a, const void *b)
{
	Dl_info in_a, in_b;

	return dladdr(a, &in_a) && dladdr(b, &in_b) &&
	       in_a.dli_fbase == in_b.dli_fbase;
}

static int check_flavour(unsigned theirs, unsigned ours, struct err *err)
{
	static const struct {
		unsigned bit;
		const char *macro;
	} flavour[] = { { ZPOOL_DEBUG, "ZLAB_DEBUG" },
			{ ZPOOL_NO_STATS, "SYNC_NO_STATS" },
			{ ZPOOL_VIRTUAL, "SYNC_VIRTUAL" },
			{ ZPOOL_GHOST, "ARENA_GHOST" } };
	unsigned i;

	for (i = 0; i < sizeof(flavour) / sizeof(flavour[0]); i++)
		if ((theirs ^ ours) & flavour[i].bit)
			return err_set(err, -EINVAL,
				       "it was compiled with%s -D%s, this one "
				       "with%s",
				       theirs & flavour[i].bit ? "" : "out",
				       flavour[i].macro,
				       ours & flavour[i].bit ? "" : "out");
	return 0;
}

#define STRUCT_NAME(name) #name,

static int check_sizes(const unsigned *theirs, const unsigned *ours,
		       struct err *err)
{
	static const char *const name[] = { ZPOOL_ABI_STRUCTS(STRUCT_NAME) };
	unsigned i;

	for (i = 0; i < ZPOOL_ABI_SIZES; i++)
		if (theirs[i] != ours[i])
			return err_set(err, -EINVAL,
				       "its struct %s has %u bytes, this one's "
				       "%u",
				       name[i], theirs[i], ours[i]);
	return 0;
}

static int check_abi(const void *table, struct err *err)
{
	const struct zpool_driver *d = table;
	const struct zpool_abi *theirs = d->abi, *ours = ZPOOL_ABI;

	/* Built against other headers, @abi may be any word: check it first. */
	if (!same_object(theirs, d))
		return err_set(err, -EINVAL,
			       "it does not say what it was compiled against");
	if (theirs->version != ours->version)
		return err_set(err, -EINVAL,
			       "its contract has version %u, this one's %u",
			       theirs->version, ours->version);
	if (check_flavour(theirs->flavour, ours->flavour, err))
		return -EINVAL;
	if (strcmp(theirs->spin, ours->spin))
		return err_set(err, -EINVAL,
			       "its spinlocks are of kind %s, this one's %s",
			       theirs->spin, ours->spin);
	return check_sizes(theirs->size, ours->size, err);
}

/* What a table needs before a pool of it can be made. */
static int check_driver(const void *table, struct err *err)
{
	const struct zpool_driver *d = table;
	const struct plugin_call what[] = {
		{ "spec.name", d->spec.name },
		{ "create", d->create },
		{ "destroy", d->destroy },
	};

	return plugin_complete(what, sizeof(what) / sizeof(what[0]), err);
}

/*
 * Checks that required calls exist and that paired calls exist together. Only a
 * pool can tell: its create may choose the calls.
 */
static int check_calls(const struct zpool_driver *d, struct err *err)
{
	/* These three replace map and unmap, as in kernels from 6.18. */
	bool mapless = d->obj_read_begin && d->obj_read_end && d->obj_write;
	const struct plugin_call what[] = {
		{ "destroy", d->destroy },
		{ "malloc", d->malloc },
		{ "free", d->free },
		{ "stats", d->stats },
		{ "largest", d->largest },
		{ "map (nor .obj_read_begin, .obj_read_end and .obj_write)",
		  d->map || mapless },
		{ "unmap", d->unmap || mapless },
		{ "obj_read_end, which obj_read_begin needs",
		  d->obj_read_end || !d->obj_read_begin },
		{ "obj_read_begin, which obj_read_end needs",
		  d->obj_read_begin || !d->obj_read_end },
	};

	return plugin_complete(what, sizeof(what) / sizeof(what[0]), err);
}

/* Adds advice where the dynamic linker's message does not give a remedy. */
static const char *explain(const char *why)
{
#ifdef SYNC_VIRTUAL
	/* Only the locks for real CPUs call sync_ functions. */
	if (strstr(why, "symbol: sync_"))
		return "it was made for real CPUs; for --vcpus, build it with "
		       "-DSYNC_VIRTUAL -fsanitize=thread, or a shim with "
		       "\"zlab-virtual shim\"";
#else
	if (strstr(why, "symbol: __tsan_"))
		return "it was made for virtual CPUs (--vcpus) or for a zlab "
		       "with the thread sanitizer";
#endif
	return why;
}

static const struct plugin backend = {
	.what = "backend",
	.table = "zlab_backend",
	.defined = "const struct zpool_driver zlab_backend",
	.other = "zlab_codec",
	.instead = "is a codec and no backend; give it with --codec",
	.explain = explain,
	.check_abi = check_abi,
	.check = check_driver,
};

const struct zpool_driver *zpool_driver_find(const char *spec, struct err *err)
{
	size_t i, n = 0, len = spec_name_len(spec);
	char known[256] = "";

	if (memchr(spec, '/', len))
		return plugin_load(&backend, spec, err);
	for (i = 0; i < NR_DRIVERS; i++)
		if (strlen(drivers[i]->spec.name) == len &&
		    !memcmp(drivers[i]->spec.name, spec, len))
			return drivers[i];
	for (i = 0; i < NR_DRIVERS && n < sizeof(known); i++)
		n += snprintf(known + n, sizeof(known) - n, "%s%s",
			      i ? ", " : "", drivers[i]->spec.name);
	err_set(err, -EINVAL,
		"there is no backend \"%.*s\"; there are %s, or the path of a "
		"shared object with a / in it",
		(int)len, spec, known);
	return NULL;
}

const struct zpool_driver *zpool_driver_next(const struct zpool_driver *prev)
{
	size_t i = 0;

	if (prev)
		while (i < NR_DRIVERS && drivers[i++] != prev)
			;
	return i < NR_DRIVERS ? drivers[i] : NULL;
}

int zpool_full_spec(const char *spec, char *buf, size_t len, struct err *err)
{
	const struct zpool_driver *d = zpool_driver_find(spec, err);
	void *params;
	int ret;

	if (!d)
		return -EINVAL;
	params = calloc(1, d->spec.params_size + 1);
	if (!params)
		return err_set(err, -ENOMEM, "out of memory");
	ret = spec_parse(&d->spec, spec, params, err);
	if (!ret)
		spec_print(&d->spec, params, buf, len);
	free(params);
	return ret;
}

struct zpool *zpool_create(const char *spec, const struct zpool_config *config,
			   struct err *err)
{
	const struct zpool_driver *d = zpool_driver_find(spec, err);
	struct err why = { "" };
	struct zpool *pool = NULL;
	char full[SPEC_MAX];
	void *params;

	if (!d)
		return NULL;
	params = calloc(1, d->spec.params_size + 1);
	if (!params) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	if (spec_parse(&d->spec, spec, params, err))
		goto out;
	pool = d->create(config, params, &why);
	if (!pool) {
		if (why.text[0])
			err_set(err, -EINVAL, "%s", why.text);
		else
			err_set(err, -EINVAL,
				"backend %s: its create made no pool and said "
				"nothing of why",
				spec);
		goto out;
	}
	if (!pool->driver)
		pool->driver = d;
	if (check_calls(pool->driver, err)) {
		err_prefix(err, "backend %.*s is not complete",
			   (int)spec_name_len(spec), spec);
		d->destroy(pool);
		pool = NULL;
		goto out;
	}
	if (FRAMES_GHOST && !(pool->caps & ZPOOL_NO_CONTENTS)) {
		err_set(err, -EINVAL,
			"backend %.*s keeps objects in memory of its own and "
			"has no ghost frames; run it without --ghost",
			(int)spec_name_len(spec), spec);
		d->destroy(pool);
		pool = NULL;
		goto out;
	}
	pool->evict = config->evict;
	pool->evict_arg = config->evict_arg;
	pool->spec = strdup(spec_print(&d->spec, params, full, sizeof(full)));
	if (!pool->spec) {
		err_set(err, -ENOMEM, "out of memory");
		d->destroy(pool);
		pool = NULL;
	}
out:
	free(params);
	return pool;
}

void zpool_destroy(struct zpool *pool)
{
	char *spec;

	if (!pool)
		return;
	spec = pool->spec;
	pool->driver->destroy(pool);
	free(spec);
}
