/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sync.h for virtual CPUs in virtual time. Included by sync.h alone.
 *
 * Each virtual CPU is a fiber of the one real thread; the CPU with the least
 * virtual time runs. Locks are models: the CPU time of a waiter, the cost of a
 * hand-over and the next holder follow from the costs of a profile. vmem.c
 * charges the memory accesses between two lock calls; the compiler's thread
 * instrumentation calls it.
 *
 * Outside virtual CPUs (setup, teardown) locks cost nothing.
 */
#ifndef ZLAB_VIRTUAL_SYNC_H
#define ZLAB_VIRTUAL_SYNC_H

#include "backends/sync/atomic.h"
#include "backends/sync/debug.h"
#include "lib/err.h"

#ifdef SYNC_EXPLORE
/* The explorer has few CPUs, and sets a pool up anew all the time. */
#define SYNC_MAX_CPUS 8
#else
/* 512 CPUs of a machine, and one more for compaction. */
#define SYNC_MAX_CPUS 513
#endif
#define SYNC_MAX_CLASSES 64

/**
 * struct vcost - costs, in picoseconds unless noted otherwise
 * @access: an access that hits the CPU's own cache
 * @call: a function call and its return
 * @rmw: an atomic read-modify-write of a line the CPU owns
 * @relax: cpu_relax()
 * @copy_start: a copy of more than a line, without the cost of its lines
 * @copy: a line that is copied from or to the CPU's own cache
 * @stream: a line that the prefetcher has fetched ahead
 * @xfer: a line that another core of the socket holds
 * @xfer_socket: a line that a core of another socket holds
 * @l3: a line that is only in the socket's last-level cache
 * @dram: a line that is in no cache
 * @wake: CPU time of the waker to wake a sleeper
 * @wake_latency: time until the sleeper runs
 * @handover: hand-over of a spinlock to its only waiter, in hundredths of a
 *	      transfer
 * @handover_many: the same while more CPUs wait
 * @l2_lines: lines of a core's own cache
 * @l3_lines: lines of the socket's last-level cache, per core
 */
struct vcost {
	uint64_t access, call, rmw, relax;
	uint64_t copy_start, copy, stream, xfer, xfer_socket, l3, dram;
	uint64_t wake, wake_latency;
	uint64_t handover, handover_many;
	uint64_t l2_lines, l3_lines;
};

/**
 * struct vmachine - the simulated machine
 * @cpus: virtual CPUs, 1..SYNC_MAX_CPUS
 * @helpers: how many of them, the last ones, share a core with CPU 0
 * @sockets: sockets
 * @cores: cores of a socket; CPU n is on socket n / cores
 * @sum: misses between two serialising instructions add up instead of
 *	 overlapping
 * @cost: all costs
 */
struct vmachine {
	unsigned cpus, helpers, sockets, cores;
	bool sum;
	struct vcost cost;
};

/** vcpu_start() - create the machine. Return: 0 or a negative errno */
int vcpu_start(const struct vmachine *machine, struct err *err);

/** vcpu_spawn() - CPU @id will run @fn(@arg) */
void vcpu_spawn(unsigned id, void (*fn)(void *arg), void *arg);

/**
 * vcpu_run() - run all CPUs until the function of each has returned
 *
 * Return: 0, or -EDEADLK with the cycle of waiting CPUs in @err if none is
 * runnable.
 */
int vcpu_run(struct err *err);

/** vcpu_finish() - destroy the machine; its counts are readable until then */
void vcpu_finish(void);

/** vcpu_now() - virtual time of the calling CPU, ps; 0 outside virtual CPUs */
uint64_t vcpu_now(void);

/** vcpu_end() - time at which CPU @id ended its work, ps */
uint64_t vcpu_end(unsigned id);

/** vcpu_work() - charge @ps of computing that touches @lines private lines */
void vcpu_work(uint64_t ps, uint64_t lines);

/** vcpu_think() - charge @ps of user time, the workload's own computing */
void vcpu_think(uint64_t ps);

/** vcpu_user(), vcpu_idle() - user time and time asleep of the caller, ps */
uint64_t vcpu_user(void);
uint64_t vcpu_idle(void);

/** vcpu_sleep_until() - sleep until virtual time @ps */
void vcpu_sleep_until(uint64_t ps);

/** vcpu_park() - sleep until vcpu_unpark(); return at once if called before */
void vcpu_park(const char *why);
void vcpu_unpark(unsigned id);

/** vcpu_switches() - how often the host switched fibers, for benches */
uint64_t vcpu_switches(void);

/** vmem_lines() - cache lines in the directory */
size_t vmem_lines(void);

/** vmem_bytes() - memory of the directory */
size_t vmem_bytes(void);

/** vcpu_hash() - hash of all clocks and counts; equal for equal runs */
uint64_t vcpu_hash(void);

unsigned smp_processor_id(void);
int sync_cpu_attach(void);
void sync_cpu_release(void);
void sync_preempt_disable(void);
void sync_preempt_enable(void);
void sync_cond_resched(void);
void sync_relax_virtual(void);
#define cpu_relax() sync_relax_virtual()
/* The read of a node's links for it would be charged. */
#define prefetchw(p) ((void)0)

/* Copies made by instrumented code call these functions, which charge them. */
#define SYNC_STRING(call) vmem_##call
void *vmem_memcpy(void *to, const void *from, size_t len);
void *vmem_memmove(void *to, const void *from, size_t len);
void *vmem_memset(void *to, int byte, size_t len);
int vmem_memcmp(const void *a, const void *b, size_t len);

/* Remembers the call site for the report of a deadlock. */
void sync_at(const struct lock_site *site);

/* Low half: the holder's number + 1; high half: that of the last holder. */
typedef struct {
	uint32_t word;
} spinlock_t;

#define SPINLOCK_INITIALIZER \
	{                    \
		0            \
	}

typedef struct {
	uint32_t cnts; /* readers; RWLOCK_WRITER: a writer holds it */
	uint32_t last;
} rwlock_t;

struct rw_semaphore {
	union {
		rwlock_t rw;
		uint32_t cnt; /* 0: free, as in the native flavour */
	};
	uint32_t unused[8];
};
_Static_assert(sizeof(struct rw_semaphore) == 40, "the kernel's size");

void spin_lock_init(spinlock_t *l);
void sync_spin_lock(spinlock_t *l, unsigned class);
bool sync_spin_trylock(spinlock_t *l, unsigned class);
void sync_spin_unlock(spinlock_t *l);
bool spin_is_locked(spinlock_t *l);
bool spin_is_contended(spinlock_t *l);

void rwlock_init(rwlock_t *l);
void sync_read_lock(rwlock_t *l, unsigned class);
bool sync_read_trylock(rwlock_t *l, unsigned class);
void sync_read_unlock(rwlock_t *l);
void sync_write_lock(rwlock_t *l, unsigned class);
bool sync_write_trylock(rwlock_t *l, unsigned class);
void sync_write_unlock(rwlock_t *l);
bool rwlock_is_contended(rwlock_t *l);

void sync_bit_lock(int bit, unsigned long *addr, unsigned class);
bool sync_bit_trylock(int bit, unsigned long *addr, unsigned class);
void sync_bit_unlock(int bit, unsigned long *addr);

#endif
