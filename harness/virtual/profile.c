// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Profiles: JSON files with the costs of a machine.
 */
#include <bsd/string.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/virtual/program.h"
#include "harness/virtual/virtual.h"
#include "lib/self.h"

#define PROFILE_FOLDER "profiles"
#define PROFILE_SUFFIX ".json"

static const struct field {
	const char *name;
	size_t offset;
	double unit; /* units of struct vcost per unit of the file */
} fields[] = {
	{ "access_ns", offsetof(struct vcost, access), 1000 },
	{ "call_ns", offsetof(struct vcost, call), 1000 },
	{ "rmw_ns", offsetof(struct vcost, rmw), 1000 },
	{ "relax_ns", offsetof(struct vcost, relax), 1000 },
	{ "copy_start_ns", offsetof(struct vcost, copy_start), 1000 },
	{ "copy_ns", offsetof(struct vcost, copy), 1000 },
	{ "stream_ns", offsetof(struct vcost, stream), 1000 },
	{ "xfer_ns", offsetof(struct vcost, xfer), 1000 },
	{ "xfer_socket_ns", offsetof(struct vcost, xfer_socket), 1000 },
	{ "l3_ns", offsetof(struct vcost, l3), 1000 },
	{ "dram_ns", offsetof(struct vcost, dram), 1000 },
	{ "wake_ns", offsetof(struct vcost, wake), 1000 },
	{ "wake_latency_ns", offsetof(struct vcost, wake_latency), 1000 },
	{ "handover_xfers", offsetof(struct vcost, handover), 100 },
	{ "handover_many_xfers", offsetof(struct vcost, handover_many), 100 },
	{ "l2_lines", offsetof(struct vcost, l2_lines), 1 },
	{ "l3_lines_per_core", offsetof(struct vcost, l3_lines), 1 },
};
#define NR_FIELDS (sizeof(fields) / sizeof(fields[0]))

static uint64_t *at(struct vcost *cost, const struct field *f)
{
	return (uint64_t *)((char *)cost + f->offset);
}

const char *profile_field(size_t i)
{
	return i < NR_FIELDS ? fields[i].name : NULL;
}

bool profile_scale(struct profile *p, const char *field, double by)
{
	uint64_t *v;
	size_t i;

	for (i = 0; i < NR_FIELDS; i++) {
		if (strcmp(fields[i].name, field))
			continue;
		v = at(&p->cost, &fields[i]);
		*v = (uint64_t)llround((double)*v * by);
		return true;
	}
	return false;
}

json_t *profile_costs(const struct profile *p)
{
	json_t *o = json_object();
	size_t i;

	for (i = 0; i < NR_FIELDS; i++)
		json_object_set_new(
			o, fields[i].name,
			json_real((double)*at((struct vcost *)&p->cost,
					      &fields[i]) /
				  fields[i].unit));
	return o;
}

const struct profile_codec *profile_codec(const struct profile *p,
					  const char *name)
{
	size_t i, len = strcspn(name, ":");

	for (i = 0; i < p->codecs; i++)
		if (!strcmp(p->codec[i].name, name))
			return &p->codec[i];
	for (i = 0; i < p->codecs; i++)
		if (strlen(p->codec[i].name) == len &&
		    !memcmp(p->codec[i].name, name, len))
			return &p->codec[i];
	return NULL;
}

static int number(const json_t *o, const char *name, double unit, uint64_t *v,
		  const char *path, struct err *err)
{
	const json_t *n = json_object_get(o, name);
	double d = json_number_value(n);

	if (!json_is_number(n))
		return err_set(err, -EINVAL,
			       "profile %s: \"%s\" is %s; it must be a number",
			       path, name, n ? "no number" : "missing");
	if (d < 0 || d > 1e9)
		return err_set(err, -EINVAL,
			       "profile %s: \"%s\" is %g; it must be 0 to 1e9",
			       path, name, d);
	*v = (uint64_t)llround(d * unit);
	return 0;
}

static int codecs(const json_t *o, struct profile *p, const char *path,
		  struct err *err)
{
	const char *name;
	json_t *c;

	json_object_foreach ((json_t *)o, name, c) {
		struct profile_codec *at_codec = &p->codec[p->codecs];

		if (p->codecs++ == PROFILE_CODECS)
			return err_set(err, -EINVAL,
				       "profile %s: more than %d codecs", path,
				       PROFILE_CODECS);
		strncpy(at_codec->name, name, sizeof(at_codec->name) - 1);
		if (number(c, "compress_ns", 1000, &at_codec->compress[0], path,
			   err) ||
		    number(c, "compress_ns_per_byte", 1000,
			   &at_codec->compress[1], path, err) ||
		    number(c, "expand_ns", 1000, &at_codec->expand[0], path,
			   err) ||
		    number(c, "expand_ns_per_byte", 1000, &at_codec->expand[1],
			   path, err))
			return -EINVAL;
	}
	return 0;
}

/* Finds one of the profiles that come with zlab by its name. */
static const char *find_by_name(const char *name, char *path, size_t len)
{
	char file[NAME_MAX];

	if (strchr(name, '/') || !access(name, F_OK))
		return name;
	snprintf(file, sizeof(file), "%s/%s%s", PROFILE_FOLDER, name,
		 PROFILE_SUFFIX);
	return data_path(path, len, file, NULL) ? name : path;
}

static int is_profile(const struct dirent *d)
{
	size_t n = strlen(d->d_name), tail = strlen(PROFILE_SUFFIX);

	return n > tail && !strcmp(d->d_name + n - tail, PROFILE_SUFFIX);
}

static int no_profile(const char *path, const char *why, struct err *err)
{
	char dir[PATH_MAX], names[256] = "none";
	struct dirent **found;
	size_t len = 0;
	int i, n = -1;

	if (!data_path(dir, sizeof(dir), PROFILE_FOLDER, NULL))
		n = scandir(dir, &found, is_profile, alphasort);
	for (i = 0; i < n; i++) {
		if (len < sizeof(names))
			len += (size_t)snprintf(names + len,
						sizeof(names) - len, "%s%.*s",
						i ? ", " : "",
						(int)(strlen(found[i]->d_name) -
						      strlen(PROFILE_SUFFIX)),
						found[i]->d_name);
		free(found[i]);
	}
	if (n >= 0)
		free(found);
	return err_set(err, -ENOENT, "profile %s: %s; those of zlab: %s", path,
		       why, names);
}

int profile_load(const char *path, struct profile *p, struct err *err)
{
	char found[PATH_MAX];
	uint64_t version = 0, sockets = 0, cores = 0;
	json_error_t where;
	const char *name;
	json_t *o;
	size_t i;
	int ret = -EINVAL;

	memset(p, 0, sizeof(*p));
	path = find_by_name(path, found, sizeof(found));
	o = json_load_file(path, 0, &where);
	if (!o && where.line < 0)
		return no_profile(path, where.text, err);
	if (!o)
		return err_set(err, -EINVAL, "profile %s, line %d: %s", path,
			       where.line, where.text);
	if (number(o, "version", 1, &version, path, err))
		goto out;
	if (version != PROFILE_VERSION) {
		err_set(err, -EINVAL,
			"profile %s is of version %llu; this zlab reads "
			"version %d",
			path, (unsigned long long)version, PROFILE_VERSION);
		goto out;
	}
	name = json_string_value(json_object_get(o, "name"));
	strlcpy(p->name, name ? name : path, sizeof(p->name));
	if (number(o, "sockets", 1, &sockets, path, err) ||
	    number(o, "cores_per_socket", 1, &cores, path, err))
		goto out;
	if (!sockets || !cores || sockets > VIRTUAL_MAX_CPUS ||
	    sockets * cores > VIRTUAL_MAX_CPUS) {
		err_set(err, -EINVAL,
			"profile %s: %llu sockets of %llu cores; 1 to %d cores "
			"are modelled",
			path, (unsigned long long)sockets,
			(unsigned long long)cores, VIRTUAL_MAX_CPUS);
		goto out;
	}
	p->sockets = (unsigned)sockets;
	p->cores = (unsigned)cores;
	for (i = 0; i < NR_FIELDS; i++)
		if (number(json_object_get(o, "cost"), fields[i].name,
			   fields[i].unit, at(&p->cost, &fields[i]), path, err))
			goto out;
	ret = codecs(json_object_get(o, "codec"), p, path, err);
out:
	json_decref(o);
	return ret;
}
