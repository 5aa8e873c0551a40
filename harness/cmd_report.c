// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cmd.h"
#include "harness/script.h"

int cmd_report(int argc, char **argv)
{
	return script_run("report", argc, argv);
}
