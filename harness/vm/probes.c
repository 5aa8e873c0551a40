// SPDX-License-Identifier: GPL-2.0-or-later
/* Probes on an allocator's entry points, through tracefs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/vm/guest.h"

#define TRACING "/sys/kernel/tracing"
#define GROUP "zlab"
/* Holds the longest stretch between two drains several times over. */
#define BUFFER_KB "65536"

/* A probe that need not be there. */
#define OPTIONAL 1u
/* It logs the pool's page counter too; the pool is the first argument. */
#define COUNTED 2u
/* Only mappings for reading: that for a store is no load. */
#define READS 4u

/* Of the rows with one event the first is set whose function the kernel has. */
struct probe {
	const char *allocator, *event;
	char kind; /* p at entry, r at return */
	const char *function, *fetch;
	unsigned flags;
};

#define POOL "pool=$arg1:x64"
#define SIZE POOL " size=$arg2:u64"
#define HANDLE POOL " handle=$arg2:x64"
/* What a handle of zsmalloc points to says where the object is. */
#define PLACE HANDLE " obj=+0($arg2):x64"

/* clang-format off */
static const struct probe probes[] = {
	{ "zsmalloc", "ma", 'p', "zs_malloc", SIZE, COUNTED },
	{ "zsmalloc", "mr", 'r', "zs_malloc",
	  "ret=$retval:x64 obj=+0($retval):x64", 0 },
	{ "zsmalloc", "fr", 'p', "zs_free", HANDLE, COUNTED },
	{ "zsmalloc", "co", 'p', "zs_compact", POOL, COUNTED | OPTIONAL },
	{ "zsmalloc", "cr", 'r', "zs_compact", "ret=$retval:u64", OPTIONAL },
	{ "zsmalloc", "lo", 'p', "zs_map_object", PLACE " mode=$arg3:u32",
	  READS },
	{ "zsmalloc", "lo", 'p', "zs_obj_read_begin", PLACE, 0 },
	{ "zsmalloc", "ls", 'p', "zs_obj_read_sg_begin", PLACE, OPTIONAL },
	{ "zbud", "ma", 'p', "zbud_zpool_malloc", SIZE, COUNTED },
	{ "zbud", "mr", 'r', "zbud_zpool_malloc", "ret=$retval:s32", 0 },
	{ "zbud", "lo", 'p', "zbud_zpool_map", HANDLE, 0 },
	{ "zbud", "lr", 'r', "zbud_zpool_map", "ret=$retval:x64", 0 },
	{ "zbud", "fr", 'p', "zbud_zpool_free", HANDLE, COUNTED },
	{ "z3fold", "ma", 'p', "z3fold_zpool_malloc", SIZE, COUNTED },
	{ "z3fold", "mr", 'r', "z3fold_zpool_malloc", "ret=$retval:s32", 0 },
	{ "z3fold", "lo", 'p', "z3fold_zpool_map", HANDLE, 0 },
	{ "z3fold", "lr", 'r', "z3fold_zpool_map", "ret=$retval:x64", 0 },
	{ "z3fold", "fr", 'p', "z3fold_zpool_free", HANDLE, COUNTED },
	{ "z3fold", "wo", 'p', "compact_page_work", "work=$arg1:x64", 0 },
};
/* clang-format on */

#define PROBES (sizeof(probes) / sizeof(probes[0]))

static int pipe_fd = -1;

static int define(const struct probe *p, const char *prefix, long counter,
		  struct err *err)
{
	char line[512], pages[64] = "";
	int fd, ret = 0;

	if (p->flags & COUNTED)
		snprintf(pages, sizeof(pages), " pages=+%ld($arg1):u64",
			 counter);
	snprintf(line, sizeof(line), "%c:" GROUP "/%s %s%s %s%s\n", p->kind,
		 p->event, prefix, p->function, p->fetch, pages);
	fd = open(TRACING "/kprobe_events", O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno,
			       "no kprobe events (CONFIG_KPROBE_EVENTS): %s",
			       strerror(errno));
	if (write(fd, line, strlen(line)) < 0)
		ret = err_set(err, -errno, "no probe on %s%s: %s", prefix,
			      p->function, strerror(errno));
	close(fd);
	if (!ret && p->flags & READS)
		ret = file_put(TRACING "/events/" GROUP "/lo/filter",
			       "mode == 1", err);
	return ret;
}

static bool defined(const struct probe *p)
{
	char path[128];

	snprintf(path, sizeof(path), TRACING "/events/" GROUP "/%s", p->event);
	return !access(path, F_OK);
}

static bool last_of_event(const struct probe *p)
{
	return p + 1 == probes + PROBES || strcmp(p[1].event, p->event) ||
	       strcmp(p[1].allocator, p->allocator);
}

int probes_set(const struct guest_plan *plan, struct err *err)
{
	long counter = plan->counter;
	const struct probe *p;
	int ret;

	if (counter < 0)
		counter = counter_offset(plan, err);
	if (counter < 0)
		return (int)counter;
	link_say("# counter %ld", counter);
	ret = file_put(TRACING "/buffer_size_kb", BUFFER_KB, err);
	for (p = probes; !ret && p < probes + PROBES; p++) {
		if (strcmp(p->allocator, plan->allocator) || defined(p))
			continue;
		ret = define(p, plan->prefix, counter, err);
		if (p->flags & OPTIONAL || !last_of_event(p))
			ret = 0;
	}
	if (!ret)
		ret = file_put(TRACING "/events/" GROUP "/enable", "1", err);
	if (ret)
		return ret;
	pipe_fd =
		open(TRACING "/trace_pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (pipe_fd < 0)
		return err_set(err, -errno, "trace_pipe: %s", strerror(errno));
	return 0;
}

void probes_drain(void)
{
	static char text[1 << 16];
	ssize_t n;

	if (pipe_fd < 0)
		return;
	while ((n = read(pipe_fd, text, sizeof(text))) > 0)
		link_send(text, (size_t)n);
}

long probes_missed(void)
{
	FILE *f = fopen(TRACING "/kprobe_profile", "re");
	long missed, sum = 0;
	char line[256];

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %*d %ld", &missed) == 1)
			sum += missed;
	fclose(f);
	return sum;
}
