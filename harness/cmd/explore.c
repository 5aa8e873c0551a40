// SPDX-License-Identifier: GPL-2.0-or-later
/* "zlab explore": its options; harness/explore/ does the work. */
#include <limits.h>
#include <string.h>

#include "harness/cmd/cmd.h"
#include "harness/explore/explore.h"

#define E struct explore

static const struct cli_option options[] = {
	CLI_BACKEND("Allocator, or the object that \"zlab-virtual shim\" made",
		    CLI_IS_TEXT(E, backend)),
	{ "front", 0, "NAME[:OPTION=VALUE,...]",
	  "What drives the pool: pool (itself, the default), or zswap, whose "
	  "options are chosen anew for each program unless they are given",
	  CLI_IS_TEXT(E, front) },
	{ "cpus", 0, "N", "CPUs, 2..8 (default: 3, exhaustive 2)",
	  CLI_IS_COUNT(E, cpus, 2, XCPU_MAX) },
	{ "ops", 0, "N",
	  "Operations of each CPU, 1..16 (default: 5, exhaustive 2)",
	  CLI_IS_COUNT(E, ops, 1, PROGRAM_OPS) },
	{ "schedules", 'n', "N",
	  "Schedules to run (default: 10000); exhaustive: the most that a program "
	  "may have (default: 100000); with --replay: others of its program, if "
	  "its finding is gone (default: none)",
	  CLI_IS_COUNT(E, schedules, 1, LLONG_MAX) },
	{ "seconds", 0, "N", "Run schedules for so long instead",
	  CLI_IS_COUNT(E, seconds, 1, 1000000) },
	{ "shrink", 0, "N",
	  "Seconds to shrink a finding (default: 10); 0 leaves it as it came",
	  CLI_IS_COUNT(E, shrink, 0, 1000000) },
	{ "strategy", 0, "S",
	  "Who runs next: random, pct:D (priorities), delay:D, exhaustive (all "
	  "programs of few operations, all schedules that differ), or mix "
	  "(default: random, and every fourth schedule pct:3)",
	  CLI_IS_TEXT(E, strategy) },
	{ "points", 0, "WHERE",
	  "Exhaustive: CPUs can switch at atomics and lock calls (sync, the "
	  "default), or at all accesses (all)",
	  CLI_IS_TEXT(E, points) },
	{ "memory", 0, "strong|weak",
	  "Reads return the newest value, or what weakly ordered CPUs allow "
	  "(default: strong)",
	  CLI_IS_CHOICE(E, weak, { "strong", 0 }, { "weak", 1 }) },
	{ "seed", 0, "N", "Seed of programs and schedules (default: 1)",
	  CLI_IS_COUNT(E, seed, 0, LLONG_MAX) },
	{ "keep-going", 'k', NULL,
	  "Go on after a finding; each pair of places is told once",
	  CLI_IS_FLAG(E, keep_going, true) },
	{ "replay", 0, "FILE",
	  "Repeat the finding of a file, and say if it is "
	  "gone",
	  .offer = OFFER_FILE, CLI_IS_TEXT(E, replay) },
	{ "known", 0, "FILE",
	  "Races that are harmless and no findings (default for a kernel's own "
	  "source: the list that comes with zlab)",
	  .offer = OFFER_FILE, CLI_IS_TEXT(E, known) },
	{ "gdb", 0, NULL,
	  "With --replay: run it in gdb, and stop at the failing step",
	  CLI_IS_FLAG(E, gdb, true) },
	{ "html", 0, "FILE", "Write the story of the first finding as a page",
	  .offer = OFFER_FILE, .output = true, CLI_IS_TEXT(E, html) },
	CLI_OUTPUT("FILE",
		   "Write the first finding to FILE, for --replay; with "
		   "--replay, what it repeats, shrunk",
		   CLI_IS_TEXT(E, output)),
	CLI_JSON(E, "Write what was explored and found to FILE"),
	CLI_WIDE(E),
	{ 0 },
};

static int check(void *args)
{
	E *e = args;

	if (e->replay && (e->seconds || !strcmp(e->strategy, "exhaustive")))
		return cli_usage("--replay repeats one schedule: it takes no "
				 "--seconds and no --strategy exhaustive");
	if (e->replay && e->front)
		return cli_usage("--replay has the front end in its file: it "
				 "takes no --front");
	if (e->gdb && !e->replay)
		return cli_usage("--gdb is for --replay FILE; -o FILE writes "
				 "one");
	if (strcmp(e->points, "sync") && strcmp(e->points, "all"))
		return cli_usage("--points is sync or all");
	if (!strcmp(e->points, "all") && strcmp(e->strategy, "exhaustive"))
		return cli_usage("--points is of --strategy exhaustive; the "
				 "others switch at all accesses");
	if (e->weak && !strcmp(e->strategy, "exhaustive"))
		return cli_usage(
			"--memory weak decides by chance what is read; "
			"exhaustive search needs strong memory");
	if (!e->replay && !e->backend)
		return cli_usage("explore needs --backend SPEC or --replay "
				 "FILE");
	return 0;
}

static const E defaults = {
	.seed = 1, .shrink = 10, .strategy = "mix", .points = "sync"
};

const struct cli_command cmd_explore = {
	CLI_NAME("explore", CHAPTER_KERNEL,
		 "search the interleavings of small programs for defects",
		 "--backend SPEC"),
	.doc = "Run random small programs of pool operations on a few CPUs, "
	       "and choose at each memory access, atomic and lock call who "
	       "goes on. Races, wrong bytes, accesses to freed memory, leaks, "
	       "deadlocks and other misuse of locks are found, shrunk and told "
	       "with a column for each CPU.",
	.more = "The exit status is 1 when something was found. Examples:\n"
		"  zlab explore --backend zsmalloc@6.12\n"
		"  zlab explore --backend zbud@6.1 --front zswap\n"
		"  zlab-virtual shim ~/linux -o k.so && zlab explore --backend "
		"./k.so\n",
	CLI_TAKES(E, NULL, options, NULL),
	CLI_DOES(&defaults, check, explore_run),
};
