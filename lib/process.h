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
 * @env: NULL-terminated "NAME=VALUE" that replace those of this program; or
 *	 NULL
 * @in: descriptor that becomes its standard input: 0 for ours, or PROCESS_NULL
 * @out: the same for its standard output; 0 for ours
 * @err: the same for its standard error; 0 for ours
 * @mask: signals that it has blocked; NULL for those of the caller
 * @defaults: signals that are not ignored in it; NULL for none
 * @alone: signals that end this program are not handed on to it, see
 *	   lib/stop.h; set by who does not use process_wait()
 * @cleans: it is started also after such a signal; any other is not
 *
 * Descriptors of the caller stay open in it unless they are O_CLOEXEC.
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
 * process_start() - start it
 * @pid: receives its process, to be given to process_wait()
 *
 * A file that @path names with a slash, without a format that the kernel knows,
 * is a shell script, as for execvp(). Return: 0, or a negative errno when it cannot be executed:
 * -EINTR after a signal that ends this program.
 */
int process_start(const struct process *p, pid_t *pid);

/**
 * process_pipe() - process_start() with its standard output in a pipe
 * @p: its @out is not looked at
 * @fd: receives the end to read from, O_CLOEXEC; the caller closes it
 */
int process_pipe(const struct process *p, pid_t *pid, int *fd);

/**
 * process_wait() - wait until it has ended, whatever signals come meanwhile
 * @status: receives the status as waitpid() has it, or NULL
 *
 * Return: as process_exit(), or a negative errno.
 */
int process_wait(pid_t pid, int *status);

/** process_exit() - exit status of a waitpid() status; 128 + signal after one */
int process_exit(int status);

/** process_run() - start it and wait. Return: as both */
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
 * Its standard error is thrown away. Return: 0, a negative errno when it cannot
 * be started, -EIO when it ends with anything but 0.
 */
int process_line(char *const argv[], char *out, size_t len);

#endif
