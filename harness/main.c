// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "harness/cmd/cmd.h"
#include "harness/virtual/program.h"
#include "version.h"

static const struct cmd {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} cmds[] = {
	{ "backends", cmd_backends, "list every allocator, option and preset" },
	{ "record", cmd_record, "run a program and record its swap" },
	{ "classes", cmd_classes, "print an allocator's size classes" },
	{ "conform", cmd_conform,
	  "compare with what a real kernel's allocator did" },
	{ "import", cmd_import, "make a trace from CSV" },
	{ "export", cmd_export, "write a trace as CSV" },
	{ "generate", cmd_generate, "make a synthetic trace" },
	{ "info", cmd_info, "say what a trace holds" },
	{ "sizes", cmd_sizes, "keep every page's compressed size in a trace" },
	{ "replay", cmd_replay, "replay a trace through one allocator" },
	{ "patch-test", cmd_patch_test,
	  "measure what a patch does to a kernel's allocator" },
	{ "placement", cmd_placement,
	  "compare where two allocators put every object" },
	{ "calibrate", cmd_calibrate,
	  "measure this machine's costs for virtual CPUs" },
	{ "validate", cmd_validate,
	  "compare virtual CPUs with this machine's" },
	{ "sweep", cmd_sweep, "replay on many numbers of virtual CPUs" },
	{ "locks", cmd_locks,
	  "say who waited for which lock, as lock_stat does" },
	{ "shim", cmd_shim,
	  "make a backend of your kernel tree's own source file" },
	{ "compare", cmd_compare, "replay traces through several allocators" },
	{ "report", cmd_report,
	  "make a page of tables and plots from results" },
	{ "regress", cmd_regress,
	  "replay committed traces against a baseline" },
	{ "ab", cmd_ab, "build two commits and compare them" },
	{ "env", cmd_env, "describe the machine and the build" },
};
#define NR_CMDS (sizeof(cmds) / sizeof(cmds[0]))

static void usage(FILE *out)
{
	size_t i;

	fprintf(out, "usage: zlab COMMAND [OPTION...]\n\n"
		     "Record a program's swap, replay it through the kernel's "
		     "allocators of\ncompressed pages, compare them.\n\n");
	for (i = 0; i < NR_CMDS; i++)
		fprintf(out, "  %-10s %s\n", cmds[i].name, cmds[i].help);
	fprintf(out, "\n\"zlab COMMAND --help\" tells more.\n");
}

int main(int argc, char **argv)
{
	size_t i;

	virtual_start(argv);
	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
		usage(stdout);
		return 0;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("zlab " ZLAB_VERSION);
		return 0;
	}
	for (i = 0; i < NR_CMDS; i++)
		if (!strcmp(argv[1], cmds[i].name))
			return cmds[i].run(argc - 1, argv + 1);
	fprintf(stderr,
		"zlab: there is no command \"%s\"; \"zlab --help\" lists them\n",
		argv[1]);
	return EXIT_USAGE;
}
