// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/cli.h"

static volatile sig_atomic_t stopped;

static void line(const char *fmt, va_list ap)
{
	fflush(stdout);
	fputs("zlab: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

int cli_failed(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line(fmt, ap);
	va_end(ap);
	return EXIT_FAILED;
}

int cli_usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line(fmt, ap);
	va_end(ap);
	return EXIT_USAGE;
}

struct found {
	const struct argp_option *option;
	int count;
	bool exact;
};

/* The options that begin with --TEXT, or the one of that name. */
static void lookup(const struct argp *argp, const char *text, size_t len,
		   struct found *f)
{
	const struct argp_option *o;
	const struct argp_child *child;

	for (o = argp->options; o && (o->name || o->key || o->doc); o++) {
		if (f->exact || !o->name || strncmp(o->name, text, len))
			continue;
		f->option = o;
		f->count++;
		f->exact = strlen(o->name) == len;
	}
	for (child = argp->children; child && child->argp; child++)
		if (!f->exact)
			lookup(child->argp, text, len, f);
}

static const struct argp_option *lookup_key(const struct argp *argp, char key)
{
	const struct argp_option *o;
	const struct argp_child *child;

	for (o = argp->options; o && (o->name || o->key || o->doc); o++)
		if (o->key == key)
			return o;
	for (child = argp->children; child && child->argp; child++) {
		o = lookup_key(child->argp, key);
		if (o)
			return o;
	}
	return NULL;
}

/* argp stays silent, so find again what it could not take. */
static int blame(const struct argp *argp, const char *name, int argc,
		 char **argv)
{
	const struct argp_option *o;
	const char *arg;
	size_t len;
	struct found f;
	int i;

	for (i = 1; i < argc; i++) {
		arg = argv[i];
		if (!strcmp(arg, "--"))
			break;
		if (arg[0] != '-' || !arg[1])
			continue;
		if (arg[1] == '-') {
			len = strcspn(arg + 2, "=");
			f = (struct found){ 0 };
			lookup(argp, arg + 2, len, &f);
			o = f.option;
			if (!o)
				return cli_usage("there is no option %s; see "
						 "\"%s --help\"",
						 arg, name);
			if (f.count > 1 && !f.exact)
				return cli_usage(
					"option %s could mean several; "
					"see \"%s --help\"",
					arg, name);
			if (!o->arg && arg[2 + len])
				return cli_usage("option --%s takes no value",
						 o->name);
			if (o->arg && !arg[2 + len] && ++i == argc)
				return cli_usage("option --%s needs a value: "
						 "%s",
						 o->name, o->arg);
			continue;
		}
		o = lookup_key(argp, arg[1]);
		if (!o)
			return cli_usage("there is no option -%c; see \"%s "
					 "--help\"",
					 arg[1], name);
		if (o->arg && !arg[2] && ++i == argc)
			return cli_usage("option -%c needs a value: %s", arg[1],
					 o->arg);
	}
	return cli_usage("the options cannot be understood; see \"%s --help\"",
			 name);
}

int cli_parse(const struct argp *argp, const char *name, int argc, char **argv,
	      void *input)
{
	int first = 0, ret, i;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-?")) {
			argp_help(argp, stdout, ARGP_HELP_STD_HELP,
				  (char *)name);
			exit(0);
		}
	argv[0] = (char *)name;
	ret = argp_parse(argp, argc, argv, ARGP_NO_ERRS | ARGP_IN_ORDER, &first,
			 input);
	if (ret == CLI_REPORTED)
		return EXIT_USAGE;
	if (ret == ENOMEM)
		return cli_failed("out of memory");
	if (ret)
		return blame(argp, name, argc, argv);
	if (first < argc)
		return cli_usage("\"%s\" is one argument too many; see \"%s "
				 "--help\"",
				 argv[first], name);
	return 0;
}

int cli_count(const char *option, const char *text, long long min,
	      long long max, long long *value)
{
	char *end;

	errno = 0;
	*value = strtoll(text, &end, 10);
	if (!errno && end != text && !*end && *value >= min && *value <= max)
		return 0;
	if (max == LLONG_MAX)
		cli_usage("%s takes a whole number from %lld on, not \"%s\"",
			  option, min, text);
	else
		cli_usage("%s takes a whole number from %lld to %lld, not "
			  "\"%s\"",
			  option, min, max, text);
	return CLI_REPORTED;
}

int cli_choice(const char *option, const char *text, const char *const *words,
	       int *index)
{
	char known[128];
	size_t n = 0;
	int i;

	for (i = 0; words[i]; i++)
		if (!strcmp(words[i], text)) {
			*index = i;
			return 0;
		}
	for (i = 0; words[i] && n < sizeof(known); i++)
		n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s",
				      i ? (words[i + 1] ? ", " : " or ") : "",
				      words[i]);
	cli_usage("%s takes %s, not \"%s\"", option, known, text);
	return CLI_REPORTED;
}

static void on_signal(int sig)
{
	stopped = 1;
}

void cli_stop_install(void)
{
	/* The second one ends the program at once. */
	struct sigaction sa = { .sa_handler = on_signal,
				.sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

bool cli_stopped(void)
{
	return stopped;
}
