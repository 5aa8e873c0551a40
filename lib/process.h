/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starting a program and waiting for it. Words of a command are passed as they
 * are: no shell sees them, so spaces and newlines in a path mean nothing.
 */
#ifndef ZLAB_PROCESS_H
#define ZLAB_PROCESS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* For a stream of struct process: /dev/null. */
#define PROCESS_NULL (-1)

/**
 * struct process - a program to start; the caller owns all of it
 * @argv: its words, NULL-terminated
 * @path: the executable, searched in $PATH when there is no slash in it; NULL
 *	  for argv[0]
 * @env: NULL-terminated "NAME=VALUE" that override variables of this program;
 *	 or NULL
 * @in: descriptor for its standard input; 0 for the caller's, or PROCESS_NULL
 * @out: the same for its standard output; 0 for the caller's
 * @err: the same for its standard error; 0 for the caller's
 * @mask: signals that are blocked in it; NULL for those of the caller
 * @defaults: signals that are reset to their default in it; NULL for none
 * @alone: signals that end this program are not forwarded to it, see
 *	   lib/stop.h; for callers that do not use process_wait()
 * @cleans: start it even after such a signal
 *
 * Descriptors of the caller stay open in the process unless they are O_CLOEXEC.
 */
struct process {
	char *const *argv;
	const char *path;
	char *const *env;
	int in, out, err;
	const sigset_t *mask, *defaults;
	bool alone, cleans;
};

/**
 * process_start() - start a program
 * @pid: receives the process ID, for process_wait()
 *
 * If @path has a slash and the kernel does not know the file's format, the file
 * is run as a shell script, as execvp() does. Return: 0, or a negative errno
 * when it cannot be executed; -EINTR after a signal that ends this program.
 */
int process_start(const struct process *p, pid_t *pid);

/**
 * process_pipe() - process_start() with standard output connected to a pipe
 * @p: the program; its @out is ignored
 * @fd: receives the end to read from, O_CLOEXEC; the caller closes it
 */
int process_pipe(const struct process *p, pid_t *pid, int *fd);

/**
 * process_wait() - wait until a process has ended, even if signals arrive
 * @status: receives the status of waitpid(), or NULL
 *
 * Return: as process_exit(), or a negative errno.
 */
int process_wait(pid_t pid, int *status);

/** process_exit() - exit status of a waitpid() status, or 128 + signal */
int process_exit(int status);

/** process_run() - process_start() and process_wait(). Return: as these two */
int process_run(const struct process *p);

/**
 * process_remove() - remove a folder and all in it, also after a signal
 *
 * Return: as process_run().
 */
int process_remove(const char *dir);

/**
 * process_line() - run a command for the first line that it prints
 * @out: receives the line without its newline, cut to @len - 1 bytes
 *
 * Its standard error is discarded. Return: 0, a negative errno when it cannot
 * be started, -EIO when its exit status is not 0.
 */
int process_line(char *const argv[], char *out, size_t len);

#endif
