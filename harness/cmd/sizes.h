/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two halves of "zlab sizes": sizes into a trace, and two codecs' beside. */
#ifndef ZLAB_CMD_SIZES_H
#define ZLAB_CMD_SIZES_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/swap/codec.h"

#define SIZES_MAX_CODECS 16

/**
 * struct sizes_codecs - codecs that compress, in the order they were given
 * @at: the codecs
 * @nr: how many
 */
struct sizes_codecs {
	struct codec *at[SIZES_MAX_CODECS];
	size_t nr;
};

/**
 * sizes_against() - say how the objects of two codecs differ
 * @trace: path of a trace with pages, which stays as it is
 * @codecs: codecs
 * @others: as many, one for each of @codecs; or one for all
 * @json: a file that receives it as JSON, - for standard output, or NULL
 * @wide: lines of any length
 *
 * Return: an exit status, with the line printed when it is not 0.
 */
int sizes_against(const char *trace, const struct sizes_codecs *codecs,
		  const struct sizes_codecs *others, const char *json,
		  bool wide);

#endif
