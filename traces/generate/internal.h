/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions and structures shared by all kinds of synthetic traces.
 */
#ifndef ZLAB_TRACES_GENERATE_INTERNAL_H
#define ZLAB_TRACES_GENERATE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "traces/generate.h"

#define gen_hot_loop static inline __attribute__((always_inline))

enum size_kind {
	SIZE_LZ4,
	SIZE_ZSTD,
	SIZE_UNIFORM,
	SIZE_FIXED
};

/* The options of all kinds; each kind lists those that it uses. */
struct gen_params {
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

/* The state of a key; what is stored is 2, so that a load leaves 1. */
enum key_state {
	KEY_NONE,
	KEY_LOADED,
	KEY_STORED
};

/**
 * enum gen_mode - what becomes of the events; each loop is compiled for each
 * @GEN_COUNT: they are counted, see struct gen_totals
 * @GEN_EVENTS: op, key and object go to the batch
 * @GEN_COLUMNS: all columns that the batch has go to it
 * @GEN_WRITE: they are written to a file
 */
enum gen_mode {
	GEN_COUNT,
	GEN_EVENTS,
	GEN_COLUMNS,
	GEN_WRITE,
	GEN_MODES
};

/* Random numbers made at one time, and the most that one event takes. */
#define GEN_AHEAD 4096
#define GEN_DRAWS 8
/* Events of a batch; the columns then stay in the L2 cache. */
#define GEN_BATCH 16384
/* Most events that a loop makes in one of its turns. */
#define GEN_AT_ONCE 2
/* Marks of a batch. */
#define GEN_LABELS 64

/**
 * struct busy_cpu - one of the CPUs that are busy at the same time
 * @thread: thread that runs on it
 * @burst_left: operations until another thread runs
 * @time_ns: time of its next operation
 */
struct busy_cpu {
	uint32_t thread;
	long long burst_left;
	double time_ns;
};

/**
 * struct gen_totals - what GEN_COUNT counts
 * @ops: events by enum zlt_op
 * @keys: keys that have appeared; not counted for kinds with ids
 * @live: keys stored now, if loads keep the copy
 * @live_exclusive: keys stored now, if loads release the copy
 * @live_peak: the most of @live
 * @live_exclusive_peak: the most of @live_exclusive
 */
struct gen_totals {
	uint64_t ops[ZLT_OPS];
	uint64_t keys;
	uint64_t live, live_exclusive;
	uint64_t live_peak, live_exclusive_peak;
};

/**
 * struct gen_random - random numbers, some of them made ahead
 * @state: of the generator, behind the last number of @ahead
 * @ahead: numbers in their order
 *
 * Numbers made in one loop cost a fraction of those made one by one, and which
 * of them an event takes is then a matter of an index, not of a branch.
 */
struct gen_random {
	uint64_t state[4];
	uint64_t ahead[GEN_AHEAD];
};

/**
 * struct gen_hot - what every event changes
 * @draw: the next random number, an index into struct gen_random's @ahead
 * @time_ns: time of the last event
 * @burst_left: events until the thread changes
 * @thread: thread of the current burst
 * @cpu: CPU of the current burst
 * @count: events in the batch
 *
 * A loop works on a copy of its own, so that the compiler can keep it in
 * registers although the loop writes to arrays.
 */
struct gen_hot {
	size_t draw;
	double time_ns;
	long long burst_left;
	uint32_t thread, cpu;
	size_t count;
};

/**
 * struct gen_columns - the batch being filled
 * @room: most events in it; of GEN_WRITE, about the most in the file
 * @orig: and the others: NULL where not asked for
 * @labels: of the marks
 */
struct gen_columns {
	size_t room;
	uint8_t *op;
	uint32_t *key, *object;
	uint64_t *time_ns;
	uint16_t *cpu;
	uint32_t *tid;
	uint64_t *orig;
	char label[GEN_LABELS][64];
	const char *labels[GEN_LABELS];
	size_t nr_labels;
};

/* Ranks with a chance of rank^-skew, see touch.c. */
struct gen_zipf {
	double skew, low, high, first;
	double keys;
};

/**
 * struct generate_run - a trace being made
 * @gen: its kind
 * @p: the options
 * @hot: what every event changes
 * @random: its random numbers
 * @total: what GEN_COUNT counts
 * @state: enum key_state of each key
 * @id: dense id of each key, counted from 1; NULL if keys appear in order
 * @keys: keys that have an id
 * @phase: what the kind does now, in its own numbers
 * @at: the next key of the phase, or another position
 * @done: operations done, or rounds begun
 * @over: all events are made
 * @zipf: see run_zipf()
 * @busy: with cpus=N, the state of each CPU
 * @runs: with cpus=N, whether each thread runs on a CPU
 * @out: receives the events of GEN_EVENTS and GEN_COLUMNS
 * @w: receives the events of GEN_WRITE
 * @rc: what @w has returned
 * @err: where its error line goes
 * @content: content id of the last store of each key, with contents only
 * @fresh: pages made so far
 * @page: the last page made
 */
struct generate_run {
	const struct generator *gen;
	const struct gen_params *p;
	struct gen_hot hot;
	struct gen_random random;
	struct gen_totals total;
	uint8_t *state;
	uint32_t *id;
	uint32_t keys;
	int phase;
	uint64_t at;
	long long done;
	bool over;
	struct gen_zipf zipf;
	struct busy_cpu *busy;
	bool *runs;
	struct gen_columns out;
	struct zlt_writer *w;
	int rc;
	struct err *err;
	uint32_t *content;
	uint64_t fresh;
	uint64_t page[ZLT_PAGE_SIZE / sizeof(uint64_t)];
};

/** gen_start() - make the run of @p and put it before its first event
 *
 * Return: 0 or -ENOMEM; the caller ends the run with gen_end() in any case.
 */
int gen_start(struct generate_run *run, const struct generator *gen,
	      const struct gen_params *p, struct err *err);
void gen_end(struct generate_run *run);

/** gen_play() - make events until the batch is full or all are made */
void gen_play(struct generate_run *run, enum gen_mode mode);

/** gen_restart() - put a run before its first event again */
void gen_restart(struct generate_run *run);

/**
 * gen_check() - read a spec, and check what the options have to do with each
 *		 other
 *
 * Return: the generator, or NULL with an error line.
 */
const struct generator *gen_check(const char *spec, struct gen_params *p,
				  struct err *err);

/** gen_meta() - the metadata of the trace, or NULL when memory ran out */
json_t *gen_meta(const struct generator *gen, const struct gen_params *p);

/** gen_key_bytes() - memory that a run takes for each key */
size_t gen_key_bytes(const struct generator *gen, const struct gen_params *p);

/**
 * gen_page_object() - what the next store of key @k stores, with contents
 * @object: receives the content id
 *
 * Return: 0 or the writer's error.
 */
int gen_page_object(struct generate_run *run, struct gen_hot *h, uint64_t k,
		    uint32_t *object);

/** gen_next_of_many() - time, CPU and thread of the next event, with cpus=N */
void gen_next_of_many(struct generate_run *run, struct gen_hot *h);

/** gen_write() - write an event to the file */
void gen_write(struct generate_run *run, struct gen_hot *h, enum zlt_op op,
	       uint64_t k, const char *label);

/** gen_mark() - a mark called @what, with the number of its round if not 0 */
void gen_mark(struct generate_run *run, const char *what, long long round,
	      enum gen_mode mode);

/** gen_compact() - a request to compact */
void gen_compact(struct generate_run *run, enum gen_mode mode);

/** gen_draw_more() - make random numbers; those that are left come first */
void gen_draw_more(struct generate_run *run, struct gen_hot *h);

/** gen_start_cpus() - start the busy CPUs of cpus=N */
void gen_start_cpus(struct generate_run *run);

/** gen_zipf_init() - prepare ranks 0..@keys-1 */
void gen_zipf_init(struct gen_zipf *z, double skew, uint64_t keys);

/* The words of the option sizes, by enum size_kind. */
extern const char *const gen_size_words[];

#define KEYS_MAX 4294967290.0

/* clang-format off */
#define OPTION(member, kind, def, low, high, words, text)                      \
	{ #member, kind, offsetof(struct gen_params, member), def, low, high,      \
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
	CHOICE(sizes, sizes_, gen_size_words,                                      \
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
/* clang-format on */

/* A kind's loop, compiled for each mode, and its entry in the list. */
#define GENERATOR_MODE(kind, step_, mode)                   \
	static void kind##_##mode(struct generate_run *run) \
	{                                                   \
		step_(run, mode);                           \
	}
#define GENERATOR_AS(kind, name, step_, in_order_, text)           \
	GENERATOR_MODE(kind, step_, GEN_COUNT)                     \
	GENERATOR_MODE(kind, step_, GEN_EVENTS)                    \
	GENERATOR_MODE(kind, step_, GEN_COLUMNS)                   \
	GENERATOR_MODE(kind, step_, GEN_WRITE)                     \
	const struct generator kind##_generator = {                \
		.desc = { name, "generator", kind##_options, NULL, \
			  sizeof(struct gen_params) },             \
		.help = text,                                      \
		.expect = kind##_events,                           \
		.in_order = in_order_,                             \
		.step = { kind##_GEN_COUNT, kind##_GEN_EVENTS,     \
			  kind##_GEN_COLUMNS, kind##_GEN_WRITE },  \
	}

extern const struct generator uniform_generator, zipf_generator,
	churn_generator, scan_generator, heavy_swap_generator, aged_generator;

#endif
