// SPDX-License-Identifier: GPL-2.0-or-later
/* A profile of virtual CPUs; what can be read is within what it may be. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/virtual/program.h"
#include "harness/virtual/virtual.h"
#include "tests/fuzz/fuzz.h"

static void check(struct profile *p)
{
	const char *name;
	json_t *costs;
	size_t i;

	must(p->sockets && p->cores && p->codecs <= PROFILE_CODECS);
	must(p->sockets * p->cores <= VIRTUAL_MAX_CPUS);
	must(memchr(p->name, '\0', sizeof(p->name)) != NULL);
	for (i = 0; i < p->codecs; i++) {
		must(memchr(p->codec[i].name, '\0', sizeof(p->codec[i].name)) !=
		     NULL);
		must(profile_codec(p, p->codec[i].name) != NULL);
	}
	for (i = 0; (name = profile_field(i)); i++)
		must(profile_scale(p, name, 1.5));
	costs = profile_costs(p);
	must(costs && json_object_size(costs) == i);
	json_decref(costs);
}

void fuzz(const uint8_t *data, size_t len)
{
	struct err err = { "" };
	struct profile *p = malloc(sizeof(*p));
	char path[32];
	int fd = memory_file(data, len, path);

	must(p != NULL);
	if (profile_load(path, p, &err))
		must_say(&err);
	else
		check(p);
	free(p);
	close(fd);
}
