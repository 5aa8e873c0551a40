/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The explorer in "zlab patch-test": the same search on both sides of a patch,
 * and which findings only one of them has.
 */
#ifndef ZLAB_PATCH_EXPLORE_H
#define ZLAB_PATCH_EXPLORE_H

#include <jansson.h>
#include <stdint.h>

#include "harness/kernel/shim_build.h"

#define PATCH_EXPLORE_SEED 1

/** enum patch_side - who has a finding */
enum patch_side {
	PATCH_ADDED, /* the patched side alone */
	PATCH_MENDED, /* the base alone */
	PATCH_BOTH,
	PATCH_SIDES
};

/**
 * struct patch_search - what is explored
 * @obj: the base and the patched side, made for virtual CPUs
 * @tree: where the source of each lies, for the lines of stories
 * @schedules: of each side
 * @known: list of races that are no findings, or NULL for the committed one
 * @dir: folder for the stories, made if it is not there; NULL for none
 */
struct patch_search {
	const struct shim_object *obj;
	const char *tree[2];
	long long schedules;
	const char *known, *dir;
};

/**
 * struct patch_finding - a finding of one or both sides
 * @side: who has it
 * @kind: "race", ...
 * @name: its functions, or what is said where it has none
 * @times: in how many schedules of each side
 * @json: of each side, as "zlab explore --json" has it; borrowed, NULL for none
 * @shrunk: the same with few operations and switches; owned, NULL for none
 * @number: of its story, from 1: DIR/N.json and DIR/N.txt
 */
struct patch_finding {
	enum patch_side side;
	char kind[32], name[256];
	uint64_t times[2];
	json_t *json[2], *shrunk;
	unsigned number;
};

/**
 * struct patch_found - what was found; free with patch_found_free()
 * @result: what "zlab explore --json" says of each side
 * @at: the findings: those of the patched side alone first, then those that are
 *	mended, then those of both
 * @nr: how many
 * @count: how many of each enum patch_side
 */
struct patch_found {
	json_t *result[2];
	struct patch_finding *at;
	size_t nr, count[PATCH_SIDES];
};

/**
 * patch_explore() - explore both sides and compare
 * @s: what to do
 * @found: receives what was found; to be freed in any case
 * @err: receives the error line: the explorer does not run or fails, the folder
 *	 cannot be written
 *
 * Findings are the same if they are of one kind and in the same functions, since
 * a patch moves lines; of deadlocks the locks count. What only one side has met
 * is shrunk, and the other side runs the same schedule and others of the same
 * program, before it is called new or mended. Programs and schedules are those
 * of a fixed seed. Known harmless races are no findings.
 *
 * Return: 0 or a negative errno; -EINTR after a signal.
 */
int patch_explore(const struct patch_search *s, struct patch_found *found,
		  struct err *err);

/** patch_found_json() - the comparison as an object, or NULL without memory */
json_t *patch_found_json(const struct patch_search *s,
			 const struct patch_found *found);

void patch_found_free(struct patch_found *found);

#endif
