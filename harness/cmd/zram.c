// SPDX-License-Identifier: GPL-2.0-or-later
/* Replays a trace on the running kernel's zram and on zlab beside it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "harness/cmd/cmd.h"
#include "harness/live/beside.h"
#include "harness/replay/result.h"
#include "lib/layout.h"
#include "lib/stop.h"
#include "lib/text.h"

struct args {
	struct beside_config config;
	const char *json, *out;
	bool wide;
};

static const struct cli_option operand =
	CLI_TRACE("zram needs a trace: zlab zram T.zlt --device /dev/zram0",
		  CLI_IS_TEXT(struct args, config.trace));

static const struct cli_option options[] = {
	{ "device", 0, "DEV",
	  "A zram device that nobody uses; it is set up for the trace, and "
	  "reset at the end",
	  .offer = OFFER_FILE, CLI_IS_TEXT(struct args, config.device),
	  .needs = "--device DEV is missing: zlab zram T.zlt --device "
		   "/dev/zram0" },
	{ "algorithm", 0, "NAME",
	  "The device's compressor, one of its file comp_algorithm (default: "
	  "lz4)",
	  CLI_IS_TEXT(struct args, config.algorithm) },
	CLI_BACKEND("zlab's allocator (default: zsmalloc as the running kernel "
		    "has it)",
		    CLI_IS_TEXT(struct args, config.backend)),
	CLI_CODEC("zlab's codec (default: the one that --algorithm names, if "
		  "there is one; ./lzo-rle.so of \"zlab shim --codec\" has the "
		  "sizes of the kernel it is made of)",
		  CLI_IS_TEXT(struct args, config.codec)),
	{ "threads", 't', "N", "Threads on both sides (default: 1)",
	  CLI_IS_COUNT(struct args, config.threads, 1, REPLAY_MAX_THREADS) },
	{ "assign", 0, "key|tid|cpu",
	  "Who performs an operation: a thread chosen by its key (default), or "
	  "by the thread or CPU that did it in the trace",
	  CLI_IS_CHOICE(struct args, config.assign, { "key", REPLAY_BY_KEY },
			{ "tid", REPLAY_BY_TID }, { "cpu", REPLAY_BY_CPU }) },
	{ "swap", 0, NULL,
	  "Swap the pages to the device, as the kernel does when memory is "
	  "short, instead of writing them",
	  CLI_IS_FLAG(struct args, config.swap, true) },
	CLI_JSON(struct args, "Write the comparison as JSON to FILE; - for "
			      "standard output, which then gets nothing else"),
	CLI_OUTPUT("FILE", "Write what is printed to FILE",
		   CLI_IS_TEXT(struct args, out)),
	CLI_WIDE(struct args),
	{ 0 },
};

struct page {
	const struct beside_result *r;
	int width;
};

static void print_counts(FILE *out, const struct page *p)
{
	const struct beside_result *r = p->r;
	const char *const heads[] = { "\n", "\nkernel",
				      "zlab, the\nkernel's sizes",
				      r->library ? "zlab, the\nlibrary's"
						 : "zlab, the\ncodec's" };
	size_t nr = r->codec ? 4 : 3;
	struct layout_table *t = layout_table(heads, nr);
	int row, side;

	for (row = 0; row < BESIDE_ROWS; row++) {
		if (!beside_shown(r, BESIDE_SIZES, row))
			continue;
		layout_cell(t, "%s", beside_word(row));
		for (side = 0; side < (int)nr - 1; side++)
			if (beside_shown(r, side, row))
				layout_cell(t, "%" PRIu64, r->value[side][row]);
			else
				layout_cell(t, "-");
	}
	layout_table_print(t, out, p->width);
}

static void print_reasons(FILE *out, const struct beside_result *r,
			  enum beside_side side, const char *who)
{
	const char *why;
	int row;

	for (row = 0; (why = beside_next(r, side, &row)); row++)
		fprintf(out, "differs with %s sizes, %s: %s\n", who,
			beside_word(row), why);
}

static void print_checks(FILE *out, const struct beside_result *r)
{
	fprintf(out, "checkpoints: %" PRIu64 ", %" PRIu64 " of them differ",
		r->checkpoints, r->apart);
	if (r->apart)
		fprintf(out,
			", by at most %" PRIu64 " pages, the first after "
			"event %" PRIu64,
			r->apart_max, r->apart_first);
	fprintf(out, "\nloads that gave back the page: %" PRIu64 "\n",
		r->verified);
	if (r->codec)
		fprintf(out,
			"pages whose object has another size with the %s: "
			"%" PRIu64 " of %" PRIu64 ", %+" PRId64 " bytes\n",
			r->library ? "library" : "codec", r->differ,
			r->contents, r->differ_bytes);
	else
		fprintf(out,
			"zlab has no codec %s; the sizes are the kernel's\n",
			r->algorithm);
	if (!r->swap)
		return;
	fprintf(out, "a load %s the page's slot\n",
		r->rules.load_frees ? "frees" : "keeps");
	if (r->rules.keeps_zeroes)
		fprintf(out,
			"pages of zeroes that are swapped out, and not to the "
			"device: %" PRIu64 "\n",
			r->zeroes);
}

static void print_times(FILE *out, const struct page *p)
{
	static const char *const heads[] = {
		"time of one,\nus", "\nkernel", "same-\nfilled",
		"the\ndifference",  "\nzlab",	"its\ncodec",
		"its\nallocator",
	};
	static const char *const ops[] = { "store", "load", "discard" };
	const struct beside_result *r = p->r;
	size_t nr = r->codec ? 7 : 4;
	struct layout_table *t = layout_table(heads, nr);
	const struct beside_time *k, *b, *z;
	int op;

	for (op = 0; op < 3; op++) {
		k = &r->time[BESIDE_KERNEL][op];
		b = &r->time[BESIDE_BLANK][op];
		z = &r->time[BESIDE_CODEC][op];
		layout_cell(t, "%s", ops[op]);
		layout_cell(t, "%.2f", k->ns / 1e3);
		layout_cell(t, "%.2f", b->ns / 1e3);
		layout_cell(t, "%.2f", (k->ns - b->ns) / 1e3);
		if (!r->codec)
			continue;
		layout_cell(t, "%.2f", z->ns / 1e3);
		layout_cell(t, "%.2f", z->codec_ns / 1e3);
		layout_cell(t, "%.2f", z->alloc_ns / 1e3);
	}
	layout_table_print(t, out, p->width);
}

static void print(FILE *to, const void *what)
{
	const struct page *p = what;
	const struct beside_result *r = p->r;
	FILE *out = layout_open(to, p->width);

	if (!out)
		return;
	fprintf(out,
		"%s %s %s, %s, Linux %s: %" PRIu64 " events, %u thread%s\n",
		PLAIN(r->trace), r->swap ? "swapped to" : "on", r->name,
		r->algorithm, r->release, r->events, r->threads,
		r->threads > 1 ? "s" : "");
	fprintf(out,
		"zlab: %s; a page whose object has %u bytes or more is kept "
		"uncompressed\n\n",
		PLAIN(r->backend), r->huge_limit);
	print_counts(out, p);
	fputc('\n', out);
	print_reasons(out, r, BESIDE_SIZES, "the kernel's");
	if (r->codec)
		print_reasons(out, r, BESIDE_CODEC,
			      r->library ? "the library's" : "the codec's");
	print_checks(out, r);
	fputc('\n', out);
	print_times(out, p);
	layout_close(out);
}

static int show(const struct args *a, const struct beside_result *r)
{
	struct page p = { r, cli_width(a->wide) };
	json_t *o;
	int ret = 0;

	if (a->out)
		ret = cli_write(a->out, print, &p);
	else if (!a->json || strcmp(a->json, "-"))
		print(stdout, &p);
	if (ret || !a->json)
		return ret;
	o = beside_json(r);
	if (!o || json_object_set_new(o, "env", result_env()))
		ret = cli_failed("out of memory");
	if (!ret)
		ret = cli_write_json(a->json, o);
	json_decref(o);
	return ret;
}

static void warn(const struct beside_result *r)
{
	if (r->note[0])
		cli_note("trace %s: %s", r->trace, r->note);
	if (r->oversubscribed)
		cli_note("warning: %u threads on %u CPUs measure the scheduler",
			 r->threads, replay_cpus());
}

static int run(void *args, int argc, char **argv)
{
	struct args *a = args;
	struct beside_result r;
	struct err err = { "" };
	int ret;

	stop_hold();
	ret = beside_run(&a->config, &r, &err);
	if (ret)
		ret = cli_stopped() ? cli_interrupted("%s", err.text)
				    : cli_failed("%s", err.text);
	if (!ret) {
		warn(&r);
		ret = show(a, &r);
	}
	if (!ret && !beside_sound(&r))
		ret = EXIT_FAILED;
	beside_free(&r);
	return ret;
}

static const struct args defaults = {
	.config = { .algorithm = "lz4", .threads = 1, .progress = true },
};

const struct cli_command cmd_zram = {
	CLI_NAME("zram", CHAPTER_KERNEL,
		 "replay a trace on the running kernel's zram",
		 "T.zlt --device /dev/zramN"),
	.doc = "Write, read and discard the pages of a trace on a zram device "
	       "of the running kernel, replay the same trace with the kernel's "
	       "allocator and compressor, and print what both count and how "
	       "long they take. With --swap the pages go through the kernel's "
	       "swap. Exits 1 at a difference without a known reason.",
	.more = "Needs root and a device that nobody uses:\n"
		"  cat /sys/class/zram-control/hot_add\n"
		"makes one and prints its number. The device is reset at the "
		"end, after any signal, too.\n"
		"\n"
		"Example:\n"
		"  sudo zlab zram traces/samples/sqlite-pages.zlt --device "
		"/dev/zram0\n"
		"  sudo zlab zram traces/samples/sqlite-pages.zlt --device "
		"/dev/zram0 --swap\n",
	CLI_TAKES(struct args, &operand, options, NULL),
	CLI_DOES(&defaults, NULL, run),
};
