// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "backends/zpool.h"
#include "harness/cmd.h"

int cmd_backends(int argc, char **argv)
{
	const struct zpool_driver *d = NULL;

	while ((d = zpool_driver_next(d))) {
		printf("%s: %s\n", d->spec.name, d->summary);
		spec_help(&d->spec, stdout);
	}
	return 0;
}
