/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small traces for tests: events made from a seed, written and compared.
 */
#ifndef ZLAB_TESTS_SAMPLE_H
#define ZLAB_TESTS_SAMPLE_H

#include "traces/zlt.h"

/**
 * struct sample - what a trace was written from
 * @events: the events; labels point into @labels
 * @count: how many
 * @pages: the pages behind content ids, or NULL
 * @page_count: how many
 */
struct sample {
	struct zlt_event *events;
	size_t count;
	char (*labels)[32];
	uint8_t *pages;
	uint32_t page_count;
};

/**
 * sample_make() - events of every kind
 * @objects: decides what the objects of stores are
 */
struct sample *sample_make(size_t count, enum zlt_objects objects,
			   uint64_t seed);
void sample_free(struct sample *s);

/**
 * sample_write() - write it as a trace, or fail the test
 */
void sample_write(const struct sample *s, const char *path,
		  const struct zlt_options *opts);

/**
 * sample_put() - the same into an open writer; returns the first error
 */
int sample_put(const struct sample *s, struct zlt_writer *w, bool pages,
	       struct err *err);

/**
 * sample_check() - compare the events that a reader gives with the sample's
 * @from: event that the reader is at
 *
 * Reads to the end or the first error. Fails the test when an event differs.
 * Return: the error of zlt_next(), else 0; @read receives the number of events
 * that were read.
 */
int sample_check(const struct sample *s, struct zlt_reader *r, uint64_t from,
		 uint64_t *read, struct err *err);

/**
 * temp_path() - a path in the test's own directory
 *
 * Return: a static string per @name slot; up to 8 are alive at one time.
 */
const char *temp_path(const char *name);

/**
 * file_load() - all bytes of a file, or fail the test; free() them
 */
uint8_t *file_load(const char *path, size_t *len);
void file_save(const char *path, const void *data, size_t len);

#endif
