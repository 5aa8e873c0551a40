// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The CPUs of the explorer. One runs at a time; at its points the harness may
 * let another one go on. A CPU that is stopped for good is left where it is: its
 * stack is used again by the next schedule.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "backends/sync/explore/internal.h"
#include "backends/sync/virtual/fiber.h"

/* Points that code outside of a schedule may have, as set-up and validate. */
#define OUTSIDE_STEPS 2000000ull

struct xmachine x;

extern char __executable_start[], etext[];

static const char *const signal_names[] = {
	[SIGSEGV] = "SIGSEGV", [SIGBUS] = "SIGBUS",   [SIGFPE] = "SIGFPE",
	[SIGILL] = "SIGILL",   [SIGABRT] = "SIGABRT",
};

/* As a return address is: behind what was being done. NULL: not known. */
static const void *crash_place(const void *context)
{
#ifdef __x86_64__
	const ucontext_t *c = context;
	uintptr_t at = (uintptr_t)c->uc_mcontext.gregs[REG_RIP];

	if (at - x.exe < x.exe_len || at - x.so < x.so_len)
		return (const void *)(at + 1);
#endif
	return NULL;
}

/*
 * A crash of the code under test is a finding like others. Its stack and what
 * the C library may have been doing are left as they are.
 */
static void crashed(int sig, siginfo_t *info, void *context)
{
	char where[64];

	if (!x.guarded) {
		signal(sig, SIG_DFL);
		raise(sig);
		return;
	}
	if (sig == SIGABRT)
		xreport(XFOUND_CRASH, NULL, "abort()");
	else
		xreport(XFOUND_CRASH, crash_place(context), "%s at address %s",
			signal_names[sig],
			xworld_where(info->si_addr, where, sizeof(where)));
	siglongjmp(x.crash, 1);
}

static int catch_crashes(struct err *err)
{
	static const int sig[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	struct sigaction act = {
		.sa_sigaction = crashed,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER,
	};
	stack_t stack = { .ss_size = 64 << 10 };
	size_t i;

	stack.ss_sp = malloc(stack.ss_size);
	if (!stack.ss_sp || sigaltstack(&stack, NULL))
		return err_set(err, -ENOMEM, "no stack for signals");
	for (i = 0; i < sizeof(sig) / sizeof(sig[0]); i++)
		sigaction(sig[i], &act, NULL);
	return 0;
}

int xcpu_start(struct err *err)
{
	unsigned i;
	char *p;

	x.exe = (uintptr_t)__executable_start;
	x.exe_len = (size_t)(etext - __executable_start);
	x.outside_left = OUTSIDE_STEPS;
	for (i = 0; i < XCPU_MAX; i++) {
		/* An overflow of a stack ends at an address without memory. */
		p = mmap(NULL, XSTACK + 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (p == MAP_FAILED)
			return err_set(err, -ENOMEM, "no memory for stacks");
		mprotect(p, 4096, PROT_NONE);
		x.cpu[i].id = i;
		x.cpu[i].stack = (uintptr_t)p + 4096;
	}
	if (xshadow_start(err) || xworld_start(err))
		return -ENOMEM;
	return catch_crashes(err);
}

void xcode_add(const void *from, size_t len)
{
	x.so = (uintptr_t)from;
	x.so_len = len;
}

void xcpu_begin(unsigned cpus, const struct xhooks *hooks,
		const struct xlimits *limits)
{
	struct xcpu *c;

	x.nr = cpus;
	x.hooks = *hooks;
	x.limits = *limits;
	x.tracing = hooks->event;
	x.runnable = x.waiting = x.alive = 0;
	x.steps = 0;
	x.stopped = false;
	xorder_begin();
	xweak_begin();
	for (c = x.cpu; c < x.cpu + XCPU_MAX; c++) {
		c->spawned = c->done = false;
		c->steps = 0;
		c->nr_held = c->depth = 0;
		c->wait = XWAIT_NONE;
		c->site = NULL;
		memset(&c->at, 0, sizeof(c->at));
	}
}

static void run_as(struct xcpu *me)
{
	x.me = me;
	x.fast = x.tracing ? NULL : me;
}

/* Never returns to who called it inside of the schedule. */
static void stop(void)
{
	static void *abandoned;

	x.stopped = true;
	run_as(NULL);
	fiber_switch(&abandoned, x.main_sp);
}

void xfound(struct xfinding *f)
{
	bool goes_on, was;

	if (x.me) {
		f->cpu = x.me->id;
		f->step = xcpu_steps(f->cpu);
	}
	was = xworld_pause();
	goes_on = x.hooks.found(x.hooks.arg, f);
	xworld_resume(was);
	if (goes_on && (f->kind == XFOUND_RACE || f->kind == XFOUND_ORDER))
		return;
	x.stopped = true;
	if (f->kind == XFOUND_CRASH)
		return; /* the signal's handler leaves by itself */
	if (x.me)
		stop();
	if (x.guarded)
		siglongjmp(x.crash, 1);
}

static void fill(struct xfinding *f, enum xfound kind, const void *pc)
{
	memset(f, 0, sizeof(*f));
	f->kind = kind;
	f->cpu = f->other = XCPU_MAX;
	if (x.me) {
		f->cpu = x.me->id;
		f->step = xcpu_steps(f->cpu);
		f->at = x.me->at;
		f->at.site = x.me->site;
	}
	if (pc)
		f->at.pc = pc;
}

void xreport(enum xfound kind, const void *pc, const char *fmt, ...)
{
	struct xfinding f;
	va_list ap;

	fill(&f, kind, pc);
	va_start(ap, fmt);
	vsnprintf(f.text, sizeof(f.text), fmt, ap);
	va_end(ap);
	xfound(&f);
}

void xcpu_report(enum xfound kind, const char *fmt, ...)
{
	struct xfinding f;
	va_list ap;

	fill(&f, kind, NULL);
	va_start(ap, fmt);
	vsnprintf(f.text, sizeof(f.text), fmt, ap);
	va_end(ap);
	xfound(&f);
}

uint64_t xcpu_steps(unsigned cpu)
{
	const struct xcpu *c = &x.cpu[cpu];

	if (cpu == XCPU_MAX)
		return 0;
	return c == x.me ? c->steps + (x.slice - x.left) : c->steps;
}

uint64_t xcpu_points(void)
{
	return x.steps + (x.me ? x.slice - x.left : 0);
}

unsigned xcpu_current(void)
{
	return x.me ? x.me->id : XCPU_MAX;
}

const struct xpoint *xcpu_point(unsigned cpu)
{
	return &x.cpu[cpu].at;
}

uint64_t xcpu_section(void)
{
	return x.longest;
}

unsigned xcpu_held(unsigned cpu, const struct xlock **held)
{
	*held = x.cpu[cpu].held;
	return x.cpu[cpu].nr_held;
}

unsigned xcpu_as(unsigned cpu)
{
	unsigned was = x.outside_cpu;

	x.outside_cpu = cpu;
	return was;
}

static void *leave_to(unsigned cpu, uint64_t slice)
{
	uint64_t room = x.limits.steps + 1 - x.steps;

	run_as(&x.cpu[cpu]);
	x.slice = x.left = slice && slice < room ? slice : room;
	return x.me->sp;
}

static void too_long(void)
{
	xreport(XFOUND_LIVELOCK, NULL,
		"the schedule has more than %llu points, and no end",
		(unsigned long long)x.limits.steps);
}

static const char *lock_name(const struct lock_site *site)
{
	if (!site)
		return "a lock";
	return site->name[0] == '&' ? site->name + 1 : site->name;
}

static const struct xcpu *holder_of(const void *lock, const struct xlock **by)
{
	unsigned i, k;

	for (i = 0; i < x.nr; i++)
		for (k = 0; k < x.cpu[i].nr_held; k++)
			if (x.cpu[i].held[k].lock == lock) {
				*by = &x.cpu[i].held[k];
				return &x.cpu[i];
			}
	return NULL;
}

/* All CPUs that are not done wait: say for what, in one line. */
static void deadlock(void)
{
	enum xfound kind = XFOUND_DEADLOCK;
	const struct xlock *held = NULL;
	const struct xcpu *by, *c;
	char text[360];
	size_t n = 0;

	for (c = x.cpu; c < x.cpu + x.nr && n < sizeof(text); c++) {
		if (!c->wait)
			continue;
		if (c->wait == XWAIT_HARNESS) {
			n += (size_t)snprintf(text + n, sizeof(text) - n,
					      "%sCPU %u waits for %s",
					      n ? "; " : "", c->id,
					      c->wait_name);
			continue;
		}
		by = holder_of(c->wait_for, &held);
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "%sCPU %u waits for %s (%s:%d), ",
				      n ? "; " : "", c->id, lock_name(c->site),
				      c->site ? c->site->file : "?",
				      c->site ? c->site->line : 0);
		if (!by)
			kind = XFOUND_LOST_WAKEUP;
		if (n < sizeof(text))
			n += (size_t)snprintf(
				text + n, sizeof(text) - n,
				by ? "which CPU %u holds (%s:%d)"
				   : "which nobody holds",
				by ? by->id : 0,
				by && held->site ? held->site->file : "?",
				by && held->site ? held->site->line : 0);
	}
	xreport(kind, NULL, "%s", text);
}

/* Let the CPU go on that the harness chooses. */
static void choose(enum xwhy why, void **save)
{
	struct xcpu *was = x.me;
	uint64_t slice = 0;
	unsigned next;
	bool paused;
	void *sp;

	if (was) {
		was->steps += x.slice - x.left;
		x.steps += x.slice - x.left;
		x.slice = x.left = 0;
		if (x.steps > x.limits.steps)
			too_long();
	}
	if (!x.runnable && !x.alive) {
		run_as(NULL);
		fiber_switch(save, x.main_sp);
		return;
	}
	if (!x.runnable) {
		deadlock();
		stop();
	}
	paused = xworld_pause();
	next = x.hooks.pick(x.hooks.arg, why, x.runnable, &slice);
	xworld_resume(paused);
	sp = leave_to(next, slice);
	if (x.me != was || why == XWHY_ENDED)
		fiber_switch(save, sp);
}

static void tell(struct xcpu *me)
{
	bool was;

	if (!x.tracing)
		return;
	was = xworld_pause();
	x.hooks.event(x.hooks.arg, me->id, &me->at);
	xworld_resume(was);
}

void xpoint_slow(enum xkind kind, int order, bool shared, const void *addr,
		 size_t len, const void *pc, const struct lock_site *site)
{
	struct xcpu *me = x.me;

	me->at = (struct xpoint){
		.kind = kind,
		.order = order,
		.shared = shared,
		.addr = addr,
		.len = len,
		.pc = pc,
		.site = site,
	};
	if (!x.left && x.hooks.sync_only && kind <= XDO_WRITE &&
	    x.steps + x.slice < x.limits.steps) {
		x.slice++;
		x.left = 1;
	} else if (!x.left) {
		choose(XWHY_SLICE, &me->sp);
	}
	tell(me);
}

void xblock(enum xwait how, const void *what, const char *name)
{
	struct xcpu *me = x.me;

	me->wait = how;
	me->wait_for = what;
	me->wait_name = name;
	x.runnable &= ~(1u << me->id);
	x.waiting |= 1u << me->id;
	choose(XWHY_BLOCKED, &me->sp);
}

void xwake_slow(const void *what)
{
	unsigned i;

	for (i = 0; i < x.nr; i++)
		if (x.cpu[i].wait && x.cpu[i].wait_for == what) {
			x.cpu[i].wait = XWAIT_NONE;
			x.runnable |= 1u << i;
			x.waiting &= ~(1u << i);
		}
}

void xrelax(enum xkind kind, const void *pc)
{
	struct xcpu *me = x.me;

	if (x.weak)
		xweak_refresh(me);
	me->at = (struct xpoint){ .kind = kind, .pc = pc };
	if (!--x.left || x.runnable & (x.runnable - 1))
		choose(XWHY_RELAX, &me->sp);
	tell(me);
}

void xcpu_wait(const void *what, const char *name)
{
	xblock(XWAIT_HARNESS, what, name);
	xorder_acquire(x.me, what);
}

void xcpu_wake(const void *what)
{
	if (!x.me)
		return;
	xorder_release(x.me, what);
	xwake(what);
}

void xcpu_visit(enum xkind kind, const void *what, size_t len)
{
	if (x.me && x.hooks.visits)
		xpoint(kind, __ATOMIC_SEQ_CST, false, what, len,
		       __builtin_return_address(0), NULL);
}

void xcpu_acquire(const void *what)
{
	if (x.me)
		xorder_acquire(x.me, what);
}

void xcpu_release(const void *what)
{
	if (x.me)
		xorder_release(x.me, what);
}

void xcpu_rest(const char *what)
{
	struct xcpu *me = x.me;
	const struct xlock *l;

	if (!me)
		return;
	if (me->nr_held) {
		l = &me->held[me->nr_held - 1];
		xreport(XFOUND_LEFT, NULL,
			"%s has ended, and %s, taken at %s:%d, is still held",
			what, lock_name(l->site), l->site ? l->site->file : "?",
			l->site ? l->site->line : 0);
	} else if (me->depth) {
		xreport(XFOUND_LEFT, NULL,
			"%s has ended, and preemption is still off", what);
	}
}

static void entry(void)
{
	struct xcpu *me = x.me;

	me->fn(me->arg);
	me->done = true;
	x.alive--;
	x.runnable &= ~(1u << me->id);
	choose(XWHY_ENDED, &me->sp);
	abort();
}

void xcpu_spawn(unsigned cpu, void (*fn)(void *arg), void *arg)
{
	struct xcpu *c = &x.cpu[cpu];

	c->fn = fn;
	c->arg = arg;
	c->spawned = true;
	c->sp = fiber_make(c->stack, XSTACK, entry);
	x.alive++;
	x.runnable |= 1u << cpu;
}

enum xend xcpu_run(void)
{
	run_as(NULL);
	if (!sigsetjmp(x.crash, 0)) {
		x.guarded = true;
		choose(XWHY_START, &x.main_sp);
	}
	x.guarded = false;
	run_as(NULL);
	return x.stopped ? XEND_STOPPED : XEND_DONE;
}

bool xcpu_guard(void (*fn)(void *arg), void *arg, const struct xhooks *hooks)
{
	x.hooks = *hooks;
	x.tracing = false;
	x.stopped = false;
	x.outside_left = OUTSIDE_STEPS;
	if (!sigsetjmp(x.crash, 0)) {
		x.guarded = true;
		fn(arg);
	}
	x.guarded = false;
	return !x.stopped;
}

void xoutside_long(void)
{
	if (!x.guarded)
		return;
	xreport(XFOUND_LIVELOCK, NULL,
		"the pool's own code has more than %llu points outside of the "
		"schedule, and no end",
		OUTSIDE_STEPS);
}

/* What else sync.h offers: there is no time here, and nothing is counted. */

unsigned smp_processor_id(void)
{
	return x.me ? x.me->id : x.outside_cpu;
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
	return 0;
}

void lock_stats_detail(bool on)
{
}

/* Classes are known by the names of their sites; one number does for all. */
unsigned lock_site_resolve(struct lock_site *site)
{
	size_t at = xindex((uintptr_t)site);

	if (at != XNONE)
		xdirty(at, sizeof(*site));
	site->class = 1;
	return 1;
}
