/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory shared by the collector and the recorded processes, and their
 * messages. The memory is one file, made by the collector and mapped by every
 * recorded process:
 *
 *   struct rec_global              the limit, the clock, the totals
 *   struct rec_proc [REC_PROCS]    one entry per process, readable by all
 *   segment [REC_PROCS]            a ring of events and a swap area for each
 *
 * The file is sparse: a segment takes as much memory as its process has swapped
 * out. The file outlives the collector, so a process whose collector was killed
 * keeps its pages. A swap slot holds the only copy of a page that is out, and
 * the collector reads the contents from there. So when the page is back, the
 * slot is reused only after the collector has consumed the event of its return.
 *
 * Every field has one writer, unless it is marked atomic.
 */
#ifndef ZLAB_TRACES_RECORDER_ABI_H
#define ZLAB_TRACES_RECORDER_ABI_H

#include <stdint.h>

#define REC_MAGIC 0x31766365726c7aull
#define REC_ENV "ZLAB_RECORDER"

#define REC_PAGE 4096ull
#define REC_NO_LIMIT (1ull << 52)
#define REC_PROCS 1024u
#define REC_RING 32768u
#define REC_SLOTS (1u << 22)
#define REC_RING_BYTES ((uint64_t)REC_RING * sizeof(struct rec_event))
#define REC_SWAP_BYTES ((uint64_t)REC_SLOTS * REC_PAGE)
#define REC_SEGMENT_BYTES (REC_RING_BYTES + REC_SWAP_BYTES)
#define REC_HEAD_BYTES (REC_PAGE + REC_PROCS * sizeof(struct rec_proc))
#define REC_FILE_BYTES (REC_HEAD_BYTES + REC_PROCS * REC_SEGMENT_BYTES)

enum rec_op {
	REC_STORE = 1,
	REC_LOAD,
	REC_INVALIDATE
};

/**
 * struct rec_event - one event in a ring
 * @time: CLOCK_MONOTONIC, ns
 * @vpn: virtual page number
 * @slot: swap slot where the page is (store) or was (load, invalidate)
 * @tid: faulting thread of a load, the process otherwise
 * @cpu: CPU that thread ran on
 * @op: an enum rec_op
 */
struct rec_event {
	uint64_t time;
	uint64_t vpn;
	uint32_t slot;
	uint32_t tid;
	uint16_t cpu;
	uint8_t op;
	uint8_t pad[5];
};

/**
 * struct rec_global - read by all processes; the collector writes all fields
 *		       that are not atomic
 * @magic: REC_MAGIC
 * @limit: pages that may be resident over all processes, whatever @percent says;
 *	   REC_NO_LIMIT without a limit
 * @percent: share of @live_peak that may be resident, 1..100; 0 for @limit alone
 * @inactive_permille: share of a process's resident pages that is kept hidden
 * @verify: keep a hash of every page that goes out and check it when it returns
 * @spin_ns: longest time a handler polls for the next fault before it sleeps
 * @start: when recording began (CLOCK_MONOTONIC, ns)
 * @stop: recording has ended: do not evict or log, only bring pages back
 * @sleeping: the collector's writer thread waits on @wake
 * @wake: futex, incremented when a ring fills (atomic)
 * @total: resident pages of all processes (atomic)
 * @peak: the largest @total (atomic)
 * @live: pages of all processes that are resident or out (atomic)
 * @live_peak: the largest @live (atomic)
 * @over: pages that became resident while @total was above the limit (atomic)
 * @over_sum: sum of (@total - limit) over those pages (atomic)
 * @attached: processes with an entry in the table (atomic)
 * @used: one more than the highest entry ever used
 */
struct rec_global {
	uint64_t magic;
	uint64_t limit;
	uint32_t percent;
	uint32_t inactive_permille;
	uint32_t verify;
	uint32_t spin_ns;
	uint32_t stop;
	uint32_t sleeping;
	uint32_t wake;
	uint32_t attached;
	uint32_t used;
	uint64_t start;
	int64_t total __attribute__((aligned(64)));
	int64_t peak;
	int64_t live;
	int64_t live_peak;
	uint64_t over;
	uint64_t over_sum;
};

/**
 * rec_limit() - pages that may be resident now; never falls
 */
static inline uint64_t rec_limit(const struct rec_global *g)
{
	uint64_t peak =
		(uint64_t)__atomic_load_n(&g->live_peak, __ATOMIC_RELAXED);
	uint64_t share = peak * g->percent / 100;

	return share > g->limit ? share : g->limit;
}

enum rec_state {
	REC_FREE,
	REC_ATTACHED,
	REC_ENDED
};

/**
 * struct rec_counts - counters of one process; written by its handler
 * @fresh: first touches of a page
 * @soft: faults on hidden pages
 * @loads: faults on pages that were out
 * @stores: pages that went out
 * @drops: pages released while out
 * @hides: pages moved to the inactive list
 * @hide_calls: system calls that moved them
 * @stuck: failed attempts to hide a page (pinned, protected)
 * @parked: faults that waited for a pending change of the address space
 * @forks: children that received a copy of all pages that were hidden or out
 * @full: events that waited for space in the ring
 * @mismatch: pages whose hash differed when they came back
 * @unregistered: mappings that userfaultfd refused
 */
struct rec_counts {
	uint64_t fresh, soft, loads, stores, drops;
	uint64_t hides, hide_calls, stuck, parked, forks;
	uint64_t full, mismatch, unregistered;
};

/**
 * struct rec_proc - one process
 * @state: enum rec_state; written by the collector
 * @pid: process id
 * @asid: address space id in the trace
 * @oldest: ms from @start to when the page to evict next became resident;
 *	    ~0 if the process has no page to evict. Written by the handler.
 * @resident: resident pages; written by the handler
 * @want: pages it is asked to evict (atomic)
 * @head: events written to the ring so far; written by the handler
 * @consumed: events the collector has read so far; written by the collector
 * @swapped: pages that are out; written by the handler
 * @counts: counters; written by the handler
 * @exit_anon: KiB of anonymous memory at exit, as the kernel counts it; written
 *	       by the exiting thread, as are the next two
 * @exit_resident: @resident at exit
 * @exit_swapped: @swapped at exit
 */
struct rec_proc {
	uint32_t state;
	uint32_t pid;
	uint32_t asid;
	uint32_t pad0;
	uint64_t oldest;
	int64_t resident;
	uint64_t want;
	uint64_t head;
	uint64_t swapped;
	uint64_t exit_anon;
	uint64_t exit_resident;
	uint64_t exit_swapped;
	struct rec_counts counts;
	uint64_t pad1;
	uint64_t consumed;
	uint64_t pad2[7];
};

/**
 * struct rec_hello - first message of a process; the collector answers with
 *		      struct rec_welcome
 */
struct rec_hello {
	uint64_t magic;
	uint32_t pid;
	uint32_t pad;
};

/**
 * struct rec_welcome - the answer, with the memory file as ancillary data
 * @magic: REC_MAGIC, or 0 if the process cannot be recorded
 * @index: its entry in the table of processes
 * @asid: its address space id in the trace
 */
struct rec_welcome {
	uint64_t magic;
	uint32_t index;
	uint32_t asid;
};

/* Later messages are single bytes: */
#define REC_MSG_OVER 'o' /* to the collector: some process has a @want */
#define REC_MSG_EVICT 'e' /* to a process: evict @want pages */

_Static_assert(sizeof(struct rec_proc) == 256 &&
		       __builtin_offsetof(struct rec_proc, consumed) == 192,
	       "handler and collector write to different cache lines");
_Static_assert(sizeof(struct rec_event) == 32, "events are 32 bytes");
_Static_assert(sizeof(struct rec_global) <= REC_PAGE, "header fits its page");
_Static_assert(REC_HEAD_BYTES % REC_PAGE == 0, "segments are page aligned");

#endif
