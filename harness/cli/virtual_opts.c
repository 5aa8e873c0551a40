// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/cli.h"
#include "harness/cli/virtual_opts.h"

enum {
	OPT_TOPOLOGY = 0x2000,
	OPT_PROFILE,
	OPT_THINK,
	OPT_BURST,
	OPT_BURST_OF,
	OPT_CHARGE,
	OPT_MODEL,
	OPT_SCALE,
	OPT_SENSITIVITY,
	OPT_NO_SENSITIVITY,
};

static const char *const bursts[] = { "all", "stores", NULL };

static const struct argp_option options[] = {
	{ 0, 0, 0, 0, "Virtual CPUs, with --vcpus:", 6 },
	{ "topology", OPT_TOPOLOGY, "SOCKETSxCORES", 0,
	  "Where they sit: CPU n on socket n / CORES (default: the profile's, "
	  "with more cores where those are too few)",
	  0 },
	{ "profile", OPT_PROFILE, "FILE", 0,
	  "What things cost: a file, or one of chiplets, desktop (default), "
	  "two-cpu-vm and two-socket",
	  0 },
	{ "think", OPT_THINK, "NS", 0,
	  "Mean user time before a burst of operations, drawn between half and "
	  "one and a half of it (default 0: a CPU does nothing else)",
	  0 },
	{ "burst", OPT_BURST, "N", 0, "Operations of a burst (default 1)", 0 },
	{ "burst-of", OPT_BURST_OF, "all|stores", 0,
	  "Stores and loads come in bursts, or only stores, as from reclaim, "
	  "while each page fault comes alone (default all)",
	  0 },
	{ "charge", OPT_CHARGE, "CODEC", 0,
	  "Charge the profile's time for this codec, also for a trace of sizes "
	  "(default: --codec's, and nothing without one)",
	  0 },
	{ "model", OPT_MODEL, "both|overlap|sum", 0,
	  "Misses between two locks overlap, or add up; the truth lies between "
	  "(default both)",
	  0 },
	{ "scale", OPT_SCALE, "COST=FACTOR", 0,
	  "Multiply one cost of the profile, e.g. xfer_ns=1.5", 0 },
	{ "sensitivity", OPT_SENSITIVITY, 0, 0,
	  "Say what each cost contributes: replay again with it halved and "
	  "half as much more (default: where a table is printed)",
	  0 },
	{ "no-sensitivity", OPT_NO_SENSITIVITY, 0, 0, "Do not", 0 },
	{ 0 },
};

static const char *name_of(int key)
{
	const struct argp_option *o;

	for (o = options; o->name || o->doc; o++)
		if (o->name && o->key == key)
			return o->name;
	return "?";
}

static error_t keep_arg(struct virtual_opts *o, int key, const char *arg)
{
	if (o->nr_args == sizeof(o->args) / sizeof(o->args[0])) {
		cli_usage("there are too many options");
		return CLI_REPORTED;
	}
	if (asprintf(&o->args[o->nr_args], "--%s=%s", name_of(key), arg) < 0)
		return ENOMEM;
	o->nr_args++;
	return 0;
}

static error_t add_scale(struct virtual_opts *o, const char *arg)
{
	if (o->nr_scale == VIRTUAL_SCALES) {
		cli_usage("more than %d costs are scaled", VIRTUAL_SCALES);
		return CLI_REPORTED;
	}
	o->scale[o->nr_scale++] = arg;
	return 0;
}

static error_t parse_value(struct virtual_opts *o, int key, const char *arg)
{
	static const char *const models[] = { "both", "overlap", "sum", NULL };

	switch (key) {
	case OPT_TOPOLOGY:
		o->topology = arg;
		return 0;
	case OPT_PROFILE:
		o->profile = arg;
		return 0;
	case OPT_THINK:
		return cli_count("--think", arg, 0, 1000000000000, &o->think);
	case OPT_BURST:
		return cli_count("--burst", arg, 1, 1000000, &o->burst);
	case OPT_BURST_OF:
		return cli_choice("--burst-of", arg, bursts, &o->burst_of);
	case OPT_CHARGE:
		o->charge = arg;
		return 0;
	case OPT_MODEL:
		return cli_choice("--model", arg, models, &o->model);
	case OPT_SCALE:
		return add_scale(o, arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct virtual_opts *o = state->input;
	error_t ret;

	switch (key) {
	case OPT_SENSITIVITY:
		o->sensitivity = SENSITIVITY_YES;
		break;
	case OPT_NO_SENSITIVITY:
		o->sensitivity = SENSITIVITY_NO;
		break;
	default:
		ret = parse_value(o, key, arg);
		if (!ret)
			ret = keep_arg(o, key, arg);
		if (ret)
			return ret;
	}
	o->given = name_of(key);
	return 0;
}

const struct argp virtual_argp = { .options = options, .parser = parse };

void virtual_opts_init(struct virtual_opts *o, const char *command, int argc,
		       char **argv)
{
	*o = (struct virtual_opts){
		.command = command, .argc = argc, .argv = argv, .burst = 1
	};
}

void virtual_opts_free(struct virtual_opts *o)
{
	while (o->nr_args)
		free(o->args[--o->nr_args]);
}

bool virtual_opts_misplaced(const struct virtual_opts *o, const char *command)
{
	if (o->given)
		cli_usage("--%s is an option of virtual CPUs; zlab %s --vcpus "
			  "N says how many",
			  o->given, command);
	return o->given;
}
