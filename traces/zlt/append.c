// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * zlt_append_sizes(): copies a finished trace to a temporary file, adds a table
 * and renames the copy over the trace.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "traces/zlt/reader.h"
#include "traces/zlt/writer.h"

static int check(const struct zlt_reader *r, const char *codec, uint64_t count,
		 struct err *err)
{
	size_t i;

	if (!r->info.finished)
		return err_set(err, -EINVAL, "%s: the trace is not finished",
			       r->path);
	if (count != r->info.contents)
		return err_set(err, -EINVAL, "%s: %llu sizes for %llu contents",
			       r->path, (unsigned long long)count,
			       (unsigned long long)r->info.contents);
	for (i = 0; i < r->codec_count; i++)
		if (!strcmp(r->codecs[i].name, codec))
			return err_set(err, -EEXIST,
				       "%s: it has sizes for codec %s already",
				       r->path, codec);
	return 0;
}

static int copy_blocks(struct zlt_reader *r, struct zlt_writer *w,
		       struct err *err)
{
	const uint8_t *payload;
	uint32_t seq;
	size_t len;
	int rc = 0;

	for (seq = 0; !rc && seq < r->block_count; seq++) {
		rc = read_block(r, seq, &r->block, &payload, &len, err);
		if (!rc)
			rc = copy_block(w, &r->blocks[seq], payload, len, err);
	}
	return rc;
}

/* Write the copy to @fd, under its temporary name. */
static int write_copy(struct zlt_reader *r, int fd, const char *temp,
		      const char *codec, const uint16_t *sizes, struct err *err)
{
	int keep = dup(fd), rc;
	struct zlt_writer *w;
	struct stat st;

	if (keep < 0) {
		close(fd);
		return err_set(err, -errno, "%s: %s", temp, strerror(errno));
	}
	w = resume_writer(fd, temp, r, err);
	rc = w ? copy_blocks(r, w, err) : -ENOMEM;
	if (!rc)
		rc = zlt_sizes_add(w, codec, 0, (uint32_t)r->info.contents,
				   sizes, err);
	if (rc)
		zlt_abort(w);
	else
		rc = zlt_close(w, NULL, err);
	if (!rc && (fstat(r->fd, &st) || fchmod(keep, st.st_mode & 07777) ||
		    fsync(keep)))
		rc = err_set(err, -errno, "%s: %s", temp, strerror(errno));
	close(keep);
	return rc;
}

int zlt_append_sizes(const char *path, const char *codec, const uint16_t *sizes,
		     uint64_t count, struct err *err)
{
	struct zlt_reader *r = zlt_open(path, 0, err);
	char *temp = NULL;
	int rc, fd;

	if (!r)
		return -errno;
	rc = check(r, codec, count, err);
	if (rc)
		goto out;
	if (asprintf(&temp, "%s.XXXXXX", path) < 0) {
		temp = NULL;
		rc = err_set(err, -ENOMEM, "%s: out of memory", path);
		goto out;
	}
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0) {
		rc = err_set(err, -errno, "%s: cannot be written: %s", temp,
			     strerror(errno));
		goto out;
	}
	rc = write_copy(r, fd, temp, codec, sizes, err);
	if (!rc && rename(temp, path))
		rc = err_set(err, -errno, "%s: cannot be replaced: %s", path,
			     strerror(errno));
	if (rc)
		unlink(temp);
out:
	free(temp);
	zlt_reader_close(r);
	return rc;
}
