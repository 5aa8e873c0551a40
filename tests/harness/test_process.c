// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <bsd/string.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/process.h"
#include "lib/self.h"

/* A folder whose name no shell would take as one word. */
static char odd[PATH_MAX / 2];

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(odd, sizeof(odd), "%s/zlab odd\nname-%d", tmp ? tmp : "/tmp",
		 (int)getpid());
	return mkdir(odd, 0777);
}

static int teardown(void **state)
{
	char *args[] = { "rm", "-rf", "--", odd, NULL };
	const struct process p = { .argv = args };

	return process_run(&p);
}

static int shell(char *script)
{
	char *args[] = { "sh", "-c", script, NULL };
	const struct process p = { .argv = args };

	return process_run(&p);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void test_status(void **state)
{
	char *none[] = { "/no/such/program", NULL };
	const struct process p = { .argv = none };
	int status;
	pid_t pid;

	assert_int_equal(shell("exit 0"), 0);
	assert_int_equal(shell("exit 7"), 7);
	assert_int_equal(shell("kill -9 $$"), 128 + 9);
	assert_int_equal(process_start(&p, &pid), -ENOENT);
	assert_int_equal(process_wait(getpid(), &status), -ECHILD);
}

/* Without a first line that says so it is still a script. */
static void test_odd_words(void **state)
{
	char path[PATH_MAX], text[64] = "";
	char *args[] = { "x", "two words\nand a line", "", NULL };
	const struct process p = { .argv = args, .path = path };
	ssize_t n;
	pid_t pid;
	int fd;

	snprintf(path, sizeof(path), "%s/a script", odd);
	write_file(path, "printf '%s|' \"$#\" \"$1\"\n", 0755);
	assert_int_equal(process_pipe(&p, &pid, &fd), 0);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_int_equal(process_wait(pid, NULL), 0);
	assert_true(n > 0);
	assert_string_equal(text, "2|two words\nand a line|");
}

static void test_environment(void **state)
{
	char *env[] = { "ZLAB_SPAWN_A=new", "ZLAB_SPAWN_B=more", NULL };
	char *args[] = { "env", NULL };
	const struct process p = { .argv = args, .env = env };
	char line[4096], all[256] = "";
	pid_t pid;
	FILE *f;
	int fd;

	setenv("ZLAB_SPAWN_A", "old", 1);
	setenv("ZLAB_SPAWN_AB", "kept", 1);
	assert_int_equal(process_pipe(&p, &pid, &fd), 0);
	f = fdopen(fd, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, "ZLAB_SPAWN_", 11))
			strlcat(all, line + 11, sizeof(all));
	assert_int_equal(fclose(f), 0);
	assert_int_equal(process_wait(pid, NULL), 0);
	assert_string_equal(all, "AB=kept\nA=new\nB=more\n");
	assert_string_equal(getenv("ZLAB_SPAWN_A"), "old");
}

static void test_streams(void **state)
{
	char *args[] = { "sh", "-c",
			 "[ -z \"$(cat)\" ] && echo out && echo err >&2",
			 NULL };
	struct process p = { .argv = args,
			     .in = PROCESS_NULL,
			     .out = PROCESS_NULL };
	char text[16] = "";
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	p.err = fd[1];
	assert_int_equal(process_run(&p), 0);
	close(fd[1]);
	assert_int_equal(read(fd[0], text, sizeof(text) - 1), 4);
	assert_string_equal(text, "err\n");
	close(fd[0]);
}

static void test_signals(void **state)
{
	char *args[] = { "sh", "-c", "kill -XFSZ $$", NULL };
	struct process p = { .argv = args };
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old;
	sigset_t blocked, xfsz, none;

	sigemptyset(&none);
	sigemptyset(&xfsz);
	sigaddset(&xfsz, SIGXFSZ);
	sigprocmask(SIG_BLOCK, &xfsz, &blocked);
	sigaction(SIGXFSZ, &ignore, &old);
	assert_int_equal(process_run(&p), 0);
	p.mask = &none;
	p.defaults = &xfsz;
	assert_int_equal(process_run(&p), 128 + SIGXFSZ);
	sigaction(SIGXFSZ, &old, NULL);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
}

static void test_line(void **state)
{
	char *two[] = { "sh", "-c", "echo one; echo two; echo three >&2",
			NULL };
	char *many[] = { "sh", "-c", "seq 100000", NULL };
	char *bad[] = { "sh", "-c", "echo one; exit 3", NULL };
	char *none[] = { "/no/such/program", NULL };
	char line[8];

	assert_int_equal(process_line(two, line, sizeof(line)), 0);
	assert_string_equal(line, "one");
	assert_int_equal(process_line(two, line, 3), 0);
	assert_string_equal(line, "on");
	/* More than a pipe holds: the rest is taken from it as well. */
	assert_int_equal(process_line(many, line, sizeof(line)), 0);
	assert_string_equal(line, "1");
	assert_int_equal(process_line(bad, line, sizeof(line)), -EIO);
	assert_int_equal(process_line(none, line, sizeof(line)), -ENOENT);
	assert_string_equal(line, "");
}

/* Asks for the native program instead of a file. */
#define PROGRAM "native program"

static void test_build_tree(void **state)
{
	char path[PATH_MAX], tests[PATH_MAX];
	struct err err;

	assert_int_equal(data_path(path, sizeof(path), "version.h", &err), 0);
	snprintf(tests, sizeof(tests), "%s/version.h", self_dir());
	assert_string_equal(path, tests);
	assert_int_equal(data_path(path, sizeof(path), "lib/self.h", &err), 0);
	assert_null(strstr(path, ".."));
	assert_int_equal(data_path(path, 8, "lib/self.h", &err), -ENAMETOOLONG);
	assert_int_equal(data_path(path, sizeof(path), "no/such", &err),
			 -ENOENT);
	assert_non_null(strstr(err.text, "no/such"));
	assert_non_null(strstr(err.text, "/share/zlab"));
	assert_non_null(strstr(err.text, "/lib/zlab"));
}

/* This test, put into a prefix, looks for @name; receives what it said. */
static void look_from(char *program, char *name, char *line, size_t len)
{
	char *args[] = { program, "find", name, NULL };

	process_line(args, line, len);
}

static void make_dir(char *path, const char *name)
{
	snprintf(path, PATH_MAX, "%s/%s", odd, name);
	assert_int_equal(mkdir(path, 0777), 0);
}

static void test_prefix(void **state)
{
	static const char *const dirs[] = { "usr",	 "usr/bin",
					    "usr/share", "usr/share/zlab",
					    "usr/lib",	 "usr/lib/zlab" };
	char program[PATH_MAX], path[PATH_MAX], line[64];
	char *copy[] = { "cp", "--", (char *)self_path(), program, NULL };
	const struct process p = { .argv = copy };
	size_t i;

	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		make_dir(path, dirs[i]);
	snprintf(path, sizeof(path), "%s/usr/share/zlab/shared", odd);
	write_file(path, "", 0644);
	snprintf(path, sizeof(path), "%s/usr/lib/zlab/native", odd);
	write_file(path, "", 0644);
	snprintf(program, sizeof(program), "%s/usr/bin/zlab", odd);
	assert_int_equal(process_run(&p), 0);
	look_from(program, "shared", line, sizeof(line));
	assert_string_equal(line, "/usr/share/zlab/shared");
	look_from(program, "native", line, sizeof(line));
	assert_string_equal(line, "/usr/lib/zlab/native");
	look_from(program, "neither", line, sizeof(line));
	assert_string_equal(line, "nowhere");
	look_from(program, PROGRAM, line, sizeof(line));
	assert_string_equal(line, "/usr/bin/zlab");
	/* What zlab starts is in another folder of the same prefix. */
	snprintf(program, sizeof(program), "%s/usr/lib/zlab/zlab-virtual", odd);
	assert_int_equal(process_run(&p), 0);
	look_from(program, "shared", line, sizeof(line));
	assert_string_equal(line, "/usr/share/zlab/shared");
	look_from(program, "native", line, sizeof(line));
	assert_string_equal(line, "/usr/lib/zlab/native");
	look_from(program, PROGRAM, line, sizeof(line));
	assert_string_equal(line, "/usr/bin/zlab");
	snprintf(program, sizeof(program), "%s/usr/lib/zlab/zlab-ghost", odd);
	assert_int_equal(process_run(&p), 0);
	look_from(program, PROGRAM, line, sizeof(line));
	assert_string_equal(line, "/usr/bin/zlab");
	/* In a build tree it lies beside it. */
	snprintf(path, sizeof(path), "%s/usr/lib/zlab/zlab", odd);
	write_file(path, "", 0755);
	look_from(program, PROGRAM, line, sizeof(line));
	assert_string_equal(line, "/usr/lib/zlab/zlab");
}

/* Say where @name is below the prefix. */
static int find(const char *name)
{
	char path[PATH_MAX];
	const char *usr;

	if (!strcmp(name, PROGRAM)
		    ? native_path(path, sizeof(path))
		    : data_path(path, sizeof(path), name, NULL)) {
		puts("nowhere");
		return 0;
	}
	usr = strstr(path, "/usr/");
	while (usr && strstr(usr + 1, "/usr/"))
		usr = strstr(usr + 1, "/usr/");
	puts(usr ? usr : path);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_odd_words),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_build_tree),
		cmocka_unit_test(test_prefix),
	};

	if (argc == 3 && !strcmp(argv[1], "find"))
		return find(argv[2]);
	return cmocka_run_group_tests(tests, setup, teardown);
}
