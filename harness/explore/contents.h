/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages that the explorer stores through a front end: each says which store it is
 * of, so a load can be told from all others.
 */
#ifndef ZLAB_EXPLORE_CONTENTS_H
#define ZLAB_EXPLORE_CONTENTS_H

#include "harness/explore/explore.h"

#define CONTENTS_MOST (PROGRAM_SETUP + XCPU_MAX * PROGRAM_OPS + 1)

/**
 * struct contents - what was stored, by versions
 * @page: object and bytes of each; 0 bytes: same-filled
 * @versions: of all objects, counted together from 1
 */
struct contents {
	struct {
		unsigned what, size;
	} page[CONTENTS_MOST];
	uint32_t versions;
};

/** contents_init() - call it once, inside of the world or outside */
void contents_init(void);

/** contents_page() - the page of the CPU that runs; that of some is unaligned */
unsigned char *contents_page(void);

/**
 * contents_make() - the page of a store
 * @what: the object
 * @size: its bytes, at least 8; 0 for a same-filled page
 * @at: receives the page, or the object's bytes
 *
 * Return: its version.
 */
uint32_t contents_make(struct contents *c, unsigned what, unsigned size,
		       unsigned char *at);

/**
 * contents_recognise() - find out what a load gave; what is wrong is reported
 * @what: the object
 * @read: the page
 *
 * Return: the version that it is of, or 0 after a report.
 */
uint32_t contents_recognise(const struct contents *c, unsigned what,
			    const unsigned char *read);

#endif
