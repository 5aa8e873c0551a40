// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Replays on virtual CPUs, each in a separate process so that its addresses,
 * and thus all results, repeat; as many at the same time as there are cores.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/cli/cli.h"
#include "harness/cli/progress.h"
#include "harness/measure/cores.h"
#include "harness/replay/result.h"
#include "harness/virtual/virtual.h"
#include "lib/stop.h"

/* Address of the stack of the thread that replays. */
#define STACK_BASE 0x100000000000ul
#define STACK_SIZE (8ul << 20)

/* A running job. It writes its result or error line to a memory file. */
struct running {
	pid_t pid;
	int fd;
};

/* The time in each part of the front end's stores. */
static json_t *store_parts(void)
{
	const uint64_t *ns = virtual_result.part_ns;
	const uint64_t *wait = virtual_result.part_wait_ns;

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "cpus_ns",
			 (json_int_t)virtual_result.since_mark_ns, "ns",
			 (json_int_t)ns[HOOK_STORE], "wait_ns",
			 (json_int_t)wait[HOOK_STORE], "malloc_ns",
			 (json_int_t)ns[HOOK_MALLOC], "malloc_wait_ns",
			 (json_int_t)wait[HOOK_MALLOC], "write_ns",
			 (json_int_t)ns[HOOK_WRITE], "write_wait_ns",
			 (json_int_t)wait[HOOK_WRITE]);
}

/* Adds the values of virtual time to a record. */
static int annotate(json_t *record)
{
	const struct virtual_result *v = &virtual_result;
	json_t *time = json_object_get(record, "time");
	char topology[32], hash[20];

	snprintf(topology, sizeof(topology), "%ux%u",
		 virtual_config.machine.sockets, virtual_config.machine.cores);
	snprintf(hash, sizeof(hash), "%016llx", (unsigned long long)v->hash);
	json_object_set_new(time, "virtual", json_true());
	json_object_set_new(time, "real_ns",
			    json_integer((json_int_t)v->end_ns));
	json_object_set_new(time, "user_ns",
			    json_integer((json_int_t)v->user_ns));
	json_object_set(record, "vcpus", json_object_get(record, "threads"));
	json_object_set_new(record, "topology", json_string(topology));
	return json_object_set_new(
		record, "virtual",
		json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:s, "
			  "s:o, s:s*, s:o*}",
			  "profile", virtual_config.profile.name, "model",
			  virtual_config.machine.sum ? "sum" : "overlap",
			  "think_ns",
			  (json_int_t)(virtual_config.think_ps / 1000), "burst",
			  (json_int_t)virtual_config.burst, "lines",
			  (json_int_t)v->lines, "directory_bytes",
			  (json_int_t)v->bytes, "switches",
			  (json_int_t)v->switches, "idle_ns",
			  (json_int_t)v->idle_ns, "charge",
			  virtual_config.codec ? virtual_config.codec->name
					       : "none",
			  "hash", hash, "costs",
			  profile_costs(&virtual_config.profile), "burst_of",
			  virtual_config.burst_stores ? "stores" : NULL,
			  "store",
			  v->part_ns[HOOK_STORE] ? store_parts() : NULL));
}

struct child {
	const struct replay_config *config;
	const char *sha256;
	int fd, ret;
};

/* Replay; write the record or an error line to @fd. Return: exit status */
static int work(const struct replay_config *config, const char *sha256, int fd)
{
	struct replay_result *res;
	FILE *out;
	struct err err = { "out of memory" };
	json_t *record = NULL;
	int ret = -ENOMEM;

	virtual_use_heap();
	out = fdopen(fd, "w");
	if (!out)
		return EXIT_FAILED;
	res = calloc(1, sizeof(*res));
	if (res)
		ret = replay_run(config, res, &err);
	if (!ret) {
		record = result_record(config, res, sha256);
		if (!record || annotate(record))
			ret = err_set(&err, -ENOMEM, "out of memory");
	}
	if (ret)
		fputs(err.text, out);
	else
		ret = json_dumpf(record, out, JSON_COMPACT);
	free(res);
	if (fclose(out) || !ret)
		return ret ? EXIT_FAILED : 0;
	return ret == -EINTR ? EXIT_STOPPED : EXIT_FAILED;
}

static void *thread(void *arg)
{
	struct child *c = arg;

	c->ret = work(c->config, c->sha256, c->fd);
	return NULL;
}

/*
 * malloc places large objects by a per-thread random number, seeded from the
 * thread's address: so the replay runs in a new thread at a fixed address.
 */
static int child(const struct replay_config *config, const char *sha256, int fd)
{
	struct child c = { config, sha256, fd, EXIT_FAILED };
	pthread_attr_t attr;
	pthread_t id;
	void *stack =
		mmap((void *)STACK_BASE, STACK_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
			     MAP_FIXED_NOREPLACE,
		     -1, 0);

	if (stack == MAP_FAILED || pthread_attr_init(&attr) ||
	    pthread_attr_setstack(&attr, stack, STACK_SIZE) ||
	    pthread_create(&id, &attr, thread, &c))
		return cli_failed("no stack for a replay: %s", strerror(errno));
	pthread_join(id, NULL);
	return c.ret;
}

static int start(const struct replay_config *config, const char *sha256,
		 const struct virtual_job *job, bool first, struct running *at)
{
	struct replay_config mine = *config;
	pid_t parent = getpid();
	sigset_t mask;

	at->fd = memfd_create("record", MFD_CLOEXEC);
	if (at->fd < 0)
		return cli_failed("memfd: %s", strerror(errno));
	fflush(stdout);
	stop_block(&mask);
	at->pid = fork();
	if (at->pid > 0)
		stop_child(at->pid);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	if (at->pid < 0) {
		close(at->fd);
		return cli_failed("fork: %s", strerror(errno));
	}
	if (at->pid)
		return 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILED);
	virtual_config.profile = job->profile;
	virtual_config.machine.sum = job->sum;
	/* All jobs have the same map of frames; only the first writes it. */
	if (!first)
		mine.occupancy = NULL;
	_exit(child(&mine, sha256, at->fd));
}

/* Return: what the child wrote, NUL-terminated; the caller frees it. */
static char *contents(int fd)
{
	off_t len = lseek(fd, 0, SEEK_END);
	char *text = len < 0 ? NULL : calloc(1, (size_t)len + 1);

	if (text && pread(fd, text, (size_t)len, 0) != len)
		text[0] = '\0';
	return text;
}

static int collect(struct running *at, int status, bool quiet,
		   struct virtual_job *job)
{
	char *text = contents(at->fd);
	int ret = 0;

	close(at->fd);
	at->pid = 0;
	if (WIFSIGNALED(status))
		ret = quiet ? EXIT_FAILED
			    : cli_failed("a replay was ended by signal %d (%s)",
					 WTERMSIG(status),
					 strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status))
		ret = WEXITSTATUS(status);
	else if (text)
		job->record = json_loads(text, 0, NULL);
	if (ret && !quiet && WIFEXITED(status))
		cli_failed("%s",
			   text && *text ? text : "a replay gave no record");
	if (!ret && !job->record)
		ret = cli_failed("a replay gave no record");
	free(text);
	return ret;
}

static void stop_all(const struct running *at, unsigned cores)
{
	unsigned i;

	for (i = 0; i < cores; i++)
		if (at[i].pid)
			kill(at[i].pid, SIGTERM);
}

/* Wait for a running job to end. Return: its index, or -1 if interrupted */
static int wait_one(const struct running *at, unsigned cores, int *status)
{
	pid_t pid = waitpid(-1, status, 0);
	unsigned i;

	if (pid > 0)
		stop_child_gone(pid);
	for (i = 0; pid > 0 && i < cores; i++)
		if (at[i].pid == pid)
			return (int)i;
	if (cli_stopped())
		stop_all(at, cores);
	return -1;
}

int virtual_jobs(const struct replay_config *config, const char *sha256,
		 struct virtual_job *jobs, size_t n, struct progress *progress)
{
	unsigned cores = cores_allowed(), busy = 0, slot;
	struct running *at = calloc(cores, sizeof(*at));
	size_t *job_of = calloc(cores, sizeof(*job_of));
	size_t next = 0, done = 0;
	int ret = 0, status, i, one;

	if (!at || !job_of) {
		free(at);
		free(job_of);
		return cli_failed("out of memory");
	}
	while (busy || (!ret && next < n && !cli_stopped())) {
		for (slot = 0; slot < cores && !ret && next < n; slot++) {
			if (at[slot].pid || cli_stopped())
				continue;
			job_of[slot] = next;
			ret = start(config, sha256, &jobs[next], !next,
				    &at[slot]);
			busy += !ret;
			next++;
		}
		i = busy ? wait_one(at, cores, &status) : -1;
		if (i < 0)
			continue;
		busy--;
		one = collect(&at[i], status, ret || cli_stopped(),
			      &jobs[job_of[i]]);
		if (one && !ret) {
			ret = one;
			stop_all(at, cores);
		}
		if (progress)
			progress_update(progress, ++done);
	}
	free(at);
	free(job_of);
	return cli_stopped() ? EXIT_STOPPED : ret;
}
