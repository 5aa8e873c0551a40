// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The radix trees of zswap's index are a library's, which is not instrumented. So
 * here a change of a tree is an access to its root, which whoever searches the
 * tree has read. The linker puts these calls before the library's.
 */
#include <Judy.h>

#include "backends/sync/explore/machine.h"

PPvoid_t __real_JudyLIns(PPvoid_t root, Word_t index, PJError_t err);
int __real_JudyLDel(PPvoid_t root, Word_t index, PJError_t err);
Word_t __real_JudyLFreeArray(PPvoid_t root, PJError_t err);
PPvoid_t __wrap_JudyLIns(PPvoid_t root, Word_t index, PJError_t err);
int __wrap_JudyLDel(PPvoid_t root, Word_t index, PJError_t err);
Word_t __wrap_JudyLFreeArray(PPvoid_t root, PJError_t err);

/* Instrumented: the library stores to the root and to memory of its own. */
static void begin(PPvoid_t root)
{
	Pvoid_t volatile *at = (Pvoid_t volatile *)root;

	*at = *at;
	xworld_library(true);
}

PPvoid_t __wrap_JudyLIns(PPvoid_t root, Word_t index, PJError_t err)
{
	PPvoid_t value;

	begin(root);
	value = __real_JudyLIns(root, index, err);
	xworld_library(false);
	return value;
}

int __wrap_JudyLDel(PPvoid_t root, Word_t index, PJError_t err)
{
	int ret;

	begin(root);
	ret = __real_JudyLDel(root, index, err);
	xworld_library(false);
	return ret;
}

Word_t __wrap_JudyLFreeArray(PPvoid_t root, PJError_t err)
{
	Word_t bytes;

	begin(root);
	bytes = __real_JudyLFreeArray(root, err);
	xworld_library(false);
	return bytes;
}
