/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Launching the command with the recorder preloaded, and supervising it: its
 * signals, its end, the metadata and statistics of the trace.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/process.h"
#include "lib/self.h"
#include "traces/record/internal.h"
#include "traces/recorder/abi.h"

#define OBJECT "zlab-recorder.so"
#define TICK_MS 50
#define PROGRESS_NS 200000000ull
/* What ends so soon after the command is not worth a word. */
#define LINGER_NS 500000000ull
#define WATCH_NS 1000000000ull
#define SLOW_WINDOWS 3
/*
 * What a fault costs: CPU time of thread and handler together, and what the
 * thread waits at least, on an idle machine, and at most.
 */
#define FAULT_CPU_NS 10000ull
#define FAULT_MIN_NS 15000ull
#define FAULT_MAX_NS 100000ull

/**
 * struct run - one run of the command
 * @opts: the caller's options
 * @c: the collector
 * @pid: process id of the command
 * @signals: signalfd
 * @mask: signal mask to restore
 * @xfsz: action of SIGXFSZ to restore
 * @start: when the command was started (CLOCK_MONOTONIC, ns)
 * @ended: when it ended; 0 before
 * @told_to_end: a signal came that ends programs
 * @adopts: this process adopted orphans before
 * @told: news that were told
 * @watched: when watch() looked last
 * @slow_windows: how often in a row it found the command thrashing
 */
struct run {
	const struct record_options *opts;
	struct collector *c;
	pid_t pid;
	int signals;
	int object; /* open where its path cannot be named; else -1 */
	sigset_t mask;
	struct sigaction xfsz;
	uint64_t start, ended;
	bool told_to_end;
	int adopts;
	bool told[2];
	uint64_t watched;
	unsigned int slow_windows;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* "NAME=VALUE", with what NAME has now behind it; to be freed, or NULL. */
static char *prepend(const char *name, const char *value)
{
	const char *old = getenv(name);
	char *both;

	if (asprintf(&both, "%s=%s%s%s", name, value, old && *old ? ":" : "",
		     old && *old ? old : "") < 0)
		return NULL;
	return both;
}

static int spawn(struct run *run, const char *path, const char *object,
		 struct err *err)
{
	char *preload = prepend("LD_PRELOAD", object), *name = NULL;
	char *env[] = { preload, NULL, NULL };
	struct process p = { .argv = run->opts->argv,
			     .path = path,
			     .env = env,
			     .mask = &run->mask,
			     .alone = true };
	sigset_t xfsz;
	int ret = -ENOMEM;

	sigemptyset(&xfsz);
	if (run->xfsz.sa_handler != SIG_IGN)
		sigaddset(&xfsz, SIGXFSZ);
	p.defaults = &xfsz;
	if (asprintf(&name, "%s=%s", REC_ENV, collector_name(run->c)) < 0)
		name = NULL;
	env[1] = name;
	run->start = now_ns();
	if (preload && name)
		ret = process_start(&p, &run->pid);
	free(preload);
	free(name);
	if (ret)
		return err_set(err, ret, "cannot run %s: %s", path,
			       strerror(-ret));
	return 0;
}

/*
 * The terminal sends its signals to the whole process group, so only signals
 * that were sent to this process alone are forwarded.
 */
static void forward_signals(struct run *run)
{
	struct signalfd_siginfo si;

	while (read(run->signals, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGCHLD)
			continue;
		run->told_to_end = true;
		if (si.ssi_code != SI_KERNEL && run->pid > 0 && !run->ended)
			kill(run->pid, (int)si.ssi_signo);
	}
}

static void progress(struct run *run, struct zlt_writer *w, uint64_t *next)
{
	struct record_counts counts;
	uint64_t now = now_ns();

	if (!run->opts->progress || now < *next)
		return;
	*next = now + PROGRESS_NS;
	collector_counts(run->c, &counts);
	run->opts->progress(run->opts->arg, &counts, w ? zlt_written(w) : 0);
}

static void tell(struct run *run, struct zlt_writer *w, enum record_news what)
{
	struct record_counts counts;

	if (!run->opts->news || run->told[what])
		return;
	run->told[what] = true;
	collector_counts(run->c, &counts);
	run->opts->news(run->opts->arg, what, &counts, w ? zlt_written(w) : 0);
}

uint64_t record_waited(uint64_t wall, uint64_t cpu, uint64_t faults,
		       uint64_t *own)
{
	uint64_t rest;

	*own = cpu / 50;
	if (cpu - *own > faults * FAULT_CPU_NS)
		*own = cpu - faults * FAULT_CPU_NS;
	rest = wall > *own ? wall - *own : 0;
	if (rest < faults * FAULT_MIN_NS)
		return faults * FAULT_MIN_NS;
	return rest < faults * FAULT_MAX_NS ? rest : faults * FAULT_MAX_NS;
}

/* Programs often wait for their pages while they start: that is no news. */
static void watch(struct run *run, struct zlt_writer *w)
{
	uint64_t now = now_ns(), spent = now - run->watched;

	if (spent < WATCH_NS)
		return;
	run->watched = now;
	if (collector_waited(run->c, spent) < spent / 2)
		run->slow_windows = 0;
	else if (++run->slow_windows == SLOW_WINDOWS)
		tell(run, w, RECORD_THRASHES);
}

static uint64_t ns_of(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * 1000000000ull +
	       (uint64_t)tv->tv_usec * 1000;
}

/* Return: whether the command, or anything it has left behind, is there. */
static bool reap(struct run *run, struct record_result *result)
{
	struct rusage ru;
	int status;
	pid_t pid;

	while ((pid = wait4(-1, &status, WNOHANG, &ru)) > 0) {
		result->user_ns += ns_of(&ru.ru_utime);
		result->sys_ns += ns_of(&ru.ru_stime);
		if (pid != run->pid)
			continue;
		run->ended = now_ns();
		result->status = status;
		result->wall_ns = run->ended - run->start;
	}
	return pid == 0 || errno == EINTR;
}

static void supervise(struct run *run, struct zlt_writer *w,
		      struct record_result *result)
{
	struct pollfd fds[2] = {
		{ .fd = run->signals, .events = POLLIN },
		{ .fd = collector_fd(run->c), .events = POLLIN },
	};
	uint64_t next = run->start;
	bool any, lingers;

	run->watched = run->start;
	for (;;) {
		lingers = run->ended && now_ns() < run->ended + LINGER_NS;
		poll(fds, 2, lingers ? 1 : TICK_MS);
		forward_signals(run);
		collector_serve(run->c);
		progress(run, w, &next);
		watch(run, w);
		any = reap(run, result);
		if (!run->ended)
			continue;
		result->left_running = collector_attached(run->c);
		if (!any && !result->left_running)
			return;
		if (lingers || now_ns() < run->ended + LINGER_NS)
			continue;
		if (!any || run->told_to_end || collector_failed(run->c))
			return;
		tell(run, w, RECORD_FOLLOWS);
	}
}

static int catch_signals(struct run *run, struct err *err)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &set, &run->mask);
	prctl(PR_GET_CHILD_SUBREAPER, &run->adopts);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	/* A file size limit must fail a write, not end this process. */
	sigaction(SIGXFSZ, &ignore, &run->xfsz);
	run->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (run->signals < 0)
		return err_set(err, -errno, "cannot catch signals: %s",
			       strerror(errno));
	return 0;
}

static void release_signals(struct run *run)
{
	if (run->signals >= 0) {
		forward_signals(run);
		close(run->signals);
	}
	prctl(PR_SET_CHILD_SUBREAPER, run->adopts);
	sigaction(SIGXFSZ, &run->xfsz, NULL);
	pthread_sigmask(SIG_SETMASK, &run->mask, NULL);
}

static json_t *command_line(char *const *argv)
{
	json_t *list = json_array();

	for (; *argv; argv++) {
		json_t *word = json_string(*argv);

		/* An argument may not be valid UTF-8. */
		json_array_append_new(list, word ? word : json_string("?"));
	}
	return list;
}

static json_t *describe(const struct record_options *opts, const char *path)
{
	const char *slash = strrchr(opts->output, '/');
	const char *file = slash ? slash + 1 : opts->output;
	size_t len = strlen(file);
	struct utsname un = { 0 };
	char kernel[sizeof(un.sysname) + sizeof(un.release) +
		    sizeof(un.machine)];
	json_t *meta, *recorder;

	if (len > 4 && !strcmp(file + len - 4, ".zlt"))
		len -= 4;
	uname(&un);
	snprintf(kernel, sizeof(kernel), "%s %s %s", un.sysname, un.release,
		 un.machine);
	recorder = json_pack("{s:s, s:f, s:b, s:I}", "method", "userfaultfd",
			     "inactive", opts->inactive_permille / 1000.0,
			     "contents", opts->contents, "cpus",
			     (json_int_t)sysconf(_SC_NPROCESSORS_ONLN));
	meta = json_pack("{s:s%, s:s?, s:o, s:s, s:s?, s:s, s:o}", "name", file,
			 len, "program", path, "command",
			 command_line(opts->argv), "kernel", kernel, "tool",
			 opts->tool, "keys", "address", "recorder", recorder);
	if (opts->percent)
		json_object_set_new(meta, "limit_percent",
				    json_integer(opts->percent));
	else
		json_object_set_new(meta, "limit_bytes",
				    json_integer((json_int_t)opts->limit));
	return meta;
}

static json_t *statistics(const struct record_result *r)
{
	const struct record_counts *n = &r->counts;
	const struct {
		const char *name;
		uint64_t n;
	} members[] = {
		{ "processes", n->processes },
		{ "fresh_faults", n->fresh },
		{ "soft_faults", n->soft },
		{ "stores", n->stores },
		{ "loads", n->loads },
		{ "invalidates", n->invalidates },
		{ "peak_bytes", n->resident_peak * RECORD_PAGE },
		{ "live_peak_bytes", n->live_peak * RECORD_PAGE },
		{ "limit_bytes", n->limit * RECORD_PAGE },
		{ "anon_bytes", n->anon_bytes },
		{ "captured_bytes", n->captured_bytes },
		{ "wall_ns", r->wall_ns },
		{ "cpu_ns", r->user_ns + r->sys_ns },
		{ "status", (uint64_t)r->status },
	};
	json_t *stats = json_object();
	size_t i;

	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		json_object_set_new(stats, members[i].name,
				    json_integer((json_int_t)members[i].n));
	return stats;
}

static struct zlt_writer *open_trace(const struct record_options *opts,
				     const char *path, struct err *err)
{
	struct zlt_options zo = {
		.columns = ZLT_TIME | ZLT_CPU | ZLT_TID,
		.objects =
			opts->contents ? ZLT_OBJECT_PAGES : ZLT_OBJECT_HASHES,
		.sizers = opts->sizers,
		.sizer_count = opts->sizer_count,
	};
	json_t *meta = describe(opts, path);
	struct zlt_writer *w = zlt_create(opts->output, meta, &zo, err);
	int why = errno;

	json_decref(meta);
	errno = why;
	return w;
}

static int close_trace(struct zlt_writer *w, const char *output,
		       struct record_result *result, int ret, struct err *err)
{
	json_t *stats = statistics(result);
	struct stat st;
	struct err why = { "" };
	int closed;

	result->contents = zlt_contents(w);
	closed = zlt_close(w, stats, &why);
	if (!stat(output, &st))
		result->bytes = (uint64_t)st.st_size;
	json_decref(stats);
	if (!ret && closed) {
		ret = closed;
		if (err)
			*err = why;
	}
	return ret;
}

static double slowness(const struct record_result *r, uint64_t wall)
{
	const struct record_counts *n = &r->counts;
	uint64_t faults = n->fresh + n->soft + n->loads;
	uint64_t own, waited = record_waited(wall, r->user_ns + r->sys_ns,
					     faults, &own);

	/* The CPU time of what runs on is not known. */
	if (r->left_running || !own)
		return 0;
	return 1 + (double)waited / (double)own;
}

static int check_counts(const struct record_counts *n, struct err *err)
{
	if (n->mismatches)
		return err_set(
			err, -EBADMSG,
			"%llu pages had changed when they came back: the "
			"recorder is broken, do not trust the program's "
			"results",
			(unsigned long long)n->mismatches);
	if (n->violations)
		return err_set(err, -EBADMSG,
			       "%llu events contradict earlier ones: the "
			       "recorder is broken",
			       (unsigned long long)n->violations);
	return 0;
}

static int run_command(struct run *run, const char *path, const char *object,
		       struct zlt_writer **w, struct record_result *result,
		       struct err *err)
{
	const struct record_options *opts = run->opts;
	int ret, checked, published = 0;

	if (opts->output) {
		*w = open_trace(opts, path, err);
		if (!*w)
			return -errno;
	}
	run->c = collector_start(opts, *w, err);
	if (!run->c)
		return -errno;
	ret = spawn(run, path, object, err);
	/* What is recorded from here on must outlive even a kill -9. */
	if (!ret && *w)
		published = zlt_publish(*w, err);
	if (!ret)
		supervise(run, *w, result);
	checked = collector_stop(run->c, &result->counts, &result->events, err);
	result->slow = slowness(result, now_ns() - run->start);
	if (!ret)
		ret = published;
	return ret ? ret : checked;
}

/*
 * The path of the object that is preloaded. The loader splits LD_PRELOAD at
 * spaces and colons and expands dollars; an object whose path has one of them
 * is named by a descriptor of this process.
 */
static int find_object(struct run *run, char *path, size_t len, struct err *err)
{
	int ret = data_path(path, len, OBJECT, err);

	if (ret || !strpbrk(path, ": $"))
		return ret;
	run->object = open(path, O_RDONLY | O_CLOEXEC);
	if (run->object < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	snprintf(path, len, "/proc/%d/fd/%d", (int)getpid(), run->object);
	return 0;
}

int record_run(const struct record_options *opts, struct record_result *result,
	       struct err *err)
{
	struct run run = {
		.opts = opts, .pid = -1, .signals = -1, .object = -1
	};
	char path[PATH_MAX], object[PATH_MAX];
	struct zlt_writer *w = NULL;
	int ret;

	memset(result, 0, sizeof(*result));
	ret = record_find_program(opts->argv[0], path, sizeof(path), err);
	if (!ret)
		ret = record_check_program(path, err);
	if (!ret)
		ret = record_check_kernel(err);
	if (!ret)
		ret = find_object(&run, object, sizeof(object), err);
	if (ret)
		return ret;
	ret = catch_signals(&run, err);
	if (!ret)
		ret = run_command(&run, path, object, &w, result, err);
	if (w)
		ret = close_trace(w, opts->output, result, ret, err);
	release_signals(&run);
	if (run.object >= 0)
		close(run.object);
	return ret ? ret : check_counts(&result->counts, err);
}
