// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * CSV in and out. Every error line names file, line and column: the file may
 * come from any tool.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "traces/csv.h"

#define READ_SIZE 65536

enum csv_column {
	CSV_OP,
	CSV_KEY,
	CSV_SIZE,
	CSV_TIME,
	CSV_CPU,
	CSV_TID,
	CSV_LABEL,
	CSV_COLUMNS
};

static const char *const column_names[CSV_COLUMNS] = {
	"op", "key", "size", "time_ns", "cpu", "tid", "label",
};

/**
 * struct csv_reader - an open file
 * @line_nr: number of the current line, from 1
 * @line: the current line, split: each field ends with NUL
 * @fields: fields of the current line
 * @field_count: number of fields
 * @place: index of the field of each column, or -1
 * @columns: number of columns in the header
 * @marks: number of marks so far
 * @label: label of the current mark when the file gives none
 */
struct csv_reader {
	gzFile file;
	char *path;
	unsigned long long line_nr;
	char buf[READ_SIZE];
	size_t buf_pos, buf_len;
	char line[CSV_LINE_MAX + 1];
	char *fields[CSV_LINE_MAX + 1];
	int field_count;
	int place[CSV_COLUMNS];
	int columns;
	unsigned long marks;
	char label[ZLT_LABEL_MAX + 1];
};

/* Prepend file, line and column to the error line. */
static int bad_field(const struct csv_reader *csv, enum csv_column column,
		     struct err *err)
{
	err_prefix(err, "%s: line %llu, column %d (%s)", csv->path,
		   csv->line_nr, csv->place[column] + 1, column_names[column]);
	return -EINVAL;
}

static int bad_line(const struct csv_reader *csv, struct err *err)
{
	err_prefix(err, "%s: line %llu", csv->path, csv->line_nr);
	return -EINVAL;
}

static int fill(struct csv_reader *csv, struct err *err)
{
	int n = gzread(csv->file, csv->buf, READ_SIZE), code;
	const char *why = gzerror(csv->file, &code);

	if (n < 0 || code < 0)
		return err_set(err, -EIO,
			       "%s: cannot be read after line %llu: %s",
			       csv->path, csv->line_nr,
			       code == Z_ERRNO ? strerror(errno) : why);
	csv->buf_pos = 0;
	csv->buf_len = (size_t)n;
	return n > 0;
}

/* Read a line into @csv->line, without its end. */
static int read_line(struct csv_reader *csv, struct err *err)
{
	size_t len = 0, n;
	char *start, *newline = NULL;
	int rc;

	while (!newline) {
		if (csv->buf_pos == csv->buf_len) {
			rc = fill(csv, err);
			if (rc < 0)
				return rc;
			if (!rc)
				break;
		}
		start = csv->buf + csv->buf_pos;
		n = csv->buf_len - csv->buf_pos;
		newline = memchr(start, '\n', n);
		if (newline)
			n = (size_t)(newline - start);
		if (!len)
			csv->line_nr++;
		if (n > CSV_LINE_MAX - len) {
			err_set(err, -EINVAL,
				"longer than %d bytes; is this a CSV file?",
				CSV_LINE_MAX);
			return bad_line(csv, err);
		}
		memcpy(csv->line + len, start, n);
		len += n;
		csv->buf_pos += n + (newline ? 1 : 0);
	}
	if (!len && !newline)
		return 0;
	if (len && csv->line[len - 1] == '\r')
		len--;
	csv->line[len] = '\0';
	if (memchr(csv->line, '\0', len)) {
		err_set(err, -EINVAL, "a NUL byte; is this a CSV file?");
		return bad_line(csv, err);
	}
	return 1;
}

/*
 * Take the field at @at and remove its quotes in place. Return: the field, or
 * NULL when its quotes are not balanced.
 */
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
	/* The quotes removed leave room for the NUL before the comma. */
	*to = '\0';
	return start;
}

static int split_line(struct csv_reader *csv, struct err *err)
{
	char *at = csv->line, *field;
	bool more = true;

	csv->field_count = 0;
	while (more) {
		field = take_field(&at);
		if (!field) {
			err_set(err, -EINVAL,
				"column %d: its quotes are not balanced",
				csv->field_count + 1);
			return bad_line(csv, err);
		}
		more = *at == ',';
		*at++ = '\0';
		csv->fields[csv->field_count++] = field;
	}
	return 0;
}

/* Read and split the next line that is not empty. */
static int next_line(struct csv_reader *csv, struct err *err)
{
	int rc;

	do {
		rc = read_line(csv, err);
	} while (rc == 1 && !csv->line[0]);
	if (rc == 1)
		rc = split_line(csv, err) ?: 1;
	return rc;
}

static int header_field(struct csv_reader *csv, int field, struct err *err)
{
	const char *name = csv->fields[field];
	int c;

	for (c = 0; c < CSV_COLUMNS; c++)
		if (!strcmp(name, column_names[c]))
			break;
	if (c == CSV_COLUMNS)
		err_set(err, -EINVAL,
			"column %d: unknown column \"%.40s\"; the columns are "
			"op, key, size, time_ns, cpu, tid and label",
			field + 1, name);
	else if (csv->place[c] >= 0)
		err_set(err, -EINVAL, "column %d: a second column %s",
			field + 1, name);
	else
		csv->place[c] = field;
	if (c == CSV_COLUMNS || csv->place[c] != field)
		return bad_line(csv, err);
	return 0;
}

static int read_header(struct csv_reader *csv, struct err *err)
{
	static const char bom[] = "\xef\xbb\xbf";
	int c, f, rc;

	for (c = 0; c < CSV_COLUMNS; c++)
		csv->place[c] = -1;
	rc = next_line(csv, err);
	if (rc < 0)
		return rc;
	if (!rc)
		return err_set(err, -EINVAL,
			       "%s: empty; the first line must name the "
			       "columns, as in \"op,key,size\"",
			       csv->path);
	if (!strncmp(csv->fields[0], bom, strlen(bom)))
		csv->fields[0] += strlen(bom);
	for (f = 0; f < csv->field_count; f++) {
		rc = header_field(csv, f, err);
		if (rc)
			return rc;
	}
	csv->columns = csv->field_count;
	if (csv->place[CSV_OP] >= 0 && csv->place[CSV_KEY] >= 0)
		return 0;
	err_set(err, -EINVAL,
		"column %s is missing; op and key are required, as in "
		"\"op,key,size\"",
		csv->place[CSV_OP] < 0 ? "op" : "key");
	return bad_line(csv, err);
}

struct csv_reader *csv_open(const char *path, struct err *err)
{
	struct csv_reader *csv = calloc(1, sizeof(*csv));
	bool in = !strcmp(path, "-");
	int fd, rc;

	if (!csv || !(csv->path = strdup(in ? "standard input" : path))) {
		free(csv);
		err_set(err, -ENOMEM, "%s: out of memory", path);
		errno = ENOMEM;
		return NULL;
	}
	fd = in ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		rc = err_set(err, -errno, "%s: cannot be opened: %s", path,
			     strerror(errno));
	} else {
		csv->file = gzdopen(fd, "r");
		rc = csv->file
			     ? read_header(csv, err)
			     : err_set(err, -ENOMEM, "%s: out of memory", path);
		if (!csv->file)
			close(fd);
	}
	if (rc) {
		csv_close(csv);
		errno = -rc;
		return NULL;
	}
	return csv;
}

void csv_close(struct csv_reader *csv)
{
	if (!csv)
		return;
	if (csv->file)
		gzclose(csv->file);
	free(csv->path);
	free(csv);
}

unsigned int csv_columns(const struct csv_reader *csv)
{
	return (csv->place[CSV_TIME] >= 0 ? ZLT_TIME : 0) |
	       (csv->place[CSV_CPU] >= 0 ? ZLT_CPU : 0) |
	       (csv->place[CSV_TID] >= 0 ? ZLT_TID : 0);
}

/* The field of a column; empty when the file has no such column. */
static const char *field(const struct csv_reader *csv, enum csv_column column)
{
	return csv->place[column] < 0 ? "" : csv->fields[csv->place[column]];
}

static bool parse_number(const char *text, uint64_t *value)
{
	unsigned long long v;
	int base = 10;
	char *end;

	if (text[0] == '0' && (text[1] | 0x20) == 'x') {
		text += 2;
		base = 16;
	}
	/* strtoull() would take a sign, white space and another 0x. */
	if (!*text || text[strspn(text, base == 16 ? "0123456789abcdefABCDEF"
						   : "0123456789")])
		return false;
	errno = 0;
	v = strtoull(text, &end, base);
	*value = v;
	return !errno;
}

static int get_number(const struct csv_reader *csv, enum csv_column column,
		      uint64_t max, uint64_t *value, struct err *err)
{
	const char *text = field(csv, column);

	if (parse_number(text, value) && *value <= max)
		return 0;
	if (*text)
		err_set(err, -EINVAL,
			"\"%.40s\" is not a whole number in 0..%llu", text,
			(unsigned long long)max);
	else
		err_set(err, -EINVAL,
			"empty; a whole number in 0..%llu is expected",
			(unsigned long long)max);
	return bad_field(csv, column, err);
}

static int get_op(const struct csv_reader *csv, struct zlt_event *event,
		  struct err *err)
{
	const char *text = field(csv, CSV_OP);
	int op;

	for (op = 0; op < ZLT_OPS; op++) {
		if (!strcmp(text, zlt_op_name(op))) {
			event->op = (uint8_t)op;
			return 0;
		}
	}
	err_set(err, -EINVAL,
		"unknown operation \"%.40s\"; store, load, invalidate, compact "
		"or mark is expected",
		text);
	return bad_field(csv, CSV_OP, err);
}

/* Read the size of a store. Of other operations any number is accepted. */
static int get_size(const struct csv_reader *csv, struct zlt_event *event,
		    struct err *err)
{
	const char *text = field(csv, CSV_SIZE);
	uint64_t size = 0;
	int rc;

	event->object = 0;
	if (event->op != ZLT_STORE)
		return *text ? get_number(csv, CSV_SIZE, UINT64_MAX, &size, err)
			     : 0;
	if (csv->place[CSV_SIZE] < 0) {
		event->object = ZLT_PAGE_SIZE;
		return 0;
	}
	rc = get_number(csv, CSV_SIZE, UINT64_MAX, &size, err);
	if (rc)
		return rc;
	if (!size || size > ZLT_PAGE_SIZE) {
		err_set(err, -EINVAL, "size %llu of a store is not in 1..%d",
			(unsigned long long)size, ZLT_PAGE_SIZE);
		return bad_field(csv, CSV_SIZE, err);
	}
	event->object = (uint32_t)size;
	return 0;
}

static int get_label(struct csv_reader *csv, struct zlt_event *event,
		     struct err *err)
{
	const char *text = field(csv, CSV_LABEL);

	event->label = NULL;
	if (event->op != ZLT_MARK)
		return 0;
	csv->marks++;
	if (!*text) {
		snprintf(csv->label, sizeof(csv->label), "mark %lu",
			 csv->marks);
		event->label = csv->label;
		return 0;
	}
	if (!zlt_label_ok(text)) {
		err_set(err, -EINVAL,
			"a label takes up to %d bytes of UTF-8 without control "
			"characters",
			ZLT_LABEL_MAX);
		return bad_field(csv, CSV_LABEL, err);
	}
	event->label = text;
	return 0;
}

/* Read the number in a column that may be missing. */
static int get_optional(const struct csv_reader *csv, enum csv_column column,
			uint64_t max, uint64_t *value, struct err *err)
{
	*value = 0;
	return csv->place[column] < 0
		       ? 0
		       : get_number(csv, column, max, value, err);
}

int csv_next(struct csv_reader *csv, struct zlt_event *event, struct err *err)
{
	uint64_t cpu, tid;
	int rc = next_line(csv, err);

	if (rc <= 0)
		return rc;
	if (csv->field_count != csv->columns) {
		err_set(err, -EINVAL, "%d columns; the header names %d",
			csv->field_count, csv->columns);
		return bad_line(csv, err);
	}
	event->key = 0;
	rc = get_op(csv, event, err);
	/* Compact and mark have no key. */
	if (!rc && (event->op < ZLT_COMPACT || *field(csv, CSV_KEY)))
		rc = get_number(csv, CSV_KEY, UINT64_MAX, &event->key, err);
	if (!rc)
		rc = get_size(csv, event, err);
	if (!rc)
		rc = get_optional(csv, CSV_TIME, UINT64_MAX, &event->time_ns,
				  err);
	if (!rc)
		rc = get_optional(csv, CSV_CPU, UINT16_MAX, &cpu, err);
	if (!rc)
		rc = get_optional(csv, CSV_TID, UINT32_MAX, &tid, err);
	if (!rc)
		rc = get_label(csv, event, err);
	if (rc)
		return rc;
	event->cpu = (uint16_t)cpu;
	event->tid = (uint32_t)tid;
	return 1;
}

static int import_events(struct csv_reader *csv, struct zlt_writer *w,
			 struct err *err)
{
	struct zlt_event event;
	int rc;

	while ((rc = csv_next(csv, &event, err)) == 1) {
		rc = zlt_event(w, &event, err);
		if (rc == -ENOENT) {
			err_set(err, rc,
				"%s of key %llu, which was never stored before",
				zlt_op_name(event.op),
				(unsigned long long)event.key);
			return bad_field(csv, CSV_KEY, err);
		}
		if (rc)
			return rc;
	}
	return rc;
}

int csv_import(const char *from, const char *to, json_t *meta, struct err *err)
{
	struct csv_reader *csv = csv_open(from, err);
	struct zlt_options opts = { 0 };
	struct zlt_writer *w;
	int rc;

	if (!csv)
		return -errno;
	opts.columns = csv_columns(csv);
	w = zlt_create(to, meta, &opts, err);
	if (!w) {
		rc = -errno;
		csv_close(csv);
		return rc;
	}
	rc = import_events(csv, w, err);
	if (rc)
		zlt_abort(w);
	else
		rc = zlt_close(w, NULL, err);
	if (rc)
		zlt_remove(to);
	csv_close(csv);
	return rc;
}

static void print_label(const char *label, FILE *out)
{
	if (!label[strcspn(label, ",\"")]) {
		fputs(label, out);
		return;
	}
	putc('"', out);
	for (; *label; label++) {
		if (*label == '"')
			putc('"', out);
		putc(*label, out);
	}
	putc('"', out);
}

static void print_header(const struct zlt_info *info, FILE *out)
{
	fputs("op,key,size", out);
	if (info->columns & ZLT_TIME)
		fputs(",time_ns", out);
	if (info->columns & ZLT_CPU)
		fputs(",cpu", out);
	if (info->columns & ZLT_TID)
		fputs(",tid", out);
	if (info->ops[ZLT_MARK])
		fputs(",label", out);
	putc('\n', out);
}

static int print_event(const struct zlt_info *info, const struct zlt_batch *b,
		       size_t i, const uint16_t *sizes, FILE *out,
		       struct err *err)
{
	unsigned long long nr = b->first + i;
	uint32_t size = b->object[i];

	fputs(zlt_op_name(b->op[i]), out);
	putc(',', out);
	if (b->op[i] < ZLT_COMPACT)
		fprintf(out, "%llu", (unsigned long long)b->orig[i]);
	putc(',', out);
	if (b->op[i] == ZLT_STORE) {
		if (sizes && !sizes[size])
			return err_set(err, -ENOENT,
				       "%s: event %llu: the size of content %u "
				       "is not known",
				       info->path, nr, size);
		if (sizes)
			size = sizes[size];
		fprintf(out, "%u", size < ZLT_PAGE_SIZE ? size : ZLT_PAGE_SIZE);
	}
	if (b->time_ns)
		fprintf(out, ",%llu", (unsigned long long)b->time_ns[i]);
	if (b->cpu)
		fprintf(out, ",%u", b->cpu[i]);
	if (b->tid)
		fprintf(out, ",%u", b->tid[i]);
	if (info->ops[ZLT_MARK]) {
		putc(',', out);
		if (b->op[i] == ZLT_MARK)
			print_label(b->labels[b->object[i]], out);
	}
	putc('\n', out);
	return 0;
}

int csv_export(struct zlt_reader *r, const char *codec, FILE *out,
	       struct err *err)
{
	const struct zlt_info *info = zlt_info(r);
	const uint16_t *sizes = NULL;
	struct zlt_batch b;
	size_t i;
	int rc;

	if (info->objects != ZLT_OBJECT_SIZES) {
		if (!codec && !info->codec_count)
			return err_set(err, -ENOENT,
				       "%s: the trace has no object sizes; "
				       "CSV needs the sizes of one codec",
				       info->path);
		rc = zlt_sizes(r, codec ?: info->codecs[0].name, &sizes, err);
		if (rc)
			return rc;
	}
	print_header(info, out);
	while ((rc = zlt_next(r, &b, err)) == 1) {
		for (i = 0; i < b.count; i++) {
			rc = print_event(info, &b, i, sizes, out, err);
			if (rc)
				return rc;
		}
		if (ferror(out))
			break;
	}
	if (rc >= 0 && (fflush(out) || ferror(out)))
		rc = err_set(err, -EIO, "CSV cannot be written: %s",
			     strerror(errno));
	return rc;
}
