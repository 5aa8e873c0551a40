/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A trace that can be given away: without the pages that it was made from. */
#ifndef ZLAB_TRACES_SHARE_H
#define ZLAB_TRACES_SHARE_H

#include "traces/zlt.h"

/**
 * trace_share() - copy a trace without its pages
 * @from: path of a trace of pages or of sizes
 * @to: path of the copy, replaced if it exists; never @from itself
 * @drop: which of ZLT_TIME | ZLT_CPU | ZLT_TID the copy does not have
 * @sizers: codecs whose sizes stand for the pages; not looked at for a trace of
 *	    sizes
 * @count: how many
 * @stop: asked before each batch; the copy is given up when it says true
 *
 * Of each page the copy has its hash, the word it is filled with if there is
 * one, and the sizes.
 *
 * Return: 0; -EINVAL for a trace of another kind, or when both are the same
 * file; -EINTR, or any error of reading or writing. There is no copy then.
 */
int trace_share(const char *from, const char *to, unsigned drop,
		const struct zlt_sizer *sizers, size_t count,
		bool (*stop)(void), struct err *err);

#endif
