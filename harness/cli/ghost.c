// SPDX-License-Identifier: GPL-2.0-or-later
/* Compiled for each of the two programs, see ghost.h. */
#include "backends/page.h"
#include "harness/cli/cli.h"
#include "harness/cli/execute.h"
#include "harness/cli/ghost.h"

const bool ghost_program = FRAMES_GHOST;

int ghost_turn(bool wanted, bool virtual, const char *command, int argc,
	       char **argv)
{
	if (!wanted)
		return 0;
	if (virtual)
		return cli_usage("--ghost is for this machine's CPUs; virtual "
				 "ones are charged for the bytes of frames");
	return ghost_program ? 0 : execute("zlab-ghost", command, argc, argv);
}
