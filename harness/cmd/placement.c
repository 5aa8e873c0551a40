// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness/cli/cli.h"
#include "harness/verify/placement.h"

#define MAX_TRACES 64

struct args {
	const char *spec[2];
	const char *codec;
	const char *trace[MAX_TRACES];
	size_t nr_traces;
	long long random, seed, ops;
};

enum key {
	KEY_RANDOM = 256,
	KEY_SEED,
	KEY_OPS
};

static const struct argp_option options[] = {
	{ "backend", 'b', "SPEC", 0, "Allocator; give two", 0 },
	{ "codec", 'c', "CODEC", 0,
	  "Whose sizes to take of a trace with contents (default: the first it "
	  "has)",
	  0 },
	{ "random", KEY_RANDOM, "N", 0,
	  "Make up N sequences of operations (default: 10 without a trace)",
	  0 },
	{ "seed", KEY_SEED, "S", 0,
	  "Seed of the first sequence; the next has S + 1 (default: 1)", 0 },
	{ "ops", KEY_OPS, "N", 0, "Operations of a sequence (default: 20000)",
	  0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case 'b':
		if (a->spec[1]) {
			cli_usage("--backend: two allocators are compared; %s "
				  "is a third",
				  arg);
			return CLI_REPORTED;
		}
		a->spec[a->spec[0] != NULL] = arg;
		return 0;
	case 'c':
		a->codec = arg;
		return 0;
	case KEY_RANDOM:
		return cli_count("--random", arg, 0, 1000000, &a->random);
	case KEY_SEED:
		return cli_count("--seed", arg, 0, 1ll << 62, &a->seed);
	case KEY_OPS:
		return cli_count("--ops", arg, 1, 1ll << 40, &a->ops);
	case ARGP_KEY_ARG:
		if (a->nr_traces == MAX_TRACES) {
			cli_usage("at most %d traces", MAX_TRACES);
			return CLI_REPORTED;
		}
		a->trace[a->nr_traces++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (a->spec[1])
			return 0;
		cli_usage("placement needs two allocators: --backend A "
			  "--backend B");
		return CLI_REPORTED;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[T.zlt...]",
	.doc = "Send the same operations to two allocators and compare where "
	       "each puts every object, what they answer and how many pages "
	       "they hold. Exits 1 at a difference.",
};

static bool print(const char *name, const struct placement_result *r)
{
	uint64_t places = r->compared[PLACEMENT_FRAMES] +
			  r->compared[PLACEMENT_SLOTS] +
			  r->compared[PLACEMENT_MOVED];

	printf("%-24.24s %10lu %10lu %12lu %8lu %11lu\n", name,
	       (unsigned long)r->ops, (unsigned long)places,
	       (unsigned long)r->compared[PLACEMENT_PAGES],
	       (unsigned long)r->compared[PLACEMENT_FREED],
	       (unsigned long)r->total);
	if (r->total)
		printf("  first: %s\n", r->first);
	fflush(stdout);
	return r->total;
}

int cmd_placement(int argc, char **argv)
{
	struct args a = { .random = -1, .seed = 1, .ops = 20000 };
	struct placement_result r;
	struct err err = { "" };
	bool differ = false;
	char name[32];
	const char *base;
	long long n;
	size_t i;
	int ret = cli_parse(&argp, "zlab placement", argc, argv, &a);

	if (ret)
		return ret;
	if (a.random < 0)
		a.random = a.nr_traces ? 0 : 10;
	printf("%-24s %10s %10s %12s %8s %11s\n", "", "operations", "places",
	       "page counts", "compact", "differences");
	for (i = 0; i < a.nr_traces; i++) {
		if (placement_trace(a.spec, a.trace[i], a.codec, &r, &err))
			return cli_failed("%s", err.text);
		base = strrchr(a.trace[i], '/');
		differ |= print(base ? base + 1 : a.trace[i], &r);
	}
	for (n = 0; n < a.random; n++) {
		if (placement_random(a.spec, (uint64_t)(a.seed + n),
				     (size_t)a.ops, &r, &err))
			return cli_failed("%s", err.text);
		snprintf(name, sizeof(name), "seed %lld", a.seed + n);
		differ |= print(name, &r);
	}
	return differ ? EXIT_FAILED : 0;
}
