// SPDX-License-Identifier: GPL-2.0-or-later
/* Synthetic traces, and the list of their kinds. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/progress.h"
#include "harness/cli/stream.h"
#include "harness/cmd/cmd.h"
#include "lib/layout.h"
#include "traces/generate.h"

struct args {
	const char *spec;
	const char *out;
	bool list, wide;
};

static const struct cli_option operand = { "kind", .offer = OFFER_KIND,
					   CLI_IS_TEXT(struct args, spec) };

static const struct cli_option options[] = {
	CLI_OUTPUT("T.zlt",
		   "The trace to write; - for standard output. Needed.",
		   .stream = true, CLI_IS_TEXT(struct args, out)),
	{ "list", 'l', NULL, "List every kind with its options",
	  CLI_IS_FLAG(struct args, list, true) },
	CLI_WIDE(struct args),
	{ 0 },
};

static int check(void *args)
{
	const struct args *a = args;

	if (a->list || (a->spec && a->out))
		return 0;
	return cli_usage("generate needs a kind and -o: zlab generate "
			 "KIND[:opt=v,...] -o T.zlt; --list shows the kinds");
}

static bool has(const struct spec_desc *desc, const struct spec_option *o)
{
	const struct spec_option *p;

	for (p = desc->options; p && p->name; p++)
		if (!strcmp(p->name, o->name) && !strcmp(p->def, o->def) &&
		    !strcmp(p->help, o->help))
			return true;
	return false;
}

/* Whether an earlier kind has the option, with the same default. */
static bool listed(const struct generator *const *g,
		   const struct spec_option *o)
{
	const struct generator *const *before;

	for (before = generators; before < g; before++)
		if (has(&(*before)->desc, o))
			return true;
	return false;
}

/* Describe a kind's new options; only name those that were listed before. */
static int show(const struct generator *const *g, FILE *out)
{
	struct spec_desc part = (*g)->desc;
	const char *comma = "    as above   ";
	const struct spec_option *o;
	struct spec_option *own;
	size_t n = 0;

	fprintf(out, "%s: %s\n", part.name, (*g)->help);
	for (o = part.options; o && o->name; o++)
		n++;
	own = calloc(n + 1, sizeof(*own));
	if (!own)
		return -ENOMEM;
	for (n = 0, o = part.options; o && o->name; o++) {
		if (!listed(g, o)) {
			own[n++] = *o;
			continue;
		}
		fprintf(out, "%s%s", comma, o->name);
		comma = ", ";
	}
	if (*comma == ',')
		fputc('\n', out);
	part.options = own;
	spec_help(&part, out);
	free(own);
	return 0;
}

static int list(const struct args *a)
{
	FILE *out = layout_open(stdout, cli_width(a->wide));
	const struct generator *const *g;
	int ret = 0, closed;

	if (!out)
		return cli_failed("out of memory");
	for (g = generators; *g && !ret; g++)
		ret = show(g, out);
	closed = layout_close(out);
	ret = ret ? ret : closed;
	return ret ? cli_failed("standard output: %s", strerror(-ret)) : 0;
}

static int run(void *args, int argc, char **argv)
{
	const struct args *a = args;
	struct err err = { "" };
	struct progress progress;
	struct stream out;
	int ret;

	if (a->list)
		return list(a);
	ret = stream_open(&out, a->out);
	if (ret)
		return ret;
	progress_step(&progress, "generate");
	ret = generate_trace(a->spec, out.path, &err);
	progress_end(&progress);
	if (ret)
		ret = ret == -EINVAL ? cli_usage("%s", err.text)
				     : cli_failed("%s", err.text);
	return stream_close(&out, ret);
}

const struct cli_command cmd_generate = {
	CLI_NAME("generate", CHAPTER_TRACES, "make a synthetic trace",
		 "KIND[:OPTION=VALUE,...] -o T.zlt"),
	.doc = "Write a synthetic trace of sizes. The same spec gives the same "
	       "trace, byte for byte.",
	.more = "Example:\n"
		"  zlab generate churn:seed=7 -o churn.zlt\n",
	CLI_TAKES(struct args, &operand, options, NULL),
	CLI_DOES(NULL, check, run),
};
