// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * zlt_append_sizes(): copies a finished trace, adds a table and puts the copy in
 * the trace's place.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/output.h"
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

/* Write the copy to @fd, which is closed. */
static int write_copy(struct zlt_reader *r, int fd, const char *path,
		      const char *codec, const uint16_t *sizes, struct err *err)
{
	int keep = dup(fd), rc;
	struct zlt_writer *w;

	if (keep < 0) {
		close(fd);
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	}
	w = resume_writer(fd, path, r, err);
	rc = w ? copy_blocks(r, w, err) : -ENOMEM;
	if (!rc)
		rc = zlt_sizes_add(w, codec, 0, (uint32_t)r->info.contents,
				   sizes, err);
	if (rc)
		zlt_abort(w);
	else
		rc = zlt_close(w, NULL, err);
	/* The only copy is replaced: it must survive a power cut. */
	if (!rc && fsync(keep))
		rc = err_set(err, -errno, "%s: %s", path, strerror(errno));
	close(keep);
	return rc;
}

int zlt_append_sizes(const char *path, const char *codec, const uint16_t *sizes,
		     uint64_t count, struct err *err)
{
	struct zlt_reader *r = zlt_open(path, 0, err);
	struct output *out = NULL;
	int rc, fd = -1;

	if (!r)
		return -errno;
	rc = check(r, codec, count, err);
	if (!rc) {
		out = output_open(path, &fd, err);
		rc = out ? write_copy(r, fd, path, codec, sizes, err) : -errno;
	}
	if (rc)
		output_discard(out);
	else
		rc = output_commit(out, err);
	zlt_reader_close(r);
	return rc;
}
