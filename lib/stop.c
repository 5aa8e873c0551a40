// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#include "lib/stop.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define SAME_NS 500000000ll

static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };

/* Children and files beyond these are not signalled or removed. */
static _Atomic(pid_t) children[256];
static _Atomic(const char *) files[16];

/* A process that was forked must not clean up for its parent. */
static pid_t owner;
static volatile sig_atomic_t held;
static atomic_int first;
static long long first_ns;

static long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void tell_children(int sig)
{
	size_t i;
	pid_t pid;

	for (i = 0; i < ARRAY_SIZE(children); i++) {
		pid = atomic_load(&children[i]);
		if (pid)
			kill(pid, sig == SIGPIPE ? SIGTERM : sig);
	}
}

static void end(int sig)
{
	const char *path;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		path = atomic_load(&files[i]);
		if (path)
			unlink(path);
	}
	_exit(128 + sig);
}

static void on_signal(int sig)
{
	int saved = errno, none = 0;

	if (getpid() != owner)
		_exit(128 + sig);
	if (atomic_compare_exchange_strong(&first, &none, sig)) {
		first_ns = now_ns();
		tell_children(sig);
	} else if (sig != SIGPIPE && now_ns() - first_ns > SAME_NS) {
		tell_children(SIGKILL);
		end(sig);
	}
	if (!held)
		end(sig);
	errno = saved;
}

static void take(int sig, bool ignored)
{
	/* No SA_RESTART: callers that wait must check for a signal. */
	struct sigaction sa = { .sa_handler = on_signal }, old;
	size_t i;

	sigemptyset(&sa.sa_mask);
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&sa.sa_mask, signals[i]);
	if (!sigaction(sig, NULL, &old) &&
	    (ignored || old.sa_handler != SIG_IGN))
		sigaction(sig, &sa, NULL);
}

static void nothing(int sig)
{
	(void)sig;
}

/*
 * A file that grows beyond the limit of the process is a failed write. Unlike a
 * signal that is ignored, one with a handler is as before in what is executed.
 */
static void fail_large_writes(void)
{
	struct sigaction sa = { .sa_handler = nothing, .sa_flags = SA_RESTART };
	struct sigaction old;

	sigemptyset(&sa.sa_mask);
	if (!sigaction(SIGXFSZ, NULL, &old) && old.sa_handler == SIG_DFL)
		sigaction(SIGXFSZ, &sa, NULL);
}

void stop_start(void)
{
	size_t i;

	owner = getpid();
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		take(signals[i], false);
	fail_large_writes();
}

void stop_hold(void)
{
	held = 1;
	take(SIGINT, true);
	take(SIGTERM, true);
}

int stop_signal(void)
{
	return atomic_load_explicit(&first, memory_order_relaxed);
}

void stop_block(sigset_t *old)
{
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&set, signals[i]);
	pthread_sigmask(SIG_BLOCK, &set, old);
}

static void swap_child(pid_t from, pid_t to)
{
	pid_t is;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(children); i++) {
		is = from;
		if (atomic_compare_exchange_strong(&children[i], &is, to))
			return;
	}
}

void stop_child(pid_t pid)
{
	swap_child(0, pid);
}

void stop_child_gone(pid_t pid)
{
	swap_child(pid, 0);
}

static void swap_file(const char *from, const char *to)
{
	const char *is;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		is = from;
		if (atomic_compare_exchange_strong(&files[i], &is, to))
			return;
	}
}

void stop_file(const char *path)
{
	swap_file(NULL, path);
}

void stop_file_gone(const char *path)
{
	swap_file(path, NULL);
}
