// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/capture/capture.h"
#include "harness/capture/tracefs.h"
#include "lib/process.h"
#include "lib/stop.h"

#define BTF_DIR "/sys/kernel/btf"
#define SYMBOLS "/proc/kallsyms"
/*
 * How often the pipe is looked at. Waiting for events would cost the kernel a
 * wake-up for each of them, and their buffer lasts much longer.
 */
#define WAIT_MS 20
/* How old events are at most that a power failure takes. */
#define FLUSH_NS 5000000000ull
#define TEXT_BYTES (1 << 16)

/*
 * @text: what was read, and no more than one line that is not complete
 * @len: bytes in it
 * @overlong: the line is longer than @text, and its end is not read yet
 */
struct run {
	const struct capture_options *opts;
	struct capture_result *result;
	struct zlt_writer *trace;
	struct alloc_log *log;
	struct tracefs *tracefs;
	struct pair *pair;
	int pipe;
	pid_t pid;
	bool ended, overlong;
	uint64_t start, cpu, flushed;
	size_t len;
	char text[TEXT_BYTES];
};

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* ---- what is watched ---------------------------------------------------- */

static int make_plan(const struct capture_options *opts, const char *dir,
		     struct plan *plan, struct err *err)
{
	struct types *types;
	enum plan_way way;
	FILE *symbols;
	int ret = tracefs_way(dir, opts->way, &way, err);

	if (ret)
		return ret;
	types = types_open(BTF_DIR, opts->btf, err);
	if (!types)
		return -errno;
	symbols = fopen(SYMBOLS, "re");
	if (symbols) {
		ret = plan_make(plan, way, symbols, types, err);
		fclose(symbols);
	} else {
		ret = err_set(err, -errno, "%s: %s", SYMBOLS, strerror(errno));
	}
	types_close(types);
	return ret;
}

int capture_plan(const struct capture_options *opts, struct plan *plan,
		 struct err *err)
{
	char dir[PATH_MAX / 2];
	int ret = tracefs_find(opts->tracefs, dir, sizeof(dir), err);

	return ret ?: make_plan(opts, dir, plan, err);
}

/* ---- lines -------------------------------------------------------------- */

static int event(void *arg, const struct zlt_event *e, struct err *err)
{
	struct run *run = arg;

	return zlt_event(run->trace, e, err);
}

/* Hands over the complete lines, and keeps the rest. */
static int take_lines(struct run *run, struct err *err)
{
	char *at = run->text, *end = run->text + run->len, *newline;
	int ret = 0;

	while (!ret && (newline = memchr(at, '\n', (size_t)(end - at)))) {
		*newline = '\0';
		if (!run->overlong)
			ret = pair_text(run->pair, at, err);
		run->overlong = false;
		at = newline + 1;
	}
	run->len = (size_t)(end - at);
	if (run->len == sizeof(run->text)) {
		run->overlong = true;
		run->len = 0;
	}
	memmove(run->text, at, run->len);
	return ret;
}

/* Reads once. Return: 1, 0 at the end, -EAGAIN when there is nothing now. */
static int read_once(struct run *run, struct err *err)
{
	ssize_t n = read(run->pipe, run->text + run->len,
			 sizeof(run->text) - run->len);
	int ret;

	if (n > 0) {
		run->len += (size_t)n;
		ret = take_lines(run, err);
		return ret ?: 1;
	}
	if (!n)
		return 0;
	if (errno == EAGAIN || errno == EINTR)
		return -EAGAIN;
	return err_set(err, -errno, "events cannot be read: %s",
		       strerror(errno));
}

/* ---- from a text -------------------------------------------------------- */

static int read_text(struct run *run, struct err *err)
{
	struct pollfd more = { .fd = run->pipe, .events = POLLIN };
	int ret = 1;

	while (ret > 0) {
		ret = stop_signal() ? 0 : read_once(run, err);
		/* Another program may have made the pipe one that never waits. */
		if (ret == -EAGAIN) {
			poll(&more, 1, WAIT_MS);
			ret = 1;
		}
	}
	/* An end without a newline was cut off. */
	if (!ret && run->len) {
		run->text[run->len < TEXT_BYTES ? run->len : TEXT_BYTES - 1] =
			'\n';
		run->len++;
		ret = take_lines(run, err);
	}
	return ret;
}

/* ---- from this kernel --------------------------------------------------- */

static int start_command(struct run *run, struct err *err)
{
	struct process p = { .argv = run->opts->argv };
	int ret;

	if (!p.argv)
		return 0;
	ret = process_start(&p, &run->pid);
	if (!ret)
		return 0;
	run->pid = 0;
	return err_set(err, ret, "cannot run %s: %s", p.argv[0],
		       strerror(-ret));
}

/* Notes the end of the command; a signal alone does not end it. */
static void look_at_command(struct run *run)
{
	pid_t pid;

	if (!run->pid || run->ended)
		return;
	pid = waitpid(run->pid, &run->result->status, WNOHANG);
	if (!pid || (pid < 0 && errno == EINTR))
		return;
	run->ended = true;
	stop_child_gone(run->pid);
}

static int flush(struct run *run, struct err *err)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	if (now - run->flushed < FLUSH_NS)
		return 0;
	run->flushed = now;
	return zlt_flush(run->trace, err);
}

static bool done(struct run *run)
{
	const struct capture_options *opts = run->opts;
	uint64_t spent = clock_ns(CLOCK_MONOTONIC) - run->start;

	look_at_command(run);
	if (run->pid)
		return run->ended;
	if (stop_signal())
		return true;
	return opts->seconds && spent >= opts->seconds * 1000000000ull;
}

static int follow(struct run *run, struct err *err)
{
	int ret;

	for (;;) {
		ret = read_once(run, err);
		if (ret < 0 && ret != -EAGAIN)
			return ret;
		if (done(run))
			return 0;
		if (ret <= 0)
			usleep(WAIT_MS * 1000);
		ret = flush(run, err);
		if (ret)
			return ret;
	}
}

/* What the kernel had written when it was told to stop. */
static int drain(struct run *run, struct err *err)
{
	int ret;

	do {
		ret = read_once(run, err);
	} while (ret > 0);
	return ret == -EAGAIN ? 0 : ret;
}

static int read_kernel(struct run *run, struct err *err)
{
	struct capture_result *r = run->result;
	int ret = tracefs_switch(run->tracefs, true, err);

	if (ret)
		return ret;
	run->start = run->flushed = clock_ns(CLOCK_MONOTONIC);
	run->cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	ret = start_command(run, err) ?: follow(run, err);
	r->wall_ns = clock_ns(CLOCK_MONOTONIC) - run->start;
	if (!tracefs_switch(run->tracefs, false, ret ? NULL : err) && !ret)
		ret = drain(run, err);
	r->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - run->cpu;
	r->lost = tracefs_lost(run->tracefs, &r->missed);
	/* The command outlives a capture that failed, and is waited for. */
	while (run->pid && !run->ended) {
		look_at_command(run);
		usleep(WAIT_MS * 1000);
	}
	return ret;
}

/* ---- a capture ---------------------------------------------------------- */

static json_t *describe(const struct capture_options *opts)
{
	struct utsname host;
	json_t *meta =
		json_pack("{s:s, s:s}", "tool", opts->tool, "keys", "kernel");

	if (!opts->from && !uname(&host))
		json_object_set_new(meta, "kernel", json_string(host.release));
	return meta;
}

static int open_outputs(struct run *run, struct err *err)
{
	const struct zlt_options opts = { .columns = ZLT_TIME | ZLT_CPU |
						     ZLT_TID };
	struct pair_sink sink = { .arg = run, .event = event };
	json_t *meta = describe(run->opts);

	run->trace = zlt_create(run->opts->output, meta, &opts, err);
	json_decref(meta);
	if (!run->trace)
		return -errno;
	if (run->opts->log) {
		run->log = alloc_log_open(run->opts->log,
					  run->opts->frame_shift, err);
		if (!run->log)
			return -errno;
		alloc_log_sink(run->log, &sink);
	}
	run->pair = pair_new(&sink);
	return run->pair ? 0 : err_set(err, -ENOMEM, "out of memory");
}

/* The first error is told; what was captured is kept whatever it was. */
static int close_outputs(struct run *run, int ret, struct err *err)
{
	struct capture_result *r = run->result;
	struct stat st;
	json_t *stats;
	int one;

	if (run->pair) {
		one = pair_end(run->pair, ret ? NULL : err);
		ret = ret ?: one;
		r->counts = *pair_counts(run->pair);
		r->zrams = pair_zrams(run->pair);
	}
	if (run->log) {
		one = alloc_log_close(run->log, &r->log, ret ? NULL : err);
		ret = ret ?: one;
	}
	if (run->trace && run->pair) {
		stats = capture_json(run->opts, r);
		one = zlt_close(run->trace, stats, ret ? NULL : err);
		json_decref(stats);
		ret = ret ?: one;
	} else if (run->trace) {
		zlt_abort(run->trace);
	}
	if (!stat(run->opts->output, &st))
		r->bytes = (uint64_t)st.st_size;
	pair_free(run->pair);
	return ret;
}

static int run_text(struct run *run, struct err *err)
{
	int ret;

	run->pipe = strcmp(run->opts->from, "-")
			    ? open(run->opts->from, O_RDONLY | O_CLOEXEC)
			    : dup(STDIN_FILENO);
	if (run->pipe < 0)
		return err_set(err, -errno, "%s: %s", run->opts->from,
			       strerror(errno));
	ret = open_outputs(run, err);
	if (!ret) {
		run->result->began = true;
		ret = read_text(run, err);
		run->result->lost = pair_counts(run->pair)->lost;
	}
	close(run->pipe);
	return close_outputs(run, ret, err);
}

static int run_kernel(struct run *run, struct err *err)
{
	struct capture_result *r = run->result;
	char dir[PATH_MAX / 2];
	int ret, one;

	ret = tracefs_find(run->opts->tracefs, dir, sizeof(dir), err)
		      ?: make_plan(run->opts, dir, &r->plan, err);
	if (ret)
		return ret;
	run->tracefs = tracefs_open(dir, &r->plan, run->opts->buffer, err);
	if (!run->tracefs)
		return -errno;
	run->pipe = tracefs_pipe(run->tracefs);
	ret = open_outputs(run, err);
	if (!ret) {
		r->began = true;
		if (run->opts->started)
			run->opts->started(&r->plan);
		ret = zlt_publish(run->trace, err) ?: read_kernel(run, err);
	}
	one = tracefs_close(run->tracefs, ret ? NULL : err);
	ret = ret ?: one;
	return close_outputs(run, ret, err);
}

int capture_run(const struct capture_options *opts, struct capture_result *r,
		struct err *err)
{
	struct run *run = calloc(1, sizeof(*run));
	int ret;

	memset(r, 0, sizeof(*r));
	if (!run)
		return err_set(err, -ENOMEM, "out of memory");
	run->opts = opts;
	run->result = r;
	ret = opts->from ? run_text(run, err) : run_kernel(run, err);
	free(run);
	return ret;
}

json_t *capture_json(const struct capture_options *opts,
		     const struct capture_result *r)
{
	static const char *const ways[] = { "kprobe", "fprobe", "function" };
	const struct pair_counts *n = &r->counts;
	json_t *o = json_object(), *functions = json_array();
	const struct {
		const char *name;
		uint64_t value;
	} fields[] = {
		{ "events", n->events },
		{ "stores", n->stores },
		{ "loads", n->loads },
		{ "invalidates", n->invalidates },
		{ "compacts", n->compacts },
		{ "replaced", n->replaced },
		{ "refused", n->refused },
		{ "without_owner", n->unkeyed },
		{ "from_before", n->before },
		{ "pools", n->pools },
		{ "zram_devices", r->zrams },
		{ "lost_events", r->lost },
		{ "missed_returns", r->missed },
		{ "cut_calls", n->cut },
		{ "mistaken_keys", n->mistaken },
		{ "repaired", n->repaired },
		{ "overlaps", n->overlaps },
		{ "lines", n->lines },
		{ "bad_lines", n->bad },
		{ "log_rows", r->log.rows },
		{ "log_other_pools", r->log.other },
		{ "wall_ns", r->wall_ns },
		{ "reader_cpu_ns", r->cpu_ns },
		{ "buffer_bytes", opts->from ? 0 : opts->buffer },
	};
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		json_object_set_new(o, fields[i].name,
				    json_integer((json_int_t)fields[i].value));
	for (i = 0; i < r->plan.nr; i++)
		if (plan_watched(&r->plan.calls[i]))
			json_array_append_new(
				functions,
				json_string(r->plan.calls[i].call->name));
	json_object_set_new(o, "functions", functions);
	json_object_set_new(
		o, "way", json_string(opts->from ? "text" : ways[r->plan.way]));
	return o;
}
