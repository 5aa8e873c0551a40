// SPDX-License-Identifier: GPL-2.0-or-later
/* A litmus test; what is read is also run, as far as it is small. */
#include <unistd.h>

#include "harness/litmus/litmus.h"
#include "tests/fuzz/fuzz.h"

#define MOST 2000

void fuzz(const uint8_t *data, size_t len)
{
	struct litmus_result res;
	struct err err = { "" };
	struct litmus *l;
	char path[32];
	int fd = memory_file(data, len, path);

	l = litmus_read(path, &err);
	if (!l)
		must_say(&err);
	else if (litmus_run(l, MOST, &res, &err))
		must_say(&err);
	else
		must(res.holding <= res.executions &&
		     res.verdict < LITMUS_VERDICTS);
	litmus_free(l);
	close(fd);
}
