// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "lib/room.h"

#define GIB (double)(1ull << 30)

static uint64_t number_in(const char *path, const char *format)
{
	FILE *f = fopen(path, "re");
	unsigned long long n, found = ULLONG_MAX;
	char line[256];

	while (f && found == ULLONG_MAX && fgets(line, sizeof(line), f))
		if (sscanf(line, format, &n) == 1)
			found = n;
	if (f)
		fclose(f);
	return found;
}

static uint64_t left_of(uint64_t limit, uint64_t used)
{
	if (limit == UINT64_MAX || used == UINT64_MAX)
		return UINT64_MAX;
	return limit > used ? limit - used : 0;
}

static uint64_t available(void)
{
	uint64_t kib = number_in("/proc/meminfo", "MemAvailable: %llu kB");
	uint64_t group =
		left_of(number_in("/sys/fs/cgroup/memory.max", "%llu"),
			number_in("/sys/fs/cgroup/memory.current", "%llu"));
	uint64_t least = kib == UINT64_MAX ? kib : kib << 10, own;
	uint64_t pages = number_in("/proc/self/statm", "%llu");
	struct rlimit r;

	if (group < least)
		least = group;
	if (getrlimit(RLIMIT_AS, &r) || r.rlim_cur == RLIM_INFINITY)
		return least;
	own = left_of(r.rlim_cur, pages == UINT64_MAX ? 0 : pages << 12);
	return own < least ? own : least;
}

int room_memory(uint64_t bytes, const char *who, const char *what,
		struct err *err)
{
	uint64_t have = available();

	if (bytes <= have)
		return 0;
	return err_set(err, -ENOMEM,
		       "%s: %s need %.1f GiB of memory, and there are %.1f GiB",
		       who, what, (double)bytes / GIB, (double)have / GIB);
}

int room_disk(const char *path, uint64_t bytes, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX] = ".";
	struct statvfs fs;
	struct stat st;
	uint64_t have;

	if (!stat(path, &st) && !S_ISREG(st.st_mode))
		return 0;
	if (slash)
		snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path + 1),
			 path);
	if (statvfs(dir, &fs))
		return 0;
	have = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (bytes <= have)
		return 0;
	return err_set(
		err, -ENOSPC,
		"%s: it needs about %.1f GiB of disk, and there are %.1f "
		"GiB",
		path, (double)bytes / GIB, (double)have / GIB);
}
