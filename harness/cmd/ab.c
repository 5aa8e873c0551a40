// SPDX-License-Identifier: GPL-2.0-or-later
/* Checks the options of "zlab ab" before anything is built. */
#include "harness/cli/hand_over.h"
#include "harness/cli/replay_opts.h"
#include "harness/cmd/cmd.h"

struct args {
	struct hand_over script;
	struct cli_list backends, codecs;
	const char *base, *head, *source;
	long long threads, runs;
	int format;
};

static const struct cli_option operand =
	CLI_TRACE("ab needs traces: zlab ab --base REF --head REF T.zlt...",
		  CLI_IS_LIST(struct args, script.words));

static const struct cli_option options[] = {
	{ "base", 0, "GITREF", "Commit without the change", .offer = OFFER_REF,
	  CLI_IS_TEXT(struct args, base),
	  .needs = "ab needs two commits: zlab ab --base REF --head REF "
		   "T.zlt..." },
	{ "head", 0, "GITREF", "Commit with the change", .offer = OFFER_REF,
	  CLI_IS_TEXT(struct args, head),
	  .needs = "ab needs two commits: zlab ab --base REF --head REF "
		   "T.zlt..." },
	{ "backend", 'b', "SPEC...", "Allocators (default: zsmalloc)",
	  .offer = OFFER_BACKEND, .many = true,
	  CLI_IS_LIST(struct args, backends) },
	{ "codec", 'c', "CODEC...",
	  "As for \"zlab compare\" (default: the trace's own)",
	  .offer = OFFER_CODEC, .many = true,
	  CLI_IS_LIST(struct args, codecs) },
	{ "threads", 't', "N", "Threads of a replay (default 1)",
	  CLI_IS_COUNT(struct args, threads, 1, 256) },
	CLI_RUNS(struct args, 1000000,
		 "Samples of each side, 2 or more (default 9); 9 give an "
		 "interval worth reading"),
	{ "format", 0, "mail|json",
	  "Text of 78 columns for a mail (default), or JSON",
	  CLI_IS_CHOICE(struct args, format, { "mail", 0 }, { "json", 1 }) },
	{ "source", 0, "DIR", "zlab's git tree (default: this folder)",
	  .offer = OFFER_DIR, CLI_IS_TEXT(struct args, source) },
	{ 0 },
};

/* Check everything that can be checked before the two builds. */
static int check(void *args)
{
	const struct args *a = args;

	if (a->runs < 2)
		return cli_usage("--runs takes 2 or more; 9 give an interval "
				 "worth reading");
	return replay_check_words((const char *const *)a->backends.at,
				  a->backends.nr,
				  (const char *const *)a->codecs.at,
				  a->codecs.nr);
}

static int run(void *args, int argc, char **argv)
{
	const struct args *a = args;

	return hand_over(&a->script, "ab");
}

static const struct cli_group groups[] = {
	CLI_KEEP(NULL, options, struct args, script.kept),
	{ 0 },
};

static const struct args defaults = { .runs = 9 };

const struct cli_command cmd_ab = {
	CLI_NAME("ab", CHAPTER_MEASURING, "build two commits and compare them",
		 "--base GITREF --head GITREF T.zlt..."),
	.doc = "Build two commits of zlab's git tree, replay the same traces "
	       "with both, and print the difference.",
	.more = "An option that ends in \"...\" takes several values, up to the "
		"next option; a name that ends in .zlt is always a trace.\n",
	CLI_TAKES(struct args, &operand, NULL, groups),
	CLI_DOES(&defaults, check, run),
};
