/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Options as tables. A row has an option's name, its kind of value, the place
 * where the value is stored, and the help text; parsing, error lines, help and
 * completion all use the row.
 */
#ifndef ZLAB_OPTIONS_H
#define ZLAB_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/**
 * enum cli_kind - what an option does with its value
 * @CLI_FLAG: takes none; stores @value, an integer
 * @CLI_TEXT: const char *, as typed
 * @CLI_COUNT: a whole number from @min to @max; any integer
 * @CLI_SIZE: bytes from @min on, with an optional K, M, G or T; any integer
 * @CLI_CHOICE: one of @words; stores its value, an integer
 * @CLI_LIST: struct cli_list; may be given again
 * @CLI_COUNTS: struct cli_counts; numbers with commas between
 * @CLI_REST: char **; this word and all that follow; only for operands
 * @CLI_CALL: @set stores it
 */
enum cli_kind {
	CLI_FLAG,
	CLI_TEXT,
	CLI_COUNT,
	CLI_SIZE,
	CLI_CHOICE,
	CLI_LIST,
	CLI_COUNTS,
	CLI_REST,
	CLI_CALL
};

/**
 * enum cli_offer - what completion offers for a value beside its words
 * @OFFER_NOTHING: nothing
 * @OFFER_FILE: files
 * @OFFER_DIR: folders
 * @OFFER_TRACE: traces and folders
 * @OFFER_SOURCE: the same, and the kinds of OFFER_KIND once a word is begun
 * @OFFER_BACKEND: backends, their presets and options, shared objects
 * @OFFER_CODEC: codecs
 * @OFFER_KIND: kinds of made traces and their options
 * @OFFER_REF: branches and tags of the git tree
 * @OFFER_PROGRAM: programs, then the program's own arguments
 */
enum cli_offer {
	OFFER_NOTHING,
	OFFER_FILE,
	OFFER_DIR,
	OFFER_TRACE,
	OFFER_SOURCE,
	OFFER_BACKEND,
	OFFER_CODEC,
	OFFER_KIND,
	OFFER_REF,
	OFFER_PROGRAM
};

/** struct cli_word - a word of a CLI_CHOICE; a table ends with a NULL word */
struct cli_word {
	const char *word;
	int value;
};

#define CLI_LIST_MAX 256
#define CLI_COUNTS_MAX 64

/** struct cli_list - values in the order they were given; own copies */
struct cli_list {
	size_t nr;
	char *at[CLI_LIST_MAX];
};

/** struct cli_counts - numbers in the order they were given */
struct cli_counts {
	size_t nr;
	unsigned at[CLI_COUNTS_MAX];
};

/**
 * struct cli_kept - options of a group, to be passed to another program
 * @given: name of the last option that was given, or NULL
 * @nr: number of @args
 * @args: each an "--option=value"; own copies
 */
struct cli_kept {
	const char *given;
	size_t nr;
	char *args[64];
};

struct cli_option;

/* Stores @arg in the structure @to of the option's group. Return: 0, or
 * EXIT_USAGE with the line printed. */
typedef int (*cli_set)(const struct cli_option *o, const char *arg, void *to);

/**
 * struct cli_option - one option or operand; a table ends with a NULL name
 * @name: long name; arbitrary for an operand
 * @key: its letter, or 0
 * @arg: name of the value in help; NULL if the option takes none
 * @help: description; NULL: not shown and not completed
 * @kind: how the value is parsed and stored
 * @at: offset of the value in the group's structure, see CLI_AT()
 * @size: size of an integer value
 * @value: value that a CLI_FLAG stores
 * @min: smallest accepted value
 * @max: largest accepted value
 * @words: words of a CLI_CHOICE; for other kinds, words to complete
 * @set: function of a CLI_CALL
 * @offer: what completion offers
 * @many: following words are values, too, up to the next option
 * @split: values are separated by commas
 * @stream: "-" means standard output; without this, -o and @output refuse it
 * @output: the value of this CLI_TEXT names a file that is written
 * @needs: error line if the option is missing; NULL: it is optional
 */
struct cli_option {
	const char *name;
	char key;
	const char *arg;
	const char *help;
	enum cli_kind kind;
	size_t at, size;
	long long value, min, max;
	const struct cli_word *words;
	cli_set set;
	enum cli_offer offer;
	bool many, split, stream, output;
	const char *needs;
};

/* Offset and size of a member. */
#define CLI_AT(type, member) \
	.at = offsetof(type, member), .size = sizeof(((type *)0)->member)

/* The kinds, as the end of a row. */
#define CLI_IS_FLAG(type, member, v) \
	.kind = CLI_FLAG, CLI_AT(type, member), .value = (v)
#define CLI_IS_TEXT(type, member) .kind = CLI_TEXT, CLI_AT(type, member)
#define CLI_IS_COUNT(type, member, lo, hi) \
	.kind = CLI_COUNT, CLI_AT(type, member), .min = (lo), .max = (hi)
#define CLI_IS_SIZE(type, member, lo) \
	.kind = CLI_SIZE, CLI_AT(type, member), .min = (lo)
/* Each { "word", value }. */
#define CLI_WORDS(...)                     \
	.words = (const struct cli_word[]) \
	{                                  \
		__VA_ARGS__,               \
		{                          \
			0                  \
		}                          \
	}
#define CLI_IS_CHOICE(type, member, ...) \
	.kind = CLI_CHOICE, CLI_AT(type, member), CLI_WORDS(__VA_ARGS__)
#define CLI_IS_LIST(type, member) .kind = CLI_LIST, CLI_AT(type, member)
#define CLI_IS_COUNTS(type, member, hi) \
	.kind = CLI_COUNTS, CLI_AT(type, member), .min = 1, .max = (hi)
#define CLI_IS_CALL(f) .kind = CLI_CALL, .set = (f)

/* Rows that many commands have; each command supplies the help text. */
#define CLI_BACKEND(text, ...)                                        \
	{                                                             \
		"backend", 'b', "SPEC", text, .offer = OFFER_BACKEND, \
					      __VA_ARGS__             \
	}
#define CLI_CODEC(text, ...)                                                   \
	{                                                                      \
		"codec", 'c', "CODEC", text, .offer = OFFER_CODEC, __VA_ARGS__ \
	}
#define CLI_OUTPUT(value, text, ...)                                    \
	{                                                               \
		"output", 'o', value, text, .offer = OFFER_FILE,        \
					    .output = true, __VA_ARGS__ \
	}
#define CLI_JSON(type, text)                                                  \
	{                                                                     \
		"json", 0, "FILE", text, .offer = OFFER_FILE, .output = true, \
					 .stream = true,                      \
					 CLI_IS_TEXT(type, json)              \
	}
#define CLI_RUNS(type, most, text)                                        \
	{                                                                 \
		"runs", 'n', "N", text, CLI_IS_COUNT(type, runs, 1, most) \
	}
#define CLI_WIDE(type)                                                             \
	{                                                                          \
		"wide", 0, NULL,                                                   \
			"Lines of any length; otherwise of 80 columns, or of the " \
			"terminal's",                                              \
			CLI_IS_FLAG(type, wide, 1)                                 \
	}
#define CLI_ON_OFF           \
	{ "on", true },      \
	{                    \
		"off", false \
	}
#define CLI_PAGE_SIZE(type, member, text)                           \
	{                                                           \
		"page-size", 0, "4K|16K|64K", text,                 \
			CLI_IS_CHOICE(type, member, { "4K", 12 },   \
				      { "16K", 14 }, { "64K", 16 }) \
	}
/* Operands: the file of a trace; or that or the spec of a stream. */
#define CLI_TRACE(line, ...)                                            \
	{                                                               \
		"trace", 0, "T.zlt", NULL, .offer = OFFER_TRACE,        \
					   .needs = (line), __VA_ARGS__ \
	}
#define CLI_SOURCE(line, ...)                                           \
	{                                                               \
		"trace", 0, "T.zlt", NULL, .offer = OFFER_SOURCE,       \
					   .needs = (line), __VA_ARGS__ \
	}

/**
 * cli_option_set() - store a value
 * @o: the option
 * @arg: the value; NULL for a CLI_FLAG
 * @to: structure of its group
 *
 * Return: 0; EXIT_USAGE or EXIT_FAILED with the line printed.
 */
int cli_option_set(const struct cli_option *o, const char *arg, void *to);

/** cli_list_add() - append a copy. Return: as cli_option_set() */
int cli_list_add(struct cli_list *l, const char *text);

/** cli_list_drop() - remove the value at index @i */
void cli_list_drop(struct cli_list *l, size_t i);

/** cli_list_free() - release the copies */
void cli_list_free(struct cli_list *l);

/** cli_keep() - note an option that was given. Return: as cli_option_set() */
int cli_keep(struct cli_kept *k, const struct cli_option *o, const char *arg);

/** cli_kept_free() - release the copies */
void cli_kept_free(struct cli_kept *k);

#endif
