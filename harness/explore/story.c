// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The story of a finding, in its plain form: its schedule once more, with a
 * column for each CPU, from top to bottom as it happened. Told are operations,
 * locks, what was done at a switch, and all that touches the address that the
 * finding is about.
 */
#include <stdlib.h>
#include <string.h>

#include "harness/explore/front.h"
#include "harness/explore/strategy.h"

#define EVENTS (1u << 20)

struct event {
	unsigned cpu;
	const struct op *op; /* it begins, or NULL */
	struct xpoint p;
};

struct teller {
	struct event *at;
	size_t nr;
	struct found again; /* as it was found this time */
	unsigned column, cpus;
	FILE *out;
};

static void on_point(void *arg, unsigned cpu, const struct xpoint *p)
{
	struct teller *t = arg;

	if (t->nr < EVENTS)
		t->at[t->nr++] = (struct event){ .cpu = cpu, .p = *p };
}

static void on_op(void *arg, unsigned cpu, const struct op *op)
{
	struct teller *t = arg;

	if (t->nr < EVENTS)
		t->at[t->nr++] = (struct event){ .cpu = cpu, .op = op };
}

static bool touches(const struct xpoint *p, const struct xpoint *what)
{
	const char *a = p->addr, *b = what->addr;

	return a && b && a < b + what->len && b < a + p->len;
}

static bool is_lock(const struct xpoint *p)
{
	return p->kind == XDO_LOCK || p->kind == XDO_TRYLOCK ||
	       p->kind == XDO_UNLOCK;
}

/* Whether the CPU's next event is after one of another CPU. */
static bool is_last(const struct teller *t, size_t i)
{
	return i + 1 == t->nr || t->at[i + 1].cpu != t->at[i].cpu;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static const char *lock_name(const struct lock_site *s)
{
	return *s->name == '&' ? s->name + 1 : s->name;
}

static void describe(const struct teller *t, const struct event *e, char *buf,
		     size_t len)
{
	static const char *const does[] = {
		[XDO_READ] = "reads",
		[XDO_WRITE] = "writes",
		[XDO_ATOMIC_READ] = "reads atomically",
		[XDO_ATOMIC_WRITE] = "writes atomically",
		[XDO_RMW] = "changes atomically",
		[XDO_FENCE] = "orders by a fence",
		[XDO_LOCK] = "locks",
		[XDO_TRYLOCK] = "tries to lock",
		[XDO_UNLOCK] = "unlocks",
		[XDO_RELAX] = "waits in a loop",
		[XDO_YIELD] = "lets others go first",
		[XDO_CONTENDED] = "asks who waits",
		[XDO_WAIT] = "waits",
	};
	char place[160], op[64];
	const struct lock_site *s = e->p.site;

	if (e->op) {
		snprintf(buf, len, "> %s", op_name(e->op, op, sizeof(op)));
		return;
	}
	if (is_lock(&e->p) && s)
		snprintf(buf, len, "%s %s (%s:%d)", does[e->p.kind],
			 lock_name(s), base_name(s->file), s->line);
	else
		snprintf(buf, len, "%s%s %s", does[e->p.kind],
			 is_lock(&e->p) ? "" : " in",
			 place_name(e->p.pc, place, sizeof(place)));
}

/* One cell of the table, in as many lines as it needs. */
static void put(const struct teller *t, unsigned cpu, const char *text)
{
	unsigned room = t->column - 3, n;
	bool first = true;

	while (*text) {
		n = (unsigned)strlen(text);
		if (n > room) {
			for (n = room; n > room / 2 && text[n] != ' ';)
				n--;
			if (n == room / 2)
				n = room;
		}
		fprintf(t->out, "%*s%s%.*s\n", (int)(cpu * t->column), "",
			first ? "" : "  ", (int)n, text);
		text += n;
		text += *text == ' ';
		if (first)
			room -= 2;
		first = false;
	}
}

static void tell(const struct teller *t, const struct found *f)
{
	char text[320];
	unsigned i;
	size_t k;

	for (i = 0; i < t->cpus; i++)
		fprintf(t->out, "%-*s", (int)t->column,
			(const char *[]){ "CPU 0", "CPU 1", "CPU 2", "CPU 3",
					  "CPU 4", "CPU 5", "CPU 6",
					  "CPU 7" }[i]);
	fputc('\n', t->out);
	for (k = 0; k < t->nr; k++) {
		const struct event *e = &t->at[k];

		if (!e->op && !is_lock(&e->p) && !is_last(t, k) &&
		    !touches(&e->p, &f->f.at))
			continue;
		describe(t, e, text, sizeof(text));
		put(t, e->cpu, text);
		if (is_last(t, k) && k + 1 < t->nr)
			fprintf(t->out, "%*s--\n", (int)(e->cpu * t->column),
				"");
	}
}

static void head(FILE *out, const struct explorer *e, const struct found *f)
{
	char place[160], op[64];
	const struct xlock *held;
	unsigned i, n;

	fprintf(out, "%s: %s\n", found_name(f->f.kind), f->f.text);
	if (f->f.cpu < XCPU_MAX && f->f.at.pc)
		fprintf(out, "  CPU %u, %s, at %s\n", f->f.cpu,
			f->during[0] ? f->during : "?",
			place_name(f->f.at.pc, place, sizeof(place)));
	else
		fprintf(out, "  found in: %s\n",
			f->during[0] ? f->during : "the schedule");
	if (f->f.other_pc)
		fprintf(out, "  CPU %u %s at %s\n", f->f.other,
			f->f.other_write ? "wrote" : "read",
			place_name(f->f.other_pc, place, sizeof(place)));
	if (f->f.at.addr && e->front->frame(f->f.at.addr) >= 0)
		fprintf(out, "  in frame %ld\n", e->front->frame(f->f.at.addr));
	for (i = 0; i < f->program.cpus; i++) {
		n = xcpu_held(i, &held);
		while (n--)
			if (held[n].site)
				fprintf(out, "  CPU %u holds %s (%s:%d)\n", i,
					lock_name(held[n].site),
					held[n].site->file, held[n].site->line);
	}
	fprintf(out, "set-up:");
	for (i = 0; i < f->program.nr_setup; i++)
		fprintf(out, "%s %s", i ? ";" : "",
			op_name(&f->program.setup[i], op, sizeof(op)));
	fputc('\n', out);
}

void story_print(FILE *out, struct explorer *e, const struct found *f,
		 unsigned width)
{
	struct strategy replay = { .kind = STRATEGY_REPLAY,
				   .given = &f->choices };
	struct teller t = { .at = malloc(EVENTS * sizeof(*t.at)),
			    .cpus = f->program.cpus,
			    .out = out };
	uint64_t only = e->only;

	if (!t.at)
		return;
	t.column = width / (t.cpus ? t.cpus : 1);
	if (t.column < 12)
		t.column = 12;
	e->only = f->key;
	e->reads = f->reads;
	e->event = on_point;
	e->at_op = on_op;
	e->event_arg = &t;
	strategy_begin(&replay, f->program.cpus, 0);
	if (runner_setup(e, &f->program, f->seed))
		runner_schedule(e, &replay);
	head(out, e, f);
	tell(&t, f);
	e->event = NULL;
	e->at_op = NULL;
	e->only = only;
	free(t.at);
}
