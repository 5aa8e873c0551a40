/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Synthetic traces. Each kind describes its options; the same spec gives the
 * same trace, byte for byte.
 */
#ifndef ZLAB_TRACES_GENERATE_H
#define ZLAB_TRACES_GENERATE_H

#include "lib/spec.h"
#include "traces/zlt.h"

struct generate_run;
struct gen_params;

/**
 * struct generator - one kind of synthetic trace
 * @desc: name and options
 * @help: one line for a person
 * @expect: about how many events it makes
 * @in_order: keys first appear in their order
 * @step: by enum gen_mode, make events until the batch is full or all are made
 */
struct generator {
	struct spec_desc desc;
	const char *help;
	double (*expect)(const struct gen_params *p);
	bool in_order;
	void (*step[4])(struct generate_run *run);
};

/* Ends with a NULL pointer. */
extern const struct generator *const generators[];

/**
 * generator_find() - the kind that a spec names
 *
 * Return: the generator, or NULL with a line that lists the kinds.
 */
const struct generator *generator_find(const char *spec, struct err *err);

/**
 * generate_trace() - write a synthetic trace
 * @spec: KIND[:option=value,...]
 * @path: the trace; removed again on failure
 *
 * The trace's metadata has the full spec as "generator". Return: 0, -EINVAL for
 * a bad spec, -ENOMEM or -ENOSPC for a trace that needs more memory or disk than
 * there is, before it is begun, or the writer's error.
 */
int generate_trace(const char *spec, const char *path, struct err *err);

#endif
