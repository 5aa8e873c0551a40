// SPDX-License-Identifier: GPL-2.0-or-later
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>

#include "lib/plugin.h"
#include "lib/spec.h"

int plugin_complete(const struct plugin_call *calls, size_t n, struct err *err)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!calls[i].there)
			return err_set(err, -EINVAL, "it has no .%s",
				       calls[i].name);
	return 0;
}

static int check(const struct plugin *kind, const char *path, void *so,
		 const void *table, struct err *err)
{
	int ret;

	if (!table && dlsym(so, kind->other))
		return err_set(err, -EINVAL, "%s %s", path, kind->instead);
	if (!table)
		return err_set(err, -EINVAL,
			       "%s exports no \"%s\"; a %s defines %s", path,
			       kind->table, kind->what, kind->defined);
	ret = kind->check_abi(table, err);
	if (ret) {
		err_prefix(err, "%s was built for another zlab, rebuild it",
			   path);
		return ret;
	}
	ret = kind->check(table, err);
	if (ret)
		err_prefix(err, "%s %s is not complete", kind->what, path);
	return ret;
}

const void *plugin_load(const struct plugin *kind, const char *spec,
			struct err *err)
{
	const void *table;
	const char *why;
	char path[4096];
	void *so;

	snprintf(path, sizeof(path), "%.*s", (int)spec_name_len(spec), spec);
	so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!so) {
		why = dlerror();
		err_set(err, -ENOENT, "%s %s cannot be loaded: %s", kind->what,
			path, kind->explain ? kind->explain(why) : why);
		return NULL;
	}
	table = dlsym(so, kind->table);
	if (!check(kind, path, so, table, err))
		return table;
	dlclose(so);
	return NULL;
}
