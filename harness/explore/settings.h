/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a front end of the explorer chooses its options for a program. */
#ifndef ZLAB_EXPLORE_SETTINGS_H
#define ZLAB_EXPLORE_SETTINGS_H

#include "harness/explore/front.h"

/**
 * settings_parse() - parse options that have no name in front
 * @desc: of the front end
 * @list: NAME=VALUE with commas
 *
 * Return: as spec_parse(); also -EINVAL for a list that is too long.
 */
int settings_parse(const struct spec_desc *desc, const char *list, void *params,
		   struct err *err);

/**
 * struct settings - options to be chosen
 * @text: of PROGRAM_OPTIONS bytes; receives those that are given and those that
 *	  are added
 * @given: those that all programs have
 */
struct settings {
	char *text;
	const char *given;
};

/** settings_begin() - take those that are given */
void settings_begin(struct settings *c);

/** settings_add() - add an option, if it is not given */
void settings_add(struct settings *c, const char *name, const char *value);

/** settings_number() - the same with a number */
void settings_number(struct settings *c, const char *name, unsigned value);

/** settings_below() - a number below @n */
unsigned settings_below(uint64_t *random, unsigned n);

/** settings_on_off() - "on" or "off" */
const char *settings_on_off(uint64_t *random);

/**
 * settings_crowd() - have a program use fewer objects, so that more operations meet
 *
 * Its pools may be empty at first: then writeback comes to what is stored at that
 * moment.
 */
void settings_crowd(struct program *p, uint64_t *random);

#endif
