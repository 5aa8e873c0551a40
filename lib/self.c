// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/self.h"

static char self[PATH_MAX], dir[PATH_MAX], prefix[PATH_MAX];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void cut(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash)
		*slash = '\0';
}

static bool ends_with(const char *path, const char *tail)
{
	size_t n = strlen(path), t = strlen(tail);

	return n > t && !strcmp(path + n - t, tail);
}

static void look(void)
{
	char above[PATH_MAX];
	ssize_t n = readlink(SELF_PROGRAM, self, sizeof(self) - 1);

	self[n < 0 ? 0 : n] = '\0';
	memcpy(dir, self, sizeof(dir));
	cut(dir);
	/* A test program is BUILD/tests/ROOM/test_NAME. */
	memcpy(above, dir, sizeof(above));
	cut(above);
	if (ends_with(above, "/tests")) {
		cut(above);
		memcpy(dir, above, sizeof(dir));
	}
	memcpy(prefix, dir, sizeof(prefix));
	cut(prefix);
	/* Programs that users do not start themselves are not in PREFIX/bin. */
	if (ends_with(dir, "/lib/zlab"))
		cut(prefix);
}

const char *self_path(void)
{
	pthread_once(&once, look);
	return self;
}

const char *self_dir(void)
{
	pthread_once(&once, look);
	return dir;
}

int native_path(char *path, size_t len)
{
	static const char *const suffix[] = { "-virtual", "-ghost" };
	int n = snprintf(path, len, "%s", self_path());
	size_t i;

	for (i = 0; i < 2 && n > 0 && (size_t)n < len; i++) {
		if (!ends_with(self, suffix[i]))
			continue;
		path[(size_t)n - strlen(suffix[i])] = '\0';
		if (access(path, X_OK))
			n = snprintf(path, len, "%s/bin/zlab", prefix);
	}
	if (n <= 0)
		return -EIO;
	return (size_t)n < len ? 0 : -ENAMETOOLONG;
}

int data_path(char *path, size_t len, const char *name, struct err *err)
{
	static const char *const below[] = { "", "/share/zlab", "/lib/zlab" };
	size_t i;

	if (!*self_dir())
		return err_set(err, -EIO, "cannot read %s: is /proc mounted?",
			       SELF_PROGRAM);
	for (i = 0; i <= sizeof(below) / sizeof(below[0]); i++) {
		if ((size_t)snprintf(path, len, "%s%s/%s", i ? prefix : dir,
				     i ? below[i - 1] : "", name) >= len)
			return err_set(err, -ENAMETOOLONG,
				       "the path of %s below %s is too long",
				       name, prefix);
		if (!access(path, R_OK))
			return 0;
	}
	return err_set(err, -ENOENT,
		       "%s is neither beside the program, in %s or %s, nor in "
		       "%s/share/zlab or %s/lib/zlab; install zlab with \"make "
		       "install\"",
		       name, dir, prefix, prefix, prefix);
}
