// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How many schedules zlab explore runs in a second of CPU time, with all that it
 * looks for, beside the bar of the backend's family. Prints one JSON line a
 * preset: the best of some runs, as others may use the machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/self.h"

#define RUNS 3
#define SCHEDULES 10000

static const struct {
	const char *spec;
	unsigned bar;
} backends[] = {
	{ "zbud@6.1", 30000 },
	{ "zbud@6.12", 30000 },
	{ "z3fold@6.1:leak=off", 16000 },
	{ "z3fold@6.12:leak=off", 16000 },
	{ "zsmalloc@5.10", 5000 },
	{ "zsmalloc@6.1", 5000 },
	{ "zsmalloc@6.12", 5000 },
	{ "zsmalloc@7.2", 5000 },
	{ "zsmalloc@7.3", 5000 },
};

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* What it found, if anything, is not timed: nothing is told. */
static double run(const char *program, const char *spec)
{
	char schedules[16];
	const char *argv[] = {
		program, "explore",	 "--backend",	spec,	   "--shrink",
		"0",	 "--keep-going", "--schedules", schedules, NULL
	};
	struct rusage used;
	int status;
	pid_t pid;

	snprintf(schedules, sizeof(schedules), "%d", SCHEDULES);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (!freopen("/dev/null", "w", stdout))
			_exit(127);
		execv(program, (char **)argv);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &used) < 0 || status) {
		fprintf(stderr, "bench/explore: %s does not explore %s\n",
			program, spec);
		exit(1);
	}
	return seconds(used.ru_utime) + seconds(used.ru_stime);
}

int main(void)
{
	char program[4096];
	double took, best;
	unsigned i, k;

	snprintf(program, sizeof(program), "%s/zlab-explore", self_dir());
	for (i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		for (best = 0, k = 0; k < RUNS; k++) {
			took = run(program, backends[i].spec);
			best = k && best < took ? best : took;
		}
		printf("{\"bench\": \"explore\", \"figure\": \"schedules a "
		       "second of CPU time\", \"backend\": \"%s\", "
		       "\"schedules\": %d, \"per_second\": %.0f, "
		       "\"bar\": %u}\n",
		       backends[i].spec, SCHEDULES, SCHEDULES / best,
		       backends[i].bar);
		fflush(stdout);
	}
	return 0;
}
