// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds and runs a command by name; prints the list of commands and help. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/cli.h"
#include "harness/cli/command.h"
#include "lib/layout.h"
#include "version.h"

/* Column at which the descriptions of options start in help. */
#define HELP_COLUMN 27

static const char *const chapters[CHAPTERS] = {
	[CHAPTER_TRACES] = "Traces",
	[CHAPTER_MEASURING] = "Measuring and comparing",
	[CHAPTER_KERNEL] = "Kernel sources and real kernels",
	[CHAPTER_VIRTUAL] = "Virtual CPUs",
	[CHAPTER_ABOUT] = "About zlab and this machine",
};

const struct cli_command *
cli_command_find(const struct cli_command *const *commands, const char *name)
{
	for (; *commands; commands++)
		if (!strcmp((*commands)->name, name))
			return *commands;
	return NULL;
}

bool cli_group(const struct cli_command *cmd, size_t i, struct cli_group *g)
{
	size_t k;

	*g = (struct cli_group){ .options = cmd->options };
	if (cmd->options && !i--)
		return true;
	for (k = 0; cmd->groups && cmd->groups[k].options; k++)
		if (k == i) {
			*g = cmd->groups[k];
			return true;
		}
	return false;
}

static void list(const struct cli_command *const *commands, FILE *out)
{
	const struct cli_command *const *c;
	int i;

	fputs("Usage: zlab COMMAND [OPTION...]\n"
	      "       zlab help COMMAND\n\n"
	      "Record a program's swap, replay it through the kernel's "
	      "allocators of\ncompressed pages, compare them.\n",
	      out);
	for (i = 0; i < CHAPTERS; i++) {
		fprintf(out, "\n%s:\n", chapters[i]);
		for (c = commands; *c; c++)
			if ((int)(*c)->chapter == i)
				fprintf(out, "  %-11s  %s\n", (*c)->name,
					(*c)->summary);
	}
	fputs("\n\"zlab COMMAND --help\" tells more; the manual is zlab(1).\n",
	      out);
}

static void put_option(FILE *out, const struct cli_option *o)
{
	char left[80];
	int n;

	n = snprintf(left, sizeof(left), "  %c%c%c --%s%s%s",
		     o->key ? '-' : ' ', o->key ? o->key : ' ',
		     o->key ? ',' : ' ', o->name, o->arg ? "=" : "",
		     o->arg ? o->arg : "");
	if (n + 2 > HELP_COLUMN)
		fprintf(out, "%s\n%*s", left, HELP_COLUMN, "");
	else
		fprintf(out, "%-*s", HELP_COLUMN, left);
	fprintf(out, "%s%s\n", o->help, o->needs ? ". Needed." : "");
}

static bool has_options(const struct cli_command *cmd)
{
	struct cli_group g;

	return cli_group(cmd, 0, &g);
}

static void put_usage(FILE *out, const struct cli_command *cmd)
{
	const char *way = cmd->usage ? cmd->usage : "", *end;

	for (;; way = end + 1) {
		end = strchrnul(way, '\n');
		fprintf(out, "%s zlab %s%s%.*s%s\n",
			way == cmd->usage || !cmd->usage ? "Usage:" : "      ",
			cmd->name, *way ? " " : "", (int)(end - way), way,
			has_options(cmd) && !strstr(way, "[OPTION...]")
				? " [OPTION...]"
				: "");
		if (!*end)
			return;
	}
}

int cli_help(const struct cli_command *cmd)
{
	FILE *out = layout_open(stdout, LAYOUT_WIDTH);
	const struct cli_option *o;
	struct cli_group g;
	size_t i;

	if (!out)
		return cli_failed("out of memory");
	put_usage(out, cmd);
	fprintf(out, "\n%s\n", cmd->doc);
	for (i = 0; cli_group(cmd, i, &g); i++) {
		if (g.head || !i)
			fprintf(out, "\n%s:\n", g.head ? g.head : "Options");
		for (o = g.options; o->name; o++)
			if (o->help)
				put_option(out, o);
	}
	fputs("\nHelp:\n", out);
	for (o = cli_common_options; o->name; o++)
		put_option(out, o);
	if (cmd->more)
		fprintf(out, "\n%s", cmd->more);
	return layout_close(out) ? cli_failed("cannot write the help: %s",
					      strerror(errno))
				 : 0;
}

static void free_option(const struct cli_option *o, void *to)
{
	if (o->kind == CLI_LIST)
		cli_list_free((void *)((char *)to + o->at));
}

static void free_args(const struct cli_command *cmd, char *args)
{
	const struct cli_option *o;
	struct cli_group g;
	size_t i;

	for (i = 0; cli_group(cmd, i, &g); i++) {
		for (o = g.options; o->name; o++)
			free_option(o, args + g.at);
		if (g.keep)
			cli_kept_free((void *)(args + g.kept));
	}
	if (cmd->operand)
		free_option(cmd->operand, args);
	free(args);
}

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	char *args = calloc(1, cmd->size + 1);
	bool help = false;
	int ret;

	if (!args)
		return cli_failed("out of memory");
	if (cmd->defaults)
		memcpy(args, cmd->defaults, cmd->size);
	cli_name(cmd->name);
	ret = cli_parse(cmd, argc, argv, args, &help);
	if (!ret && !help)
		ret = cmd->run(args, argc, argv);
	free_args(cmd, args);
	return ret;
}

static int help(const struct cli_command *const *commands, const char *name)
{
	const struct cli_command *cmd = NULL;

	if (!name) {
		list(commands, stdout);
		return 0;
	}
	cmd = cli_command_find(commands, name);
	return cmd ? cli_help(cmd)
		   : cli_usage("there is no command \"%s\"; \"zlab --help\" "
			       "lists them",
			       name);
}

static int dispatch(const struct cli_command *const *commands, int argc,
		    char **argv)
{
	const struct cli_command *cmd;

	if (argc < 2) {
		list(commands, stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    !strcmp(argv[1], "help"))
		return help(commands, argv[2]);
	if (!strcmp(argv[1], "--version")) {
		puts("zlab " ZLAB_VERSION);
		return 0;
	}
	if (!strcmp(argv[1], "complete"))
		return cli_complete(commands, argc - 2, argv + 2);
	cmd = cli_command_find(commands, argv[1]);
	return cmd ? run(cmd, argc - 1, argv + 1) : help(commands, argv[1]);
}

int cli_main(const struct cli_command *const *commands, int argc, char **argv)
{
	return cli_end(dispatch(commands, argc, argv));
}
