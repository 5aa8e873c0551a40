// SPDX-License-Identifier: GPL-2.0-or-later
/* Replays a real kernel's log and reports the differences. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/zpool.h"
#include "harness/cli/progress.h"
#include "harness/cmd/cmd.h"
#include "harness/verify/conform.h"
#include "lib/text.h"

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
	ret = cli_write_json(path, j);
	json_decref(j);
	return ret;
}

static void print(const struct conform_config *config,
		  const struct conform_result *r)
{
	int k;

	printf("%s on %s: %lu rows\n", PLAIN(config->log), PLAIN(r->spec),
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
		printf("first difference: %s\n", PLAIN(r->first));
}

struct args {
	struct conform_config config;
	const char *json;
};

static int set_schedule(const struct cli_option *o, const char *arg, void *to)
{
	struct conform_config *config = &((struct args *)to)->config;
	char *end;
	long n;

	if (!strcmp(arg, "log")) {
		config->settle_every = CONFORM_BY_LOG;
		return 0;
	}
	if (!strcmp(arg, "settle")) {
		config->settle_every = ZPOOL_SETTLE_EVERY;
		return 0;
	}
	n = strtol(arg, &end, 10);
	if (*end || end == arg || n < 1 || n > 1000000000)
		return cli_usage("--schedule takes log, settle or a number "
				 "over 0, not %s",
				 arg);
	config->settle_every = (unsigned)n;
	return 0;
}

static int set_tolerance(const struct cli_option *o, const char *arg, void *to)
{
	struct conform_config *config = &((struct args *)to)->config;
	char *end;

	config->tolerance = strtod(arg, &end) / 100;
	if (!*end && end != arg && config->tolerance >= 0 &&
	    config->tolerance < 1)
		return 0;
	return cli_usage("--tolerance takes a percentage below 100, not %s",
			 arg);
}

static const struct cli_option operand = {
	"log", .offer = OFFER_FILE, CLI_IS_TEXT(struct args, config.log),
	.needs = "give one log: zlab conform LOG.csv --backend SPEC"
};

static const struct cli_option options[] = {
	CLI_BACKEND("The allocator, as for replay",
		    CLI_IS_TEXT(struct args, config.backend),
		    .needs = "--backend SPEC is missing: zlab conform LOG.csv "
			     "--backend SPEC"),
	{ "schedule", 0, "WHEN",
	  "When deferred work runs: where the log has it (log, the default), "
	  "as often as kernels' workers run (settle), or after each so many "
	  "operations; without log only settled checkpoints are compared",
	  CLI_WORDS({ "log", 0 }, { "settle", 0 }), CLI_IS_CALL(set_schedule) },
	{ "tolerance", 0, "PERCENT",
	  "Of a checkpoint's pages, what counts as equal (default 0; over 0, "
	  "one page does, too)",
	  CLI_IS_CALL(set_tolerance) },
	CLI_JSON(struct args, "Write the counts as JSON to FILE; - for "
			      "standard output, which then gets nothing else"),
	{ 0 },
};

static int run(void *args, int argc, char **argv)
{
	const struct args *a = args;
	struct conform_result result;
	struct progress progress;
	struct err err = { "" };
	int ret;

	progress_step(&progress, "conform");
	ret = conform_run(&a->config, &result, &err);
	progress_end(&progress);
	if (ret)
		return cli_failed("%s", err.text);
	if (a->json && write_json(a->json, &a->config, &result))
		return EXIT_FAILED;
	if (!a->json || strcmp(a->json, "-"))
		print(&a->config, &result);
	return result.total ? EXIT_FAILED : 0;
}

const struct cli_command cmd_conform = {
	CLI_NAME("conform", CHAPTER_KERNEL,
		 "compare with what a real kernel's allocator did",
		 "LOG.csv[.gz|.zst] --backend SPEC"),
	.doc = "Replay what an allocator of a real kernel was asked, and "
	       "compare where it put every object. Prints the first "
	       "difference; exits 1 when there is one.",
	CLI_TAKES(struct args, &operand, options, NULL),
	CLI_DOES(NULL, NULL, run),
};
