// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cmd/cmd.h"
#include "harness/cli/script.h"

int cmd_regress(int argc, char **argv)
{
	return script_run("regress", argc, argv);
}
