// SPDX-License-Identifier: GPL-2.0-or-later
/* -o -: a temporary file, which is copied to standard output at the end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/cli/cli.h"
#include "harness/cli/stream.h"
#include "lib/stop.h"

int stream_open(struct stream *s, const char *to)
{
	const char *dir = getenv("TMPDIR");
	sigset_t mask;
	int fd, why;

	s->copy = !strcmp(to, "-");
	if (!s->copy) {
		if ((size_t)snprintf(s->path, sizeof(s->path), "%s", to) >=
		    sizeof(s->path))
			return cli_failed("%.40s...: %s", to,
					  strerror(ENAMETOOLONG));
		return 0;
	}
	if (isatty(STDOUT_FILENO))
		return cli_usage("-o -: standard output is a terminal; send it "
				 "to a file or a program");
	snprintf(s->path, sizeof(s->path), "%.4000s/zlab-stream-XXXXXX",
		 dir && *dir ? dir : "/tmp");
	stop_block(&mask);
	fd = mkstemp(s->path);
	why = errno;
	if (fd >= 0)
		stop_file(s->path);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	if (fd < 0)
		return cli_failed("%s: %s", s->path, strerror(why));
	close(fd);
	return 0;
}

static int copy(const char *path)
{
	char block[1 << 16];
	FILE *f = fopen(path, "re");
	size_t n;
	int ret;

	if (!f)
		return -errno;
	errno = 0;
	do
		n = fread(block, 1, sizeof(block), f);
	while (n && fwrite(block, 1, n, stdout) == n);
	ret = ferror(f) || ferror(stdout) || fflush(stdout) ? -1 : 0;
	if (ret)
		ret = errno ? -errno : -EIO;
	(void)fclose(f);
	return ret;
}

int stream_close(struct stream *s, int ret)
{
	int copied = 0;

	if (!s->copy)
		return ret;
	if (!ret)
		copied = copy(s->path);
	unlink(s->path);
	stop_file_gone(s->path);
	return copied ? cli_failed("standard output: %s", strerror(-copied))
		      : ret;
}
