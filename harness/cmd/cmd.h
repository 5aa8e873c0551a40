/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sub-commands: each has its own file and a row in main.c's table. */
#ifndef ZLAB_CMD_H
#define ZLAB_CMD_H

#include <inttypes.h>

#include "harness/cli/cli.h"
#include "harness/cli/command.h"

extern const struct cli_command cmd_ab, cmd_backends, cmd_calibrate,
	cmd_capture, cmd_classes, cmd_compare, cmd_conform, cmd_env,
	cmd_explore, cmd_export, cmd_generate, cmd_import, cmd_info, cmd_litmus,
	cmd_locks, cmd_model, cmd_new_backend, cmd_patch_test, cmd_placement,
	cmd_record, cmd_regress, cmd_replay, cmd_report, cmd_shim, cmd_sizes,
	cmd_sweep, cmd_validate, cmd_vm, cmd_zram;

/*
 * What is said of a trace that was made: its name, and numbers of type uint64_t
 * of its events, stores, loads and invalidates.
 */
#define MADE_TRACE                                             \
	"%s: %" PRIu64 " events (%" PRIu64 " stores, %" PRIu64 \
	" loads, %" PRIu64 " invalidates)"

#endif
