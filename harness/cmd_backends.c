// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "backends/zpool.h"
#include "harness/cli.h"

static const struct argp argp = {
	.doc = "List every built-in allocator with its options, the values "
	       "they take, their defaults, and its presets.",
};

int cmd_backends(int argc, char **argv)
{
	const struct zpool_driver *d = NULL;
	int ret = cli_parse(&argp, "zlab backends", argc, argv, NULL);

	if (ret)
		return ret;
	while ((d = zpool_driver_next(d))) {
		printf("%s: %s\n", d->spec.name, d->summary);
		spec_help(&d->spec, stdout);
	}
	return 0;
}
