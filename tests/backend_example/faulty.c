// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A backend with each fault that the harness must name: the option says which.
 * The calls of a test that wants one to be missing are taken out of the table.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/zpool.h"

enum fault {
	NONE,
	NO_POOL,
	NO_HANDLE,
	LEAVE,
	LEAVE_NOW,
	LEAVE_QUICKLY,
	LEAVE_CREATE,
	FAIL_CREATE,
	LEAVE_CHILD,
	FAULT,
	ABORT
};

struct faulty_params {
	long long fault, at;
};

struct faulty_pool {
	struct zpool zpool; /* first */
	struct faulty_params params;
	long long calls;
	uint64_t objects;
};

static struct zpool *faulty_create(const struct zpool_config *config,
				   const void *params, struct err *err)
{
	const struct faulty_params *want = params;
	struct faulty_pool *pool;

	if (want->fault == NO_POOL)
		return NULL;
	if (want->fault == LEAVE_CREATE)
		_exit(0);
	if (want->fault == FAIL_CREATE)
		_exit(3);
	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return NULL;
	pool->params = *want;
	pool->zpool.caps = ZPOOL_SLEEP_MAPPED;
	return &pool->zpool;
}

static void faulty_destroy(struct zpool *zpool)
{
	free(zpool);
}

/* A process of the backend's own may end as it likes. */
static void child(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
}

static int faulty_malloc(struct zpool *zpool, size_t size,
			 unsigned long *handle)
{
	struct faulty_pool *pool = (struct faulty_pool *)zpool;
	bool now = __atomic_add_fetch(&pool->calls, 1, __ATOMIC_RELAXED) >=
		   pool->params.at;

	if (now && pool->params.fault == NO_HANDLE) {
		*handle = 0;
		return 0;
	}
	if (now && pool->params.fault == LEAVE)
		exit(0);
	if (now && pool->params.fault == LEAVE_NOW)
		_exit(0);
	if (now && pool->params.fault == LEAVE_QUICKLY)
		quick_exit(0);
	if (now && pool->params.fault == LEAVE_CHILD)
		child();
	if (now && pool->params.fault == FAULT)
		raise(SIGSEGV);
	if (now && pool->params.fault == ABORT)
		abort();
	*handle = (unsigned long)malloc(size);
	if (!*handle)
		return -ENOMEM;
	pool->objects++;
	return 0;
}

static void faulty_free(struct zpool *zpool, unsigned long handle)
{
	struct faulty_pool *pool = (struct faulty_pool *)zpool;

	pool->objects--;
	free((void *)handle);
}

static void *faulty_map(struct zpool *zpool, unsigned long handle,
			enum zpool_mapmode mode)
{
	return (void *)handle;
}

static void faulty_unmap(struct zpool *zpool, unsigned long handle)
{
}

static void faulty_stats(struct zpool *zpool, struct zpool_stats *stats)
{
	struct faulty_pool *pool = (struct faulty_pool *)zpool;

	*stats = (struct zpool_stats){ .objects = pool->objects };
}

static size_t faulty_largest(struct zpool *zpool)
{
	return 4096;
}

/* In the order of enum fault. */
static const char *const faults[] = {
	"none",	       "no-pool",	"no-handle",	"leave",
	"leave-now",   "leave-quickly", "leave-create", "fail-create",
	"leave-child", "fault",		"abort",	NULL
};

static const struct spec_option options[] = {
	{ .name = "fault",
	  .kind = SPEC_CHOICE,
	  .offset = offsetof(struct faulty_params, fault),
	  .choices = faults,
	  .def = "none",
	  .help = "what goes wrong" },
	{ .name = "at",
	  .kind = SPEC_INT,
	  .offset = offsetof(struct faulty_params, at),
	  .def = "1",
	  .min = 1,
	  .max = 1000000,
	  .help = "in which malloc" },
	{ 0 },
};

extern struct zpool_driver zlab_backend;
struct zpool_driver zlab_backend = {
	.abi = ZPOOL_ABI,
	.spec = { .name = "faulty",
		  .what = "backend",
		  .options = options,
		  .params_size = sizeof(struct faulty_params) },
	.summary = "goes wrong in the way that is asked for",
	.create = faulty_create,
	.destroy = faulty_destroy,
	.malloc = faulty_malloc,
	.free = faulty_free,
	.map = faulty_map,
	.unmap = faulty_unmap,
	.stats = faulty_stats,
	.largest = faulty_largest,
};
