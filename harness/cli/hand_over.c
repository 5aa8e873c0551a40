// SPDX-License-Identifier: GPL-2.0-or-later
/* A command line that C has parsed goes on as one of Python's. */
#include "harness/cli/hand_over.h"
#include "harness/cli/script.h"

int hand_over(const struct hand_over *h, const char *verb)
{
	char *argv[h->kept.nr + h->words.nr + 3];
	int argc = 0;
	size_t i;

	argv[argc++] = (char *)verb;
	for (i = 0; i < h->kept.nr; i++)
		argv[argc++] = h->kept.args[i];
	/* No word that follows is an option. */
	if (h->words.nr)
		argv[argc++] = "--";
	for (i = 0; i < h->words.nr; i++)
		argv[argc++] = h->words.at[i];
	argv[argc] = NULL;
	return script_run(verb, argc, argv);
}
