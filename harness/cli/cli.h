/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every sub-command shares: one-line errors, options through argp with
 * the exit statuses of cmd.h, and a Ctrl-C that lets finished work be kept.
 */
#ifndef ZLAB_CLI_H
#define ZLAB_CLI_H

#include <argp.h>
#include <stdbool.h>

#include "harness/cmd/cmd.h"

/* What a parser returns after it called cli_usage(). */
#define CLI_REPORTED ECANCELED

/** cli_failed() - one line on stderr. Return: EXIT_FAILED */
int cli_failed(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** cli_usage() - one line on stderr. Return: EXIT_USAGE */
int cli_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * cli_parse() - argp_parse() with one-line errors
 * @argp: options; its parser returns CLI_REPORTED after it has called
 *	  cli_usage(), and ARGP_ERR_UNKNOWN for what it does not take
 * @name: the command as a user types it, e.g. "zlab replay"
 * @input: state->input of the parser
 *
 * Does not return for --help. Return: 0, or EXIT_USAGE with the line printed.
 */
int cli_parse(const struct argp *argp, const char *name, int argc, char **argv,
	      void *input);

/**
 * cli_count() - read an option's whole number
 * @option: for the error line, e.g. "--runs"
 *
 * Return: 0, or CLI_REPORTED with the line printed.
 */
int cli_count(const char *option, const char *text, long long min,
	      long long max, long long *value);

/**
 * cli_choice() - read an option's word
 * @words: NULL-terminated
 * @index: receives which
 *
 * Return: 0, or CLI_REPORTED with the line printed.
 */
int cli_choice(const char *option, const char *text, const char *const *words,
	       int *index);

/** cli_stop_install() - from here on Ctrl-C only sets a flag, once */
void cli_stop_install(void);

/** cli_stopped() - whether Ctrl-C was pressed */
bool cli_stopped(void);

#endif
