/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The contribution of each cost of a profile to a result. */
#ifndef ZLAB_SENSITIVITY_H
#define ZLAB_SENSITIVITY_H

#include <jansson.h>
#include <stdio.h>

/**
 * sensitivity_print() - print each cost's contribution, a column per record
 * @width: columns of a line, 0 = any number
 * @labels: heads of the columns
 * @records: records of virtual CPUs; NULL or without sensitivities: left out
 * @n: number of records
 *
 * Prints nothing if no record has sensitivities.
 */
void sensitivity_print(FILE *out, int width, const char *const *labels,
		       const json_t *const *records, size_t n);

#endif
