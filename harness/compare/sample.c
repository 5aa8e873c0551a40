// SPDX-License-Identifier: GPL-2.0-or-later
/* Starts a replay in a new process and reads its record. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/cli/cli.h"
#include "harness/compare/sample.h"
#include "lib/process.h"
#include "lib/self.h"

#define FIXED_ARGS 16

/* The words of the command line, and buffers for the numbers in it. */
struct words {
	char *at[FIXED_ARGS + 128];
	int n;
	char threads[16], seed[32];
};

static void add(struct words *w, const char *word)
{
	w->at[w->n++] = (char *)word;
}

static void add_virtual(struct words *w, const struct sample_run *run)
{
	size_t i;

	for (i = 0; i < run->virtual->kept.nr; i++)
		add(w, run->virtual->kept.args[i]);
	add(w, run->sensitivity ? "--sensitivity" : "--no-sensitivity");
}

static void command(const struct sample_run *run, struct words *w)
{
	size_t i;

	w->n = 0;
	snprintf(w->threads, sizeof(w->threads), "%u", run->threads);
	snprintf(w->seed, sizeof(w->seed), "--seed=%" PRIu64,
		 run->common->config.swap.seed + run->nth);
	add(w, "zlab");
	add(w, "replay");
	add(w, run->trace);
	add(w, "--backend");
	add(w, run->backend);
	add(w, run->virtual ? "--vcpus" : "--threads");
	add(w, w->threads);
	add(w, "--json");
	add(w, "-");
	add(w, "--quiet");
	add(w, "--sha256");
	add(w, run->sha256);
	if (run->codec) {
		add(w, "--codec");
		add(w, run->codec);
	}
	for (i = 0; i < run->common->kept.nr; i++)
		add(w, run->common->kept.args[i]);
	if (run->virtual)
		add_virtual(w, run);
	if (run->nth)
		add(w, w->seed);
	add(w, NULL);
}

static int begin(char **args, struct sample *s)
{
	const struct process p = { .argv = args, .path = SELF_PROGRAM };
	int ret = process_pipe(&p, &s->pid, &s->out);

	if (ret)
		return cli_failed("cannot start a sample: %s", strerror(-ret));
	return 0;
}

int sample_start(const struct sample_run *run, struct sample *s)
{
	struct words w;

	command(run, &w);
	s->backend = run->backend;
	s->trace = run->trace;
	return begin(w.at, s);
}

/* Report an error with the sample's backend and trace. */
static int sample_failed(const struct sample *s, const char *what)
{
	if (!s->backend)
		return cli_failed("a sample %s", what);
	return cli_failed("a sample of backend %s on trace %s %s", s->backend,
			  s->trace, what);
}

static int await(const struct sample *s, const json_t *record)
{
	int status, ret = process_wait(s->pid, &status);
	char what[128];

	if (ret < 0) {
		snprintf(what, sizeof(what), "was lost: %s", strerror(-ret));
		return sample_failed(s, what);
	}
	/* Ctrl-C stopped the sample too, so its status is not an error. */
	if (ret && cli_stopped())
		return EXIT_STOPPED;
	if (WIFSIGNALED(status)) {
		snprintf(what, sizeof(what), "was ended by signal %d (%s)",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
		return sample_failed(s, what);
	}
	if (ret)
		return ret;
	if (!record)
		return sample_failed(s, "gave no result record");
	return 0;
}

/* Retry after a signal: the sample gets the signal too, or ends normally. */
static size_t more(void *buf, size_t len, void *from)
{
	const struct sample *s = from;
	ssize_t n;

	do
		n = read(s->out, buf, len);
	while (n < 0 && errno == EINTR);
	return (size_t)n;
}

int sample_finish(struct sample *s, json_t **record)
{
	int ret;

	*record = json_load_callback(more, s, JSON_DISABLE_EOF_CHECK, NULL);
	close(s->out);
	ret = await(s, *record);
	if (ret) {
		json_decref(*record);
		*record = NULL;
	}
	return ret;
}

int sample_take(const struct sample_run *run, json_t **record)
{
	struct sample s;
	int ret = sample_start(run, &s);

	*record = NULL;
	return ret ? ret : sample_finish(&s, record);
}

int sample_spawn(char **args, json_t **record)
{
	struct sample s = { 0 };
	int ret = begin(args, &s);

	*record = NULL;
	return ret ? ret : sample_finish(&s, record);
}
