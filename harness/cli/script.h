/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Python scripts behind "zlab report", "zlab regress" and "zlab ab". They
 * read result files and call this program again; nothing is linked.
 */
#ifndef ZLAB_SCRIPT_H
#define ZLAB_SCRIPT_H

/**
 * script_run() - run a script of analysis/ and wait for it
 * @name: its file name, as "report.py"
 * @argc: number of arguments, argv[0] included
 * @argv: its arguments; argv[0] is the sub-command's name and not passed on
 *
 * Scripts lie in $ZLAB_ANALYSIS, or where data_path() finds analysis/. The
 * script finds this program in $ZLAB. Prints one line when the script or the
 * interpreter is missing.
 *
 * Return: the script's exit status; 128 + signal when one ended it;
 * EXIT_FAILED when it could not be started.
 */
int script_run(const char *name, int argc, char **argv);

#endif
