// SPDX-License-Identifier: GPL-2.0-or-later
/* The native executable's side of --vcpus: execute zlab-virtual instead. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/cli/cli.h"
#include "harness/cli/virtual_opts.h"
#include "harness/cmd/cmd.h"
#include "harness/virtual/program.h"
#include "harness/virtual/sweep.h"
#include "lib/self.h"

const bool virtual_program = false;

int virtual_exec(const char *command, int argc, char **argv)
{
	char path[PATH_MAX], *args[argc + 2];
	struct err err;
	int i;

	if (data_path(path, sizeof(path), "zlab-virtual", &err))
		return cli_failed("%s", err.text);
	args[0] = path;
	args[1] = (char *)command;
	for (i = 1; i <= argc; i++)
		args[i + 1] = i < argc ? argv[i] : NULL;
	fflush(stdout);
	execv(path, args);
	return cli_failed("cannot run %s: %s", path, strerror(errno));
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

int sweep_run(void *args, int argc, char **argv)
{
	const struct sweep *s = args;

	replay_opts_note(&s->with.common, (const char *const *)s->backend.at,
			 s->backend.nr);
	return virtual_exec("sweep", argc, argv);
}
