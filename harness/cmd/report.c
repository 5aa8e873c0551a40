// SPDX-License-Identifier: GPL-2.0-or-later
/* Options of the report page, which analysis/report creates. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "harness/cli/hand_over.h"
#include "harness/cmd/cmd.h"

struct args {
	struct hand_over script;
	const char *dir;
	struct cli_list traces;
	bool quiet, no_table;
};

static const struct cli_option operand = {
	"dir", .offer = OFFER_DIR, CLI_IS_TEXT(struct args, dir),
	.needs = "report needs a folder: zlab report DIR, which zlab compare "
		 "-o DIR makes"
};

static const struct cli_option options[] = {
	{ "quiet", 'q', NULL, "Write the files, print nothing",
	  CLI_IS_FLAG(struct args, quiet, true) },
	{ "no-table", 0, NULL, "Print the summary without the tables",
	  CLI_IS_FLAG(struct args, no_table, true) },
	{ "trace", 0, "T.zlt",
	  "A trace of the comparison; adds its sizes and a map of the pool. "
	  "May be given several times",
	  .offer = OFFER_TRACE, CLI_IS_LIST(struct args, traces) },
	{ 0 },
};

static int run(void *args, int argc, char **argv)
{
	struct args *a = args;
	size_t i;
	int ret;

	for (i = 0; i < a->traces.nr; i++)
		if (access(a->traces.at[i], R_OK))
			return cli_failed("%s: %s", a->traces.at[i],
					  strerror(errno));
	if (cli_list_add(&a->script.words, a->dir))
		return EXIT_FAILED;
	ret = hand_over(&a->script, "report");
	cli_list_free(&a->script.words);
	return ret;
}

static const struct cli_group groups[] = {
	CLI_KEEP(NULL, options, struct args, script.kept),
	{ 0 },
};

const struct cli_command cmd_report = {
	CLI_NAME("report", CHAPTER_MEASURING,
		 "make a page of tables and plots from results", "DIR"),
	.doc = "Make the tables, the plots and report.html of a folder that "
	       "\"zlab compare -o DIR\" left, again.",
	CLI_TAKES(struct args, &operand, NULL, groups),
	CLI_DOES(NULL, NULL, run),
};
