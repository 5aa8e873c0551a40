/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared objects of the user's: a table of calls that one exports. */
#ifndef ZLAB_PLUGIN_H
#define ZLAB_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

/**
 * struct plugin - a kind of shared object
 * @what: what it is, "backend"
 * @table: name of the table that it exports
 * @defined: how it defines the table, for the user
 * @other: table of another kind, which is often given in place of this one
 * @instead: what to do with that one, behind the path
 * @explain: makes an error of the dynamic loader plainer, or NULL
 * @check_abi: whether it was built for this zlab
 * @check: whether it has all calls
 *
 * The checks return 0, or a negative errno with the error set.
 */
struct plugin {
	const char *what, *table, *defined, *other, *instead;
	const char *(*explain)(const char *why);
	int (*check_abi)(const void *table, struct err *err);
	int (*check)(const void *table, struct err *err);
};

/** struct plugin_call - a member of a table, and whether it is there */
struct plugin_call {
	const char *name;
	bool there;
};

/** plugin_complete() - whether all are. Return: 0, or -EINVAL naming the first */
int plugin_complete(const struct plugin_call *calls, size_t n, struct err *err);

/**
 * plugin_load() - load the object that a spec names
 * @spec: a path with a / in it, with or without options behind a colon
 *
 * It stays loaded. Return: its table, or NULL with @err set.
 */
const void *plugin_load(const struct plugin *kind, const char *spec,
			struct err *err);

#endif
