// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * "zlab replay --vcpus N": a replay for each memory model, each in a process of
 * its own so that its addresses, and with them all else, repeat.
 */
#include "harness/virtual.h"

#if REPLAY_VIRTUAL
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/cli.h"
#include "harness/replay_opts.h"
#include "harness/result.h"

enum {
	OPT_JSON = 0x100,
	OPT_VCPUS,
	OPT_TOPOLOGY,
	OPT_PROFILE,
	OPT_THINK,
	OPT_BURST,
	OPT_CHARGE,
	OPT_MODEL,
	OPT_SENSITIVITY,
	OPT_SCALE,
};

enum model {
	MODEL_BOTH,
	MODEL_OVERLAP,
	MODEL_SUM
};

static const char *const models[] = { "both", "overlap", "sum", NULL };

struct args {
	struct replay_opts common;
	char *backend;
	const char *json;
	const char *topology, *profile, *charge;
	long long vcpus, think, burst;
	int model;
	bool sensitivity;
	int argc;
	char **argv;
};

static const struct argp_option options[] = {
	{ "vcpus", OPT_VCPUS, "N", 0, "Virtual CPUs, 1 to 256. Needed.", 0 },
	{ "topology", OPT_TOPOLOGY, "SOCKETSxCORES", 0,
	  "Where they sit: CPU n on socket n / CORES (default: the profile's)",
	  0 },
	{ "profile", OPT_PROFILE, "FILE", 0,
	  "What things cost (default: results/profiles/desktop.json)", 0 },
	{ "think", OPT_THINK, "NS", 0,
	  "Mean user time before a burst of operations, drawn between half and "
	  "one and a half of it (default 0: a CPU does nothing else)",
	  0 },
	{ "burst", OPT_BURST, "N", 0, "Operations of a burst (default 1)", 0 },
	{ "charge", OPT_CHARGE, "CODEC", 0,
	  "Charge the profile's time for this codec, also for a trace of sizes "
	  "(default: --codec's)",
	  0 },
	{ "model", OPT_MODEL, "both|overlap|sum", 0,
	  "Misses between two locks overlap, or add up; the truth lies between "
	  "(default both)",
	  0 },
	{ "sensitivity", OPT_SENSITIVITY, 0, 0,
	  "Also say what each cost contributes: replay again with it halved "
	  "and half as much more",
	  0 },
	{ "scale", OPT_SCALE, "COST=FACTOR", 0,
	  "Multiply one cost of the profile, e.g. xfer_ns=1.5", 0 },
	{ "backend", 'b', "SPEC", 0, "Allocator. Needed.", 0 },
	{ "codec", 'c', "CODEC", 0,
	  "Whose sizes: sizes:lz4 takes them from the trace", 0 },
	{ "json", OPT_JSON, "FILE", 0,
	  "Append the result record to FILE; - for standard output", 0 },
	{ 0 },
};

static int parse_scale(struct args *a, const char *arg)
{
	char name[32];
	double by;
	int n = 0;

	(void)a;
	if (sscanf(arg, "%31[a-z0-9_]=%lf%n", name, &by, &n) != 2 || arg[n] ||
	    !(by >= 0 && by <= 1000) ||
	    !profile_scale(&virtual_config.profile, name, by)) {
		cli_usage("--scale %s: it takes COST=FACTOR with a cost of the "
			  "profile, given after --profile",
			  arg);
		return CLI_REPORTED;
	}
	return 0;
}

static int load_profile(struct args *a)
{
	struct err err;
	char path[4200];
	ssize_t n;
	char *slash;
	int i;

	if (a->profile) {
		if (!profile_load(a->profile, &virtual_config.profile, &err))
			return 0;
		cli_usage("%s", err.text);
		return CLI_REPORTED;
	}
	/* Beside the build directory, where the tree keeps it. */
	n = readlink("/proc/self/exe", path, 4096);
	if (n < 0)
		n = 0;
	path[n] = '\0';
	for (i = 0; i < 2; i++) {
		slash = strrchr(path, '/');
		if (slash)
			*slash = '\0';
	}
	n = (ssize_t)strlen(path);
	snprintf(path + n, sizeof(path) - (size_t)n,
		 "/results/profiles/desktop.json");
	if (!profile_load(path, &virtual_config.profile, &err))
		return 0;
	cli_usage("%s", err.text);
	return CLI_REPORTED;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->common;
		return 0;
	case 'b':
		a->backend = arg;
		return 0;
	case 'c':
		a->common.config.codec = arg;
		return 0;
	case OPT_JSON:
		a->json = arg;
		return 0;
	case OPT_VCPUS:
		return cli_count("--vcpus", arg, 1, REPLAY_MAX_THREADS,
				 &a->vcpus);
	case OPT_TOPOLOGY:
		a->topology = arg;
		return 0;
	case OPT_PROFILE:
		a->profile = arg;
		return load_profile(a);
	case OPT_THINK:
		return cli_count("--think", arg, 0, 1000000000000, &a->think);
	case OPT_BURST:
		return cli_count("--burst", arg, 1, 1000000, &a->burst);
	case OPT_CHARGE:
		a->charge = arg;
		return 0;
	case OPT_MODEL:
		return cli_choice("--model", arg, models, &a->model);
	case OPT_SENSITIVITY:
		a->sensitivity = true;
		return 0;
	case OPT_SCALE:
		return parse_scale(a, arg);
	case ARGP_KEY_ARG:
		if (a->common.config.trace)
			return ARGP_ERR_UNKNOWN;
		a->common.config.trace = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->common.config.trace)
			cli_usage("replay needs a trace: zlab replay T.zlt "
				  "--vcpus N --backend SPEC");
		else if (!a->backend)
			cli_usage("replay needs --backend SPEC; \"zlab "
				  "backends\" lists them");
		else
			return a->profile ? 0 : load_profile(a);
		return CLI_REPORTED;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &replay_argp, 0, 0, 0 },
					      { 0 } };

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "T.zlt --vcpus N --backend SPEC",
	.doc = "Replay a trace on virtual CPUs in virtual time: the same code "
	       "and the same locks, on a machine that a profile describes. A "
	       "result depends on the trace, the options and the profile "
	       "alone.\v"
	       "Example:\n"
	       "  zlab replay T.zlt --vcpus 32 --topology 2x16 --profile "
	       "results/profiles/two-socket.json --backend "
	       "zsmalloc:lock=pool\n",
	.children = children,
};

static int set_topology(struct args *a)
{
	struct vmachine *m = &virtual_config.machine;
	unsigned sockets = virtual_config.profile.sockets;
	unsigned cores = virtual_config.profile.cores;
	int n = 0;

	if (a->topology &&
	    (sscanf(a->topology, "%ux%u%n", &sockets, &cores, &n) != 2 ||
	     a->topology[n]))
		return cli_usage("--topology %s: it takes SOCKETSxCORES, as "
				 "2x16",
				 a->topology);
	if (!a->topology && (uint64_t)sockets * cores < (uint64_t)a->vcpus)
		cores = ((unsigned)a->vcpus + sockets - 1) / sockets;
	if (!sockets || !cores || sockets > SYNC_MAX_CPUS ||
	    cores > SYNC_MAX_CPUS ||
	    (uint64_t)sockets * cores < (uint64_t)a->vcpus)
		return cli_usage("--topology %ux%u has %llu cores for %lld "
				 "virtual CPUs; give at least as many",
				 sockets, cores,
				 (unsigned long long)sockets * cores, a->vcpus);
	m->sockets = sockets;
	m->cores = cores;
	return 0;
}

static int set_codec(struct args *a)
{
	const char *name = a->charge ? a->charge : a->common.config.codec;

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

/* What virtual time adds to a record. */
static void annotate(json_t *record)
{
	const struct virtual_result *v = &virtual_result;
	json_t *time = json_object_get(record, "time");
	char topology[32];

	snprintf(topology, sizeof(topology), "%ux%u",
		 virtual_config.machine.sockets, virtual_config.machine.cores);
	json_object_set_new(time, "virtual", json_true());
	json_object_set_new(time, "real_ns",
			    json_integer((json_int_t)v->end_ns));
	json_object_set_new(time, "user_ns",
			    json_integer((json_int_t)v->user_ns));
	json_object_set_new(
		record, "vcpus",
		json_object_get(record, "threads")
			? json_deep_copy(json_object_get(record, "threads"))
			: json_null());
	json_object_set_new(record, "topology", json_string(topology));
	json_object_set_new(
		record, "virtual",
		json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:s}",
			  "profile", virtual_config.profile.name, "model",
			  virtual_config.machine.sum ? "sum" : "overlap",
			  "think_ns",
			  (json_int_t)(virtual_config.think_ps / 1000), "burst",
			  (json_int_t)virtual_config.burst, "lines",
			  (json_int_t)v->lines, "directory_bytes",
			  (json_int_t)v->bytes, "switches",
			  (json_int_t)v->switches, "idle_ns",
			  (json_int_t)v->idle_ns, "charge",
			  virtual_config.codec ? virtual_config.codec->name
					       : "none"));
	snprintf(topology, sizeof(topology), "%016llx",
		 (unsigned long long)v->hash);
	json_object_set_new(json_object_get(record, "virtual"), "hash",
			    json_string(topology));
}

/* In a child: replay and write the record into @fd. Does not return. */
static void child(const struct args *a, const char *sha256, int fd)
{
	const struct replay_config *config = &a->common.config;
	struct replay_result *res = calloc(1, sizeof(*res));
	FILE *out = fdopen(fd, "w");
	struct err err = { "" };
	json_t *record;
	int ret;

	if (!res || !out)
		_exit(cli_failed("out of memory"));
	ret = replay_run(config, res, &err);
	if (ret) {
		cli_failed("%s", err.text);
		_exit(ret == -EINTR ? EXIT_STOPPED : EXIT_FAILED);
	}
	record = result_record(config, res, sha256);
	if (!record)
		_exit(cli_failed("out of memory"));
	annotate(record);
	ret = json_dumpf(record, out, JSON_COMPACT);
	_exit(fclose(out) || ret ? cli_failed("cannot pass the record on") : 0);
}

static int once(const struct args *a, bool sum, const char *sha256,
		json_t **record)
{
	json_error_t where;
	int fd[2], status;
	FILE *in;
	pid_t pid;

	virtual_config.machine.sum = sum;
	if (pipe(fd))
		return cli_failed("pipe: %s", strerror(errno));
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return cli_failed("fork: %s", strerror(errno));
	if (!pid) {
		close(fd[0]);
		child(a, sha256, fd[1]);
	}
	close(fd[1]);
	in = fdopen(fd[0], "r");
	*record = in ? json_loadf(in, 0, &where) : NULL;
	if (in)
		(void)fclose(in);
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		return cli_failed("a replay ended by signal %d",
				  WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	if (WEXITSTATUS(status))
		return WEXITSTATUS(status);
	return *record ? 0 : cli_failed("a replay gave no record");
}

static double sys_of(const json_t *record)
{
	return json_number_value(
		json_object_get(json_object_get(record, "time"), "sys_ns"));
}

static double count_of(const json_t *record, const char *name)
{
	return json_number_value(
		json_object_get(json_object_get(record, "counts"), name));
}

static double ops_of(const json_t *record)
{
	return count_of(record, "store") + count_of(record, "load") +
	       count_of(record, "invalidate");
}

static double split_of(const json_t *record, const char *part)
{
	return json_number_value(
		json_object_get(json_object_get(json_object_get(record, "time"),
						"sys_split_ns"),
				part));
}

static void print(const json_t *record, const json_t *other)
{
	static const char *const parts[] = { "codec", "allocator", "lock_wait",
					     "frontend" };
	double sys = sys_of(record), ops = ops_of(record);
	const json_t *l;
	size_t i;

	printf("%s, %s, %s virtual CPUs of %s on %s: %.0f operations\n",
	       json_string_value(json_object_get(record, "backend")),
	       json_string_value(json_object_get(record, "codec")),
	       json_string_value(json_object_get(record, "topology")),
	       json_string_value(json_object_get(
		       json_object_get(record, "virtual"), "model")),
	       virtual_config.profile.name, ops);
	printf("  sys %.3f ms, %.1f ns per operation", sys / 1e6, sys / ops);
	if (other)
		printf(" (overlap) to %.1f ns (sum)", sys_of(other) / ops);
	printf("; real %.3f ms, user %.3f ms\n",
	       json_number_value(json_object_get(
		       json_object_get(record, "time"), "real_ns")) /
		       1e6,
	       json_number_value(json_object_get(
		       json_object_get(record, "time"), "user_ns")) /
		       1e6);
	for (i = 0; i < 4; i++)
		printf("  %-10s %12.3f ms  %5.1f %%\n", parts[i],
		       split_of(record, parts[i]) / 1e6,
		       sys > 0 ? 100 * split_of(record, parts[i]) / sys : 0);
	json_array_foreach (json_object_get(record, "locks"), i, l) {
		double wait = json_number_value(
			json_object_get(l, "waittime_total_ns"));

		if (i < 3 && wait > 0)
			printf("  waits for %-20s %12.3f ms  %5.1f %%\n",
			       json_string_value(json_object_get(l, "name")),
			       wait / 1e6, 100 * wait / sys);
	}
	printf("  result %s\n",
	       json_string_value(json_object_get(
		       json_object_get(record, "virtual"), "hash")));
}

/* What sys would be if one cost were half, and half as much more. */
static int sensitivity(const struct args *a, const char *sha256, json_t *record,
		       double sys, bool table)
{
	const struct profile whole = virtual_config.profile;
	json_t *o = json_object(), *less, *more;
	const char *field;
	size_t i;
	int ret = 0;

	if (table)
		printf("  %-22s %9s %9s   (sys, when it costs half or half as "
		       "much more)\n",
		       "cost", "-50 %", "+50 %");
	for (i = 0; !ret && (field = profile_field(i)); i++) {
		less = more = NULL;
		profile_scale(&virtual_config.profile, field, 0.5);
		ret = once(a, virtual_config.machine.sum, sha256, &less);
		virtual_config.profile = whole;
		profile_scale(&virtual_config.profile, field, 1.5);
		if (!ret)
			ret = once(a, virtual_config.machine.sum, sha256,
				   &more);
		virtual_config.profile = whole;
		if (!ret) {
			json_object_set_new(o, field,
					    json_pack("[f, f]",
						      sys_of(less) / sys,
						      sys_of(more) / sys));
			if (table)
				printf("  %-22s %+8.1f%% %+8.1f%%\n", field,
				       100 * (sys_of(less) / sys - 1),
				       100 * (sys_of(more) / sys - 1));
		}
		json_decref(less);
		json_decref(more);
	}
	json_object_set_new(json_object_get(record, "virtual"), "sensitivity",
			    o);
	return ret;
}

static int run(struct args *a)
{
	json_t *first = NULL, *second = NULL, *cli = json_array();
	bool table = !a->json || strcmp(a->json, "-");
	struct err err;
	char hex[65];
	int ret, i;

	if (result_sha256(a->common.config.trace, hex, &err))
		return cli_failed("%s", err.text);
	ret = once(a, a->model == MODEL_SUM, hex, &first);
	if (!ret && a->model == MODEL_BOTH)
		ret = once(a, true, hex, &second);
	if (!ret && second)
		json_object_set(json_object_get(first, "virtual"), "sys_ns_sum",
				json_object_get(json_object_get(second, "time"),
						"sys_ns"));
	if (!ret && table)
		print(first, second);
	virtual_config.machine.sum = a->model == MODEL_SUM;
	if (!ret && a->sensitivity)
		ret = sensitivity(a, hex, first, sys_of(first), table);
	json_array_append_new(cli, json_string("zlab"));
	json_array_append_new(cli, json_string("replay"));
	for (i = 1; i < a->argc; i++)
		json_array_append_new(cli, json_string(a->argv[i]));
	if (!ret && a->json) {
		json_object_set(first, "cli", cli);
		if (result_append(a->json, first, &err))
			ret = cli_failed("%s", err.text);
	}
	json_decref(cli);
	json_decref(first);
	json_decref(second);
	return ret;
}

/*
 * Where data lies must not change a result: some of what is replayed hashes
 * addresses, and lines are cut from them. So no random addresses, and a malloc
 * that does nothing by the clock or at random.
 */
static void fix_addresses(char **argv)
{
	static const char sober[] =
		"narenas:1,tcache:false,background_thread:false,"
		"dirty_decay_ms:-1,muzzy_decay_ms:-1";
	int now = personality(0xffffffff);

	if (now < 0 || now & ADDR_NO_RANDOMIZE)
		return;
	setenv("MALLOC_CONF", sober, 1);
	if (personality((unsigned long)now | ADDR_NO_RANDOMIZE) >= 0)
		execv("/proc/self/exe", argv);
	fprintf(stderr, "zlab: warning: addresses are random here; results "
			"that hash an address do not repeat\n");
}

int cmd_virtual_replay(int argc, char **argv)
{
	struct args a = { .vcpus = 1, .burst = 1, .argc = argc, .argv = argv };
	char full[1024], *whole[argc + 2];
	struct err err;
	int ret, i;

	whole[0] = (char *)"zlab-virtual";
	whole[1] = (char *)"replay";
	for (i = 1; i <= argc; i++)
		whole[i + 1] = i < argc ? argv[i] : NULL;
	fix_addresses(whole);
	replay_opts_init(&a.common);
	ret = cli_parse(&argp, "zlab replay", argc, argv, &a);
	if (!ret && zpool_full_spec(a.backend, full, sizeof(full), &err))
		ret = cli_usage("%s", err.text);
	if (!ret)
		ret = set_topology(&a);
	if (!ret)
		ret = set_codec(&a);
	if (!ret) {
		a.common.config.swap.backend = a.backend;
		a.common.config.threads = (unsigned)a.vcpus;
		if (a.common.config.swap.sample == REPLAY_SAMPLE_AUTO)
			a.common.config.swap.sample = 1;
		virtual_config.think_ps = (uint64_t)a.think * 1000;
		virtual_config.burst = (unsigned)a.burst;
		virtual_config.seed = a.common.config.swap.seed;
		cli_stop_install();
		ret = run(&a);
	}
	replay_opts_free(&a.common);
	return ret;
}
#endif
