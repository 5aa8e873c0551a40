// SPDX-License-Identifier: GPL-2.0-or-later
/* Passes a command line that was parsed here on to a Python script. */
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
	/* The words after "--" must not be read as options. */
	if (h->words.nr)
		argv[argc++] = "--";
	for (i = 0; i < h->words.nr; i++)
		argv[argc++] = h->words.at[i];
	argv[argc] = NULL;
	return script_run(verb, argc, argv);
}
