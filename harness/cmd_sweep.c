// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A replay on each of several numbers of virtual CPUs, for each of several
 * backends. What the output file holds already is not replayed again, so an
 * interrupted sweep goes on where it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/cli.h"

#define MAX_ARGS 64
#define MAX_BACKENDS 32
#define MAX_COUNTS 64

struct sweep {
	const char *out;
	const char *backend[MAX_BACKENDS];
	unsigned backends;
	unsigned vcpus[MAX_COUNTS];
	unsigned counts;
	/* Passed on to replay as they are, the trace among them. */
	char *rest[MAX_ARGS];
	unsigned nr_rest;
	json_t *records;
	char program[4200];
};

static void help(void)
{
	puts("Usage: zlab sweep T.zlt --vcpus N,N,... --backend SPEC... "
	     "-o FILE [OPTION...]\n"
	     "Replay a trace on each number of virtual CPUs with each backend "
	     "and append the\nrecords to FILE. Records that FILE holds already "
	     "are not made again.\n\n"
	     "      --vcpus=N,N,...   numbers of virtual CPUs, as 1,2,4,8\n"
	     "  -b, --backend=SPEC    allocator; may be given several times\n"
	     "  -o, --output=FILE     result records, one a line\n\n"
	     "Every other option is one of \"zlab replay --vcpus 1 --help\".\n\n"
	     "Example:\n"
	     "  zlab sweep T.zlt --vcpus 1,2,4,8,16,32 --backend "
	     "zsmalloc:lock=pool\n"
	     "    --backend zsmalloc:lock=class --profile "
	     "results/profiles/two-socket.json -o s.jsonl");
}

/* The value of an option in either form, or NULL when it is another one. */
static char *value_of(const char *name, char **argv, int *i)
{
	size_t n = strlen(name);

	if (strncmp(argv[*i], name, n))
		return NULL;
	if (argv[*i][n] == '=')
		return argv[*i] + n + 1;
	if (argv[*i][n] == '\0' && argv[*i + 1])
		return argv[++*i];
	return NULL;
}

static int add_counts(struct sweep *s, const char *list)
{
	unsigned long n;
	char *end;

	for (;; list = end + 1) {
		errno = 0;
		n = strtoul(list, &end, 10);
		if (errno || end == list || !n || n > 256 ||
		    (*end && *end != ',') || s->counts == MAX_COUNTS)
			return cli_usage("--vcpus takes numbers from 1 to 256 "
					 "with commas between, as 1,2,4; not "
					 "\"%s\"",
					 list);
		s->vcpus[s->counts++] = (unsigned)n;
		if (!*end)
			return 0;
	}
}

static int parse(struct sweep *s, int argc, char **argv)
{
	char *v;
	int i, ret;

	for (i = 1; i < argc; i++) {
		if ((v = value_of("--vcpus", argv, &i))) {
			ret = add_counts(s, v);
			if (ret)
				return ret;
		} else if ((v = value_of("--backend", argv, &i)) ||
			   (v = value_of("-b", argv, &i))) {
			if (s->backends == MAX_BACKENDS)
				return cli_usage("more than %d backends",
						 MAX_BACKENDS);
			s->backend[s->backends++] = v;
		} else if ((v = value_of("--output", argv, &i)) ||
			   (v = value_of("-o", argv, &i))) {
			s->out = v;
		} else if (s->nr_rest + 12 > MAX_ARGS) {
			return cli_usage("more than %d arguments", MAX_ARGS);
		} else {
			s->rest[s->nr_rest++] = argv[i];
		}
	}
	if (!s->counts || !s->backends || !s->out || !s->nr_rest)
		return cli_usage("sweep needs a trace, --vcpus N,N,..., "
				 "--backend SPEC and -o FILE");
	return 0;
}

static int load(struct sweep *s)
{
	char *line = NULL;
	json_error_t where;
	json_t *record;
	size_t room = 0;
	FILE *f = fopen(s->out, "re");
	int ret = 0, n = 0;

	s->records = json_array();
	if (!f)
		return errno == ENOENT
			       ? 0
			       : cli_failed("%s: %s", s->out, strerror(errno));
	while (!ret && getline(&line, &room, f) >= 0) {
		n++;
		record = json_loads(line, 0, &where);
		if (!record)
			ret = cli_failed("%s, line %d: %s", s->out, n,
					 where.text);
		else
			json_array_append_new(s->records, record);
	}
	free(line);
	(void)fclose(f);
	return ret;
}

static bool have(const struct sweep *s, char **args)
{
	const json_t *record, *cli, *word;
	size_t i, k;
	bool same;

	json_array_foreach (s->records, i, record) {
		cli = json_object_get(record, "cli");
		same = json_array_size(cli) > 0;
		json_array_foreach (cli, k, word) {
			same &= args[k] && json_string_value(word) &&
				!strcmp(k ? args[k] : "zlab",
					json_string_value(word));
			if (!same)
				break;
		}
		if (same && !args[k])
			return true;
	}
	return false;
}

static int replay(char **args)
{
	int status, null;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return cli_failed("fork: %s", strerror(errno));
	if (!pid) {
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		if (null >= 0)
			dup2(null, STDOUT_FILENO);
		execv(args[0], args);
		_exit(cli_failed("cannot run %s: %s; \"make\" builds it",
				 args[0], strerror(errno)));
	}
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		return cli_failed("a replay ended by a signal");
	return WEXITSTATUS(status);
}

static int run(struct sweep *s)
{
	unsigned total = s->backends * s->counts, at = 0, b, c, i, n;
	bool bar = isatty(STDERR_FILENO);
	char count[16], *args[MAX_ARGS + 1];
	int ret;

	for (c = 0; c < s->counts; c++)
		for (b = 0; b < s->backends; b++) {
			n = 0;
			args[n++] = s->program;
			args[n++] = (char *)"replay";
			for (i = 0; i < s->nr_rest; i++)
				args[n++] = s->rest[i];
			snprintf(count, sizeof(count), "%u", s->vcpus[c]);
			args[n++] = (char *)"--vcpus";
			args[n++] = count;
			args[n++] = (char *)"--backend";
			args[n++] = (char *)s->backend[b];
			args[n++] = (char *)"--json";
			args[n++] = (char *)s->out;
			args[n] = NULL;
			if (bar)
				fprintf(stderr, "\r%u of %u: %s on %s\033[K",
					at + 1, total, s->backend[b], count);
			at++;
			if (have(s, args))
				continue;
			ret = replay(args);
			if (cli_stopped())
				ret = EXIT_STOPPED;
			if (ret) {
				if (bar)
					fputc('\n', stderr);
				return ret;
			}
		}
	if (bar)
		fprintf(stderr, "\r\033[K");
	return 0;
}

static double get(const json_t *o, const char *a, const char *b)
{
	if (a)
		o = json_object_get(o, a);
	return json_number_value(json_object_get(o, b));
}

static const char *worst_lock(const json_t *record, double *share)
{
	const json_t *l = json_array_get(json_object_get(record, "locks"), 0);
	double sys = get(record, "time", "sys_ns");

	*share = sys > 0 ? 100 * get(l, NULL, "waittime_total_ns") / sys : 0;
	return l ? json_string_value(json_object_get(l, "name")) : "-";
}

/* All that the file holds, made now or before. */
static int print(struct sweep *s)
{
	const json_t *r;
	double ops, share;
	const char *lock;
	size_t i;
	int ret;

	json_decref(s->records);
	ret = load(s);
	if (ret)
		return ret;
	printf("%6s %10s %10s %10s %9s  %-20s %6s  %s\n", "vcpus", "ns/op",
	       "(sum)", "ops/s", "lock wait", "worst lock", "share", "backend");
	json_array_foreach (s->records, i, r) {
		ops = get(r, "counts", "store") + get(r, "counts", "load") +
		      get(r, "counts", "invalidate");
		lock = worst_lock(r, &share);
		printf("%6.0f %10.1f %10.1f %10.0f %8.1f%%  %-20s %5.1f%%  "
		       "%s\n",
		       get(r, NULL, "vcpus"), get(r, "time", "sys_ns") / ops,
		       get(r, "virtual", "sys_ns_sum") / ops,
		       ops / get(r, "time", "real_ns") * 1e9,
		       100 *
			       get(json_object_get(r, "time"), "sys_split_ns",
				   "lock_wait") /
			       get(r, "time", "sys_ns"),
		       lock, share,
		       json_string_value(json_object_get(r, "backend")));
	}
	return 0;
}

int cmd_sweep(int argc, char **argv)
{
	struct sweep s = { 0 };
	ssize_t n;
	int ret, i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--help")) {
			help();
			return 0;
		}
	ret = parse(&s, argc, argv);
	if (ret)
		return ret;
	n = readlink("/proc/self/exe", s.program, 4096);
	snprintf(s.program + (n < 0 ? 0 : n), 16, "-virtual");
	cli_stop_install();
	ret = load(&s);
	if (!ret)
		ret = run(&s);
	if (!ret)
		ret = print(&s);
	json_decref(s.records);
	return ret;
}
