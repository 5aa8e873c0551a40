/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The thread inside each recorded process that keeps its resident pages under
 * the limit. It alone knows and changes the state of pages, so nothing is
 * locked:
 *
 *	    fault: zero page	       hide	        evict
 *   NONE -------------> ACTIVE ----------> INACTIVE -------> OUT
 *			   ^ <------------------'		|
 *			   |   fault: moved back (soft)		|
 *			   '------------------------------------'
 *				fault: copied back (load)
 *
 * - The program's memory is registered for missing pages with userfaultfd A.
 *   Reading A gives faults and, in order, the changes of the address space:
 *   fork, mremap, madvise, munmap.
 * - To hide a page it is moved (UFFDIO_MOVE) to the staging ring, which is
 *   registered with userfaultfd B: a change made to it by this thread must not
 *   raise an event that this same thread would have to answer. The move takes
 *   the page away atomically, so nobody can write it while it is copied out.
 * - To evict, the oldest pages of the staging ring are copied to the swap area
 *   and their place in the ring, which is contiguous, is given back at once.
 * - While a change is pending on A, every ioctl on A that would map a page
 *   fails with EAGAIN; the fault is parked until the change has been read.
 *   Without that, stale contents would reach an address that was reused.
 * - The rest of the process asks for something by ringing a doorbell: it fills
 *   in a request and touches a missing page that is registered with B. So the
 *   program's own table of files holds nothing of ours.
 *
 * The thread has a table of files of its own and blocks all signals. It must
 * not use a C library (no thread-local storage), must not touch memory of the
 * program, which may be missing: only this thread could bring it back, and must
 * take no lock.
 */
#ifndef ZLAB_TRACES_RECORDER_HANDLER_H
#define ZLAB_TRACES_RECORDER_HANDLER_H

#include <time.h>

#include "traces/recorder/abi.h"
#include "traces/recorder/pages.h"

#define BELLS 64u
#define PARKED_MAX 4096u
#define CPU_CACHE 256u
#define INHERITED_MAX 512u
#define GATE_OPEN 0x6e65706f65746167ull

enum bell_op {
	BELL_REGISTER, /* [addr, addr + len) is new */
	BELL_RELEASE, /* bring it in and let go of it */
	BELL_FREEZE, /* bring everything in and hide nothing until BELL_THAW */
	BELL_THAW,
	BELL_SYNC, /* only wait until all earlier changes were seen */
};

/**
 * struct bell - a request of a program thread
 * @busy: taken by a thread (atomic)
 * @op: what is asked
 * @addr: first byte
 * @len: bytes
 */
struct bell {
	uint32_t busy;
	uint32_t op;
	uint64_t addr;
	uint64_t len;
};

/* A stretch of memory that a process got from its parent. */
struct inherited {
	uint64_t start, end;
};

struct parked {
	uint64_t addr;
	uint32_t tid;
};

struct cpu_entry {
	uint32_t tid;
	uint32_t cpu;
	uint64_t until;
};

/**
 * struct rec - all a handler knows; in memory that children do not get
 * @a: userfaultfd of the program's memory
 * @b: userfaultfd of staging ring and doorbells
 * @sock: connection to the collector
 * @tasks: directory /proc/self/task
 * @pid: of this process
 * @fork_events: A reports forks (takes a capability)
 * @frozen: threads between BELL_FREEZE and BELL_THAW
 * @alone: the collector is gone
 * @gettime: clock_gettime() of the vDSO
 * @g, @p, @ring, @swap: the shared memory file
 * @pages: page table and active list
 * @staging: the staging ring's memory
 * @staged: page number at each place of the ring, 0 for a hole
 * @staging_size: places, a power of two
 * @in: place after the youngest hidden page; runs on without wrapping
 * @out: place of the oldest; @in - @out <= @staging_size
 * @inactive: hidden pages
 * @slots: swap slots ever used
 * @freed: ring of slots given back
 * @freed_at: event number that must be consumed before reuse
 * @freed_in, @freed_out: ends of that ring, running on
 * @hashes: of each slot, when verifying
 * @zero: a page of zeros
 * @gate: page that is always missing; a forked child waits on it
 * @bells: BELLS pages that are always missing
 * @bell: what each of them asks
 * @parked: faults that wait for a change
 * @unstick_at: when to try again to hide what could not be hidden
 * @forked: a child that did not exec
 * @adopt_after: when to look again for pages it has made its own
 * @inherited: its memory from before
 * @private: first byte of our own private memory, never to be recorded
 * @private_end: byte after it
 * @image: first byte of this shared object
 * @image_end: byte after it
 * @ins: pages that came in since a victim was asked for
 * @cpus: processor of the threads that faulted last
 */
struct rec {
	int a, b, sock, tasks;
	uint32_t pid;
	bool fork_events, alone;
	uint32_t frozen;
	int (*gettime)(clockid_t clock, struct timespec *ts);
	struct rec_global *g;
	struct rec_proc *p;
	struct rec_event *ring;
	uint8_t *swap;
	struct pages pages;
	uint8_t *staging;
	uint32_t *staged;
	uint64_t staging_size;
	uint64_t in, out, inactive;
	uint32_t slots;
	uint32_t *freed;
	uint64_t *freed_at;
	uint64_t freed_in, freed_out;
	uint64_t *hashes;
	uint8_t *zero;
	uint8_t *gate;
	uint8_t *bells;
	struct bell bell[BELLS];
	struct parked parked[PARKED_MAX];
	uint32_t parked_count;
	uint64_t unstick_at, adopt_after;
	bool forked;
	struct inherited inherited[INHERITED_MAX];
	uint32_t inherited_count;
	uint64_t private, private_end, image, image_end;
	uint32_t ins;
	struct cpu_entry cpus[CPU_CACHE];
};

/**
 * rec_adopt_all() - take over the memory the process has already
 *
 * Every private anonymous mapping but stacks and our own, with the pages that
 * are in it and belong to this process alone.
 */
void rec_adopt_all(struct rec *r);

/**
 * rec_adopt_again() - take over what a child has made its own since
 *
 * A page that parent and child share is counted in the parent; the kernel does
 * not tell when a write gives the child its own.
 */
void rec_adopt_again(struct rec *r);

/**
 * rec_disinherit() - a range is not any more what it was at the fork
 */
void rec_disinherit(struct rec *r, uint64_t start, uint64_t end);

/**
 * rec_register() - watch a range for missing pages
 *
 * Return: 0 or a negative errno.
 */
long rec_register(struct rec *r, uint64_t addr, uint64_t len);

/**
 * rec_adopt() - take over a page that is mapped already
 */
void rec_adopt(struct rec *r, uint64_t vpn);

/**
 * rec_handler() - the thread's body
 * @arg: struct rec
 */
int rec_handler(void *arg);

#endif
