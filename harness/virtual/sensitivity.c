// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of the contribution of each cost. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "harness/virtual/sensitivity.h"
#include "lib/layout.h"

static const json_t *of(const json_t *record)
{
	return json_object_get(json_object_get(record, "virtual"),
			       "sensitivity");
}

static double percent(const json_t *pair, size_t i)
{
	return 100 * json_number_value(json_array_get(pair, i)) - 100;
}

static void add_row(struct layout_table *t, const char *cost,
		    const json_t *const *records, size_t n)
{
	const json_t *pair;
	size_t i;

	layout_cell(t, "%s", cost);
	for (i = 0; i < n; i++) {
		if (!of(records[i]))
			continue;
		pair = json_object_get(of(records[i]), cost);
		if (pair)
			layout_cell(t, "%+.1f %+8.1f", percent(pair, 0),
				    percent(pair, 1));
		else
			layout_cell(t, "- %8s", "-");
	}
}

/* Whether an earlier column has the cost, so that its row was printed. */
static bool had(const char *cost, const json_t *const *records, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (json_object_get(of(records[i]), cost))
			return true;
	return false;
}

void sensitivity_print(FILE *out, int width, const char *const *labels,
		       const json_t *const *records, size_t n)
{
	const char **heads = calloc(n + 1, sizeof(*heads));
	struct layout_table *t;
	const char *cost;
	json_t *pair;
	size_t i, columns = 1;

	if (!heads)
		return;
	heads[0] = "cost";
	for (i = 0; i < n; i++)
		if (of(records[i]))
			heads[columns++] = labels[i];
	t = columns > 1 ? layout_table(heads, columns) : NULL;
	if (t)
		fputs("\nsys, %, with one cost halved and half as much more; - "
		      "where it is not used\n",
		      out);
	for (i = 0; t && i < n; i++)
		json_object_foreach ((json_t *)of(records[i]), cost, pair)
			if (!had(cost, records, i))
				add_row(t, cost, records, n);
	(void)layout_table_print(t, out, width);
	free(heads);
}
