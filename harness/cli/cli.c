// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "harness/cli/cli.h"
#include "lib/layout.h"

static volatile sig_atomic_t stopped;
static const char *name;

void cli_name(const char *command)
{
	name = command;
}

static void line(const char *fmt, va_list ap)
{
	fflush(stdout);
	fprintf(stderr, name ? "zlab %s: " : "zlab: ", name);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

int cli_failed(const char *fmt, ...)
{
	va_list ap;

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

int cli_write_json(const char *path, const json_t *o)
{
	FILE *out = strcmp(path, "-") ? fopen(path, "we") : stdout;
	bool bad;

	if (!out)
		return cli_failed("cannot write %s: %s", path, strerror(errno));
	errno = 0;
	bad = json_dumpf(o, out, JSON_COMPACT) || fputc('\n', out) == EOF ||
	      fflush(out);
	if (out != stdout && fclose(out))
		bad = true;
	return bad ? cli_failed("cannot write %s: %s", path,
				errno ? strerror(errno) : "no reason is known")
		   : 0;
}

static void on_signal(int sig)
{
	stopped = 1;
}

void cli_stop_install(void)
{
	/* The second one ends the program at once. */
	struct sigaction sa = { .sa_handler = on_signal,
				.sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

bool cli_stopped(void)
{
	return stopped;
}
