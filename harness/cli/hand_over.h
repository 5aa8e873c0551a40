/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that a script of analysis/ carries out. */
#ifndef ZLAB_HAND_OVER_H
#define ZLAB_HAND_OVER_H

#include "harness/cli/options.h"

/**
 * struct hand_over - a command line that a script goes on with
 * @kept: its options
 * @words: what stood without an option
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
