// SPDX-License-Identifier: GPL-2.0-or-later
/* Every allocator with its options, defaults and presets. */
#include <stdio.h>
#include <string.h>

#include "backends/zpool.h"
#include "harness/cmd/cmd.h"
#include "harness/replay/result.h"
#include "harness/swap/zram_disk.h"
#include "lib/layout.h"

struct args {
	const char *name;
	const char *json;
	bool wide;
};

static const struct cli_option operand = { "name", .offer = OFFER_BACKEND,
					   CLI_IS_TEXT(struct args, name) };

static const struct cli_option options[] = {
	CLI_JSON(struct args, "Append them as one JSON array to FILE; - for "
			      "standard output, which then gets nothing else"),
	CLI_WIDE(struct args),
	{ 0 },
};

static json_t *option_json(const struct spec_option *o)
{
	static const char *const kinds[] = { "int", "size", "real", "bool",
					     "choice" };
	json_t *j =
		json_pack("{s:s, s:s, s:s, s:s}", "name", o->name, "kind",
			  kinds[o->kind], "default", o->def, "help", o->help);
	json_t *words = json_array();
	size_t i;

	for (i = 0; o->choices && o->choices[i]; i++)
		json_array_append_new(words, json_string(o->choices[i]));
	if (o->kind == SPEC_CHOICE) {
		json_object_set(j, "choices", words);
	} else if (o->kind != SPEC_BOOL) {
		json_object_set_new(j, "min", json_real(o->min));
		json_object_set_new(j, "max", json_real(o->max));
	}
	json_decref(words);
	return j;
}

static json_t *spec_json(const struct spec_desc *spec, const char *summary)
{
	const struct spec_option *o;
	const struct spec_preset *p;
	json_t *opts = json_array(), *presets = json_array();

	for (o = spec->options; o && o->name; o++)
		json_array_append_new(opts, option_json(o));
	for (p = spec->presets; p && p->name; p++)
		json_array_append_new(presets,
				      json_pack("{s:s, s:s, s:s}", "name",
						p->name, "options", p->opts,
						"help", p->help));
	return json_pack("{s:s, s:s, s:o, s:o}", "name", spec->name, "summary",
			 summary, "options", opts, "presets", presets);
}

static void show(const struct spec_desc *spec, const char *summary,
		 json_t *list, FILE *out)
{
	if (list) {
		json_array_append_new(list, spec_json(spec, summary));
		return;
	}
	fprintf(out, "%s: %s\n", spec->name, summary);
	spec_help(spec, out);
}

/* What --front of a replay takes, and is no allocator. */
static bool is_front(const char *name)
{
	return name && !strcmp(name, zram_spec.name);
}

static int run(void *args, int argc, char **argv)
{
	const struct args *a = args;
	const struct zpool_driver *d = NULL;
	struct err err = { "" };
	json_t *list = NULL;
	FILE *out;
	int ret;

	if (a->name && !is_front(a->name)) {
		d = zpool_driver_find(a->name, &err);
		if (!d)
			return cli_usage("%s", err.text);
	}
	out = layout_open(stdout, cli_width(a->wide));
	if (!out)
		return cli_failed("out of memory");
	if (a->json)
		list = json_array();
	if (is_front(a->name))
		show(&zram_spec, "the front end of --front zram", list, out);
	else if (d)
		show(&d->spec, d->summary, list, out);
	else
		while ((d = zpool_driver_next(d)))
			show(&d->spec, d->summary, list, out);
	ret = layout_close(out);
	if (ret)
		err_set(&err, ret, "standard output: %s", strerror(-ret));
	else if (list)
		ret = result_append(a->json, list, &err);
	json_decref(list);
	return ret ? cli_failed("%s", err.text) : 0;
}

const struct cli_command cmd_backends = {
	CLI_NAME("backends", CHAPTER_ABOUT,
		 "list every allocator, option and preset", "[NAME]"),
	.doc = "List the allocators, every option with its values and default, "
	       "and the presets that bundle them. NAME shows one of them, also "
	       "that of a shared object (./mine.so), and zram's, the front end.",
	.more = "A spec is NAME[@PRESET][:OPTION=VALUE,...], as "
		"zsmalloc@6.12:chain=4.\n",
	CLI_TAKES(struct args, &operand, options, NULL),
	CLI_DOES(NULL, NULL, run),
};
