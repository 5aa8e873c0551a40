/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every sub-command shares: exit statuses, one-line errors, the width of
 * what a person reads, output that must not be lost, and the end by a signal.
 */
#ifndef ZLAB_CLI_H
#define ZLAB_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* Exit statuses: 0 is success. */
#define EXIT_FAILED 1
#define EXIT_USAGE 2
/* A signal came; cli_end() makes it 128 and the signal's number. */
#define EXIT_STOPPED 130

/** cli_name() - set the command name in error lines; @command is not copied */
void cli_name(const char *command);

/** cli_failed() - one line on stderr, none after a signal. Return: EXIT_FAILED */
int cli_failed(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** cli_usage() - one line on stderr. Return: EXIT_USAGE */
int cli_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * cli_interrupted() - the one line on stderr after a signal
 *
 * The line tells what is kept; only the first call prints. Return: EXIT_STOPPED
 */
int cli_interrupted(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** cli_silent() - another process prints that line. Return: EXIT_STOPPED */
int cli_silent(void);

/** cli_note() - print one line for the user on stderr */
void cli_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * cli_width() - columns of a line on standard output
 * @wide: --wide was given
 *
 * Return: 0 for no limit; the columns of the terminal; 80 without a terminal or
 * if it is narrower.
 */
int cli_width(bool wide);

/**
 * cli_write() - write a file, whole or not at all
 * @path: the file, which is replaced
 * @print: prints @what to @f; the stream remembers errors
 * @what: for @print
 *
 * Return: 0, or EXIT_FAILED with the line printed.
 */
int cli_write(const char *path, void (*print)(FILE *f, const void *what),
	      const void *what);

/**
 * cli_write_json() - write one object as the line of a file
 * @path: the file, which is replaced; - for standard output
 * @o: NULL when there was no memory to make it
 *
 * Return: 0, or EXIT_FAILED with the line printed.
 */
int cli_write_json(const char *path, const json_t *o);

/** cli_begin() - called before anything is opened or started, see lib/stop.h */
void cli_begin(void);

/**
 * cli_end() - the exit status of a command that has ended with @ret
 *
 * Flushes standard output. A write error is reported, except a closed pipe:
 * then the status is that of SIGPIPE and no line is printed.
 */
int cli_end(int ret);

/** cli_stopped() - whether a signal that ends the program came */
bool cli_stopped(void);

#endif
