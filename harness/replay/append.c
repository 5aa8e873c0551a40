// SPDX-License-Identifier: GPL-2.0-or-later
/* Files of records: one JSON object per line. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/replay/result.h"

static int print_line(const char *line, struct err *err)
{
	errno = 0;
	if (puts(line) == EOF || fflush(stdout))
		return err_set(err, errno ? -errno : -EIO,
			       "standard output: %s",
			       errno ? strerror(errno) : "cannot be written");
	return 0;
}

/* A file of records begins with a brace and ends with a newline. */
static bool holds_lines(int fd, off_t size)
{
	char first = '{', last = '\n';

	return !size || (pread(fd, &first, 1, 0) == 1 && first == '{' &&
			 pread(fd, &last, 1, size - 1) == 1 && last == '\n');
}

static int open_lines(const char *path, int flags, struct stat *st,
		      struct err *err)
{
	int fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC | flags, 0666), why;

	/* A pipe or a device. */
	if (fd < 0 && (errno == ESPIPE || errno == EACCES || errno == EINVAL))
		fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | flags, 0666);
	if (fd < 0 || fstat(fd, st)) {
		why = errno;
		if (fd >= 0)
			close(fd);
		return err_set(err, -why, "%s: %s", path, strerror(why));
	}
	if (!S_ISREG(st->st_mode) || holds_lines(fd, st->st_size))
		return fd;
	close(fd);
	return err_set(err, -EINVAL,
		       "%s is no file of records, one JSON object to a line; "
		       "name another",
		       path);
}

int result_check(const char *path, struct err *err)
{
	struct stat st;
	int fd;

	if (!path || !strcmp(path, "-") || access(path, F_OK))
		return 0;
	fd = open_lines(path, 0, &st, err);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* Write the whole line; a regular file is restored if that fails. */
static int append(int fd, const char *line, size_t len, const struct stat *st)
{
	size_t have = 0;
	ssize_t n;
	int why;

	while (have < len) {
		n = write(fd, line + have, len - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	if (have == len)
		return 0;
	why = errno ? errno : EIO;
	if (S_ISREG(st->st_mode))
		(void)ftruncate(fd, st->st_size);
	return -why;
}

static int append_line(const char *path, char *line, struct err *err)
{
	bool new = access(path, F_OK);
	size_t len = strlen(line);
	struct stat st = { 0 };
	int fd = open_lines(path, O_CREAT, &st, err), ret;

	if (fd < 0)
		return fd;
	line[len] = '\n';
	ret = append(fd, line, len + 1, &st);
	if (close(fd) && !ret)
		ret = -errno;
	if (ret && new)
		unlink(path);
	return ret ? err_set(err, ret, "%s: %s", path, strerror(-ret)) : 0;
}

int result_append(const char *path, const json_t *record, struct err *err)
{
	char *line = json_dumps(record, JSON_COMPACT | JSON_REAL_PRECISION(12));
	int ret;

	if (!line)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	ret = strcmp(path, "-") ? append_line(path, line, err)
				: print_line(line, err);
	free(line);
	return ret;
}
