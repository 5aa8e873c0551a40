/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The options of all commands that replay: "zlab replay" uses them itself, the
 * others pass them on.
 */
#ifndef ZLAB_REPLAY_OPTS_H
#define ZLAB_REPLAY_OPTS_H

#include "harness/cli/command.h"
#include "harness/replay/replay.h"

/**
 * struct replay_opts - the options so far; starts as REPLAY_OPTS_DEFAULTS
 * @config: the resulting configuration, after replay_opts_check()
 * @index: value of --index, an enum zswap_index_kind; negative if not given
 * @front: value of --front, or NULL
 * @swap: value of --swap, or NULL
 * @backing: value of --writeback-dev, or NULL
 * @kept: the options as text, to be passed on
 */
struct replay_opts {
	struct replay_config config;
	const char *front, *swap, *backing;
	int index;
	struct cli_kept kept;
};

#define REPLAY_NO_INDEX (-2)

#define REPLAY_OPTS_DEFAULTS                                       \
	{                                                          \
		.index = REPLAY_NO_INDEX,                        \
		.config = {                                      \
			.threads = 1,                            \
			.swap = {                                \
				.sample = REPLAY_SAMPLE_AUTO,    \
				.pools = 1,                      \
				.pool.arena.huge = true,         \
				.exclusive = true,               \
				.same_filled = true,             \
				.verify = true,                  \
				.seed = 1,                       \
			},                                       \
			.zswap = {                               \
				.index = ZSWAP_XARRAY,           \
				.accept_percent = 90,            \
			},                                       \
		}, \
	}

extern const struct cli_option replay_path_options[];
extern const struct cli_option replay_front_options[];
extern const struct cli_option replay_zram_options[];
extern const struct cli_option replay_pool_options[];
extern const struct cli_option replay_run_options[];
extern const struct cli_option replay_measure_options[];

/* A row of a command's groups; @member of @type is its struct replay_opts. */
#define REPLAY_GROUP(type, member, title, rows)                           \
	{                                                                 \
		title, rows, offsetof(type, member),                      \
			.keep = true, .kept = offsetof(type, member.kept) \
	}

/* All of them. */
#define REPLAY_GROUPS(type, member)                                           \
	REPLAY_GROUP(type, member, "What the swap path does",                 \
		     replay_path_options),                                    \
		REPLAY_GROUP(type, member,                                    \
			     "The zswap front end above the pool; any of "    \
			     "these puts it there",                           \
			     replay_front_options),                           \
		REPLAY_GROUP(type, member,                                    \
			     "The zram front end above the pool",             \
			     replay_zram_options),                            \
		REPLAY_GROUP(type, member, "The pool", replay_pool_options),  \
		REPLAY_GROUP(type, member, "The replay", replay_run_options), \
		REPLAY_GROUP(type, member, "Measurement",                     \
			     replay_measure_options)

/**
 * replay_opts_check() - check all options together
 *
 * Return: 0, or EXIT_USAGE with the line printed.
 */
int replay_opts_check(struct replay_opts *o);

/**
 * replay_opts_sampled() - check the options of a command that takes samples
 *
 * The standard output of a sample is its record. Return: as
 * replay_opts_check().
 */
int replay_opts_sampled(struct replay_opts *o);

/**
 * replay_check_words() - check that all specs can be parsed
 * @backends: specs of backends
 * @codecs: of codecs
 *
 * Return: 0, or EXIT_USAGE with the line printed.
 */
int replay_check_words(const char *const *backends, size_t nr_backends,
		       const char *const *codecs, size_t nr_codecs);

/**
 * replay_opts_note() - say which options do nothing for some of the backends
 * @backends: full or short specs
 * @nr: how many
 *
 * A backend that cannot be made is passed over.
 */
void replay_opts_note(const struct replay_opts *o, const char *const *backends,
		      size_t nr);

#endif
