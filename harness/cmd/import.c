// SPDX-License-Identifier: GPL-2.0-or-later
/* Converts CSV to a trace. */
#include <stdio.h>
#include <string.h>

#include "harness/cli/progress.h"
#include "harness/cli/stream.h"
#include "harness/cmd/cmd.h"
#include "harness/cmd/columns.h"
#include "traces/csv.h"
#include "version.h"

struct args {
	const char *file;
	const char *out;
	int from;
	unsigned drop;
};

static const struct cli_option operand = {
	"file", .offer = OFFER_FILE, CLI_IS_TEXT(struct args, file),
	.needs = "import needs a file and -o: zlab import FILE -o T.zlt"
};

static const struct cli_option options[] = {
	CLI_OUTPUT("T.zlt", "The trace to write; - for standard output",
		   .stream = true, CLI_IS_TEXT(struct args, out),
		   .needs = "import needs a file and -o: zlab import FILE -o "
			    "T.zlt"),
	{ "from", 'f', "csv", "Format of FILE (default csv)",
	  CLI_IS_CHOICE(struct args, from, { "csv", 0 }) },
	COLUMNS_DROP(struct args, drop),
	{ 0 },
};

static int run(void *args, int argc, char **argv)
{
	const struct args *a = args;
	struct err err = { "" };
	struct progress progress;
	struct stream out;
	json_t *meta;
	int ret;

	ret = stream_open(&out, a->out);
	if (ret)
		return ret;
	meta = json_pack("{s:s}", "tool", "zlab " ZLAB_VERSION " import");
	progress_step(&progress, "import");
	ret = csv_import(a->file, out.path, a->drop, meta, &err);
	progress_end(&progress);
	json_decref(meta);
	return stream_close(&out, ret ? cli_failed("%s", err.text) : 0);
}

const struct cli_command cmd_import = {
	CLI_NAME("import", CHAPTER_TRACES, "make a trace from CSV",
		 "FILE -o T.zlt"),
	.doc = "Make a trace from a file of events, packed with gzip or zstd or "
	       "not at all; - is standard input.",
	.more = "CSV: the first line names the columns, in capitals or not. op "
		"and key are needed; "
		"size, time_ns, cpu, tid and label may be there. op is store, "
		"load, invalidate, compact or mark; size is that of the object "
		"given to the allocator, 1 to 4096; a mark is a checkpoint.\n"
		"\n"
		"  op,key,size\n"
		"  store,1,1200\n"
		"  load,1,\n"
		"  invalidate,1,\n",
	CLI_TAKES(struct args, &operand, options, NULL),
	CLI_DOES(NULL, NULL, run),
};
