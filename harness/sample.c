// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/cli.h"
#include "harness/sample.h"

extern char **environ;

#define FIXED_ARGS 16

/* Our own program, started with @args; its standard output is @out. */
static int start(char **args, int out, pid_t *pid)
{
	posix_spawn_file_actions_t fa;
	int ret;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, out, STDOUT_FILENO);
	ret = posix_spawn(pid, "/proc/self/exe", &fa, NULL, args, environ);
	posix_spawn_file_actions_destroy(&fa);
	return ret;
}

static int finish(pid_t pid, json_t **record)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return cli_failed("a sample was lost: %s",
					  strerror(errno));
	if (WIFSIGNALED(status))
		return cli_failed("a sample was ended by signal %d (%s)",
				  WTERMSIG(status),
				  strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status))
		return WEXITSTATUS(status);
	if (!*record)
		return cli_failed("a sample gave no result record");
	return 0;
}

int sample_spawn(char **args, json_t **record)
{
	json_error_t bad;
	int fd[2], ret;
	pid_t pid;
	FILE *f;

	*record = NULL;
	if (pipe2(fd, O_CLOEXEC))
		return cli_failed("cannot make a pipe: %s", strerror(errno));
	ret = start(args, fd[1], &pid);
	close(fd[1]);
	if (ret) {
		close(fd[0]);
		return cli_failed("cannot start a sample: %s", strerror(ret));
	}
	f = fdopen(fd[0], "r");
	if (f) {
		*record = json_loadf(f, JSON_DISABLE_EOF_CHECK, &bad);
		fclose(f);
	} else {
		close(fd[0]);
	}
	ret = finish(pid, record);
	if (ret) {
		json_decref(*record);
		*record = NULL;
	}
	return ret;
}

int sample_take(const struct sample_run *run, json_t **record)
{
	char threads[16];
	char *args[FIXED_ARGS + 64];
	size_t i;
	int n = 0;

	snprintf(threads, sizeof(threads), "%u", run->threads);
	args[n++] = "zlab";
	args[n++] = "replay";
	args[n++] = (char *)run->trace;
	args[n++] = "--backend";
	args[n++] = (char *)run->backend;
	args[n++] = "--threads";
	args[n++] = threads;
	args[n++] = "--json";
	args[n++] = "-";
	args[n++] = "--quiet";
	args[n++] = "--sha256";
	args[n++] = (char *)run->sha256;
	if (run->codec) {
		args[n++] = "--codec";
		args[n++] = (char *)run->codec;
	}
	for (i = 0; i < run->common->nr_args; i++)
		args[n++] = run->common->args[i];
	args[n] = NULL;
	return sample_spawn(args, record);
}
