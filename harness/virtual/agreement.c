// SPDX-License-Identifier: GPL-2.0-or-later
/* Native time of one case, and the interval of its virtual times. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/virtual/agreement.h"
#include "harness/cli/cli.h"
#include "harness/compare/sample.h"

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double number(const json_t *o, const char *in, const char *name)
{
	return json_number_value(json_object_get(json_object_get(o, in), name));
}

int agreement_native(struct agreement *a, const struct agreement *null)
{
	double v[AGREEMENT_MAX_RUNS], *n = a->native;
	char threads[16];
	char *args[] = { "zlab",
			 "replay",
			 (char *)a->trace,
			 "--backend",
			 (char *)a->backend,
			 "--threads",
			 threads,
			 "--no-verify",
			 "--sample",
			 "0",
			 "--quiet",
			 "--json",
			 "-",
			 NULL };
	json_t *record;
	unsigned i;
	int ret;

	snprintf(threads, sizeof(threads), "%u", a->threads);
	for (i = 0; i < a->runs; i++) {
		ret = sample_spawn(args, &record);
		if (ret)
			return ret;
		v[i] = number(record, "time", "cpu_ns") /
		       number(record, "counts", "ops_done");
		if (null)
			v[i] -= null->native[0];
		json_decref(record);
	}
	qsort(v, a->runs, sizeof(*v), by_value);
	n[0] = a->runs % 2 ? v[a->runs / 2]
			   : (v[a->runs / 2 - 1] + v[a->runs / 2]) / 2;
	n[1] = v[0];
	n[2] = v[a->runs - 1];
	return 0;
}

static int one_model(const struct agreement *a, const char *profile,
		     double access, bool sum, double *ns)
{
	char vcpus[16], scale[2][32];
	char *args[] = { "zlab",
			 "replay",
			 (char *)a->trace,
			 "--vcpus",
			 vcpus,
			 "--backend",
			 (char *)a->backend,
			 "--profile",
			 (char *)profile,
			 "--scale",
			 scale[0],
			 "--scale",
			 scale[1],
			 "--model",
			 sum ? "sum" : "overlap",
			 "--no-verify",
			 "--json",
			 "-",
			 NULL };
	json_t *record;
	int ret;

	snprintf(vcpus, sizeof(vcpus), "%u", a->threads);
	snprintf(scale[0], sizeof(scale[0]), "access_ns=%.6f", access);
	snprintf(scale[1], sizeof(scale[1]), "call_ns=%.6f", access);
	ret = sample_spawn(args, &record);
	if (ret)
		return ret;
	*ns = number(record, "time", "sys_ns") /
	      number(record, "counts", "ops_done");
	json_decref(record);
	return 0;
}

int agreement_virtual(struct agreement *a, const char *profile, double access)
{
	int ret = one_model(a, profile, access, false, &a->overlap);

	return ret ? ret : one_model(a, profile, access, true, &a->sum);
}

double agreement_off(const struct agreement *a)
{
	double low = a->overlap < a->sum ? a->overlap : a->sum;
	double high = a->overlap < a->sum ? a->sum : a->overlap;

	if (a->native[0] < low)
		return a->native[0] / low - 1;
	return a->native[0] > high ? a->native[0] / high - 1 : 0;
}
