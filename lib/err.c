// SPDX-License-Identifier: GPL-2.0-or-later
/* Formatting the one-line error texts of struct err. */
#include <bsd/string.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"

int err_set(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (err) {
		va_start(ap, fmt);
		vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
	}
	return code;
}

void err_prefix(struct err *err, const char *fmt, ...)
{
	char old[sizeof(err->text)];
	va_list ap;

	if (!err)
		return;
	memcpy(old, err->text, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	/* A line that does not fit the buffer loses its end. */
	strlcat(err->text, ": ", sizeof(err->text));
	strlcat(err->text, old, sizeof(err->text));
}
