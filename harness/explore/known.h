/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Races that are known and harmless: a list of pairs of functions, each with the
 * reason. What is on it is counted, and is no finding.
 */
#ifndef ZLAB_EXPLORE_KNOWN_H
#define ZLAB_EXPLORE_KNOWN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/err.h"

struct explorer;
struct known_list;

/** KNOWN_LIST - the committed list, for data_path(): of the kernel's sources */
#define KNOWN_LIST "backends/shim/known-races"

/**
 * known_read() - read a list
 * @e: gets it as e->known; NULL before
 *
 * A line that begins in the first column is an entry: the allocator's file and
 * two functions. Indented lines after it say why it is harmless. A race is on
 * the list if each of its places lies in one of the two functions, or in what
 * the compiler put into them, in either order. A # begins a comment.
 *
 * Return: 0, or a negative errno with @err set, also for an entry without a
 * reason.
 */
int known_read(struct explorer *e, const char *path, struct err *err);

/**
 * known_count() - whether the race of a key is known, and has come once more
 *
 * Of those that known_sort() has seen.
 */
bool known_count(struct known_list *known, uint64_t key);

/** known_sort() - take what is on the list out of the findings */
void known_sort(struct explorer *e);

/** known_print() - say how many schedules met which entries; nothing for none */
void known_print(FILE *out, const struct known_list *known);

/** known_json() - the entries that were met: functions, and how many times */
json_t *known_json(const struct known_list *known);

/** known_free() - NULL is allowed */
void known_free(struct known_list *known);

#endif
