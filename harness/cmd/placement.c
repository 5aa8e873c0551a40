// SPDX-License-Identifier: GPL-2.0-or-later
/* Compares where two allocators place every object of a trace. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness/cli/ghost.h"
#include "harness/cli/progress.h"
#include "harness/cmd/cmd.h"
#include "harness/verify/placement.h"
#include "harness/virtual/program.h"
#include "lib/text.h"

struct args {
	struct cli_list spec, trace;
	const char *codec;
	long long random, seed, ops;
	bool ghost;
};

static const struct cli_option operand = { "trace", .offer = OFFER_SOURCE,
					   CLI_IS_LIST(struct args, trace) };

static const struct cli_option options[] = {
	CLI_BACKEND("Allocator; give two", CLI_IS_LIST(struct args, spec),
		    .needs = "placement needs two allocators: --backend A "
			     "--backend B"),
	CLI_CODEC("Whose sizes to take of a trace with contents (default: the "
		  "first it has)",
		  CLI_IS_TEXT(struct args, codec)),
	{ "random", 0, "N",
	  "Make up N sequences of operations (default: 10 without a trace)",
	  CLI_IS_COUNT(struct args, random, 0, 1000000) },
	{ "seed", 0, "S",
	  "Seed of the first sequence; the next has S + 1 (default: 1)",
	  CLI_IS_COUNT(struct args, seed, 0, 1ll << 62) },
	{ "ops", 0, "N", "Operations of a sequence (default: 20000)",
	  CLI_IS_COUNT(struct args, ops, 1, 1ll << 40) },
	CLI_GHOST(CLI_IS_FLAG(struct args, ghost, true)),
	{ 0 },
};

static int check(void *args)
{
	struct args *a = args;

	if (a->spec.nr < 2)
		return cli_usage("placement needs two allocators: --backend A "
				 "--backend B");
	if (a->spec.nr > 2)
		return cli_usage("--backend: two allocators are compared; %s "
				 "is a third",
				 a->spec.at[2]);
	if (!a->random && !a->trace.nr)
		return cli_usage("--random 0 without a trace compares nothing");
	if (a->random < 0)
		a->random = a->trace.nr ? 0 : 10;
	return 0;
}

static bool print(const char *name, const struct placement_result *r)
{
	uint64_t places = r->compared[PLACEMENT_FRAMES] +
			  r->compared[PLACEMENT_SLOTS] +
			  r->compared[PLACEMENT_MOVED];

	text_cell(stdout, name, 24);
	printf(" %10lu %10lu %12lu %8lu %11lu\n", (unsigned long)r->ops,
	       (unsigned long)places,
	       (unsigned long)r->compared[PLACEMENT_PAGES],
	       (unsigned long)r->compared[PLACEMENT_FREED],
	       (unsigned long)r->total);
	if (r->total)
		printf("  first: %s\n", PLAIN(r->first));
	fflush(stdout);
	return r->total;
}

static int run(void *args, int argc, char **argv)
{
	const struct args *a = args;
	const char *const spec[] = { a->spec.at[0], a->spec.at[1] };
	struct placement_result r;
	struct progress progress;
	struct err err = { "" };
	struct text room;
	bool differ = false;
	char name[32];
	const char *base;
	long long n;
	size_t i;
	int ret;

	ret = ghost_turn(a->ghost, virtual_program, "placement", argc, argv);
	if (ret)
		return ret;
	printf("%-24s %10s %10s %12s %8s %11s\n", "", "operations", "places",
	       "page counts", "compact", "differences");
	for (i = 0; i < a->trace.nr; i++) {
		base = strrchr(a->trace.at[i], '/');
		base = base ? base + 1 : a->trace.at[i];
		progress_step(&progress, text_plain(&room, base));
		ret = placement_trace(spec, a->trace.at[i], a->codec, &r, &err);
		progress_end(&progress);
		if (ret)
			return cli_failed("%s", err.text);
		differ |= print(base, &r);
	}
	for (n = 0; n < a->random; n++) {
		snprintf(name, sizeof(name), "seed %lld", a->seed + n);
		progress_step(&progress, name);
		ret = placement_random(spec, (uint64_t)(a->seed + n),
				       (size_t)a->ops, &r, &err);
		progress_end(&progress);
		if (ret)
			return cli_failed("%s", err.text);
		differ |= print(name, &r);
	}
	return differ ? EXIT_FAILED : 0;
}

static const struct args defaults = { .random = -1, .seed = 1, .ops = 20000 };

const struct cli_command cmd_placement = {
	CLI_NAME("placement", CHAPTER_KERNEL,
		 "compare where two allocators put every object",
		 "[T.zlt...] -b A -b B"),
	.doc = "Send the same operations to two allocators and compare where "
	       "each puts every object, what they answer and how many pages "
	       "they hold. Exits 1 at a difference.",
	CLI_TAKES(struct args, &operand, options, NULL),
	CLI_DOES(&defaults, check, run),
};
