/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A front end of the explorer: does the operations of a program with a backend,
 * and knows what must come back. pool.c is the pool itself, zswap.c zswap; another
 * front end is another file with such a table, and a line in front.c.
 */
#ifndef ZLAB_EXPLORE_FRONT_H
#define ZLAB_EXPLORE_FRONT_H

#include "harness/explore/explore.h"
#include "lib/spec.h"

/**
 * struct front - a front end; one pool at a time
 * @name: for --front and replay files
 * @options: its options, or NULL
 * @probe: what the backend can do. Makes a pool and leaves it. @options are those
 *	   that all programs have, see struct explorer
 * @choose: choose options for a program: set p->options, in which those of
 *	    @options are as they are there. NULL where there are none to choose
 * @complete: whether an exhaustive search can follow all that its options, those
 *	      of struct explorer, let it do. Return: 0, or a negative errno with
 *	      @err set. NULL where it can
 * @setup: make the pool and do the program's set-up. Return: 0 or a negative
 *	   errno with @err set
 * @begin: a schedule of the program begins
 * @op: do an operation on the CPU that runs. Wrong results are reported with
 *	xcpu_report(); objects that are in use by another CPU are waited for
 * @rest: all CPUs have ended: check the pool, all objects and leaks
 * @frame: number of the frame that an address lies in, -1 for none
 *
 * All are called inside of the world (xworld_enter()), so memory that they
 * allocate is gone after the schedule. State outside of the world is theirs to
 * put back in @begin.
 */
struct front {
	const char *name;
	const struct spec_desc *options;
	int (*probe)(const char *backend, const char *options,
		     struct program_limits *limits, struct err *err);
	void (*choose)(struct program *p, const char *options,
		       const struct program_limits *limits, uint64_t random);
	int (*complete)(const char *options, struct err *err);
	int (*setup)(const char *backend, const struct program *p,
		     struct err *err);
	void (*begin)(const struct program *p);
	void (*op)(const struct op *op);
	void (*rest)(const struct program *p);
	long (*frame)(const void *addr);
};

extern const struct front front_pool, front_zswap;

/**
 * front_find() - the front end of a spec, NAME[:OPTION=VALUE,...]
 * @options: receives its options, "" for none
 *
 * Return: the front end, or NULL with @err set to a line that names all, or the
 * options that it has.
 */
const struct front *front_find(const char *spec, const char **options,
			       struct err *err);

/** front_names() - "pool, zswap" */
const char *front_names(void);

#endif
