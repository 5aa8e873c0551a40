// SPDX-License-Identifier: GPL-2.0-or-later
/* What a backend built against other headers looks like. */
#include "backends/zpool.h"

const struct zpool_driver zlab_backend = {
	.abi = ZPOOL_ABI + 1,
	.spec = { .name = "old_abi", .what = "backend" },
};
