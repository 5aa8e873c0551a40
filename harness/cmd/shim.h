/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options that "zlab shim" and "zlab patch-test" share. */
#ifndef ZLAB_CMD_SHIM_H
#define ZLAB_CMD_SHIM_H

#include "harness/cli/options.h"
#include "harness/kernel/shim_build.h"

/* Options that set what a struct shim_request compiles, for both commands. */
extern const struct cli_option shim_source_options[];

#endif
