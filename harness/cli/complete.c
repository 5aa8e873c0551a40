// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Candidates for the last word of a command line, from the same tables that
 * parse it. The shell scripts in completions/ call "zlab complete WORD...".
 */
#include <stdio.h>
#include <string.h>

#include "backends/zpool.h"
#include "harness/cli/cli.h"
#include "harness/cli/command.h"
#include "traces/generate.h"

/* The command line up to the word that is completed. */
struct line {
	const struct cli_command *cmd;
	/* Wants a value next, takes words, or NULL. */
	const struct cli_option *pending, *many;
	/* Only words follow. */
	bool ended;
	/* Where the operand of a CLI_REST begins, or 0. */
	int rest;
};

/* The word that is completed; the text before @at is kept as it is. */
struct offer {
	const char *whole;
	size_t at;
};

static const char *begun(const struct offer *o)
{
	return o->whole + o->at;
}

/* The same word, completed from the character after @last. */
static struct offer behind(const struct offer *o, const char *last)
{
	return (struct offer){ o->whole, (size_t)(last + 1 - o->whole) };
}

/* Print a candidate if the typed word is a prefix of it. */
static void put(const struct offer *o, const char *word, const char *end,
		const char *what)
{
	if (!strncmp(word, begun(o), strlen(begun(o))))
		printf("%.*s%s%s\t%.*s\n", (int)o->at, o->whole, word, end,
		       (int)strcspn(what, ";:("), what);
}

static const struct cli_option *find(const struct cli_command *cmd,
				     const char *name, size_t len, char key)
{
	const struct cli_option *o;
	struct cli_group g;
	size_t i;

	for (i = 0; cli_group(cmd, i, &g); i++)
		for (o = g.options; o->name; o++)
			if (key ? o->key == key
				: !strncmp(o->name, name, len) && !o->name[len])
				return o;
	return NULL;
}

static void put_options(const struct cli_command *cmd, const struct offer *o)
{
	const struct cli_option *row;
	struct cli_group g;
	char word[64];
	size_t i;

	for (i = 0; cli_group(cmd, i, &g); i++)
		for (row = g.options; row->name; row++) {
			snprintf(word, sizeof(word), "--%s", row->name);
			if (row->help)
				put(o, word, "", row->help);
		}
	for (row = cli_common_options; row->name; row++) {
		snprintf(word, sizeof(word), "--%s", row->name);
		put(o, word, "", row->help);
	}
}

/* The values of an option of a spec, or its options. */
static void put_spec_options(const struct spec_desc *d, const struct offer *o)
{
	size_t len = strcspn(begun(o), "=");
	const struct spec_option *s;
	struct offer value;
	int i;

	for (s = d->options; s && s->name; s++) {
		if (!begun(o)[len]) {
			put(o, s->name, "=", s->help);
			continue;
		}
		if (strncmp(s->name, begun(o), len) != 0 || s->name[len])
			continue;
		value = behind(o, begun(o) + len);
		for (i = 0; s->choices && s->choices[i]; i++)
			put(&value, s->choices[i], "", s->help);
		if (s->kind == SPEC_BOOL) {
			put(&value, "on", "", s->help);
			put(&value, "off", "", s->help);
		} else if (!s->choices) {
			put(&value, s->def, "", s->help);
		}
	}
}

/* Complete a spec of @d, whose name may be only partly typed. */
static void put_spec(const struct spec_desc *d, const char *what,
		     const struct offer *o)
{
	size_t len = strlen(d->name), at;
	const char *rest = begun(o) + len, *comma;
	const struct spec_preset *p;
	struct offer option;
	char word[256];

	if (strncmp(d->name, begun(o), len) != 0 ||
	    (*rest && *rest != '@' && *rest != ':')) {
		put(o, d->name, "", what);
		return;
	}
	if (!*rest) {
		put(o, d->name, "", what);
		put(o, d->name, ":", "with options");
	}
	at = strcspn(rest, ":");
	for (p = d->presets; p && p->name && !rest[at]; p++) {
		snprintf(word, sizeof(word), "%s@%s", d->name, p->name);
		put(o, word, "", p->help);
	}
	if (!rest[at])
		return;
	comma = strrchr(rest + at, ',');
	option = behind(o, comma ? comma : rest + at);
	put_spec_options(d, &option);
}

static void put_backends(const struct offer *o)
{
	const struct zpool_driver *d = NULL;

	while ((d = zpool_driver_next(d)))
		put_spec(&d->spec, d->summary, o);
	if (!strpbrk(begun(o), "@:"))
		puts(":files so");
}

static void put_kinds(const struct offer *o)
{
	const struct generator *const *g;

	for (g = generators; *g; g++)
		put_spec(&(*g)->desc, (*g)->help, o);
}

static void put_codecs(const struct offer *o)
{
	static const char *const codecs[][2] = {
		{ "lz4", "as the kernel's lz4" },
		{ "zstd", "as the kernel's zstd, level 3" },
		{ "none", "the page as it is" },
		{ "sizes:lz4", "sizes from the trace" },
		{ "sizes:zstd:3", "sizes from the trace" },
	};
	size_t i;

	for (i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++)
		put(o, codecs[i][0], "", codecs[i][1]);
	if (!strchr(begun(o), ':'))
		puts(":files so");
}

static void put_value(const struct cli_option *row, const struct offer *o)
{
	const struct cli_word *w;
	const char *comma = row->split ? strrchr(begun(o), ',') : NULL;
	struct offer last = comma ? behind(o, comma) : *o;

	for (w = row->words; w && w->word; w++)
		put(&last, w->word, "", row->help);
	switch (row->offer) {
	case OFFER_BACKEND:
		put_backends(&last);
		return;
	case OFFER_CODEC:
		put_codecs(&last);
		return;
	case OFFER_KIND:
		put_kinds(&last);
		return;
	case OFFER_TRACE:
		puts(":files zlt");
		return;
	case OFFER_SOURCE:
		puts(":files zlt");
		if (*begun(&last))
			put_kinds(&last);
		return;
	case OFFER_FILE:
		puts(":files");
		return;
	case OFFER_DIR:
		puts(":dirs");
		return;
	case OFFER_REF:
		puts(":refs");
		return;
	default:
		return;
	}
}

static void take_option(struct line *l, const char *word)
{
	const struct cli_option *o;
	size_t len;

	if (word[1] == '-') {
		len = strcspn(word + 2, "=");
		o = find(l->cmd, word + 2, len, 0);
		l->pending = o && o->arg && !word[2 + len] ? o : NULL;
	} else {
		o = find(l->cmd, "", 0, word[1]);
		l->pending = o && o->arg && !word[2] ? o : NULL;
	}
	if (o && o->many)
		l->many = o;
}

/* All words before the one that is completed. */
static void read_line(struct line *l, int argc, char **argv)
{
	const struct cli_option *operand = l->cmd->operand;
	int i;

	for (i = 1; i < argc - 1 && !l->rest; i++) {
		if (l->pending) {
			l->pending = NULL;
		} else if (l->ended || argv[i][0] != '-' || !argv[i][1]) {
			if (operand && operand->kind == CLI_REST)
				l->rest = i;
		} else if (!strcmp(argv[i], "--")) {
			l->ended = true;
			l->many = NULL;
			if (operand && operand->kind == CLI_REST)
				l->rest = i + 1;
		} else {
			take_option(l, argv[i]);
		}
	}
}

static void put_word(const struct line *l, int argc, char **argv)
{
	const struct cli_option *operand = l->cmd->operand, *o;
	const char *word = argv[argc - 1];
	struct offer offer = { word, 0 };
	size_t len;

	if (l->pending) {
		put_value(l->pending, &offer);
	} else if (l->rest) {
		/* Count "record" itself as a word of the line, too. */
		printf(":program %d\n", l->rest + 1);
	} else if (!l->ended && word[0] == '-') {
		len = strcspn(word, "=");
		o = word[1] == '-' && word[len]
			    ? find(l->cmd, word + 2, len - 2, 0)
			    : NULL;
		if (o) {
			offer = behind(&offer, word + len);
			put_value(o, &offer);
		} else if (!word[len]) {
			put_options(l->cmd, &offer);
		}
	} else {
		if (l->many)
			put_value(l->many, &offer);
		if (operand && operand->kind == CLI_REST)
			printf(":program %d\n", argc);
		else if (operand)
			put_value(operand, &offer);
	}
}

int cli_complete(const struct cli_command *const *commands, int argc,
		 char **argv)
{
	const struct cli_command *const *c;
	struct line l = { 0 };
	struct offer o;

	if (argc < 1)
		return cli_usage("complete needs the words of a command line");
	o = (struct offer){ argv[argc - 1], 0 };
	if (argc == 1 || (argc == 2 && !strcmp(argv[0], "help"))) {
		for (c = commands; *c; c++)
			put(&o, (*c)->name, "", (*c)->summary);
		if (argc > 1)
			return 0;
		put(&o, "help", "", "say what a command does");
		put(&o, "--help", "", "list the commands");
		put(&o, "--version", "", "say which zlab this is");
		return 0;
	}
	l.cmd = cli_command_find(commands, argv[0]);
	if (!l.cmd)
		return 0;
	read_line(&l, argc, argv);
	put_word(&l, argc, argv);
	return 0;
}
