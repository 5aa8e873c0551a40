// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "lib/table.h"

#define READ_SIZE 65536

/**
 * struct table - an open file
 * @file: zlib stream, which expands gzip and passes other bytes unchanged
 * @path: for error lines
 * @zstd: expands the bytes read from @file, or NULL
 * @in: the unread zstd bytes in @packed
 * @unfinished: the current zstd frame is not complete
 * @packed: buffer of @in
 * @buf: text from @pos to @len
 * @line_nr: number of the current line, from 1
 * @line: the current line; its fields end with NUL
 * @fields: its fields
 * @count: number of fields
 */
struct table {
	gzFile file;
	char *path;
	ZSTD_DStream *zstd;
	ZSTD_inBuffer in;
	bool unfinished;
	char *packed;
	char buf[READ_SIZE];
	size_t pos, len;
	unsigned long line_nr;
	char line[TABLE_LINE_MAX + 1];
	char *fields[TABLE_LINE_MAX + 1];
	int count;
};

int table_bad_line(const struct table *t, struct err *err)
{
	err_prefix(err, "%s: line %lu", t->path, t->line_nr);
	return -EINVAL;
}

int table_bad_field(const struct table *t, int field, const char *name,
		    struct err *err)
{
	err_prefix(err, "%s: line %lu, column %d (%s)", t->path, t->line_nr,
		   field + 1, name);
	return -EINVAL;
}

static int unreadable(const struct table *t, const char *why, struct err *err)
{
	return err_set(err, -EIO, "%s: cannot be read behind line %lu: %s",
		       t->path, t->line_nr, why);
}

static int get(struct table *t, void *to, struct err *err)
{
	int n = gzread(t->file, to, READ_SIZE), code;
	const char *why = gzerror(t->file, &code), *said;

	if (n >= 0 && code >= 0)
		return n;
	/* zlib puts the descriptor's number before the message. */
	said = strstr(why, ": ");
	if (code == Z_ERRNO)
		why = strerror(errno);
	else if (code == Z_BUF_ERROR)
		why = "the gzip data is cut short";
	else if (said)
		why = said + 2;
	return unreadable(t, why, err);
}

/* Expand until there is text. Return: bytes of it, 0 at the end */
static int expand(struct table *t, struct err *err)
{
	ZSTD_outBuffer out = { t->buf, READ_SIZE, 0 };
	size_t left;
	int n;

	while (!out.pos) {
		if (t->in.pos == t->in.size) {
			n = get(t, t->packed, err);
			if (n < 0)
				return n;
			if (!n && t->unfinished)
				return unreadable(
					t, "the zstd data is cut short", err);
			if (!n)
				return 0;
			t->in = (ZSTD_inBuffer){ t->packed, (size_t)n, 0 };
		}
		left = ZSTD_decompressStream(t->zstd, &out, &t->in);
		if (ZSTD_isError(left))
			return unreadable(t, ZSTD_getErrorName(left), err);
		t->unfinished = left != 0;
	}
	return (int)out.pos;
}

static int begin_zstd(struct table *t, size_t n, struct err *err)
{
	t->zstd = ZSTD_createDStream();
	t->packed = malloc(READ_SIZE);
	if (!t->zstd || !t->packed)
		return err_set(err, -ENOMEM, "%s: out of memory", t->path);
	memcpy(t->packed, t->buf, n);
	t->in = (ZSTD_inBuffer){ t->packed, n, 0 };
	return 0;
}

/* Read more text into @buf. Return: 1, 0 at the end, or a negative errno */
static int fill(struct table *t, struct err *err)
{
	static const unsigned char magic[4] = { 0x28, 0xb5, 0x2f, 0xfd };
	bool first = !t->line_nr && !t->len && !t->zstd;
	int n = t->zstd ? expand(t, err) : get(t, t->buf, err);

	if (first && n >= 4 && !memcmp(t->buf, magic, 4)) {
		n = begin_zstd(t, (size_t)n, err);
		if (!n)
			n = expand(t, err);
	}
	if (n < 0)
		return n;
	t->pos = 0;
	t->len = (size_t)n;
	return n > 0;
}

/* Read a line into @line, without its end. */
static int read_line(struct table *t, struct err *err)
{
	char *start, *newline = NULL;
	size_t len = 0, n;
	int rc;

	while (!newline) {
		if (t->pos == t->len) {
			rc = fill(t, err);
			if (rc < 0)
				return rc;
			if (!rc)
				break;
		}
		start = t->buf + t->pos;
		n = t->len - t->pos;
		newline = memchr(start, '\n', n);
		if (newline)
			n = (size_t)(newline - start);
		if (!len)
			t->line_nr++;
		if (n > TABLE_LINE_MAX - len) {
			err_set(err, -EINVAL,
				"longer than %d bytes; is this a CSV file?",
				TABLE_LINE_MAX);
			return table_bad_line(t, err);
		}
		memcpy(t->line + len, start, n);
		len += n;
		t->pos += n + (newline ? 1 : 0);
	}
	if (!len && !newline)
		return 0;
	if (len && t->line[len - 1] == '\r')
		len--;
	t->line[len] = '\0';
	if (memchr(t->line, '\0', len)) {
		err_set(err, -EINVAL, "a NUL byte; is this a CSV file?");
		return table_bad_line(t, err);
	}
	return 1;
}

/* Take one field off @at, resolving quotes in place. NULL when malformed. */
static char *take_field(char **at)
{
	char *start = *at, *from, *to;
	bool closed = false;

	if (*start != '"') {
		*at = start + strcspn(start, ",");
		return start;
	}
	start++;
	for (from = to = start; *from; from++) {
		if (*from == '"' && *++from != '"') {
			closed = true;
			break;
		}
		*to++ = *from;
	}
	if (!closed || (*from && *from != ','))
		return NULL;
	*at = from;
	/* At least one quote was skipped, so @to is before *@at here. */
	*to = '\0';
	return start;
}

static int split(struct table *t, struct err *err)
{
	char *at = t->line, *field;
	bool more = true;

	t->count = 0;
	while (more) {
		field = take_field(&at);
		if (!field) {
			err_set(err, -EINVAL,
				"column %d: its quotes are not balanced",
				t->count + 1);
			return table_bad_line(t, err);
		}
		more = *at == ',';
		*at++ = '\0';
		t->fields[t->count++] = field;
	}
	return 0;
}

int table_next(struct table *t, struct err *err)
{
	int rc;

	do {
		rc = read_line(t, err);
	} while (rc == 1 && !t->line[0]);
	if (rc == 1)
		rc = split(t, err) ?: 1;
	return rc;
}

static int read_header(struct table *t, const char *example, struct err *err)
{
	static const char bom[] = "\xef\xbb\xbf";
	int rc = table_next(t, err);

	if (rc < 0)
		return rc;
	if (!rc)
		return err_set(err, -EINVAL,
			       "%s: empty; the first line must name the "
			       "columns, as in \"%s\"",
			       t->path, example);
	if (!strncmp(t->fields[0], bom, strlen(bom)))
		t->fields[0] += strlen(bom);
	return 0;
}

struct table *table_open(const char *path, const char *example, struct err *err)
{
	struct table *t = calloc(1, sizeof(*t));
	bool in = !strcmp(path, "-");
	int fd, rc;

	if (!t || !(t->path = strdup(in ? "standard input" : path))) {
		free(t);
		err_set(err, -ENOMEM, "%s: out of memory", path);
		errno = ENOMEM;
		return NULL;
	}
	fd = in ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		rc = err_set(err, -errno, "%s: cannot be opened: %s", path,
			     strerror(errno));
	} else {
		t->file = gzdopen(fd, "r");
		rc = t->file ? read_header(t, example, err)
			     : err_set(err, -ENOMEM, "%s: out of memory", path);
		if (!t->file)
			close(fd);
	}
	if (rc) {
		table_close(t);
		errno = -rc;
		return NULL;
	}
	return t;
}

void table_close(struct table *t)
{
	if (!t)
		return;
	if (t->file)
		gzclose(t->file);
	ZSTD_freeDStream(t->zstd);
	free(t->packed);
	free(t->path);
	free(t);
}

int table_fields(const struct table *t)
{
	return t->count;
}

char *table_field(struct table *t, int field)
{
	return t->fields[field];
}

unsigned long table_line(const struct table *t)
{
	return t->line_nr;
}
