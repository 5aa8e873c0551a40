// SPDX-License-Identifier: GPL-2.0-or-later
/* What a comparison with a device says: rows, reasons, JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "harness/live/beside.h"

/* By enum beside_row: in text, and in JSON as mm_stat names it. */
static const struct {
	const char *text, *json;
} rows[BESIDE_ROWS] = {
	[BESIDE_STORED] = { "stored pages", "stored_pages" },
	[BESIDE_SAME] = { "same-filled pages", "same_pages" },
	[BESIDE_HUGE] = { "uncompressed pages", "huge_pages" },
	[BESIDE_HUGE_SINCE] = { "stores of such pages", "huge_pages_since" },
	[BESIDE_BYTES] = { "objects, bytes", "compr_data_size" },
	[BESIDE_PAGES] = { "pool, pages", "pool_pages" },
	[BESIDE_PAGES_MAX] = { "pool at its peak", "pool_pages_peak" },
	[BESIDE_COMPACTED] = { "freed by compaction", "pages_compacted" },
	[BESIDE_SLOTS] = { "swap slots in use", "swap_slots" },
};

const char *beside_word(enum beside_row row)
{
	return rows[row].text;
}

bool beside_shown(const struct beside_result *r, enum beside_side side,
		  enum beside_row row)
{
	return r->has[row] || (side != BESIDE_KERNEL && row != BESIDE_SLOTS);
}

/* The order of threads decides where an object goes, not what is stored. */
static bool is_placement(enum beside_row row)
{
	return row == BESIDE_PAGES || row == BESIDE_PAGES_MAX ||
	       row == BESIDE_COMPACTED;
}

/* Why a row differs since pages were swapped, or NULL. */
static const char *known_swap(const struct beside_result *r,
			      enum beside_row row)
{
	const uint64_t *kernel = r->value[BESIDE_KERNEL];
	const uint64_t *zlab = r->value[BESIDE_SIZES];

	if (!r->swap)
		return NULL;
	if (r->rules.frees_late)
		return "the kernel frees swapped pages in batches";
	if (kernel[BESIDE_SLOTS] > zlab[BESIDE_SLOTS])
		return "other pages were swapped to the device, too";
	if ((row == BESIDE_STORED || row == BESIDE_SAME) &&
	    r->rules.keeps_zeroes && zlab[row] - kernel[row] == r->zeroes)
		return "pages of zeroes do not get to the device";
	return NULL;
}

/* Why a row differs with the device's own sizes, or NULL. */
static const char *known(const struct beside_result *r, enum beside_row row)
{
	const char *why = known_swap(r, row);

	if (why || !is_placement(row))
		return why;
	if (r->threads > 1)
		return "the order of threads decides where objects go";
	if (!r->compactions && r->value[BESIDE_KERNEL][BESIDE_COMPACTED])
		return "the kernel was short of memory and compacted by itself";
	return NULL;
}

static bool differs(const struct beside_result *r, enum beside_side side,
		    enum beside_row row)
{
	return r->has[row] &&
	       r->value[BESIDE_KERNEL][row] != r->value[side][row];
}

const char *beside_reason(const struct beside_result *r, enum beside_side side,
			  enum beside_row row, bool *sound)
{
	const char *why;

	*sound = true;
	if (!differs(r, side, row))
		return NULL;
	if (side == BESIDE_CODEC && r->differ && !differs(r, BESIDE_SIZES, row))
		return r->library ? "the library makes objects of other sizes"
				  : "the codec makes objects of other sizes";
	why = known(r, row);
	*sound = why != NULL;
	return why ? why : "no known reason";
}

const char *beside_next(const struct beside_result *r, enum beside_side side,
			int *row)
{
	const char *why = NULL;
	bool sound;

	for (; *row < BESIDE_ROWS; ++*row) {
		why = beside_reason(r, side, *row, &sound);
		if (why)
			break;
	}
	return why;
}

bool beside_sound(const struct beside_result *r)
{
	bool sound, all = !r->apart || known(r, BESIDE_PAGES);
	int row;

	for (row = 0; row < BESIDE_ROWS; row++) {
		beside_reason(r, BESIDE_SIZES, row, &sound);
		all &= sound;
		if (r->codec)
			beside_reason(r, BESIDE_CODEC, row, &sound);
		all &= sound;
	}
	return all;
}

static json_t *side_json(const struct beside_result *r, enum beside_side side)
{
	json_t *o = json_object();
	int row;

	for (row = 0; row < BESIDE_ROWS; row++)
		if (beside_shown(r, side, row))
			json_object_set_new(
				o, rows[row].json,
				json_integer((json_int_t)r->value[side][row]));
	return o;
}

static json_t *reasons_json(const struct beside_result *r,
			    enum beside_side side)
{
	json_t *o = json_object();
	const char *why;
	int row;

	for (row = 0; (why = beside_next(r, side, &row)); row++)
		json_object_set_new(o, rows[row].json, json_string(why));
	return o;
}

static json_t *time_json(const struct beside_result *r, enum beside_side side)
{
	static const char *const op[] = { "store", "load", "invalidate" };
	json_t *o = json_object();
	int i;

	for (i = 0; i < 3; i++) {
		const struct beside_time *t = &r->time[side][i];

		json_object_set_new(o, op[i],
				    json_pack("{s:I, s:f, s:I}", "samples",
					      (json_int_t)t->samples, "mean_ns",
					      t->ns, "p50_ns",
					      (json_int_t)t->p50));
		if (side == BESIDE_CODEC)
			json_object_update_new(
				json_object_get(o, op[i]),
				json_pack("{s:f, s:f}", "codec_ns", t->codec_ns,
					  "allocator_ns", t->alloc_ns));
	}
	return o;
}

json_t *beside_json(const struct beside_result *r)
{
	json_t *o = json_pack(
		"{s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:i, s:b, s:i, s:b}",
		"trace", r->trace, "note", r->note, "events",
		(json_int_t)r->events, "device", r->name, "kernel_release",
		r->release, "algorithm", r->algorithm, "backend", r->backend,
		"threads", (int)r->threads, "oversubscribed", r->oversubscribed,
		"huge_limit", (int)r->huge_limit, "sound", beside_sound(r));

	if (!o)
		return NULL;
	if (r->swap)
		json_object_set_new(
			o, "swap",
			json_pack("{s:b, s:b, s:b, s:I}", "load_frees",
				  r->rules.load_frees, "keeps_zeroes",
				  r->rules.keeps_zeroes, "frees_late",
				  r->rules.frees_late, "zero_pages",
				  (json_int_t)r->zeroes));
	json_object_set_new(o, "kernel", side_json(r, BESIDE_KERNEL));
	json_object_set_new(o, "zlab", side_json(r, BESIDE_SIZES));
	json_object_set_new(o, "reasons", reasons_json(r, BESIDE_SIZES));
	json_object_set_new(o, "checkpoints",
			    json_pack("{s:I, s:I, s:I, s:I}", "compared",
				      (json_int_t)r->checkpoints, "differ",
				      (json_int_t)r->apart, "pages_max",
				      (json_int_t)r->apart_max, "first_event",
				      (json_int_t)r->apart_first));
	json_object_set_new(o, "verified_loads",
			    json_integer((json_int_t)r->verified));
	json_object_set_new(
		o, "time",
		json_pack("{s:o, s:o}", "kernel", time_json(r, BESIDE_KERNEL),
			  "same_filled", time_json(r, BESIDE_BLANK)));
	if (!r->codec)
		return o;
	json_object_set_new(o, "codec", json_string(r->codec));
	json_object_set_new(o, "zlab_codec", side_json(r, BESIDE_CODEC));
	json_object_set_new(o, "reasons_codec", reasons_json(r, BESIDE_CODEC));
	json_object_set_new(o, "sizes",
			    json_pack("{s:I, s:I, s:I}", "contents",
				      (json_int_t)r->contents, "differ",
				      (json_int_t)r->differ, "differ_bytes",
				      (json_int_t)r->differ_bytes));
	json_object_set_new(json_object_get(o, "time"), "zlab",
			    time_json(r, BESIDE_CODEC));
	return o;
}
