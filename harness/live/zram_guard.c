// SPDX-License-Identifier: GPL-2.0-or-later
/* The process that resets a device when the one that borrowed it has ended. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/live/internal.h"

/* Whoever looks at new devices, such as udev, is done by then. */
#define TRIES 150
#define TRY_US 20000

int zram_reset(const struct zram_place *p)
{
	int ret = 0, i;

	for (i = 0; i < TRIES; i++) {
		ret = attr_write(p->dir, "reset", "1");
		if (ret != -EBUSY)
			break;
		usleep(TRY_US);
	}
	/* Some kernels keep the selected algorithm. */
	if (!ret && p->before[0])
		attr_write(p->dir, "comp_algorithm", p->before);
	return ret;
}

/*
 * Its streams would keep a pipe behind us open; its session is not the
 * terminal's, whose signals are for the borrower.
 */
static void guard(int in, const struct zram_place *p)
{
	int null = open("/dev/null", O_RDWR);
	sigset_t all;
	char hold = ZRAM_NOT_OURS;

	setsid();
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	dup2(in, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	close_range(STDERR_FILENO + 1, ~0u, 0);
	while (read(STDIN_FILENO, &hold, 1) > 0)
		;
	/* Where it fails, the device cannot be reset, which is told. */
	if (hold == ZRAM_SWAP)
		swapoff(p->path);
	_exit(hold != ZRAM_NOT_OURS && zram_reset(p) ? 1 : 0);
}

int guard_start(struct zram_guard *g, const struct zram_place *p,
		struct err *err)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC))
		return err_set(err, -errno, "cannot make a pipe");
	g->pid = fork();
	if (!g->pid) {
		close(fd[1]);
		guard(fd[0], p);
	}
	close(fd[0]);
	g->fd = fd[1];
	if (g->pid > 0)
		return 0;
	close(g->fd);
	return err_set(err, -EAGAIN, "cannot start a process");
}

void guard_arm(const struct zram_guard *g, enum zram_hold hold)
{
	char c = (char)hold;

	while (write(g->fd, &c, 1) < 0 && errno == EINTR)
		;
}

int guard_end(struct zram_guard *g)
{
	int status = 0;

	close(g->fd);
	while (waitpid(g->pid, &status, 0) < 0)
		if (errno != EINTR)
			return -EBUSY;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EBUSY;
}
