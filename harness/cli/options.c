// SPDX-License-Identifier: GPL-2.0-or-later
/* Setters of options, by the kind of their value. */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/cli.h"
#include "harness/cli/options.h"
#include "lib/spec.h"

static void store(const struct cli_option *o, long long v, void *to)
{
	void *at = (char *)to + o->at;

	switch (o->size) {
	case 1:
		*(uint8_t *)at = (uint8_t)v;
		return;
	case 4:
		*(uint32_t *)at = (uint32_t)v;
		return;
	default:
		*(uint64_t *)at = (uint64_t)v;
	}
}

static int set_count(const struct cli_option *o, const char *arg, void *to)
{
	long long v;
	char *end;

	errno = 0;
	v = strtoll(arg, &end, 10);
	if (!errno && end != arg && !*end && v >= o->min && v <= o->max) {
		store(o, v, to);
		return 0;
	}
	if (o->max == LLONG_MAX)
		return cli_usage("--%s takes a whole number from %lld on, not "
				 "\"%s\"",
				 o->name, o->min, arg);
	return cli_usage("--%s takes a whole number from %lld to %lld, not "
			 "\"%s\"",
			 o->name, o->min, o->max, arg);
}

static int set_size(const struct cli_option *o, const char *arg, void *to)
{
	bool mega = o->min >= 1 << 20;
	long long v;

	if (!size_parse(arg, &v) && v >= o->min) {
		store(o, v, to);
		return 0;
	}
	return cli_usage("--%s takes a size of at least %lld%c, as 256M or 2G, "
			 "not \"%s\"",
			 o->name, o->min >> (mega ? 20 : 10), mega ? 'M' : 'K',
			 arg);
}

static int set_choice(const struct cli_option *o, const char *arg, void *to)
{
	const struct cli_word *w;
	char known[128];
	size_t n = 0;

	for (w = o->words; w->word; w++)
		if (!strcmp(w->word, arg)) {
			store(o, w->value, to);
			return 0;
		}
	for (w = o->words; w->word && n < sizeof(known); w++)
		n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s",
				      w == o->words ? ""
				      : w[1].word   ? ", "
						    : " or ",
				      w->word);
	return cli_usage("--%s takes %s, not \"%s\"", o->name, known, arg);
}

int cli_list_add(struct cli_list *l, const char *text)
{
	if (l->nr == CLI_LIST_MAX)
		return cli_usage("there are more than %d of one kind",
				 CLI_LIST_MAX);
	l->at[l->nr] = strdup(text);
	if (!l->at[l->nr])
		return cli_failed("out of memory");
	l->nr++;
	return 0;
}

void cli_list_drop(struct cli_list *l, size_t i)
{
	free(l->at[i]);
	l->nr--;
	memmove(&l->at[i], &l->at[i + 1], (l->nr - i) * sizeof(l->at[0]));
}

void cli_list_free(struct cli_list *l)
{
	while (l->nr)
		free(l->at[--l->nr]);
}

static int set_list(const struct cli_option *o, const char *arg, void *to)
{
	struct cli_list *l = (void *)((char *)to + o->at);
	char *words, *rest, *word;
	int ret = 0;

	if (!o->split)
		return cli_list_add(l, arg);
	words = rest = strdup(arg);
	if (!words)
		return cli_failed("out of memory");
	while (!ret && (word = spec_next(&rest)))
		ret = cli_list_add(l, word);
	free(words);
	return ret;
}

static int set_counts(const struct cli_option *o, const char *arg, void *to)
{
	struct cli_counts *c = (void *)((char *)to + o->at);
	const char *from = arg;
	long long n;
	char *end;

	for (;; from = end + 1) {
		errno = 0;
		n = strtoll(from, &end, 10);
		if (errno || end == from || n < o->min || n > o->max ||
		    (*end && *end != ',') || c->nr == CLI_COUNTS_MAX)
			return cli_usage("--%s takes numbers from %lld to %lld "
					 "with commas between, as 1,2,4; not "
					 "\"%s\"",
					 o->name, o->min, o->max, arg);
		c->at[c->nr++] = (unsigned)n;
		if (!*end)
			return 0;
	}
}

/* Refuse "-", so that no file named "-" is created by mistake. */
static bool no_stream(const struct cli_option *o, const char *arg)
{
	return (o->key == 'o' || o->output) && !o->stream && !strcmp(arg, "-");
}

int cli_option_set(const struct cli_option *o, const char *arg, void *to)
{
	switch (o->kind) {
	case CLI_FLAG:
		store(o, o->value, to);
		return 0;
	case CLI_COUNT:
		return set_count(o, arg, to);
	case CLI_SIZE:
		return set_size(o, arg, to);
	case CLI_CHOICE:
		return set_choice(o, arg, to);
	case CLI_LIST:
		return set_list(o, arg, to);
	case CLI_COUNTS:
		return set_counts(o, arg, to);
	case CLI_CALL:
		return o->set(o, arg, to);
	default:
		if (no_stream(o, arg))
			return cli_usage("%s%s - is not possible here: it "
					 "takes %s",
					 o->key ? "-" : "--",
					 o->key ? "o" : o->name, o->arg);
		*(const char **)((char *)to + o->at) = arg;
		return 0;
	}
}

int cli_keep(struct cli_kept *k, const struct cli_option *o, const char *arg)
{
	char **at = &k->args[k->nr];

	if (k->nr == sizeof(k->args) / sizeof(k->args[0]))
		return cli_usage("there are too many options");
	if (asprintf(at, "--%s%s%s", o->name, arg ? "=" : "", arg ? arg : "") <
	    0)
		return cli_failed("out of memory");
	k->nr++;
	k->given = o->name;
	return 0;
}

void cli_kept_free(struct cli_kept *k)
{
	while (k->nr)
		free(k->args[--k->nr]);
}
