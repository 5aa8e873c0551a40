// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness/cmd/cmd.h"
#include "traces/csv.h"

struct args {
	const char *trace;
	const char *codec, *out;
	unsigned salvage;
};

static const struct cli_option operand =
	CLI_TRACE("export needs a trace: zlab export T.zlt > T.csv",
		  CLI_IS_TEXT(struct args, trace));

static const struct cli_option options[] = {
	CLI_OUTPUT("T.csv", "The file to write (default: standard output)",
		   .stream = true, CLI_IS_TEXT(struct args, out)),
	CLI_CODEC("Whose sizes to write for a trace of contents (default: the "
		  "first it has)",
		  CLI_IS_TEXT(struct args, codec)),
	{ "salvage", 's', NULL, "Write a damaged trace up to its first damage",
	  CLI_IS_FLAG(struct args, salvage, ZLT_SALVAGE) },
	{ 0 },
};

static int run(void *args, int argc, char **argv)
{
	const struct args *a = args;
	struct err err = { "" };
	struct zlt_reader *r;
	FILE *file;
	int ret;

	r = zlt_open(a->trace,
		     ZLT_TIME | ZLT_CPU | ZLT_TID | ZLT_KEYS | a->salvage,
		     &err);
	if (!r)
		return cli_failed("%s", err.text);
	file = !a->out || !strcmp(a->out, "-") ? stdout : fopen(a->out, "we");
	if (file)
		ret = csv_export(r, a->codec, file, &err);
	else
		ret = err_set(&err, -errno, "%s: %s", a->out, strerror(errno));
	zlt_reader_close(r);
	if (!ret && fflush(file))
		ret = err_set(&err, -errno, "%s: %s",
			      file == stdout ? "standard output" : a->out,
			      strerror(errno));
	if (file && file != stdout && fclose(file) && !ret)
		ret = err_set(&err, -errno, "%s: %s", a->out, strerror(errno));
	return ret ? cli_failed("%s", err.text) : 0;
}

const struct cli_command cmd_export = {
	CLI_NAME("export", CHAPTER_TRACES, "write a trace as CSV", "T.zlt"),
	.doc = "Write a trace's events as CSV. Importing "
	       "them gives the same events.",
	CLI_TAKES(struct args, &operand, options, NULL),
	CLI_DOES(NULL, NULL, run),
};
