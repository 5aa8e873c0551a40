/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of zlab's allocators is the running kernel's zsmalloc. */
#ifndef ZLAB_LIVE_RUNNING_H
#define ZLAB_LIVE_RUNNING_H

#include <stddef.h>

#include "lib/err.h"

/**
 * running_preset() - the preset of zsmalloc that stands for a kernel
 * @release: as uname -r prints it
 *
 * Return: its name, or NULL when @release begins with no version.
 */
const char *running_preset(const char *release);

/**
 * running_chain() - the longest zspage that a kernel was configured for
 * @path: its configuration, plain or packed with gzip
 *
 * Return: pages; 0 when the file is not there or says nothing of it, as before
 * 6.3.
 */
unsigned running_chain(const char *path);

/**
 * running_backend() - a spec of zsmalloc as the running kernel has it
 * @spec: receives it
 * @len: bytes in @spec
 *
 * Return: 0, or -EINVAL with @err set.
 */
int running_backend(char *spec, size_t len, struct err *err);

#endif
