/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Columns of a trace that its user wants to leave out. */
#ifndef ZLAB_COLUMNS_H
#define ZLAB_COLUMNS_H

#include "harness/cli/options.h"
#include "traces/zlt.h"

/* Words of --drop; its row's @set ORs ZLT_TIME etc. into an unsigned. */
extern const struct cli_word columns_words[];
int columns_set(const struct cli_option *o, const char *arg, void *to);

/* The row of --drop; @member is an unsigned. */
#define COLUMNS_DROP(type, member)                                              \
	{                                                                       \
		"drop", 0, "time,cpu,tid",                                      \
			"Leave these out: when, on which CPU, by which thread", \
			CLI_IS_CALL(columns_set), CLI_AT(type, member),         \
			.words = columns_words, .split = true                   \
	}

#endif
