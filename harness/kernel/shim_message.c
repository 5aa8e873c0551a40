// SPDX-License-Identifier: GPL-2.0-or-later
/* Extracts the part of a compiler's output that a user needs. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/kernel/files.h"
#include "harness/kernel/shim_message.h"
#include "harness/kernel/shim_tree.h"

#define MAX_NAMES 6

/* gcc's messages for a type that is not there; they name the variable. */
static const char *const no_type[] = {
	"has initializer but incomplete type",
	"storage size of '",
};

/* gcc's and clang's messages for an undeclared name, up to its quote. */
static const char *const unknown[] = {
	"implicit declaration of function '",
	"call to undeclared function '",
	"unknown type name '",
	"use of undeclared identifier '",
	"invalid use of undefined type '",
	"incomplete definition of type '",
	"variable has incomplete type '",
	"invalid application of 'sizeof' to incomplete type '",
	"has no member named '",
	"no member named '",
	"undefined reference to `",
	"undefined symbol: ",
};

struct names {
	char name[MAX_NAMES][64];
	size_t nr;
};

static void add_name(struct names *names, const char *quoted)
{
	size_t len = strcspn(quoted, "'\n"), i;

	if (len >= sizeof(names->name[0]) || names->nr == MAX_NAMES)
		return;
	for (i = 0; i < names->nr; i++)
		if (!strncmp(names->name[i], quoted, len) &&
		    !names->name[i][len])
			return;
	snprintf(names->name[names->nr++], sizeof(names->name[0]), "%.*s",
		 (int)len, quoted);
}

/* The type is in the line of the source that follows the message. */
static void add_type(struct names *names, const char *source)
{
	const char *end = strchrnul(source, '\n');
	const char *p = memmem(source, (size_t)(end - source), "struct ", 7);
	char name[49], type[64];

	if (!p || sscanf(p + 7, "%48[A-Za-z0-9_]", name) != 1)
		return;
	snprintf(type, sizeof(type), "struct %s", name);
	add_name(names, type);
}

static void scan_line(const char *line, const char *end, struct names *names)
{
	const char *p;
	size_t i;

	for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		p = strstr(line, unknown[i]);
		if (p && p < end) {
			add_name(names, p + strlen(unknown[i]));
			return;
		}
	}
	for (i = 0; i < sizeof(no_type) / sizeof(no_type[0]); i++) {
		p = strstr(line, no_type[i]);
		if (p && p < end) {
			if (*end)
				add_type(names, end + 1);
			return;
		}
	}
	/* gcc: error: 'NAME' undeclared */
	p = strstr(line, "' undeclared");
	if (p && p < end) {
		while (p > line && p[-1] != '\'')
			p--;
		add_name(names, p);
	}
}

int shim_message(const char *log, const char *file, const char *saved,
		 struct err *err)
{
	struct names names = { .nr = 0 };
	char list[MAX_NAMES * 68] = "", first[256] = "";
	char *text = file_read(log);
	const char *line, *end;
	size_t i, n = 0;

	for (line = text; line && *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		if (!memmem(line, (size_t)(end - line), "error:", 6) &&
		    !memmem(line, (size_t)(end - line), ": undefined ", 12))
			continue;
		if (!*first)
			snprintf(first, sizeof(first), "%.*s",
				 (int)(end - line), line);
		/* All that comes after a syntax error may be due to it. */
		if (memmem(line, (size_t)(end - line), "error: expected", 15))
			break;
		scan_line(line, end, &names);
		if (!names.nr)
			break;
	}
	free(text);
	for (i = 0; i < names.nr && n < sizeof(list); i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s",
				      i ? ", " : "", names.name[i]);
	if (names.nr)
		return err_set(err, -EINVAL,
			       "%s uses %s, which the shim does not offer; add "
			       "%s with --include EXTRA.h%s%s",
			       file, list, names.nr == 1 ? "it" : "them",
			       *saved ? "; all messages: " : "", saved);
	return err_set(err, -EINVAL, "%s does not compile: %s%s%s", file,
		       *first ? first : "the compiler gave no reason",
		       *saved ? "; all messages: " : "", saved);
}
