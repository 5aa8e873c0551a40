/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The signals that end a program: SIGINT, SIGTERM, SIGHUP, and SIGPIPE when
 * nobody reads its output to the end. Whatever the moment, unfinished files
 * are removed, programs that were started are told, and the exit status is 128
 * and the number of the signal.
 */
#ifndef ZLAB_STOP_H
#define ZLAB_STOP_H

#include <signal.h>
#include <sys/types.h>

/** stop_start() - take the signals, those that are not ignored; for main() */
void stop_start(void);

/**
 * stop_hold() - from here on the first signal only sets a flag
 *
 * For who has more to clean up than files. A second one ends the program; one
 * that comes within half a second is taken for the same, since a terminal and
 * a parent may both send it. SIGINT and SIGTERM are taken though ignored.
 */
void stop_hold(void);

/** stop_signal() - the signal that came, or 0 */
int stop_signal(void);

/**
 * stop_block() - hold the signals back while something is made and made known
 * @old: receives the mask of before, for pthread_sigmask(SIG_SETMASK)
 */
void stop_block(sigset_t *old);

/**
 * stop_child() - hand the signals on to a process
 *
 * Until stop_child_gone(), which whoever waits for it calls. One that came
 * before is not handed on: the process may be there to clean up.
 */
void stop_child(pid_t pid);
void stop_child_gone(pid_t pid);

/**
 * stop_file() - remove a file at a signal, until stop_file_gone()
 * @path: stays the caller's; must be the same pointer in both calls
 */
void stop_file(const char *path);
void stop_file_gone(const char *path);

#endif
