/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reports of a patch test, as text and as JSON. */
#ifndef ZLAB_PATCH_REPORT_H
#define ZLAB_PATCH_REPORT_H

#include <stdio.h>

#include "harness/kernel/patch_explore.h"
#include "harness/kernel/patch_measure.h"
#include "harness/kernel/shim_build.h"

/**
 * patch_report_head() - what was built and compared
 * @obj: the object without the patch, and with it
 * @file: the source
 * @verified: comparison of contents on generated operations; NULL for none
 *
 * Plain text of at most 78 columns, so that it fits a patch description.
 */
void patch_report_head(FILE *out, const struct shim_object obj[2],
		       const char *file,
		       const struct placement_result *verified);

/** patch_report_trace() - one trace's block */
void patch_report_trace(FILE *out, const struct patch_plan *plan,
			const struct patch_result *r);

/** patch_report_found() - what the explorer found, a line for each finding */
void patch_report_found(FILE *out, const struct patch_search *s,
			const struct patch_found *found);

#endif
