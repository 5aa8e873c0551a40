// SPDX-License-Identifier: GPL-2.0-or-later
/* The native executable's side of --vcpus: execute zlab-virtual instead. */
#include "harness/cli/execute.h"
#include "harness/cli/virtual_opts.h"
#include "harness/cmd/cmd.h"
#include "harness/virtual/program.h"
#include "harness/virtual/sweep.h"

const bool virtual_program = false;

int virtual_exec(const char *command, int argc, char **argv)
{
	return execute("zlab-virtual", command, argc, argv);
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
