// SPDX-License-Identifier: GPL-2.0-or-later
/* Functions of program.h in the program for virtual CPUs, except replaying. */
#include <jemalloc/jemalloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/personality.h>
#include <unistd.h>

#include "harness/cli/cli.h"
#include "harness/cmd/cmd.h"
#include "harness/virtual/program.h"
#include "harness/virtual/virtual.h"
#include "lib/self.h"

const bool virtual_program = true;

/*
 * Allocations before a replay must not decide which of its objects share a
 * line: the replay has its own arena, created before anything is allocated.
 */
static unsigned arena;
static bool have_arena;

static void make_heap(void)
{
	size_t len = sizeof(arena);

	have_arena = !mallctl("arenas.create", &arena, &len, NULL, 0);
}

void virtual_use_heap(void)
{
	if (!have_arena ||
	    mallctl("thread.arena", NULL, NULL, &arena, sizeof(arena)))
		fprintf(stderr, "zlab: warning: no heap of its own for a "
				"replay, whose result may not repeat\n");
}

void virtual_start(char **argv)
{
	static const char fixed_malloc[] =
		"narenas:1,tcache:false,background_thread:false,"
		"dirty_decay_ms:-1,muzzy_decay_ms:-1";
	int now = personality(0xffffffff);

	if (now < 0 || now & ADDR_NO_RANDOMIZE) {
		make_heap();
		return;
	}
	setenv("MALLOC_CONF", fixed_malloc, 1);
	if (personality((unsigned long)now | ADDR_NO_RANDOMIZE) >= 0)
		execv(SELF_PROGRAM, argv);
	fprintf(stderr, "zlab: warning: addresses are random here; results "
			"that hash an address do not repeat\n");
	make_heap();
}

static int real_only(void *args, int argc, char **argv)
{
	return cli_failed("%s compares with real CPUs, which this program has "
			  "not; run zlab",
			  argv[0]);
}

const struct cli_command cmd_calibrate = {
	.name = "calibrate",
	.chapter = CHAPTER_VIRTUAL,
	.summary = "only in zlab",
	.run = real_only,
};

const struct cli_command cmd_validate = {
	.name = "validate",
	.chapter = CHAPTER_VIRTUAL,
	.summary = "only in zlab",
	.run = real_only,
};
