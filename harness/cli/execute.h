/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Going on as another program of zlab, such as zlab-virtual. */
#ifndef ZLAB_CLI_EXECUTE_H
#define ZLAB_CLI_EXECUTE_H

/**
 * execute() - execute another program with this one's command line
 * @program: its name; it lies beside this one or in lib/zlab
 * @command: the sub-command
 * @argc: of the sub-command's command line
 * @argv: the same; argv[0] is not passed on
 *
 * Return: only on failure, the exit status, with the line printed.
 */
int execute(const char *program, const char *command, int argc, char **argv);

#endif
