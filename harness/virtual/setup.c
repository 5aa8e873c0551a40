// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From options to a machine: the profile, its costs, where the CPUs sit.
 */
#include "harness/virtual/virtual.h"

#if REPLAY_VIRTUAL
#include <errno.h>
#include <jemalloc/jemalloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <unistd.h>

#include "harness/cli/cli.h"

/* Beside the build directory, where the tree keeps it. */
static void default_profile(char *path, size_t len)
{
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;
	int i;

	exe[n < 0 ? 0 : n] = '\0';
	for (i = 0; i < 2; i++) {
		slash = strrchr(exe, '/');
		if (slash)
			*slash = '\0';
	}
	snprintf(path, len, "%s/profiles/desktop.json", exe);
}

static int set_profile(const struct virtual_opts *o)
{
	struct profile *p = &virtual_config.profile;
	char path[4200], name[32];
	struct err err;
	double by;
	size_t i;
	int n;

	if (!o->profile)
		default_profile(path, sizeof(path));
	if (profile_load(o->profile ? o->profile : path, p, &err))
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
		return cli_usage("profile %s has no costs of codec %s",
				 virtual_config.profile.name, name);
	return 0;
}

int virtual_setup(const struct virtual_opts *o, unsigned vcpus,
		  const char *codec)
{
	int ret = set_profile(o);

	if (!ret)
		ret = set_topology(o, vcpus);
	if (!ret)
		ret = set_codec(o->charge ? o->charge : codec);
	virtual_config.think_ps = (uint64_t)o->think * 1000;
	virtual_config.burst = (unsigned)o->burst;
	virtual_config.burst_stores = o->burst_of;
	return ret;
}

int virtual_check_trace(const char *path, bool salvage, unsigned vcpus)
{
	struct err err;
	struct zlt_reader *r = zlt_open(path, salvage ? ZLT_SALVAGE : 0, &err);
	unsigned long long keys;

	if (!r)
		return cli_failed("%s", err.text);
	keys = zlt_info(r)->keys;
	zlt_reader_close(r);
	if (keys >= vcpus)
		return 0;
	return cli_failed("trace %s has %llu keys, too few for %u virtual CPUs "
			  "to have something to do",
			  path, keys, vcpus);
}

/*
 * What was allocated before a replay must not decide which of its objects share
 * a line: its arena is made before all else, and nothing else allocates there.
 */
static unsigned arena;
static bool have_arena;

static void make_heap(void)
{
	size_t len = sizeof(arena);

	have_arena = !mallctl("arenas.create", &arena, &len, NULL, 0);
}

void virtual_use_heap(void)
{
	if (!have_arena ||
	    mallctl("thread.arena", NULL, NULL, &arena, sizeof(arena)))
		fprintf(stderr, "zlab: warning: no heap of its own for a "
				"replay, whose result may not repeat\n");
}

void virtual_fix_addresses(char **argv)
{
	static const char sober[] =
		"narenas:1,tcache:false,background_thread:false,"
		"dirty_decay_ms:-1,muzzy_decay_ms:-1";
	int now = personality(0xffffffff);

	if (now < 0 || now & ADDR_NO_RANDOMIZE) {
		make_heap();
		return;
	}
	setenv("MALLOC_CONF", sober, 1);
	if (personality((unsigned long)now | ADDR_NO_RANDOMIZE) >= 0)
		execv("/proc/self/exe", argv);
	fprintf(stderr, "zlab: warning: addresses are random here; results "
			"that hash an address do not repeat\n");
	make_heap();
}
#endif
