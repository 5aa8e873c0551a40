/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sub-commands: each in a file of its own, NAME.c, and in main.c's
 * table. argv[0] is the sub-command's name. Return: the exit status.
 */
#ifndef ZLAB_CMD_H
#define ZLAB_CMD_H

/* Exit statuses: 0 is success. */
#define EXIT_FAILED 1
#define EXIT_USAGE 2
/* Ctrl-C; what was finished is kept. */
#define EXIT_STOPPED 130

int cmd_ab(int argc, char **argv);
int cmd_backends(int argc, char **argv);
int cmd_shim(int argc, char **argv);
int cmd_patch_test(int argc, char **argv);
int cmd_placement(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_classes(int argc, char **argv);
int cmd_calibrate(int argc, char **argv);
int cmd_conform(int argc, char **argv);
int cmd_regress(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_env(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_generate(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_locks(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_sweep(int argc, char **argv);
int cmd_validate(int argc, char **argv);
int cmd_sizes(int argc, char **argv);

#endif
