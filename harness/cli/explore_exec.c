// SPDX-License-Identifier: GPL-2.0-or-later
/* "zlab explore" is done by a program of its own: its locks are its own. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/cli/cli.h"
#include "harness/explore/explore.h"
#include "lib/self.h"

int explore_run(void *args, int argc, char **argv)
{
	char path[PATH_MAX], *words[argc + 2];
	struct err err;
	int i;

	if (data_path(path, sizeof(path), "zlab-explore", &err))
		return cli_failed("%s", err.text);
	words[0] = path;
	for (i = 0; i <= argc; i++)
		words[i + 1] = i < argc ? argv[i] : NULL;
	fflush(stdout);
	execv(path, words);
	return cli_failed("cannot run %s: %s", path, strerror(errno));
}
