// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The order of keys against a plain list; models of traces whose properties are
 * known; what a model file must be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/random.h"
#include "tests/lib/sample.h"
#include "traces/model.h"
#include "traces/model/internal.h"
#include "traces/model/order.h"

#define KEYS 6000

/* The same by moving everything. */
struct plain {
	uint32_t key[KEYS];
	size_t n;
};

static void same_order(const struct order *o, const struct plain *p, size_t i)
{
	size_t entry = order_find(o, i), after, before;

	assert_int_equal(o->key[entry], p->key[i]);
	assert_int_equal(o->at[p->key[i]], entry);
	assert_int_equal(order_rank(o, entry), i);
	after = order_after(o, entry);
	before = order_before(o, entry);
	if (i + 1 < p->n)
		assert_int_equal(o->key[after], p->key[i + 1]);
	else
		assert_true(after == ORDER_NONE);
	if (i)
		assert_int_equal(o->key[before], p->key[i - 1]);
	else
		assert_true(before == ORDER_NONE);
}

static void test_order(void **state)
{
	static struct plain p;
	uint32_t *at = calloc(KEYS, sizeof(*at)), k;
	struct order o = { .at = at };
	bool *in = calloc(KEYS, sizeof(*in));
	uint64_t random = 5;
	size_t i, step;

	assert_true(at && in);
	for (step = 0; step < 200000; step++) {
		k = (uint32_t)(random_splitmix(&random) % KEYS);
		/* Mostly full, then mostly empty, and so on. */
		if (!in[k] && random_splitmix(&random) % 8 < step / 40000 % 2)
			continue;
		if (!in[k]) {
			assert_int_equal(order_add(&o, k), 0);
			p.key[p.n++] = k;
		} else {
			i = order_rank(&o, at[k]);
			assert_int_equal(p.key[i], k);
			order_take(&o, at[k]);
			memmove(p.key + i, p.key + i + 1,
				(--p.n - i) * sizeof(*p.key));
		}
		in[k] = !in[k];
		assert_int_equal(o.count, p.n);
		if (p.n)
			same_order(&o, &p, random_splitmix(&random) % p.n);
	}
	/* Memory follows the keys, not the steps. */
	assert_true(o.room <= 4 * KEYS);
	order_free(&o);
	assert_int_equal(o.count, 0);
	assert_int_equal(order_add(&o, 7), 0);
	assert_int_equal(o.key[order_find(&o, 0)], 7);
	order_free(&o);
	free(at);
	free(in);
}

static struct model *must_fit(const char *spec)
{
	struct err err = { "" };
	struct model *m = model_fit(spec, NULL, &err);

	if (!m)
		fail_msg("%s: %s", spec, err.text);
	return m;
}

/* The stream of a model. @path: receives the file, which the caller unlinks. */
static struct source *stream_of(const char *spec, const char *options,
				const char **path)
{
	struct model *m = must_fit(spec);
	struct err err = { "" };
	struct source *s;
	char name[700];

	*path = temp_path("model.json");
	assert_int_equal(model_write(m, *path, &err), 0);
	model_free(m);
	snprintf(name, sizeof(name), "model:%s%s", *path, options);
	assert_true(source_is_stream(name));
	s = source_open(name, ZLT_TIME | ZLT_CPU | ZLT_TID | ZLT_KEYS, &err);
	if (!s)
		fail_msg("%s: %s", name, err.text);
	return s;
}

/*
 * What every stream promises: ids are dense, a load is of what is stored, the
 * counts are right, time goes on; also the second time.
 */
static void check_sound(struct source *s)
{
	const struct zlt_info *info = source_info(s);
	uint8_t *stored = malloc(info->keys + 1);
	uint64_t n, keys, live, peak, last, ops[ZLT_OPS];
	struct zlt_batch b;
	size_t i, round;

	assert_non_null(stored);
	for (round = 0; round < 2; round++) {
		n = keys = live = peak = last = 0;
		memset(ops, 0, sizeof(ops));
		memset(stored, 0, info->keys + 1);
		while (source_next(s, &b, NULL) == 1) {
			assert_int_equal(b.first, n);
			for (i = 0; i < b.count; i++) {
				uint32_t k = b.key[i];

				ops[b.op[i]]++;
				assert_true(k <= keys && k < info->keys);
				assert_true(b.time_ns[i] >= last);
				last = b.time_ns[i];
				assert_int_equal(b.tid[i] - 1000, b.cpu[i]);
				if (b.op[i] == ZLT_STORE) {
					keys += k == keys;
					live += !stored[k];
					stored[k] = 1;
					assert_in_range(b.object[i], 1,
							ZLT_PAGE_SIZE);
				} else {
					assert_true(stored[k] ||
						    b.op[i] != ZLT_LOAD);
					live -= stored[k];
					stored[k] = 0;
				}
				peak = live > peak ? live : peak;
			}
			n += b.count;
		}
		assert_int_equal(n, info->events);
		assert_int_equal(keys, info->keys);
		assert_int_equal(peak, info->live_peak_exclusive);
		assert_memory_equal(ops, info->ops, sizeof(ops));
		assert_int_equal(source_rewind(s, NULL), 0);
	}
	free(stored);
}

static const char *const specs[] = {
	"zipf:keys=2000,ops=60000,threads=3,reads=0.6,frees=0.2",
	"uniform:keys=3000,ops=60000,sizes=zstd",
	"churn:keys=4000,rounds=4",
	"scan:keys=3000,ops=50000,window=300",
	"uniform:keys=1,ops=50",
};

#define SPECS (sizeof(specs) / sizeof(*specs))

static void near(double value, double of, double share)
{
	if (fabs(value - of) > share * of + 2)
		fail_msg("%g is not near %g", value, of);
}

static void test_kinds(void **state)
{
	struct source *file, *s;
	const char *path;
	size_t i, op;

	for (i = 0; i < SPECS; i++) {
		file = source_open(specs[i], 0, NULL);
		assert_non_null(file);
		s = stream_of(specs[i], "", &path);
		check_sound(s);
		for (op = 0; op < ZLT_COMPACT; op++)
			near((double)source_info(s)->ops[op],
			     (double)source_info(file)->ops[op], 0.02);
		near((double)source_info(s)->keys,
		     (double)source_info(file)->keys, 0.05);
		near((double)source_info(s)->live_peak_exclusive,
		     (double)source_info(file)->live_peak_exclusive, 0.05);
		source_close(s);
		source_close(file);
		unlink(path);
	}
}

static void test_scale(void **state)
{
	struct source *one, *many;
	const char *path, *other;

	one = stream_of(specs[2], "", &path);
	many = stream_of(specs[2], ",scale=8", &other);
	check_sound(many);
	near((double)source_info(many)->events,
	     8 * (double)source_info(one)->events, 0.02);
	near((double)source_info(many)->live_peak_exclusive,
	     8 * (double)source_info(one)->live_peak_exclusive, 0.02);
	near((double)source_live_bytes(many),
	     8 * (double)source_live_bytes(one), 0.02);
	source_close(one);
	source_close(many);
	unlink(path);
	unlink(other);
}

/* A longer trace has no larger pool. */
static void test_days(void **state)
{
	struct source *one, *many;
	const char *path, *other;
	uint64_t last = 0;
	struct zlt_batch b;

	one = stream_of(specs[0], "", &path);
	/* The recording lasts 0.6 s, the stream 8.64 s. */
	many = stream_of(specs[0], ",days=0.0001,seed=7", &other);
	check_sound(many);
	while (source_next(many, &b, NULL) == 1)
		last = b.time_ns[b.count - 1];
	assert_true(last >= 8640000000ull && last < 11000000000ull);
	assert_true(source_info(many)->events > 12 * source_info(one)->events);
	near((double)source_info(many)->live_peak_exclusive,
	     (double)source_info(one)->live_peak_exclusive, 0.1);
	near((double)source_info(many)->keys, (double)source_info(one)->keys,
	     0.25);
	source_close(one);
	source_close(many);
	unlink(path);
	unlink(other);
}

/* A page that comes again has its size again, and runs go in order. */
static void test_fitted(void **state)
{
	struct model *m = must_fit("scan:keys=3000,ops=50000,window=300,"
				   "sizes=fixed,size=777");
	size_t i;

	assert_true(m->same > 0.999);
	for (i = 1; i <= ZLT_PAGE_SIZE; i++)
		assert_true((m->size[i] > 0) == (i == 777));
	assert_true(m->era[8].forward[MODEL_LOAD] > 0.9);
	assert_true(m->era[8].forward[MODEL_AGAIN] > 0.9);
	model_free(m);
}

static void test_stored(void **state)
{
	struct model *m = must_fit(specs[0]), *again;
	const char *path = temp_path("model.json"), *copy;
	uint8_t *a, *b;
	size_t x, y;

	assert_int_equal(model_write(m, path, NULL), 0);
	again = model_read(path, NULL);
	assert_non_null(again);
	copy = temp_path("copy.json");
	assert_int_equal(model_write(again, copy, NULL), 0);
	a = file_load(path, &x);
	b = file_load(copy, &y);
	assert_int_equal(x, y);
	assert_memory_equal(a, b, x);
	near(model_events(again), model_events(m), 0);
	free(a);
	free(b);
	model_free(m);
	model_free(again);
	unlink(path);
	unlink(copy);
}

static void refuse(const char *text, const char *says)
{
	const char *path = temp_path("bad.json");
	FILE *f = fopen(path, "w");
	struct err err;

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_null(model_read(path, &err));
	assert_int_equal(errno, EINVAL);
	if (!strstr(err.text, says))
		fail_msg("%s: %s", text, err.text);
	unlink(path);
}

/* A model with one of its members changed. */
static void refuse_changed(const char *member, json_t *value)
{
	struct model *m = must_fit(specs[4]);
	const char *path = temp_path("model.json");
	char *text;
	json_t *o;

	assert_int_equal(model_write(m, path, NULL), 0);
	o = json_load_file(path, 0, NULL);
	json_object_set_new(o, member, value);
	text = json_dumps(o, 0);
	refuse(text, "missing, or out of range");
	free(text);
	json_decref(o);
	model_free(m);
	unlink(path);
}

static void test_bad(void **state)
{
	struct err err;

	refuse("", "not a model");
	refuse("{}", "not a model");
	refuse("[1]", "not a model");
	refuse("{\"zlab_model\": 2}", "another version");
	refuse("{\"zlab_model\": 1}", "missing");
	refuse_changed("same", json_real(1.5));
	refuse_changed("same", json_string("x"));
	refuse_changed("sizes", json_array());
	refuse_changed("phases", json_array());
	refuse_changed("threads", json_pack("[i]", -1));
	assert_null(source_open("model:/nowhere/m.json", 0, &err));
	assert_int_equal(errno, ENOENT);
	assert_null(source_open("model:/nowhere/m.json,scal=2", 0, &err));
	assert_non_null(strstr(err.text, "scal"));
	assert_null(model_fit("/nowhere/t.zlt", NULL, &err));
	assert_int_equal(errno, ENOENT);
	assert_null(model_fit("uniform:ops=0", NULL, &err));
	assert_int_equal(errno, EINVAL);
	assert_non_null(strstr(err.text, "nothing to model"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),  cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_scale),  cmocka_unit_test(test_days),
		cmocka_unit_test(test_fitted), cmocka_unit_test(test_stored),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
