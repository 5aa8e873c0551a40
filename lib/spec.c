// SPDX-License-Identifier: GPL-2.0-or-later
/* Parsing and printing of spec strings by the tables of struct spec_desc. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/spec.h"

#define SPEC_MAX_OPTIONS 64

char *spec_next(char **list)
{
	char *spec = *list, *end;

	if (!spec)
		return NULL;
	end = strchrnul(spec, ',');
	while (*end && end[1 + strcspn(end + 1, ",=/:")] == '=')
		end = strchrnul(end + 1, ',');
	*list = *end ? end + 1 : NULL;
	*end = '\0';
	return spec;
}

size_t spec_name_len(const char *spec)
{
	const char *slash = strrchr(spec, '/');
	const char *from = slash ? slash : spec;

	return (size_t)(from - spec) + strcspn(from, ":@");
}

int size_parse(const char *text, long long *bytes)
{
	static const char units[] = "KMGT";
	char *end;
	long long v;
	const char *unit;

	errno = 0;
	v = strtoll(text, &end, 10);
	if (errno || end == text || v < 0)
		return -EINVAL;
	if (*end) {
		unit = strchr(units, *end & ~0x20);
		if (!unit || end[1])
			return -EINVAL;
		if (__builtin_mul_overflow(v, 1LL << (10 * (unit - units + 1)),
					   &v))
			return -EINVAL;
	}
	*bytes = v;
	return 0;
}

/* Describe the accepted values, for error lines and help. */
static void accepted_values(const struct spec_option *o, char *buf, size_t len)
{
	size_t n = 0;
	int i;

	switch (o->kind) {
	case SPEC_BOOL:
		snprintf(buf, len, "on | off");
		return;
	case SPEC_CHOICE:
		buf[0] = '\0';
		for (i = 0; o->choices[i] && n < len; i++)
			n += snprintf(buf + n, len - n, "%s%s", i ? " | " : "",
				      o->choices[i]);
		return;
	case SPEC_INT:
		snprintf(buf, len, "a whole number %.0f..%.0f", o->min, o->max);
		return;
	case SPEC_SIZE:
		snprintf(buf, len, "bytes %.0f..%.0f, K M G T allowed", o->min,
			 o->max);
		return;
	case SPEC_REAL:
		snprintf(buf, len, "a number %g..%g", o->min, o->max);
		return;
	}
}

static int set_number(const struct spec_option *o, const char *val, void *at)
{
	long long v;
	double d;
	char *end;

	errno = 0;
	switch (o->kind) {
	case SPEC_REAL:
		d = strtod(val, &end);
		if (errno || end == val || *end || !isfinite(d) || d < o->min ||
		    d > o->max)
			return -EINVAL;
		*(double *)at = d;
		return 0;
	case SPEC_SIZE:
		if (size_parse(val, &v))
			return -EINVAL;
		break;
	default:
		v = strtoll(val, &end, 10);
		if (errno || end == val || *end)
			return -EINVAL;
	}
	if ((double)v < o->min || (double)v > o->max)
		return -EINVAL;
	*(long long *)at = v;
	return 0;
}

static int set_value(const struct spec_option *o, const char *val, void *params)
{
	void *at = (char *)params + o->offset;
	int i;

	switch (o->kind) {
	case SPEC_BOOL:
		if (strcmp(val, "on") && strcmp(val, "off"))
			return -EINVAL;
		*(long long *)at = !strcmp(val, "on");
		return 0;
	case SPEC_CHOICE:
		for (i = 0; o->choices[i]; i++) {
			if (!strcmp(val, o->choices[i])) {
				*(long long *)at = i;
				return 0;
			}
		}
		return -EINVAL;
	default:
		return set_number(o, val, at);
	}
}

static const struct spec_option *find_option(const struct spec_desc *desc,
					     const char *name, size_t len)
{
	const struct spec_option *o;

	for (o = desc->options; o && o->name; o++)
		if (strlen(o->name) == len && !memcmp(o->name, name, len))
			return o;
	return NULL;
}

static int unknown_option(const struct spec_desc *desc, const char *name,
			  size_t len, struct err *err)
{
	char list[256] = "";
	const struct spec_option *o;
	size_t n = 0;

	for (o = desc->options; o && o->name && n < sizeof(list); o++)
		n += snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "",
			      o->name);
	return err_set(err, -EINVAL,
		       "%s %s has no option \"%.*s\"; it takes %s", desc->what,
		       desc->name, (int)len, name, n ? list : "none");
}

static int apply(const struct spec_desc *desc, const char *opts, void *params,
		 struct err *err)
{
	bool seen[SPEC_MAX_OPTIONS] = { false };
	char val[128], want[256];
	const struct spec_option *o;
	size_t len, eq;

	while (*opts) {
		len = strcspn(opts, ",");
		eq = strcspn(opts, "=");
		if (eq >= len)
			return err_set(err, -EINVAL,
				       "%s %s: \"%.*s\" is not OPTION=VALUE",
				       desc->what, desc->name, (int)len, opts);
		o = find_option(desc, opts, eq);
		if (!o)
			return unknown_option(desc, opts, eq, err);
		if (seen[o - desc->options])
			return err_set(err, -EINVAL,
				       "%s %s: option %s is given twice",
				       desc->what, desc->name, o->name);
		seen[o - desc->options] = true;
		snprintf(val, sizeof(val), "%.*s", (int)(len - eq - 1),
			 opts + eq + 1);
		if (set_value(o, val, params)) {
			accepted_values(o, want, sizeof(want));
			return err_set(err, -EINVAL,
				       "%s %s: %s=%s; %s takes %s", desc->what,
				       desc->name, o->name, val, o->name, want);
		}
		opts += len;
		if (*opts == ',' && !*++opts)
			return err_set(err, -EINVAL,
				       "%s %s: nothing follows the last comma",
				       desc->what, desc->name);
	}
	return 0;
}

static int apply_preset(const struct spec_desc *desc, const char *name,
			size_t len, void *params, struct err *err)
{
	char list[256] = "";
	const struct spec_preset *p;
	size_t n = 0;

	for (p = desc->presets; p && p->name; p++)
		if (strlen(p->name) == len && !memcmp(p->name, name, len))
			return apply(desc, p->opts, params, err);
	for (p = desc->presets; p && p->name && n < sizeof(list); p++)
		n += snprintf(list + n, sizeof(list) - n, "%s@%s",
			      n ? ", " : "", p->name);
	return err_set(err, -EINVAL, "%s %s has no preset \"@%.*s\"; it has %s",
		       desc->what, desc->name, (int)len, name,
		       n ? list : "none");
}

int spec_parse(const struct spec_desc *desc, const char *spec, void *params,
	       struct err *err)
{
	const char *at = spec + spec_name_len(spec);
	const struct spec_option *o;
	size_t len;
	int ret;

	if (desc->params_size)
		memset(params, 0, desc->params_size);
	for (o = desc->options; o && o->name; o++) {
		if (set_value(o, o->def, params))
			return err_set(err, -EINVAL,
				       "%s %s: default %s=%s is not valid",
				       desc->what, desc->name, o->name, o->def);
	}
	if (*at == '@') {
		len = strcspn(++at, ":");
		ret = apply_preset(desc, at, len, params, err);
		if (ret)
			return ret;
		at += len;
	}
	if (*at == ':') {
		if (!*++at)
			return err_set(err, -EINVAL,
				       "%s %s: nothing follows the colon",
				       desc->what, desc->name);
		return apply(desc, at, params, err);
	}
	return 0;
}

/* Print with the fewest digits that parse back to the same number. */
static int print_real(char *buf, size_t len, double v)
{
	char text[32];
	int digits = 15;

	do
		snprintf(text, sizeof(text), "%.*g", digits, v);
	while (strtod(text, NULL) != v && ++digits <= 17);
	return snprintf(buf, len, "%s", text);
}

char *spec_print(const struct spec_desc *desc, const void *params, char *buf,
		 size_t len)
{
	const struct spec_option *o;
	const void *at;
	long long v;
	size_t n;

	n = snprintf(buf, len, "%s", desc->name);
	for (o = desc->options; o && o->name && n < len; o++) {
		at = (const char *)params + o->offset;
		n += snprintf(buf + n, len - n,
			      "%c%s=", o == desc->options ? ':' : ',', o->name);
		if (n >= len)
			break;
		v = o->kind == SPEC_REAL ? 0 : *(const long long *)at;
		if (o->kind == SPEC_REAL)
			n += print_real(buf + n, len - n, *(const double *)at);
		else if (o->kind == SPEC_BOOL)
			n += snprintf(buf + n, len - n, "%s", v ? "on" : "off");
		else if (o->kind == SPEC_CHOICE)
			n += snprintf(buf + n, len - n, "%s", o->choices[v]);
		else
			n += snprintf(buf + n, len - n, "%lld", v);
	}
	return buf;
}

void spec_help(const struct spec_desc *desc, FILE *out)
{
	const struct spec_option *o;
	const struct spec_preset *p;
	char want[256];

	for (o = desc->options; o && o->name; o++) {
		accepted_values(o, want, sizeof(want));
		fprintf(out, "    %-10s %s (default %s)\n", o->name, want,
			o->def);
		fprintf(out, "    %-10s %s\n", "", o->help);
	}
	for (p = desc->presets; p && p->name; p++)
		fprintf(out, "    @%-9s %s\n    %-10s = %s\n", p->name, p->help,
			"", p->opts);
}
