// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/zpool.h"
#include "harness/cmd/cmd.h"
#include "harness/verify/conform.h"

static void help(FILE *out)
{
	fprintf(out,
		"usage: zlab conform LOG.csv[.gz|.zst] --backend SPEC "
		"[OPTION...]\n\n"
		"Replay what an allocator of a real kernel was asked, and "
		"compare where it put\nevery object. Prints the first "
		"difference; exits 1 when there is one.\n\n"
		"  --backend SPEC      the allocator, as for replay\n"
		"  --schedule WHEN     when deferred work runs: log (where "
		"the log has it; the\n"
		"                      default), settle (after each %u "
		"operations), or after\n"
		"                      each so many; without log only settled "
		"checkpoints are\n"
		"                      compared\n"
		"  --tolerance PERCENT of a checkpoint's pages that counts "
		"as equal (default 0;\n"
		"                      over 0, one page does, too)\n"
		"  --json FILE         write the counts as JSON (- for "
		"stdout)\n",
		ZPOOL_SETTLE_EVERY);
}

static int usage_error(const char *what, const char *arg)
{
	fprintf(stderr, "zlab conform: %s%s; see \"zlab conform --help\"\n",
		what, arg);
	return EXIT_USAGE;
}

static int write_json(const char *path, const struct conform_config *config,
		      const struct conform_result *r)
{
	json_t *compared = json_object(), *differences = json_object();
	json_t *j;
	int k, ret;

	for (k = 0; k < CONFORM_KINDS; k++) {
		json_object_set_new(compared, conform_kind_name[k],
				    json_integer((json_int_t)r->compared[k]));
		json_object_set_new(
			differences, conform_kind_name[k],
			json_integer((json_int_t)r->differences[k]));
	}
	j = json_pack("{s:s, s:s, s:I, s:I, s:o, s:o, s:f, s:I, s:s}", "log",
		      config->log, "backend", r->spec, "settle_every",
		      (json_int_t)config->settle_every, "rows",
		      (json_int_t)r->rows, "compared", compared, "differences",
		      differences, "mark_worst", r->mark_worst, "pages_worst",
		      (json_int_t)r->pages_worst, "first", r->first);
	if (!strcmp(path, "-")) {
		ret = json_dumpf(j, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		ret = json_dump_file(j, path, JSON_COMPACT);
	}
	json_decref(j);
	if (ret)
		fprintf(stderr, "zlab conform: cannot write %s\n", path);
	return ret;
}

static void print(const struct conform_config *config,
		  const struct conform_result *r)
{
	int k;

	printf("%s on %s: %lu rows\n", config->log, r->spec,
	       (unsigned long)r->rows);
	printf("%-14s %12s %12s\n", "", "compared", "differences");
	for (k = 0; k < CONFORM_KINDS; k++)
		if (r->compared[k])
			printf("%-14s %12lu %12lu\n", conform_kind_name[k],
			       (unsigned long)r->compared[k],
			       (unsigned long)r->differences[k]);
	if (r->mark_worst > 0)
		printf("worst checkpoint: %.3f %% off\n", r->mark_worst * 100);
	if (r->pages_worst)
		printf("worst page count: %lu pages off\n",
		       (unsigned long)r->pages_worst);
	if (r->total)
		printf("first difference: %s\n", r->first);
}

static int parse_schedule(const char *text, unsigned *settle_every)
{
	char *end;
	long n;

	if (!strcmp(text, "log")) {
		*settle_every = CONFORM_BY_LOG;
		return 0;
	}
	if (!strcmp(text, "settle")) {
		*settle_every = ZPOOL_SETTLE_EVERY;
		return 0;
	}
	n = strtol(text, &end, 10);
	if (*end || end == text || n < 1 || n > 1000000000)
		return -EINVAL;
	*settle_every = n;
	return 0;
}

static int parse(int argc, char **argv, struct conform_config *config,
		 const char **json)
{
	static const struct option opts[] = {
		{ "backend", required_argument, NULL, 'b' },
		{ "schedule", required_argument, NULL, 's' },
		{ "tolerance", required_argument, NULL, 't' },
		{ "json", required_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	char *end;
	int o;

	opterr = 0;
	while ((o = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		switch (o) {
		case 'b':
			config->backend = optarg;
			break;
		case 's':
			if (parse_schedule(optarg, &config->settle_every))
				return usage_error("--schedule takes log, "
						   "settle or a number over "
						   "0, not ",
						   optarg);
			break;
		case 't':
			config->tolerance = strtod(optarg, &end) / 100;
			if (*end || end == optarg ||
			    !(config->tolerance >= 0 && config->tolerance < 1))
				return usage_error(
					"--tolerance takes a percentage below "
					"100, not ",
					optarg);
			break;
		case 'j':
			*json = optarg;
			break;
		case 'h':
			help(stdout);
			return -1;
		default:
			return usage_error("unknown option or missing value: ",
					   argv[optind - 1]);
		}
	}
	if (optind + 1 != argc)
		return usage_error("give one log", "");
	config->log = argv[optind];
	if (!config->backend)
		return usage_error("--backend SPEC is missing", "");
	return 0;
}

int cmd_conform(int argc, char **argv)
{
	struct conform_config config = { 0 };
	struct conform_result result;
	const char *json = NULL;
	struct err err = { "" };
	int ret = parse(argc, argv, &config, &json);

	if (ret)
		return ret < 0 ? 0 : ret;
	if (conform_run(&config, &result, &err)) {
		fprintf(stderr, "zlab conform: %s\n", err.text);
		return EXIT_FAILED;
	}
	if (json && write_json(json, &config, &result))
		return EXIT_FAILED;
	if (!json || strcmp(json, "-"))
		print(&config, &result);
	return result.total ? EXIT_FAILED : 0;
}
