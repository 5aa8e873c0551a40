// SPDX-License-Identifier: GPL-2.0-or-later
/* Events as CSV, plain or packed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/cli/progress.h"
#include "harness/cmd/cmd.h"
#include "lib/pack.h"
#include "traces/csv.h"

struct args {
	const char *trace;
	const char *codec, *out;
	unsigned salvage;
};

static const struct cli_option operand =
	CLI_SOURCE("export needs a trace: zlab export T.zlt > T.csv",
		   CLI_IS_TEXT(struct args, trace));

static const struct cli_option options[] = {
	CLI_CODEC("Whose sizes to write for a trace of contents (default: the "
		  "first it has)",
		  CLI_IS_TEXT(struct args, codec)),
	CLI_OUTPUT("FILE",
		   "Where to write it, packed if it is called .gz or .zst; - "
		   "for standard output (default)",
		   .stream = true, CLI_IS_TEXT(struct args, out)),
	{ "salvage", 's', NULL, "Write a damaged trace up to its first damage",
	  CLI_IS_FLAG(struct args, salvage, ZLT_SALVAGE) },
	{ 0 },
};

static int run(void *args, int argc, char **argv)
{
	const struct args *a = args;
	bool file = a->out && strcmp(a->out, "-");
	FILE *out = stdout;
	struct progress progress = { 0 };
	struct err err = { "" };
	struct source *s;
	int ret;

	s = source_open(a->trace,
			ZLT_TIME | ZLT_CPU | ZLT_TID | ZLT_KEYS | a->salvage,
			&err);
	if (s && file)
		out = pack_open(a->out, &err);
	if (!s || !out) {
		source_close(s);
		return cli_failed("%s", err.text);
	}
	/* On a terminal the events themselves are what moves. */
	if (file || !isatty(STDOUT_FILENO))
		progress_step(&progress, "export");
	ret = csv_export(s, a->codec, out, &err);
	progress_end(&progress);
	source_close(s);
	errno = 0;
	if ((file ? fclose(out) : fflush(out)) && !ret)
		ret = err_set(&err, -EIO, "%s: %s",
			      file ? a->out : "standard output",
			      errno ? strerror(errno) : "cannot be written");
	return ret ? cli_failed("%s", err.text) : 0;
}

const struct cli_command cmd_export = {
	CLI_NAME("export", CHAPTER_TRACES, "write a trace as CSV", "T.zlt"),
	.doc = "Write a trace's events as CSV to standard output, or to a file. "
	       "Importing them gives the same events.",
	CLI_TAKES(struct args, &operand, options, NULL),
	CLI_DOES(NULL, NULL, run),
};
