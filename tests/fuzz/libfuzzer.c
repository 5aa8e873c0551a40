// SPDX-License-Identifier: GPL-2.0-or-later
/* What libFuzzer calls. */
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	fuzz(data, len);
	return 0;
}
