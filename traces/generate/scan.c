// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Passes over all keys.
 */
#include "traces/generate/emit.h"

/*
 * Passes over all keys in order. The page that is needed is loaded, and a page
 * that was needed some time ago is stored to make room.
 */
gen_hot_loop void scan_step(struct generate_run *run, enum gen_mode mode)
{
	uint64_t keys = (uint64_t)run->p->keys, at = run->at;
	uint64_t window = (uint64_t)run->p->window % keys;
	long long done = run->done, ops = run->p->ops;
	struct gen_hot h = run->hot;

	for (; done < ops && !gen_full(run, &h, GEN_AT_ONCE, mode); at++) {
		uint64_t k = at % keys, out = (at + keys - window) % keys;

		gen_need(run, &h, GEN_AT_ONCE);
		if (run->state[k] == KEY_STORED) {
			gen_emit(run, &h, ZLT_LOAD, k, mode);
			done++;
		}
		if (at >= window && done < ops &&
		    run->state[out] != KEY_STORED) {
			gen_emit(run, &h, ZLT_STORE, out, mode);
			done++;
		}
	}
	run->hot = h;
	run->at = at;
	run->done = done;
	run->over = done == ops;
}

static double scan_events(const struct gen_params *p)
{
	return (double)p->ops;
}

static const struct spec_option scan_options[] = {
	COMMON_OPTIONS,
	OPS_OPTION,
	INT(window, "1000", 0, 4e9, "pages that are in memory at one time"),
	{ .name = NULL },
};

GENERATOR_AS(scan, "scan", scan_step, true, "passes over all keys in order");
