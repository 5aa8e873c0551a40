// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/cli/cli.h"
#include "harness/cli/virtual_opts.h"

int virtual_exec(const char *command, int argc, char **argv)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 16);
	char *args[argc + 2];
	int i;

	if (n < 0)
		return cli_failed("cannot find the virtual executable: %s",
				  strerror(errno));
	snprintf(path + n, sizeof(path) - (size_t)n, "-virtual");
	args[0] = path;
	args[1] = (char *)command;
	for (i = 1; i <= argc; i++)
		args[i + 1] = i < argc ? argv[i] : NULL;
	fflush(stdout);
	execv(path, args);
	return cli_failed("cannot run %s: %s; \"make\" builds it", path,
			  strerror(errno));
}
