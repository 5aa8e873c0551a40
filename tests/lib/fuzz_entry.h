/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fuzzers feed, and what the corpus is run through in the tests.
 * Neither returns when it finds a fault: it aborts.
 */
#ifndef ZLAB_TESTS_FUZZ_ENTRY_H
#define ZLAB_TESTS_FUZZ_ENTRY_H

#include <stddef.h>
#include <stdint.h>

/**
 * fuzz_zlt() - read bytes as a trace, as they are and with its checksums fixed
 */
void fuzz_zlt(const uint8_t *data, size_t len);

/**
 * fuzz_csv() - import bytes as CSV; what can be imported must round-trip
 */
void fuzz_csv(const uint8_t *data, size_t len);

#endif
