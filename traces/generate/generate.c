// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "traces/generate/internal.h"

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

static struct zlt_writer *create(const struct generator *gen,
				 const struct gen_params *p, const char *path,
				 struct err *err)
{
	struct zlt_options opts = {
		.columns = ZLT_TIME | ZLT_CPU | ZLT_TID,
		.objects = p->contents ? ZLT_OBJECT_PAGES : ZLT_OBJECT_SIZES,
	};
	struct zlt_writer *w;
	char spec[1024];
	json_t *meta;

	spec_print(&gen->desc, p, spec, sizeof(spec));
	meta = json_pack("{s:s, s:s, s:s}", "name", gen->desc.name, "generator",
			 spec, "keys", "address");
	if (!meta) {
		err_set(err, -ENOMEM, "%s: out of memory", path);
		errno = ENOMEM;
		return NULL;
	}
	w = zlt_create(path, meta, &opts, err);
	json_decref(meta);
	return w;
}

static int generate(const struct generator *gen, const struct gen_params *p,
		    const char *path, struct err *err)
{
	struct generate_run *run = calloc(1, sizeof(*run));
	size_t keys = (size_t)p->keys;
	int rc = -ENOMEM;

	if (!run)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	run->p = p;
	gen_seed(run, (uint64_t)p->seed);
	run->state = calloc(keys, 1);
	run->content = malloc(p->contents ? keys * sizeof(*run->content) : 1);
	if (!run->state || !run->content) {
		err_set(err, rc, "%s: out of memory", path);
		goto out;
	}
	rc = p->cpus ? gen_start_cpus(run, err) : 0;
	if (rc)
		goto out;
	if (p->contents)
		memset(run->content, 0xff, keys * sizeof(*run->content));
	run->w = create(gen, p, path, err);
	if (!run->w) {
		rc = -errno;
		goto out;
	}
	rc = gen->run(run, err);
	if (rc)
		zlt_abort(run->w);
	else
		rc = zlt_close(run->w, NULL, err);
out:
	free(run->state);
	free(run->content);
	free(run->busy);
	free(run->runs);
	free(run);
	return rc;
}

int generate_trace(const char *spec, const char *path, struct err *err)
{
	const struct generator *gen = generator_find(spec, err);
	struct gen_params p;
	int rc;

	if (!gen)
		return -EINVAL;
	memset(&p, 0, sizeof(p));
	rc = spec_parse(&gen->desc, spec, &p, err);
	if (rc)
		return rc;
	if (p.sizes == SIZE_UNIFORM && p.min > p.max)
		return err_set(err, -EINVAL,
			       "generator %s: min=%lld is larger than "
			       "max=%lld",
			       gen->desc.name, p.min, p.max);
	if (p.cpus > p.threads)
		return err_set(err, -EINVAL,
			       "generator %s: cpus=%lld are busy with as many "
			       "threads at least, not threads=%lld",
			       gen->desc.name, p.cpus, p.threads);
	return generate(gen, &p, path, err);
}
