/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Internal interface of the files of the virtual flavour. */
#ifndef ZLAB_SYNC_VCPU_H
#define ZLAB_SYNC_VCPU_H

#include "backends/sync.h"

#define VCPU_STACK (256u << 10)
#define VCPU_HELD 32
#define VCPU_RECENT 64
#define VCPU_MISSES 16
#define VCPU_SETS 64
#define VCPU_DEPS 8

enum vwait {
	VWAIT_NONE,
	VWAIT_SPIN, /* takes CPU time */
	VWAIT_READ,
	VWAIT_WRITE,
	VWAIT_SLEEP_READ, /* takes no CPU time */
	VWAIT_SLEEP_WRITE,
	VWAIT_PARK,
};

struct vheld {
	const void *lock;
	const struct lock_site *site;
	unsigned class;
	uint64_t since;
};

struct vline;

struct vcpu {
	uint64_t vt; /* ps */
	uint64_t pending; /* when the last outstanding miss ends */
	unsigned id, socket, bit;

	/*
	 * Memory. Lines fetched: in total, and per place in a page. Lines at
	 * the same place of their pages share the same sets of a cache.
	 */
	uint32_t fills;
	uint32_t set_fills[VCPU_SETS];
	uintptr_t stack;
	uint64_t here; /* bits of its socket in a set of sharers */
	unsigned next_miss, next_dep, next_set;
	uint64_t miss[VCPU_MISSES];
	struct {
		uint64_t page, end;
	} dep[VCPU_DEPS];
	struct {
		uint64_t tag;
		struct vline *line;
	} recent[VCPU_RECENT];

	/* Waiting and holding. */
	enum vwait wait;
	const void *wait_lock;
	struct vcpu *wait_next;
	unsigned wait_class;
	uint64_t wait_since;
	const char *wait_why;
	const struct lock_site *site;
	bool unparked;
	unsigned nr_held, depth;
	struct vheld held[VCPU_HELD];
	uint64_t section_since;

	uint64_t wait_ps, user_ps, idle_ps, end;
	uint64_t acquisitions[SYNC_MAX_CLASSES];

	/* The fiber. */
	void *sp;
	void (*fn)(void *arg);
	void *arg;
	bool spawned, done;
};

/* The CPU that runs now; NULL outside virtual CPUs. */
extern struct vcpu *vcpu_me;
extern struct vmachine vmachine;

/* All virtual CPUs, by number. */
extern struct vcpu *vcpus;

/* Let a CPU with less virtual time go first. */
void vcpu_point(void);

/* Stop running; the CPU is not runnable until vcpu_ready(). */
void vcpu_block(void);
void vcpu_ready(struct vcpu *c);

/* Wait for all outstanding misses. */
static inline void vmem_serialise(struct vcpu *me)
{
	if (me->pending > me->vt)
		me->vt = me->pending;
}

/* A serialising read-modify-write of the line at @addr. */
void vmem_rmw(struct vcpu *me, const void *addr);

/* A plain store to a lock's line; @me is its only owner afterwards. */
void vmem_own(struct vcpu *me, const void *addr);

/* Return: the cost of moving a line from @from to @to, ps. */
uint64_t vmem_transfer(const struct vcpu *from, const struct vcpu *to);

/* Account for @lines private lines that were fetched into @me's cache. */
void vmem_pollute(struct vcpu *me, uint64_t lines);

void vlock_start(void);
int vmem_start(struct err *err);
void vmem_finish(void);

#endif
