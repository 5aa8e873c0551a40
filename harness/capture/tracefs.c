// SPDX-License-Identifier: GPL-2.0-or-later
#include <bsd/unistd.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/capture/tracefs.h"

#define MAGIC 0x74726163
#define GROUP "zlab_"
#define NAME_BYTES 48
#define LINE_BYTES (3 * PLAN_TEXT)
/* A reader of the pipe may still be on its way out. */
#define REMOVE_TRIES 50

/*
 * @dir: of tracefs
 * @name: of the instance and of the group of events
 * @pipe: trace_pipe
 * @guard: the process that removes everything when this one is gone
 * @alive: closed by this process's end, which @guard waits for
 */
struct tracefs {
	char dir[PATH_MAX / 2], name[NAME_BYTES];
	const struct plan *plan;
	int pipe, lock, alive;
	pid_t guard;
};

/* ---- files -------------------------------------------------------------- */

static int path_of(char *path, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int path_of(char *path, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(path, PATH_MAX, fmt, args);
	va_end(args);
	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* Appends: dynamic_events is emptied when it is opened to be replaced. */
static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC), ret = 0;
	size_t len = strlen(text);

	if (fd < 0)
		return -errno;
	if (write(fd, text, len) != (ssize_t)len)
		ret = errno ? -errno : -EIO;
	close(fd);
	return ret;
}

static int put_in(const struct tracefs *t, const char *file, const char *text)
{
	char path[PATH_MAX];

	return path_of(path, "%s/instances/%s/%s", t->dir, t->name, file)
		       ?: put(path, text);
}

static bool file_has(const char *path, const char *text)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	bool found = false;

	while (f && !found && getline(&line, &room, f) > 0)
		found = strstr(line, text);
	free(line);
	if (f)
		fclose(f);
	return found;
}

/* ---- what there is ------------------------------------------------------ */

static bool locked_down(void)
{
	return file_has("/sys/kernel/security/lockdown", "[confidentiality]");
}

static int refuse(const char *path, int why, struct err *err)
{
	if (locked_down())
		return err_set(err, -why,
			       "the kernel is locked down (confidentiality) "
			       "and does not let anybody trace it; boot "
			       "without lockdown=confidentiality");
	if ((why == EACCES || why == EPERM) && geteuid())
		return err_set(err, -why,
			       "only root may trace the kernel; run it with "
			       "sudo");
	if (why == EBUSY)
		return err_set(err, -why,
			       "%s: the kernel's tracing is busy: another "
			       "tracer has it; end that one first",
			       path);
	return err_set(err, -why, "%s: %s", path, strerror(why));
}

static bool is_tracefs(const char *dir)
{
	struct statfs st;

	return !statfs(dir, &st) && st.f_type == MAGIC;
}

int tracefs_find(const char *given, char *dir, size_t len, struct err *err)
{
	static const char *const places[] = { "/sys/kernel/tracing",
					      "/sys/kernel/debug/tracing" };
	char path[PATH_MAX];
	size_t i;
	int why;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(dir, len, "%s", given ?: places[i]);
		if (is_tracefs(dir))
			break;
	}
	if (i == sizeof(places) / sizeof(places[0])) {
		if (geteuid())
			return refuse(dir, EACCES, err);
		if (given)
			return err_set(err, -ENOENT,
				       "%s: no tracefs is mounted there",
				       given);
		return err_set(err, -ENOENT,
			       "no tracefs is mounted; mount it with: mount -t "
			       "tracefs none %s",
			       places[0]);
	}
	why = path_of(path, "%s/instances", dir);
	if (why)
		return err_set(err, why, "%s: %s", dir, strerror(-why));
	if (access(path, W_OK))
		return refuse(path, errno, err);
	/* A locked kernel shows the files and opens none. */
	path_of(path, "%s/trace_options", dir);
	why = open(path, O_RDONLY | O_CLOEXEC);
	if (why < 0)
		return refuse(path, errno, err);
	close(why);
	return 0;
}

static bool has_way(const char *dir, enum plan_way way)
{
	char path[PATH_MAX];

	switch (way) {
	case PLAN_KPROBE:
		return !path_of(path, "%s/kprobe_events", dir) &&
		       !access(path, W_OK);
	case PLAN_FPROBE:
		return !path_of(path, "%s/README", dir) &&
		       file_has(path, "f[:[<group>/]");
	case PLAN_FUNCTION:
		return !path_of(path, "%s/options/func-args", dir) &&
		       !access(path, W_OK);
	}
	return false;
}

int tracefs_way(const char *dir, const enum plan_way *wanted,
		enum plan_way *way, struct err *err)
{
	static const char *const needs[] = {
		"kprobe events (CONFIG_KPROBE_EVENTS)",
		"fprobe events (CONFIG_FPROBE_EVENTS)",
		"function tracer with arguments (CONFIG_FUNCTION_TRACE_ARGS)",
	};
	int i;

	for (i = PLAN_KPROBE; i <= PLAN_FUNCTION; i++) {
		*way = (enum plan_way)i;
		if ((!wanted || *wanted == *way) && has_way(dir, *way))
			return 0;
	}
	if (wanted)
		return err_set(err, -ENOTSUP, "this kernel has no %s",
			       needs[*wanted]);
	return err_set(
		err, -ENOTSUP,
		"this kernel has no %s, no %s and no %s: a capture needs "
		"one of them",
		needs[0], needs[1], needs[2]);
}

/* ---- removing ----------------------------------------------------------- */

static int remove_events(const char *dir, const char *group)
{
	char path[PATH_MAX], out[2 * NAME_BYTES + PLAN_TEXT], *line = NULL;
	char **gone = NULL, *at;
	size_t room = 0, nr = 0, i;
	int ret = 0, one;
	void *more;
	FILE *f;

	if (path_of(path, "%s/dynamic_events", dir))
		return -ENAMETOOLONG;
	f = fopen(path, "re");
	if (!f)
		return errno == ENOENT ? 0 : -errno;
	/* "p:GROUP/EVENT function ..."; read whole before it is changed. */
	while (getline(&line, &room, f) > 0) {
		at = strchr(line, ':');
		if (!at || strncmp(at + 1, group, strlen(group)) ||
		    at[1 + strlen(group)] != '/')
			continue;
		more = realloc(gone, (nr + 1) * sizeof(*gone));
		if (!more)
			break;
		gone = more;
		at[1 + strcspn(at + 1, " \n")] = '\0';
		gone[nr] = strdup(at);
		nr += gone[nr] != NULL;
	}
	free(line);
	fclose(f);
	for (i = 0; i < nr; i++) {
		snprintf(out, sizeof(out), "-%s\n", gone[i]);
		one = put(path, out);
		ret = ret ?: one;
		free(gone[i]);
	}
	free(gone);
	return ret;
}

static int remove_all(const char *dir, const char *name)
{
	char path[PATH_MAX];
	int tries, ret;

	/* What is switched on in an instance cannot be removed. */
	if (!path_of(path, "%s/instances/%s/current_tracer", dir, name))
		put(path, "nop");
	if (!path_of(path, "%s/instances/%s/events/%s/enable", dir, name, name))
		put(path, "0");
	ret = path_of(path, "%s/instances/%s", dir, name);
	if (ret)
		return ret;
	for (tries = 0; tries < REMOVE_TRIES; tries++) {
		ret = rmdir(path) && errno != ENOENT ? -errno : 0;
		if (ret != -EBUSY)
			break;
		usleep(10000);
	}
	return ret ?: remove_events(dir, name);
}

/* The start of a process in clock ticks since boot; 0: there is none. */
static unsigned long long started(pid_t pid)
{
	char path[64], text[1024];
	unsigned long long start = 0;
	const char *at;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fgets(text, sizeof(text), f)) {
		at = strrchr(text, ')');
		if (!at || sscanf(at + 1,
				  " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u "
				  "%*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
				  &start) != 1)
			start = 0;
	}
	fclose(f);
	return start;
}

/*
 * A capture of another PID namespace, whose processes we cannot see, holds a
 * lock of its instance.
 */
static bool is_locked(const char *dir, const char *name)
{
	char path[PATH_MAX];
	bool locked;
	int fd;

	if (path_of(path, "%s/instances/%.*s", dir, (int)strcspn(name, "/"),
		    name))
		return false;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	locked = flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;
	close(fd);
	return locked;
}

static bool is_left(const char *dir, const char *name)
{
	unsigned long long start;
	int pid, end = 0;

	if (sscanf(name, GROUP "%d_%llu%n", &pid, &start, &end) != 2 || !end)
		return false;
	return (!name[end] || name[end] == '/') && started(pid) != start &&
	       !is_locked(dir, name);
}

/* Events without their instance, when that one was removed by hand. */
static int clean_events(const char *dir)
{
	char path[PATH_MAX], name[NAME_BYTES], *line = NULL, *at;
	size_t room = 0;
	int removed = 0;
	bool again = true;
	FILE *f;

	if (path_of(path, "%s/dynamic_events", dir))
		return 0;
	while (again) {
		again = false;
		f = fopen(path, "re");
		while (f && !again && getline(&line, &room, f) > 0) {
			at = strchr(line, ':');
			if (!at || !is_left(dir, at + 1))
				continue;
			at[1 + strcspn(at + 1, "/")] = '\0';
			snprintf(name, sizeof(name), "%s", at + 1);
			again = true;
		}
		if (f)
			fclose(f);
		if (again && remove_events(dir, name))
			break;
		removed += again;
	}
	free(line);
	return removed;
}

int tracefs_clean(const char *dir, struct err *err)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int removed = 0, ret;
	DIR *all;

	ret = path_of(path, "%s/instances", dir);
	all = ret ? NULL : opendir(path);
	if (!all)
		return refuse(path, errno, err);
	while ((entry = readdir(all))) {
		if (!is_left(dir, entry->d_name))
			continue;
		ret = remove_all(dir, entry->d_name);
		if (ret) {
			closedir(all);
			return err_set(err, ret,
				       "%s/%s of an earlier capture cannot be "
				       "removed: %s",
				       path, entry->d_name, strerror(-ret));
		}
		removed++;
		rewinddir(all);
	}
	closedir(all);
	return removed + clean_events(dir);
}

/* ---- the guard ---------------------------------------------------------- */

static void guard(const struct tracefs *t, int alive)
{
	char byte;
	ssize_t n;

	/* Ctrl-C and the end of the terminal are for the one it guards. */
	setsid();
	prctl(PR_SET_NAME, "zlab-guard");
	/* Readers of our output wait until nobody has its other end. */
	if (dup2(alive, 0) == 0)
		closefrom(1);
	do {
		n = read(0, &byte, 1);
	} while (n < 0 && errno == EINTR);
	/* A byte says that the capture has removed everything itself. */
	if (!n)
		remove_all(t->dir, t->name);
	_exit(0);
}

static int start_guard(struct tracefs *t)
{
	sigset_t all, old;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	/* The child has no handlers of its own, and must not run ours. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	t->guard = fork();
	if (!t->guard) {
		close(ends[1]);
		guard(t, ends[0]);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	close(ends[0]);
	if (t->guard < 0) {
		close(ends[1]);
		return -errno;
	}
	t->alive = ends[1];
	return 0;
}

static void end_guard(struct tracefs *t, bool clean)
{
	if (t->guard <= 0)
		return;
	if (clean && write(t->alive, "", 1) != 1)
		kill(t->guard, SIGKILL);
	close(t->alive);
	while (waitpid(t->guard, NULL, 0) < 0 && errno == EINTR)
		;
	t->guard = 0;
}

/* ---- setting up --------------------------------------------------------- */

/* The last line of error_log that says what is wrong, or an errno's text. */
static void complaint(const struct tracefs *t, int why, char *text, size_t len)
{
	char path[PATH_MAX], *line = NULL, *at;
	size_t room = 0;
	FILE *f;

	snprintf(text, len, "%s", strerror(-why));
	if (path_of(path, "%s/error_log", t->dir))
		return;
	f = fopen(path, "re");
	while (f && getline(&line, &room, f) > 0) {
		at = strstr(line, "error: ");
		if (at)
			snprintf(text, len, "%.*s", (int)strcspn(at, "\n"), at);
	}
	free(line);
	if (f)
		fclose(f);
}

static int define(struct tracefs *t, const struct plan_call *c, bool ret,
		  struct err *err)
{
	char path[PATH_MAX], line[LINE_BYTES], why[PLAN_TEXT];
	int code = path_of(path, "%s/dynamic_events", t->dir);

	plan_define(t->plan, c, t->name, ret, line, sizeof(line));
	code = code ?: put(path, line);
	if (!code)
		return 0;
	complaint(t, code, why, sizeof(why));
	return err_set(err, code, "the kernel does not take \"%s\": %s", line,
		       why);
}

/* Without its filter an event is only more often there than needed. */
static void filter(const struct tracefs *t, const struct call *call)
{
	char file[NAME_BYTES + 64];

	if (!call->filter)
		return;
	snprintf(file, sizeof(file), "events/%s/%s/filter", t->name,
		 call->name);
	put_in(t, file, call->filter);
}

static int set_up_events(struct tracefs *t, struct err *err)
{
	char file[NAME_BYTES + 32];
	const struct plan_call *c;
	size_t i;
	int ret = 0;

	for (i = 0; i < t->plan->nr && !ret; i++) {
		c = &t->plan->calls[i];
		if (!plan_watched(c))
			continue;
		ret = define(t, c, false, err);
		if (!ret && *c->ret)
			ret = define(t, c, true, err);
		if (!ret)
			filter(t, c->call);
	}
	if (ret)
		return ret;
	snprintf(file, sizeof(file), "events/%s/enable", t->name);
	ret = put_in(t, file, "1");
	return ret ? refuse(file, -ret, err) : 0;
}

static int set_up_function(struct tracefs *t, struct err *err)
{
	const struct plan_call *c;
	char why[PLAN_TEXT];
	size_t i;
	int ret;

	for (i = 0; i < t->plan->nr; i++) {
		c = &t->plan->calls[i];
		if (!plan_watched(c))
			continue;
		ret = put_in(t, "set_ftrace_filter", c->call->name);
		if (!ret)
			continue;
		complaint(t, ret, why, sizeof(why));
		return err_set(err, ret,
			       "the function tracer does not take %s: %s",
			       c->call->name, why);
	}
	ret = put_in(t, "current_tracer", "function");
	if (ret)
		return refuse("current_tracer", -ret, err);
	ret = put_in(t, "options/func-args", "1");
	return ret ? refuse("options/func-args", -ret, err) : 0;
}

/* A clock that CPUs share, short lines, and nothing that others have set. */
static int set_up_instance(struct tracefs *t, size_t buffer, struct err *err)
{
	static const char *const clocks[] = { "mono", "boot", "global" };
	static const char *const options[] = {
		"noraw",	  "nohex",
		"nobin",	  "nofields",
		"noverbose",	  "nolatency-format",
		"nostacktrace",	  "nouserstacktrace",
		"noannotate",	  "noirq-info",
		"noprint-parent", "norecord-tgid",
		"nosym-addr",	  "nosym-offset",
		"context-info",	  "overwrite",
	};
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	char text[32];
	size_t i;
	int ret;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		put_in(t, "trace_options", options[i]);
	for (i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++)
		if (!put_in(t, "trace_clock", clocks[i]))
			break;
	snprintf(text, sizeof(text), "%zu",
		 (buffer >> 10) / (size_t)(cpus > 0 ? cpus : 1) + 1);
	ret = put_in(t, "buffer_size_kb", text);
	if (ret)
		return err_set(err, ret,
			       "the kernel has no %zu MiB for its events: %s; "
			       "--buffer takes less",
			       buffer >> 20, strerror(-ret));
	return 0;
}

static int set_up(struct tracefs *t, size_t buffer, struct err *err)
{
	char path[PATH_MAX];
	int ret = path_of(path, "%s/instances/%s", t->dir, t->name);

	if (ret)
		return refuse(t->dir, -ret, err);
	if (mkdir(path, 0700))
		return refuse(path, errno, err);
	t->lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->lock < 0 || flock(t->lock, LOCK_EX | LOCK_NB))
		return refuse(path, errno, err);
	ret = put_in(t, "tracing_on", "0");
	if (ret)
		return refuse(path, -ret, err);
	ret = set_up_instance(t, buffer, err);
	if (!ret)
		ret = t->plan->way == PLAN_FUNCTION ? set_up_function(t, err)
						    : set_up_events(t, err);
	if (ret)
		return ret;
	path_of(path, "%s/instances/%s/trace_pipe", t->dir, t->name);
	t->pipe = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return t->pipe < 0 ? refuse(path, errno, err) : 0;
}

struct tracefs *tracefs_open(const char *dir, const struct plan *plan,
			     size_t buffer, struct err *err)
{
	struct tracefs *t = calloc(1, sizeof(*t));
	int ret = tracefs_clean(dir, err);

	if (ret < 0 || !t) {
		free(t);
		errno = ret < 0 ? -ret : ENOMEM;
		return NULL;
	}
	snprintf(t->dir, sizeof(t->dir), "%s", dir);
	snprintf(t->name, sizeof(t->name), GROUP "%d_%llu", (int)getpid(),
		 started(getpid()));
	t->plan = plan;
	t->pipe = t->lock = -1;
	ret = start_guard(t);
	if (ret)
		err_set(err, ret, "a process cannot be started: %s",
			strerror(-ret));
	else
		ret = set_up(t, buffer, err);
	if (!ret)
		return t;
	tracefs_close(t, NULL);
	errno = -ret;
	return NULL;
}

int tracefs_pipe(const struct tracefs *t)
{
	return t->pipe;
}

int tracefs_switch(struct tracefs *t, bool on, struct err *err)
{
	int ret = put_in(t, "tracing_on", on ? "1" : "0");

	return ret ? refuse("tracing_on", -ret, err) : 0;
}

int tracefs_close(struct tracefs *t, struct err *err)
{
	int ret;

	if (!t)
		return 0;
	if (t->pipe >= 0)
		close(t->pipe);
	if (t->lock >= 0)
		close(t->lock);
	ret = remove_all(t->dir, t->name);
	end_guard(t, !ret);
	if (ret)
		err_set(err, ret,
			"%s/instances/%s cannot be removed: %s; zlab capture "
			"--clean does it later",
			t->dir, t->name, strerror(-ret));
	free(t);
	return ret;
}

/* ---- what was lost ------------------------------------------------------ */

static uint64_t lost_on(const char *path)
{
	static const char *const counts[] = { "overrun: ", "commit overrun: ",
					      "dropped events: " };
	uint64_t sum = 0, n;
	char line[128], *end;
	size_t i;
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f))
		for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
			if (strncmp(line, counts[i], strlen(counts[i])))
				continue;
			n = strtoull(line + strlen(counts[i]), &end, 10);
			sum += n;
		}
	if (f)
		fclose(f);
	return sum;
}

/* "  event  hits  missed", of kprobes only. */
static uint64_t missed_of(const struct tracefs *t)
{
	char path[PATH_MAX], name[128], line[256];
	unsigned long long hits, missed;
	uint64_t sum = 0;
	bool ret, first;
	FILE *f;

	if (path_of(path, "%s/kprobe_profile", t->dir))
		return 0;
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%127s %llu %llu", name, &hits, &missed) ==
			    3 &&
		    call_find(name, strlen(name), &ret, &first))
			sum += missed;
	if (f)
		fclose(f);
	return sum;
}

uint64_t tracefs_lost(const struct tracefs *t, uint64_t *missed)
{
	char path[PATH_MAX];
	struct dirent *entry;
	uint64_t sum = 0;
	DIR *all;

	*missed = t->plan->way == PLAN_KPROBE ? missed_of(t) : 0;
	if (path_of(path, "%s/instances/%s/per_cpu", t->dir, t->name))
		return 0;
	all = opendir(path);
	while (all && (entry = readdir(all))) {
		if (strncmp(entry->d_name, "cpu", 3))
			continue;
		if (!path_of(path, "%s/instances/%s/per_cpu/%s/stats", t->dir,
			     t->name, entry->d_name))
			sum += lost_on(path);
	}
	if (all)
		closedir(all);
	return sum;
}
