// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Creates a machine from options: profile, costs, and placement of the CPUs.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/cli/cli.h"
#include "harness/virtual/program.h"
#include "harness/virtual/virtual.h"
#include "lib/self.h"
#include "traces/source.h"

static int set_profile(const struct virtual_opts *o)
{
	struct profile *p = &virtual_config.profile;
	const char *path = o->profile;
	char found[PATH_MAX], name[32];
	struct err err;
	double by;
	size_t i;
	int n;

	if (!path) {
		if (data_path(found, sizeof(found), "profiles/desktop.json",
			      &err))
			return cli_failed("%s", err.text);
		path = found;
	}
	if (profile_load(path, p, &err))
		return cli_usage("%s", err.text);
	for (i = 0; i < o->scale.nr; i++) {
		n = 0;
		if (sscanf(o->scale.at[i], "%31[a-z0-9_]=%lf%n", name, &by,
			   &n) != 2 ||
		    o->scale.at[i][n] || !(by >= 0 && by <= 1000) ||
		    !profile_scale(p, name, by))
			return cli_usage("--scale %s: it takes COST=FACTOR, "
					 "the name of a cost of the profile "
					 "and 0 to 1000",
					 o->scale.at[i]);
	}
	return 0;
}

static int set_topology(const struct virtual_opts *o, unsigned vcpus)
{
	struct vmachine *m = &virtual_config.machine;
	unsigned sockets = virtual_config.profile.sockets;
	unsigned cores = virtual_config.profile.cores;
	int n = 0;

	if (o->topology &&
	    (sscanf(o->topology, "%4u%*1[x]%4u%n", &sockets, &cores, &n) != 2 ||
	     !n || o->topology[n]))
		return cli_usage("--topology %s: it takes SOCKETSxCORES, as "
				 "2x16",
				 o->topology);
	/* "-1" is a large number to sscanf(). */
	if (!sockets || !cores || sockets > 9999 || cores > 9999)
		return cli_usage("--topology %ux%u is no machine; it takes "
				 "SOCKETSxCORES, as 2x16",
				 sockets, cores);
	if (!o->topology && sockets * cores < vcpus)
		cores = (vcpus + sockets - 1) / sockets;
	if (sockets * cores > VIRTUAL_MAX_CPUS)
		return cli_usage("--topology %ux%u has %u cores; at most %d "
				 "are modelled",
				 sockets, cores, sockets * cores,
				 VIRTUAL_MAX_CPUS);
	if (sockets * cores < vcpus)
		return cli_usage("--topology %ux%u has %u cores for %u "
				 "virtual CPUs; give at least as many",
				 sockets, cores, sockets * cores, vcpus);
	m->sockets = sockets;
	m->cores = cores;
	return 0;
}

static int set_codec(const char *name)
{
	virtual_config.codec = NULL;
	if (!name || !strcmp(name, "none"))
		return 0;
	if (!strncmp(name, "sizes:", 6))
		name += 6;
	virtual_config.codec = profile_codec(&virtual_config.profile, name);
	if (!virtual_config.codec)
		return cli_usage("profile %s has no costs of codec %s; "
				 "--charge CODEC charges those of another",
				 virtual_config.profile.name, name);
	return 0;
}

static int check_trace(const char *path, bool salvage, unsigned vcpus)
{
	struct err err;
	struct source *s = source_open(path, salvage ? ZLT_SALVAGE : 0, &err);
	unsigned long long keys;

	if (!s)
		return cli_failed("%s", err.text);
	keys = source_info(s)->keys;
	source_close(s);
	if (keys >= vcpus)
		return 0;
	return cli_failed("trace %s has %llu keys, too few for %u virtual CPUs "
			  "to have something to do",
			  path, keys, vcpus);
}

int virtual_setup(const struct virtual_opts *o, unsigned vcpus,
		  const struct replay_config *config)
{
	int ret = set_profile(o);

	if (!ret)
		ret = set_topology(o, vcpus);
	if (!ret)
		ret = set_codec(o->charge ? o->charge : config->codec);
	virtual_config.think_ps = (uint64_t)o->think * 1000;
	virtual_config.burst = (unsigned)o->burst;
	virtual_config.burst_stores = o->burst_of;
	return ret ? ret : check_trace(config->trace, config->salvage, vcpus);
}
