// SPDX-License-Identifier: GPL-2.0-or-later
/* Whole files, read and written. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/kernel/files.h"

char *file_read(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t len = 0;
	FILE *out;
	char buf[65536];
	size_t n;

	if (!f)
		return NULL;
	out = open_memstream(&text, &len);
	while (out && (n = fread(buf, 1, sizeof(buf), f)))
		fwrite(buf, 1, n, out);
	if (!out || ferror(f) || fclose(out)) {
		free(text);
		text = NULL;
	}
	fclose(f);
	return text;
}

int make_dirs(const char *path)
{
	char part[PATH_MAX];
	char *p;

	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part)) {
		errno = ENAMETOOLONG;
		return -ENAMETOOLONG;
	}
	for (p = part + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		if (mkdir(part, 0777) && errno != EEXIST)
			return -errno;
	}
	return 0;
}

int file_write(const char *dir, const char *name, const char *head,
	       const char *text, struct err *err)
{
	char path[2 * PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (make_dirs(path))
		goto fail;
	f = fopen(path, "we");
	if (!f)
		goto fail;
	fputs(head, f);
	fputs(text, f);
	if (!fclose(f))
		return 0;
fail:
	return err_set(err, -errno, "cannot write %s: %s", path,
		       strerror(errno));
}
