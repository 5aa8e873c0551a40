// SPDX-License-Identifier: GPL-2.0-or-later
/* Litmus tests of the kernel's memory model, by all executions of ours. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "harness/cmd/cmd.h"
#include "harness/litmus/litmus.h"
#include "lib/text.h"

struct args {
	struct cli_list tests;
	const char *json;
	long long most;
};

static const char *expectation(const struct litmus *l)
{
	enum litmus_verdict v = litmus_expected(l);

	return v == LITMUS_VERDICTS ? NULL : litmus_verdicts[v];
}

static json_t *result_json(const char *path, const struct litmus *l,
			   const struct litmus_result *r)
{
	const char *expected = expectation(l);

	return json_pack("{s:s, s:s, s:s, s:o, s:I, s:I, s:I, s:I}", "file",
			 PLAIN(path), "test", PLAIN(litmus_name(l)), "verdict",
			 litmus_verdicts[r->verdict], "expected",
			 expected ? json_string(expected) : json_null(),
			 "executions", (json_int_t)r->executions, "holding",
			 (json_int_t)r->holding, "races", (json_int_t)r->races,
			 "deadlocks", (json_int_t)r->deadlocks);
}

static void print(const struct litmus *l, const struct litmus_result *r)
{
	const char *expected = expectation(l);

	printf("%-36s %-10s %-10s %10llu %10llu\n", PLAIN(litmus_name(l)),
	       litmus_verdicts[r->verdict], expected ? expected : "-",
	       (unsigned long long)r->holding,
	       (unsigned long long)r->executions);
}

/* Return: 1 if the verdict is not the expected one, 0, or EXIT_USAGE. */
static int one(const struct args *a, const char *path, json_t *list)
{
	struct litmus_result res;
	struct err err = { "" };
	struct litmus *l = litmus_read(path, &err);
	int ret = 0;

	if (!l)
		return cli_usage("%s", err.text);
	if (litmus_run(l, (uint64_t)a->most, &res, &err)) {
		ret = cli_usage("%s; --most N allows more", err.text);
	} else {
		if (list)
			json_array_append_new(list, result_json(path, l, &res));
		if (!a->json || strcmp(a->json, "-"))
			print(l, &res);
		ret = litmus_expected(l) != LITMUS_VERDICTS &&
		      litmus_expected(l) != res.verdict;
	}
	litmus_free(l);
	return ret;
}

static int run(void *args, int argc, char **argv)
{
	const struct args *a = args;
	json_t *list = a->json ? json_array() : NULL;
	unsigned other = 0;
	size_t i;
	int ret = 0;

	if (!a->json || strcmp(a->json, "-"))
		printf("%-36s %-10s %-10s %10s %10s\n", "test", "verdict",
		       "expected", "holds in", "of");
	for (i = 0; i < a->tests.nr && ret != EXIT_USAGE; i++) {
		ret = one(a, a->tests.at[i], list);
		other += ret == 1;
	}
	if (ret != EXIT_USAGE && a->json)
		ret = cli_write_json(a->json, list);
	json_decref(list);
	if (ret == EXIT_USAGE || (ret && a->json))
		return ret;
	if (other)
		return cli_failed("%u of %u tests: another verdict than their "
				  "\"Result:\" line says",
				  other, (unsigned)a->tests.nr);
	return 0;
}

static const struct cli_option options[] = {
	{ "most", 0, "N",
	  "Give up on a test with more executions (default 10000000)",
	  CLI_IS_COUNT(struct args, most, 1, 1000000000000) },
	CLI_JSON(struct args, "Write the verdicts as JSON to FILE; - for "
			      "standard output, which then gets nothing else"),
	{ 0 },
};

static const struct cli_option operand = {
	"test",
	0,
	"T.litmus",
	NULL,
	.offer = OFFER_FILE,
	.needs = "no test is given: zlab litmus T.litmus ...",
	CLI_IS_LIST(struct args, tests)
};

static const struct args defaults = { .most = 10000000 };

const struct cli_command cmd_litmus = {
	CLI_NAME("litmus", CHAPTER_KERNEL,
		 "what weakly ordered memory allows, in the kernel's format",
		 "T.litmus... [--json FILE]"),
	.doc = "Run litmus tests, in the format of the kernel's "
	       "tools/memory-model, through every execution that zlab's model "
	       "of weakly ordered memory allows, and say in how many the "
	       "\"exists\" clause holds: Never, Sometimes, Always; or DATARACE "
	       "where plain accesses race. A verdict other than the one of the "
	       "test's \"Result:\" line is status 1.",
	.more = "Example:\n"
		"  zlab litmus tests/litmus/zspage-*.litmus\n",
	CLI_TAKES(struct args, &operand, options, NULL),
	CLI_DOES(&defaults, NULL, run),
};
