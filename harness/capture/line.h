/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A line of trace_pipe: an event of a probe, a call that the function tracer
 * saw with its arguments, or word of lost events.
 */
#ifndef ZLAB_CAPTURE_LINE_H
#define ZLAB_CAPTURE_LINE_H

#include "harness/capture/calls.h"

/**
 * enum line_kind - what a line says
 * @LINE_CALL: a function was called or returned
 * @LINE_LOST: events were lost
 * @LINE_OTHER: an event that is not wanted, a comment, or nothing
 * @LINE_BAD: an event that cannot be read
 */
enum line_kind {
	LINE_CALL,
	LINE_LOST,
	LINE_OTHER,
	LINE_BAD
};

/**
 * struct line - a line
 * @call: the function
 * @ret: it returned
 * @first: a CALL_OWN before the allocation
 * @traced: of the function tracer, which does not see returns
 * @cpu: number of the CPU
 * @tid: thread
 * @time_ns: in a clock that all CPUs share
 * @has: bit mask of the fields that @value has
 * @value: by enum call_field
 * @lost: number of events that were lost on @cpu
 */
struct line {
	const struct call *call;
	bool ret, first, traced;
	unsigned cpu, tid;
	uint64_t time_ns;
	unsigned has;
	uint64_t value[CALL_FIELDS];
	uint64_t lost;
};

/** line_parse() - read a line, which ends with a zero byte and no newline */
enum line_kind line_parse(const char *text, struct line *line);

/** line_has() - whether a field has a value */
static inline bool line_has(const struct line *line, enum call_field field)
{
	return line->has & (1u << field);
}

#endif
