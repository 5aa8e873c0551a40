// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/cli/cli.h"
#include "harness/cli/script.h"

extern char **environ;

/* Where the script is, in @path; false when it is nowhere. */
static bool script_find(const char *name, char *path, size_t len)
{
	static const char *const beside[] = { "../analysis",
					      "../share/zlab/analysis" };
	const char *dir = getenv("ZLAB_ANALYSIS");
	char exe[PATH_MAX];
	ssize_t n;
	size_t i;

	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (n < 0)
		return false;
	exe[n] = 0;
	/* What a script measures, it measures natively. */
	if (n > 8 && !strcmp(exe + n - 8, "-virtual"))
		exe[n - 8] = 0;
	if (setenv("ZLAB", exe, 1))
		return false;
	if (dir) {
		snprintf(path, len, "%s/%s", dir, name);
		return !access(path, R_OK);
	}
	*strrchr(exe, '/') = 0;
	for (i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
		snprintf(path, len, "%s/%s/%s", exe, beside[i], name);
		if (!access(path, R_OK))
			return true;
	}
	return false;
}

int script_run(const char *name, int argc, char **argv)
{
	char path[2 * PATH_MAX];
	char **args;
	int status, ret;
	pid_t pid;

	if (!script_find(name, path, sizeof(path))) {
		fprintf(stderr,
			"zlab: %s is not beside the program; set ZLAB_ANALYSIS "
			"to the directory that holds it\n",
			name);
		return EXIT_FAILED;
	}
	args = calloc(argc + 3, sizeof(*args));
	if (!args) {
		fprintf(stderr, "zlab: no memory to start %s\n", name);
		return EXIT_FAILED;
	}
	args[0] = "python3";
	args[1] = "-B";
	args[2] = path;
	memcpy(args + 3, argv + 1, (argc - 1) * sizeof(*args));
	fflush(NULL);
	ret = posix_spawnp(&pid, args[0], NULL, NULL, args, environ);
	free(args);
	if (ret) {
		fprintf(stderr,
			"zlab: cannot start python3 for %s: %s; install "
			"Python 3.11 or newer\n",
			name, strerror(ret));
		return EXIT_FAILED;
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_FAILED;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
