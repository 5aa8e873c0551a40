// SPDX-License-Identifier: GPL-2.0-or-later
/* Options of "zlab vm"; analysis/vm/command.py does the work. */
#include "harness/cli/hand_over.h"
#include "harness/cmd/cmd.h"

struct args {
	struct hand_over script;
	const char *kernel, *modules, *suite, *source, *replay, *codec,
		*backend, *output, *json;
	struct cli_list set;
	long long pages, seed, limit, counter;
	int scenario, through, allocator, accel;
	bool conform;
};

enum {
	NO_SCENARIO,
	FILL,
	CHURN,
	DISCARD,
	PROGRAMS
};

enum {
	THROUGH_ANY,
	THROUGH_ZRAM,
	THROUGH_ZSWAP
};

enum {
	ZSMALLOC,
	ZBUD,
	Z3FOLD
};

static const struct cli_option operand = {
	"package", 0, "PACKAGE", NULL, CLI_IS_LIST(struct args, script.words)
};

static const struct cli_option kernels[] = {
	{ "kernel", 0, "FILE", "Boot this bzImage instead of a package",
	  .offer = OFFER_FILE, CLI_IS_TEXT(struct args, kernel) },
	{ "modules", 0, "DIR",
	  "Modules of --kernel, as lib/modules/RELEASE; not needed when zram, "
	  "zsmalloc and the codec are built in",
	  .offer = OFFER_DIR, CLI_IS_TEXT(struct args, modules) },
	{ "suite", 0, "NAME",
	  "Suite of Debian that has the package, as bullseye or sid (default: "
	  "what apt is set up with)",
	  CLI_IS_TEXT(struct args, suite) },
	{ "set", 0, "CONFIG_NAME=VALUE",
	  "Build zsmalloc and zram of the package's source again with this "
	  "setting, as CONFIG_ZSMALLOC_CHAIN_SIZE=4; may be repeated",
	  CLI_IS_LIST(struct args, set) },
	{ "source", 0, "TREE",
	  "Build zsmalloc and zram of this kernel tree for the package's "
	  "kernel, to try a patch",
	  .offer = OFFER_DIR, CLI_IS_TEXT(struct args, source) },
	{ 0 },
};

static const struct cli_option inputs[] = {
	{ "scenario", 0, "fill|churn|discard|programs",
	  "What to do: store all, free all, store all; 5 rounds that free 60 % "
	  "and refill; 3 rounds that discard half, compact, read all and "
	  "refill; a C compiler, perl and sort in too little memory (default "
	  "churn)",
	  CLI_IS_CHOICE(struct args, scenario, { "fill", FILL },
			{ "churn", CHURN }, { "discard", DISCARD },
			{ "programs", PROGRAMS }) },
	{ "replay", 0, "T.zlt",
	  "Play this trace of page contents instead of a scenario",
	  .offer = OFFER_TRACE, CLI_IS_TEXT(struct args, replay) },
	{ "pages", 0, "N", "Pages of a scenario (default 20000)",
	  CLI_IS_COUNT(struct args, pages, 100, 1000000) },
	{ "seed", 0, "N", "Another seed is another scenario (default 1)",
	  CLI_IS_COUNT(struct args, seed, 0, 9000000000000000) },
	{ "through", 0, "zram|zswap",
	  "Who uses the allocator (default: zram for zsmalloc, else zswap)",
	  CLI_IS_CHOICE(struct args, through, { "zram", THROUGH_ZRAM },
			{ "zswap", THROUGH_ZSWAP }) },
	{ "allocator", 0, "zsmalloc|zbud|z3fold",
	  "Whose calls are logged (default zsmalloc)",
	  CLI_IS_CHOICE(struct args, allocator, { "zsmalloc", ZSMALLOC },
			{ "zbud", ZBUD }, { "z3fold", Z3FOLD }) },
	{ "codec", 'c', "NAME", "The kernel's compressor (default lz4)",
	  CLI_IS_TEXT(struct args, codec) },
	{ 0 },
};

static const struct cli_option outputs[] = {
	{ "conform", 0, NULL,
	  "Compare the log with zlab's allocator in that kernel's form; exits "
	  "1 when they differ",
	  CLI_IS_FLAG(struct args, conform, true) },
	{ "backend", 'b', "SPEC", "With --conform: compare with this one",
	  .offer = OFFER_BACKEND, CLI_IS_TEXT(struct args, backend) },
	{ "output", 'o', "DIR", "Folder for the results (default: this one)",
	  .offer = OFFER_DIR, CLI_IS_TEXT(struct args, output) },
	CLI_JSON(struct args,
		 "Write what NAME.json has, and the comparison, to "
		 "FILE; - for standard output"),
	{ 0 },
};

static const struct cli_option machine[] = {
	{ "accel", 0, "kvm|tcg",
	  "Run on the CPU, or emulate (default: kvm where it works)",
	  CLI_IS_CHOICE(struct args, accel, { "kvm", 1 }, { "tcg", 2 }) },
	{ "limit", 0, "SECONDS",
	  "Give up when the machine says nothing for so long (default 600)",
	  CLI_IS_COUNT(struct args, limit, 1, 1000000) },
	{ "counter", 0, "BYTES",
	  "Where the allocator's pool has its number of pages, for a kernel "
	  "compiled in a way that hides it",
	  CLI_IS_COUNT(struct args, counter, 0, 1 << 20) },
	{ 0 },
};

static int check(void *args)
{
	const struct args *a = args;

	if (!a->kernel && !a->script.words.nr)
		return cli_usage("vm needs a kernel: zlab vm linux-image-6.12, "
				 "or zlab vm --kernel FILE --modules DIR");
	if (a->script.words.nr > 1 || (a->kernel && a->script.words.nr))
		return cli_usage("vm boots one kernel");
	if (a->modules && !a->kernel)
		return cli_usage("--modules goes with --kernel; a package has "
				 "its own");
	if (a->suite && a->kernel)
		return cli_usage("--suite is where to find a package; there is "
				 "--kernel instead");
	if ((a->set.nr || a->source) && a->kernel)
		return cli_usage("--set and --source are for a package; build "
				 "your own kernel as you want it");
	if ((a->set.nr || a->source) &&
	    (a->through == THROUGH_ZSWAP || a->allocator != ZSMALLOC))
		return cli_usage("--set and --source build zsmalloc for zram; "
				 "zswap would call the kernel's own");
	if (a->replay && a->scenario)
		return cli_usage("either --scenario or --replay");
	if (a->backend && !a->conform)
		return cli_usage("--backend is for --conform");
	if (a->allocator != ZSMALLOC && a->through == THROUGH_ZRAM)
		return cli_usage("zram uses zsmalloc alone; take --through "
				 "zswap");
	if (a->scenario == DISCARD &&
	    (a->through == THROUGH_ZSWAP || a->allocator != ZSMALLOC))
		return cli_usage("zswap does not compact; --scenario discard "
				 "goes through zram");
	return 0;
}

static int run(void *args, int argc, char **argv)
{
	const struct args *a = args;

	return hand_over(&a->script, "vm");
}

static const struct cli_group groups[] = {
	CLI_KEEP("The kernel", kernels, struct args, script.kept),
	CLI_KEEP("What it does", inputs, struct args, script.kept),
	CLI_KEEP("What comes out", outputs, struct args, script.kept),
	CLI_KEEP("The machine", machine, struct args, script.kept),
	{ 0 },
};

const struct cli_command cmd_vm = {
	CLI_NAME(
		"vm", CHAPTER_KERNEL, "log what a kernel's allocator does",
		"PACKAGE [OPTION...]\n--kernel FILE [--modules DIR] [OPTION...]"),
	.doc = "Boot a kernel in QEMU, play a scenario or a trace through its "
	       "zram or zswap, and log every call of its allocator.",
	.more = "PACKAGE is Debian's name of a kernel, its beginning "
		"(linux-image-6.12, or 6.12) or a file (./x.deb). It is "
		"downloaded and unpacked under $XDG_CACHE_HOME/zlab/vm; nothing "
		"is installed.\n",
	CLI_TAKES(struct args, &operand, NULL, groups),
	CLI_DOES(NULL, check, run),
};
