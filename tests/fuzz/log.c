// SPDX-License-Identifier: GPL-2.0-or-later
/* A kernel's log, against one of the allocators and schedules. */
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "harness/verify/conform.h"
#include "tests/fuzz/fuzz.h"

static const char *const specs[] = {
	"zbud:lru=on", "z3fold@6.1",   "zsmalloc@6.1",
	"z3fold@4.8",  "zsmalloc@4.0", "zsmalloc@6.12",
};
#define SPECS (sizeof(specs) / sizeof(specs[0]))

void fuzz(const uint8_t *data, size_t len)
{
	char path[32];
	int fd = memory_file(data, len, path), k;
	/* What the log says chooses, so that a corpus is a set of logs. */
	size_t chosen = XXH3_64bits(data, len) % (2 * SPECS);
	struct conform_config config = { .log = path,
					 .backend = specs[chosen / 2],
					 .settle_every = chosen % 2 ? 3 : 0 };
	struct conform_result result;
	struct err err = { "" };
	uint64_t sum = 0;

	if (conform_run(&config, &result, &err)) {
		must_say(&err);
	} else {
		for (k = 0; k < CONFORM_KINDS; k++)
			sum += result.differences[k];
		must(sum == result.total && !result.first[0] == !sum);
		must(!result.differences[CONFORM_BYTES]);
	}
	close(fd);
}
