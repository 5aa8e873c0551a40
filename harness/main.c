// SPDX-License-Identifier: GPL-2.0-or-later
/* The list of sub-commands. */
#include "harness/cli/cli.h"
#include "harness/cmd/cmd.h"
#include "harness/replay/watch.h"
#include "harness/virtual/program.h"

/* In the order of the list that "zlab --help" prints. */
static const struct cli_command *const commands[] = {
	/* clang-format off */
	&cmd_record,
	&cmd_capture,
	&cmd_import,
	&cmd_export,
	&cmd_generate,
	&cmd_model,
	&cmd_info,
	&cmd_sizes,
	&cmd_replay,
	&cmd_compare,
	&cmd_report,
	&cmd_ab,
	&cmd_regress,
	&cmd_locks,
	&cmd_backends,
	&cmd_classes,
	&cmd_new_backend,
	&cmd_shim,
	&cmd_patch_test,
	&cmd_explore,
	&cmd_conform,
	&cmd_vm,
	&cmd_placement,
	&cmd_litmus,
	&cmd_zram,
	&cmd_sweep,
	&cmd_calibrate,
	&cmd_validate,
	&cmd_env,
	NULL,
	/* clang-format on */
};

int main(int argc, char **argv)
{
	int ret;

	cli_begin();
	virtual_start(argv);
	watch_start();
	ret = cli_main(commands, argc, argv);
	watch_stop();
	return ret;
}
