// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What virtual CPUs cost the host: operations per CPU-second on one core for
 * several numbers of them, the CPU time of ten million operations, and memory
 * per live object beside the pool and the trace. Prints one JSON line a figure.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/self.h"
#include "traces/generate.h"

#define SHORT "uniform:keys=100000,ops=1000000,reads=0.5"
#define LONG "uniform:keys=1000000,ops=10000000,reads=0.5"
#define PASSES 3

static char dir[] = "/tmp/bench_virtual-XXXXXX";
static char program[4096];

static void die(const char *what)
{
	fprintf(stderr, "bench/virtual: %s\n", what);
	exit(1);
}

static void figure(const char *name, unsigned cpus, double value,
		   const char *unit)
{
	printf("{\"bench\": \"virtual\", \"figure\": \"%s\", \"vcpus\": %u, "
	       "\"value\": %.3f, \"unit\": \"%s\"}\n",
	       name, cpus, value, unit);
	fflush(stdout);
}

struct cost {
	double cpu_s;
	double rss;
	json_t *record;
};

static double number(const json_t *o, const char *name)
{
	return json_number_value(json_object_get(o, name));
}

/* One replay in a process of its own; what the host paid for it. */
static struct cost replay(const char *trace, unsigned cpus)
{
	char count[16];
	char *argv[] = {
		program,   (char *)"replay", (char *)trace, "--vcpus",
		count,	   "--backend",	     "zsmalloc",    (char *)"--model",
		"overlap", "--no-verify",    "--json",	    "-",
		NULL
	};
	struct rusage use;
	struct cost c;
	json_error_t where;
	int fd[2], status;
	FILE *in;
	pid_t pid;

	snprintf(count, sizeof(count), "%u", cpus);
	if (pipe(fd))
		die("no pipe");
	pid = fork();
	if (!pid) {
		dup2(fd[1], STDOUT_FILENO);
		close(fd[0]);
		close(fd[1]);
		execv(program, argv);
		_exit(127);
	}
	close(fd[1]);
	in = fdopen(fd[0], "r");
	c.record = in ? json_loadf(in, 0, &where) : NULL;
	if (in)
		(void)fclose(in);
	if (wait4(pid, &status, 0, &use) < 0 || status || !c.record)
		die("the replay failed");
	c.cpu_s = (double)use.ru_utime.tv_sec + (double)use.ru_stime.tv_sec +
		  (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
	c.rss = (double)use.ru_maxrss * 1024;
	return c;
}

static void make(const char *spec, const char *path)
{
	struct err err = { "" };

	if (generate_trace(spec, path, &err))
		die(err.text);
}

int main(void)
{
	static const unsigned counts[] = { 1, 2, 8, 32, 64, 128, 256 };
	char brief[64], lengthy[64];
	struct cost c, best;
	struct stat trace;
	double objects;
	struct err err;
	size_t i;
	int k;

	if (data_path(program, sizeof(program), "zlab-virtual", &err))
		die(err.text);
	if (!mkdtemp(dir))
		die("no temporary directory");
	snprintf(brief, sizeof(brief), "%s/short.zlt", dir);
	snprintf(lengthy, sizeof(lengthy), "%s/long.zlt", dir);
	make(SHORT, brief);
	make(LONG, lengthy);
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		best.cpu_s = 1e9;
		for (k = 0; k < PASSES; k++) {
			c = replay(brief, counts[i]);
			json_decref(c.record);
			if (c.cpu_s < best.cpu_s)
				best = c;
		}
		figure("operations per CPU-second", counts[i],
		       1000 / best.cpu_s, "k/s");
	}
	c = replay(lengthy, 128);
	objects = number(c.record, "objects");
	figure("ten million operations", 128, c.cpu_s, "CPU-s");
	figure("directory per live object", 128,
	       number(json_object_get(c.record, "virtual"), "directory_bytes") /
		       objects,
	       "B");
	if (stat(lengthy, &trace))
		die("no trace");
	figure("memory per live object beside the pool and the mapped trace",
	       128,
	       (c.rss - number(c.record, "footprint_bytes") -
		(double)trace.st_size) /
		       objects,
	       "B");
	json_decref(c.record);
	unlink(brief);
	unlink(lengthy);
	rmdir(dir);
	return 0;
}
