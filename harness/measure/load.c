// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads CPU times of the machine and of this process. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "harness/measure/load.h"

/* The kernel counts in ticks of 10 ms and samples at most as often. */
#define SHORTEST_NS 250000000ull
#define SHARE 0.1
/* Of the columns of /proc/stat: user nice system idle iowait irq softirq steal */
#define COLUMNS 8
#define IDLE 3
#define IOWAIT 4

static uint64_t wall(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Return: CPU time of the machine, or 0 when it is not known. */
static uint64_t busy(void)
{
	int fd = open("/proc/stat", O_RDONLY | O_CLOEXEC), i;
	uint64_t ticks = 0, n;
	char line[512], *at;
	ssize_t len;

	if (fd < 0)
		return 0;
	len = read(fd, line, sizeof(line) - 1);
	close(fd);
	if (len < 4 || memcmp(line, "cpu ", 4) != 0)
		return 0;
	line[len] = '\0';
	line[strcspn(line, "\n")] = '\0';
	at = line + 4;
	for (i = 0; i < COLUMNS; i++) {
		n = strtoull(at, &at, 10);
		ticks += i == IDLE || i == IOWAIT ? 0 : n;
	}
	return ticks * (1000000000 / (uint64_t)sysconf(_SC_CLK_TCK));
}

static uint64_t used(int who)
{
	struct rusage u;

	if (getrusage(who, &u))
		return 0;
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000 +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000;
}

static uint64_t own(void)
{
	return used(RUSAGE_SELF) + used(RUSAGE_CHILDREN);
}

void load_begin(struct load *l)
{
	*l = (struct load){ .wall_ns = wall(),
			    .busy_ns = busy(),
			    .own_ns = own() };
}

double load_others(const struct load *l)
{
	uint64_t span = wall() - l->wall_ns, all = busy(), mine = own();

	if (span < SHORTEST_NS || !l->busy_ns || all < l->busy_ns)
		return -1;
	all -= l->busy_ns;
	mine -= l->own_ns;
	return all > mine ? (double)(all - mine) / (double)span : 0;
}

unsigned load_cpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? (unsigned)n : 1;
}

bool load_note(double others, double cpus, char text[LOAD_NOTE])
{
	bool matters = others > SHARE * cpus;

	text[0] = '\0';
	if (matters)
		snprintf(text, LOAD_NOTE,
			 "other programs kept %.1f of %.0f CPUs busy "
			 "meanwhile; times may be longer for it",
			 others, cpus);
	return matters;
}
