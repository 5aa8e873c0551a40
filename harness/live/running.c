// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <zlib.h>

#include "harness/live/running.h"

/*
 * First kernel of each preset. Where the locks changed in between, the preset
 * that places objects alike.
 */
static const struct {
	unsigned major, minor;
	const char *preset;
} since[] = {
	{ 7, 3, "7.3" },  { 6, 15, "7.2" }, { 6, 11, "6.12" }, { 6, 3, "6.10" },
	{ 5, 17, "6.1" }, { 4, 1, "5.10" }, { 0, 0, "4.0" },
};

const char *running_preset(const char *release)
{
	unsigned major, minor;
	size_t i = 0;

	if (sscanf(release, "%u.%u", &major, &minor) != 2)
		return NULL;
	while (major < since[i].major ||
	       (major == since[i].major && minor < since[i].minor))
		i++;
	return since[i].preset;
}

unsigned running_chain(const char *path)
{
	gzFile f = gzopen(path, "r");
	unsigned chain = 0, n;
	char line[512];

	if (!f)
		return 0;
	while (!chain && gzgets(f, line, sizeof(line)))
		if (sscanf(line, "CONFIG_ZSMALLOC_CHAIN_SIZE=%u", &n) == 1)
			chain = n;
	gzclose(f);
	return chain;
}

int running_backend(char *spec, size_t len, struct err *err)
{
	const char *preset;
	struct utsname u;
	char boot[sizeof(u.release) + 16];
	unsigned chain;

	uname(&u);
	preset = running_preset(u.release);
	if (!preset)
		return err_set(err, -EINVAL,
			       "kernel %s has no version that a preset of "
			       "zsmalloc could stand for; give --backend",
			       u.release);
	chain = running_chain("/proc/config.gz");
	snprintf(boot, sizeof(boot), "/boot/config-%s", u.release);
	if (!chain)
		chain = running_chain(boot);
	if (chain)
		snprintf(spec, len, "zsmalloc@%s:chain=%u", preset, chain);
	else
		snprintf(spec, len, "zsmalloc@%s", preset);
	return 0;
}
