// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds and starts the Python package. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/cli/cli.h"
#include "harness/cli/script.h"
#include "lib/process.h"
#include "lib/self.h"
#include "lib/stop.h"

/* Scripts measure with the native executable, never the virtual one. */
static int set_program(void)
{
	char path[PATH_MAX];
	int ret = native_path(path, sizeof(path));

	if (!ret && setenv("ZLAB", path, 1))
		ret = -errno;
	return ret;
}

/*
 * Debian's interpreter, since the scripts import Debian's Python packages;
 * another interpreter earlier in PATH does not have them.
 */
#define PYTHON "/usr/bin/python3"
#define ENTRY "__main__.py"

/* Store the path of the scripts' entry point in @path. */
static int script_find(char *path, size_t len, struct err *err)
{
	const char *dir = getenv("ZLAB_ANALYSIS");

	if (!dir)
		return data_path(path, len, "analysis/" ENTRY, err);
	snprintf(path, len, "%s/" ENTRY, dir);
	if (access(path, R_OK))
		return err_set(err, -errno,
			       "%s: %s; ZLAB_ANALYSIS is not the "
			       "directory of the scripts",
			       path, strerror(errno));
	return 0;
}

int script_run(const char *verb, int argc, char **argv)
{
	struct process p = { 0 };
	char path[PATH_MAX];
	struct err err;
	sigset_t mask, held;
	char **args;
	int ret;

	if (script_find(path, sizeof(path), &err))
		return cli_failed("%s", err.text);
	ret = set_program();
	if (ret)
		return cli_failed("cannot start %s: %s", verb, strerror(-ret));
	args = calloc(argc + 4, sizeof(*args));
	if (!args)
		return cli_failed("no memory to start %s", verb);
	args[0] = access(PYTHON, X_OK) ? "python3" : PYTHON;
	args[1] = "-B";
	args[2] = path;
	args[3] = (char *)verb;
	memcpy(args + 4, argv + 1, (argc - 1) * sizeof(*args));
	p.argv = args;
	/* Python would answer a signal with a traceback until it handles it. */
	stop_block(&mask);
	pthread_sigmask(SIG_SETMASK, &mask, &held);
	p.mask = &held;
	/* On a signal the script first cleans up its folders and programs. */
	stop_hold();
	cli_silent();
	fflush(NULL);
	ret = process_run(&p);
	free(args);
	if (ret < 0)
		return cli_failed("cannot start python3 for %s: %s; install "
				  "Python 3.11 or newer",
				  verb, strerror(-ret));
	return ret;
}
