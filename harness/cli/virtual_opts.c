// SPDX-License-Identifier: GPL-2.0-or-later
/* Options of virtual CPUs. */
#include <stdio.h>

#include "harness/cli/cli.h"
#include "harness/cli/virtual_opts.h"

#define OPTS struct virtual_opts

static const struct cli_option options[] = {
	{ "topology", 0, "SOCKETSxCORES",
	  "Where they sit: CPU n on socket n / CORES (default: the profile's, "
	  "with more cores where those are too few)",
	  CLI_IS_TEXT(OPTS, topology) },
	{ "profile", 0, "FILE",
	  "What things cost: a file, or one of chiplets, desktop (default), "
	  "two-cpu-vm and two-socket",
	  .offer = OFFER_FILE, CLI_IS_TEXT(OPTS, profile) },
	{ "think", 0, "NS",
	  "Mean user time before a burst of operations, drawn between half and "
	  "one and a half of it (default 0: a CPU does nothing else)",
	  CLI_IS_COUNT(OPTS, think, 0, 1000000000000) },
	{ "burst", 0, "N", "Operations of a burst (default 1)",
	  CLI_IS_COUNT(OPTS, burst, 1, 1000000) },
	{ "burst-of", 0, "all|stores",
	  "Stores and loads come in bursts, or only stores, as from reclaim, "
	  "while each page fault comes alone (default all)",
	  CLI_IS_CHOICE(OPTS, burst_of, { "all", 0 }, { "stores", 1 }) },
	{ "charge", 0, "CODEC",
	  "Charge the profile's time for this codec, also for a trace of sizes "
	  "(default: --codec's, and nothing without one)",
	  .offer = OFFER_CODEC, CLI_IS_TEXT(OPTS, charge) },
	{ "model", 0, "WHICH",
	  "Misses between two locks overlap, or add up (sum); the truth lies "
	  "between (default both)",
	  CLI_IS_CHOICE(OPTS, model, { "both", MODEL_BOTH },
			{ "overlap", MODEL_OVERLAP }, { "sum", MODEL_SUM }) },
	{ "scale", 0, "COST=FACTOR",
	  "Multiply one cost of the profile, e.g. xfer_ns=1.5",
	  CLI_IS_LIST(OPTS, scale) },
	{ 0 },
};

static const struct cli_option say_options[] = {
	{ "sensitivity", 0, NULL,
	  "Say what each cost contributes: replay again with it halved and "
	  "half as much more (default: where a table is printed)",
	  CLI_IS_FLAG(OPTS, sensitivity, SENSITIVITY_YES) },
	{ "no-sensitivity", 0, NULL,
	  "Do not say what each cost contributes, which takes two replays for "
	  "each",
	  CLI_IS_FLAG(OPTS, sensitivity, SENSITIVITY_NO) },
	{ 0 },
};

const struct cli_group replaying_groups[] = {
	REPLAY_GROUPS(struct replaying, common),
	{ "Virtual CPUs, with --vcpus", options,
	  offsetof(struct replaying, virtual), true,
	  offsetof(struct replaying, virtual.kept) },
	{ NULL, say_options, offsetof(struct replaying, virtual), true,
	  offsetof(struct replaying, virtual.said) },
	CLI_NO_GROUP,
};

bool virtual_opts_misplaced(const struct virtual_opts *o, const char *command)
{
	const char *given = o->kept.given ? o->kept.given : o->said.given;

	if (given)
		cli_usage("--%s is an option of virtual CPUs; zlab %s --vcpus "
			  "N says how many",
			  given, command);
	return given;
}

void virtual_opts_command(struct virtual_opts *o, const char *command, int argc,
			  char **argv)
{
	o->command = command;
	o->argc = argc;
	o->argv = argv;
}
