/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The handler: the thread in each recorded process that serves page faults and
 * keeps the resident pages under the limit. No other thread reads or changes
 * the state of pages, so there are no locks:
 *
 *	    fault: zero page	       hide	        evict
 *   NONE -------------> ACTIVE ----------> INACTIVE -------> OUT
 *			   ^ <------------------'		|
 *			   |   fault: moved back (soft)		|
 *			   '------------------------------------'
 *				fault: copied back (load)
 *
 * - The program's memory is registered for missing pages with userfaultfd A.
 *   Reading A returns faults and, in order, the changes of the address space:
 *   fork, mremap, madvise, munmap.
 * - Hiding a page moves it (UFFDIO_MOVE) to the staging ring, which is
 *   registered with another userfaultfd, B: were it registered with A, a change
 *   that this thread makes to the ring would raise an event that the same
 *   thread has to answer. The move unmaps the page atomically, so that no
 *   thread can write to it while it is copied out.
 * - Evicting copies the oldest pages of the staging ring to the swap area. They
 *   are contiguous in the ring and are released with one call.
 * - While a change is pending on A, every ioctl on A that would map a page
 *   fails with EAGAIN; the fault is parked until the change has been read.
 *   Otherwise a page could be mapped at an address that was reused meanwhile.
 * - Other threads send requests by doorbells: they fill in a request and touch a
 *   missing page that is registered with B. So the recorder needs no open file
 *   in the program's file descriptor table.
 *
 * The thread has its own file descriptor table and blocks all signals. It must
 * not use the C library, because it has no thread-local storage. It must not
 * touch memory of the program: a page of it may be missing, and only this
 * thread could map it again. It must not take locks.
 */
#ifndef ZLAB_TRACES_RECORDER_HANDLER_H
#define ZLAB_TRACES_RECORDER_HANDLER_H

#include <time.h>

#include "traces/recorder/abi.h"
#include "traces/recorder/pages.h"

#define DOORBELLS 64u
#define PARKED_MAX 4096u
#define CPU_CACHE 256u
#define INHERITED_MAX 512u
#define GATE_OPEN 0x6e65706f65746167ull

enum doorbell_op {
	DOORBELL_REGISTER, /* [addr, addr + len) is new */
	DOORBELL_RELEASE, /* make the range resident and stop recording it */
	DOORBELL_FREEZE, /* make all pages resident and hide none */
	DOORBELL_THAW, /* end of DOORBELL_FREEZE */
	DOORBELL_SYNC, /* only wait until all earlier changes have been read */
};

/**
 * struct doorbell - a request of a program thread to the handler
 * @busy: in use by a thread (atomic)
 * @op: enum doorbell_op
 * @addr: first byte
 * @len: bytes
 */
struct doorbell {
	uint32_t busy;
	uint32_t op;
	uint64_t addr;
	uint64_t len;
};

/* A range of memory that a forked process has inherited from its parent. */
struct inherited {
	uint64_t start, end;
};

/* A fault that waits for a change of the address space to be read. */
struct parked {
	uint64_t addr;
	uint32_t tid;
};

/* The CPU that a thread last ran on; valid until @until. */
struct cpu_entry {
	uint32_t tid;
	uint32_t cpu;
	uint64_t until;
};

/**
 * struct rec - the state of a handler; in memory that children do not inherit
 * @a: userfaultfd of the program's memory
 * @b: userfaultfd of the staging ring and the doorbells
 * @sock: connection to the collector
 * @tasks: directory /proc/self/task
 * @pid: id of this process
 * @fork_events: A reports forks (needs CAP_SYS_PTRACE)
 * @frozen: number of threads between DOORBELL_FREEZE and DOORBELL_THAW
 * @collector_gone: the collector has ended
 * @gettime: clock_gettime() of the vDSO
 * @g: the head of the shared memory file
 * @p: this process's entry in the table of processes
 * @ring: its ring of events
 * @swap: its swap area
 * @pages: state of all pages, and the lists of mapped ones
 * @staging: the staging ring's memory
 * @staged: page number in each position of the ring, 0 if empty
 * @staging_size: positions in the ring, a power of two
 * @staging_head: position after the page hidden last; not wrapped to the ring
 * @staging_tail: position of the page hidden first; not wrapped, at most
 *		  @staging_size below @staging_head
 * @inactive: number of hidden pages
 * @slots: number of swap slots ever used
 * @freed: ring of swap slots that were freed
 * @freed_at: number of events that must be consumed before each is reused
 * @freed_head: end of that ring where slots are added; not wrapped
 * @freed_tail: end of that ring where slots are taken; not wrapped
 * @hashes: hash of the page in each swap slot, if verifying
 * @zero: a page of zeros
 * @gate: page that is always missing; a forked child waits on it
 * @doorbell_pages: DOORBELLS pages that are always missing
 * @doorbell: the request of each of these pages
 * @parked: faults that wait for a change of the address space
 * @unstick_at: when to try again to hide stuck pages
 * @forked: this process is a forked child that did not exec
 * @adopt_after: when to look again for pages it no longer shares
 * @inherited: memory it has inherited
 * @private: first byte of the recorder's own memory, which is never recorded
 * @private_end: byte after it
 * @image: first byte of this shared object
 * @image_end: byte after it
 * @arrivals: pages that became resident since a victim was asked to evict
 * @cpus: CPUs of the threads that faulted most recently
 */
struct rec {
	int a, b, sock, tasks;
	uint32_t pid;
	bool fork_events, collector_gone;
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
	uint64_t staging_head, staging_tail, inactive;
	uint32_t slots;
	uint32_t *freed;
	uint64_t *freed_at;
	uint64_t freed_head, freed_tail;
	uint64_t *hashes;
	uint8_t *zero;
	uint8_t *gate;
	uint8_t *doorbell_pages;
	struct doorbell doorbell[DOORBELLS];
	struct parked parked[PARKED_MAX];
	uint32_t parked_count;
	uint64_t unstick_at, adopt_after;
	bool forked;
	struct inherited inherited[INHERITED_MAX];
	uint32_t inherited_count;
	uint64_t private, private_end, image, image_end;
	uint32_t arrivals;
	struct cpu_entry cpus[CPU_CACHE];
};

/**
 * rec_adopt_all() - start recording the memory the process has already
 *
 * That is every private anonymous mapping except stacks and the recorder's own,
 * with those of its pages that are present and not shared.
 */
void rec_adopt_all(struct rec *r);

/**
 * rec_adopt_again() - start recording pages that a child no longer shares
 *
 * A page that parent and child share is counted in the parent. The kernel does
 * not report when a write gives the child a copy of its own.
 */
void rec_adopt_again(struct rec *r);

/**
 * rec_forget_inherited() - forget that a range was inherited, as it has changed
 */
void rec_forget_inherited(struct rec *r, uint64_t start, uint64_t end);

/**
 * rec_register() - register a range with userfaultfd A for missing pages
 *
 * Return: 0 or a negative errno.
 */
long rec_register(struct rec *r, uint64_t addr, uint64_t len);

/**
 * rec_adopt() - start recording a page that is mapped already
 */
void rec_adopt(struct rec *r, uint64_t vpn);

/**
 * rec_handler() - the body of the handler thread; does not return
 * @arg: the struct rec
 */
int rec_handler(void *arg);

#endif
