// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds the source that a name stands for; files as sources. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "traces/generate.h"
#include "traces/model.h"
#include "traces/source.h"

static const struct source_kind *const kinds[] = { &generated_source,
						   &model_source, NULL };

struct file_source {
	struct source source;
	struct zlt_reader *r;
};

static struct zlt_reader *file_of(const struct source *s)
{
	return ((const struct file_source *)s)->r;
}

static const struct zlt_info *file_info(const struct source *s)
{
	return zlt_info(file_of(s));
}

static int file_next(struct source *s, struct zlt_batch *batch, struct err *err)
{
	return zlt_next(file_of(s), batch, err);
}

static int file_rewind(struct source *s, struct err *err)
{
	return zlt_seek(file_of(s), 0, err);
}

static void file_close(struct source *s)
{
	zlt_reader_close(file_of(s));
	free(s);
}

static struct zlt_reader *file_reader(struct source *s)
{
	return file_of(s);
}

static const struct source_ops file_ops = {
	.info = file_info,
	.next = file_next,
	.rewind = file_rewind,
	.close = file_close,
	.file = file_reader,
};

static struct source *open_file(const char *path, unsigned int want,
				struct err *err)
{
	struct file_source *f = calloc(1, sizeof(*f));
	int why;

	if (!f) {
		err_set(err, -ENOMEM, "%s: out of memory", path);
		errno = ENOMEM;
		return NULL;
	}
	f->source.ops = &file_ops;
	f->r = zlt_open(path, want, err);
	if (f->r)
		return &f->source;
	why = errno;
	free(f);
	errno = why;
	return NULL;
}

static const struct source_kind *kind_of(const char *name)
{
	size_t i;

	for (i = 0; kinds[i]; i++)
		if (kinds[i]->is(name) && access(name, F_OK))
			return kinds[i];
	return NULL;
}

bool source_is_stream(const char *name)
{
	return kind_of(name) != NULL;
}

/* A misspelt kind: no file, but options as no path has them. */
static bool meant_stream(const char *name)
{
	size_t len = strcspn(name, ":");

	return name[len] && !memchr(name, '/', len) &&
	       strchr(name + len, '=') && access(name, F_OK);
}

struct source *source_open(const char *name, unsigned int want, struct err *err)
{
	const struct source_kind *kind = kind_of(name);

	if (kind)
		return kind->open(name, want, err);
	if (!meant_stream(name))
		return open_file(name, want, err);
	generator_find(name, err);
	errno = EINVAL;
	return NULL;
}

char *source_identity(const char *name, struct err *err)
{
	return kind_of(name)->identify(name, err);
}
