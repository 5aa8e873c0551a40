// SPDX-License-Identifier: GPL-2.0-or-later
/* Compares the kernel's allocator before and after a patch. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
	long long explore; /* schedules, 0 = none */
	const char *known, *dir, *json;
};

/*
 * Both sides: objects that are measured, and those that are explored.
 * @tree: their sources; @patched: the tree that was made for it, or ""
 */
struct sides {
	struct shim_object measured[2], explored[2];
	const char *tree[2];
	char patched[PATH_MAX], git[128];
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
	{ "explore", 0, "N",
	  "Explore N schedules of each side, too, and say which findings the "
	  "patch adds and mends; traces can then be left out",
	  CLI_IS_COUNT(struct args, explore, 1, LLONG_MAX) },
	{ "known", 0, "FILE",
	  "With --explore: races that are harmless and no findings (default: "
	  "the list that comes with zlab)",
	  .offer = OFFER_FILE, CLI_IS_TEXT(struct args, known) },
	{ "output", 'o', "DIR",
	  "With --explore: a folder for each finding's file and story",
	  .offer = OFFER_DIR, CLI_IS_TEXT(struct args, dir) },
	CLI_JSON(struct args,
		 "With --explore: write the comparison to FILE; - for standard "
		 "output, with no report"),
	{ 0 },
};

static int check(void *args)
{
	const struct args *a = args;

	if (!a->base || (a->head ? a->nr_patches : !a->nr_patches))
		return cli_usage("give a tree and patches, \"TREE PATCH... -- "
				 "TRACE...\", or two trees, \"--base TREE "
				 "--head TREE TRACE...\"");
	if (!a->nr_traces && !a->explore)
		return cli_usage("give at least one trace (.zlt) to measure "
				 "with, or --explore N");
	if (!a->explore && (a->known || a->dir || a->json))
		return cli_usage("%s is of --explore N", a->known ? "--known"
							 : a->dir ? "-o"
								  : "--json");
	return 0;
}

/* The objects of one side, whose tree is @req's. */
static int build_side(const struct args *a, struct sides *s, int side,
		      struct shim_request *req, struct err *err)
{
	int ret = 0;

	s->tree[side] = req->tree;
	if (a->nr_traces)
		ret = shim_build(req, &s->measured[side], err);
	req->vcpus = true;
	if (!ret && a->explore)
		ret = shim_build(req, &s->explored[side], err);
	req->vcpus = false;
	return ret;
}

/* What of a side was built. */
static const struct shim_object *objects(const struct args *a,
					 const struct sides *s)
{
	return a->nr_traces ? s->measured : s->explored;
}

/* Build all objects; the caller removes the patched tree. */
static int build_both(struct args *a, struct sides *s, struct err *err)
{
	struct shim_request req = a->req;
	int ret;

	req.tree = a->base;
	ret = build_side(a, s, 0, &req, err);
	if (ret)
		return ret;
	req.tree = a->head;
	if (!a->head) {
		const char *name = strrchr(a->patch[0], '/');
		const char *git = objects(a, s)[0].git;

		snprintf(s->git, sizeof(s->git), "%.40s%s%.60s%s", git,
			 *git ? " + " : "", name ? name + 1 : a->patch[0],
			 a->nr_patches > 1 ? " ..." : "");
		req.tree = a->base;
		ret = patch_tree(&req, a->patch, a->nr_patches, s->patched,
				 err);
		if (ret)
			return ret;
		req.tree = s->patched;
		req.git = s->git;
	}
	return build_side(a, s, 1, &req, err);
}

static int build(struct args *a, struct sides *s, struct err *err)
{
	struct progress progress;
	int ret;

	progress_step(&progress, "patch-test, compiling");
	ret = build_both(a, s, err);
	progress_end(&progress);
	return ret;
}

/* Whether the report goes to standard output. */
static bool prints(const struct args *a)
{
	return !a->json || strcmp(a->json, "-") != 0;
}

static int measure(struct args *a, const struct sides *s)
{
	struct placement_result verified;
	struct progress progress;
	struct patch_result r;
	struct err err = { "" };
	size_t i;
	int ret;

	a->plan.spec[0] = s->measured[0].spec;
	a->plan.spec[1] = s->measured[1].spec;
	progress_step(&progress, "patch-test, checking contents");
	ret = patch_verify(&a->plan, NULL, 1, &verified, &err);
	progress_end(&progress);
	if (ret)
		return cli_failed("%s", err.text);
	if (prints(a))
		patch_report_head(stdout, s->measured, a->req.file, &verified);
	for (i = 0; i < a->nr_traces && !cli_stopped(); i++) {
		fflush(stdout);
		ret = patch_measure(&a->plan, a->trace[i], &r, &err);
		if (!ret && prints(a))
			patch_report_trace(stdout, &a->plan, &r);
		patch_result_free(&r);
		if (ret)
			return cli_failed("%s", err.text);
	}
	return cli_stopped() ? EXIT_STOPPED : 0;
}

/* Exits 1 when the patch adds a finding. */
static int explore(const struct args *a, const struct sides *s)
{
	struct patch_search search = {
		.obj = s->explored,
		.tree = { s->tree[0], s->tree[1] },
		.schedules = a->explore,
		.known = a->known,
		.dir = a->dir,
	};
	struct patch_found found;
	struct err err = { "" };
	json_t *json;
	int ret;

	fflush(stdout);
	if (patch_explore(&search, &found, &err)) {
		ret = cli_failed("%s", err.text);
		goto out;
	}
	if (prints(a)) {
		if (!a->nr_traces)
			patch_report_head(stdout, s->explored, a->req.file,
					  NULL);
		patch_report_found(stdout, &search, &found);
	}
	ret = 0;
	if (a->json) {
		json = patch_found_json(&search, &found);
		ret = cli_write_json(a->json, json);
		json_decref(json);
	}
	if (!ret && found.count[PATCH_ADDED])
		ret = EXIT_FAILED;
out:
	patch_found_free(&found);
	return ret;
}

/* @made: whether the folder is a new one */
static int make_dir(const struct args *a, bool *made)
{
	char first[PATH_MAX];

	*made = a->dir && !mkdir(a->dir, 0777);
	if (!a->dir || *made)
		return 0;
	if (errno != EEXIST)
		return cli_failed("%s: %s", a->dir, strerror(errno));
	snprintf(first, sizeof(first), "%s/1.json", a->dir);
	if (!access(first, F_OK))
		return cli_usage("%s holds stories already; name another "
				 "folder or remove it",
				 a->dir);
	return 0;
}

static int run(void *args, int argc, char **argv)
{
	struct args *a = args;
	struct sides s = { .patched = "" };
	struct err err = { "" };
	bool made;
	int ret;

	stop_hold();
	ret = make_dir(a, &made);
	if (ret)
		return ret;
	if (build(a, &s, &err) || cli_stopped())
		ret = cli_failed("%s", err.text);
	else if (!strcmp(objects(a, &s)[0].spec, objects(a, &s)[1].spec))
		ret = cli_failed("both sides are the same: the patch changes "
				 "nothing that %s is made of",
				 a->req.file);
	if (!ret && a->nr_traces)
		ret = measure(a, &s);
	if (!ret && a->explore)
		ret = explore(a, &s);
	patch_tree_remove(s.patched);
	/* Without a finding it is empty. */
	if (made)
		rmdir(a->dir);
	return ret;
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
		 "TREE PATCH... -- T.zlt...\n--base TREE --head TREE T.zlt...\n"
		 "--explore N TREE PATCH..."),
	.doc = "Measure what a patch does to an allocator of the kernel: build "
	       "it without and with the patch, check that every object comes "
	       "back unchanged, and compare fragmentation, pages, locks, "
	       "instructions and time. Prints plain text for the patch's "
	       "description. With --explore, search the interleavings of both "
	       "sides for defects, and say which ones the patch adds.",
	.more = "The tree is not written. Counts repeat to the digit; the time "
		"is a ratio with the interval of 95 % of resampled runs. With "
		"--explore the exit status is 1 when the patch adds a "
		"finding.\n",
	CLI_TAKES(struct args, &operand, options, groups),
	CLI_DOES(&defaults, check, run),
};
