// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "harness/cli/cli.h"
#include "traces/csv.h"
#include "version.h"

struct args {
	const char *from;
	const char *file;
	const char *out;
};

static const struct argp_option options[] = {
	{ "from", 'f', "csv", 0, "Format of FILE (default csv)", 0 },
	{ "output", 'o', "T.zlt", 0, "The trace to write. Needed.", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const char *const formats[] = { "csv", NULL };
	struct args *a = state->input;
	int i;

	switch (key) {
	case 'f':
		return cli_choice("--from", arg, formats, &i);
	case 'o':
		a->out = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (a->file)
			return ARGP_ERR_UNKNOWN;
		a->file = arg;
		return 0;
	case ARGP_KEY_END:
		if (a->file && a->out)
			return 0;
		cli_usage("import needs a file and -o: zlab import FILE -o "
			  "T.zlt");
		return CLI_REPORTED;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "FILE -o T.zlt",
	.doc = "Make a trace from a file of events; - is standard input.\v"
	       "CSV: the first line names the columns. op and key are needed; "
	       "size, time_ns, cpu, tid and label may be there. op is store, "
	       "load, invalidate, compact or mark; size is that of the object "
	       "given to the allocator, 1 to 4096; a mark is a checkpoint.\n"
	       "\n"
	       "  op,key,size\n"
	       "  store,1,1200\n"
	       "  load,1,\n"
	       "  invalidate,1,\n",
};

int cmd_import(int argc, char **argv)
{
	struct args a = { 0 };
	struct err err = { "" };
	json_t *meta;
	int ret = cli_parse(&argp, "zlab import", argc, argv, &a);

	if (ret)
		return ret;
	meta = json_pack("{s:s}", "tool", "zlab " ZLAB_VERSION " import");
	ret = csv_import(a.file, a.out, meta, &err);
	json_decref(meta);
	return ret ? cli_failed("%s", err.text) : 0;
}
