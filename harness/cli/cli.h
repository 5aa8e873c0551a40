/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every sub-command shares: exit statuses, one-line errors, the width of
 * what a person reads, and a Ctrl-C that lets finished work be kept.
 */
#ifndef ZLAB_CLI_H
#define ZLAB_CLI_H

#include <jansson.h>
#include <stdbool.h>

/* Exit statuses: 0 is success. */
#define EXIT_FAILED 1
#define EXIT_USAGE 2
/* Ctrl-C; what was finished is kept. */
#define EXIT_STOPPED 130

/** cli_name() - the command that error lines name from here on; stays valid */
void cli_name(const char *command);

/** cli_failed() - one line on stderr. Return: EXIT_FAILED */
int cli_failed(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** cli_usage() - one line on stderr. Return: EXIT_USAGE */
int cli_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** cli_note() - one line on stderr, of what the user should know */
void cli_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * cli_width() - columns of a line on standard output
 * @wide: --wide was given
 *
 * Return: 0 for any number; those of the terminal; 80 where there is none, or
 * a narrower one.
 */
int cli_width(bool wide);

/**
 * cli_write_json() - write one object as the line of a file
 * @path: the file, which is replaced; - for standard output
 *
 * Return: 0, or EXIT_FAILED with the line printed.
 */
int cli_write_json(const char *path, const json_t *o);

/** cli_stop_install() - from here on Ctrl-C only sets a flag, once */
void cli_stop_install(void);

/** cli_stopped() - whether Ctrl-C was pressed */
bool cli_stopped(void);

#endif
