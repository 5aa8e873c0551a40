// SPDX-License-Identifier: GPL-2.0-or-later
/* Never compiled: read for the size that this user expects. */
#include <linux/zstd.h>

#define ZSTD_DEF_LEVEL 5
#define ZSTD_MAX_LOG 18
#define ZSTD_MAX_SIZE BIT(ZSTD_MAX_LOG)

static zstd_parameters params(void)
{
	return zstd_get_params(ZSTD_DEF_LEVEL, ZSTD_MAX_SIZE);
}
