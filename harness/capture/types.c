// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/capture/types.h"

#define MODULES 8
/* Structures in structures; more than any kernel has. */
#define DEPTH 8
/* Names that a plan asks for; BTF has no index, and is large. */
#define FOUND 64

/*
 * @own: of the file that the user gave, or of a test
 * @kernel: of vmlinux
 * @modules: of modules that were asked for; @btf is NULL where there is none
 * @found: names that were asked for, and where they are
 */
struct types {
	char *dir;
	struct btf *own, *kernel;
	struct {
		char *name;
		struct btf *btf;
	} modules[MODULES];
	struct {
		const char *name;
		unsigned kind;
		const struct btf *btf;
		int id;
	} found[FOUND];
	size_t nr, nr_found;
};

static int quiet(enum libbpf_print_level level, const char *fmt, va_list args)
{
	return 0;
}

/* BTF that stands on that of the kernel, or by itself. */
static struct btf *read_file(const char *path, struct btf *kernel)
{
	struct btf *btf = kernel ? btf__parse_split(path, kernel) : NULL;

	/* The result is read as split where it is complete as well. */
	if (btf && btf__type_cnt(btf) > btf__type_cnt(kernel) &&
	    !strcmp(btf__name_by_offset(btf, 0) ?: "?", ""))
		return btf;
	btf__free(btf);
	return btf__parse(path, NULL);
}

struct types *types_open(const char *dir, const char *file, struct err *err)
{
	struct types *t = calloc(1, sizeof(*t));
	char path[4096];
	int why;

	libbpf_set_print(quiet);
	if (!t || (dir && !(t->dir = strdup(dir)))) {
		free(t);
		err_set(err, -ENOMEM, "out of memory");
		errno = ENOMEM;
		return NULL;
	}
	if (dir) {
		snprintf(path, sizeof(path), "%s/vmlinux", dir);
		t->kernel = btf__parse(path, NULL);
	}
	if (!file)
		return t;
	t->own = read_file(file, t->kernel);
	if (t->own)
		return t;
	why = errno ?: EINVAL;
	err_set(err, -why,
		"%s: cannot be read as BTF: %s; it takes raw BTF or "
		"an ELF file with a section .BTF, as pahole -J "
		"makes them",
		file, strerror(why));
	types_close(t);
	errno = why;
	return NULL;
}

struct types *types_of(struct btf *btf)
{
	struct types *t = calloc(1, sizeof(*t));

	if (t)
		t->own = btf;
	return t;
}

void types_close(struct types *t)
{
	size_t i;

	if (!t)
		return;
	for (i = 0; i < t->nr; i++) {
		btf__free(t->modules[i].btf);
		free(t->modules[i].name);
	}
	btf__free(t->own);
	btf__free(t->kernel);
	free(t->dir);
	free(t);
}

bool types_any(const struct types *t)
{
	return t->own || t->kernel;
}

/* The BTF of a module; NULL where it has none. */
static struct btf *module_of(struct types *t, const char *name)
{
	char path[4096];
	size_t i;

	if (!name || !t->dir || !t->kernel)
		return NULL;
	for (i = 0; i < t->nr; i++)
		if (!strcmp(t->modules[i].name, name))
			return t->modules[i].btf;
	if (t->nr == MODULES)
		return NULL;
	t->modules[i].name = strdup(name);
	if (!t->modules[i].name)
		return NULL;
	snprintf(path, sizeof(path), "%s/%s", t->dir, name);
	t->modules[i].btf = btf__parse_split(path, t->kernel);
	t->nr++;
	return t->modules[i].btf;
}

/* By its own types only: those of the kernel come last. */
static int find_own(const struct btf *btf, const char *name, unsigned kind)
{
	const struct btf *base = btf__base_btf(btf);
	const struct btf_type *type;
	const char *is;
	unsigned i;

	for (i = base ? btf__type_cnt(base) : 1; i < btf__type_cnt(btf); i++) {
		type = btf__type_by_id(btf, i);
		if (btf_kind(type) != kind)
			continue;
		is = btf__name_by_offset(btf, type->name_off);
		if (is && !strcmp(is, name))
			return (int)i;
	}
	return -1;
}

static const struct btf *search(struct types *t, const char *module,
				const char *name, unsigned kind, int *id)
{
	struct btf *in[] = { t->own, module_of(t, module), t->kernel };
	size_t i;

	for (i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
		*id = in[i] ? find_own(in[i], name, kind) : -1;
		if (*id > 0)
			return in[i];
	}
	return NULL;
}

/*
 * The type of a name in the first BTF that has it; NULL: in none. Names are
 * constants, and each belongs to one module.
 */
static const struct btf *find(struct types *t, const char *module,
			      const char *name, unsigned kind, int *id)
{
	const struct btf *btf;
	size_t i;

	for (i = 0; i < t->nr_found; i++) {
		if (t->found[i].kind != kind || strcmp(t->found[i].name, name))
			continue;
		*id = t->found[i].id;
		return t->found[i].btf;
	}
	btf = search(t, module, name, kind, id);
	if (i < FOUND) {
		t->found[i].name = name;
		t->found[i].kind = kind;
		t->found[i].btf = btf;
		t->found[i].id = *id;
		t->nr_found++;
	}
	return btf;
}

static const struct btf_type *proto(struct types *t, const char *module,
				    const char *name, const struct btf **btf)
{
	const struct btf_type *type;
	int id;

	*btf = find(t, module, name, BTF_KIND_FUNC, &id);
	type = *btf ? btf__type_by_id(*btf, (unsigned)id) : NULL;
	type = type ? btf__type_by_id(*btf, type->type) : NULL;
	return type && btf_is_func_proto(type) ? type : NULL;
}

bool types_function(struct types *t, const char *module, const char *name)
{
	const struct btf *btf;

	return proto(t, module, name, &btf) != NULL;
}

static size_t size_of(const struct btf *btf, unsigned id)
{
	long long bytes = btf__resolve_size(btf, id);

	return bytes > 0 ? (size_t)bytes : 0;
}

unsigned types_parameter(struct types *t, const char *module, const char *name,
			 const char *parameter, size_t *bytes)
{
	const struct btf *btf;
	const struct btf_type *type = proto(t, module, name, &btf);
	const struct btf_param *p;
	const char *is;
	unsigned i;

	if (!type)
		return 0;
	for (i = 0, p = btf_params(type); i < btf_vlen(type); i++) {
		is = btf__name_by_offset(btf, p[i].name_off);
		if (!is || strcmp(is, parameter))
			continue;
		*bytes = size_of(btf, p[i].type);
		return i + 1;
	}
	return 0;
}

static long member_of(const struct btf *btf, unsigned id, const char *name,
		      int depth, size_t *bytes)
{
	const struct btf_type *type;
	const struct btf_member *m;
	const char *is;
	long in, at;
	unsigned i;

	for (type = btf__type_by_id(btf, id);
	     type && (btf_is_mod(type) || btf_is_typedef(type));
	     type = btf__type_by_id(btf, type->type))
		;
	if (!type || !btf_is_composite(type) || depth == DEPTH)
		return -1;
	for (i = 0, m = btf_members(type); i < btf_vlen(type); i++) {
		at = btf_member_bit_offset(type, i) / 8;
		is = btf__name_by_offset(btf, m[i].name_off);
		if (is && !strcmp(is, name)) {
			*bytes = size_of(btf, m[i].type);
			return at;
		}
		if (is && *is)
			continue;
		in = member_of(btf, m[i].type, name, depth + 1, bytes);
		if (in >= 0)
			return at + in;
	}
	return -1;
}

long types_member(struct types *t, const char *module, const char *structure,
		  const char *member, size_t *bytes)
{
	const struct btf *btf;
	int id;

	btf = find(t, module, structure, BTF_KIND_STRUCT, &id);
	return btf ? member_of(btf, (unsigned)id, member, 0, bytes) : -1;
}
