// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes a model of a trace, and says how far a replay of the model is from one of
 * the trace.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/cli/progress.h"
#include "harness/cmd/cmd.h"
#include "harness/compare/sample.h"
#include "harness/replay/result.h"
#include "lib/layout.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "traces/label.h"
#include "traces/model.h"

/* Compactions of a replay, evenly spread. */
#define COMPACTIONS 8

struct args {
	struct cli_list backends;
	const char *trace, *out, *codec, *json;
	bool check, wide;
};

static const struct cli_option operand =
	CLI_SOURCE("model needs a trace: zlab model T.zlt -o M.json",
		   CLI_IS_TEXT(struct args, trace));

static const struct cli_option options[] = {
	CLI_OUTPUT("M.json", "The model to write",
		   CLI_IS_TEXT(struct args, out)),
	CLI_CODEC("Whose sizes to take of a trace with contents (default: the "
		  "first it has)",
		  CLI_IS_TEXT(struct args, codec)),
	{ "check", 0, NULL,
	  "Replay the trace and its model, and print how far they are apart; "
	  "-o is not needed then",
	  CLI_IS_FLAG(struct args, check, true) },
	CLI_BACKEND("With --check: the allocators (default: zbud z3fold "
		    "zsmalloc)",
		    CLI_IS_LIST(struct args, backends)),
	CLI_JSON(struct args,
		 "With --check: append a record for each backend to FILE; - "
		 "for standard output, which then gets nothing else"),
	CLI_WIDE(struct args),
	{ 0 },
};

static int check(void *args)
{
	static const char *const all[] = { "zbud", "z3fold", "zsmalloc" };
	struct args *a = args;
	struct err err;
	size_t i;

	if (!a->out && !a->check)
		return cli_usage("model needs -o M.json, or --check");
	if (!a->check && (a->json || a->backends.nr))
		return cli_usage("model takes --backend and --json with "
				 "--check only");
	if (result_check(a->json, &err))
		return cli_failed("%s", err.text);
	for (i = a->backends.nr ? 3 : 0; i < 3; i++)
		if (cli_list_add(&a->backends, all[i]))
			return EXIT_FAILED;
	return 0;
}

/* What is compared of one replay. */
struct outcome {
	double frag, peak, moved;
	json_t *record;
};

static double number(const json_t *o, const char *name)
{
	return json_number_value(json_object_get(o, name));
}

static int replay(const char *trace, const char *codec, const char *backend,
		  double events, struct outcome *o)
{
	char every[32];
	char *words[] = {
		"zlab",		 "replay",   (char *)trace, "--backend",
		(char *)backend, "--codec",  (char *)codec, "--compact-every",
		every,		 "--sample", "0",	    "--quiet",
		"--json",	 "-",	     NULL
	};
	int ret;

	snprintf(every, sizeof(every), "%.0f", floor(events / COMPACTIONS) + 1);
	ret = sample_spawn(words, &o->record);
	if (ret)
		return ret;
	o->frag = number(json_object_get(o->record, "over_time"), "frag_ratio");
	o->peak = number(o->record, "pool_pages_peak");
	o->moved =
		number(json_object_get(o->record, "counts"), "moved_objects");
	return 0;
}

static double in_series(const struct outcome *o, const char *name, size_t i)
{
	const json_t *list =
		json_object_get(json_object_get(o->record, "series"), name);

	return json_number_value(json_array_get(list, i));
}

/*
 * How far the frag ratios are apart on average, in percent of the pages, where
 * full pools count for more.
 */
static double apart(const struct outcome *a, const struct outcome *b)
{
	const json_t *list = json_object_get(
		json_object_get(a->record, "series"), "pool_pages");
	double sum = 0, weight = 0;
	size_t i;

	for (i = 0; i < json_array_size(list); i++) {
		double x = in_series(a, "pool_pages", i);
		double y = in_series(b, "pool_pages", i);

		if (!(x > 0 && y > 0))
			continue;
		weight += x;
		sum += x * fabs(in_series(a, "object_bytes", i) / x -
				in_series(b, "object_bytes", i) / y);
	}
	return weight > 0 ? 100 * sum / weight / ZLT_PAGE_SIZE : 0;
}

static double off(double model, double recording)
{
	if (recording > 0)
		return 100 * (model / recording - 1);
	return model > 0 ? 100 : 0;
}

static int put(const struct args *a, const char *backend,
	       const struct outcome *r, const struct outcome *m,
	       double distance)
{
	struct err err;
	json_t *o = json_pack(
		"{s:o, s:s, s:s, s:{s:f, s:f, s:f}, s:{s:f, s:f, s:f}, s:f}",
		"model_check",
		label_json(json_string_value(json_object_get(
			json_object_get(r->record, "trace"), "name"))),
		"backend", backend, "sha256",
		json_string_value(json_object_get(
			json_object_get(r->record, "trace"), "sha256")),
		"recording", "frag_ratio", r->frag, "pool_pages_peak", r->peak,
		"moved_objects", r->moved, "model", "frag_ratio", m->frag,
		"pool_pages_peak", m->peak, "moved_objects", m->moved,
		"frag_distance", distance);
	int ret = !o ? err_set(&err, -ENOMEM, "out of memory")
		     : result_append(a->json, o, &err);

	json_decref(o);
	return ret ? cli_failed("%s", err.text) : 0;
}

static int compare_on(const struct args *a, const char *backend,
		      const char *model, double events, FILE *out)
{
	struct outcome r = { 0 }, m = { 0 };
	char codec[ZLT_CODEC_MAX + 8] = "none";
	double distance;
	int ret;

	if (a->codec)
		snprintf(codec, sizeof(codec), "sizes:%s", a->codec);
	ret = replay(a->trace, codec, backend, events, &r);
	if (!ret)
		ret = replay(model, "none", backend, events, &m);
	if (!ret) {
		distance = apart(&r, &m);
		if (a->json)
			ret = put(a, backend, &r, &m, distance);
		fprintf(out,
			"%-12s %7.2f %7.2f %6.2f  %8.0f %8.0f %+6.1f  %8.0f "
			"%8.0f %+7.1f\n",
			PLAIN(backend), r.frag, m.frag, distance, r.peak,
			m.peak, off(m.peak, r.peak), r.moved, m.moved,
			off(m.moved, r.moved));
	}
	json_decref(r.record);
	json_decref(m.record);
	return ret;
}

static int compare_all(const struct args *a, const char *model, double events,
		       struct progress *progress)
{
	bool quiet = a->json && !strcmp(a->json, "-");
	char *text = NULL;
	size_t len, i;
	FILE *out = open_memstream(&text, &len);
	int ret = 0;

	if (!out)
		return cli_failed("out of memory");
	fprintf(out,
		"                frag ratio over time        peak pages"
		"              moved objects\n"
		"backend      trace   model  apart     trace    model  off %% "
		"    trace    model   off %%\n");
	for (i = 0; !ret && !cli_stopped() && i < a->backends.nr; i++) {
		progress_step(progress, "model, checking");
		ret = compare_on(a, a->backends.at[i], model, events, out);
		progress_end(progress);
	}
	fclose(out);
	if (!ret && !quiet) {
		out = layout_open(stdout, cli_width(a->wide));
		if (out)
			fputs(text, out);
		if (!out || layout_close(out))
			ret = cli_failed("standard output cannot be written");
	}
	free(text);
	return cli_stopped() ? EXIT_STOPPED : ret;
}

/* A trace of contents needs a codec's name for its replay. */
static int default_codec(struct args *a, char name[ZLT_CODEC_MAX + 1])
{
	struct err err;
	struct source *s;

	if (a->codec)
		return 0;
	s = source_open(a->trace, 0, &err);
	if (!s)
		return cli_failed("%s", err.text);
	if (source_info(s)->objects != ZLT_OBJECT_SIZES &&
	    source_info(s)->codec_count) {
		snprintf(name, ZLT_CODEC_MAX + 1, "%s",
			 source_info(s)->codecs[0].name);
		a->codec = name;
	}
	source_close(s);
	return 0;
}

static int checked(struct args *a, const struct model *m,
		   struct progress *progress)
{
	const char *dir = getenv("TMPDIR");
	char path[512], name[600], codec[ZLT_CODEC_MAX + 1];
	struct err err;
	int fd, ret;

	snprintf(path, sizeof(path), "%s/zlab-model-XXXXXX",
		 dir ? dir : "/tmp");
	fd = mkstemp(path);
	if (fd < 0)
		return cli_failed("%s: %s", path, strerror(errno));
	close(fd);
	snprintf(name, sizeof(name), "model:%s", path);
	ret = model_write(m, path, &err) ? cli_failed("%s", err.text) : 0;
	if (!ret)
		ret = default_codec(a, codec);
	if (!ret)
		ret = compare_all(a, name, model_events(m), progress);
	unlink(path);
	return ret;
}

static int run(void *args, int argc, char **argv)
{
	struct args *a = args;
	struct progress progress;
	struct err err = { "" };
	struct model *m;
	int ret = 0;

	progress_step(&progress, "model");
	m = model_fit(a->trace, a->codec, &err);
	progress_end(&progress);
	if (!m)
		return cli_failed("%s", err.text);
	if (a->out && model_write(m, a->out, &err))
		ret = cli_failed("%s", err.text);
	if (!ret && a->check)
		ret = checked(a, m, &progress);
	model_free(m);
	return ret;
}

const struct cli_command cmd_model = {
	CLI_NAME("model", CHAPTER_TRACES, "make a model of a trace",
		 "T.zlt -o M.json"),
	.doc = "Make a model of a trace: sizes, which pages come back with which "
	       "size, which are released when and in what order, runs of "
	       "operations, threads. The stream model:M.json,scale=S,days=D is "
	       "a trace of the same kind with S times the pages, that lasts D "
	       "days, and can stand where a trace is read.",
	.more = "Example:\n"
		"  zlab model T.zlt -o M.json\n"
		"  zlab replay model:M.json,scale=8 --backend zsmalloc\n",
	CLI_TAKES(struct args, &operand, options, NULL),
	CLI_DOES(NULL, check, run),
};
