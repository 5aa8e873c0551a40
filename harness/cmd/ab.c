// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "backends/zpool.h"
#include "harness/cli/hand_over.h"
#include "harness/cmd/cmd.h"
#include "harness/swap/codec.h"

struct args {
	struct hand_over script;
	struct cli_list backends, codecs;
	const char *base, *head, *source;
	long long threads, runs;
	int format;
};

static const struct cli_word formats[] = { { "mail", 0 },
					   { "json", 1 },
					   { 0 } };

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
	  CLI_IS_CHOICE(struct args, format, formats) },
	{ "source", 0, "DIR", "zlab's git tree (default: this folder)",
	  .offer = OFFER_DIR, CLI_IS_TEXT(struct args, source) },
	{ 0 },
};

/* All that can be known before two builds. */
static int check(void *args)
{
	const struct args *a = args;
	struct codec *codec;
	char full[1024];
	struct err err;
	size_t i;

	if (a->runs < 2)
		return cli_usage("--runs takes 2 or more; 9 give an interval "
				 "worth reading");
	for (i = 0; i < a->backends.nr; i++)
		if (zpool_full_spec(a->backends.at[i], full, sizeof(full),
				    &err))
			return cli_usage("%s", err.text);
	for (i = 0; i < a->codecs.nr; i++) {
		codec = codec_create(a->codecs.at[i], &err);
		if (!codec)
			return cli_usage("%s", err.text);
		codec_destroy(codec);
	}
	return 0;
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
	.name = "ab",
	.chapter = CHAPTER_MEASURING,
	.summary = "build two commits and compare them",
	.usage = "--base GITREF --head GITREF T.zlt...",
	.doc = "Build two commits of zlab's git tree, replay the same traces "
	       "with both, and print the difference.",
	.more = "An option that ends in \"...\" takes several values, up to the "
		"next option; a name that ends in .zlt is always a trace.\n",
	.operand = &operand,
	.groups = groups,
	.size = sizeof(struct args),
	.defaults = &defaults,
	.check = check,
	.run = run,
};
