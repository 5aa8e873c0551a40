/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a compiler's output to one error line. */
#ifndef ZLAB_SHIM_MESSAGE_H
#define ZLAB_SHIM_MESSAGE_H

#include "lib/err.h"

/**
 * shim_message() - reduce the compiler's messages to one line
 * @log: file with its messages
 * @file: the source, for the line
 * @saved: where the messages can be read later; may be empty
 * @err: receives the line
 *
 * A newer kernel or a patch can use names that the shim lacks; the line lists
 * them and tells how to add them. Return: -EINVAL.
 */
int shim_message(const char *log, const char *file, const char *saved,
		 struct err *err);

#endif
