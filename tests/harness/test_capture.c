// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What "zlab capture" reads, how it pairs calls with returns, and what it
 * decides to watch: on text and BTF that are written here, so that no kernel
 * and no rights are needed.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/btf.h>

#include "harness/capture/alloc_log.h"
#include "harness/capture/plan.h"
#include "lib/table.h"

/* ---- lines -------------------------------------------------------------- */

static struct line parsed(const char *text)
{
	struct line line;

	if (line_parse(text, &line) != LINE_CALL)
		fail_msg("not a call: %s", text);
	return line;
}

#define PROBE \
	"zs_malloc: (zs_malloc+0x0/0x3b0) pool=0xffff888004b2c000 size=0x64"

/* The columns before the event in kernels from 5.10 on, with every option. */
static const char *const contexts[] = {
	"              dd-141     [001] d...    12.345678: ",
	"              dd-141     [001] d..1.    12.345678: ",
	"              dd-141     [001] d..1..    12.345678: ",
	"              dd-141     [001]    12.345678: ",
	"              dd-141     (    139) [001] .....    12.345678: ",
	"              dd-141     (-------) [001]    12.345678: ",
	"           <...>-141     [001]    12.345678: ",
	"    a b-7 [3] -x-141     [001]    12.345678: ",
	" kworker/1:2-141     [001]    12.345678: ",
};

static void test_contexts(void **unused)
{
	struct line line;
	char text[256];
	size_t i;

	for (i = 0; i < sizeof(contexts) / sizeof(contexts[0]); i++) {
		snprintf(text, sizeof(text), "%s" PROBE, contexts[i]);
		line = parsed(text);
		assert_string_equal(line.call->name, "zs_malloc");
		assert_int_equal(line.tid, 141);
		assert_int_equal(line.cpu, 1);
		assert_int_equal(line.time_ns, 12345678000);
		assert_int_equal(line.value[CALL_POOL], 0xffff888004b2c000);
		assert_int_equal(line.value[CALL_SIZE], 100);
		assert_false(line.ret || line.traced || line.first);
	}
}

static void test_returns(void **unused)
{
	struct line line = parsed(
		"dd-1 [000] 1.000001: zs_malloc__ret: (zram_submit_bio+0x59d/"
		"0xa30 [zram] <- zs_malloc) ret=0xffff888003a41000 "
		"place=0x12345000002");

	assert_true(line.ret);
	assert_int_equal(line.value[CALL_RET], 0xffff888003a41000);
	assert_int_equal(line.value[CALL_PLACE], 0x12345000002);
	/* What the kernel could not fetch is not there. */
	line = parsed("dd-1 [000] 1.000001: zs_malloc__ret: (a+0x1/0x2 <- "
		      "zs_malloc) ret=0xfffffffffffffff4 place=(fault)");
	assert_true(line_has(&line, CALL_RET));
	assert_false(line_has(&line, CALL_PLACE));
	line = parsed("dd-1 [000] 1.000001: zram_free_page__first: "
		      "(zram_free_page+0x0/0x1) zram=0x10 index=0x2");
	assert_true(line.first);
}

static void test_function_tracer(void **unused)
{
	struct line line = parsed(
		"dd-1 [000] 1.000001: zs_malloc(pool=0xffff888004b2c000, "
		"size=0x64, gfp=0x400dc2, nid=-1) <-zram_submit_bio");

	assert_true(line.traced);
	assert_int_equal(line.value[CALL_SIZE], 100);
	line = parsed("dd-1 [000] 1.000001: slot_free(zram=0x10, index=0x7)");
	assert_int_equal(line.value[CALL_INDEX], 7);
	assert_false(line.first);
	line = parsed("dd-1 [000] 1.000001: zram_free_page(zram=0x10, "
		      "index=0x7)");
	assert_true(line.first);
}

static void test_other_lines(void **unused)
{
	static const struct {
		const char *text;
		enum line_kind kind;
	} lines[] = {
		{ "", LINE_OTHER },
		{ "# tracer: function", LINE_OTHER },
		{ "dd-1 [000] 1.000001: sched_switch: prev=a", LINE_OTHER },
		{ "dd-1 [000] 1.000001: kfree(x=0x1)", LINE_OTHER },
		{ "CPU:3 [LOST 25 EVENTS]", LINE_LOST },
		{ "CPU:0 [LOST EVENTS]", LINE_LOST },
		{ "CPU:x [LOST 3 EVENTS]", LINE_BAD },
		{ "dd-1 [000] 1.000001: zs_malloc", LINE_BAD },
		{ "dd-1 [000] 1.000001: zs_malloc: (zs_malloc+0x0", LINE_BAD },
		{ "dd-1 [000] 1.000001: zs_malloc(pool=0x1, si", LINE_BAD },
		{ "dd-1 [000] 1.000001: zs_malloc <-zram", LINE_BAD },
		{ "dd-1 [000] 1.0000", LINE_BAD },
		{ "dd-1 [0", LINE_BAD },
		{ "-", LINE_BAD },
		{ "\x80\xff-1 [000] 1.000001: \xff", LINE_BAD },
		{ "pool=0x1 size=0x2", LINE_BAD },
	};
	struct line line;
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (line_parse(lines[i].text, &line) != lines[i].kind)
			fail_msg("%s", lines[i].text);
	assert_int_equal(line_parse("CPU:3 [LOST 25 EVENTS]", &line),
			 LINE_LOST);
	assert_int_equal(line.lost, 25);
	assert_int_equal(line.cpu, 3);
}

/* ---- pairing ------------------------------------------------------------ */

/* What came out, as text: "s KEY SIZE", "l KEY", "i KEY", "c". */
static char seen[8192];

static int event(void *arg, const struct zlt_event *e, struct err *err)
{
	size_t n = strlen(seen);
	unsigned owner = zlt_key_asid(e->key);
	unsigned long long number = zlt_key_vpn(e->key);

	switch (e->op) {
	case ZLT_STORE:
		snprintf(seen + n, sizeof(seen) - n, "s %u:%llu %u\n", owner,
			 number, e->object);
		break;
	case ZLT_COMPACT:
		snprintf(seen + n, sizeof(seen) - n, "c\n");
		break;
	default:
		snprintf(seen + n, sizeof(seen) - n, "%c %u:%llu\n",
			 e->op == ZLT_LOAD ? 'l' : 'i', owner, number);
	}
	return 0;
}

static struct pair_counts counts;

/* Each line is "TID EVENT", in CPU TID % 2 at consecutive microseconds. */
static const char *pair_of(const char *const lines[])
{
	const struct pair_sink sink = { .event = event };
	struct pair *p = pair_new(&sink);
	unsigned i, tid;
	char text[512];
	int at;

	*seen = '\0';
	assert_non_null(p);
	for (i = 0; lines[i]; i++) {
		if (sscanf(lines[i], "%u %n", &tid, &at) == 1)
			snprintf(text, sizeof(text), "x-%u [%03u] 1.%06u: %s",
				 tid, tid % 2, i, lines[i] + at);
		else
			snprintf(text, sizeof(text), "%s", lines[i]);
		assert_int_equal(pair_text(p, text, NULL), 0);
	}
	assert_int_equal(pair_end(p, NULL), 0);
	counts = *pair_counts(p);
	pair_free(p);
	return seen;
}

#define PAIR(...) pair_of((const char *const[]){ __VA_ARGS__, NULL })
#define MALLOC(tid, size) \
	tid " zs_malloc: (zs_malloc+0x0/0x1) pool=0x10 size=" size
#define GOT(tid, handle)                                                   \
	tid " zs_malloc__ret: (x+0x0/0x1 <- zs_malloc) ret=" handle " pla" \
	    "ce=0x0"
#define FREE(tid, handle) \
	tid " zs_free: (zs_free+0x0/0x1) pool=0x10 handle=" handle
#define MAP(tid, handle, mode) \
	tid " zs_map_object: (a+0x0/0x1) pool=0x10 handle=" handle " mm=" mode
#define OWN(tid, index) \
	tid " zram_free_page: (zram_free_page+0x0/0x1) zram=0x77 index=" index
#define FIRST(tid, index)                                                 \
	tid " zram_free_page__first: (zram_free_page+0x0/0x1) zram=0x77 " \
	    "index=" index
#define PUT(tid, entry) tid " zswap_store: (zswap_store+0x0/0x1) folio=" entry
#define PUT_END(tid) tid " zswap_store__ret: (x+0x0/0x1 <- zswap_store) ret=0x1"

/* Up to 6.14 and from 6.19 on, zram frees the old object after the new one. */
static void test_zram_frees_after(void **unused)
{
	assert_string_equal(PAIR(MALLOC("5", "100"), GOT("5", "0xa0"),
				 MAP("5", "0xa0", "0x2"), OWN("5", "9"),
				 MAP("6", "0xa0", "0x1"), MALLOC("5", "200"),
				 GOT("5", "0xb0"), MAP("5", "0xb0", "0x2"),
				 OWN("5", "9"), FREE("5", "0xa0"),
				 OWN("7", "9"), FREE("7", "0xb0")),
			    "s 64:9 100\nl 64:9\ns 64:9 200\ni 64:9\n");
	assert_int_equal(counts.replaced, 1);
	assert_int_equal(counts.mistaken, 0);
	assert_int_equal(counts.unkeyed, 0);
}

static void test_zram_frees_first(void **unused)
{
	assert_string_equal(PAIR(FIRST("5", "9"), MALLOC("5", "100"),
				 GOT("5", "0xa0"), MAP("5", "0xa0", "0x2"),
				 FIRST("5", "9"), FREE("5", "0xa0"),
				 MALLOC("5", "200"), GOT("5", "0xb0")),
			    "s 64:9 100\ni 64:9\ns 64:9 200\n");
	assert_int_equal(counts.mistaken, 0);
}

/* A page of zswap may be large; its objects have consecutive keys. */
static void test_zswap(void **unused)
{
	assert_string_equal(PAIR(PUT("5", "0x400000000000007"),
				 MALLOC("5", "100"), GOT("5", "0xa0"),
				 MALLOC("5", "101"), GOT("5", "0xb0"),
				 PUT_END("5"), MALLOC("5", "102"),
				 GOT("5", "0xc0"), MALLOC("5", "103")),
			    "s 2:7 100\ns 2:8 101\ns 0:2 102\n");
	assert_int_equal(counts.unkeyed, 1);
	assert_int_equal(counts.cut, 1);
	assert_string_equal(PAIR("5 zswap_frontswap_store: (a+0x0/0x1) "
				 "type=0x1 offset=0x7",
				 MALLOC("5", "100"), GOT("5", "0xa0")),
			    "s 2:7 100\n");
}

/* A failed allocation has no object; the next try has its key. */
static void test_refused(void **unused)
{
	assert_string_equal(PAIR(PUT("5", "0x7"), MALLOC("5", "100"),
				 GOT("5", "0xfffffffffffffff4"),
				 MALLOC("5", "100"), GOT("5", "0x0"),
				 MALLOC("5", "100"), GOT("5", "0xa0")),
			    "s 1:7 100\n");
	assert_int_equal(counts.refused, 2);
	/* zbud returns 0, and the handle is that of the next write. */
	assert_string_equal(
		PAIR("5 zbud_zpool_malloc: (a+0x0/0x1) pool=0x20 size=0x64",
		     "5 zbud_zpool_malloc__ret: (a+0x0/0x1 <- b) "
		     "ret=0xfffffff4",
		     "5 zbud_zpool_malloc: (a+0x0/0x1) pool=0x20 size=0x65",
		     "5 zbud_zpool_malloc__ret: (a+0x0/0x1 <- b) ret=0x0",
		     "5 zbud_zpool_map: (a+0x0/0x1) pool=0x20 handle=0x40 "
		     "mm=0x2",
		     "5 zbud_zpool_map: (a+0x0/0x1) pool=0x20 handle=0x40 "
		     "mm=0x1"),
		"s 0:0 101\nl 0:0\n");
	assert_int_equal(counts.refused, 1);
}

static void test_function_tracer_pairs(void **unused)
{
	assert_string_equal(
		PAIR("5 zs_malloc(pool=0x10, size=0x64, gfp=0x1, nid=-1)",
		     "6 zs_malloc(pool=0x10, size=0x65, gfp=0x1, nid=-1)",
		     "6 zs_obj_write(pool=0x10, handle=0xb0, mem=0x1)",
		     "5 zs_obj_write(pool=0x10, handle=0xa0, mem=0x1)",
		     "5 slot_free(zram=0x77, index=0x3)",
		     "6 slot_free(zram=0x77, index=0x4)",
		     "5 zs_obj_read_begin(pool=0x10, handle=0xb0, m=0x0)",
		     "5 zs_free(pool=0x10, handle=0xa0)"),
		"s 64:3 100\ns 64:4 101\nl 64:4\ni 64:3\n");
	assert_int_equal(counts.cut, 0);
}

/* Two tasks at a time; their calls and returns interleave. */
static void test_interleaved(void **unused)
{
	assert_string_equal(PAIR(MALLOC("5", "100"), MALLOC("6", "200"),
				 GOT("5", "0xa0"), GOT("6", "0xb0"),
				 OWN("6", "2"), OWN("5", "1"),
				 FREE("6", "0xa0"), FREE("5", "0xb0")),
			    "s 64:2 200\ns 64:1 100\ni 64:1\ni 64:2\n");
	assert_int_equal(counts.overlaps, 1);
}

/* Frees and loads from before the capture, and handles that come again. */
static void test_unknown(void **unused)
{
	assert_string_equal(PAIR(FREE("5", "0xa0"), MAP("5", "0xa0", "0x1"),
				 FREE("5", "0x0"),
				 FREE("5", "0xffffffffffffff"
					   "f4"),
				 MALLOC("5", "100"), GOT("5", "0xa0"),
				 OWN("5", "1"), MALLOC("5", "200"),
				 GOT("5", "0xa0"), OWN("5", "2")),
			    "s 64:1 100\ni 64:1\ns 64:2 200\n");
	assert_int_equal(counts.before, 2);
	assert_int_equal(counts.repaired, 1);
}

/* Where events are missing, calls of that CPU have no end. */
static void test_lost(void **unused)
{
	assert_string_equal(PAIR(MALLOC("5", "100"), MALLOC("6", "200"),
				 "CPU:1 [LOST 12 EVENTS]", GOT("5", "0xa0"),
				 GOT("6", "0xb0"), OWN("6", "4")),
			    "s 64:4 200\n");
	assert_int_equal(counts.lost, 12);
	assert_int_equal(counts.cut, 2);
}

static void test_mistaken(void **unused)
{
	PAIR(MALLOC("5", "100"), GOT("5", "0xa0"), OWN("5", "1"), OWN("5", "2"),
	     FREE("5", "0xa0"));
	assert_int_equal(counts.mistaken, 1);
}

/* Values that no allocation has, and those that are not there. */
static void test_bad_values(void **unused)
{
	assert_string_equal(PAIR(MALLOC("5", "0x0"), MALLOC("5", "0x1001"),
				 "5 zs_malloc: (a+0x0/0x1) pool=0x10",
				 "5 zs_free: (a+0x0/0x1) pool=0x10 handle=(f)",
				 "5 zram_free_page: (a+0x0/0x1) zram=0x1",
				 "garbage", "5 zs_free"),
			    "");
	assert_int_equal(counts.bad, 7);
}

static void test_nested(void **unused)
{
	assert_string_equal(
		PAIR("5 zs_compact: (zs_compact+0x0/0x1) pool=0x10",
		     MALLOC("5", "100"), MALLOC("5", "200"), GOT("5", "0xb0"),
		     GOT("5", "0xa0"),
		     "5 zs_compact__ret: (a+0x0/0x1 <- zs_compact) ret=0x3"),
		"c\ns 0:0 200\ns 0:1 100\n");
	assert_int_equal(counts.cut, 0);
	assert_int_equal(counts.compacts, 1);
	/* A return that is missing does not take that of another function. */
	assert_string_equal(
		PAIR("5 zs_compact: (zs_compact+0x0/0x1) pool=0x10",
		     MALLOC("5", "100"),
		     "5 zs_compact__ret: (a+0x0/0x1 <- zs_compact) ret=0x3",
		     GOT("5", "0xb0")),
		"c\n");
	assert_int_equal(counts.cut, 2);
}

/* ---- the log ------------------------------------------------------------ */

static char logged[8192];

/* The log of objects at these places, in one line a row. */
static const char *log_of(const uint64_t places[], size_t nr)
{
	const struct call *call;
	struct alloc_log_counts n;
	struct pair_sink sink = { 0 };
	struct alloc_log *log;
	struct pair_object o;
	struct line line = { .has = 0 };
	char path[] = "/tmp/zlab-log-XXXXXX";
	bool ret, first;
	size_t i, len;
	FILE *f;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	call = call_find("zs_malloc", strlen("zs_malloc"), &ret, &first);
	log = alloc_log_open(path, 24, NULL);
	assert_non_null(log);
	alloc_log_sink(log, &sink);
	for (i = 0; i < nr; i++) {
		o = (struct pair_object){ .call = call,
					  .pool = 0x10,
					  .size = 100 + i,
					  .number = 7 + i,
					  .place = places[i],
					  .pages = i,
					  .counted = true };
		assert_int_equal(sink.stored(log, 0x1000 + i, &o, NULL), 0);
	}
	assert_int_equal(sink.freed(log, &o, &line, NULL), 0);
	assert_int_equal(sink.refused(log, &o, 28, NULL), 0);
	assert_int_equal(sink.compacted(log, &o, 5, NULL), 0);
	o.pool = 0x20;
	assert_int_equal(sink.freed(log, &o, &line, NULL), 0);
	assert_int_equal(alloc_log_close(log, &n, NULL), 0);
	assert_true(n.whole);
	assert_int_equal(n.other, 1);
	assert_int_equal(n.rows, nr + 3);
	f = fopen(path, "r");
	assert_non_null(f);
	len = fread(logged, 1, sizeof(logged) - 1, f);
	logged[len] = '\0';
	fclose(f);
	unlink(path);
	return logged;
}

#define LOG_HEAD "op,id,size,pages,before,page,at,note\n"
#define LOG_TAIL "f,1,,,,,,\nr,,101,,1,,,-28\nc,,,,1,,5,\n"

/* The three layouts that kernels had, told apart by what is in them. */
static void test_log_layouts(void **unused)
{
	const uint64_t tagged[] = { 0x1234ull << 24 | 3 << 1,
				    0x1235ull << 24 | 2 << 1 };
	const uint64_t untagged[] = { 0x1234ull << 24 | 3,
				      0x1235ull << 24 | 2 };
	const uint64_t classed[] = { 0x1234ull << 24 | 77 << 15 | 3,
				     0x1235ull << 24 | 78 << 15 | 2 };
	const char *expected =
		LOG_HEAD "a,0,100,,0,0,3,\na,1,101,,1,1,2,\n" LOG_TAIL;

	assert_string_equal(log_of(tagged, 2), expected);
	assert_string_equal(log_of(untagged, 2), expected);
	assert_string_equal(log_of(classed, 2), expected);
}

/* ---- the plan ----------------------------------------------------------- */

/* A function of pointers and 64-bit numbers, but for "*": 32 bits. */
static void add_function(struct btf *btf, const char *name,
			 const char *const params[])
{
	int u64 = btf__find_by_name(btf, "u64");
	int u32 = btf__find_by_name(btf, "u32");
	int proto = btf__add_func_proto(btf, u64);
	size_t i;

	for (i = 0; params[i]; i++)
		btf__add_func_param(btf, params[i] + (*params[i] == '*'),
				    *params[i] == '*' ? u32 : u64);
	assert_true(btf__add_func(btf, name, BTF_FUNC_STATIC, proto) > 0);
}

#define FUNCTION(btf, name, ...) \
	add_function(btf, name, (const char *const[]){ __VA_ARGS__, NULL })

static struct btf *new_btf(void)
{
	struct btf *btf = btf__new_empty();

	assert_non_null(btf);
	assert_true(btf__add_int(btf, "u64", 8, 0) > 0);
	assert_true(btf__add_int(btf, "u32", 4, 0) > 0);
	return btf;
}

/* struct zs_pool with its counter at 2064, as in 6.12. */
static void add_pool(struct btf *btf)
{
	int u64 = btf__find_by_name(btf, "u64");

	assert_true(btf__add_struct(btf, "zs_pool", 4096) > 0);
	assert_int_equal(btf__add_field(btf, "name", u64, 0, 0), 0);
	assert_int_equal(
		btf__add_field(btf, "pages_allocated", u64, 2064 * 8, 0), 0);
}

/* struct folio { struct { u64 flags; union { u64 private; u64 swap; } } } */
static void add_folio(struct btf *btf)
{
	int u64 = btf__find_by_name(btf, "u64"), inner, outer;

	inner = btf__add_union(btf, NULL, 8);
	btf__add_field(btf, "private", u64, 0, 0);
	btf__add_field(btf, "swap", u64, 0, 0);
	outer = btf__add_struct(btf, NULL, 64);
	btf__add_field(btf, "flags", u64, 0, 0);
	btf__add_field(btf, "in", inner, 0, 0);
	/* An unnamed member, as in the kernel. */
	btf__add_field(btf, "", inner, 40 * 8, 0);
	assert_true(btf__add_struct(btf, "folio", 64) > 0);
	assert_int_equal(btf__add_field(btf, "", outer, 0, 0), 0);
}

static int plan_from(struct plan *plan, enum plan_way way, const char *symbols,
		     struct btf *btf, struct err *err)
{
	struct types *types = types_of(btf);
	FILE *f = fmemopen((void *)symbols, strlen(symbols), "r");
	int ret;

	assert_non_null(types);
	assert_non_null(f);
	ret = plan_make(plan, way, f, types, err);
	fclose(f);
	types_close(types);
	return ret;
}

/* The definitions of the plan's events, one in a line; "-" for those left out. */
static const char *defined(const struct plan *plan)
{
	static char text[4096];
	char line[1024];
	size_t i, n = 0;

	for (i = 0; i < plan->nr; i++) {
		const struct plan_call *c = &plan->calls[i];

		if (!plan_watched(c)) {
			n += (size_t)snprintf(text + n, sizeof(text) - n,
					      "- %s: %s\n", c->call->name,
					      c->why);
			continue;
		}
		plan_define(plan, c, "g", false, line, sizeof(line));
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s\n", line);
		if (!*c->ret)
			continue;
		plan_define(plan, c, "g", true, line, sizeof(line));
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s\n", line);
	}
	return text;
}

#define SYMBOL(name) "0000000000000000 t " name "\t[module]\n"

/* 5.10: the modules have no BTF, so their arguments are where they always are. */
static void test_plan_5_10(void **unused)
{
	struct btf *btf = new_btf();
	struct plan plan;

	FUNCTION(btf, "zswap_frontswap_store", "*type", "offset", "page");
	assert_int_equal(plan_from(&plan, PLAN_KPROBE,
				   SYMBOL("zs_malloc") SYMBOL("zs_free")
					   SYMBOL("zs_map_object") SYMBOL(
						   "zswap_frontswap_store")
						   SYMBOL("zram_free_page"),
				   btf, NULL),
			 0);
	assert_string_equal(
		defined(&plan),
		"p:g/zs_malloc zs_malloc pool=$arg1:x64 size=$arg2:x64\n"
		"r256:g/zs_malloc__ret zs_malloc ret=$retval:x64 "
		"place=+0($retval):x64\n"
		"p:g/zs_free zs_free pool=$arg1:x64 handle=$arg2:x64\n"
		"p:g/zs_map_object zs_map_object pool=$arg1:x64 "
		"handle=$arg2:x64 place=+0($arg2):x64 mm=$arg3:x64\n"
		"p:g/zswap_frontswap_store zswap_frontswap_store "
		"type=$arg1:x32 offset=$arg2:x64\n"
		"r256:g/zswap_frontswap_store__ret zswap_frontswap_store "
		"ret=$retval:x64\n"
		"p:g/zram_free_page zram_free_page zram=$arg1:x64 "
		"index=$arg2:x64\n");
	assert_true(plan.keys);
	assert_true(plan.calls[0].assumed);
	assert_false(plan.calls[3].assumed);
}

/* Everything is where BTF says, also when that is another place. */
static void test_plan_moved(void **unused)
{
	struct btf *btf = new_btf();
	struct plan plan;

	FUNCTION(btf, "zs_malloc", "cache", "pool", "*size");
	FUNCTION(btf, "zs_free", "handle", "pool");
	FUNCTION(btf, "zswap_store", "folio");
	add_pool(btf);
	add_folio(btf);
	assert_int_equal(plan_from(&plan, PLAN_KPROBE,
				   SYMBOL("zs_malloc") SYMBOL("zs_free")
					   SYMBOL("zswap_store"),
				   btf, NULL),
			 0);
	assert_string_equal(
		defined(&plan),
		"p:g/zs_malloc zs_malloc pool=$arg2:x64 size=$arg3:x32 "
		"pages=+2064($arg2):x64\n"
		"r256:g/zs_malloc__ret zs_malloc ret=$retval:x64 "
		"place=+0($retval):x64\n"
		"p:g/zs_free zs_free pool=$arg2:x64 handle=$arg1:x64 "
		"pages=+2064($arg2):x64\n"
		"p:g/zswap_store zswap_store folio=+40($arg1):x64\n"
		"r256:g/zswap_store__ret zswap_store ret=$retval:x64\n");
}

/* 6.18: fprobes; zram frees first, which its zs_obj_write tells. */
static void test_plan_fprobe(void **unused)
{
	struct btf *btf = new_btf();
	struct plan plan;

	FUNCTION(btf, "zs_malloc", "pool", "size", "*gfp", "*nid");
	FUNCTION(btf, "zram_free_page", "zram", "index");
	assert_int_equal(plan_from(&plan, PLAN_FPROBE,
				   SYMBOL("zs_malloc") SYMBOL("zs_free")
					   SYMBOL("zs_obj_write")
						   SYMBOL("zram_free_page")
							   SYMBOL("zs_malloc."
								  "cold"),
				   btf, NULL),
			 0);
	assert_string_equal(
		defined(&plan),
		"f:g/zs_malloc zs_malloc pool=$arg1:x64 size=$arg2:x64\n"
		"f:g/zs_malloc__ret zs_malloc%return ret=$retval:x64 "
		"place=+0($retval):x64\n"
		"f:g/zs_free zs_free pool=$arg1:x64 handle=$arg2:x64\n"
		"f:g/zram_free_page__first zram_free_page zram=$arg1:x64 "
		"index=$arg2:x64\n");
}

static void test_plan_function(void **unused)
{
	struct btf *btf = new_btf();
	struct plan plan;

	FUNCTION(btf, "zs_malloc", "pool", "size", "*gfp", "*nid");
	FUNCTION(btf, "zs_free", "pool", "handle");
	FUNCTION(btf, "zs_obj_write", "pool", "handle", "mem", "len");
	FUNCTION(btf, "zswap_store", "folio");
	add_folio(btf);
	assert_int_equal(plan_from(&plan, PLAN_FUNCTION,
				   SYMBOL("zs_malloc") SYMBOL("zs_free")
					   SYMBOL("zs_obj_write")
						   SYMBOL("zs_obj_read_begin")
							   SYMBOL("zswap_"
								  "store"),
				   btf, NULL),
			 0);
	assert_string_equal(defined(&plan),
			    "zs_malloc\nzs_free\n"
			    "- zs_obj_read_begin: BTF does not have it\n"
			    "zs_obj_write\n"
			    "- zswap_store: the function tracer follows no "
			    "pointers\n");
}

static void test_plan_refused(void **unused)
{
	struct err err = { "" };
	struct btf *btf = new_btf();
	struct plan plan;

	assert_int_equal(plan_from(&plan, PLAN_KPROBE, SYMBOL("vfs_read"), btf,
				   &err),
			 -ENOENT);
	assert_non_null(strstr(err.text, "modprobe zram"));
	btf = new_btf();
	assert_int_equal(plan_from(&plan, PLAN_KPROBE,
				   SYMBOL("zs_malloc") SYMBOL("zs_malloc")
					   SYMBOL("zs_free"),
				   btf, &err),
			 -ENOTSUP);
	assert_non_null(strstr(err.text, "several of that name"));
	btf = new_btf();
	FUNCTION(btf, "zs_malloc", "pool", "bytes");
	assert_int_equal(plan_from(&plan, PLAN_KPROBE,
				   SYMBOL("zs_malloc") SYMBOL("zs_free"), btf,
				   &err),
			 -ENOTSUP);
	assert_non_null(strstr(err.text, "no argument \"size\""));
	/* Only what was made of the function is there. */
	btf = new_btf();
	assert_int_equal(plan_from(&plan, PLAN_KPROBE,
				   SYMBOL("zs_malloc.isra.0") SYMBOL("zs_free"),
				   btf, &err),
			 -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contexts),
		cmocka_unit_test(test_returns),
		cmocka_unit_test(test_function_tracer),
		cmocka_unit_test(test_other_lines),
		cmocka_unit_test(test_zram_frees_after),
		cmocka_unit_test(test_zram_frees_first),
		cmocka_unit_test(test_zswap),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_function_tracer_pairs),
		cmocka_unit_test(test_interleaved),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_mistaken),
		cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_log_layouts),
		cmocka_unit_test(test_plan_5_10),
		cmocka_unit_test(test_plan_moved),
		cmocka_unit_test(test_plan_fprobe),
		cmocka_unit_test(test_plan_function),
		cmocka_unit_test(test_plan_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
