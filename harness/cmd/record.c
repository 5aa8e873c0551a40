// SPDX-License-Identifier: GPL-2.0-or-later
/* Records a program and prints what was captured. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/cmd/cmd.h"
#include "harness/swap/codec.h"
#include "lib/output.h"
#include "lib/percent.h"
#include "lib/spec.h"
#include "traces/label.h"
#include "traces/record.h"
#include "version.h"

#define SIZERS_MAX 8
/* Slowdowns below this factor are normal for recording and not reported. */
#define SLOW_TOLD 5

/**
 * struct args - the command line
 * @opts: what goes to the recorder
 * @limit: as typed
 * @sizes: codec specs, separated by commas
 * @json: where statistics go, or NULL
 * @fifo: policy "fifo"
 * @quiet: no summary
 * @name: of the trace, when none was given
 * @codecs: those of @sizes
 * @sizers: the same for the recorder
 */
struct args {
	struct record_options opts;
	const char *limit;
	const char *sizes;
	const char *json;
	bool fifo, quiet;
	char name[300];
	struct codec *codecs[SIZERS_MAX];
	struct zlt_sizer sizers[SIZERS_MAX];
};

static bool percent(const char *text, long min, long max, long *value)
{
	char *end;

	errno = 0;
	*value = strtol(text, &end, 10);
	return !errno && end != text && (!*end || !strcmp(end, "%")) &&
	       *value >= min && *value <= max;
}

static int set_inactive(const struct cli_option *o, const char *arg, void *to)
{
	struct args *a = to;
	long n;

	if (!percent(arg, 1, 90, &n))
		return cli_usage("--inactive %s: 1%% to 90%%", arg);
	a->opts.inactive_permille = (unsigned)n * 10;
	return 0;
}

static const struct cli_option operand = {
	"command", .offer = OFFER_PROGRAM, .kind = CLI_REST,
	CLI_AT(struct args, opts.argv),
	.needs = "no command; as in: zlab record -- sort FILE"
};

static const struct cli_option options[] = {
	CLI_OUTPUT("FILE", "Trace to write (default: PROGRAM.zlt)",
		   CLI_IS_TEXT(struct args, opts.output)),
	{ "limit", 'l', "SIZE|N%",
	  "Memory that may be resident: bytes, as in 64M, or a share of the "
	  "most that the program has used so far, which grows with it "
	  "(default: 50%)",
	  CLI_IS_TEXT(struct args, limit) },
	{ "contents", 0, NULL, "Keep the pages in the trace (default)",
	  CLI_IS_FLAG(struct args, opts.contents, true) },
	{ "no-contents", 0, NULL, "Keep only sizes and hashes of the pages",
	  CLI_IS_FLAG(struct args, opts.contents, false) },
	{ "sizes", 0, "CODEC,...",
	  "Codecs whose sizes are kept (default: lz4,zstd:3; \"\" for none, "
	  "which --contents allows)",
	  .offer = OFFER_CODEC, .split = true,
	  CLI_IS_TEXT(struct args, sizes) },
	{ "policy", 0, "lru|fifo",
	  "How pages to go are chosen: two lists with a second chance, or "
	  "first in, first out (default: lru)",
	  CLI_IS_CHOICE(struct args, fifo, { "lru", false },
			{ "fifo", true }) },
	{ "inactive", 0, "N%",
	  "Share of the resident pages on the inactive list, 1..90 (default: "
	  "12)",
	  CLI_IS_CALL(set_inactive) },
	{ "spin", 0, "USEC",
	  "How long a fault handler looks for the next fault before it sleeps, "
	  "0..1000 (default: 0)",
	  CLI_IS_COUNT(struct args, opts.spin_us, 0, 1000) },
	{ "verify", 0, NULL, "Check that every page comes back as it left",
	  CLI_IS_FLAG(struct args, opts.verify, true) },
	CLI_JSON(struct args, "Write statistics as one JSON object to FILE; - "
			      "for standard output, behind the program's own"),
	{ "quiet", 'q', NULL, "No summary, only warnings",
	  CLI_IS_FLAG(struct args, quiet, true) },
	{ 0 },
};

static int fail(const struct err *err)
{
	return cli_failed("%s", err->text);
}

static int set_limit(struct args *a, struct err *err)
{
	size_t len = strlen(a->limit);
	long long bytes = RECORD_LIMIT_MIN;
	long share;

	if (len && a->limit[len - 1] == '%') {
		if (!percent(a->limit, 1, 100, &share))
			return err_set(err, -EINVAL, "--limit %s: 1%% to 100%%",
				       a->limit);
		a->opts.percent = (unsigned)share;
	} else if (size_parse(a->limit, &bytes) ||
		   bytes < (long long)RECORD_LIMIT_MIN) {
		return err_set(
			err, -EINVAL,
			"--limit %s: a size of at least 256K, as in 64M, "
			"or a percentage, as in 50%%",
			a->limit);
	}
	a->opts.limit = (uint64_t)bytes;
	return 0;
}

static int make_sizers(struct args *a, struct err *err)
{
	char *list = strdup(a->sizes), *rest = list, *spec;
	size_t n = 0;

	if (!list)
		return err_set(err, -ENOMEM, "out of memory");
	while ((spec = spec_next(&rest))) {
		if (!*spec)
			continue;
		if (n == SIZERS_MAX) {
			free(list);
			return err_set(err, -EINVAL,
				       "--sizes: at most %d codecs",
				       SIZERS_MAX);
		}
		a->codecs[n] = codec_create(spec, err);
		if (!a->codecs[n] || codec_table(a->codecs[n])) {
			if (a->codecs[n])
				err_set(err, -EINVAL,
					"--sizes %s: cannot compress", spec);
			free(list);
			return -EINVAL;
		}
		a->sizers[n].name = codec_name(a->codecs[n]);
		a->sizers[n].size = codec_size;
		a->sizers[n].arg = a->codecs[n];
		n++;
	}
	free(list);
	if (!n && !a->opts.contents)
		return err_set(err, -EINVAL,
			       "--no-contents needs a codec in --sizes");
	a->opts.sizers = a->sizers;
	a->opts.sizer_count = n;
	return 0;
}

static double mib(uint64_t pages)
{
	return (double)(pages * RECORD_PAGE) / (1 << 20);
}

static void show_progress(void *arg, const struct record_counts *n,
			  uint64_t bytes)
{
	fprintf(stderr,
		"\r\033[Krecording: %" PRIu64 " out, %" PRIu64 " back, %" PRIu64
		" process%s, %.1f of %.1f MiB resident, "
		"trace %.1f MiB",
		n->stores, n->loads, n->processes,
		n->processes == 1 ? "" : "es", mib(n->resident), mib(n->limit),
		(double)bytes / (1 << 20));
	fflush(stderr);
	(void)arg;
}

static void show_news(void *arg, enum record_news what,
		      const struct record_counts *n, uint64_t bytes)
{
	const struct args *a = arg;

	if (a->opts.progress)
		fputs("\r\033[K", stderr);
	if (what == RECORD_FOLLOWS)
		cli_note("the command has ended, processes that it started go "
			 "on: recording them to their end; Ctrl-C ends the "
			 "recording and leaves them running");
	else
		cli_note("warning: the program waits for its pages much of the "
			 "time, at %.1f MiB resident; the trace grows too, to "
			 "%.1f MiB so far; a higher --limit is faster",
			 mib(n->limit), (double)bytes / (1 << 20));
}

/* Warn if the trace has no events or does not represent normal use. */
static void warn(const struct args *a, const struct record_result *r)
{
	const struct record_counts *n = &r->counts;
	char most[64];

	if (r->left_running)
		cli_note("%u recorded process%s without a limit",
			 r->left_running,
			 r->left_running == 1
				 ? " outlives the recording; it goes on"
				 : "es outlive the recording; they go on");
	if (!n->processes) {
		cli_note("nothing was recorded: the program dropped LD_PRELOAD "
			 "or does not use the GNU C library");
		return;
	}
	if (r->slow >= SLOW_TOLD)
		cli_note("warning: the program took about %.0f times as long "
			 "as without a limit (an estimate)",
			 r->slow);
	if (n->stores)
		return;
	snprintf(most, sizeof(most), "it used %.1f MiB at most",
		 mib(n->live_peak));
	if (n->live_peak * RECORD_PAGE <= RECORD_LIMIT_MIN)
		cli_note("no page went out: %s, and a limit is at least %llu "
			 "KiB",
			 most, RECORD_LIMIT_MIN >> 10);
	else if (a->opts.percent == 100)
		cli_note("no page went out: %s, and all of it may stay; try "
			 "--limit 50%%",
			 most);
	else
		cli_note("no page went out: %s, and %.1f MiB may stay; try "
			 "--limit 50%%",
			 most, mib(n->limit));
}

static void summarize(const struct args *a, const struct record_result *r)
{
	const struct record_counts *n = &r->counts;

	cli_note(MADE_TRACE ", %" PRIu64 " distinct pages, %" PRIu64 " bytes",
		 a->opts.output, r->events, n->stores, n->loads, n->invalidates,
		 r->contents, r->bytes);
	cli_note("%" PRIu64 " process%s; %.1f %% of %.1f MiB anonymous memory "
		 "captured; resident at most %.1f MiB of %.1f, %.1f %% of the "
		 "limit (above it on average by %.2f %%, in %.1f %% of "
		 "page-ins)",
		 n->processes, n->processes == 1 ? "" : "es",
		 percent_of(n->captured_bytes, n->anon_bytes),
		 (double)n->anon_bytes / (1 << 20), mib(n->resident_peak),
		 mib(n->live_peak), percent_of(n->resident_peak, n->limit),
		 n->over ? percent_of(n->over_sum / n->over, n->limit) : 0,
		 percent_of(n->over, n->fresh + n->loads));
	if (n->unregistered)
		cli_note("%" PRIu64 " mappings could not be watched",
			 n->unregistered);
}

static json_t *to_json(const struct args *a, const struct record_result *r)
{
	const struct record_counts *n = &r->counts;
	json_t *o = json_object();
	size_t i;
	const struct {
		const char *name;
		uint64_t value;
	} fields[] = {
		{ "limit_bytes", n->limit * RECORD_PAGE },
		{ "events", r->events },
		{ "contents", r->contents },
		{ "trace_bytes", r->bytes },
		{ "wall_ns", r->wall_ns },
		{ "user_ns", r->user_ns },
		{ "sys_ns", r->sys_ns },
		{ "processes", n->processes },
		{ "fresh_faults", n->fresh },
		{ "soft_faults", n->soft },
		{ "stores", n->stores },
		{ "loads", n->loads },
		{ "invalidates", n->invalidates },
		{ "hides", n->hides },
		{ "hide_calls", n->hide_calls },
		{ "stuck", n->stuck },
		{ "parked", n->parked },
		{ "fork_copies", n->forks },
		{ "collector_waits", n->waits },
		{ "mismatches", n->mismatches },
		{ "violations", n->violations },
		{ "unregistered", n->unregistered },
		{ "peak_bytes", n->resident_peak * RECORD_PAGE },
		{ "live_peak_bytes", n->live_peak * RECORD_PAGE },
		{ "over_page_ins", n->over },
		{ "over_pages_sum", n->over_sum },
		{ "anon_bytes", n->anon_bytes },
		{ "captured_bytes", n->captured_bytes },
		{ "left_running", r->left_running },
	};

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		json_object_set_new(o, fields[i].name,
				    json_integer((json_int_t)fields[i].value));
	json_object_set_new(o, "slow_estimate", json_real(r->slow));
	json_object_set_new(o, "trace",
			    a->opts.output ? label_json(a->opts.output)
					   : json_null());
	json_object_set_new(o, "exit_code",
			    WIFEXITED(r->status)
				    ? json_integer(WEXITSTATUS(r->status))
				    : json_null());
	json_object_set_new(o, "signal",
			    WIFSIGNALED(r->status)
				    ? json_integer(WTERMSIG(r->status))
				    : json_null());
	return o;
}

static int record(struct args *a)
{
	struct record_result r = { 0 };
	struct err err = { "" };
	int ret, wrote = 0;
	json_t *json;

	if (!a->opts.output) {
		const char *slash = strrchr(a->opts.argv[0], '/');

		snprintf(a->name, sizeof(a->name), "%s.zlt",
			 slash ? slash + 1 : a->opts.argv[0]);
		a->opts.output = a->name;
	}
	if (a->json && output_same(a->opts.output, a->json))
		return cli_usage(
			"--json %s: the trace goes there; name another",
			a->json);
	ret = make_sizers(a, &err);
	if (!ret)
		ret = set_limit(a, &err);
	if (ret == -EINVAL) {
		fail(&err);
		return EXIT_USAGE;
	}
	if (ret)
		return fail(&err);
	if (isatty(STDERR_FILENO)) {
		a->opts.progress = show_progress;
	}
	a->opts.news = show_news;
	a->opts.arg = a;
	ret = record_run(&a->opts, &r, &err);
	if (a->opts.progress && r.wall_ns)
		fputs("\r\033[K", stderr);
	if (r.wall_ns && !a->quiet)
		summarize(a, &r);
	if (r.wall_ns)
		warn(a, &r);
	if (r.wall_ns && a->json) {
		json = to_json(a, &r);
		wrote = cli_write_json(a->json, json);
		json_decref(json);
	}
	if (ret)
		return fail(&err);
	if (wrote)
		return EXIT_FAILED;
	return WIFSIGNALED(r.status) ? 128 + WTERMSIG(r.status)
				     : WEXITSTATUS(r.status);
}

static int run(void *args, int argc, char **argv)
{
	struct args *a = args;
	size_t i;
	int ret;

	if (a->fifo)
		a->opts.inactive_permille = 0;
	ret = record(a);
	for (i = 0; i < SIZERS_MAX; i++)
		codec_destroy(a->codecs[i]);
	return ret;
}

static const struct args defaults = {
	.opts = { .contents = true,
		  .inactive_permille = 120,
		  .tool = "zlab " ZLAB_VERSION },
	.limit = "50%",
	.sizes = "lz4,zstd:3",
};

const struct cli_command cmd_record = {
	CLI_NAME("record", CHAPTER_TRACES, "run a program and record its swap",
		 "[OPTION...] [--] COMMAND [ARG...]"),
	.doc = "Run COMMAND with its memory under a limit and record its swap: "
	       "every page that goes out, comes back or is released.",
	.more = "The program's output is untouched; messages go to standard "
		"error. The exit status is the program's own, 128+N if signal "
		"N ended it; 1 with a line if recording failed, 2 for wrong "
		"usage.\n"
		"\n"
		"A limit in percent follows the program's growth in this one "
		"run: pages go out from the start, not only when the final "
		"peak is known. A limit in bytes lets the program grow to it "
		"first. Processes that outlive COMMAND are recorded to their "
		"end, or until Ctrl-C.\n",
	CLI_TAKES(struct args, &operand, options, NULL),
	CLI_DOES(&defaults, NULL, run),
};
