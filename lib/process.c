// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/process.h"
#include "lib/stop.h"

extern char **environ;

static size_t count(char *const *words)
{
	size_t n = 0;

	while (words && words[n])
		n++;
	return n;
}

static bool replaced(const char *old, char *const *env)
{
	for (; *env; env++)
		if (!strncmp(old, *env, strcspn(*env, "=") + 1))
			return true;
	return false;
}

/* The environment overridden by @env; the caller frees only the list. */
static char **merge(char *const *env)
{
	char **all = calloc(count(environ) + count(env) + 1, sizeof(*all));
	size_t n = 0;
	char **old;

	if (!all)
		return NULL;
	for (old = environ; *old; old++)
		if (!replaced(*old, env))
			all[n++] = *old;
	memcpy(all + n, env, count(env) * sizeof(*all));
	return all;
}

static int redirect(posix_spawn_file_actions_t *acts, int stream, int to)
{
	if (to == PROCESS_NULL)
		return posix_spawn_file_actions_addopen(acts, stream,
							"/dev/null", O_RDWR, 0);
	return to ? posix_spawn_file_actions_adddup2(acts, to, stream) : 0;
}

static int set_signals(posix_spawnattr_t *attr, const struct process *p,
		       const sigset_t *mask)
{
	short flags = POSIX_SPAWN_SETSIGMASK;
	int ret = posix_spawnattr_setsigmask(attr, p->mask ? p->mask : mask);

	if (p->defaults && !ret) {
		flags |= POSIX_SPAWN_SETSIGDEF;
		ret = posix_spawnattr_setsigdefault(attr, p->defaults);
	}
	return ret ? ret : posix_spawnattr_setflags(attr, flags);
}

static int spawn_script(const char *path,
			const posix_spawn_file_actions_t *acts,
			const posix_spawnattr_t *attr, char *const *argv,
			char *const *env, pid_t *pid)
{
	size_t n = count(argv);
	char **args = calloc(n + 2, sizeof(*args));
	int ret;

	if (!args)
		return ENOMEM;
	args[0] = (char *)"sh";
	args[1] = (char *)path;
	if (n)
		memcpy(args + 2, argv + 1, (n - 1) * sizeof(*args));
	ret = posix_spawn(pid, "/bin/sh", acts, attr, args, env);
	free(args);
	return ret;
}

static int spawn_with(const struct process *p, char *const *env,
		      const sigset_t *mask, pid_t *pid)
{
	const char *path = p->path ? p->path : p->argv[0];
	posix_spawn_file_actions_t acts;
	posix_spawnattr_t attr;
	int ret;

	posix_spawn_file_actions_init(&acts);
	posix_spawnattr_init(&attr);
	ret = redirect(&acts, STDIN_FILENO, p->in);
	if (!ret)
		ret = redirect(&acts, STDOUT_FILENO, p->out);
	if (!ret)
		ret = redirect(&acts, STDERR_FILENO, p->err);
	if (!ret)
		ret = set_signals(&attr, p, mask);
	if (!ret)
		ret = posix_spawnp(pid, path, &acts, &attr, p->argv, env);
	if (ret == ENOEXEC && strchr(path, '/'))
		ret = spawn_script(path, &acts, &attr, p->argv, env, pid);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&acts);
	return -ret;
}

static int spawn(const struct process *p, char *const *env, pid_t *pid)
{
	sigset_t mask;
	int ret;

	stop_block(&mask);
	/* After the signal a new process would not be told to end. */
	ret = stop_signal() && !p->cleans ? -EINTR
					  : spawn_with(p, env, &mask, pid);
	if (!ret && !p->alone)
		stop_child(*pid);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	return ret;
}

int process_start(const struct process *p, pid_t *pid)
{
	char **env;
	int ret;

	if (!p->env)
		return spawn(p, environ, pid);
	env = merge(p->env);
	if (!env)
		return -ENOMEM;
	ret = spawn(p, env, pid);
	free(env);
	return ret;
}

int process_pipe(const struct process *p, pid_t *pid, int *fd)
{
	struct process piped = *p;
	int ends[2], ret;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	piped.out = ends[1];
	ret = process_start(&piped, pid);
	close(ends[1]);
	if (ret)
		close(ends[0]);
	else
		*fd = ends[0];
	return ret;
}

int process_exit(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int process_wait(pid_t pid, int *status)
{
	int is;

	while (waitpid(pid, &is, 0) < 0)
		if (errno != EINTR)
			return -errno;
	stop_child_gone(pid);
	if (status)
		*status = is;
	return process_exit(is);
}

int process_run(const struct process *p)
{
	pid_t pid = -1;
	int ret = process_start(p, &pid);

	return ret ? ret : process_wait(pid, NULL);
}

int process_remove(const char *dir)
{
	char *args[] = { "rm", "-rf", "--", (char *)dir, NULL };
	const struct process p = { .argv = args,
				   .err = PROCESS_NULL,
				   .cleans = true };

	return process_run(&p);
}

int process_line(char *const argv[], char *out, size_t len)
{
	const struct process p = { .argv = argv, .err = PROCESS_NULL };
	size_t have = 0;
	char rest[256];
	ssize_t n;
	pid_t pid = -1;
	int fd = -1, ret;

	out[0] = '\0';
	ret = process_pipe(&p, &pid, &fd);
	if (ret)
		return ret;
	for (;;) {
		bool full = have == len - 1;

		/* Read the rest, too, so that the command gets no SIGPIPE. */
		n = full ? read(fd, rest, sizeof(rest))
			 : read(fd, out + have, len - 1 - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		have += full ? 0 : (size_t)n;
	}
	close(fd);
	out[have] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return process_wait(pid, NULL) ? -EIO : 0;
}
