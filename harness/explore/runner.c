// SPDX-License-Identifier: GPL-2.0-or-later
/* The runner: set-ups, schedules, and the list of what was found. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/zpool.h"
#include "harness/explore/front.h"
#include "harness/explore/known.h"
#include "harness/explore/strategy.h"

static const char *const names[XFOUNDS] = {
	[XFOUND_NONE] = "nothing",
	[XFOUND_RACE] = "race",
	[XFOUND_FREED] = "use after free",
	[XFOUND_DOUBLE_FREE] = "double free",
	[XFOUND_UNLOCK] = "wrong unlock",
	[XFOUND_RECURSION] = "recursive lock",
	[XFOUND_SLEEP] = "sleep in an atomic section",
	[XFOUND_ORDER] = "lock order",
	[XFOUND_LEFT] = "lock left held",
	[XFOUND_DEADLOCK] = "deadlock",
	[XFOUND_LOST_WAKEUP] = "lost wake-up",
	[XFOUND_LIVELOCK] = "livelock",
	[XFOUND_SECTION] = "long atomic section",
	[XFOUND_CRASH] = "crash",
	[XFOUND_SAID] = "warning",
	[XFOUND_CONTENTS] = "wrong contents",
	[XFOUND_INVALID] = "invalid pool",
	[XFOUND_LEAK] = "leak",
	[XFOUND_RESULT] = "wrong result",
};

const char *found_name(enum xfound kind)
{
	return names[kind];
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h ^= v;
	h *= 0x9e3779b97f4a7c15ull;
	return h ^ h >> 29;
}

static void choices_grow(struct choices *c)
{
	c->room = c->room ? 2 * c->room : 256;
	c->at = realloc(c->at, c->room * sizeof(*c->at));
	if (!c->at)
		abort();
}

void choices_add(struct choices *c, const struct choice *choice)
{
	if (c->nr == c->room)
		choices_grow(c);
	c->at[c->nr++] = *choice;
}

void choices_copy(struct choices *to, const struct choices *from, size_t nr)
{
	size_t i;

	to->nr = 0;
	for (i = 0; i < nr; i++)
		choices_add(to, &from->at[i]);
}

void choices_free(struct choices *c)
{
	free(c->at);
	memset(c, 0, sizeof(*c));
}

size_t choices_preemptions(const struct choices *c)
{
	size_t i, n = 0;

	for (i = 0; i < c->nr; i++)
		n += !c->at[i].forced;
	return n;
}

/* A cycle is told from where it was closed: its words come in any order. */
static uint64_t words_of(const char *text)
{
	uint64_t sum = 0, word = 1;

	for (; *text; text++) {
		if (*text != ' ' && *text != ',') {
			word = mix(word, (unsigned char)*text);
			continue;
		}
		sum += word;
		word = 1;
	}
	return sum + word;
}

/*
 * Of a race both places count, in either order; of what the memory layer finds
 * and of crashes the one place; else what is said, without its numbers. Never 0,
 * also where both places are the same.
 */
static uint64_t key_of(const struct xfinding *f)
{
	uint64_t key = mix(XFOUNDS, f->kind), a, b;
	const char *s;

	switch (f->kind) {
	case XFOUND_RACE:
		a = place_id(f->at.pc);
		b = place_id(f->other_pc);
		return mix(mix(key, a < b ? a : b), a < b ? b : a);
	case XFOUND_CRASH:
		if (!place_id(f->at.pc))
			break;
		return mix(key, place_id(f->at.pc));
	case XFOUND_FREED:
	case XFOUND_DOUBLE_FREE:
	case XFOUND_UNLOCK:
	case XFOUND_SECTION:
		return mix(key, place_id(f->at.pc));
	case XFOUND_ORDER:
		return mix(key, words_of(f->text));
	case XFOUND_RECURSION:
	case XFOUND_LEFT:
	case XFOUND_SLEEP:
		for (s = f->text; *s; s++)
			key = mix(key, (unsigned char)*s);
		return key;
	default:
		break;
	}
	for (s = f->text; *s; s++)
		if (*s < '0' || *s > '9')
			key = mix(key, (unsigned char)*s);
	return key;
}

static struct found *known(struct explorer *e, uint64_t key)
{
	size_t i;

	for (i = 0; i < e->nr_found; i++)
		if (e->found[i].key == key)
			return &e->found[i];
	return NULL;
}

static void during(const struct explorer *e, struct found *f)
{
	const struct op *op = f->f.cpu < XCPU_MAX ? e->now[f->f.cpu] : NULL;

	if (op)
		op_name(op, f->during, sizeof(f->during));
	else
		snprintf(f->during, sizeof(f->during), "%s",
			 e->during ? e->during : "");
}

static bool on_found(void *arg, const struct xfinding *f)
{
	struct explorer *e = arg;
	uint64_t key = key_of(f);
	struct found *old;

	/* The strategy gives the schedule up. */
	if (f->kind == XFOUND_NONE)
		return false;
	if (e->only) {
		if (key == e->only && !e->hit && e->at_hit)
			e->at_hit(e->event_arg, f);
		e->hit |= key == e->only;
		return key != e->only;
	}
	if (known_count(e->known, key))
		return true;
	e->found_now = true;
	old = known(e, key);
	if (old) {
		old->times++;
		return true;
	}
	if (e->nr_found == FOUND_MAX)
		return true;
	old = &e->found[e->nr_found++];
	*old = (struct found){
		.f = *f,
		.key = key,
		.program = *e->program,
		.seed = e->seed,
		.reads = e->reads,
		.index = e->schedules + 1,
		.times = 1,
	};
	during(e, old);
	choices_copy(&old->choices, &e->made, e->made.nr);
	return true;
}

static unsigned on_pick(void *arg, enum xwhy why, unsigned runnable,
			uint64_t *slice)
{
	struct explorer *e = arg;
	unsigned current = xcpu_current(), next;
	struct choices *c = &e->made;
	uint64_t step;
	bool keep;

	next = strategy_pick(e->strategy, why, runnable, current, slice);
	/*
	 * Who goes on after a relax, where others could, is to be repeated, too.
	 * What is chosen cannot be foreseen, so there are no branches on it.
	 */
	keep = next != current || (why == XWHY_RELAX && e->visits);
	if (c->nr == c->room)
		choices_grow(c);
	step = xcpu_steps(current);
	c->at[c->nr] = (struct choice){
		.cpu = (uint8_t)current,
		.next = (uint8_t)next,
		.forced = why != XWHY_SLICE,
		.step = step,
	};
	c->nr += keep;
	e->hash = keep ? mix(e->hash, step << 8 | next) : e->hash;
	return next;
}

static void on_event(void *arg, unsigned cpu, const struct xpoint *p)
{
	struct explorer *e = arg;

	e->event(e->event_arg, cpu, p);
}

static struct xhooks hooks_of(struct explorer *e)
{
	return (struct xhooks){
		.pick = on_pick,
		.found = on_found,
		.event = e->event ? on_event : NULL,
		.visits = e->visits,
		.arg = e,
	};
}

int explorer_open(struct explorer *e, const char *front, const char *backend,
		  struct err *err)
{
	int ret;

	e->front = front_find(front, &e->options, err);
	if (!e->front)
		return -EINVAL;
	e->backend = backend;
	ret = xcpu_start(err);
	if (!ret)
		ret = place_load(backend, err);
	if (ret)
		return ret;
	xworld_reset();
	xworld_enter();
	ret = e->front->probe(backend, e->options, &e->limits, err);
	xworld_leave();
	return ret;
}

void explorer_program(const struct explorer *e, struct program *p,
		      uint64_t seed)
{
	program_make(p, &e->limits, seed);
	if (e->front->choose)
		e->front->choose(p, e->options, &e->limits, seed);
}

/*
 * What the code says on stderr, as the shim does for a WARN, is a finding. The C
 * library lets the stream be replaced.
 */
static char said[200];
static size_t said_len;

static ssize_t on_said(void *cookie, const char *text, size_t len)
{
	size_t n = sizeof(said) - 1 - said_len;

	if (len < n)
		n = len;
	memcpy(said + said_len, text, n);
	said_len += n;
	return (ssize_t)len;
}

static FILE *listen(void)
{
	static FILE *stream;
	FILE *was = stderr;

	if (!stream) {
		stream = fopencookie(
			NULL, "w", (cookie_io_functions_t){ .write = on_said });
		if (stream)
			setvbuf(stream, NULL, _IONBF, 0);
	}
	said_len = 0;
	if (stream)
		stderr = stream;
	return was;
}

static void stop_listening(FILE *was)
{
	stderr = was;
	if (!said_len)
		return;
	said[said_len] = '\0';
	said[strcspn(said, "\n")] = '\0';
	said_len = 0;
	xcpu_report(XFOUND_SAID, "the code says: %s", said);
}

/* Set-up, with what a guard needs. */
struct making {
	struct explorer *e;
	struct err err;
	int ret;
};

static void make(void *arg)
{
	struct making *m = arg;

	m->ret = m->e->front->setup(m->e->backend, m->e->program, &m->err);
}

bool runner_setup(struct explorer *e, const struct program *p, uint64_t seed)
{
	struct making m = { .e = e };
	struct xhooks hooks = hooks_of(e);
	FILE *err;
	bool ok;

	e->program = p;
	e->seed = seed;
	e->made.nr = 0;
	e->during = "the set-up";
	memset(e->now, 0, sizeof(e->now));
	xworld_reset();
	err = listen();
	xworld_enter();
	ok = xcpu_guard(make, &m, &hooks);
	xworld_leave();
	stop_listening(err);
	e->programs++;
	e->err = m.err;
	if (!ok || m.ret)
		return false;
	xworld_save();
	return true;
}

struct task {
	struct explorer *e;
	unsigned cpu;
};

static void run_ops(void *arg)
{
	const struct task *t = arg;
	struct explorer *e = t->e;
	const struct op *op = e->program->op[t->cpu];
	unsigned i;

	for (i = 0; i < e->program->nr[t->cpu]; i++, op++) {
		e->now[t->cpu] = op;
		if (e->at_op)
			e->at_op(e->event_arg, t->cpu, op);
		e->front->op(op);
		if (e->at_op)
			e->at_op(e->event_arg, t->cpu, NULL);
	}
	e->now[t->cpu] = NULL;
}

static void rest(void *arg)
{
	struct explorer *e = arg;

	e->front->rest(e->program);
}

bool runner_schedule(struct explorer *e, struct strategy *s)
{
	struct task task[XCPU_MAX];
	const struct program *p = e->program;
	struct xhooks hooks = hooks_of(e);
	enum xend end;
	unsigned i;
	FILE *err;

	e->strategy = s;
	hooks.sync_only = s->sync_only;
	e->made.nr = 0;
	e->found_now = e->hit = false;
	e->during = NULL;
	memset(e->now, 0, sizeof(e->now));
	/* What is repeated must show it alone, without earlier schedules. */
	if (e->only)
		xorder_forget();
	xcpu_weak(e->weak, e->reads, NULL);
	xcpu_begin(p->cpus, &hooks, &e->bounds);
	for (i = 0; i < p->cpus; i++) {
		task[i] = (struct task){ e, i };
		xcpu_spawn(i, run_ops, &task[i]);
	}
	e->front->begin(p);
	err = listen();
	xworld_enter();
	end = xcpu_run();
	if (end == XEND_DONE) {
		e->during = "the check at rest";
		memset(e->now, 0, sizeof(e->now));
		hooks.event = NULL;
		xcpu_guard(rest, e, &hooks);
	}
	xworld_leave();
	stop_listening(err);
	e->points += xcpu_points();
	if (xcpu_points() > e->longest)
		e->longest = xcpu_points();
	e->hash = mix(e->hash, xcpu_points());
	e->schedules++;
	xworld_restore();
	return e->only ? e->hit : e->found_now;
}
