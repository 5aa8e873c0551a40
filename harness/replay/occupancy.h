/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A map of the pool, which shows fragmentation: how many objects begin in each
 * page frame, and their bytes.
 */
#ifndef ZLAB_OCCUPANCY_H
#define ZLAB_OCCUPANCY_H

#include "harness/swap/swap.h"

/**
 * occupancy_append() - write the map as one line of JSON
 * @s: the swap path; no operation may be running
 * @path: file to append to
 * @when: a word that names the map, such as "before"
 * @trace: a JSON object that names the trace; the caller keeps it
 *
 * The line is {"when", "trace", "backend", "page_size", "pool_pages", "frames": [[frame,
 * objects, bytes], ...]} in ascending order of frames; frames in which no
 * object begins are left out.
 *
 * Return: 0; -ENOTSUP for several pools or a backend that cannot locate its
 * objects; -ENOMEM; or the error of the file, with @err set.
 */
int occupancy_append(const struct swap *s, const char *path, const char *when,
		     json_t *trace, struct err *err);

#endif
