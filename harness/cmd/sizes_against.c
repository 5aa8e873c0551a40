// SPDX-License-Identifier: GPL-2.0-or-later
/* How the objects of one codec differ from those of another. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "harness/cli/progress.h"
#include "harness/cmd/cmd.h"
#include "harness/cmd/sizes.h"
#include "lib/layout.h"
#include "lib/text.h"
#include "traces/zlt.h"

struct pair {
	struct codec *codec[2];
	uint64_t alike, smaller, larger;
	uint64_t bytes[2];
};

struct comparison {
	char *trace;
	uint64_t pages;
	struct pair pair[SIZES_MAX_CODECS];
	size_t nr;
	int width;
};

static int add_page(struct pair *p, const void *page, struct err *err)
{
	int size[2], i;

	for (i = 0; i < 2; i++) {
		size[i] = codec_size(p->codec[i], page);
		if (size[i] < 0)
			return err_set(err, size[i], "codec %s fails",
				       codec_name(p->codec[i]));
		p->bytes[i] += (uint64_t)size[i];
	}
	p->alike += size[0] == size[1];
	p->smaller += size[0] < size[1];
	p->larger += size[0] > size[1];
	return 0;
}

static int compare(struct comparison *c, struct zlt_cursor *cursor,
		   struct err *err)
{
	struct progress progress;
	const void *page;
	uint64_t i;
	size_t k;
	int ret = 0;

	progress_start(&progress, "sizes", "pages", c->pages);
	for (i = 0; i < c->pages && !ret; i++) {
		if (cli_stopped())
			ret = err_set(err, -EINTR, "interrupted");
		if (!ret)
			ret = zlt_content(cursor, (uint32_t)i, &page, err);
		for (k = 0; k < c->nr && !ret; k++)
			ret = add_page(&c->pair[k], page, err);
		progress_update(&progress, i);
	}
	progress_end(&progress);
	return ret;
}

static double percent(const struct pair *p)
{
	double to = (double)p->bytes[1];

	return to > 0 ? 100 * ((double)p->bytes[0] - to) / to : 0;
}

static void print(const struct comparison *c)
{
	static const char *const heads[] = {
		"\ncodec",	 "pages\nalike", "pages\nsmaller",
		"pages\nlarger", "\nbytes",	 "the other's\nbytes",
		"more\n%",
	};
	FILE *out = layout_open(stdout, c->width);
	struct layout_table *t = layout_table(heads, 7);
	const struct pair *p;

	if (!out)
		return;
	fprintf(out, "%s: %" PRIu64 " pages, each compressed by both\n\n",
		PLAIN(c->trace), c->pages);
	for (p = c->pair; p < c->pair + c->nr; p++) {
		layout_cell(t, "%s against %s", PLAIN(codec_name(p->codec[0])),
			    PLAIN(codec_name(p->codec[1])));
		layout_cell(t, "%" PRIu64, p->alike);
		layout_cell(t, "%" PRIu64, p->smaller);
		layout_cell(t, "%" PRIu64, p->larger);
		layout_cell(t, "%" PRIu64, p->bytes[0]);
		layout_cell(t, "%" PRIu64, p->bytes[1]);
		layout_cell(t, "%+.3f", percent(p));
	}
	layout_table_print(t, out, c->width);
	layout_close(out);
}

static json_t *codec_json(const struct codec *codec, uint64_t bytes)
{
	const char *source = codec_source(codec);
	json_t *o = json_pack("{s:s, s:I}", "codec", codec_name(codec), "bytes",
			      (json_int_t)bytes);

	if (o && source)
		json_object_set_new(o, "source", json_loads(source, 0, NULL));
	return o;
}

static json_t *to_json(const struct comparison *c)
{
	json_t *list = json_array();
	const struct pair *p;

	for (p = c->pair; p < c->pair + c->nr; p++)
		json_array_append_new(
			list, json_pack("{s:o, s:o, s:I, s:I, s:I}", "of",
					codec_json(p->codec[0], p->bytes[0]),
					"against",
					codec_json(p->codec[1], p->bytes[1]),
					"alike", (json_int_t)p->alike,
					"smaller", (json_int_t)p->smaller,
					"larger", (json_int_t)p->larger));
	return json_pack("{s:s, s:I, s:o}", "trace", c->trace, "pages",
			 (json_int_t)c->pages, "codecs", list);
}

static int compare_in(struct comparison *c, struct zlt_reader *r,
		      struct err *err)
{
	const struct zlt_info *info = zlt_info(r);
	struct zlt_cursor *cursor;
	int ret;

	if (info->objects != ZLT_OBJECT_PAGES)
		return err_set(err, -EINVAL,
			       "trace %s carries no pages to compress",
			       info->path);
	cursor = zlt_cursor_open(r, 1 << 20, err);
	if (!cursor)
		return -errno;
	c->pages = info->contents;
	ret = compare(c, cursor, err);
	zlt_cursor_close(cursor);
	return ret;
}

int sizes_against(const char *trace, const struct sizes_codecs *codecs,
		  const struct sizes_codecs *others, const char *json,
		  bool wide)
{
	struct comparison c = { .nr = codecs->nr, .width = cli_width(wide) };
	struct err err = { "" };
	struct zlt_reader *r;
	json_t *o;
	size_t i;
	int ret;

	if (others->nr != 1 && others->nr != codecs->nr)
		return cli_usage("--against takes one codec, or one for each "
				 "of the %zu of --codec",
				 codecs->nr);
	for (i = 0; i < c.nr; i++) {
		c.pair[i].codec[0] = codecs->at[i];
		c.pair[i].codec[1] = others->at[others->nr > 1 ? i : 0];
	}
	r = zlt_open(trace, 0, &err);
	if (!r)
		return cli_failed("%s", err.text);
	c.trace = (char *)zlt_info(r)->name;
	ret = compare_in(&c, r, &err);
	if (ret) {
		ret = ret == -EINTR ? cli_interrupted("%s", err.text)
				    : cli_failed("%s", err.text);
	} else {
		if (!json || strcmp(json, "-") != 0)
			print(&c);
		if (json) {
			o = to_json(&c);
			ret = cli_write_json(json, o);
			json_decref(o);
		}
	}
	zlt_reader_close(r);
	return ret;
}
