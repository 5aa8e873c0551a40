// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "harness/capture/calls.h"

/* Rows: a function, an argument, a member of what an argument points to. */
#define CALL(what, word, room) .name = (word), .kind = (what), .module = (room)
#define ARG(word, is, at)                                    \
	{                                                    \
		.name = (word), .field = (is), .known = (at) \
	}
#define PAGES(a_type, a_member)                                       \
	{                                                             \
		.name = "pages", .field = CALL_PAGES, .known = 1,     \
		.type = (a_type), .member = (a_member), .of = "pool", \
	}

#define POOL ARG("pool", CALL_POOL, 1)
#define SIZE ARG("size", CALL_SIZE, 2)
#define HANDLE ARG("handle", CALL_HANDLE, 2)
#define MODE ARG("mm", CALL_MODE, 3)
#define ZRAM ARG("zram", CALL_ZRAM, 1)
#define INDEX ARG("index", CALL_INDEX, 2)

#define ZS_PAGES PAGES("zs_pool", "pages_allocated")
#define ZBUD_PAGES PAGES("zbud_pool", "pages_nr")
#define Z3FOLD_PAGES PAGES("z3fold_pool", "pages_nr")

const struct call calls[] = {
	{ CALL(CALL_MALLOC, "zs_malloc", "zsmalloc"),
	  .args = { POOL, SIZE, ZS_PAGES }, .returns = true, .handle = true,
	  .place = true },
	{ CALL(CALL_FREE, "zs_free", "zsmalloc"),
	  .args = { POOL, HANDLE, ZS_PAGES } },
	{ CALL(CALL_MAP, "zs_map_object", "zsmalloc"),
	  .args = { POOL, HANDLE, MODE }, .place = true, .filter = "mm == 1" },
	{ CALL(CALL_READ, "zs_obj_read_begin", "zsmalloc"),
	  .args = { POOL, HANDLE }, .place = true },
	{ CALL(CALL_READ, "zs_obj_read_sg_begin", "zsmalloc"),
	  .args = { POOL, HANDLE }, .place = true },
	{ CALL(CALL_WRITE, "zs_obj_write", "zsmalloc"),
	  .args = { POOL, HANDLE } },
	{ CALL(CALL_COMPACT, "zs_compact", "zsmalloc"),
	  .args = { POOL, ZS_PAGES }, .returns = true },

	{ CALL(CALL_MALLOC, "zbud_zpool_malloc", "zbud"),
	  .args = { POOL, SIZE, ZBUD_PAGES }, .returns = true },
	{ CALL(CALL_FREE, "zbud_zpool_free", "zbud"),
	  .args = { POOL, HANDLE, ZBUD_PAGES } },
	{ CALL(CALL_MAP, "zbud_zpool_map", "zbud"),
	  .args = { POOL, HANDLE, MODE } },

	{ CALL(CALL_MALLOC, "z3fold_zpool_malloc", "z3fold"),
	  .args = { POOL, SIZE, Z3FOLD_PAGES }, .returns = true },
	{ CALL(CALL_FREE, "z3fold_zpool_free", "z3fold"),
	  .args = { POOL, HANDLE, Z3FOLD_PAGES } },
	{ CALL(CALL_MAP, "z3fold_zpool_map", "z3fold"),
	  .args = { POOL, HANDLE, MODE } },

	{ CALL(CALL_PUT, "zswap_store", NULL),
	  .args = { { .name = "folio",
		      .field = CALL_SWAP,
		      .type = "folio",
		      .member = "swap" } },
	  .returns = true },
	{ CALL(CALL_PUT, "zswap_frontswap_store", NULL),
	  .args = { ARG("type", CALL_TYPE, 1), ARG("offset", CALL_OFFSET, 2) },
	  .returns = true },

	{ CALL(CALL_OWN, "zram_free_page", "zram"), .args = { ZRAM, INDEX },
	  .first_with = "zs_obj_write" },
	{ CALL(CALL_OWN, "slot_free", "zram"), .args = { ZRAM, INDEX } },
	{ .name = NULL },
};

const char *const call_field_name[CALL_FIELDS] = {
	[CALL_PLACE] = "place",
	[CALL_RET] = "ret",
};

static bool same(const char *name, const char *text, size_t len)
{
	return name && strlen(name) == len && !memcmp(name, text, len);
}

static bool ends(const char *name, size_t *len, const char *tail)
{
	size_t n = strlen(tail);

	if (*len <= n || memcmp(name + *len - n, tail, n))
		return false;
	*len -= n;
	return true;
}

const struct call *call_find(const char *name, size_t len, bool *ret,
			     bool *first)
{
	const struct call *c;

	*ret = ends(name, &len, CALL_RETURN);
	*first = ends(name, &len, CALL_FIRST);
	for (c = calls; c->name; c++)
		if (same(c->name, name, len))
			return c;
	return NULL;
}

int call_field_find(const struct call *call, const char *name, size_t len)
{
	int i;

	for (i = 0; i < CALL_ARGS && call->args[i].name; i++)
		if (same(call->args[i].name, name, len))
			return (int)call->args[i].field;
	for (i = 0; i < CALL_FIELDS; i++)
		if (same(call_field_name[i], name, len))
			return i;
	return -1;
}
