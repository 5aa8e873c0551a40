// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "traces/generate.h"

/* Where the pages of the imagined program are. */
#define FIRST_VPN 0x7f0000000ull
#define FIRST_TID 1000

enum size_kind {
	SIZE_LZ4,
	SIZE_ZSTD,
	SIZE_UNIFORM,
	SIZE_FIXED
};

/* All that can be said to any kind; each kind lists what it uses. */
struct params {
	long long seed, keys, ops, threads, cpus, burst;
	double rate;
	long long sizes, size, min, max, classes;
	long long contents;
	double entropy, same, unchanged;
	double reads, frees, skew;
	long long rounds, compact, window;
	double share, turnover;
	double raw;
	long long whole;
};

/* What became of a key. */
enum key_state {
	KEY_NONE,
	KEY_STORED,
	KEY_LOADED
};

/**
 * struct busy_cpu - one of the CPUs that are busy at once
 * @thread: who runs on it
 * @burst_left: operations until another thread's turn
 * @time_ns: of its next operation
 */
struct busy_cpu {
	uint32_t thread;
	long long burst_left;
	double time_ns;
};

/**
 * struct generate_run - a trace being made
 * @p: what was asked for
 * @w: where the events go
 * @random: state of the generator of random numbers
 * @state: enum key_state of each key
 * @content: content id of the last store of each key, with contents only
 * @fresh: pages made so far
 * @page: the last page made
 * @time_ns: time of the last event
 * @burst_left: events until the thread changes
 * @thread: who acts
 * @cpu: where
 * @busy: with cpus=N, the state of each
 * @runs: with cpus=N, whether a thread runs on any
 */
struct generate_run {
	const struct params *p;
	struct zlt_writer *w;
	uint64_t random[4];
	uint8_t *state;
	uint32_t *content;
	uint64_t fresh;
	uint64_t page[ZLT_PAGE_SIZE / sizeof(uint64_t)];
	double time_ns;
	long long burst_left;
	uint32_t thread, cpu;
	struct busy_cpu *busy;
	bool *runs;
};

/* ---- random numbers ---------------------------------------------------- */

static uint64_t rotate(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

/* xoshiro256**, seeded by splitmix64. */
static uint64_t random64(struct generate_run *run)
{
	uint64_t *s = run->random;
	uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

static void random_seed(struct generate_run *run, uint64_t seed)
{
	int i;

	for (i = 0; i < 4; i++) {
		uint64_t z = seed += 0x9e3779b97f4a7c15ull;

		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
		run->random[i] = z ^ (z >> 31);
	}
}

/* In 0..1, without 1. */
static double random_share(struct generate_run *run)
{
	return (double)(random64(run) >> 11) * 0x1p-53;
}

/* In 0..@n-1. */
static uint64_t random_below(struct generate_run *run, uint64_t n)
{
	return (uint64_t)(((unsigned __int128)random64(run) * n) >> 64);
}

/* ---- objects ----------------------------------------------------------- */

/*
 * Sizes by share of the stores below them, as recorded programs' pages have
 * them: shapes, not the sizes of any one program.
 */
static const struct {
	double share;
	double size;
} size_shapes[][6] = {
	[SIZE_LZ4] = { { 0.0, 40 },
		       { 0.1, 900 },
		       { 0.5, 1500 },
		       { 0.9, 2900 },
		       { 0.97, 4000 },
		       { 1.0, 4096 } },
	[SIZE_ZSTD] = { { 0.0, 30 },
			{ 0.1, 450 },
			{ 0.5, 1000 },
			{ 0.9, 2000 },
			{ 0.97, 3000 },
			{ 1.0, 4096 } },
};

static uint32_t compressed_size(struct generate_run *run)
{
	const struct params *p = run->p;
	uint64_t range = (uint64_t)(p->max - p->min + 1);
	double share;
	int i = 1;

	if (p->sizes == SIZE_FIXED)
		return (uint32_t)p->size;
	if (p->sizes == SIZE_UNIFORM && !p->classes)
		return (uint32_t)p->min + (uint32_t)random_below(run, range);
	share = random_share(run);
	/* So many sizes, equally likely, in the middle of equal parts. */
	if (p->classes)
		share = (floor(share * (double)p->classes) + 0.5) /
			(double)p->classes;
	if (p->sizes == SIZE_UNIFORM)
		return (uint32_t)p->min + (uint32_t)(share * (double)range);
	while (size_shapes[p->sizes][i].share < share)
		i++;
	share = (share - size_shapes[p->sizes][i - 1].share) /
		(size_shapes[p->sizes][i].share -
		 size_shapes[p->sizes][i - 1].share);
	return (uint32_t)(size_shapes[p->sizes][i - 1].size +
			  share * (size_shapes[p->sizes][i].size -
				   size_shapes[p->sizes][i - 1].size));
}

/* Kinds without incompressible pages must not draw for them. */
static uint32_t make_size(struct generate_run *run)
{
	const struct params *p = run->p;
	uint32_t size;

	if (p->raw > 0 && random_share(run) < p->raw)
		return ZLT_PAGE_SIZE;
	size = compressed_size(run);
	return p->whole && size > p->whole ? ZLT_PAGE_SIZE : size;
}

/*
 * A page of 64-byte pieces: some are noise, the others repeat an earlier piece
 * with one word changed, as arrays of structures do.
 */
static void make_page(struct generate_run *run)
{
	enum {
		PIECE = 8,
		PIECES = ZLT_PAGE_SIZE / 64
	};
	uint64_t *page = run->page;
	double noise;
	size_t i, j;

	if (random_share(run) < run->p->same) {
		/* Most same-filled pages are zero. */
		page[0] = random_below(run, 4) ? 0 : random64(run);
		for (i = 1; i < PIECE * PIECES; i++)
			page[i] = page[0];
		return;
	}
	/* Pages differ: half to one and a half times the mean. */
	noise = run->p->entropy * (0.5 + random_share(run));
	for (i = 0; i < PIECES; i++) {
		uint64_t *piece = page + i * PIECE;

		if (!i || random_share(run) < noise) {
			for (j = 0; j < PIECE; j++)
				piece[j] = random64(run);
			continue;
		}
		memcpy(piece, page + random_below(run, i) * PIECE,
		       PIECE * sizeof(*piece));
		piece[random_below(run, PIECE)] = random_below(run, 65536);
	}
	/* No two pages are the same by accident of a small entropy. */
	page[0] = run->fresh++;
}

static int make_object(struct generate_run *run, uint64_t k, uint32_t *object,
		       struct err *err)
{
	int rc;

	if (!run->p->contents) {
		*object = make_size(run);
		return 0;
	}
	if (run->content[k] != UINT32_MAX &&
	    random_share(run) < run->p->unchanged) {
		*object = run->content[k];
		return 0;
	}
	make_page(run);
	rc = zlt_page(run->w, run->page, object, err);
	run->content[k] = *object;
	return rc;
}

/* ---- events ------------------------------------------------------------ */

static long long burst_length(struct generate_run *run)
{
	return 1 +
	       (long long)random_below(run, (uint64_t)(2 * run->p->burst - 1));
}

/* Another burst on a CPU that is free, by a thread that runs on no other. */
static void begin_burst(struct generate_run *run, struct busy_cpu *cpu,
			double mean)
{
	uint64_t threads = (uint64_t)run->p->threads;

	cpu->burst_left = burst_length(run);
	cpu->thread = (uint32_t)random_below(run, threads);
	while (run->runs[cpu->thread])
		cpu->thread = (cpu->thread + 1) % (uint32_t)threads;
	run->runs[cpu->thread] = true;
	cpu->time_ns += 0.9 * mean * (double)cpu->burst_left;
}

/* CPUs that are busy at once keep a time of their own: the earliest acts. */
static void next_of_many(struct generate_run *run)
{
	double mean = 1e9 / run->p->rate * (double)run->p->cpus;
	struct busy_cpu *cpu = run->busy;
	long long i;

	for (i = 1; i < run->p->cpus; i++)
		if (run->busy[i].time_ns < cpu->time_ns)
			cpu = &run->busy[i];
	run->time_ns = cpu->time_ns;
	run->thread = cpu->thread;
	run->cpu = (uint32_t)(cpu - run->busy);
	if (!--cpu->burst_left) {
		run->runs[cpu->thread] = false;
		begin_burst(run, cpu, mean);
	}
	cpu->time_ns += 0.2 * mean * random_share(run);
}

static int start_many(struct generate_run *run, struct err *err)
{
	const struct params *p = run->p;
	double mean = 1e9 / p->rate * (double)p->cpus;
	long long i;

	run->busy = calloc((size_t)p->cpus, sizeof(*run->busy));
	run->runs = calloc((size_t)p->threads, sizeof(*run->runs));
	if (!run->busy || !run->runs)
		return err_set(err, -ENOMEM, "out of memory");
	for (i = 0; i < p->cpus; i++)
		begin_burst(run, &run->busy[i], mean * random_share(run));
	return 0;
}

static void next_moment(struct generate_run *run)
{
	const struct params *p = run->p;
	/* Of the mean time per event, a tenth passes inside a burst. */
	double mean = 1e9 / p->rate;

	if (p->cpus) {
		next_of_many(run);
		return;
	}
	if (!run->burst_left) {
		run->burst_left = burst_length(run);
		run->cpu = run->thread =
			(uint32_t)random_below(run, (uint64_t)p->threads);
		run->time_ns += 0.9 * mean * (double)run->burst_left;
	}
	run->burst_left--;
	run->time_ns += 0.2 * mean * random_share(run);
}

static int emit(struct generate_run *run, enum zlt_op op, uint64_t k,
		const char *label, struct err *err)
{
	struct zlt_event event = {
		.key = zlt_key(1, FIRST_VPN + k),
		.op = (uint8_t)op,
		.label = label,
	};
	int rc;

	next_moment(run);
	event.time_ns = (uint64_t)run->time_ns;
	event.cpu = (uint16_t)run->cpu;
	event.tid = FIRST_TID + run->thread;
	switch (op) {
	case ZLT_STORE:
		rc = make_object(run, k, &event.object, err);
		if (rc)
			return rc;
		run->state[k] = KEY_STORED;
		break;
	case ZLT_LOAD:
		run->state[k] = KEY_LOADED;
		break;
	case ZLT_INVALIDATE:
		run->state[k] = KEY_NONE;
		break;
	default:
		break;
	}
	return zlt_event(run->w, &event, err);
}

/*
 * What a program under memory pressure does to a page: a page in memory is
 * stored, a stored one is loaded, and now and then one is given up.
 */
static int touch(struct generate_run *run, uint64_t k, struct err *err)
{
	const struct params *p = run->p;
	enum zlt_op op = ZLT_STORE;
	double dice;

	if (run->state[k] != KEY_NONE) {
		dice = random_share(run);
		if (dice < p->frees)
			op = ZLT_INVALIDATE;
		else if (run->state[k] == KEY_STORED &&
			 dice < p->frees + (1 - p->frees) * p->reads)
			op = ZLT_LOAD;
	}
	return emit(run, op, k, NULL, err);
}

/* ---- kinds ------------------------------------------------------------- */

static int run_uniform(struct generate_run *run, struct err *err)
{
	long long i;
	int rc = 0;

	for (i = 0; !rc && i < run->p->ops; i++)
		rc = touch(run, random_below(run, (uint64_t)run->p->keys), err);
	return rc;
}

/*
 * Ranks with probability proportional to rank^-skew, by rejection from the
 * integral of that curve (Hoermann and Derflinger, 1996).
 */
struct zipf {
	double skew, low, high, first;
	double keys;
};

static double zipf_integral(const struct zipf *z, double x)
{
	double e = 1 - z->skew, log_x = log(x);

	return fabs(e * log_x) < 1e-8 ? log_x : expm1(e * log_x) / e;
}

static double zipf_inverse(const struct zipf *z, double y)
{
	double e = 1 - z->skew;

	return fabs(e * y) < 1e-8 ? exp(y) : exp(log1p(e * y) / e);
}

static void zipf_init(struct zipf *z, double skew, uint64_t keys)
{
	z->skew = skew;
	z->keys = (double)keys;
	z->low = zipf_integral(z, 1.5) - 1;
	z->high = zipf_integral(z, z->keys + 0.5);
	z->first = 2 - zipf_inverse(z, zipf_integral(z, 2.5) - pow(2, -skew));
}

static uint64_t zipf_rank(const struct zipf *z, struct generate_run *run)
{
	for (;;) {
		double y = z->low + random_share(run) * (z->high - z->low);
		double x = zipf_inverse(z, y), rank = floor(x + 0.5);

		if (rank < 1)
			rank = 1;
		if (rank > z->keys)
			rank = z->keys;
		if (rank - x <= z->first ||
		    y >= zipf_integral(z, rank + 0.5) - pow(rank, -z->skew))
			return (uint64_t)rank - 1;
	}
}

static int run_zipf(struct generate_run *run, struct err *err)
{
	uint64_t keys = (uint64_t)run->p->keys;
	struct zipf z;
	long long i;
	int rc = 0;

	zipf_init(&z, run->p->skew, keys);
	/* A prime above every rank spreads the popular keys. */
	for (i = 0; !rc && i < run->p->ops; i++)
		rc = touch(run, zipf_rank(&z, run) * 4294967291u % keys, err);
	return rc;
}

static int emit_mark(struct generate_run *run, const char *what,
		     long long round, struct err *err)
{
	char label[64];

	snprintf(label, sizeof(label), round ? "%s %lld" : "%s", what, round);
	return emit(run, ZLT_MARK, 0, label, err);
}

static int churn_fill(struct generate_run *run, struct err *err)
{
	uint64_t k;
	int rc = 0;

	for (k = 0; !rc && k < (uint64_t)run->p->keys; k++)
		if (run->state[k] != KEY_STORED)
			rc = emit(run, ZLT_STORE, k, NULL, err);
	return rc;
}

static int churn_free(struct generate_run *run, double share, struct err *err)
{
	uint64_t k;
	int rc = 0;

	for (k = 0; !rc && k < (uint64_t)run->p->keys; k++)
		if (random_share(run) < share)
			rc = emit(run, ZLT_INVALIDATE, k, NULL, err);
	return rc;
}

static int run_churn(struct generate_run *run, struct err *err)
{
	long long round;
	int rc;

	rc = churn_fill(run, err) ?: emit_mark(run, "filled", 0, err);
	for (round = 1; !rc && round <= run->p->rounds; round++) {
		rc = churn_free(run, run->p->share, err)
			     ?: emit_mark(run, "freed", round, err);
		if (!rc && run->p->compact)
			rc = emit(run, ZLT_COMPACT, 0, NULL, err)
				     ?: emit_mark(run, "compacted", round, err);
		if (!rc)
			rc = churn_fill(run, err)
				     ?: emit_mark(run, "refilled", round, err);
	}
	return rc;
}

/*
 * A device that was swapped to for long: pages come and go in rounds, and at
 * the end some leave for good.
 */
static int run_worn(struct generate_run *run, struct err *err)
{
	long long round;
	int rc;

	rc = churn_fill(run, err) ?: emit_mark(run, "filled", 0, err);
	for (round = 1; !rc && round <= run->p->rounds; round++)
		rc = churn_free(run, run->p->turnover, err)
			     ?: churn_fill(run, err)
			     ?: emit_mark(run, "round", round, err);
	return rc ?: churn_free(run, run->p->share, err)
			     ?: emit_mark(run, "worn", 0, err);
}

/*
 * Passes over all keys in order. The page that is needed is loaded, and one
 * that was needed some time ago makes room for it.
 */
static int run_scan(struct generate_run *run, struct err *err)
{
	uint64_t keys = (uint64_t)run->p->keys, at;
	uint64_t window = (uint64_t)run->p->window % keys;
	long long done = 0;
	int rc = 0;

	for (at = 0; !rc && done < run->p->ops; at++) {
		uint64_t k = at % keys, out = (at + keys - window) % keys;

		if (run->state[k] == KEY_STORED) {
			rc = emit(run, ZLT_LOAD, k, NULL, err);
			done++;
		}
		if (!rc && at >= window && done < run->p->ops &&
		    run->state[out] != KEY_STORED) {
			rc = emit(run, ZLT_STORE, out, NULL, err);
			done++;
		}
	}
	return rc;
}

static const char *const size_words[] = { "lz4", "zstd", "uniform", "fixed",
					  NULL };

/* The state of a key takes a byte, with contents five. */
#define KEYS_MAX 4294967290.0

/* clang-format off */
#define OPTION(member, kind, def, low, high, words, text)                      \
	{ #member, kind, offsetof(struct params, member), def, low, high,      \
	  words, text }
#define INT(member, def, low, high, text) \
	OPTION(member, SPEC_INT, def, low, high, NULL, text)
#define REAL(member, def, low, high, text) \
	OPTION(member, SPEC_REAL, def, low, high, NULL, text)
#define BOOL(member, def, text) OPTION(member, SPEC_BOOL, def, 0, 0, NULL, text)
#define CHOICE(member, def, words, text) \
	OPTION(member, SPEC_CHOICE, def, 0, 0, words, text)

#define COMMON_OPTIONS SIZED_OPTIONS("100000", "lz4", "1", "4096")
#define SIZED_OPTIONS(keys_, sizes_, min_, max_)                               \
	INT(keys, keys_, 1, KEYS_MAX, "distinct keys"),                        \
	INT(seed, "1", 0, 9e15,                                                \
	    "another seed makes another trace of the same kind"),              \
	INT(threads, "1", 1, 65536, "threads"),                                \
	INT(cpus, "0", 0, 1024,                                                \
	    "CPUs that are busy at once, a thread on each; 0: threads take "   \
	    "turns, each on a CPU of its own"),                                \
	INT(burst, "8", 1, 1e9,                                                \
	    "mean number of operations a thread does in a row"),               \
	REAL(rate, "100000", 1e-3, 1e9, "operations per second"),              \
	CHOICE(sizes, sizes_, size_words,                                      \
	       "object sizes: shaped like a codec's, uniform or fixed"),       \
	INT(size, "2048", 1, ZLT_PAGE_SIZE, "the size, with sizes=fixed"),     \
	INT(min, min_, 1, ZLT_PAGE_SIZE, "smallest size, with sizes=uniform"), \
	INT(max, max_, 1, ZLT_PAGE_SIZE, "largest size, with sizes=uniform"),  \
	INT(classes, "0", 0, ZLT_PAGE_SIZE,                                    \
	    "size classes: so many of these sizes, used equally; 0: all"),     \
	BOOL(contents, "off", "make pages for real codecs instead of sizes"),  \
	REAL(entropy, "0.3", 0, 1, "share of a page that does not compress"),  \
	REAL(same, "0.02", 0, 1, "share of same-filled pages"),                \
	REAL(unchanged, "0.4", 0, 1,                                           \
	     "share of stores that repeat the key's last page")
#define OPS_OPTION                                                             \
	INT(ops, "1000000", 0, 1e15, "number of operations")
#define TOUCH_OPTIONS                                                          \
	OPS_OPTION,                                                            \
	REAL(reads, "0.9", 0, 1,                                               \
	     "chance that a stored page is loaded, else stored anew"),         \
	REAL(frees, "0.05", 0, 1, "chance that a known page is given up")
/* clang-format on */

static const struct spec_option uniform_options[] = {
	COMMON_OPTIONS,
	TOUCH_OPTIONS,
	{ .name = NULL },
};

static const struct spec_option zipf_options[] = {
	COMMON_OPTIONS,
	TOUCH_OPTIONS,
	REAL(skew, "0.99", 0, 10,
	     "the key of rank r is picked with a chance of r^-skew"),
	{ .name = NULL },
};

static const struct spec_option churn_options[] = {
	COMMON_OPTIONS,
	REAL(share, "0.5", 0, 1, "share of the keys that is freed in a round"),
	INT(rounds, "10", 0, 1e9, "how often keys are freed and stored again"),
	BOOL(compact, "off", "compact the pool after freeing"),
	{ .name = NULL },
};

static const struct spec_option scan_options[] = {
	COMMON_OPTIONS,
	OPS_OPTION,
	INT(window, "1000", 0, 4e9, "pages that are in memory at one time"),
	{ .name = NULL },
};

/* clang-format off */
#define WORN_OPTIONS(rounds_, turnover_, share_, raw_, whole_)                 \
	INT(rounds, rounds_, 0, 1e9, "how often pages leave and come back"),   \
	REAL(turnover, turnover_, 0, 1, "share of the keys in such a round"),  \
	REAL(share, share_, 0, 1, "share of the keys that leaves at the end"), \
	REAL(raw, raw_, 0, 1,                                                  \
	    "share of pages that do not compress (not with contents)"),        \
	INT(whole, whole_, 1, ZLT_PAGE_SIZE,                                   \
	    "a larger size is stored as a whole page (not with contents)")
/* clang-format on */

static const struct spec_option heavy_swap_options[] = {
	SIZED_OPTIONS("1842000", "uniform", "24", "96"),
	WORN_OPTIONS("1", "0.5", "0.456", "0", "3072"),
	{ .name = NULL },
};

static const struct spec_option aged_options[] = {
	SIZED_OPTIONS("70200", "lz4", "1", "4096"),
	WORN_OPTIONS("4", "0.3", "0.065", "0.28", "3072"),
	{ .name = NULL },
};

#define GENERATOR_AS(kind, name, run_, text)                       \
	static const struct generator kind##_generator = {         \
		.desc = { name, "generator", kind##_options, NULL, \
			  sizeof(struct params) },                 \
		.help = text,                                      \
		.run = run_,                                       \
	}
#define GENERATOR(kind, text) GENERATOR_AS(kind, #kind, run_##kind, text)

GENERATOR(uniform, "every key is touched equally often");
GENERATOR(zipf, "few keys are touched often, most seldom");
GENERATOR(churn, "fill, free a share at random, refill, in rounds");
GENERATOR(scan, "passes over all keys in order");
GENERATOR_AS(heavy_swap, "heavy-swap", run_worn,
	     "an 8 GiB zram of well compressed pages, half of them gone; share "
	     "is tuned to the frag ratio published before compaction, 42.98 "
	     "%, min and max to the one after it, 79.03 %");
GENERATOR_AS(aged, "aged", run_worn,
	     "a zram in long use with few holes; share is tuned to the frag "
	     "ratio published before compaction, 94 %, raw to the one after "
	     "it, 97 %");

const struct generator *const generators[] = {
	&uniform_generator,
	&zipf_generator,
	&churn_generator,
	&scan_generator,
	&heavy_swap_generator,
	&aged_generator,
	NULL,
};

/* ---- running one ------------------------------------------------------- */

const struct generator *generator_find(const char *spec, struct err *err)
{
	size_t len = spec_name_len(spec), n = 0;
	char names[256] = "";
	int i;

	for (i = 0; generators[i]; i++) {
		const char *name = generators[i]->desc.name;

		if (strlen(name) == len && !memcmp(name, spec, len))
			return generators[i];
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s",
				      i ? ", " : "", name);
	}
	err_set(err, -EINVAL, "no generator \"%.*s\"; there are %s",
		(int)(len < 40 ? len : 40), spec, names);
	return NULL;
}

static struct zlt_writer *create(const struct generator *gen,
				 const struct params *p, const char *path,
				 struct err *err)
{
	struct zlt_options opts = {
		.columns = ZLT_TIME | ZLT_CPU | ZLT_TID,
		.objects = p->contents ? ZLT_OBJECT_PAGES : ZLT_OBJECT_SIZES,
	};
	struct zlt_writer *w;
	char spec[1024];
	json_t *meta;

	spec_print(&gen->desc, p, spec, sizeof(spec));
	meta = json_pack("{s:s, s:s, s:s}", "name", gen->desc.name, "generator",
			 spec, "keys", "address");
	if (!meta) {
		err_set(err, -ENOMEM, "%s: out of memory", path);
		errno = ENOMEM;
		return NULL;
	}
	w = zlt_create(path, meta, &opts, err);
	json_decref(meta);
	return w;
}

static int generate(const struct generator *gen, const struct params *p,
		    const char *path, struct err *err)
{
	struct generate_run *run = calloc(1, sizeof(*run));
	size_t keys = (size_t)p->keys;
	int rc = -ENOMEM;

	if (!run)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	run->p = p;
	random_seed(run, (uint64_t)p->seed);
	run->state = calloc(keys, 1);
	run->content = malloc(p->contents ? keys * sizeof(*run->content) : 1);
	if (!run->state || !run->content) {
		err_set(err, rc, "%s: out of memory", path);
		goto out;
	}
	rc = p->cpus ? start_many(run, err) : 0;
	if (rc)
		goto out;
	if (p->contents)
		memset(run->content, 0xff, keys * sizeof(*run->content));
	run->w = create(gen, p, path, err);
	if (!run->w) {
		rc = -errno;
		goto out;
	}
	rc = gen->run(run, err);
	if (rc)
		zlt_abort(run->w);
	else
		rc = zlt_close(run->w, NULL, err);
	if (rc)
		zlt_remove(path);
out:
	free(run->state);
	free(run->content);
	free(run->busy);
	free(run->runs);
	free(run);
	return rc;
}

int generate_trace(const char *spec, const char *path, struct err *err)
{
	const struct generator *gen = generator_find(spec, err);
	struct params p;
	int rc;

	if (!gen)
		return -EINVAL;
	memset(&p, 0, sizeof(p));
	rc = spec_parse(&gen->desc, spec, &p, err);
	if (rc)
		return rc;
	if (p.sizes == SIZE_UNIFORM && p.min > p.max)
		return err_set(err, -EINVAL,
			       "generator %s: min=%lld is larger than "
			       "max=%lld",
			       gen->desc.name, p.min, p.max);
	if (p.cpus > p.threads)
		return err_set(err, -EINVAL,
			       "generator %s: cpus=%lld are busy with as many "
			       "threads at least, not threads=%lld",
			       gen->desc.name, p.cpus, p.threads);
	return generate(gen, &p, path, err);
}
