// SPDX-License-Identifier: GPL-2.0-or-later
/* Compares the kernel's allocator before and after a patch. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/cli/progress.h"
#include "harness/cmd/cmd.h"
#include "harness/cmd/shim.h"
#include "harness/kernel/patch_report.h"
#include "harness/kernel/patch_tree.h"
#include "lib/stop.h"

#define MAX_NAMES 64

struct args {
	const char *base, *head;
	const char *patch[MAX_NAMES], *trace[MAX_NAMES];
	size_t nr_patches, nr_traces;
	struct shim_request req;
	struct patch_plan plan;
};

static int set_compact(const struct cli_option *o, const char *arg, void *to)
{
	struct cli_option n = *o;
	long long value;

	((struct args *)to)->plan.compact_every = arg;
	n.kind = CLI_COUNT;
	n.at = 0;
	n.size = sizeof(value);
	return cli_option_set(&n, arg, &value);
}

static int add_name(const char **names, size_t *nr, const char *name)
{
	if (*nr == MAX_NAMES)
		return cli_usage("at most %d patches and as many traces",
				 MAX_NAMES);
	names[(*nr)++] = name;
	return 0;
}

static int add_word(const struct cli_option *o, const char *arg, void *to)
{
	size_t len = strlen(arg);
	struct args *a = to;

	if (len > 4 && !strcmp(arg + len - 4, ".zlt"))
		return add_name(a->trace, &a->nr_traces, arg);
	if (!a->base && !a->head) {
		a->base = arg;
		return 0;
	}
	return add_name(a->patch, &a->nr_patches, arg);
}

static const struct cli_option operand = { "tree", .offer = OFFER_FILE,
					   CLI_IS_CALL(add_word) };

static const struct cli_option options[] = {
	{ "base", 0, "TREE", "Tree without the change", .offer = OFFER_DIR,
	  CLI_IS_TEXT(struct args, base) },
	{ "head", 0, "TREE", "Tree with the change", .offer = OFFER_DIR,
	  CLI_IS_TEXT(struct args, head) },
	CLI_CODEC("As for \"zlab replay\"",
		  CLI_IS_TEXT(struct args, plan.codec)),
	{ "runs", 'n', "N",
	  "Interleaved replays of each side for the time (default: 7)",
	  CLI_IS_COUNT(struct args, plan.runs, 1, PATCH_MAX_RUNS) },
	{ "threads", 't', "N", "Threads of a replay (default: 1)",
	  CLI_IS_COUNT(struct args, plan.threads, 1, 256) },
	{ "compact-every", 0, "N",
	  "Compact after every N events (default: once, after the last)",
	  .min = 1, .max = 1ll << 40, CLI_IS_CALL(set_compact) },
	{ "no-instructions", 0, NULL,
	  "Do not count instructions (callgrind is used when it is installed)",
	  CLI_IS_FLAG(struct args, plan.instructions, false) },
	{ 0 },
};

static int check(void *args)
{
	const struct args *a = args;

	if (!a->base || (a->head ? a->nr_patches : !a->nr_patches))
		return cli_usage("give a tree and patches, \"TREE PATCH... -- "
				 "TRACE...\", or two trees, \"--base TREE "
				 "--head TREE TRACE...\"");
	if (!a->nr_traces)
		return cli_usage("give at least one trace (.zlt) to measure "
				 "with");
	return 0;
}

/* Build both objects; the patched tree is removed before returning. */
static int build_both(struct args *a, struct shim_object obj[2],
		      struct err *err)
{
	struct shim_request req = a->req;
	char dir[PATH_MAX] = "", git[128];
	int ret;

	req.tree = a->base;
	ret = shim_build(&req, &obj[0], err);
	if (ret)
		return ret;
	req.tree = a->head;
	if (!a->head) {
		const char *name = strrchr(a->patch[0], '/');

		snprintf(git, sizeof(git), "%.40s%s%.60s%s", obj[0].git,
			 *obj[0].git ? " + " : "",
			 name ? name + 1 : a->patch[0],
			 a->nr_patches > 1 ? " ..." : "");
		req.tree = a->base;
		ret = patch_tree(&req, a->patch, a->nr_patches, dir, err);
		if (ret)
			return ret;
		req.tree = dir;
		req.git = git;
	}
	ret = shim_build(&req, &obj[1], err);
	patch_tree_remove(dir);
	return ret;
}

static int build(struct args *a, struct shim_object obj[2], struct err *err)
{
	struct progress progress;
	int ret;

	progress_step(&progress, "patch-test, compiling");
	ret = build_both(a, obj, err);
	progress_end(&progress);
	return ret;
}

static int measure(struct args *a, const struct shim_object obj[2])
{
	struct placement_result verified;
	struct progress progress;
	struct patch_result r;
	struct err err = { "" };
	size_t i;
	int ret;

	a->plan.spec[0] = obj[0].spec;
	a->plan.spec[1] = obj[1].spec;
	progress_step(&progress, "patch-test, checking contents");
	ret = patch_verify(&a->plan, NULL, 1, &verified, &err);
	progress_end(&progress);
	if (ret)
		return cli_failed("%s", err.text);
	patch_report_head(stdout, obj, a->req.file, &verified);
	for (i = 0; i < a->nr_traces && !cli_stopped(); i++) {
		fflush(stdout);
		ret = patch_measure(&a->plan, a->trace[i], &r, &err);
		if (!ret)
			patch_report_trace(stdout, &a->plan, &r);
		patch_result_free(&r);
		if (ret)
			return cli_failed("%s", err.text);
	}
	return cli_stopped() ? EXIT_STOPPED : 0;
}

static int run(void *args, int argc, char **argv)
{
	struct args *a = args;
	struct shim_object obj[2];
	struct err err = { "" };

	stop_hold();
	if (build(a, obj, &err) || cli_stopped())
		return cli_failed("%s", err.text);
	if (!strcmp(obj[0].spec, obj[1].spec))
		return cli_failed("both sides are the same: the patch changes "
				  "nothing that %s is made of",
				  a->req.file);
	return measure(a, obj);
}

static const struct cli_group groups[] = {
	CLI_GROUP("What is compiled", shim_source_options,
		  offsetof(struct args, req)),
	{ 0 },
};

static const struct args defaults = {
	.req = { .file = "mm/zsmalloc.c", .page_shift = 12 },
	.plan = { .runs = 7, .threads = 1, .instructions = true },
};

const struct cli_command cmd_patch_test = {
	CLI_NAME("patch-test", CHAPTER_KERNEL,
		 "measure what a patch does to a kernel's allocator",
		 "TREE PATCH... -- T.zlt...\n--base TREE --head TREE T.zlt..."),
	.doc = "Measure what a patch does to an allocator of the kernel: build "
	       "it without and with the patch, check that every object comes "
	       "back unchanged, and compare fragmentation, pages, locks, "
	       "instructions and time. Prints plain text for the patch's "
	       "description.",
	.more = "The tree is not written. Counts repeat to the digit; the time "
		"is a ratio with the interval of 95 % of resampled runs.\n",
	CLI_TAKES(struct args, &operand, options, groups),
	CLI_DOES(&defaults, check, run),
};
