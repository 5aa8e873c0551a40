/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each cost of a profile contributes to a result. */
#ifndef ZLAB_SENSITIVITY_H
#define ZLAB_SENSITIVITY_H

#include <jansson.h>
#include <stdio.h>

/**
 * sensitivity_print() - what each cost contributes, a column for each record
 * @width: columns of a line, 0 = any number
 * @labels: heads of the columns
 * @records: result records of virtual CPUs; NULL or one without is left out
 * @n: how many
 *
 * Prints nothing when no record has any.
 */
void sensitivity_print(FILE *out, int width, const char *const *labels,
		       const json_t *const *records, size_t n);

#endif
