// SPDX-License-Identifier: GPL-2.0-or-later
/* Creates a folder with the files of a new backend outside this tree. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/cmd/cmd.h"
#include "lib/self.h"
#include "lib/text.h"

/* The example's name, which is replaced by the new backend's. */
#define EXAMPLE "onepage"
#define HEADER "backends/zpool.h"
#define NAME_MOST 31

struct args {
	const char *name, *output;
};

static const struct cli_option operand = {
	"name", CLI_IS_TEXT(struct args, name),
	.needs = "new-backend needs a name: zlab new-backend mine"
};

static const struct cli_option options[] = {
	CLI_OUTPUT("DIR", "The folder to make (default: NAME)",
		   CLI_IS_TEXT(struct args, output)),
	{ 0 },
};

/* The files of a new folder; all but the last two come from the tree. */
static const struct part {
	const char *from, *to;
	mode_t mode;
} parts[] = {
	{ "tests/backend_example/" EXAMPLE ".c", EXAMPLE ".c", 0666 },
	{ "backends/template/Makefile", "Makefile", 0666 },
	{ "backends/template/check", "check", 0777 },
	{ NULL, "zlab.env", 0666 },
	{ NULL, ".gitignore", 0666 },
};
#define NR_PARTS (sizeof(parts) / sizeof(parts[0]))

/* The name becomes part of C identifiers and of file names. */
static bool good_name(const char *name)
{
	size_t len = strlen(name);

	return len && len <= NAME_MOST && islower((unsigned char)name[0]) &&
	       !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")];
}

/* Write @line with @name in place of the example's name. */
static void put_renamed(FILE *out, const char *line, const char *name)
{
	const char *at;

	while ((at = strstr(line, EXAMPLE))) {
		fwrite(line, 1, (size_t)(at - line), out);
		fputs(name, out);
		line = at + strlen(EXAMPLE);
	}
	fputs(line, out);
}

static int copy(const struct part *part, FILE *out, const char *name)
{
	char path[PATH_MAX], line[512];
	struct err err;
	FILE *in;
	bool bad;

	if (data_path(path, sizeof(path), part->from, &err))
		return cli_failed("%s", err.text);
	in = fopen(path, "re");
	if (!in)
		return cli_failed("%s: cannot be opened: %s", path,
				  strerror(errno));
	while (fgets(line, sizeof(line), in))
		put_renamed(out, line, name);
	bad = ferror(in);
	fclose(in);
	return bad ? cli_failed("%s: cannot be read", path) : 0;
}

/* Write a path, quoted as one word of the shell. */
static void put_setting(FILE *out, const char *name, const char *path)
{
	fprintf(out, "%s=${%s:-'", name, name);
	for (; *path; path++) {
		if (*path == '\'')
			fputs("'\\''", out);
		else
			fputc(*path, out);
	}
	fputs("'}\n", out);
}

static int settings(FILE *out)
{
	char path[PATH_MAX];
	struct err err;

	if (native_path(path, sizeof(path)))
		return cli_failed("cannot read %s: is /proc mounted?",
				  SELF_PROGRAM);
	put_setting(out, "ZLAB", path);
	if (data_path(path, sizeof(path), HEADER, &err))
		return cli_failed("%s", err.text);
	path[strlen(path) - strlen("/" HEADER)] = '\0';
	put_setting(out, "INCLUDE", path);
	/* The tests need a library that is optional when zlab is built. */
	if (data_path(path, sizeof(path), "tests/backends/test_backends",
		      NULL) &&
	    data_path(path, sizeof(path), "test_backends", NULL))
		path[0] = '\0';
	put_setting(out, "TESTS", path);
	return 0;
}

static int fill(const struct part *part, FILE *out, const char *name)
{
	if (part->from)
		return copy(part, out, name);
	if (!strcmp(part->to, "zlab.env"))
		return settings(out);
	fprintf(out, "*.so\nzlab.env\n");
	return 0;
}

static int make_part(const struct part *part, const char *dir, const char *name)
{
	char path[PATH_MAX];
	int fd, ret;
	bool bad;
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s%s", dir,
		 strcmp(part->to, EXAMPLE ".c") ? part->to : name,
		 strcmp(part->to, EXAMPLE ".c") ? "" : ".c");
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, part->mode);
	out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!out)
		return cli_failed("%s: cannot be written: %s", path,
				  strerror(errno));
	ret = fill(part, out, name);
	bad = ferror(out);
	bad |= fclose(out);
	if (!ret && bad)
		ret = cli_failed("%s: cannot be written", path);
	return ret;
}

static int run(void *args, int argc, char **argv)
{
	const struct args *a = args;
	const char *dir = a->output ? a->output : a->name;
	size_t i;
	int ret = 0;

	if (!good_name(a->name))
		return cli_usage("a name has up to %d small letters, digits "
				 "and _, a letter first; not \"%s\"",
				 NAME_MOST, a->name);
	if (mkdir(dir, 0777))
		return cli_failed("cannot make the folder %s: %s", dir,
				  strerror(errno));
	for (i = 0; i < NR_PARTS && !ret; i++)
		ret = make_part(&parts[i], dir, a->name);
	if (!ret)
		printf("%s: a backend that works; \"make check\" there tests "
		       "it\n",
		       PLAIN(dir));
	return ret;
}

const struct cli_command cmd_new_backend = {
	CLI_NAME("new-backend", CHAPTER_KERNEL,
		 "begin a backend of your own, in a folder of its own", "NAME"),
	.doc = "Make a folder with the smallest backend that works, a Makefile "
	       "and a test. \"make\" there builds NAME.so, \"make check\" "
	       "replays traces through it and runs the tests that all backends "
	       "pass; docs/add-a-backend.md says what to fill in.",
	.more = "Example:\n"
		"  zlab new-backend mine && make -C mine check\n"
		"  zlab replay T.zlt --backend mine/mine.so\n",
	CLI_TAKES(struct args, &operand, options, NULL),
	CLI_DOES(NULL, NULL, run),
};
