// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Virtual CPUs: fibers, and the scheduler, which runs the CPU with the least
 * virtual time; of equal ones, that with the lowest number. There is no
 * scheduler fiber: a CPU that stops running switches directly to the next.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "backends/sync/stat.h"
#include "backends/sync/virtual/fiber.h"
#include "backends/sync/virtual/vcpu.h"

struct vcpu *vcpu_me;
struct vmachine vmachine;

struct vcpu *vcpus;

static unsigned nr_cpus, nr_alive;

/*
 * Heap of the runnable CPUs, least time first, without the running CPU. It has
 * copies of their times, which stay valid: only a running CPU's time advances.
 */
struct runnable {
	uint64_t vt;
	struct vcpu *cpu;
};

static struct runnable heap[SYNC_MAX_CPUS];
static unsigned heap_n;
static void *main_sp;
static bool deadlock;
static uint64_t switches;

static bool before(const struct runnable *a, const struct runnable *b)
{
	return a->vt != b->vt ? a->vt < b->vt : a->cpu < b->cpu;
}

static void sift_down(struct runnable w)
{
	unsigned at = 0, kid;

	for (; (kid = 2 * at + 1) < heap_n; at = kid) {
		if (kid + 1 < heap_n && before(&heap[kid + 1], &heap[kid]))
			kid++;
		if (!before(&heap[kid], &w))
			break;
		heap[at] = heap[kid];
	}
	heap[at] = w;
}

static void heap_push(struct vcpu *c)
{
	struct runnable w = { c->vt, c };
	unsigned at = heap_n++, up;

	for (; at; at = up) {
		up = (at - 1) / 2;
		if (!before(&w, &heap[up]))
			break;
		heap[at] = heap[up];
	}
	heap[at] = w;
}

static struct vcpu *heap_pop(void)
{
	struct vcpu *c = heap[0].cpu;

	heap_n--;
	if (heap_n)
		sift_down(heap[heap_n]);
	return c;
}

static void go_to(struct vcpu *next, void **save)
{
	vcpu_me = next;
	switches++;
	fiber_switch(save, next->sp);
}

void vcpu_point(void)
{
	struct vcpu *me = vcpu_me, *next;
	struct runnable w = { me->vt, me };

	if (!heap_n || !before(&heap[0], &w))
		return;
	next = heap[0].cpu;
	sift_down(w);
	go_to(next, &me->sp);
}

static void leave(void **save)
{
	if (heap_n) {
		go_to(heap_pop(), save);
		return;
	}
	/* No CPU is runnable: all have ended, or there is a deadlock. */
	deadlock = nr_alive;
	vcpu_me = NULL;
	fiber_switch(save, main_sp);
}

void vcpu_block(void)
{
	leave(&vcpu_me->sp);
}

void vcpu_ready(struct vcpu *c)
{
	heap_push(c);
}

static void entry(void)
{
	struct vcpu *me = vcpu_me;

	me->fn(me->arg);
	vmem_serialise(me);
	me->done = true;
	me->end = me->vt;
	nr_alive--;
	leave(&me->sp);
	abort();
}

/* The bits of @socket's CPUs in a set of sharers. */
static uint64_t socket_bits(unsigned socket, unsigned real)
{
	unsigned first = socket * vmachine.cores;
	unsigned last = first + vmachine.cores - 1;
	unsigned a, b;

	if (first >= real)
		return 0;
	if (last >= real)
		last = real - 1;
	a = vcpus[first].bit;
	b = vcpus[last].bit;
	return (b == 63 ? ~0ull : (1ull << (b + 1)) - 1) & ~((1ull << a) - 1);
}

int vcpu_start(const struct vmachine *machine, struct err *err)
{
	struct vcpu *c;
	unsigned i, real;
	void *stack;

	vcpu_finish();
	vlock_start();
	vmachine = *machine;
	nr_cpus = machine->cpus;
	real = nr_cpus - machine->helpers;
	heap_n = nr_alive = 0;
	switches = 0;
	deadlock = false;
	vcpus = calloc(nr_cpus, sizeof(*vcpus));
	if (!vcpus || vmem_start(err))
		return err_set(err, -ENOMEM,
			       "out of memory for %u virtual CPUs", nr_cpus);
	for (i = 0; i < nr_cpus; i++) {
		c = &vcpus[i];
		stack = mmap(NULL, VCPU_STACK, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (stack == MAP_FAILED)
			return err_set(err, -ENOMEM,
				       "out of memory for %u stacks", nr_cpus);
		c->stack = (uintptr_t)stack;
		c->id = i;
		if (i < real) {
			c->socket = i / machine->cores;
			c->bit = real <= 64 ? i : i * 64 / real;
		}
	}
	for (i = 0; i < nr_cpus; i++)
		vcpus[i].here = socket_bits(vcpus[i].socket, real);
	return 0;
}

void vcpu_spawn(unsigned id, void (*fn)(void *arg), void *arg)
{
	struct vcpu *c = &vcpus[id];

	c->fn = fn;
	c->arg = arg;
	c->spawned = true;
	c->sp = fiber_make(c->stack, VCPU_STACK, entry);
	nr_alive++;
	heap_push(c);
}

static const char *plain(const char *name)
{
	return *name == '&' ? name + 1 : name;
}

static const struct vheld *holds(const struct vcpu *c, const void *lock)
{
	unsigned i;

	for (i = 0; i < c->nr_held; i++)
		if (c->held[i].lock == lock)
			return &c->held[i];
	return NULL;
}

static const struct vcpu *holder_of(const void *lock, const struct vheld **held)
{
	unsigned i;

	for (i = 0; i < nr_cpus; i++) {
		*held = holds(&vcpus[i], lock);
		if (*held)
			return &vcpus[i];
	}
	return NULL;
}

/* Follow from waiter to holder up to a CPU seen before; report that cycle. */
static void describe(struct err *err)
{
	bool seen[SYNC_MAX_CPUS] = { false };
	const struct vcpu *c = NULL, *first, *by;
	const struct vheld *held;
	char line[sizeof(err->text)];
	size_t n;
	unsigned i;

	for (i = 0; i < nr_cpus && !c; i++)
		if (vcpus[i].wait && vcpus[i].wait != VWAIT_PARK)
			c = &vcpus[i];
	for (i = 0; i < nr_cpus && !c; i++)
		if (vcpus[i].wait)
			c = &vcpus[i];
	if (!c)
		return;
	while (!seen[c->id] && c->wait != VWAIT_PARK) {
		seen[c->id] = true;
		by = holder_of(c->wait_lock, &held);
		if (!by || !by->wait)
			break;
		c = by;
	}
	first = c;
	n = (size_t)snprintf(line, sizeof(line),
			     "deadlock among the virtual CPUs: ");
	do {
		if (c->wait == VWAIT_PARK) {
			snprintf(line + n, sizeof(line) - n,
				 "CPU %u waits for %s", c->id, c->wait_why);
			break;
		}
		by = holder_of(c->wait_lock, &held);
		n += (size_t)snprintf(line + n, sizeof(line) - n,
				      "%sCPU %u waits for %s at %s:%d, ",
				      c == first ? "" : "; ", c->id,
				      sync_class_name(c->wait_class),
				      c->site ? c->site->file : "?",
				      c->site ? c->site->line : 0);
		if (n >= sizeof(line))
			break;
		if (!by) {
			snprintf(line + n, sizeof(line) - n,
				 "which nobody holds");
			break;
		}
		n += (size_t)snprintf(line + n, sizeof(line) - n,
				      "which CPU %u took as %s at %s:%d",
				      by->id, plain(held->site->base),
				      held->site->file, held->site->line);
		c = by;
	} while (c != first && n < sizeof(line));
	err_set(err, -EDEADLK, "%s", line);
}

int vcpu_run(struct err *err)
{
	if (heap_n)
		leave(&main_sp);
	if (!deadlock)
		return 0;
	describe(err);
	return -EDEADLK;
}

void vcpu_finish(void)
{
	unsigned i;

	for (i = 0; vcpus && i < nr_cpus; i++)
		if (vcpus[i].stack)
			munmap((void *)vcpus[i].stack, VCPU_STACK);
	free(vcpus);
	vcpus = NULL;
	nr_cpus = 0;
	vmem_finish();
}

uint64_t vcpu_now(void)
{
	return vcpu_me ? vcpu_me->vt : 0;
}

uint64_t vcpu_end(unsigned id)
{
	return vcpus[id].end;
}

void vcpu_work(uint64_t ps, uint64_t lines)
{
	struct vcpu *me = vcpu_me;

	if (!me || !ps)
		return;
	vmem_serialise(me);
	me->vt += ps;
	vmem_pollute(me, lines);
}

void vcpu_think(uint64_t ps)
{
	struct vcpu *me = vcpu_me;

	if (!me || !ps)
		return;
	vmem_serialise(me);
	me->vt += ps;
	me->user_ps += ps;
	vcpu_point();
}

uint64_t vcpu_user(void)
{
	return vcpu_me ? vcpu_me->user_ps : 0;
}

uint64_t vcpu_idle(void)
{
	return vcpu_me ? vcpu_me->idle_ps : 0;
}

void vcpu_sleep_until(uint64_t ps)
{
	struct vcpu *me = vcpu_me;

	vmem_serialise(me);
	if (me->vt < ps) {
		me->idle_ps += ps - me->vt;
		me->vt = ps;
	}
	vcpu_point();
}

void vcpu_park(const char *why)
{
	struct vcpu *me = vcpu_me;

	vmem_serialise(me);
	if (!me->unparked) {
		me->wait = VWAIT_PARK;
		me->wait_why = why;
		me->wait_since = me->vt;
		vcpu_block();
		me->idle_ps += me->vt - me->wait_since;
	}
	me->unparked = false;
}

/* If the CPU does not sleep yet, its next park returns at once. No cost. */
void vcpu_unpark(unsigned id)
{
	struct vcpu *c = &vcpus[id], *me = vcpu_me;

	if (c->wait != VWAIT_PARK) {
		c->unparked = true;
		return;
	}
	c->wait = VWAIT_NONE;
	if (me && me->vt > c->vt)
		c->vt = me->vt;
	heap_push(c);
}

uint64_t vcpu_switches(void)
{
	return switches;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h ^= v;
	h *= 0x9e3779b97f4a7c15ull;
	return h ^ h >> 29;
}

uint64_t vcpu_hash(void)
{
	uint64_t h = 1;
	unsigned i, k;

	for (i = 0; i < nr_cpus; i++) {
		h = mix(h, vcpus[i].vt);
		h = mix(h, vcpus[i].wait_ps);
		h = mix(h, vcpus[i].fills);
		for (k = 0; k < SYNC_MAX_CLASSES; k++)
			h = mix(h, vcpus[i].acquisitions[k]);
	}
	return h;
}

unsigned smp_processor_id(void)
{
	return vcpu_me ? vcpu_me->id : 0;
}

int sync_cpu_attach(void)
{
	return 0;
}

void sync_cpu_release(void)
{
}

uint64_t lock_wait_ns(void)
{
	return vcpu_me ? vcpu_me->wait_ps / 1000 : 0;
}

void lock_stats_detail(bool on)
{
}

uint64_t sync_flavour_acquisitions(unsigned class)
{
	uint64_t n = 0;
	unsigned cpu;

	for (cpu = 0; cpu < nr_cpus; cpu++)
		n += vcpus[cpu].acquisitions[class];
	return n;
}

void sync_flavour_reset(void)
{
	unsigned cpu;

	for (cpu = 0; cpu < nr_cpus; cpu++)
		memset(vcpus[cpu].acquisitions, 0,
		       sizeof(vcpus[cpu].acquisitions));
}
