// SPDX-License-Identifier: GPL-2.0-or-later
/* Programs: made from a seed, written and read as JSON. */
#include <errno.h>
#include <string.h>

#include "backends/zpool.h"
#include "harness/explore/explore.h"
#include "lib/random.h"

static const char *const names[OP_KINDS] = {
	[OP_STORE] = "store",	  [OP_LOAD] = "load",
	[OP_FREE] = "free",	  [OP_COMPACT] = "compact",
	[OP_MIGRATE] = "migrate", [OP_RECLAIM] = "reclaim",
	[OP_WORK] = "work",	  [OP_STATS] = "stats",
	[OP_FILL] = "fill",
};

static bool has_object(unsigned kind)
{
	return kind <= OP_FREE || kind == OP_FILL;
}

static unsigned below(uint64_t *random, unsigned n)
{
	return (unsigned)(random_splitmix(random) >> 33) % n;
}

/*
 * Sizes in 4,096ths of a page: a program uses few of them, so that its objects
 * meet in few classes, with few objects to a page.
 */
static const unsigned sizes[] = { 100,	330,  700,  1000, 1360, 1800, 2000,
				  2030, 2500, 3000, 3250, 3700, 3980, 4096 };
#define NR_SIZES (sizeof(sizes) / sizeof(sizes[0]))

struct maker {
	const struct program_limits *limits;
	uint64_t random;
	unsigned nr_sizes, objects;
	unsigned size[3];
	unsigned weight[OP_KINDS], weights;
};

static unsigned one_size(struct maker *m)
{
	unsigned size = m->size[below(&m->random, m->nr_sizes)];

	/* Ends of objects differ also within a class. */
	size -= below(&m->random, 16);
	return size <= m->limits->largest ? size : (unsigned)m->limits->largest;
}

static struct op one_op(struct maker *m)
{
	unsigned at = below(&m->random, m->weights), kind = 0;
	struct op op = { 0 };

	while (at >= m->weight[kind])
		at -= m->weight[kind++];
	op.kind = kind;
	if (has_object(kind))
		op.what = below(&m->random, m->objects);
	else if (kind == OP_MIGRATE)
		op.what = below(&m->random, 16);
	if (kind == OP_STORE)
		op.size = one_size(m);
	return op;
}

static void weigh(struct maker *m)
{
	unsigned caps = m->limits->caps, i;

	m->weight[OP_STORE] = 30;
	m->weight[OP_LOAD] = 22;
	m->weight[OP_FREE] = 22;
	m->weight[OP_STATS] = 2;
	m->weight[OP_COMPACT] = caps & ZPOOL_COMPACTABLE ? 8 : 0;
	m->weight[OP_MIGRATE] = caps & ZPOOL_MOVABLE ? 14 : 0;
	m->weight[OP_RECLAIM] = caps & ZPOOL_EVICTABLE ? 12 : 0;
	m->weight[OP_WORK] = caps & ZPOOL_DEFERS ? 14 : 0;
	m->weight[OP_FILL] = m->limits->fills ? 3 : 0;
	/* More of what the front end does itself, less of what it passes on. */
	if (m->limits->reclaims) {
		m->weight[OP_COMPACT] /= 2;
		m->weight[OP_MIGRATE] /= 2;
		m->weight[OP_WORK] /= 2;
		m->weight[OP_STATS] = 1;
		m->weight[OP_RECLAIM] = 24;
	}
	for (i = 0; i < OP_KINDS; i++)
		m->weights += m->weight[i];
}

/* Objects, then some of them freed again: pages that are partly used. */
static void make_setup(struct maker *m, struct program *p)
{
	unsigned i, frees = below(&m->random, m->objects);
	struct op *op = p->setup;

	for (i = 0; i < m->objects; i++)
		*op++ = (struct op){ .kind = OP_STORE,
				     .what = i,
				     .size = one_size(m) };
	for (i = 0; i < frees; i++)
		*op++ = (struct op){ .kind = OP_FREE,
				     .what = below(&m->random, m->objects) };
	if (m->weight[OP_WORK] && below(&m->random, 2))
		*op++ = (struct op){ .kind = OP_WORK };
	p->nr_setup = (unsigned)(op - p->setup);
	for (i = 0; i < p->nr_setup; i++)
		p->setup[i].cpu = below(&m->random, p->cpus);
}

void program_make(struct program *p, const struct program_limits *limits,
		  uint64_t seed)
{
	struct maker m = { .limits = limits, .random = seed };
	unsigned page =
		limits->largest > 4096 ? (unsigned)limits->largest : 4096;
	unsigned i, k;

	memset(p, 0, sizeof(*p));
	p->cpus = limits->cpus;
	m.nr_sizes = 1 + below(&m.random, 3);
	for (i = 0; i < m.nr_sizes; i++)
		m.size[i] = sizes[below(&m.random, NR_SIZES)] * (page / 4096);
	m.objects = 2 + below(&m.random, PROGRAM_OBJECTS - 3);
	weigh(&m);
	make_setup(&m, p);
	for (i = 0; i < p->cpus; i++) {
		p->nr[i] = limits->ops;
		for (k = 0; k < limits->ops; k++)
			p->op[i][k] = one_op(&m);
	}
	switch (below(&m.random, 8)) {
	case 0:
		p->fail_nth = 1 + below(&m.random, 8);
		p->fail_every = below(&m.random, 3);
		break;
	case 1:
		p->spare = 1 + below(&m.random, 3);
		break;
	case 2:
		p->destroy = true;
		break;
	default:
		break;
	}
}

unsigned program_ops(const struct program *p)
{
	unsigned i, n = 0;

	for (i = 0; i < p->cpus; i++)
		n += p->nr[i];
	return n;
}

const char *op_name(const struct op *op, char *buf, size_t len)
{
	if (op->kind == OP_STORE)
		snprintf(buf, len, "store object %u of %u bytes", op->what,
			 op->size);
	else if (op->kind == OP_MIGRATE)
		snprintf(buf, len, "migrate frame %u", op->what);
	else if (has_object(op->kind))
		snprintf(buf, len, "%s object %u", names[op->kind], op->what);
	else
		snprintf(buf, len, "%s", names[op->kind]);
	return buf;
}

static json_t *op_json(const struct op *op)
{
	return json_pack("[s, i, i, i]", names[op->kind], (int)op->what,
			 (int)op->size, (int)op->cpu);
}

static json_t *ops_json(const struct op *op, unsigned nr)
{
	json_t *a = json_array();

	while (nr--)
		json_array_append_new(a, op_json(op++));
	return a;
}

json_t *program_json(const struct program *p)
{
	json_t *cpus = json_array(), *o;
	unsigned i;

	for (i = 0; i < p->cpus; i++)
		json_array_append_new(cpus, ops_json(p->op[i], p->nr[i]));
	o = json_pack("{s:o, s:o, s:i, s:i, s:i, s:b}", "setup",
		      ops_json(p->setup, p->nr_setup), "cpus", cpus, "spare",
		      (int)p->spare, "fail_nth", (int)p->fail_nth, "fail_every",
		      (int)p->fail_every, "destroy", p->destroy);
	if (*p->options)
		json_object_set_new(o, "options", json_string(p->options));
	return o;
}

static int op_read(struct op *op, const json_t *o, unsigned cpus,
		   struct err *err)
{
	int what, size, cpu;
	const char *name;
	unsigned kind;

	if (json_unpack((json_t *)o, "[s, i, i, i]", &name, &what, &size, &cpu))
		return err_set(err, -EINVAL,
			       "an operation is a list of name, object, size "
			       "and CPU");
	for (kind = 0; kind < OP_KINDS && strcmp(names[kind], name);)
		kind++;
	if (kind == OP_KINDS)
		return err_set(err, -EINVAL, "no operation is named \"%.40s\"",
			       name);
	if (what < 0 || (has_object(kind) && what >= PROGRAM_OBJECTS) ||
	    size < 0 || size > 1 << 16 || cpu < 0 || (unsigned)cpu >= cpus ||
	    (kind == OP_STORE && !size))
		return err_set(err, -EINVAL,
			       "%.40s has object %d, size %d, CPU %d; objects "
			       "are below %d, sizes up to 65536, CPUs below %u",
			       name, what, size, cpu, PROGRAM_OBJECTS, cpus);
	*op = (struct op){ kind, (unsigned)what, (unsigned)size,
			   (unsigned)cpu };
	return 0;
}

static int ops_read(struct op *op, unsigned *nr, unsigned most, const json_t *o,
		    unsigned cpus, struct err *err)
{
	size_t i;

	*nr = 0;
	if (!json_is_array(o) || json_array_size(o) > most)
		return err_set(err, -EINVAL,
			       "a list of at most %u operations is expected",
			       most);
	for (i = 0; i < json_array_size(o); i++)
		if (op_read(op + i, json_array_get(o, i), cpus, err))
			return -EINVAL;
	*nr = (unsigned)i;
	return 0;
}

int program_read(struct program *p, const json_t *o, struct err *err)
{
	const char *options = "";
	int spare, nth, every, destroy;
	json_t *setup, *cpus;
	unsigned i;

	memset(p, 0, sizeof(*p));
	if (json_unpack((json_t *)o, "{s:o, s:o, s:i, s:i, s:i, s:b, s?s}",
			"setup", &setup, "cpus", &cpus, "spare", &spare,
			"fail_nth", &nth, "fail_every", &every, "destroy",
			&destroy, "options", &options))
		return err_set(err, -EINVAL,
			       "a program has setup, cpus, spare, fail_nth, "
			       "fail_every and destroy");
	if (!json_array_size(cpus) || json_array_size(cpus) > XCPU_MAX)
		return err_set(err, -EINVAL, "a program has 1 to %d CPUs",
			       XCPU_MAX);
	if (spare < 0 || nth < 0 || every < 0)
		return err_set(err, -EINVAL,
			       "spare, fail_nth and fail_every are 0 or more");
	if (strlen(options) >= sizeof(p->options))
		return err_set(err, -EINVAL,
			       "a front end's options have at most %zu "
			       "characters",
			       sizeof(p->options) - 1);
	memcpy(p->options, options, strlen(options) + 1);
	p->cpus = (unsigned)json_array_size(cpus);
	p->spare = (unsigned)spare;
	p->fail_nth = (unsigned)nth;
	p->fail_every = (unsigned)every;
	p->destroy = destroy;
	if (ops_read(p->setup, &p->nr_setup, PROGRAM_SETUP, setup, p->cpus,
		     err))
		return -EINVAL;
	for (i = 0; i < p->cpus; i++)
		if (ops_read(p->op[i], &p->nr[i], PROGRAM_OPS,
			     json_array_get(cpus, i), p->cpus, err))
			return -EINVAL;
	return 0;
}
