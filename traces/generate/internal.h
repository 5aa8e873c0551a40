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

/* The state of a key. */
enum key_state {
	KEY_NONE,
	KEY_STORED,
	KEY_LOADED
};

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
 * struct generate_run - a trace being made
 * @p: the options
 * @w: receives the events
 * @random: state of the random number generator
 * @state: enum key_state of each key
 * @content: content id of the last store of each key, with contents only
 * @fresh: pages made so far
 * @page: the last page made
 * @time_ns: time of the last event
 * @burst_left: events until the thread changes
 * @thread: thread of the current burst
 * @cpu: CPU of the current burst
 * @busy: with cpus=N, the state of each CPU
 * @runs: with cpus=N, whether each thread runs on a CPU
 */
struct generate_run {
	const struct gen_params *p;
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

/** gen_seed() - begin the run's sequence */
void gen_seed(struct generate_run *run, uint64_t seed);

/** gen_random() - any number */
uint64_t gen_random(struct generate_run *run);

/** gen_share() - a number in [0, 1) */
double gen_share(struct generate_run *run);

/** gen_below() - a number in 0..@n-1 */
uint64_t gen_below(struct generate_run *run, uint64_t n);

/**
 * gen_object() - what the next store of key @k stores
 * @object: receives its size or, with contents, its content id
 *
 * Return: 0 or the writer's error.
 */
int gen_object(struct generate_run *run, uint64_t k, uint32_t *object,
	       struct err *err);

/** gen_start_cpus() - start the busy CPUs of cpus=N. Return: 0 or -ENOMEM */
int gen_start_cpus(struct generate_run *run, struct err *err);

/** gen_emit() - emit an event or a mark. Return: 0 or a negative errno */
int gen_emit(struct generate_run *run, enum zlt_op op, uint64_t k,
	     const char *label, struct err *err);

/** gen_mark() - a mark called @what, with the number of its round if not 0 */
int gen_mark(struct generate_run *run, const char *what, long long round,
	     struct err *err);

/**
 * gen_touch() - emit the next event of page @k under memory pressure
 *
 * Return: as gen_emit().
 */
int gen_touch(struct generate_run *run, uint64_t k, struct err *err);

/* The words of the option sizes, by enum size_kind. */
extern const char *const gen_size_words[];

/* Each key needs one byte of state, or five with contents. */
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

#define GENERATOR_AS(kind, name, run_, text)                       \
	const struct generator kind##_generator = {                \
		.desc = { name, "generator", kind##_options, NULL, \
			  sizeof(struct gen_params) },             \
		.help = text,                                      \
		.run = run_,                                       \
	}
#define GENERATOR(kind, text) GENERATOR_AS(kind, #kind, run_##kind, text)

extern const struct generator uniform_generator, zipf_generator,
	churn_generator, scan_generator, heavy_swap_generator, aged_generator;

#endif
