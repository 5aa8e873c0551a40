/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A line on stderr that says how far a command is, when stderr is a terminal;
 * nothing otherwise. One line at a time.
 */
#ifndef ZLAB_PROGRESS_H
#define ZLAB_PROGRESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * struct progress - one line; filled by progress_start() or progress_step().
 *		     All zero is a line that was ended
 */
struct progress {
	bool on;
	const char *what;
	const char *unit;
	uint64_t total;
	uint64_t start_ns;
	uint64_t shown_ns;
	/* Of progress_step(). */
	bool ticks, ends;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
};

/**
 * progress_start() - begin a bar with rate and time left
 * @what: what is being done; must outlive the bar
 * @unit: what is counted, plural; must outlive the bar
 * @total: how many there are; 0 = not known
 */
void progress_start(struct progress *p, const char *what, const char *unit,
		    uint64_t total);

/** progress_update() - @done are done; draws at most ten times a second */
void progress_update(struct progress *p, uint64_t done);

/**
 * progress_step() - begin a line for work that counts nothing
 * @what: what is being done; must outlive the line
 *
 * A thread shows it with the time it has taken, from half a second on. So it is
 * not for a process that measures, nor for one that forks virtual CPUs.
 */
void progress_step(struct progress *p, const char *what);

/** progress_hide() - wipe the line, until it is drawn again */
void progress_hide(struct progress *p);

/** progress_end() - wipe the line and draw no more; again does nothing */
void progress_end(struct progress *p);

#endif
