// SPDX-License-Identifier: GPL-2.0-or-later
/* Real programs, which the kernel swaps because their cgroup is too small. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/vm/guest.h"

#define CGROUPS "/sys/fs/cgroup"
#define GROUP CGROUPS "/zlab"
#define WORDS_MAX 32
/* How often the probes' buffer is emptied, and each how many a checkpoint. */
#define POLL_NS 50000000
#define POLLS_PER_MARK 20

static int group_begin(const struct guest_plan *plan, struct err *err)
{
	char limit[32];

	snprintf(limit, sizeof(limit), "%lu", plan->limit_kb << 10);
	if (file_put(CGROUPS "/cgroup.subtree_control", "+memory", err))
		return err_set(err, -ENODEV,
			       "this kernel has no memory cgroups "
			       "(CONFIG_MEMCG)");
	if (mkdir(GROUP, 0755))
		return err_set(err, -errno, GROUP ": %s", strerror(errno));
	return file_put(GROUP "/memory.max", limit, err);
}

/* Becomes the command of a line, which prints to @to or the console. */
static void child(char *line, bool grouped, int to)
{
	char *env[] = { "PATH=/bin", "HOME=/", "LC_ALL=C", NULL };
	char *words[WORDS_MAX + 1] = { NULL };
	int console = open("/dev/console", O_RDWR | O_CLOEXEC);
	size_t n = 0;

	do
		words[n++] = strsep(&line, " ");
	while (line && n < WORDS_MAX);
	dup2(console, STDIN_FILENO);
	dup2(to < 0 ? console : to, STDOUT_FILENO);
	dup2(console, STDERR_FILENO);
	if (words[0] &&
	    (!grouped || !file_put(GROUP "/cgroup.procs", "0", NULL)))
		execve(words[0], words, env);
	_exit(127);
}

static int wait_all(const struct guest_user *user,
		    const struct guest_plan *plan, const pid_t *pids,
		    int running, struct err *err)
{
	struct timespec pause = { .tv_nsec = POLL_NS };
	unsigned long polls = 0;
	int status, ret = 0;
	char label[32];
	pid_t pid;
	int i;

	while (running) {
		pid = waitpid(-1, &status, WNOHANG);
		/* The first process also inherits what its children leave. */
		for (i = 0; pid > 0 && i < GUEST_PROGRAMS; i++) {
			if (pids[i] != pid)
				continue;
			running--;
			if (status)
				ret = err_set(err, -ECHILD,
					      "%s failed with wait status %d",
					      plan->program[i], status);
		}
		if (pid > 0)
			continue;
		nanosleep(&pause, NULL);
		probes_drain();
		if (++polls % POLLS_PER_MARK)
			continue;
		snprintf(label, sizeof(label), "t%lu", polls / POLLS_PER_MARK);
		checkpoint(user, label);
	}
	return ret;
}

int play_programs(const struct guest_user *user, const struct guest_plan *plan,
		  struct err *err)
{
	int i, ret = user->swap(plan, err) ?: group_begin(plan, err);
	pid_t pids[GUEST_PROGRAMS] = { 0 };

	if (ret)
		return ret;
	checkpoint(user, "start");
	for (i = 0; i < GUEST_PROGRAMS && plan->program[i]; i++) {
		pids[i] = fork();
		if (!pids[i])
			child(strdup(plan->program[i]), true, -1);
		if (pids[i] < 0)
			return err_set(err, -errno, "fork: %s",
				       strerror(errno));
	}
	ret = wait_all(user, plan, pids, i, err);
	if (!ret)
		checkpoint(user, "end");
	return ret;
}

static int play_tool(const char *command, struct err *err)
{
	char line[1024];
	int ends[2], status = 0;
	pid_t pid;
	FILE *f;

	if (pipe2(ends, O_CLOEXEC))
		return err_set(err, -errno, "pipe: %s", strerror(errno));
	pid = fork();
	if (!pid)
		child(strdup(command), false, ends[1]);
	close(ends[1]);
	f = pid < 0 ? NULL : fdopen(ends[0], "r");
	if (!f) {
		close(ends[0]);
		return err_set(err, -errno, "%s: %s", command, strerror(errno));
	}
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		link_say("# said %s", line);
		link_flush();
	}
	fclose(f);
	waitpid(pid, &status, 0);
	return status ? err_set(err, -ECHILD, "%s failed with wait status %d",
				command, status)
		      : 0;
}

int play_tools(const struct guest_plan *plan, struct err *err)
{
	int i, ret = 0;

	for (i = 0; !ret && i < GUEST_PROGRAMS && plan->tool[i]; i++)
		ret = play_tool(plan->tool[i], err);
	return ret;
}
