/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What traces are called. A trace is its content, so its SHA-256 says which one
 * it is; its name is a label that several may have. analysis/naming.py has the
 * same rule, so that a report calls a trace as the terminal does.
 */
#ifndef ZLAB_LABEL_H
#define ZLAB_LABEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/**
 * struct label - one trace among others; the caller owns @name and @sha256
 * @name: as in struct zlt_info
 * @sha256: of the file, in hex
 * @text: set by label_traces(): the name, escaped, with the first digits of
 *	  @sha256 if another trace's name gives the same file name
 * @again: for label_traces()
 */
struct label {
	const char *name, *sha256;
	char *text;
	bool again;
};

/**
 * label_traces() - fill in the texts, to be released by label_free()
 * @all: traces, of which the same one may be there several times
 *
 * Return: 0 or -ENOMEM.
 */
int label_traces(struct label *all, size_t n);

/** label_free() - release the texts */
void label_free(struct label *all, size_t n);

/**
 * label_json() - a name as a JSON string, exact if it is UTF-8
 *
 * Return: a new string, in which "?" stands for bytes that are no text; NULL
 * when memory ran out.
 */
json_t *label_json(const char *name);

#endif
