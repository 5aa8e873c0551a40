// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/output.h"
#include "lib/stop.h"

#define LINKS_MAX 40

/* @temp: NULL where the target is written directly */
struct output {
	char *path, *target, *temp;
};

static void release(struct output *o)
{
	free(o->path);
	free(o->target);
	free(o->temp);
	free(o);
}

static int fail(struct err *err, const char *path, int code)
{
	return err_set(err, -code, "%s: cannot be written: %s", path,
		       strerror(code));
}

/* Length of the folder in front of a name, with its slash. */
static size_t folder(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash + 1 - path) : 0;
}

/* The target of a chain of links, which may not exist; caller frees it. */
static char *follow(const char *path)
{
	char *at = strdup(path), *next, to[PATH_MAX];
	ssize_t len;
	int i;

	for (i = 0; at; i++) {
		len = readlink(at, to, sizeof(to) - 1);
		if (len < 0)
			return at;
		if (i == LINKS_MAX) {
			errno = ELOOP;
			break;
		}
		to[len] = '\0';
		if (asprintf(&next, "%.*s%s", *to == '/' ? 0 : (int)folder(at),
			     at, to) < 0)
			next = NULL;
		free(at);
		at = next;
	}
	free(at);
	return NULL;
}

/* Whether the folders of two files that do not exist are one. */
static bool same_folder(const char *a, const char *b)
{
	char *one = strndup(a, folder(a)), *two = strndup(b, folder(b));
	struct stat x, y;
	bool same;

	same = one && two && !stat(*one ? one : ".", &x) &&
	       !stat(*two ? two : ".", &y) && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
	free(one);
	free(two);
	return same;
}

static const char *real(const char *path)
{
	return strcmp(path, "-") ? path : "/dev/stdout";
}

bool output_same(const char *a, const char *b)
{
	char *one, *two;
	struct stat x, y;
	bool same;

	if (!strcmp(a, b) && !strcmp(a, "-"))
		return true;
	if (!stat(real(a), &x))
		return !stat(real(b), &y) && x.st_dev == y.st_dev &&
		       x.st_ino == y.st_ino && !S_ISCHR(x.st_mode);
	one = follow(a);
	two = follow(b);
	same = one && two && !strcmp(one + folder(one), two + folder(two)) &&
	       same_folder(one, two);
	free(one);
	free(two);
	return same;
}

/* umask() cannot be read without setting it. */
static mode_t new_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

static int take_over(int fd, const struct stat *old)
{
	struct stat st;

	if (!old)
		return fchmod(fd, new_mode());
	if (fstat(fd, &st))
		return -1;
	if ((st.st_uid != old->st_uid || st.st_gid != old->st_gid) &&
	    fchown(fd, old->st_uid, old->st_gid))
		return -1;
	return fchmod(fd, old->st_mode & 07777);
}

static int make_temp(struct output *o, const struct stat *old)
{
	int len = (int)folder(o->target), fd, why;
	sigset_t mask;

	if (old && access(o->target, W_OK))
		return -1;
	/* A short fixed name, since the target's may be NAME_MAX long. */
	if (asprintf(&o->temp, "%.*s.zlab-XXXXXX", len, o->target) < 0) {
		o->temp = NULL;
		return -1;
	}
	stop_block(&mask);
	fd = mkostemp(o->temp, O_CLOEXEC);
	why = errno;
	if (fd >= 0)
		stop_file(o->temp);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	errno = why;
	if (fd < 0)
		return -1;
	if (!take_over(fd, old))
		return fd;
	why = errno;
	close(fd);
	unlink(o->temp);
	stop_file_gone(o->temp);
	errno = why;
	return -1;
}

static int open_any(struct output *o)
{
	struct stat st, seen;
	bool exists = !stat(o->path, &seen);

	o->target = follow(o->path);
	if (!o->target)
		return -1;
	/* An open file whose name is gone, by /dev/fd: nothing to replace. */
	if (exists && (stat(o->target, &st) || st.st_dev != seen.st_dev ||
		       st.st_ino != seen.st_ino))
		return open(o->path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (stat(o->target, &st))
		return errno == ENOENT ? make_temp(o, NULL) : -1;
	if (!S_ISREG(st.st_mode))
		return open(o->target, O_WRONLY | O_CLOEXEC);
	return make_temp(o, &st);
}

struct output *output_open(const char *path, int *fd, struct err *err)
{
	struct output *o = calloc(1, sizeof(*o));
	int why;

	if (o) {
		o->path = strdup(path);
		*fd = o->path ? open_any(o) : -1;
		if (*fd >= 0)
			return o;
	}
	why = errno;
	fail(err, path, why);
	if (o)
		release(o);
	errno = why;
	return NULL;
}

int output_commit(struct output *o, struct err *err)
{
	int ret = 0;

	if (o->temp && rename(o->temp, o->target)) {
		ret = fail(err, o->path, errno);
		unlink(o->temp);
	}
	if (o->temp)
		stop_file_gone(o->temp);
	release(o);
	return ret;
}

void output_discard(struct output *o)
{
	if (!o)
		return;
	if (o->temp) {
		unlink(o->temp);
		stop_file_gone(o->temp);
	}
	release(o);
}

struct output *output_stream(const char *path, FILE **f, struct err *err)
{
	int fd = -1, why;
	struct output *o = output_open(path, &fd, err);

	if (!o)
		return NULL;
	*f = fdopen(fd, "w");
	if (*f)
		return o;
	why = errno;
	fail(err, path, why);
	close(fd);
	output_discard(o);
	errno = why;
	return NULL;
}

int output_end(struct output *o, FILE *f, struct err *err)
{
	bool bad = ferror(f);
	int why;

	errno = 0;
	bad |= fclose(f) != 0;
	if (!bad)
		return output_commit(o, err);
	why = errno ? errno : EIO;
	fail(err, o->path, why);
	output_discard(o);
	return -why;
}
