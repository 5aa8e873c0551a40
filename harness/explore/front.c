// SPDX-License-Identifier: GPL-2.0-or-later
/* The front ends by their names. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness/explore/front.h"

static const struct front *const fronts[] = { &front_pool, &front_zswap };
#define NR_FRONTS (sizeof(fronts) / sizeof(fronts[0]))

const char *front_names(void)
{
	static char names[64];
	size_t i, n = 0;

	for (i = 0; i < NR_FRONTS && n < sizeof(names); i++)
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s",
				      i ? ", " : "", fronts[i]->name);
	return names;
}

const struct front *front_find(const char *spec, const char **options,
			       struct err *err)
{
	size_t len = strcspn(spec, ":"), i;

	*options = spec + len + (spec[len] == ':');
	for (i = 0; i < NR_FRONTS; i++)
		if (strlen(fronts[i]->name) == len &&
		    !memcmp(fronts[i]->name, spec, len))
			break;
	if (i == NR_FRONTS) {
		err_set(err, -EINVAL,
			"there is no front end \"%.*s\"; there are %s",
			(int)len, spec, front_names());
		return NULL;
	}
	if (!fronts[i]->options && **options) {
		err_set(err, -EINVAL, "front end %s has no options",
			fronts[i]->name);
		return NULL;
	}
	return fronts[i];
}
