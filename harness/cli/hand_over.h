/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that are implemented by a script of analysis/. */
#ifndef ZLAB_HAND_OVER_H
#define ZLAB_HAND_OVER_H

#include "harness/cli/options.h"

/**
 * struct hand_over - a parsed command line to be passed to a script
 * @kept: its options
 * @words: its operands
 */
struct hand_over {
	struct cli_kept kept;
	struct cli_list words;
};

/**
 * hand_over() - run the script of a command
 * @verb: the command, as for script_run()
 *
 * Return: as script_run().
 */
int hand_over(const struct hand_over *h, const char *verb);

#endif
