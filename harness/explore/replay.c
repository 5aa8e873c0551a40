// SPDX-License-Identifier: GPL-2.0-or-later
/* Findings in files: program, choices, and what they were found with. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/zpool.h"
#include "harness/explore/front.h"
#include "version.h"

#define FORMAT 1

static const char *source_of(const char *backend)
{
	const struct zpool_driver *d = zpool_driver_find(backend, NULL);

	return d && d->source ? d->source : "";
}

json_t *replay_json(const struct explorer *e, const struct found *f)
{
	char functions[FUNCTIONS_LEN], other[FUNCTIONS_LEN];
	json_t *choices = json_array();
	char code[24];
	size_t i;

	for (i = 0; i < f->choices.nr; i++) {
		const struct choice *c = &f->choices.at[i];

		json_array_append_new(choices,
				      json_pack("[i, I, i, b]", (int)c->cpu,
						(json_int_t)c->step,
						(int)c->next, (int)c->forced));
	}
	place_functions(f->f.at.pc, functions, sizeof(functions));
	place_functions(f->f.other_pc, other, sizeof(other));
	return json_pack(
		"{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:b, s:s, "
		"s:s, s:s, s:o, s:o}",
		"explore", FORMAT, "build", ZLAB_VERSION, "backend", e->backend,
		"source", source_of(e->backend), "code",
		place_code(code, sizeof(code)), "front", e->front->name, "kind",
		found_name(f->f.kind), "text", f->f.text, "memory",
		e->weak ? "weak" : "strong", "reads", (json_int_t)f->reads,
		"visits", e->visits, "during", f->during, "functions",
		functions, "other_functions", other, "program",
		program_json(&f->program), "choices", choices);
}

static int read_choices(struct choices *c, const json_t *a, unsigned cpus,
			struct err *err)
{
	json_t *o;
	size_t i;

	json_array_foreach ((json_t *)a, i, o) {
		struct choice choice;
		int cpu, next, forced;
		json_int_t step;

		if (json_unpack(o, "[i, I, i, b]", &cpu, &step, &next,
				&forced) ||
		    cpu < 0 || cpu > XCPU_MAX || next < 0 ||
		    (unsigned)next >= cpus || step < 0)
			return err_set(
				err, -EINVAL,
				"choice %zu is not a list of CPU, point, "
				"next CPU and whether it was forced",
				i + 1);
		choice = (struct choice){ .cpu = (uint8_t)cpu,
					  .next = (uint8_t)next,
					  .forced = forced,
					  .step = (uint64_t)step };
		choices_add(c, &choice);
	}
	return 0;
}

int replay_read(struct replay_file *r, const char *path, struct err *err)
{
	const char *build, *backend, *source, *code = "", *front, *kind, *text,
					      *memory;
	const char *functions = "", *other = "";
	json_int_t reads;
	json_error_t where;
	json_t *o = json_load_file(path, 0, &where), *program, *choices;
	int format, visits = 0, ret = -EINVAL;

	memset(r, 0, sizeof(*r));
	if (!o)
		return err_set(err, -EINVAL, "%s, line %d: %s", path,
			       where.line, where.text);
	if (json_unpack(o, "{s:i}", "explore", &format)) {
		err_set(err, -EINVAL, "not a replay file of zlab explore");
		goto out;
	}
	if (format != FORMAT) {
		err_set(err, -EINVAL,
			"its format is %d; this zlab reads format %d", format,
			FORMAT);
		goto out;
	}
	if (json_unpack(o,
			"{s:s, s:s, s:s, s?s, s:s, s:s, s:s, s?s, s?s, s:s, "
			"s:I, s:o, s:o}",
			"build", &build, "backend", &backend, "source", &source,
			"code", &code, "front", &front, "kind", &kind, "text",
			&text, "functions", &functions, "other_functions",
			&other, "memory", &memory, "reads", &reads, "program",
			&program, "choices", &choices)) {
		err_set(err, -EINVAL,
			"it lacks one of build, backend, source, front, kind, "
			"text, memory, reads, program, choices");
		goto out;
	}
	json_unpack(o, "{s?b}", "visits", &visits);
	r->visits = visits;
	r->build = strdup(build);
	r->backend = strdup(backend);
	r->source = strdup(source);
	r->code = strdup(code);
	r->front = strdup(front);
	r->kind = strdup(kind);
	r->text = strdup(text);
	r->functions = strdup(functions);
	r->other_functions = strdup(other);
	if (!r->build || !r->backend || !r->source || !r->code || !r->front ||
	    !r->kind || !r->text || !r->functions || !r->other_functions) {
		err_set(err, -ENOMEM, "out of memory");
		goto out;
	}
	r->weak = !strcmp(memory, "weak");
	r->reads = (uint64_t)reads;
	ret = program_read(&r->program, program, err);
	if (!ret)
		ret = read_choices(&r->choices, choices, r->program.cpus, err);
out:
	if (ret)
		err_prefix(err, "%s", path);
	json_decref(o);
	return ret;
}

void replay_free(struct replay_file *r)
{
	free(r->build);
	free(r->backend);
	free(r->source);
	free(r->code);
	free(r->front);
	free(r->kind);
	free(r->text);
	free(r->functions);
	free(r->other_functions);
	choices_free(&r->choices);
}
