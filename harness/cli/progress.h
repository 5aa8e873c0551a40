/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bar on stderr with rate and time left, when stderr is a terminal; nothing
 * otherwise.
 */
#ifndef ZLAB_PROGRESS_H
#define ZLAB_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct progress - one bar; filled by progress_start()
 */
struct progress {
	bool on;
	const char *what;
	const char *unit;
	uint64_t total;
	uint64_t start_ns;
	uint64_t shown_ns;
};

/**
 * progress_start() - begin a bar
 * @what: what is being done; must outlive the bar
 * @unit: what is counted, plural; must outlive the bar
 * @total: how many there are; 0 = not known
 */
void progress_start(struct progress *p, const char *what, const char *unit,
		    uint64_t total);

/** progress_update() - @done are done; draws at most ten times a second */
void progress_update(struct progress *p, uint64_t done);

/** progress_end() - wipe the bar */
void progress_end(struct progress *p);

#endif
