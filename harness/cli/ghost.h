/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * --ghost: frames without memory. Of two programs, zlab and zlab-ghost, only the
 * second has them, and the first executes it.
 */
#ifndef ZLAB_CLI_GHOST_H
#define ZLAB_CLI_GHOST_H

#include <stdbool.h>

#define CLI_GHOST(to)                                                        \
	{                                                                    \
		"ghost", 0, NULL,                                            \
			"Frames without memory, for pools larger than this " \
			"machine: objects are placed and counted as with "   \
			"real ones, and their bytes are not kept",           \
			to                                                   \
	}

/* Whether this program's frames are ghosts. */
extern const bool ghost_program;

/**
 * ghost_turn() - turn into zlab-ghost, where --ghost says so
 * @wanted: --ghost was given
 * @virtual: the command runs on virtual CPUs, which cannot do with ghosts
 * @command: the sub-command
 * @argc: of its command line
 * @argv: the same
 *
 * Return: 0 when this program is the right one; otherwise the exit status, with
 * the line printed.
 */
int ghost_turn(bool wanted, bool virtual, const char *command, int argc,
	       char **argv);

#endif
