/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sub-commands as tables, and what all of them share: "zlab CMD --help",
 * "zlab help CMD", --version, one error line, exit statuses, completion.
 */
#ifndef ZLAB_COMMAND_H
#define ZLAB_COMMAND_H

#include "harness/cli/options.h"

/** enum cli_chapter - section of the list of commands */
enum cli_chapter {
	CHAPTER_TRACES,
	CHAPTER_MEASURING,
	CHAPTER_KERNEL,
	CHAPTER_VIRTUAL,
	CHAPTER_ABOUT,
	CHAPTERS
};

/**
 * struct cli_group - options that belong together; a table ends with NULL
 *		      @options
 * @head: heading of the group in help, or NULL
 * @options: the rows
 * @at: offset of the group's structure in the command's structure
 * @keep: note them in the struct cli_kept at @kept of the command's structure
 */
struct cli_group {
	const char *head;
	const struct cli_option *options;
	size_t at;
	bool keep;
	size_t kept;
};

/* A row that keeps nothing, and one of the command's own structure. */
#define CLI_GROUP(title, rows, place)                             \
	{                                                         \
		.head = (title), .options = (rows), .at = (place) \
	}
#define CLI_NO_GROUP            \
	{                       \
		.options = NULL \
	}
#define CLI_KEEP(title, rows, type, member)                       \
	{                                                         \
		.head = (title), .options = (rows), .keep = true, \
		.kept = offsetof(type, member)                    \
	}

/**
 * struct cli_command - one sub-command
 * @name: name on the command line
 * @chapter: section in the list of commands
 * @summary: one line for the list
 * @usage: arguments after the name, one line for each form
 * @doc: a paragraph for help
 * @more: help text below the options, or NULL
 * @operand: row of the operands; NULL if the command takes none
 * @options: its options, stored in the command's structure; or NULL
 * @groups: more groups of options, or NULL
 * @size: size of the command's structure
 * @defaults: initial contents of the structure; NULL for zeros
 * @check: checks all options together before @run, or NULL. Return: 0, or
 *	   EXIT_USAGE with the line printed
 * @run: runs the command; argv[0] is its name and argv is as typed. Return:
 *	 the exit status
 */
struct cli_command {
	const char *name;
	enum cli_chapter chapter;
	const char *summary, *usage, *doc, *more;
	const struct cli_option *operand;
	const struct cli_option *options;
	const struct cli_group *groups;
	size_t size;
	const void *defaults;
	int (*check)(void *args);
	int (*run)(void *args, int argc, char **argv);
};

/* Its members, a few in a line. */
#define CLI_NAME(word, part, line, ways) \
	.name = (word), .chapter = (part), .summary = (line), .usage = (ways)
#define CLI_TAKES(type, word, rows, more_rows)                      \
	.size = sizeof(type), .operand = (word), .options = (rows), \
	.groups = (more_rows)
#define CLI_DOES(start, look, go) \
	.defaults = (start), .check = (look), .run = (go)

/**
 * cli_group() - the @i-th group of a command's options
 * @g: receives it
 *
 * Return: false if @i is beyond the last group.
 */
bool cli_group(const struct cli_command *cmd, size_t i, struct cli_group *g);

/* -h, --help and --version, which all commands have. */
extern const struct cli_option cli_common_options[];

/**
 * cli_main() - the program
 * @commands: ends with NULL
 *
 * Return: the exit status.
 */
int cli_main(const struct cli_command *const *commands, int argc, char **argv);

/** cli_command_find() - the command of that name, or NULL */
const struct cli_command *
cli_command_find(const struct cli_command *const *commands, const char *name);

/**
 * cli_parse() - read a command line
 * @args: its structure, filled with the defaults
 * @help: set when help or the version was asked for, and is printed
 *
 * Return: 0; EXIT_USAGE or EXIT_FAILED with the line printed.
 */
int cli_parse(const struct cli_command *cmd, int argc, char **argv, void *args,
	      bool *help);

/** cli_help() - all that "zlab CMD --help" says, on standard output */
int cli_help(const struct cli_command *cmd);

/**
 * cli_complete() - print candidates for the last word of a command line
 * @argv: the words after "zlab"; the last may be incomplete or empty
 *
 * Prints lines of a word, a tab and what it means; and ":files ENDING...",
 * ":dirs", ":refs" or ":program N", which the shell completes itself (N: first
 * word of that program's command line). Return: the exit status.
 */
int cli_complete(const struct cli_command *const *commands, int argc,
		 char **argv);

#endif
