// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>
#include <string.h>

#include "harness/virtual/sensitivity.h"

#define NAME_WIDTH 22
#define MIN_WIDTH 18

static const json_t *of(const json_t *record, const char *what)
{
	return json_object_get(json_object_get(record, "virtual"), what);
}

static int width_of(const char *label)
{
	int len = (int)strlen(label);

	return len + 2 > MIN_WIDTH ? len + 2 : MIN_WIDTH;
}

static void print_row(FILE *out, const char *cost, const char *const *labels,
		      const json_t *const *records, size_t n)
{
	const json_t *pair;
	size_t i;

	fprintf(out, "%-*s", NAME_WIDTH, cost);
	for (i = 0; i < n; i++) {
		if (!of(records[i], "sensitivity"))
			continue;
		pair = json_object_get(of(records[i], "sensitivity"), cost);
		fprintf(out, "%*s", width_of(labels[i]) - 17, "");
		if (pair)
			fprintf(out, "%+8.1f%+9.1f",
				100 * json_number_value(
					      json_array_get(pair, 0)) -
					100,
				100 * json_number_value(
					      json_array_get(pair, 1)) -
					100);
		else
			fprintf(out, "%8s%9s", "-", "-");
	}
	fputc('\n', out);
}

/* Whether an earlier column has the cost too, and with it the row. */
static bool had(const char *cost, const json_t *const *records, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (json_object_get(of(records[i], "sensitivity"), cost))
			return true;
	return false;
}

void sensitivity_print(FILE *out, const char *const *labels,
		       const json_t *const *records, size_t n)
{
	const char *cost;
	json_t *pair;
	size_t i, any = 0;

	for (i = 0; i < n; i++)
		any += of(records[i], "sensitivity") != NULL;
	if (!any)
		return;
	fprintf(out,
		"\nsys, %%, with one cost halved and half as much more; - "
		"where it is not used\n%-*s",
		NAME_WIDTH, "cost");
	for (i = 0; i < n; i++)
		if (of(records[i], "sensitivity"))
			fprintf(out, "%*s", width_of(labels[i]), labels[i]);
	fprintf(out, "\n");
	for (i = 0; i < n; i++)
		json_object_foreach ((json_t *)of(records[i], "sensitivity"),
				     cost, pair)
			if (!had(cost, records, i))
				print_row(out, cost, labels, records, n);
}
