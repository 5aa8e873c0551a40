/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reclaim: choosing pages, hiding and evicting them, and logging the events.
 * Used by the handler thread only.
 */
#ifndef ZLAB_TRACES_RECORDER_RECLAIM_H
#define ZLAB_TRACES_RECORDER_RECLAIM_H

#include "traces/recorder/handler.h"
#include "traces/recorder/sys.h"

static inline uint64_t rec_now(struct rec *r)
{
	struct timespec ts;

	r->gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static inline uint32_t rec_stamp(struct rec *r, uint64_t now)
{
	return (uint32_t)((now - r->g->start) / 1000000) & ((1u << 29) - 1);
}

static inline uint32_t rec_cpu(void)
{
	unsigned int cpu = 0;

	sys(SYS_getcpu, &cpu, NULL, NULL, 0, 0, 0);
	return cpu;
}

static inline uint8_t *rec_staged_page(struct rec *r, uint64_t where)
{
	return r->staging + where * REC_PAGE;
}

/**
 * rec_hash() - hash of a page, to check that it returns unchanged
 */
uint64_t rec_hash(const void *page);

/**
 * rec_log() - write an event about a page that is out to the ring
 *
 * Waits while the ring is full and the collector runs.
 */
void rec_log(struct rec *r, enum rec_op op, uint32_t nr, uint64_t now,
	     uint32_t tid, uint32_t cpu);

/**
 * rec_free_slot() - free a swap slot after its last event was logged
 */
void rec_free_slot(struct rec *r, uint32_t slot);

/**
 * rec_add_live() - count a page that is new, which raises a limit in percent
 */
void rec_add_live(struct rec *r);

/**
 * rec_add_resident() - count a page that became resident
 */
void rec_add_resident(struct rec *r);

/**
 * rec_unstage() - remove a page from the staging ring; the caller has moved or
 *		   released its memory
 */
void rec_unstage(struct rec *r, uint32_t nr);

/**
 * rec_drop() - forget a page that the program released
 */
void rec_drop(struct rec *r, uint32_t nr);

/**
 * rec_shrink() - evict up to @want pages
 */
void rec_shrink(struct rec *r, uint64_t want);

/**
 * rec_reclaim() - keep the sum of all processes under the limit
 *
 * The process with the oldest page evicts. If it is another one, it is asked
 * through the collector; if that takes too long, this process evicts, too.
 */
void rec_reclaim(struct rec *r);

/**
 * rec_publish() - publish the age of the page to evict next
 */
void rec_publish(struct rec *r);

#endif
