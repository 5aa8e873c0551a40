// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness/cli/cli.h"
#include "traces/generate.h"

struct args {
	const char *spec;
	const char *out;
	bool list;
};

static const struct argp_option options[] = {
	{ "output", 'o', "T.zlt", 0, "The trace to write. Needed.", 0 },
	{ "list", 'l', 0, 0, "List every kind with its options", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case 'o':
		a->out = arg;
		return 0;
	case 'l':
		a->list = true;
		return 0;
	case ARGP_KEY_ARG:
		if (a->spec)
			return ARGP_ERR_UNKNOWN;
		a->spec = arg;
		return 0;
	case ARGP_KEY_END:
		if (a->list || (a->spec && a->out))
			return 0;
		cli_usage("generate needs a kind and -o: zlab generate "
			  "KIND[:opt=v,...] -o T.zlt; --list shows the kinds");
		return CLI_REPORTED;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "KIND[:OPTION=VALUE,...] -o T.zlt",
	.doc = "Write a synthetic trace of sizes. The same spec gives the same "
	       "trace, byte for byte.\v"
	       "Example:\n"
	       "  zlab generate churn:seed=7 -o churn.zlt\n",
};

int cmd_generate(int argc, char **argv)
{
	const struct generator *const *g;
	struct args a = { 0 };
	struct err err = { "" };
	int ret = cli_parse(&argp, "zlab generate", argc, argv, &a);

	if (ret)
		return ret;
	if (a.list) {
		for (g = generators; *g; g++) {
			printf("%s: %s\n", (*g)->desc.name, (*g)->help);
			spec_help(&(*g)->desc, stdout);
		}
		return 0;
	}
	ret = generate_trace(a.spec, a.out, &err);
	if (ret == -EINVAL)
		return cli_usage("%s", err.text);
	return ret ? cli_failed("%s", err.text) : 0;
}
