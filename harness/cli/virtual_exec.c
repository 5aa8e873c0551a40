// SPDX-License-Identifier: GPL-2.0-or-later
/* The program of real CPUs, where virtual ones are asked for. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/cli/cli.h"
#include "harness/cli/virtual_opts.h"
#include "harness/cmd/cmd.h"
#include "harness/virtual/program.h"

const bool virtual_program = false;

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

void virtual_start(char **argv)
{
}

int virtual_setup(const struct virtual_opts *o, unsigned vcpus,
		  const struct replay_config *config)
{
	return virtual_exec(o->command, o->argc, o->argv);
}

int virtual_replay(const struct virtual_run *run)
{
	return virtual_exec(run->opts->command, run->opts->argc,
			    run->opts->argv);
}

int cmd_sweep(int argc, char **argv)
{
	return virtual_exec("sweep", argc, argv);
}
