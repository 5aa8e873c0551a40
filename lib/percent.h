/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ZLAB_PERCENT_H
#define ZLAB_PERCENT_H

#include <stdint.h>

/** percent_of() - how much of @whole @part is; 0 of nothing */
static inline double percent_of(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

#endif
