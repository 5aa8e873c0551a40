// SPDX-License-Identifier: GPL-2.0-or-later
/* A backend that says of itself what the test writes into @abi. */
#include "backends/zpool.h"

static struct zpool_abi abi;

extern struct zpool_driver zlab_backend;
struct zpool_driver zlab_backend = {
	.abi = &abi,
	.spec = { .name = "old_abi", .what = "backend" },
};
