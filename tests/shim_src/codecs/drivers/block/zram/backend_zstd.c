// SPDX-License-Identifier: GPL-2.0-or-later
/* Never compiled: read for the size that this user expects. */
static int setup_params(struct zcomp_params *params)
{
	zp->cprm = zstd_get_params(params->level, PAGE_SIZE);
	return 0;
}
