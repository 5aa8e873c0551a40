/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What kernel code says: its warnings, bugs and messages. */
#ifndef SHIM_SAY_H
#define SHIM_SAY_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC visibility push(hidden)

void shim_warn(const char *file, int line, const char *what);
void shim_bug(const char *file, int line, const char *what)
	__attribute__((noreturn));
void shim_printk(const char *fmt, ...);

/* Messages are not printed. */
static bool shim_silent;

void shim_warn(const char *file, int line, const char *what)
{
	fprintf(stderr, "zlab: %s:%d: the kernel's code warns: %s\n", file,
		line, what);
}

void shim_bug(const char *file, int line, const char *what)
{
	fprintf(stderr, "zlab: %s:%d: the kernel's code stops at a BUG: %s\n",
		file, line, what);
	abort();
}

void shim_printk(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (shim_silent)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	text[strcspn(text, "\n")] = '\0';
	fprintf(stderr, "zlab: the kernel's code says: %s\n", text);
}

#pragma GCC visibility pop

#endif
