// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Passes over all keys.
 */
#include "traces/generate/internal.h"

/*
 * Passes over all keys in order. The page that is needed is loaded, and a page
 * that was needed some time ago is stored to make room.
 */
static int run_scan(struct generate_run *run, struct err *err)
{
	uint64_t keys = (uint64_t)run->p->keys, at;
	uint64_t window = (uint64_t)run->p->window % keys;
	long long done = 0;
	int rc = 0;

	for (at = 0; !rc && done < run->p->ops; at++) {
		uint64_t k = at % keys, out = (at + keys - window) % keys;

		if (run->state[k] == KEY_STORED) {
			rc = gen_emit(run, ZLT_LOAD, k, NULL, err);
			done++;
		}
		if (!rc && at >= window && done < run->p->ops &&
		    run->state[out] != KEY_STORED) {
			rc = gen_emit(run, ZLT_STORE, out, NULL, err);
			done++;
		}
	}
	return rc;
}

static const struct spec_option scan_options[] = {
	COMMON_OPTIONS,
	OPS_OPTION,
	INT(window, "1000", 0, 4e9, "pages that are in memory at one time"),
	{ .name = NULL },
};

GENERATOR(scan, "passes over all keys in order");
