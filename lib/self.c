// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/self.h"

static char self[PATH_MAX], dir[PATH_MAX];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void cut(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash)
		*slash = '\0';
}

static void look(void)
{
	char above[PATH_MAX];
	ssize_t n = readlink(SELF_PROGRAM, self, sizeof(self) - 1);
	const char *name;

	self[n < 0 ? 0 : n] = '\0';
	memcpy(dir, self, sizeof(dir));
	cut(dir);
	/* A test program is BUILD/tests/ROOM/test_NAME. */
	memcpy(above, dir, sizeof(above));
	cut(above);
	name = strrchr(above, '/');
	if (name && !strcmp(name, "/tests")) {
		cut(above);
		memcpy(dir, above, sizeof(dir));
	}
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

int data_path(char *path, size_t len, const char *name, struct err *err)
{
	static const char *const below[] = { "", "/share/zlab", "/lib/zlab" };
	char prefix[PATH_MAX];
	size_t i;

	if (!*self_dir())
		return err_set(err, -EIO, "cannot read %s: is /proc mounted?",
			       SELF_PROGRAM);
	memcpy(prefix, dir, sizeof(prefix));
	cut(prefix);
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
