// SPDX-License-Identifier: GPL-2.0-or-later
/* Size classes of the running allocator, and how a trace fills them. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cmd/cmd.h"
#include "harness/verify/class_locks.h"
#include "lib/text.h"
#include "traces/label.h"

/* rw_semaphore (40 bytes) in place of rwlock_t (8), as discussed in 2025. */
#define DEFAULT_EXTRA 32

static double span_share(const struct zpool_class *c)
{
	return 100.0 * c->spanning / c->objects;
}

static void print_share(const char *over, const struct class_share *s)
{
	printf("  %-34s %6.2f %6.2f %6.2f\n", over, s->mean, s->median, s->max);
}

static void print(const struct class_table *t, const char *spec, unsigned extra)
{
	const struct zpool_class *c;
	size_t i, first = 0;
	char slots[32];

	printf("%s\n%9s %5s %5s %7s %5s %6s %10s\n", PLAIN(spec), "slots",
	       "size", "pages", "objects", "waste", "span %", "B/object");
	for (i = 0; i < t->nr; i++) {
		c = &t->class[i];
		if (c->slot != c->index)
			continue;
		snprintf(slots, sizeof(slots), first == i ? "%zu" : "%zu-%zu",
			 first, i);
		first = i + 1;
		printf("%9s %5u %5u %7u %5u %6.1f %10.2f%s\n", slots, c->size,
		       c->pages, c->objects, c->waste, span_share(c),
		       (double)extra / c->objects, c->huge ? "  huge" : "");
	}
	printf("%zu classes, %zu slots; objects of %u bytes and more are "
	       "huge;\n%.1f %% of slots span two pages (mean over slots)\n",
	       t->physical, t->nr, t->huge_limit, t->spanning * 100);
	printf("%u bytes more in each zspage, per object:\n"
	       "  %-34s %6s %6s %6s\n",
	       extra, "", "mean", "median", "max");
	print_share("classes", &t->over_physical);
	print_share("slots", &t->over_logical);
	print_share("slots that are not huge", &t->over_small);
}

static void print_cost(const struct class_share *s, unsigned bytes)
{
	printf(" %6.3f %6.3f", s->mean * bytes, s->median * bytes);
}

static void print_locks(const struct class_table *t,
			const struct class_weights *w)
{
	int base = (int)class_lock_bytes("rwlock");
	const struct class_lock *l;
	size_t i;

	printf("forms of the zspage lock, bytes:\n%9s %6s %9s %13s",
	       "zspage=", "zspage", "to rwlock", "object, mean");
	printf(" and median over classes%s\n",
	       w->trace ? ", and over stores" : "");
	for (i = 0; i < CLASS_LOCKS; i++) {
		l = &class_locks[i];
		printf("%9s %6u %+9d ", l->zspage, l->bytes,
		       (int)l->bytes - base);
		print_cost(&t->lock_share, l->bytes);
		if (w->trace)
			print_cost(&w->share, l->bytes);
		printf("  %s\n", l->what);
	}
	if (w->trace)
		printf("stores of trace %s, codec %s: %llu with an object, "
		       "%llu same-filled, %llu incompressible\n",
		       PLAIN(w->trace), PLAIN(w->codec),
		       (unsigned long long)w->stores,
		       (unsigned long long)w->same_filled,
		       (unsigned long long)w->incompressible);
}

static json_t *share_json(const struct class_share *s)
{
	return json_pack("{s:f, s:f, s:f}", "mean", s->mean, "median",
			 s->median, "max", s->max);
}

static json_t *cost_json(const struct class_share *s, unsigned bytes)
{
	const struct class_share cost = { .mean = s->mean * bytes,
					  .median = s->median * bytes,
					  .max = s->max * bytes };

	return share_json(&cost);
}

static json_t *locks_json(const struct class_table *t,
			  const struct class_weights *w)
{
	int base = (int)class_lock_bytes("rwlock");
	const struct class_lock *l;
	json_t *list = json_array(), *cost;
	size_t i;

	for (i = 0; i < CLASS_LOCKS; i++) {
		l = &class_locks[i];
		cost = json_pack("{s:o}", "classes",
				 cost_json(&t->lock_share, l->bytes));
		if (w->trace)
			json_object_set_new(cost, "stores",
					    cost_json(&w->share, l->bytes));
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:i, s:i, s:o}", "zspage",
					l->zspage, "type", l->what,
					"bytes_per_zspage", (int)l->bytes,
					"to_rwlock", (int)l->bytes - base,
					"bytes_per_object", cost));
	}
	return list;
}

static json_t *weights_json(const struct class_weights *w)
{
	return json_pack("{s:o, s:s, s:I, s:I, s:I}", "name",
			 label_json(w->trace), "codec", w->codec, "stores",
			 (json_int_t)w->stores, "same_filled",
			 (json_int_t)w->same_filled, "incompressible",
			 (json_int_t)w->incompressible);
}

static int write_json(const char *path, const struct class_table *t,
		      const struct class_weights *w, const char *spec,
		      unsigned extra)
{
	json_t *list = json_array(), *j;
	const struct zpool_class *c;
	size_t i;
	int ret;

	for (i = 0; i < t->nr; i++) {
		c = &t->class[i];
		json_array_append_new(
			list,
			json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:b}",
				  "slot", c->slot, "index", c->index, "size",
				  c->size, "pages", c->pages, "objects",
				  c->objects, "waste", c->waste, "spanning",
				  c->spanning, "huge", c->huge));
	}
	j = json_pack("{s:s, s:i, s:i, s:i, s:f, s:i, s:{s:o, s:o, s:o}, s:o}",
		      "backend", spec, "slots", (int)t->nr, "classes",
		      (int)t->physical, "huge_limit", (int)t->huge_limit,
		      "spanning", t->spanning, "extra_bytes", (int)extra,
		      "bytes_per_object", "classes",
		      share_json(&t->over_physical), "slots",
		      share_json(&t->over_logical), "slots_not_huge",
		      share_json(&t->over_small), "table", list);
	json_object_set_new(j, "locks", locks_json(t, w));
	if (w->trace)
		json_object_set_new(j, "trace", weights_json(w));
	ret = cli_write_json(path, j);
	json_decref(j);
	return ret;
}

struct args {
	const char *backend, *trace, *codec, *json;
	long long extra;
};

static const struct cli_option options[] = {
	CLI_BACKEND("The allocator, e.g. zsmalloc:chain=8",
		    CLI_IS_TEXT(struct args, backend),
		    .needs = "--backend SPEC is missing: zlab classes "
			     "--backend zsmalloc"),
	{ "extra", 0, "BYTES",
	  "More in each zspage (default 32: a sleeping lock instead of a "
	  "spinning one)",
	  CLI_IS_COUNT(struct args, extra, 0, 4096) },
	{ "trace", 0, "T.zlt",
	  "Weigh the classes by the objects that this trace stores too",
	  .offer = OFFER_SOURCE, CLI_IS_TEXT(struct args, trace) },
	CLI_CODEC("Whose sizes, of those the trace has (default lz4)",
		  CLI_IS_TEXT(struct args, codec)),
	CLI_JSON(struct args, "Write it as JSON to FILE; - for standard "
			      "output, which then gets nothing else"),
	{ 0 },
};

static int check(void *args)
{
	const struct args *a = args;

	if (a->codec && !a->trace)
		return cli_usage("--codec needs --trace T.zlt");
	return 0;
}

static int run(void *args, int argc, char **argv)
{
	const struct args *a = args;
	struct zpool_config config = { 0 };
	struct class_weights weights = { 0 };
	unsigned extra = (unsigned)a->extra;
	struct class_table table = { 0 };
	struct err err = { "" };
	struct zpool *pool;
	int ret;

	pool = zpool_create(a->backend, &config, &err);
	if (!pool || class_table_read(pool, extra, &table, &err)) {
		zpool_destroy(pool);
		return cli_usage("%s", err.text);
	}
	ret = a->trace ? class_weights_read(&table, a->trace, a->codec,
					    &weights, &err)
		       : 0;
	if (ret)
		cli_failed("%s", err.text);
	if (!ret && a->json)
		ret = write_json(a->json, &table, &weights, pool->spec, extra);
	if (!ret && (!a->json || strcmp(a->json, "-"))) {
		print(&table, pool->spec, extra);
		print_locks(&table, &weights);
	}
	class_weights_free(&weights);
	class_table_free(&table);
	zpool_destroy(pool);
	return ret ? EXIT_FAILED : 0;
}

static const struct args defaults = { .extra = DEFAULT_EXTRA };

const struct cli_command cmd_classes = {
	CLI_NAME("classes", CHAPTER_ABOUT, "print an allocator's size classes",
		 "--backend SPEC"),
	.doc = "Print an allocator's size classes, what some bytes more in "
	       "each zspage cost per object, and what each form of the zspage "
	       "lock takes with the sizes it has in the kernel. Every zspage "
	       "counts as full; in one that is not, an object pays more.",
	CLI_TAKES(struct args, NULL, options, NULL),
	CLI_DOES(&defaults, check, run),
};
