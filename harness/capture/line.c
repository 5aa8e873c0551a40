// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "harness/capture/line.h"

/* "CPU:1 [LOST 25 EVENTS]", which the kernel puts where they are missing. */
static bool read_lost(const char *text, struct line *line)
{
	const char *at = strstr(text, "CPU:");
	char *end;

	if (!at)
		return false;
	line->cpu = (unsigned)strtoul(at + 4, &end, 10);
	if (end == at + 4 || strncmp(end, " [LOST ", 7))
		return false;
	at = end + 7;
	line->lost = strtoull(at, &end, 10);
	/* A kernel that does not know how many says nothing there. */
	if (end == at)
		line->lost = 1;
	return strstr(end, "EVENTS]") != NULL;
}

static const char *blanks(const char *at)
{
	while (*at == ' ')
		at++;
	return at;
}

static const char *number(const char *at, uint64_t *value)
{
	char *end;

	if (!isdigit((unsigned char)*at))
		return NULL;
	*value = strtoull(at, &end, 10);
	return end;
}

/* "12.345678: "; some clocks count without a point. */
static const char *read_time(const char *at, uint64_t *ns)
{
	uint64_t whole = 0, part = 0, scale = 1000000000;
	const char *from;

	at = number(at, &whole);
	if (at && *at == '.') {
		from = ++at;
		at = number(from, &part);
		if (!at || at - from > 9)
			return NULL;
		for (; from < at; from++)
			scale /= 10;
		*ns = whole * 1000000000 + part * scale;
	} else {
		*ns = whole;
	}
	return at && at[0] == ':' && at[1] == ' ' ? at + 2 : NULL;
}

/*
 * From the '-' before the thread: "-1234 ( 1230) [001] d..1. 12.345678: ". The
 * process and the flags may be missing, and flags have 4 to 8 letters. A name
 * of a thread may hold nearly anything, but is too short to hold all of this.
 */
static const char *read_context(const char *at, struct line *line)
{
	const char *time;
	uint64_t value;

	at = number(at + 1, &value);
	if (!at || *at != ' ')
		return NULL;
	line->tid = (unsigned)value;
	at = blanks(at);
	if (*at == '(') {
		at = strchr(at, ')');
		if (!at)
			return NULL;
		at = blanks(at + 1);
	}
	if (*at != '[')
		return NULL;
	at = number(at + 1, &value);
	if (!at || *at != ']' || value > UINT16_MAX)
		return NULL;
	line->cpu = (unsigned)value;
	at = blanks(at + 1);
	time = read_time(at, &line->time_ns);
	if (time)
		return time;
	at = strchr(at, ' ');
	return at ? read_time(blanks(at), &line->time_ns) : NULL;
}

static const char *find_event(const char *text, struct line *line)
{
	const char *at, *event;

	for (at = strchr(text, '-'); at; at = strchr(at + 1, '-')) {
		event = read_context(at, line);
		if (event)
			return event;
	}
	return NULL;
}

static size_t word(const char *at)
{
	size_t n = 0;

	while (isalnum((unsigned char)at[n]) || at[n] == '_' || at[n] == '.')
		n++;
	return n;
}

/* What cannot be fetched, as "(fault)", leaves its field without a value. */
static void read_value(struct line *line, const char *name, size_t len,
		       const char *at)
{
	int field = call_field_find(line->call, name, len);
	uint64_t value;
	char *end;

	if (field < 0)
		return;
	value = *at == '-' ? (uint64_t)strtoll(at, &end, 0)
			   : strtoull(at, &end, 0);
	if (end == at)
		return;
	line->value[field] = value;
	line->has |= 1u << field;
}

/* "name=value" with blanks or commas between them. */
static void read_values(struct line *line, const char *at)
{
	size_t len;

	while (*at) {
		len = word(at);
		if (len && at[len] == '=')
			read_value(line, at, len, at + len + 1);
		at += len;
		at += strcspn(at, " ,(");
		at += strspn(at, " ,(");
	}
}

enum line_kind line_parse(const char *text, struct line *line)
{
	const char *at;
	char *end;
	size_t len;

	memset(line, 0, sizeof(*line));
	if (!*text || *text == '#')
		return LINE_OTHER;
	at = find_event(text, line);
	if (!at)
		return read_lost(text, line) ? LINE_LOST : LINE_BAD;
	len = word(at);
	line->call = call_find(at, len, &line->ret, &line->first);
	if (!line->call)
		return len ? LINE_OTHER : LINE_BAD;
	at += len;
	if (at[0] == ':' && at[1] == ' ' && at[2] == '(') {
		/* Of a probe: "event: (function+0x0/0x10) name=value ...". */
		at = strchr(at, ')');
		if (!at)
			return LINE_BAD;
	} else if (*at == '(') {
		/* Of the function tracer: "function(name=value) <-caller". */
		end = strchr(at, ')');
		if (!end || line->ret)
			return LINE_BAD;
		line->traced = true;
		/* Kernels whose function tracer shows arguments have it. */
		line->first = line->call->first_with;
	} else {
		return LINE_BAD;
	}
	read_values(line, at + 1);
	return LINE_CALL;
}
