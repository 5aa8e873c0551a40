// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness/cli/cli.h"
#include "traces/csv.h"

struct args {
	const char *trace;
	const char *codec;
	unsigned salvage;
};

static const struct argp_option options[] = {
	{ "codec", 'c', "CODEC", 0,
	  "Whose sizes to write for a trace of contents (default: the first it "
	  "has)",
	  0 },
	{ "salvage", 's', 0, 0, "Write a damaged trace up to its first damage",
	  0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case 'c':
		a->codec = arg;
		return 0;
	case 's':
		a->salvage = ZLT_SALVAGE;
		return 0;
	case ARGP_KEY_ARG:
		if (a->trace)
			return ARGP_ERR_UNKNOWN;
		a->trace = arg;
		return 0;
	case ARGP_KEY_END:
		if (a->trace)
			return 0;
		cli_usage("export needs a trace: zlab export T.zlt > T.csv");
		return CLI_REPORTED;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "T.zlt",
	.doc = "Write a trace's events as CSV to standard output. Importing "
	       "them gives the same events.",
};

int cmd_export(int argc, char **argv)
{
	struct args a = { 0 };
	struct err err = { "" };
	struct zlt_reader *r;
	int ret = cli_parse(&argp, "zlab export", argc, argv, &a);

	if (ret)
		return ret;
	r = zlt_open(a.trace,
		     ZLT_TIME | ZLT_CPU | ZLT_TID | ZLT_KEYS | a.salvage, &err);
	if (!r)
		return cli_failed("%s", err.text);
	ret = csv_export(r, a.codec, stdout, &err);
	zlt_reader_close(r);
	if (!ret && fflush(stdout))
		ret = err_set(&err, -errno, "standard output: %s",
			      strerror(errno));
	return ret ? cli_failed("%s", err.text) : 0;
}
