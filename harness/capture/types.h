/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a kernel says of its own functions and structures: BTF.
 */
#ifndef ZLAB_CAPTURE_TYPES_H
#define ZLAB_CAPTURE_TYPES_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

struct btf;
struct types;

/**
 * types_open() - read the BTF of a kernel
 * @dir: as /sys/kernel/btf: vmlinux and one file a module; NULL: none
 * @file: BTF that is looked into first, raw or in an ELF file; or NULL
 * @err: receives the error line
 *
 * A kernel without BTF is no error; then nothing is found. Return: for
 * types_close(), or NULL with errno set when @file cannot be read or memory is
 * out.
 */
struct types *types_open(const char *dir, const char *file, struct err *err);

/**
 * types_of() - types from memory, for tests
 * @btf: owned by the types from here on
 */
struct types *types_of(struct btf *btf);

void types_close(struct types *t);

/** types_any() - whether there are any */
bool types_any(const struct types *t);

/*
 * Names that the calls below are given are constants: they are kept.
 */

/**
 * types_function() - whether a function's parameters are known
 * @module: that it is in, or NULL for the kernel's own
 */
bool types_function(struct types *t, const char *module, const char *name);

/**
 * types_parameter() - where a function has a parameter
 * @bytes: receives its size
 *
 * Return: its position from 1; 0: it has none of that name.
 */
unsigned types_parameter(struct types *t, const char *module, const char *name,
			 const char *parameter, size_t *bytes);

/**
 * types_member() - where a structure has a member
 * @bytes: receives its size
 *
 * Members of unnamed structures and unions in it are found, too. Return: bytes
 * from the start, or -1.
 */
long types_member(struct types *t, const char *module, const char *structure,
		  const char *member, size_t *bytes);

#endif
