// SPDX-License-Identifier: GPL-2.0-or-later
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
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
