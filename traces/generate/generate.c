// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/random.h"
#include "lib/room.h"
#include "traces/generate/emit.h"

const struct generator *const generators[] = {
	&uniform_generator,
	&zipf_generator,
	&churn_generator,
	&scan_generator,
	&heavy_swap_generator,
	&aged_generator,
	NULL,
};

const struct generator *generator_find(const char *spec, struct err *err)
{
	size_t len = spec_name_len(spec), n = 0;
	char names[256] = "";
	int i;

	for (i = 0; generators[i]; i++) {
		const char *name = generators[i]->desc.name;

		if (strlen(name) == len && !memcmp(name, spec, len))
			return generators[i];
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s",
				      i ? ", " : "", name);
	}
	err_set(err, -EINVAL, "no generator \"%.*s\"; there are %s",
		(int)(len < 40 ? len : 40), spec, names);
	return NULL;
}

json_t *gen_meta(const struct generator *gen, const struct gen_params *p)
{
	char spec[1024];

	spec_print(&gen->desc, p, spec, sizeof(spec));
	return json_pack("{s:s, s:s, s:s}", "name", gen->desc.name, "generator",
			 spec, "keys", "address");
}

size_t gen_key_bytes(const struct generator *gen, const struct gen_params *p)
{
	return sizeof(uint8_t) + (gen->in_order ? 0 : sizeof(uint32_t)) +
	       (p->contents ? sizeof(uint32_t) : 0);
}

void gen_restart(struct generate_run *run)
{
	const struct gen_params *p = run->p;
	uint64_t seed = (uint64_t)p->seed;
	size_t keys = (size_t)p->keys;
	int i;

	run->hot = (struct gen_hot){ 0 };
	run->total = (struct gen_totals){ 0 };
	for (i = 0; i < 4; i++)
		run->random.state[i] = random_splitmix(&seed);
	run->hot.draw = GEN_AHEAD;
	memset(run->state, KEY_NONE, keys * sizeof(*run->state));
	if (run->id)
		memset(run->id, 0, keys * sizeof(*run->id));
	if (run->content)
		memset(run->content, 0xff, keys * sizeof(*run->content));
	run->keys = 0;
	run->phase = 0;
	run->at = 0;
	run->done = 0;
	run->over = false;
	run->fresh = 0;
	if (p->cpus)
		gen_start_cpus(run);
}

int gen_start(struct generate_run *run, const struct generator *gen,
	      const struct gen_params *p, struct err *err)
{
	size_t keys = (size_t)p->keys;

	*run = (struct generate_run){ .gen = gen, .p = p, .err = err };
	run->state = malloc(keys * sizeof(*run->state));
	if (!gen->in_order)
		run->id = malloc(keys * sizeof(*run->id));
	if (p->contents)
		run->content = malloc(keys * sizeof(*run->content));
	run->busy = calloc((size_t)p->cpus + 1, sizeof(*run->busy));
	run->runs = calloc((size_t)p->threads, sizeof(*run->runs));
	if (!run->state || (!gen->in_order && !run->id) ||
	    (p->contents && !run->content) || !run->busy || !run->runs)
		return err_set(err, -ENOMEM,
			       "generator %s: out of memory for %zu keys",
			       gen->desc.name, keys);
	gen_zipf_init(&run->zipf, p->skew, (uint64_t)p->keys);
	gen_restart(run);
	return 0;
}

void gen_end(struct generate_run *run)
{
	free(run->state);
	free(run->id);
	free(run->content);
	free(run->busy);
	free(run->runs);
}

void gen_play(struct generate_run *run, enum gen_mode mode)
{
	while (!run->over && !run->rc &&
	       !gen_full(run, &run->hot, GEN_AT_ONCE, mode) &&
	       run->out.nr_labels < GEN_LABELS)
		run->gen->step[mode](run);
}

/* @path: the file, or NULL for @fd, which then belongs to the writer. */
static struct zlt_writer *create(const struct generator *gen,
				 const struct gen_params *p, const char *path,
				 int fd, struct err *err)
{
	struct zlt_options opts = {
		.columns = ZLT_TIME | ZLT_CPU | ZLT_TID,
		.objects = p->contents ? ZLT_OBJECT_PAGES : ZLT_OBJECT_SIZES,
	};
	json_t *meta = gen_meta(gen, p);
	struct zlt_writer *w;

	if (!meta) {
		if (!path)
			close(fd);
		err_set(err, -ENOMEM, "generator %s: out of memory",
			gen->desc.name);
		errno = ENOMEM;
		return NULL;
	}
	w = path ? zlt_create(path, meta, &opts, err)
		 : zlt_create_fd(fd, gen->desc.name, meta, &opts, err);
	json_decref(meta);
	return w;
}

/* Bytes that the writer has for each key, in its tree and beside it. */
#define WRITER_KEY_BYTES 10
/* A trace of fewer events is not worth asking. */
#define ASK_FROM (1 << 22)
#define ASK_BY (1 << 18)

/* The size of a file with the first events. */
static int measure(const struct generator *gen, const struct gen_params *p,
		   struct generate_run *run, uint64_t *bytes, uint64_t *events,
		   struct err *err)
{
	int fd = memfd_create("zlab", MFD_CLOEXEC), rc;

	if (fd < 0)
		return err_set(err, -errno, "memfd: %s", strerror(errno));
	rc = gen_start(run, gen, p, err);
	if (!rc) {
		run->w = create(gen, p, NULL, fd, err);
		rc = run->w ? 0 : -errno;
	} else {
		close(fd);
	}
	if (!rc) {
		run->out.room = ASK_BY;
		gen_play(run, GEN_WRITE);
		*events = run->hot.count;
		*bytes = zlt_written(run->w);
		rc = run->rc;
		zlt_abort(run->w);
	}
	gen_end(run);
	return rc;
}

/* Whether a trace fits into memory and on the disk. */
static int fits(const struct generator *gen, const struct gen_params *p,
		const char *path, struct generate_run *run, struct err *err)
{
	uint64_t bytes = 0, events = 0;
	int rc = room_memory((uint64_t)p->keys *
				     (gen_key_bytes(gen, p) + WRITER_KEY_BYTES),
			     path, "its keys", err);

	if (rc || gen->expect(p) < ASK_FROM)
		return rc;
	rc = measure(gen, p, run, &bytes, &events, err);
	if (rc || !events)
		return rc;
	return room_disk(
		path,
		(uint64_t)((double)bytes / (double)events * gen->expect(p)),
		err);
}

const struct generator *gen_check(const char *spec, struct gen_params *p,
				  struct err *err)
{
	const struct generator *gen = generator_find(spec, err);

	memset(p, 0, sizeof(*p));
	if (!gen || spec_parse(&gen->desc, spec, p, err))
		return NULL;
	if (p->sizes == SIZE_UNIFORM && p->min > p->max) {
		err_set(err, -EINVAL,
			"generator %s: min=%lld is larger than max=%lld",
			gen->desc.name, p->min, p->max);
		return NULL;
	}
	if (p->cpus > p->threads) {
		err_set(err, -EINVAL,
			"generator %s: cpus=%lld are busy with as many "
			"threads at least, not threads=%lld",
			gen->desc.name, p->cpus, p->threads);
		return NULL;
	}
	return gen;
}

int generate_trace(const char *spec, const char *path, struct err *err)
{
	struct generate_run *run = calloc(1, sizeof(*run));
	const struct generator *gen;
	struct gen_params p;
	int rc;

	if (!run)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	gen = gen_check(spec, &p, err);
	rc = gen ? fits(gen, &p, path, run, err) : -EINVAL;
	if (rc) {
		free(run);
		return rc;
	}
	rc = gen_start(run, gen, &p, err);
	if (!rc) {
		run->out.room = SIZE_MAX / 2;
		run->w = create(gen, &p, path, -1, err);
		rc = run->w ? 0 : -errno;
	}
	if (!rc) {
		gen_play(run, GEN_WRITE);
		rc = run->rc;
		if (rc)
			zlt_abort(run->w);
		else
			rc = zlt_close(run->w, NULL, err);
	}
	gen_end(run);
	free(run);
	return rc;
}
