// SPDX-License-Identifier: GPL-2.0-or-later
/* Compiled as an allocator is: with the instrumentation, copies as calls. */
#include <string.h>

#include "tests/virtual/copies.h"

#define COPY(n)                                   \
	void copy_##n(char *to, const char *from) \
	{                                         \
		memcpy(to, from, n);              \
	}                                         \
	void zero_##n(char *to)                   \
	{                                         \
		memset(to, 0, n);                 \
	}

COPY(1)
COPY(4)
COPY(8)
COPY(12)
COPY(16)
COPY(17)
COPY(24)
COPY(32)
COPY(64)
COPY(4096)

void copy_struct(struct big *to, const struct big *from)
{
	*to = *from;
}

void bump(int *counter)
{
	(*counter)++;
}

void bump_atomic(int *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}
