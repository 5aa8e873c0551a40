/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text that somebody else chose (names of files and traces, labels, options),
 * made fit to be printed. Letters that a terminal does not show as letters are
 * escaped as \x1b or \u202e: control characters, line breaks, bytes that are
 * not UTF-8, letters that change the direction of the text around them.
 *
 * JSON output is exact instead: it has its own escapes.
 */
#ifndef ZLAB_TEXT_H
#define ZLAB_TEXT_H

#include <stddef.h>
#include <stdio.h>

/**
 * struct text - room for a text; longer ones are cut
 * @to: the text
 */
struct text {
	char to[1024];
};

/**
 * text_plain() - a text, escaped
 * @room: used if something has to be escaped
 * @text: NULL gives "?"
 *
 * Return: @text or @room->to.
 */
const char *text_plain(struct text *room, const char *text);

/* text_plain() in the arguments of a printf(), with room of the block's own. */
#define PLAIN(s) text_plain(&(struct text){ "" }, (s))

/** text_put() - print the first @len bytes of a text, escaped */
void text_put(FILE *out, const char *text, size_t len);

/**
 * text_dup() - the whole text, escaped
 *
 * Return: a new string, or NULL when memory ran out.
 */
char *text_dup(const char *text);

/** text_cell() - print a text in @width columns: escaped, cut, filled up */
void text_cell(FILE *out, const char *text, int width);

/** text_width() - columns of the first @len bytes of an escaped text */
int text_width(const char *text, size_t len);

#endif
