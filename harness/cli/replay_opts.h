/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The options that every command takes which replays: zlab replay uses them
 * itself, the others hand them on.
 */
#ifndef ZLAB_REPLAY_OPTS_H
#define ZLAB_REPLAY_OPTS_H

#include <argp.h>

#include "harness/replay/replay.h"

/**
 * struct replay_opts - the options so far; start with replay_opts_init()
 * @config: what they mean
 * @args: the options as text, each an "--option=value", to be handed on
 * @nr_args: how many
 */
struct replay_opts {
	struct replay_config config;
	char *args[64];
	size_t nr_args;
};

void replay_opts_init(struct replay_opts *o);
void replay_opts_free(struct replay_opts *o);

/* A child for argp; its input is a struct replay_opts. */
extern const struct argp replay_argp;

#endif
