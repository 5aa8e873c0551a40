// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * CSV in and out. Every error line names file, line and column: the file may
 * come from any tool.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/table.h"
#include "traces/csv.h"

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
 * @table: its lines
 * @place: field of each column, or -1
 * @columns: number of columns of the header
 * @marks: marks so far
 * @label: text of the current mark
 */
struct csv_reader {
	struct table *table;
	int place[CSV_COLUMNS];
	int columns;
	unsigned long marks;
	char label[ZLT_LABEL_MAX + 1];
};

static int bad_field(const struct csv_reader *csv, enum csv_column column,
		     struct err *err)
{
	table_bad_field(csv->table, csv->place[column], column_names[column],
			err);
	return -EINVAL;
}

static int bad_line(const struct csv_reader *csv, struct err *err)
{
	table_bad_line(csv->table, err);
	return -EINVAL;
}

/* People put blanks around what commas part. */
static char *trimmed(char *text)
{
	size_t len;

	text += strspn(text, " \t");
	len = strlen(text);
	while (len && strchr(" \t", text[len - 1]))
		len--;
	text[len] = '\0';
	return text;
}

static int header_field(struct csv_reader *csv, int field, struct err *err)
{
	const char *name = trimmed(table_field(csv->table, field));
	int c;

	for (c = 0; c < CSV_COLUMNS; c++)
		if (!strcasecmp(name, column_names[c]))
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
	int c, f, rc;

	for (c = 0; c < CSV_COLUMNS; c++)
		csv->place[c] = -1;
	csv->columns = table_fields(csv->table);
	for (f = 0; f < csv->columns; f++) {
		rc = header_field(csv, f, err);
		if (rc)
			return rc;
	}
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
	int rc;

	if (!csv) {
		err_set(err, -ENOMEM, "%s: out of memory", path);
		errno = ENOMEM;
		return NULL;
	}
	csv->table = table_open(path, "op,key,size", err);
	rc = csv->table ? read_header(csv, err) : -errno;
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
	table_close(csv->table);
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
	return csv->place[column] < 0
		       ? ""
		       : table_field(csv->table, csv->place[column]);
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
	int rc = table_next(csv->table, err);

	if (rc <= 0)
		return rc;
	if (table_fields(csv->table) != csv->columns) {
		err_set(err, -EINVAL, "%d columns; the header names %d",
			table_fields(csv->table), csv->columns);
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

int csv_import(const char *from, const char *to, unsigned drop, json_t *meta,
	       struct err *err)
{
	struct csv_reader *csv = csv_open(from, err);
	struct zlt_options opts = { 0 };
	struct zlt_writer *w;
	int rc;

	if (!csv)
		return -errno;
	opts.columns = csv_columns(csv) & ~drop;
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

int csv_export(struct source *s, const char *codec, FILE *out, struct err *err)
{
	const struct zlt_info *info = source_info(s);
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
		rc = zlt_sizes(source_file(s), codec ?: info->codecs[0].name,
			       &sizes, err);
		if (rc)
			return rc;
	}
	print_header(info, out);
	while ((rc = source_next(s, &b, err)) == 1) {
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
