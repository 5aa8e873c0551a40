// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/cli/cli.h"
#include "harness/cli/script.h"
#include "lib/process.h"
#include "lib/self.h"

/* What a script measures, it measures natively. */
static int set_program(void)
{
	static const char suffix[] = "-virtual";
	size_t n = strlen(self_path()), tail = strlen(suffix);
	char *path = strdup(self_path());
	int ret;

	if (!path)
		return -1;
	if (n > tail && !strcmp(path + n - tail, suffix))
		path[n - tail] = '\0';
	ret = setenv("ZLAB", path, 1);
	free(path);
	return ret;
}

/* Where the script is, in @path. */
static int script_find(const char *name, char *path, size_t len,
		       struct err *err)
{
	const char *dir = getenv("ZLAB_ANALYSIS");
	char below[NAME_MAX];

	if (!dir) {
		snprintf(below, sizeof(below), "analysis/%s", name);
		return data_path(path, len, below, err);
	}
	snprintf(path, len, "%s/%s", dir, name);
	if (access(path, R_OK))
		return err_set(err, -errno,
			       "%s: %s; ZLAB_ANALYSIS is not the "
			       "directory of the scripts",
			       path, strerror(errno));
	return 0;
}

int script_run(const char *name, int argc, char **argv)
{
	struct process p = { 0 };
	char path[PATH_MAX];
	struct err err;
	char **args;
	int ret;

	if (script_find(name, path, sizeof(path), &err))
		return cli_failed("%s", err.text);
	args = calloc(argc + 3, sizeof(*args));
	if (!args || set_program()) {
		free(args);
		return cli_failed("no memory to start %s", name);
	}
	args[0] = "python3";
	args[1] = "-B";
	args[2] = path;
	memcpy(args + 3, argv + 1, (argc - 1) * sizeof(*args));
	p.argv = args;
	fflush(NULL);
	ret = process_run(&p);
	free(args);
	if (ret < 0)
		return cli_failed("cannot start python3 for %s: %s; install "
				  "Python 3.11 or newer",
				  name, strerror(-ret));
	return ret;
}
