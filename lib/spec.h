/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Spec strings: NAME[@PRESET][:OPTION=VALUE,...], as in
 * "zsmalloc@6.12:chain=4". A backend or a trace generator describes its options
 * in a table; parsing, defaults, presets, error lines and help all use that
 * table.
 */
#ifndef ZLAB_SPEC_H
#define ZLAB_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "lib/err.h"

/**
 * enum spec_kind - what values an option accepts and how they are stored
 * @SPEC_INT: a whole number; long long
 * @SPEC_SIZE: bytes, with an optional K, M, G or T (powers of 1024); long long
 * @SPEC_REAL: a decimal number; double
 * @SPEC_BOOL: on | off; long long 0 or 1
 * @SPEC_CHOICE: one word out of a list; long long index into the list
 */
enum spec_kind {
	SPEC_INT,
	SPEC_SIZE,
	SPEC_REAL,
	SPEC_BOOL,
	SPEC_CHOICE
};

/**
 * struct spec_option - one option; a table of options ends with a NULL name
 * @name: text before the "="
 * @kind: kind of the value after the "="
 * @offset: offset of the value in the parameter structure
 * @def: default, in the form a user writes
 * @min: smallest accepted value (all but SPEC_BOOL and SPEC_CHOICE)
 * @max: largest accepted value
 * @choices: NULL-terminated list of the words of a SPEC_CHOICE
 * @help: one line of help
 */
struct spec_option {
	const char *name;
	enum spec_kind kind;
	size_t offset;
	const char *def;
	double min, max;
	const char *const *choices;
	const char *help;
};

/**
 * struct spec_preset - a named bundle of values; a table ends with a NULL name
 * @name: text after the "@"
 * @opts: the options it sets, as "a=b,c=d"
 * @help: one line of help
 */
struct spec_preset {
	const char *name;
	const char *opts;
	const char *help;
};

/**
 * struct spec_desc - everything that a spec of one NAME may contain
 * @name: the NAME part of the spec
 * @what: what NAME names, for error lines ("backend", "generator")
 * @options: its options, or NULL
 * @presets: its presets, or NULL
 * @params_size: size of the parameter structure that the offsets refer to
 */
struct spec_desc {
	const char *name;
	const char *what;
	const struct spec_option *options;
	const struct spec_preset *presets;
	size_t params_size;
};

/**
 * spec_name_len() - length of the NAME part of a spec
 *
 * A NAME that contains a "/" (the path of a shared object) ends at the first
 * ":" or "@" after its last "/".
 */
size_t spec_name_len(const char *spec);

/**
 * spec_next() - cut the first spec off a list with commas
 * @list: the rest of the list; set to NULL behind the last spec
 *
 * A piece "OPTION=VALUE" belongs to the spec before it. Return: the spec, or
 * NULL when there is none.
 */
char *spec_next(char **list);

/**
 * spec_parse() - fill a parameter structure from a spec
 * @desc: description to parse by; the NAME part of @spec is not compared
 * @spec: the whole spec string
 * @params: receives @desc->params_size bytes: defaults, then the preset, then
 *	    the options from left to right
 * @err: receives the error line
 *
 * Return: 0, or -EINVAL for an unknown preset or option, a value of the wrong
 * kind or out of range, an option given twice, or text after the last option.
 * The error line names the option and the values it accepts.
 */
int spec_parse(const struct spec_desc *desc, const char *spec, void *params,
	       struct err *err);

/**
 * spec_print() - print the canonical spec, with the value of every option
 * @desc: description of the parameters
 * @params: values
 * @buf: receives the string, always terminated
 * @len: bytes in @buf
 *
 * Parsing the result yields @params again. Return: @buf.
 */
char *spec_print(const struct spec_desc *desc, const void *params, char *buf,
		 size_t len);

/**
 * spec_help() - print every option, its values, default and presets
 */
void spec_help(const struct spec_desc *desc, FILE *out);

/**
 * size_parse() - convert a size such as "64M" to bytes
 * @text: a number with an optional K, M, G or T (powers of 1024)
 * @bytes: receives the value
 *
 * Return: 0, or -EINVAL when @text has another form or the value overflows.
 */
int size_parse(const char *text, long long *bytes);

#endif
