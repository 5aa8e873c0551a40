// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Adds compressed sizes to a trace, copies it without its pages, or compares the
 * sizes of two codecs.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/cli/progress.h"
#include "harness/cmd/cmd.h"
#include "harness/cmd/columns.h"
#include "harness/cmd/sizes.h"
#include "lib/spec.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "traces/share.h"
#include "traces/zlt.h"

struct args {
	const char *trace;
	const char *codecs, *against;
	const char *out, *json;
	unsigned drop;
	bool wide;
};

static const struct cli_option operand =
	CLI_TRACE("sizes needs a trace: zlab sizes T.zlt --codec lz4,zstd",
		  CLI_IS_TEXT(struct args, trace));

static const struct cli_option options[] = {
	{ "codec", 'c', "CODEC[,...]",
	  "lz4, zstd[:LEVEL], ./X.so[:OPTION=VALUE] (default: lz4,zstd)",
	  .offer = OFFER_CODEC, .split = true,
	  CLI_IS_TEXT(struct args, codecs) },
	{ "against", 0, "CODEC[,...]",
	  "Leave the trace as it is and say how the objects differ from those "
	  "of this codec, or of one for each of --codec",
	  .offer = OFFER_CODEC, .split = true,
	  CLI_IS_TEXT(struct args, against) },
	CLI_JSON(struct args, "Write what --against says as JSON to FILE; - "
			      "for standard output, which then gets nothing "
			      "else"),
	CLI_WIDE(struct args),
	CLI_OUTPUT("OUT.zlt",
		   "Leave the trace as it is and make one to give away: with "
		   "the sizes and without the pages",
		   CLI_IS_TEXT(struct args, out)),
	COLUMNS_DROP(struct args, drop),
	{ 0 },
};

/* One size per content. */
static int measure(struct zlt_reader *r, struct codec *codec, uint16_t *sizes,
		   struct err *err)
{
	uint64_t i, n = zlt_info(r)->contents;
	struct zlt_cursor *cursor = zlt_cursor_open(r, 1 << 20, err);
	struct progress progress;
	const void *page;
	int ret = 0;

	if (!cursor)
		return -errno;
	progress_start(&progress, codec_name(codec), "pages", n);
	for (i = 0; i < n && !ret; i++) {
		if (cli_stopped())
			ret = err_set(err, -EINTR,
				      "interrupted; %s is as "
				      "it was",
				      zlt_info(r)->path);
		if (!ret)
			ret = zlt_content(cursor, (uint32_t)i, &page, err);
		if (ret)
			break;
		ret = codec_size(codec, page);
		if (ret < 0)
			err_set(err, ret, "codec %s fails on content %llu",
				codec_name(codec), (unsigned long long)i);
		else
			sizes[i] = (uint16_t)ret;
		ret = ret < 0 ? ret : 0;
		progress_update(&progress, i);
	}
	progress_end(&progress);
	zlt_cursor_close(cursor);
	return ret;
}

static bool has_sizes(const struct zlt_info *info, const char *name)
{
	size_t i;

	for (i = 0; i < info->codec_count; i++)
		if (!strcmp(info->codecs[i].name, name) &&
		    info->codecs[i].known == info->contents)
			return true;
	return false;
}

static int add(const char *path, struct codec *codec, struct err *err)
{
	struct zlt_reader *r = zlt_open(path, 0, err);
	uint16_t *sizes = NULL;
	struct progress progress;
	uint64_t n;
	int ret = 0;

	if (!r)
		return -errno;
	n = zlt_info(r)->contents;
	if (zlt_info(r)->objects != ZLT_OBJECT_PAGES)
		ret = err_set(err, -EINVAL,
			      "trace %s carries no pages to compress", path);
	else if (has_sizes(zlt_info(r), codec_name(codec)))
		goto out;
	if (!ret) {
		sizes = malloc(n * sizeof(*sizes) + 1);
		ret = sizes ? measure(r, codec, sizes, err)
			    : err_set(err, -ENOMEM,
				      "out of memory for %llu sizes",
				      (unsigned long long)n);
	}
	if (!ret) {
		progress_step(&progress, "sizes, copying the trace");
		ret = zlt_append_sizes(path, codec_name(codec), sizes, n, err);
		progress_end(&progress);
	}
out:
	free(sizes);
	zlt_reader_close(r);
	return ret;
}

/* A codec that compresses, or NULL with the line printed. */
static struct codec *compressor(const char *option, const char *word)
{
	struct err err = { "" };
	struct codec *codec = codec_create(word, &err);

	if (!codec) {
		cli_usage("%s", err.text);
		return NULL;
	}
	if (!codec_table(codec))
		return codec;
	cli_usage("sizes compresses by itself; --%s takes lz4, "
		  "zstd[:LEVEL] or ./X.so, not \"%s\"",
		  option, word);
	codec_destroy(codec);
	return NULL;
}

static int failed(int ret, const struct err *err)
{
	return ret == -EINTR ? cli_interrupted("%s", err->text)
			     : cli_failed("%s", err->text);
}

static int size_of(void *codec, const void *page)
{
	return codec_size(codec, page);
}

static uint64_t bytes_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : (uint64_t)st.st_size;
}

static int share(const struct args *a, const struct sizes_codecs *c)
{
	struct zlt_sizer sizers[SIZES_MAX_CODECS];
	struct progress progress;
	struct err err = { "" };
	size_t i;
	int ret;

	for (i = 0; i < c->nr; i++)
		sizers[i] = (struct zlt_sizer){ .name = codec_name(c->at[i]),
						.size = size_of,
						.arg = c->at[i] };
	progress_step(&progress, "sizes");
	ret = trace_share(a->trace, a->out, a->drop, sizers, c->nr, cli_stopped,
			  &err);
	progress_end(&progress);
	if (ret)
		return failed(ret, &err);
	printf("%s: %" PRIu64 " bytes, without pages; %s has %" PRIu64 "\n",
	       PLAIN(a->out), bytes_of(a->out), PLAIN(a->trace),
	       bytes_of(a->trace));
	return 0;
}

static int add_all(const struct args *a, const struct sizes_codecs *c)
{
	struct err err = { "" };
	size_t i;
	int ret;

	for (i = 0; i < c->nr; i++) {
		ret = add(a->trace, c->at[i], &err);
		if (ret)
			return failed(ret, &err);
	}
	return 0;
}

/* Return: 0 or an exit status with the line printed. */
static int open_codecs(const char *option, const char *text,
		       struct sizes_codecs *c)
{
	char *list = strdup(text), *rest = list, *word;
	int ret = 0;

	if (!list)
		return cli_failed("out of memory");
	while (!ret && (word = spec_next(&rest))) {
		if (c->nr == SIZES_MAX_CODECS)
			ret = cli_usage("--%s takes up to %d codecs", option,
					SIZES_MAX_CODECS);
		else if (!(c->at[c->nr] = compressor(option, word)))
			ret = EXIT_USAGE;
		else
			c->nr++;
	}
	free(list);
	return ret;
}

static void close_codecs(struct sizes_codecs *c)
{
	while (c->nr)
		codec_destroy(c->at[--c->nr]);
}

static int check(const struct args *a)
{
	if (a->drop && !a->out)
		return cli_usage("--drop needs -o OUT.zlt; a trace keeps what "
				 "it has");
	if (a->json && !a->against)
		return cli_usage("--json needs --against CODEC");
	if (a->out && a->against)
		return cli_usage("--against writes no trace; leave -o out");
	return 0;
}

static int run(void *args, int argc, char **argv)
{
	const struct args *a = args;
	struct sizes_codecs codecs = { .nr = 0 }, others = { .nr = 0 };
	int ret = check(a);

	if (!ret)
		ret = open_codecs("codec", a->codecs, &codecs);
	if (!ret && a->against)
		ret = open_codecs("against", a->against, &others);
	stop_hold();
	if (ret)
		;
	else if (a->against)
		ret = sizes_against(a->trace, &codecs, &others, a->json,
				    a->wide);
	else
		ret = a->out ? share(a, &codecs) : add_all(a, &codecs);
	close_codecs(&codecs);
	close_codecs(&others);
	return ret;
}

static const struct args defaults = { .codecs = "lz4,zstd" };

const struct cli_command cmd_sizes = {
	CLI_NAME("sizes", CHAPTER_TRACES,
		 "keep every page's compressed size in a trace", "T.zlt"),
	.doc = "Compress every page of a trace once and keep the sizes in the "
	       "trace, so that a replay with --codec sizes:CODEC needs no "
	       "compressor. A codec whose sizes are there already is left "
	       "alone. With -o the sizes go into another trace, which has no "
	       "pages and can be given to others. With --against two codecs "
	       "are compared.",
	CLI_TAKES(struct args, &operand, options, NULL),
	CLI_DOES(&defaults, NULL, run),
};
