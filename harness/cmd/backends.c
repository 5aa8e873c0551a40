// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "backends/zpool.h"
#include "harness/cli/cli.h"
#include "harness/replay/result.h"

enum {
	OPT_JSON = 0x100
};

struct args {
	const char *name;
	const char *json;
};

static const struct argp_option options[] = {
	{ "json", OPT_JSON, "FILE", 0,
	  "Append them as one JSON array to FILE; - for standard output", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case OPT_JSON:
		a->json = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (a->name)
			return ARGP_ERR_UNKNOWN;
		a->name = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[NAME]",
	.doc = "List the allocators, every option with its values and default, "
	       "and the presets that bundle them. NAME shows one of them, also "
	       "that of a shared object (./mine.so).\v"
	       "A spec is NAME[@PRESET][:OPTION=VALUE,...], as "
	       "zsmalloc@6.12:chain=4.",
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

static json_t *driver_json(const struct zpool_driver *d)
{
	const struct spec_option *o;
	const struct spec_preset *p;
	json_t *opts = json_array(), *presets = json_array();

	for (o = d->spec.options; o && o->name; o++)
		json_array_append_new(opts, option_json(o));
	for (p = d->spec.presets; p && p->name; p++)
		json_array_append_new(presets,
				      json_pack("{s:s, s:s, s:s}", "name",
						p->name, "options", p->opts,
						"help", p->help));
	return json_pack("{s:s, s:s, s:o, s:o}", "name", d->spec.name,
			 "summary", d->summary, "options", opts, "presets",
			 presets);
}

static void show(const struct zpool_driver *d, json_t *list)
{
	if (list) {
		json_array_append_new(list, driver_json(d));
		return;
	}
	printf("%s: %s\n", d->spec.name, d->summary);
	spec_help(&d->spec, stdout);
}

int cmd_backends(int argc, char **argv)
{
	const struct zpool_driver *d = NULL;
	struct args a = { 0 };
	struct err err = { "" };
	json_t *list = NULL;
	int ret = cli_parse(&argp, "zlab backends", argc, argv, &a);

	if (ret)
		return ret;
	if (a.json)
		list = json_array();
	if (a.name) {
		d = zpool_driver_find(a.name, &err);
		if (!d)
			return cli_usage("%s", err.text);
		show(d, list);
	} else {
		while ((d = zpool_driver_next(d)))
			show(d, list);
	}
	if (list)
		ret = result_append(a.json, list, &err);
	json_decref(list);
	return ret ? cli_failed("%s", err.text) : 0;
}
