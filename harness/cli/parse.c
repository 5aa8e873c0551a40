// SPDX-License-Identifier: GPL-2.0-or-later
/* Command lines, read by the C library's getopt_long(). */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/cli/cli.h"
#include "harness/cli/command.h"
#include "lib/output.h"
#include "version.h"

#define SLOTS 96
/* Values above all letters, by which getopt_long() returns long options. */
#define FIRST 0x100

enum {
	ASK_HELP = 1,
	ASK_VERSION
};

const struct cli_option cli_common_options[] = {
	{ "help", 'h', NULL, "Say this", .kind = CLI_FLAG, .size = 4,
	  .value = ASK_HELP },
	{ "version", 0, NULL, "Say which zlab this is", .kind = CLI_FLAG,
	  .size = 4, .value = ASK_VERSION },
	{ 0 },
};

/* One option, and where its value goes. */
struct slot {
	const struct cli_option *option;
	void *to;
	struct cli_kept *kept;
	bool given;
};

struct parse {
	const struct cli_command *cmd;
	struct slot slot[SLOTS];
	size_t nr;
	struct option longs[SLOTS + 1];
	char shorts[2 * SLOTS + 4];
	/* Takes the words that follow, or NULL. */
	struct slot *many;
	struct slot operand;
	int asked;
};

static void add_slot(struct parse *p, const struct cli_option *o, void *to,
		     struct cli_kept *kept)
{
	size_t len = strlen(p->shorts);

	p->slot[p->nr] = (struct slot){ o, to, kept, false };
	p->longs[p->nr] =
		(struct option){ o->name,
				 o->arg ? required_argument : no_argument, NULL,
				 FIRST + (int)p->nr };
	if (o->key)
		snprintf(p->shorts + len, sizeof(p->shorts) - len, "%c%s",
			 o->key, o->arg ? ":" : "");
	p->nr++;
}

static void add_group(struct parse *p, const struct cli_group *g, void *args)
{
	const struct cli_option *o;
	struct cli_kept *kept = NULL;

	if (g->keep)
		kept = (void *)((char *)args + g->kept);
	for (o = g->options; o->name && p->nr + 2 < SLOTS; o++)
		add_slot(p, o, (char *)args + g->at, kept);
}

static void prepare(struct parse *p, const struct cli_command *cmd, void *args)
{
	const struct cli_option *o;
	struct cli_group g;
	size_t i;

	memset(p, 0, sizeof(*p));
	p->cmd = cmd;
	/* "-": keep the order and return each operand as an option 1. */
	strcpy(p->shorts, "-:");
	for (i = 0; cli_group(cmd, i, &g); i++)
		add_group(p, &g, args);
	for (o = cli_common_options; o->name; o++)
		add_slot(p, o, &p->asked, NULL);
	p->operand = (struct slot){ cmd->operand, args, NULL, false };
}

static struct slot *slot_of(struct parse *p, int found)
{
	size_t i;

	if (found >= FIRST)
		return &p->slot[found - FIRST];
	for (i = 0; i < p->nr; i++)
		if (p->slot[i].option->key == found)
			return &p->slot[i];
	return NULL;
}

static int take(struct slot *s, const char *arg)
{
	int ret = cli_option_set(s->option, arg, s->to);

	s->given = true;
	if (!ret && s->kept)
		ret = cli_keep(s->kept, s->option, arg);
	return ret;
}

static bool is_trace(const char *word)
{
	size_t len = strlen(word);

	return len > 4 && !strcmp(word + len - 4, ".zlt");
}

/* Store a word that is not the value of an option. */
static int take_word(struct parse *p, char **at)
{
	struct slot *s = &p->operand;

	if (p->many && !is_trace(*at))
		return take(p->many, *at);
	if (s->option && s->option->kind == CLI_REST) {
		*(char ***)((char *)s->to + s->option->at) = at;
		s->given = true;
		return 0;
	}
	if (!s->option || (s->given && s->option->kind == CLI_TEXT))
		return cli_usage("\"%s\" is one argument too many; see \"zlab "
				 "%s --help\"",
				 *at, p->cmd->name);
	return take(s, *at);
}

/* getopt_long() does not tell unknown and ambiguous options apart. */
static int unknown(const struct parse *p, const char *word)
{
	size_t i, len = strcspn(word, "="), n = 0;

	for (i = 0; i < p->nr && !strncmp(word, "--", 2) && len > 2; i++)
		n += !strncmp(p->slot[i].option->name, word + 2, len - 2);
	if (n > 1)
		return cli_usage("option %s could mean several; see \"zlab %s "
				 "--help\"",
				 word, p->cmd->name);
	return cli_usage("there is no option %s; see \"zlab %s --help\"", word,
			 p->cmd->name);
}

static int wrong(struct parse *p, int found, char **argv)
{
	const char letter[] = { '-', (char)optopt, '\0' };
	const struct slot *s = optopt ? slot_of(p, optopt) : NULL;

	if (!s)
		return unknown(p, optopt ? letter : argv[optind - 1]);
	if (found == ':' && optopt < FIRST)
		return cli_usage("option %s needs a value: %s", letter,
				 s->option->arg);
	if (found == ':')
		return cli_usage("option --%s needs a value: %s",
				 s->option->name, s->option->arg);
	return cli_usage("option --%s takes no value", s->option->name);
}

/* Whether @s lacks a value that it needs; prints the error line if so. */
static bool lacks(const struct slot *s)
{
	if (!s->option || !s->option->needs || s->given)
		return false;
	cli_usage("%s", s->option->needs);
	return true;
}

static const char *text_of(const struct slot *s)
{
	return *(const char *const *)((const char *)s->to + s->option->at);
}

static bool is_file(const struct stat *out, const char *in)
{
	struct stat st;

	return in && !stat(in, &st) && st.st_dev == out->st_dev &&
	       st.st_ino == out->st_ino;
}

/* Whether a value of @s names the file @out; a pipe may be both. */
static bool reads(const struct slot *s, const struct stat *out)
{
	const struct cli_list *l;
	char *const *word;
	size_t i;

	if (!s->option || !s->given || s->option->output)
		return false;
	switch (s->option->kind) {
	case CLI_TEXT:
		return is_file(out, text_of(s));
	case CLI_LIST:
		l = (const void *)((const char *)s->to + s->option->at);
		for (i = 0; i < l->nr; i++)
			if (is_file(out, l->at[i]))
				return true;
		return false;
	case CLI_REST:
		word = *(char **const *)((const char *)s->to + s->option->at);
		for (; *word; word++)
			if (is_file(out, *word))
				return true;
		return false;
	default:
		return false;
	}
}

/* What @s writes: a file or "-"; NULL if nothing or if its value is a word. */
static const char *output_of(const struct slot *s)
{
	const struct cli_word *w = s->option->words;
	const char *to;

	if (!s->given || !s->option->output)
		return NULL;
	to = text_of(s);
	for (; to && w && w->word; w++)
		if (!strcmp(to, w->word))
			return NULL;
	return to;
}

/* Whether @s would overwrite an input file; prints the error line if so. */
static bool overwrites(const struct parse *p, const struct slot *s)
{
	const char *name = output_of(s);
	struct stat out;
	bool same;
	size_t i;

	if (!name || stat(name, &out) || !S_ISREG(out.st_mode))
		return false;
	same = reads(&p->operand, &out);
	for (i = 0; i < p->nr && !same; i++)
		same = reads(&p->slot[i], &out);
	if (same)
		cli_usage("--%s %s: this file is read; name another to write",
			  s->option->name, name);
	return same;
}

/* Whether two options write one file; prints the error line if so. */
static bool write_one_file(const struct parse *p, size_t i)
{
	const char *one = output_of(&p->slot[i]), *other;
	size_t k;

	for (k = 0; k < i; k++) {
		other = output_of(&p->slot[k]);
		if (!one || !other || !output_same(one, other))
			continue;
		cli_usage(
			"--%s %s and --%s %s: both would write one file; name "
			"two",
			p->slot[k].option->name, other, p->slot[i].option->name,
			one);
		return true;
	}
	return false;
}

static int finish(struct parse *p, void *args)
{
	size_t i;

	if (lacks(&p->operand))
		return EXIT_USAGE;
	for (i = 0; i < p->nr; i++)
		if (lacks(&p->slot[i]) || overwrites(p, &p->slot[i]) ||
		    write_one_file(p, i))
			return EXIT_USAGE;
	return p->cmd->check ? p->cmd->check(args) : 0;
}

static int take_options(struct parse *p, int argc, char **argv)
{
	bool rest = p->cmd->operand && p->cmd->operand->kind == CLI_REST;
	struct slot *s;
	int found, ret;

	opterr = 0;
	/* 0 resets the state that getopt_long() keeps from an earlier call. */
	optind = 0;
	while ((found = getopt_long(argc, argv, p->shorts, p->longs, NULL)) !=
	       -1) {
		if (found == '?' || found == ':')
			return wrong(p, found, argv);
		if (found == 1) {
			ret = take_word(p, &argv[optind - 1]);
			if (ret || rest)
				return ret;
			continue;
		}
		s = slot_of(p, found);
		if (s->option->many)
			p->many = s;
		ret = take(s, s->option->arg ? optarg : NULL);
		if (ret || p->asked)
			return ret;
	}
	p->many = NULL;
	for (ret = 0; !ret && optind < argc; optind++) {
		ret = take_word(p, &argv[optind]);
		if (rest)
			break;
	}
	return ret;
}

int cli_parse(const struct cli_command *cmd, int argc, char **argv, void *args,
	      bool *help)
{
	struct parse p;
	int ret;

	prepare(&p, cmd, args);
	ret = take_options(&p, argc, argv);
	*help = !ret && p.asked;
	if (!ret && p.asked == ASK_HELP)
		return cli_help(cmd);
	if (!ret && p.asked)
		puts("zlab " ZLAB_VERSION);
	else if (!ret)
		ret = finish(&p, args);
	return ret;
}
