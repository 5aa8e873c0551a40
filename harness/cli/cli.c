// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lines on stderr, the width of a line, files of a command, and how a program
 * begins and ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "harness/cli/cli.h"
#include "lib/layout.h"
#include "lib/output.h"
#include "lib/stop.h"
#include "lib/text.h"

static const char *name;
/* The line about an interruption has been printed. */
static bool told;

void cli_name(const char *command)
{
	name = command;
}

static void line(const char *fmt, va_list ap)
{
	char *text = NULL;

	fflush(stdout);
	fprintf(stderr, name ? "zlab %s: " : "zlab: ", name);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	/* Without memory at least what the message is about. */
	text_put(stderr, text ? text : fmt, strlen(text ? text : fmt));
	fputc('\n', stderr);
	free(text);
}

int cli_failed(const char *fmt, ...)
{
	va_list ap;

	/* A failure after a signal is a consequence of the signal. */
	if (stop_signal())
		return EXIT_FAILED;
	va_start(ap, fmt);
	line(fmt, ap);
	return EXIT_FAILED;
}

int cli_usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line(fmt, ap);
	return EXIT_USAGE;
}

int cli_interrupted(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!told && stop_signal() != SIGPIPE)
		line(fmt, ap);
	else
		va_end(ap);
	told = true;
	return EXIT_STOPPED;
}

int cli_silent(void)
{
	told = true;
	return EXIT_STOPPED;
}

void cli_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line(fmt, ap);
}

int cli_width(bool wide)
{
	struct winsize size;

	if (wide)
		return 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) ||
	    size.ws_col < LAYOUT_WIDTH)
		return LAYOUT_WIDTH;
	return size.ws_col;
}

static int dump(const json_t *o, FILE *out)
{
	return json_dumpf(o, out, JSON_COMPACT) || fputc('\n', out) == EOF;
}

int cli_write(const char *path, void (*print)(FILE *f, const void *what),
	      const void *what)
{
	struct output *out;
	struct err err;
	FILE *f = NULL;

	out = output_stream(path, &f, &err);
	if (!out)
		return cli_failed("%s", err.text);
	print(f, what);
	return output_end(out, f, &err) ? cli_failed("%s", err.text) : 0;
}

static void print_json(FILE *f, const void *o)
{
	/* Errors are kept in the stream and checked when it is closed. */
	(void)dump(o, f);
}

int cli_write_json(const char *path, const json_t *o)
{
	if (!o)
		return cli_failed("out of memory");
	if (strcmp(path, "-"))
		return cli_write(path, print_json, o);
	return dump(o, stdout) ? cli_failed("standard output cannot be written")
			       : 0;
}

/* Files opened later must not get the descriptor of a closed stream. */
static void fill_streams(void)
{
	int fd;

	for (fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			/* Opened for the other direction: its use fails. */
			(void)open("/dev/null", fd ? O_RDONLY : O_WRONLY);
}

void cli_begin(void)
{
	fill_streams();
	stop_start();
}

int cli_end(int ret)
{
	bool bad = ferror(stdout);
	int why;

	errno = 0;
	bad |= fflush(stdout) != 0;
	why = errno;
	if (bad && why == EPIPE)
		return 128 + SIGPIPE;
	if (stop_signal()) {
		cli_interrupted("interrupted");
		return 128 + stop_signal();
	}
	if (bad && !ret)
		ret = cli_failed("standard output: %s",
				 why ? strerror(why) : "not all was written");
	return ret;
}

bool cli_stopped(void)
{
	return stop_signal() != 0;
}
