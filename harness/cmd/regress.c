// SPDX-License-Identifier: GPL-2.0-or-later
/* Options of "zlab regress"; analysis/run/regress.py does the work. */
#include <string.h>

#include "harness/cli/hand_over.h"
#include "harness/cmd/cmd.h"

struct args {
	struct hand_over script;
	struct cli_list backends;
	const char *baseline, *traces, *plan, *codec, *against, *json,
		*markdown;
	long long runs;
};

static int set_tier(const struct cli_option *o, const char *arg, void *to)
{
	const char *at = arg;

	while ((*at == '1' || *at == '2') && at[1] == ',')
		at += 2;
	if ((*at == '1' || *at == '2') && !at[1])
		return 0;
	return cli_usage("--tier takes 1 (exact counters), 2 (instructions) or "
			 "1,2; not \"%s\"",
			 arg);
}

static int set_reason(const struct cli_option *o, const char *arg, void *to)
{
	if (arg[strspn(arg, " \t\n")])
		return 0;
	return cli_usage("--accept takes the reason why the baseline moves");
}

static const struct cli_option options[] = {
	{ "baseline", 0, "FILE", "Compare with this instead of zlab's own",
	  .offer = OFFER_FILE, .output = true,
	  CLI_IS_TEXT(struct args, baseline) },
	{ "traces", 0, "DIR",
	  "Replay every *.zlt of DIR; needs a --baseline of yours",
	  .offer = OFFER_DIR, CLI_IS_TEXT(struct args, traces) },
	{ "plan", 0, "FILE",
	  "Which traces, backends and options; docs/ci.md has an example",
	  .offer = OFFER_FILE, CLI_IS_TEXT(struct args, plan) },
	{ "backend", 'b', "SPEC...",
	  "With --traces and no --plan: allocators (default: zbud, z3fold and "
	  "zsmalloc)",
	  .offer = OFFER_BACKEND, .many = true,
	  CLI_IS_LIST(struct args, backends) },
	CLI_CODEC("With --traces and no --plan: as for \"zlab compare\"",
		  CLI_IS_TEXT(struct args, codec)),
	{ "accept", 0, "REASON",
	  "Write the baseline, or move it, and record why",
	  CLI_IS_CALL(set_reason) },
	{ "tier", 0, "LIST",
	  "1: exact counters alone; 1,2 (default): also instructions",
	  CLI_WORDS({ "1", 0 }, { "1,2", 0 }), CLI_IS_CALL(set_tier) },
	{ "against", 0, "ZLAB",
	  "Another build; adds native time against it, as advice",
	  .offer = OFFER_FILE, CLI_IS_TEXT(struct args, against) },
	CLI_RUNS(struct args, 1000000,
		 "With --against: samples of each side (default 9)"),
	CLI_JSON(struct args,
		 "Write a summary as one JSON object to FILE; - "
		 "for standard output, which then gets nothing else"),
	{ "markdown", 0, "FILE", "Write a summary for a merge request to FILE",
	  .offer = OFFER_FILE, .output = true,
	  CLI_IS_TEXT(struct args, markdown) },
	{ 0 },
};

static int run(void *args, int argc, char **argv)
{
	const struct args *a = args;

	return hand_over(&a->script, "regress");
}

static const struct cli_group groups[] = {
	CLI_KEEP(NULL, options, struct args, script.kept),
	{ 0 },
};

const struct cli_command cmd_regress = {
	CLI_NAME("regress", CHAPTER_MEASURING,
		 "replay committed traces against a baseline", NULL),
	.doc = "Replay the committed traces and compare with a baseline. Exact "
	       "counters have no tolerance; instructions per operation, "
	       "counted under valgrind, have 0.5 %; native times are advice. "
	       "Exits 1 at a regression, 2 when it cannot compare.",
	CLI_TAKES(struct args, NULL, NULL, groups),
	CLI_DOES(NULL, NULL, run),
};
