// SPDX-License-Identifier: GPL-2.0-or-later
/* Measures both builds alternately: pages, instructions, time. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/cli/progress.h"
#include "harness/kernel/files.h"
#include "harness/kernel/patch_measure.h"
#include "harness/kernel/shim_tree.h"
#include "harness/measure/load.h"
#include "lib/process.h"
#include "lib/self.h"
#include "lib/stop.h"

#define RANDOM_SEQUENCES 5
#define RANDOM_OPS 20000
/* Instruction counts hardly vary, so a part of a long trace is enough. */
#define IR_EVENTS "200000"
#define MAX_ARGS 32

static void add_up(struct placement_result *sum,
		   const struct placement_result *one)
{
	int k;

	sum->ops += one->ops;
	sum->total += one->total;
	for (k = 0; k < PLACEMENT_KINDS; k++) {
		sum->compared[k] += one->compared[k];
		sum->differences[k] += one->differences[k];
	}
	if (!*sum->first)
		memcpy(sum->first, one->first, sizeof(sum->first));
	if (!*sum->corrupt)
		memcpy(sum->corrupt, one->corrupt, sizeof(sum->corrupt));
}

/* The child's findings, or the reason why it failed. */
struct findings {
	int ret;
	struct placement_result places;
	struct err err;
};

static void verify_child(const struct patch_plan *plan, const char *trace,
			 uint64_t seed, int fd)
{
	struct findings f = { .ret = 0 };
	struct placement_result one;
	int i;

	if (trace) {
		f.ret = placement_trace(plan->spec, trace, plan->codec,
					&f.places, &f.err);
	} else {
		for (i = 0; i < RANDOM_SEQUENCES && !f.ret; i++) {
			f.ret = placement_random(plan->spec, seed + (uint64_t)i,
						 RANDOM_OPS, &one, &f.err);
			add_up(&f.places, &one);
		}
	}
	if (write(fd, &f, sizeof(f)) != (ssize_t)sizeof(f))
		_exit(1);
	_exit(0);
}

int patch_verify(const struct patch_plan *plan, const char *trace,
		 uint64_t seed, struct placement_result *places,
		 struct err *err)
{
	struct findings f;
	size_t have = 0;
	int fd[2], status = 0;
	sigset_t mask;
	ssize_t n;
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC))
		return err_set(err, -errno, "pipe: %s", strerror(errno));
	fflush(NULL);
	stop_block(&mask);
	pid = fork();
	if (pid > 0)
		stop_child(pid);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	if (!pid)
		verify_child(plan, trace, seed, fd[1]);
	close(fd[1]);
	while (have < sizeof(f)) {
		n = read(fd[0], (char *)&f + have, sizeof(f) - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	close(fd[0]);
	if (pid < 0 || process_wait(pid, &status) < 0)
		return err_set(err, -errno, "fork: %s", strerror(errno));
	if (have < sizeof(f))
		return err_set(err, -EIO,
			       "one of the allocators stops the program "
			       "(signal %d) on %s; its last words are above",
			       WIFSIGNALED(status) ? WTERMSIG(status) : 0,
			       trace ? trace : "random operations");
	*places = f.places;
	if (f.ret) {
		*err = f.err;
		return f.ret;
	}
	if (places->differences[PLACEMENT_CONTENTS])
		return err_set(
			err, -EIO,
			"%lu reads of objects came back changed on %s; "
			"first: %.300s",
			(unsigned long)places->differences[PLACEMENT_CONTENTS],
			trace ? trace : "random operations", places->corrupt);
	return 0;
}

static int run(char *const args[], const char *log)
{
	struct process p = { .argv = args, .out = PROCESS_NULL };
	int ret;

	p.err = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (p.err < 0)
		return -errno;
	ret = process_run(&p);
	close(p.err);
	return ret > 0 ? -EIO : ret;
}

/* A folder for the outputs of one measurement. */
struct scratch {
	char dir[PATH_MAX];
	char log[PATH_MAX + 16];
	char json[PATH_MAX + 16];
};

static int scratch_make(struct scratch *s, struct err *err)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(s->dir, sizeof(s->dir), "%.3000s/zlab-measure.XXXXXX",
		 tmp ? tmp : "/tmp");
	if (!mkdtemp(s->dir))
		return err_set(err, -errno, "cannot make %s: %s", s->dir,
			       strerror(errno));
	snprintf(s->log, sizeof(s->log), "%s/log", s->dir);
	snprintf(s->json, sizeof(s->json), "%s/json", s->dir);
	return 0;
}

static void scratch_remove(struct scratch *s)
{
	process_remove(s->dir);
}

/* Add the options of timed and counted replays. Return: argument count. */
static size_t add_options(const struct patch_plan *plan, char **args, size_t n)
{
	if (plan->codec) {
		args[n++] = "--codec";
		args[n++] = (char *)plan->codec;
	}
	if (plan->compact_every) {
		args[n++] = "--compact-every";
		args[n++] = (char *)plan->compact_every;
	}
	args[n] = NULL;
	return n;
}

static json_t *replay(const struct patch_plan *plan, struct scratch *s,
		      int side, const char *trace, struct err *err)
{
	char threads[24], *log;
	char *args[MAX_ARGS] = { (char *)self_path(),
				 "replay",
				 (char *)trace,
				 "--backend",
				 (char *)plan->spec[side],
				 "--threads",
				 threads,
				 "--json",
				 s->json,
				 "--compact-at-end",
				 NULL };
	json_error_t why;
	json_t *record;

	add_options(plan, args, 10);
	snprintf(threads, sizeof(threads), "%lld", plan->threads);
	unlink(s->json);
	if (run(args, s->log)) {
		log = file_read(s->log);
		if (log)
			log[strcspn(log, "\n")] = '\0';
		err_set(err, -EIO, "zlab replay %s --backend %s failed: %s",
			trace, plan->spec[side], log ? log : "no message");
		free(log);
		return NULL;
	}
	record = json_load_file(s->json, 0, &why);
	if (!record)
		err_set(err, -EIO, "zlab replay wrote no record: %s", why.text);
	return record;
}

/* Cost of one object's own code in callgrind output, without its callees. */
static double ir_of_object(const char *text, const char *so)
{
	const char *p = text, *end;
	char ours[16] = "", id[16];
	bool inside = false, call = false;
	double sum = 0;

	for (; *p; p = *end ? end + 1 : end) {
		end = strchrnul(p, '\n');
		if (sscanf(p, "ob=%15[^) \n]", id) == 1) {
			/* Only the first use of an id has its name. */
			if (memmem(p, (size_t)(end - p), so, strlen(so)))
				memcpy(ours, id, sizeof(ours));
			inside = *ours && !strcmp(id, ours);
		} else if (!strncmp(p, "cob=", 4)) {
			if (sscanf(p, "cob=%15[^) \n]", id) == 1 &&
			    memmem(p, (size_t)(end - p), so, strlen(so)))
				memcpy(ours, id, sizeof(ours));
		} else if (!strncmp(p, "calls=", 6)) {
			call = true;
		} else if (strchr("+-*0123456789", *p) && p != end) {
			double cost;

			/* The line after calls= has the cost of the callee. */
			if (!call && inside && sscanf(p, "%*s %lf", &cost) == 1)
				sum += cost;
			call = false;
		}
	}
	return sum;
}

/* Under valgrind a pool can reserve less address space. */
static double count_instructions(const struct patch_plan *plan,
				 struct scratch *s, int side, const char *trace,
				 double events, double peak_bytes)
{
	char out[PATH_MAX + 64], path[PATH_MAX + 300], limit_mib[32];
	char *args[MAX_ARGS] = { "valgrind",
				 "--tool=callgrind",
				 out,
				 (char *)self_path(),
				 "replay",
				 (char *)trace,
				 "--backend",
				 (char *)plan->spec[side],
				 "--events",
				 IR_EVENTS,
				 "--compact-at-end",
				 "--no-verify",
				 "--sample",
				 "0",
				 "--pool-limit",
				 limit_mib,
				 NULL };
	const double limit = strtod(IR_EVENTS, NULL);
	struct dirent *e;
	double sum = 0;
	DIR *dir;

	add_options(plan, args, 16);
	snprintf(out, sizeof(out), "--callgrind-out-file=%s/cg%d.%%p", s->dir,
		 side);
	snprintf(limit_mib, sizeof(limit_mib), "%.0fM",
		 peak_bytes * 2 / (1 << 20) + 64);
	if (run(args, s->log))
		return 0;
	dir = opendir(s->dir);
	snprintf(out, sizeof(out), "cg%d.", side);
	while (dir && (e = readdir(dir))) {
		char *text;

		if (strncmp(e->d_name, out, strlen(out)))
			continue;
		snprintf(path, sizeof(path), "%s/%s", s->dir, e->d_name);
		text = file_read(path);
		if (text)
			sum += ir_of_object(text, plan->spec[side]);
		free(text);
	}
	if (dir)
		closedir(dir);
	return sum / (events < limit ? events : limit);
}

static double number(json_t *record, const char *a, const char *b)
{
	json_t *v = json_object_get(record, a);

	if (b)
		v = json_object_get(v, b);
	return json_number_value(v);
}

static bool same_counts(json_t *a, json_t *b)
{
	return number(a, "pool_pages", NULL) == number(b, "pool_pages", NULL) &&
	       json_equal(json_object_get(a, "counts"),
			  json_object_get(b, "counts"));
}

static int one_round(const struct patch_plan *plan, struct scratch *s,
		     const char *trace, struct patch_result *r, struct err *err)
{
	/* Each side goes first equally often, in an irregular order. */
	int first = (int)((unsigned)r->runs * 2654435761u >> 31), k;
	json_t *record;

	for (k = 0; k < 2; k++) {
		int side = first ^ k;

		record = replay(plan, s, side, trace, err);
		if (!record)
			return -EIO;
		r->ns[side][r->runs] = json_number_value(json_object_get(
			json_object_get(json_object_get(record, "time"),
					"sys_split_ns"),
			"allocator"));
		if (r->record[side]) {
			r->repeats &= same_counts(r->record[side], record);
			json_decref(record);
		} else {
			r->record[side] = record;
		}
	}
	r->runs++;
	return 0;
}

int patch_measure(const struct patch_plan *plan, const char *trace,
		  struct patch_result *r, struct err *err)
{
	struct progress progress;
	struct scratch s;
	struct load load;
	json_t *t;
	int ret, side;

	memset(r, 0, sizeof(*r));
	r->repeats = true;
	ret = scratch_make(&s, err);
	if (ret)
		return ret;
	progress_step(&progress, "patch-test, checking places");
	ret = patch_verify(plan, trace, 0, &r->places, err);
	progress_end(&progress);
	load_begin(&load);
	progress_start(&progress, "patch-test", "rounds", (uint64_t)plan->runs);
	for (; !ret && r->runs < plan->runs;
	     ret = one_round(plan, &s, trace, r, err))
		progress_update(&progress, (uint64_t)r->runs);
	progress_end(&progress);
	r->others = load_others(&load);
	if (!ret) {
		t = json_object_get(r->record[0], "trace");
		snprintf(r->trace, sizeof(r->trace), "%s",
			 json_string_value(json_object_get(t, "name")));
		snprintf(r->codec, sizeof(r->codec), "%s",
			 json_string_value(
				 json_object_get(r->record[0], "codec")));
		r->events = (uint64_t)number(r->record[0], "events", NULL);
	}
	progress_step(&progress, "patch-test, counting instructions");
	for (side = 0; !ret && plan->instructions && side < 2; side++)
		r->ir[side] = count_instructions(
			plan, &s, side, trace, (double)r->events,
			number(r->record[side], "pool_pages_peak", NULL) *
				number(r->record[side], "page_size", NULL));
	progress_end(&progress);
	scratch_remove(&s);
	return ret;
}

void patch_result_free(struct patch_result *r)
{
	json_decref(r->record[0]);
	json_decref(r->record[1]);
	r->record[0] = r->record[1] = NULL;
}
