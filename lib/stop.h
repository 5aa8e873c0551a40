/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The signals that end a program: SIGINT, SIGTERM, SIGHUP, and SIGPIPE when
 * the reader of its output closes the pipe. At any time, unfinished files are
 * removed, the signal is sent to programs that were started, and the exit
 * status is 128 plus the number of the signal.
 */
#ifndef ZLAB_STOP_H
#define ZLAB_STOP_H

#include <signal.h>
#include <sys/types.h>

/**
 * stop_start() - handle the signals that are not ignored; for main()
 *
 * From here on SIGXFSZ does not end the program: the write fails.
 */
void stop_start(void);

/**
 * stop_hold() - from here on the first signal only sets a flag
 *
 * For callers that must clean up more than files. A second signal ends the
 * program; a signal within half a second of the first is not counted, since a
 * terminal and a parent may both send it. SIGINT and SIGTERM are handled even
 * if they were ignored.
 */
void stop_hold(void);

/** stop_signal() - the signal that came, or 0 */
int stop_signal(void);

/**
 * stop_block() - block the signals while something is created and registered
 * @old: receives the previous mask, for pthread_sigmask(SIG_SETMASK)
 */
void stop_block(sigset_t *old);

/**
 * stop_child() - forward the signals to a process
 *
 * Until stop_child_gone(), which the caller that waits for the process calls.
 * An earlier signal is not forwarded: the process may be there to clean up.
 */
void stop_child(pid_t pid);
void stop_child_gone(pid_t pid);

/**
 * stop_file() - remove a file on a signal, until stop_file_gone()
 * @path: owned by the caller; must be the same pointer in both calls
 */
void stop_file(const char *path);
void stop_file_gone(const char *path);

#endif
