// SPDX-License-Identifier: GPL-2.0-or-later
/* Prints the machine and the build, as result records contain them. */
#include <stdio.h>

#include "harness/cmd/cmd.h"
#include "harness/replay/result.h"

static int run(void *args, int argc, char **argv)
{
	struct err err;
	json_t *env;
	int ret;

	clock_init();
	env = result_env();
	ret = env ? result_append("-", env, &err)
		  : err_set(&err, -1, "out of memory");
	json_decref(env);
	return ret ? cli_failed("%s", err.text) : 0;
}

const struct cli_command cmd_env = {
	CLI_NAME("env", CHAPTER_ABOUT, "describe the machine and the build",
		 NULL),
	.doc = "Print the machine and the build as one JSON object, as every "
	       "result record carries them.",
	CLI_DOES(NULL, NULL, run),
};
