// SPDX-License-Identifier: GPL-2.0-or-later
/* --drop: columns of a trace by name. */
#include <string.h>

#include "harness/cmd/cmd.h"
#include "harness/cmd/columns.h"

const struct cli_word columns_words[] = {
	{ "time", ZLT_TIME },
	{ "cpu", ZLT_CPU },
	{ "tid", ZLT_TID },
	{ 0 },
};

int columns_set(const struct cli_option *o, const char *arg, void *to)
{
	unsigned *drop = (unsigned *)((char *)to + o->at);
	const struct cli_word *w;
	size_t len;

	for (; *arg; arg += len + (arg[len] == ',')) {
		len = strcspn(arg, ",");
		for (w = columns_words; w->word; w++)
			if (strlen(w->word) == len &&
			    !memcmp(w->word, arg, len))
				break;
		if (!w->word)
			return cli_usage("--drop takes time, cpu and tid, "
					 "not \"%.*s\"",
					 (int)len, arg);
		*drop |= (unsigned)w->value;
	}
	return 0;
}
