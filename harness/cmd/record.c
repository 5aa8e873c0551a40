/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <argp.h>
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
#include "lib/spec.h"
#include "traces/record.h"
#include "version.h"

#define SIZERS_MAX 8

enum key {
	KEY_PEAK = 256,
	KEY_CONTENTS,
	KEY_NO_CONTENTS,
	KEY_SIZES,
	KEY_INACTIVE,
	KEY_POLICY,
	KEY_JSON,
	KEY_VERIFY,
	KEY_SPIN,
	KEY_QUIET,
};

/**
 * struct args - the command line
 * @opts: what goes to the recorder
 * @limit: as typed
 * @peak: bytes the percentage refers to, 0 to measure them
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
	long long peak;
	const char *sizes;
	const char *json;
	bool fifo, quiet;
	char name[300];
	struct codec *codecs[SIZERS_MAX];
	struct zlt_sizer sizers[SIZERS_MAX];
};

static const struct argp_option options[] = {
	{ "output", 'o', "FILE", 0, "Trace to write (default: PROGRAM.zlt)",
	  0 },
	{ "limit", 'l', "SIZE|N%", 0,
	  "Memory that may be resident: bytes, as in 64M, or a share of the "
	  "program's peak (default: 50%)",
	  0 },
	{ "peak", KEY_PEAK, "SIZE", 0,
	  "The peak that a percentage refers to; without it the program is "
	  "first run once, silently, to measure it",
	  0 },
	{ "contents", KEY_CONTENTS, NULL, 0,
	  "Keep the pages in the trace (default)", 0 },
	{ "no-contents", KEY_NO_CONTENTS, NULL, 0,
	  "Keep only sizes and hashes of the pages", 0 },
	{ "sizes", KEY_SIZES, "CODEC,...", 0,
	  "Codecs whose sizes are kept (default: lz4,zstd:3; \"\" for none, "
	  "which --contents allows)",
	  0 },
	{ "policy", KEY_POLICY, "lru|fifo", 0,
	  "How pages to go are chosen: two lists with a second chance, or "
	  "first in, first out (default: lru)",
	  0 },
	{ "inactive", KEY_INACTIVE, "N%", 0,
	  "Share of the resident pages on the inactive list, 1..90 (default: "
	  "12)",
	  0 },
	{ "spin", KEY_SPIN, "USEC", 0,
	  "How long a fault handler looks for the next fault before it sleeps, "
	  "0..1000 (default: 0)",
	  0 },
	{ "verify", KEY_VERIFY, NULL, 0,
	  "Check that every page comes back as it left", 0 },
	{ "json", KEY_JSON, "FILE", 0,
	  "Write statistics as one JSON object (\"-\": standard error)", 0 },
	{ "quiet", KEY_QUIET, NULL, 0, "No summary", 0 },
	{ 0 },
};

static const char doc[] =
	"Run COMMAND with its memory under a limit and record its swap: every "
	"page that goes out, comes back or is released.\v"
	"The program's output is untouched; messages go to standard error. "
	"The exit status is the program's own, 128+N if signal N ended it; 1 "
	"with a line if recording failed, 2 for wrong usage.";

static int percent(const char *text, long min, long max, long *value)
{
	char *end;

	errno = 0;
	*value = strtol(text, &end, 10);
	if (errno || end == text || (*end && strcmp(end, "%") != 0) ||
	    *value < min || *value > max)
		return -EINVAL;
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;
	long n;

	switch (key) {
	case 'o':
		a->opts.output = arg;
		break;
	case 'l':
		a->limit = arg;
		break;
	case KEY_PEAK:
		if (size_parse(arg, &a->peak) ||
		    a->peak < (long long)RECORD_LIMIT_MIN)
			argp_error(state,
				   "--peak %s: a size of at least 256K, "
				   "as in 300M",
				   arg);
		break;
	case KEY_CONTENTS:
		a->opts.contents = true;
		break;
	case KEY_NO_CONTENTS:
		a->opts.contents = false;
		break;
	case KEY_SIZES:
		a->sizes = arg;
		break;
	case KEY_POLICY:
		if (strcmp(arg, "lru") && strcmp(arg, "fifo"))
			argp_error(state, "--policy %s: lru or fifo", arg);
		a->fifo = !strcmp(arg, "fifo");
		break;
	case KEY_INACTIVE:
		if (percent(arg, 1, 90, &n))
			argp_error(state, "--inactive %s: 1%% to 90%%", arg);
		a->opts.inactive_permille = (unsigned int)n * 10;
		break;
	case KEY_SPIN:
		if (percent(arg, 0, 1000, &n))
			argp_error(state, "--spin %s: 0 to 1000 microseconds",
				   arg);
		a->opts.spin_us = (unsigned int)n;
		break;
	case KEY_VERIFY:
		a->opts.verify = true;
		break;
	case KEY_JSON:
		a->json = arg;
		break;
	case KEY_QUIET:
		a->quiet = true;
		break;
	case ARGP_KEY_ARGS:
		a->opts.argv = state->argv + state->next;
		break;
	case ARGP_KEY_NO_ARGS:
		argp_error(state,
			   "no command; as in: zlab record -- sort FILE");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int fail(const struct err *err)
{
	fprintf(stderr, "zlab record: %s\n", err->text);
	return EXIT_FAILED;
}

static int set_limit(struct args *a, struct err *err)
{
	size_t len = strlen(a->limit);
	long long bytes;
	uint64_t peak;
	long share;
	int ret;

	if (len && a->limit[len - 1] == '%') {
		if (percent(a->limit, 1, 100, &share))
			return err_set(err, -EINVAL, "--limit %s: 1%% to 100%%",
				       a->limit);
		peak = (uint64_t)a->peak;
		if (!peak) {
			ret = record_peak(a->opts.argv, &peak, err);
			if (ret)
				return ret == -EINVAL ? -EIO : ret;
		}
		bytes = (long long)(peak * (uint64_t)share / 100);
		if (bytes < (long long)RECORD_LIMIT_MIN)
			bytes = RECORD_LIMIT_MIN;
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
	while ((spec = strsep(&rest, ","))) {
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

static void show_progress(void *arg, const struct record_counts *n,
			  uint64_t bytes)
{
	fprintf(stderr,
		"\r\033[Krecording: %" PRIu64 " out, %" PRIu64 " back, %" PRIu64
		" processes, %.1f of %.1f MiB resident, "
		"trace %.1f MiB",
		n->stores, n->loads, n->processes,
		(double)(n->resident * RECORD_PAGE) / (1 << 20),
		(double)((const struct args *)arg)->opts.limit / (1 << 20),
		(double)bytes / (1 << 20));
	fflush(stderr);
}

static double share(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void summarize(const struct args *a, const struct record_result *r)
{
	const struct record_counts *n = &r->counts;
	uint64_t limit = a->opts.limit / RECORD_PAGE;

	fprintf(stderr,
		"zlab record: %s: %" PRIu64 " events (%" PRIu64
		" stores, %" PRIu64 " loads, %" PRIu64 " invalidates), %" PRIu64
		" distinct pages, %" PRIu64 " bytes\n",
		a->opts.output, r->events, n->stores, n->loads, n->invalidates,
		r->contents, r->bytes);
	fprintf(stderr,
		"zlab record: %" PRIu64 " processes; %.1f %% of %.1f MiB "
		"anonymous memory captured; resident at most %.1f MiB, %.1f %% "
		"of the limit (above it on average by %.2f %%, in %.1f %% of "
		"page-ins)\n",
		n->processes, share(n->captured_bytes, n->anon_bytes),
		(double)n->anon_bytes / (1 << 20),
		(double)(n->resident_peak * RECORD_PAGE) / (1 << 20),
		share(n->resident_peak, limit),
		n->over ? share(n->over_sum / n->over, limit) : 0,
		share(n->over, n->fresh + n->loads));
	if (n->unregistered)
		fprintf(stderr,
			"zlab record: %" PRIu64 " mappings could not be "
			"watched\n",
			n->unregistered);
	if (r->left_running)
		fprintf(stderr,
			"zlab record: %u recorded processes outlive the "
			"command; they go on without a limit\n",
			r->left_running);
	if (!n->processes)
		fprintf(stderr, "zlab record: nothing was recorded: the "
				"program dropped LD_PRELOAD or does not use "
				"the GNU C library\n");
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
		{ "limit_bytes", a->opts.limit },
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
		{ "over_page_ins", n->over },
		{ "over_pages_sum", n->over_sum },
		{ "anon_bytes", n->anon_bytes },
		{ "captured_bytes", n->captured_bytes },
		{ "left_running", r->left_running },
	};

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		json_object_set_new(o, fields[i].name,
				    json_integer((json_int_t)fields[i].value));
	json_object_set_new(o, "trace",
			    a->opts.output ? json_string(a->opts.output)
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

static int write_json(const struct args *a, const struct record_result *r,
		      struct err *err)
{
	FILE *out = strcmp(a->json, "-") ? fopen(a->json, "we") : stderr;
	json_t *o;
	int ret = 0;

	if (!out)
		return err_set(err, -errno, "cannot write %s: %s", a->json,
			       strerror(errno));
	o = to_json(a, r);
	if (json_dumpf(o, out, JSON_COMPACT) || fputc('\n', out) == EOF)
		ret = -EIO;
	json_decref(o);
	if (out != stderr && fclose(out))
		ret = -EIO;
	if (ret)
		err_set(err, ret, "cannot write %s", a->json);
	return ret;
}

static int record(struct args *a)
{
	struct record_result r = { 0 };
	struct err err = { "" };
	int ret, wrote = 0;

	if (!a->opts.output) {
		const char *slash = strrchr(a->opts.argv[0], '/');

		snprintf(a->name, sizeof(a->name), "%s.zlt",
			 slash ? slash + 1 : a->opts.argv[0]);
		a->opts.output = a->name;
	}
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
		a->opts.arg = a;
	}
	ret = record_run(&a->opts, &r, &err);
	if (a->opts.progress && r.wall_ns)
		fputs("\r\033[K", stderr);
	if (r.wall_ns && !a->quiet)
		summarize(a, &r);
	if (r.wall_ns && a->json) {
		struct err why = { "" };

		wrote = write_json(a, &r, &why);
		if (wrote)
			fail(&why);
	}
	if (ret)
		return fail(&err);
	if (wrote)
		return EXIT_FAILED;
	return WIFSIGNALED(r.status) ? 128 + WTERMSIG(r.status)
				     : WEXITSTATUS(r.status);
}

int cmd_record(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "COMMAND [ARG...]",
		.doc = doc,
	};
	struct args a = {
		.opts = { .contents = true,
			  .inactive_permille = 120,
			  .tool = "zlab " ZLAB_VERSION },
		.limit = "50%",
		.sizes = "lz4,zstd:3",
	};
	size_t i;
	int ret;

	argp_err_exit_status = EXIT_USAGE;
	if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &a))
		return EXIT_USAGE;
	if (a.fifo)
		a.opts.inactive_permille = 0;
	ret = record(&a);
	for (i = 0; i < SIZERS_MAX; i++)
		codec_destroy(a.codecs[i]);
	return ret;
}
