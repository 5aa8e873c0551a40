// SPDX-License-Identifier: GPL-2.0-or-later
/* The options of front ends, and programs that suit them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness/explore/settings.h"
#include "lib/random.h"

int settings_parse(const struct spec_desc *desc, const char *list, void *params,
		   struct err *err)
{
	char spec[16 + PROGRAM_OPTIONS];

	if (strlen(list) >= PROGRAM_OPTIONS)
		return err_set(err, -EINVAL,
			       "front end %s: its options have at most %d "
			       "characters",
			       desc->name, PROGRAM_OPTIONS - 1);
	snprintf(spec, sizeof(spec), "%s%s%s", desc->name, *list ? ":" : "",
		 list);
	return spec_parse(desc, spec, params, err);
}

/* Whether a list has the option NAME. */
static bool has(const char *list, const char *name)
{
	size_t len = strlen(name);
	const char *at;

	for (at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (!strncmp(at, name, len) && at[len] == '=')
			return true;
	}
	return false;
}

void settings_begin(struct settings *c)
{
	snprintf(c->text, PROGRAM_OPTIONS, "%s", c->given);
}

void settings_add(struct settings *c, const char *name, const char *value)
{
	if (has(c->given, name))
		return;
	snprintf(c->text + strlen(c->text), PROGRAM_OPTIONS - strlen(c->text),
		 "%s%s=%s", *c->text ? "," : "", name, value);
}

void settings_number(struct settings *c, const char *name, unsigned value)
{
	char text[24];

	snprintf(text, sizeof(text), "%u", value);
	settings_add(c, name, text);
}

unsigned settings_below(uint64_t *random, unsigned n)
{
	return (unsigned)(random_splitmix(random) >> 33) % n;
}

const char *settings_on_off(uint64_t *random)
{
	return settings_below(random, 2) ? "on" : "off";
}

static void fold(struct op *op, unsigned nr, unsigned objects)
{
	for (; nr--; op++)
		if (op->kind <= OP_FREE || op->kind == OP_FILL)
			op->what %= objects;
}

void settings_crowd(struct program *p, uint64_t *random)
{
	unsigned objects = 1 + settings_below(random, 4), i;

	fold(p->setup, p->nr_setup, objects);
	for (i = 0; i < p->cpus; i++)
		fold(p->op[i], p->nr[i], objects);
	if (!settings_below(random, 4))
		p->nr_setup = settings_below(random, 3);
}
