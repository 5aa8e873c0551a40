// SPDX-License-Identifier: GPL-2.0-or-later
/* "zlab sweep": its options; harness/virtual/sweep.c does the work. */
#include "harness/cmd/cmd.h"
#include "harness/virtual/sweep.h"

#define NEEDS "sweep needs a trace, --vcpus N,N,..., --backend SPEC and -o FILE"

static const struct cli_option operand =
	CLI_SOURCE(NEEDS, CLI_IS_TEXT(struct sweep, with.common.config.trace));

static const struct cli_option options[] = {
	{ "vcpus", 0, "N,N,...", "Numbers of virtual CPUs, as 1,2,4,8",
	  CLI_IS_COUNTS(struct sweep, vcpus, VIRTUAL_MAX_CPUS),
	  .needs = NEEDS },
	CLI_BACKEND("Allocator; may be given several times",
		    CLI_IS_LIST(struct sweep, backend), .needs = NEEDS),
	CLI_CODEC("Whose sizes: sizes:lz4 takes them from the trace",
		  CLI_IS_TEXT(struct sweep, with.common.config.codec)),
	CLI_OUTPUT("FILE",
		   "Append result records to FILE, and do not make again those "
		   "that it holds",
		   CLI_IS_TEXT(struct sweep, out), .needs = NEEDS),
	{ "plot", 0, "DIR",
	  "Draw sys per operation, speed-up and the share of each lock into "
	  "DIR",
	  .offer = OFFER_DIR, CLI_IS_TEXT(struct sweep, plot) },
	CLI_WIDE(struct sweep),
	{ 0 },
};

static int check(void *args)
{
	struct sweep *s = args;
	size_t i;

	for (i = 0; i < s->vcpus.nr; i++)
		if (s->vcpus.at[i] > s->most)
			s->most = s->vcpus.at[i];
	return replay_opts_sampled(&s->with.common);
}

static const struct sweep defaults = { .with = REPLAYING_DEFAULTS };

const struct cli_command cmd_sweep = {
	CLI_NAME("sweep", CHAPTER_VIRTUAL,
		 "replay on many numbers of virtual CPUs",
		 "T.zlt --vcpus N,N,... --backend SPEC -o FILE"),
	.doc = "Replay a trace on each number of virtual CPUs with each "
	       "backend. With the table comes what each cost contributes at "
	       "the largest number.",
	.more = "Example:\n"
		"  zlab sweep T.zlt --vcpus 1,2,4,8,16,32 --codec sizes:lz4 "
		"-b zsmalloc@6.10 -b zsmalloc@6.12 --profile "
		"profiles/two-socket.json -o s.jsonl --plot plots\n",
	CLI_TAKES(struct sweep, &operand, options, replaying_groups),
	CLI_DOES(&defaults, check, sweep_run),
};
