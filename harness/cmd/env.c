// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "harness/cli/cli.h"
#include "harness/replay/result.h"

static const struct argp argp = {
	.doc = "Print the machine and the build as one JSON object, as every "
	       "result record carries them.",
};

int cmd_env(int argc, char **argv)
{
	int ret = cli_parse(&argp, "zlab env", argc, argv, NULL);
	struct err err;
	json_t *env;

	if (ret)
		return ret;
	clock_init();
	env = result_env();
	ret = env ? result_append("-", env, &err)
		  : err_set(&err, -1, "out of memory");
	json_decref(env);
	return ret ? cli_failed("%s", err.text) : 0;
}
