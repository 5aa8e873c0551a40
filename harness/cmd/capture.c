// SPDX-License-Identifier: GPL-2.0-or-later
/* Captures a trace of the running kernel's zswap and zram. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/capture/capture.h"
#include "harness/capture/tracefs.h"
#include "harness/cmd/cmd.h"
#include "lib/percent.h"
#include "lib/stop.h"
#include "traces/label.h"
#include "version.h"

/* Of a zsmalloc place: 64 bits without those of a frame's number. */
#ifdef __aarch64__
#define FRAME_SHIFT 28
#else
#define FRAME_SHIFT 24
#endif

/**
 * struct args - the command line
 * @opts: what goes to the capture
 * @json: where the counts go, or NULL
 * @way: what @opts.way points to
 * @plan: only say what would be watched
 * @clean: only remove what earlier captures left
 * @quiet: no summary
 */
struct args {
	struct capture_options opts;
	const char *json;
	enum plan_way way;
	bool plan, clean, quiet;
};

static int set_way(const struct cli_option *o, const char *arg, void *to)
{
	const struct cli_word *w;
	struct args *a = to;

	for (w = o->words; w->word; w++)
		if (!strcmp(w->word, arg)) {
			a->way = (enum plan_way)w->value;
			a->opts.way = &a->way;
			return 0;
		}
	return cli_usage("--with takes kprobe, fprobe or function, not \"%s\"",
			 arg);
}

static const struct cli_option operand = { "command", .offer = OFFER_PROGRAM,
					   .kind = CLI_REST,
					   CLI_AT(struct args, opts.argv) };

static const struct cli_option options[] = {
	CLI_OUTPUT("FILE", "Trace to write (default: kernel.zlt)",
		   CLI_IS_TEXT(struct args, opts.output)),
	{ "seconds", 's', "N", "End after N seconds",
	  CLI_IS_COUNT(struct args, opts.seconds, 1, 1000000) },
	{ "log", 0, "FILE",
	  "Write the log of one pool's allocator, too, for zlab conform: the "
	  "first pool that is empty when it is first used",
	  .offer = OFFER_FILE, .output = true,
	  CLI_IS_TEXT(struct args, opts.log) },
	{ "from", 0, "FILE",
	  "Read the text of a trace_pipe that was recorded elsewhere; - is "
	  "standard input",
	  .offer = OFFER_FILE, CLI_IS_TEXT(struct args, opts.from) },
	{ "with", 0, "kprobe|fprobe|function",
	  "Watch with kprobe events, fprobe events or the function tracer "
	  "(default: the first that the kernel has)",
	  CLI_WORDS({ "kprobe", PLAN_KPROBE }, { "fprobe", PLAN_FPROBE },
		    { "function", PLAN_FUNCTION }),
	  CLI_IS_CALL(set_way) },
	{ "btf", 0, "FILE",
	  "BTF of a module that the kernel has none of, as pahole -J makes it",
	  .offer = OFFER_FILE, CLI_IS_TEXT(struct args, opts.btf) },
	{ "frame-shift", 0, "N",
	  "For --log: the lowest bit of the page frame in a place of zsmalloc, "
	  "64 - (physical address bits - page shift) (default: 24 on x86-64, "
	  "28 on arm64)",
	  CLI_IS_COUNT(struct args, opts.frame_shift, 16, 48) },
	{ "buffer", 0, "SIZE",
	  "Kernel memory for events that were not read yet, of all CPUs "
	  "together (default: 128M)",
	  CLI_IS_SIZE(struct args, opts.buffer, CAPTURE_BUFFER_MIN) },
	{ "tracefs", 0, "DIR", "Where tracefs is mounted", .offer = OFFER_DIR,
	  CLI_IS_TEXT(struct args, opts.tracefs) },
	{ "plan", 0, NULL, "Only say which functions would be watched, and how",
	  CLI_IS_FLAG(struct args, plan, true) },
	{ "clean", 0, NULL,
	  "Only remove what captures have left that were killed",
	  CLI_IS_FLAG(struct args, clean, true) },
	{ "quiet", 'q', NULL, "No summary",
	  CLI_IS_FLAG(struct args, quiet, true) },
	CLI_JSON(struct args, "Write the counts as JSON to FILE; - for "
			      "standard output"),
	{ 0 },
};

static int check(void *args)
{
	const struct args *a = args;
	bool kernel = !a->opts.from;

	if (!kernel && (a->opts.argv || a->opts.seconds || a->opts.btf ||
			a->opts.tracefs || a->plan || a->clean))
		return cli_usage("--from reads a text: no command and no "
				 "--seconds, --btf, --tracefs, --plan or "
				 "--clean with it");
	if (a->opts.argv && a->opts.seconds)
		return cli_usage("the end is that of the command or after "
				 "--seconds, not both");
	if ((a->plan || a->clean) && (a->opts.argv || a->opts.output))
		return cli_usage("--plan and --clean capture nothing: no "
				 "command and no -o with them");
	return 0;
}

static int clean(const struct args *a)
{
	struct err err = { "" };
	char dir[2048];
	int n;

	if (tracefs_find(a->opts.tracefs, dir, sizeof(dir), &err))
		return cli_failed("%s", err.text);
	n = tracefs_clean(dir, &err);
	if (n < 0)
		return cli_failed("%s", err.text);
	printf("%d capture%s removed from %s\n", n, n == 1 ? "" : "s", dir);
	return 0;
}

static int show_plan(const struct args *a)
{
	struct err err = { "" };
	struct plan plan;

	if (capture_plan(&a->opts, &plan, &err))
		return cli_failed("%s", err.text);
	plan_print(&plan, stdout);
	return 0;
}

static void summarize(const struct args *a, const struct capture_result *r)
{
	const struct pair_counts *n = &r->counts;

	cli_note(MADE_TRACE " in %" PRIu64 " pool%s, %" PRIu64 " bytes",
		 a->opts.output, n->events, n->stores, n->loads, n->invalidates,
		 n->pools, n->pools == 1 ? "" : "s", r->bytes);
	if (a->opts.log)
		cli_note("%s: %" PRIu64 " rows", a->opts.log, r->log.rows);
}

/* What makes the trace less than the kernel did. */
static void warn(const struct args *a, const struct capture_result *r)
{
	const struct pair_counts *n = &r->counts;

	if (r->lost)
		cli_note("warning: %" PRIu64 " events were lost, %.2f %%: the "
			 "kernel had no room for them; --buffer takes more",
			 r->lost, percent_of(r->lost, r->lost + n->lines));
	if (r->missed)
		cli_note("warning: %" PRIu64 " returns were not seen",
			 r->missed);
	if (n->bad)
		cli_note("warning: %" PRIu64 " lines could not be read",
			 n->bad);
	if (n->before)
		cli_note("%" PRIu64 " loads and frees were of objects from "
			 "before the capture, and are not in the trace",
			 n->before);
	if (n->unkeyed)
		cli_note("%" PRIu64 " stores have the number of their object "
			 "as key: what stored them could not be watched",
			 n->unkeyed);
	if (n->mistaken)
		cli_note("warning: %" PRIu64 " frees were of another page than "
			 "their key says: keys of zram are not reliable in "
			 "this kernel",
			 n->mistaken);
	if (!n->events)
		cli_note("nothing was captured: zswap and zram did nothing");
	if (a->opts.log && n->events && !r->log.whole)
		cli_note("warning: %s has no rows: no pool was empty at its "
			 "first use",
			 a->opts.log);
	else if (a->opts.log && n->overlaps)
		cli_note("warning: %" PRIu64 " calls overlapped; the order of "
			 "the log is that of their ends, which the allocator "
			 "may not have kept",
			 n->overlaps);
}

static int finish(const struct args *a, const struct capture_result *r)
{
	json_t *json = capture_json(&a->opts, r);
	int ret = 0;

	json_object_set_new(json, "trace", label_json(a->opts.output));
	if (a->json)
		ret = cli_write_json(a->json, json);
	json_decref(json);
	return ret;
}

static int capture(struct args *a)
{
	struct capture_result r;
	struct err err = { "" };
	int ret = capture_run(&a->opts, &r, &err), wrote = 0;

	if (r.began) {
		if (!a->quiet)
			summarize(a, &r);
		warn(a, &r);
		wrote = finish(a, &r);
	}
	if (ret)
		return cli_failed("%s", err.text);
	if (wrote)
		return EXIT_FAILED;
	if (!a->opts.argv && stop_signal())
		return cli_interrupted("interrupted; %s has what was captured",
				       a->opts.output);
	return WIFSIGNALED(r.status) ? 128 + WTERMSIG(r.status)
				     : WEXITSTATUS(r.status);
}

static int run(void *args, int argc, char **argv)
{
	struct args *a = args;

	if (a->clean)
		return clean(a);
	if (a->plan)
		return show_plan(a);
	if (!a->opts.output)
		a->opts.output = "kernel.zlt";
	stop_hold();
	return capture(a);
}

static const struct args defaults = {
	.opts = { .tool = "zlab " ZLAB_VERSION " capture",
		  .frame_shift = FRAME_SHIFT,
		  .buffer = CAPTURE_BUFFER },
};

const struct cli_command cmd_capture = {
	CLI_NAME("capture", CHAPTER_TRACES, "trace the running kernel's swap",
		 "[OPTION...] [--] [COMMAND [ARG...]]"),
	.doc = "Capture what zswap and zram of the running kernel ask of their "
	       "allocators, on the whole machine: each store with its key and "
	       "size, each load and each release, with time, CPU and thread. "
	       "Needs root, and nothing but tracefs.",
	.more = "The end is that of COMMAND, whose exit status is returned; or "
		"after --seconds; or Ctrl-C, which keeps the trace. No page "
		"contents are captured, so that a replay has sizes and no "
		"codec.\n"
		"\n"
		"The kernel is left as it was, also when this program is "
		"killed. Events that the kernel had no room for are counted in "
		"the trace, and told.\n",
	CLI_TAKES(struct args, &operand, options, NULL),
	CLI_DOES(&defaults, check, run),
};
