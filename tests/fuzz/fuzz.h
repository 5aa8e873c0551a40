/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz targets. Each file of mk/test.mk's FUZZ defines fuzz(); it is linked into
 * a fuzzer, with libfuzzer.c, and into a test that runs the corpus, with
 * replay.c.
 */
#ifndef ZLAB_TESTS_FUZZ_H
#define ZLAB_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

/**
 * fuzz() - give bytes of anybody to what reads them
 *
 * Does not return when it finds a fault: it aborts.
 */
void fuzz(const uint8_t *data, size_t len);

/** must() - abort unless @ok */
void must(int ok);

/** must_say() - abort unless @err is one line */
void must_say(const struct err *err);

/**
 * memory_file() - a file in memory that has a path
 * @data: its contents
 * @path: receives the path, which is valid until the descriptor is closed
 *
 * Return: its descriptor.
 */
int memory_file(const uint8_t *data, size_t len, char path[32]);

/** same_bytes() - abort unless two files, which are not empty, are equal */
void same_bytes(int a, int b);

/** fix_checksums() - make all checksums of a trace right, as far as it has any */
void fix_checksums(uint8_t *data, size_t len);

#endif
