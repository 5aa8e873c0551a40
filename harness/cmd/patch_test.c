// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/cli/cli.h"
#include "harness/kernel/patch_report.h"
#include "harness/kernel/patch_tree.h"
#include "lib/spec.h"

#define MAX_NAMES 64

enum key {
	KEY_BASE = 256,
	KEY_HEAD,
	KEY_FILE,
	KEY_CHAIN,
	KEY_PAGE_SIZE,
	KEY_INCLUDE,
	KEY_RUNS,
	KEY_THREADS,
	KEY_COMPACT,
	KEY_NO_IR,
};

struct args {
	const char *base, *head;
	const char *patch[MAX_NAMES], *trace[MAX_NAMES];
	size_t nr_patches, nr_traces;
	struct shim_request req;
	struct patch_plan plan;
};

static const struct argp_option options[] = {
	{ "base", KEY_BASE, "TREE", 0, "Tree without the change", 0 },
	{ "head", KEY_HEAD, "TREE", 0, "Tree with the change", 0 },
	{ "file", KEY_FILE, "FILE", 0,
	  "Source of the allocator inside the tree (default: mm/zsmalloc.c)",
	  0 },
	{ "chain", KEY_CHAIN, "N", 0, "CONFIG_ZSMALLOC_CHAIN_SIZE, 4..16", 0 },
	{ "page-size", KEY_PAGE_SIZE, "4K|16K|64K", 0, "Page size", 0 },
	{ "include", KEY_INCLUDE, "EXTRA.h", 0,
	  "As for \"zlab shim\"; for both sides", 0 },
	{ "codec", 'c', "CODEC", 0, "As for \"zlab replay\"", 0 },
	{ "runs", KEY_RUNS, "N", 0,
	  "Interleaved replays of each side for the time (default: 7)", 0 },
	{ "threads", KEY_THREADS, "N", 0, "Threads of a replay (default: 1)",
	  0 },
	{ "compact-every", KEY_COMPACT, "N", 0,
	  "Compact after every N events (default: once, after the last)", 0 },
	{ "no-instructions", KEY_NO_IR, 0, 0,
	  "Do not count instructions (callgrind is used when it is installed)",
	  0 },
	{ 0 },
};

static int page_shift(const char *text, unsigned *shift)
{
	long long bytes;

	if (size_parse(text, &bytes) ||
	    (bytes != 4096 && bytes != 16384 && bytes != 65536)) {
		cli_usage("--page-size %s: give 4K, 16K or 64K", text);
		return CLI_REPORTED;
	}
	*shift = (unsigned)__builtin_ctzll((unsigned long long)bytes);
	return 0;
}

static int add_name(const char **names, size_t *nr, const char *name)
{
	if (*nr == MAX_NAMES) {
		cli_usage("at most %d patches and as many traces", MAX_NAMES);
		return CLI_REPORTED;
	}
	names[(*nr)++] = name;
	return 0;
}

static int add_operand(struct args *a, const char *arg)
{
	size_t len = strlen(arg);

	if (len > 4 && !strcmp(arg + len - 4, ".zlt"))
		return add_name(a->trace, &a->nr_traces, arg);
	if (!a->base && !a->head) {
		a->base = arg;
		return 0;
	}
	return add_name(a->patch, &a->nr_patches, arg);
}

static int complete(struct args *a)
{
	if (!a->base || (a->head ? a->nr_patches : !a->nr_patches)) {
		cli_usage("give a tree and patches, \"TREE PATCH... -- "
			  "TRACE...\", or two trees, \"--base TREE --head "
			  "TREE TRACE...\"");
		return CLI_REPORTED;
	}
	if (!a->nr_traces) {
		cli_usage("give at least one trace (.zlt) to measure with");
		return CLI_REPORTED;
	}
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;
	long long n;
	int ret;

	switch (key) {
	case KEY_BASE:
		a->base = arg;
		return 0;
	case KEY_HEAD:
		a->head = arg;
		return 0;
	case KEY_FILE:
		a->req.file = arg;
		return 0;
	case KEY_CHAIN:
		ret = cli_count("--chain", arg, 4, 16, &n);
		a->req.chain = (unsigned)n;
		return ret;
	case KEY_PAGE_SIZE:
		return page_shift(arg, &a->req.page_shift);
	case KEY_INCLUDE:
		if (a->req.nr_include == SHIM_MAX_INCLUDES) {
			cli_usage("at most %d headers", SHIM_MAX_INCLUDES);
			return CLI_REPORTED;
		}
		a->req.include[a->req.nr_include++] = arg;
		return 0;
	case 'c':
		a->plan.codec = arg;
		return 0;
	case KEY_RUNS:
		return cli_count("--runs", arg, 1, PATCH_MAX_RUNS,
				 &a->plan.runs);
	case KEY_THREADS:
		return cli_count("--threads", arg, 1, 256, &a->plan.threads);
	case KEY_COMPACT:
		a->plan.compact_every = arg;
		return cli_count("--compact-every", arg, 1, 1ll << 40, &n);
	case KEY_NO_IR:
		a->plan.instructions = false;
		return 0;
	case ARGP_KEY_ARG:
		return add_operand(a, arg);
	case ARGP_KEY_END:
		return complete(a);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "TREE PATCH... -- TRACE.zlt...\n"
		    "--base TREE --head TREE TRACE.zlt...",
	.doc = "Measure what a patch does to an allocator of the kernel: build "
	       "it without and with the patch, check that every object comes "
	       "back unchanged, and compare fragmentation, pages, locks, "
	       "instructions and time. Prints plain text for the patch's "
	       "description.\v"
	       "The tree is not written. Counts repeat to the digit; the time "
	       "is a ratio with the interval of 95 % of resampled runs.",
};

/* Both objects; the patched tree is gone again when this returns. */
static int build(struct args *a, struct shim_object obj[2], struct err *err)
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

static int measure(struct args *a, const struct shim_object obj[2])
{
	struct placement_result verified;
	struct patch_result r;
	struct err err = { "" };
	size_t i;
	int ret;

	a->plan.spec[0] = obj[0].spec;
	a->plan.spec[1] = obj[1].spec;
	if (patch_verify(&a->plan, NULL, 1, &verified, &err))
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
	return 0;
}

int cmd_patch_test(int argc, char **argv)
{
	struct args a = {
		.req = { .file = "mm/zsmalloc.c", .page_shift = 12 },
		.plan = { .runs = 7, .threads = 1, .instructions = true },
	};
	struct shim_object obj[2];
	struct err err = { "" };
	int ret = cli_parse(&argp, "zlab patch-test", argc, argv, &a);

	if (ret)
		return ret;
	cli_stop_install();
	if (build(&a, obj, &err))
		return cli_failed("%s", err.text);
	if (!strcmp(obj[0].spec, obj[1].spec))
		return cli_failed("both sides are the same: the patch changes "
				  "nothing that %s is made of",
				  a.req.file);
	return measure(&a, obj);
}
