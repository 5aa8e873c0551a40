// SPDX-License-Identifier: GPL-2.0-or-later
/* Executes another program of zlab in the place of this one. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/cli/cli.h"
#include "harness/cli/execute.h"
#include "lib/self.h"

int execute(const char *program, const char *command, int argc, char **argv)
{
	char path[PATH_MAX], *args[argc + 2];
	struct err err;
	int i;

	if (data_path(path, sizeof(path), program, &err))
		return cli_failed("%s", err.text);
	args[0] = path;
	args[1] = (char *)command;
	for (i = 1; i <= argc; i++)
		args[i + 1] = i < argc ? argv[i] : NULL;
	fflush(stdout);
	execv(path, args);
	return cli_failed("cannot run %s: %s", path, strerror(errno));
}
