// SPDX-License-Identifier: GPL-2.0-or-later
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/drivers.h"

#define SPEC_MAX 512

/* The registry: one line an allocator. */

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

static const struct zpool_driver *load(const char *spec, struct err *err)
{
	const struct zpool_driver *d;
	const char *why;
	char path[4096];
	void *so;

	snprintf(path, sizeof(path), "%.*s", (int)spec_name_len(spec), spec);
	so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!so) {
		why = dlerror();
		if (strstr(why, "symbol: __tsan_"))
			why = "it was made for virtual CPUs (--vcpus) or for "
			      "a zlab with the thread sanitizer";
		err_set(err, -ENOENT, "backend %s cannot be loaded: %s", path,
			why);
		return NULL;
	}
	d = dlsym(so, "zlab_backend");
	if (!d) {
		err_set(err, -EINVAL,
			"%s exports no \"zlab_backend\"; a backend defines "
			"const struct zpool_driver zlab_backend",
			path);
		goto unload;
	}
	if (d->abi != ZPOOL_ABI) {
		err_set(err, -EINVAL,
			"%s was built for another zlab (its ABI is %u, this "
			"one's is %u); rebuild it",
			path, d->abi, ZPOOL_ABI);
		goto unload;
	}
	return d;
unload:
	dlclose(so);
	return NULL;
}

const struct zpool_driver *zpool_driver_find(const char *spec, struct err *err)
{
	size_t i, n = 0, len = spec_name_len(spec);
	char known[256] = "";

	if (memchr(spec, '/', len))
		return load(spec, err);
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
	pool = d->create(config, params, err);
	if (!pool)
		goto out;
	if (!pool->driver)
		pool->driver = d;
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
