// SPDX-License-Identifier: GPL-2.0-or-later
/* zlab-explore: the program that "zlab explore" executes. */
#include "harness/cli/cli.h"
#include "harness/cmd/cmd.h"

static const struct cli_command *const commands[] = { &cmd_explore, NULL };

int main(int argc, char **argv)
{
	cli_begin();
	return cli_main(commands, argc, argv);
}
