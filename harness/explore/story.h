/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A story while it is made: events as they happen (story.c), of which rows are
 * made (story_rows.c), which are printed (story_print.c).
 */
#ifndef ZLAB_EXPLORE_STORY_H
#define ZLAB_EXPLORE_STORY_H

#include "harness/explore/front.h"

/* Locks that are named at a step. */
#define HELD 4
#define NOBODY XCPU_MAX

struct event {
	enum {
		EVENT_OP,
		EVENT_END,
		EVENT_POINT
	} what;
	unsigned cpu, by; /* the CPU that has the lock that is wanted */
	uint64_t step;
	const struct op *op;
	struct xpoint p;
	unsigned nr_held;
	struct xlock held[HELD];
};

enum row_kind {
	ROW_OP,
	ROW_END,
	ROW_LOCK,
	ROW_ACCESS,
	ROW_SWITCH
};

/* A line of the story; switches have no number. */
struct row {
	enum row_kind kind;
	unsigned cpu, number, times;
	const void *lock; /* that a ROW_LOCK takes */
	bool marked; /* it is what the finding is about */
	char does[160], place[264], held[200];
};

/* One of the two accesses of a race, or what was done last. */
struct account {
	char who[320], does[440], source[200];
};

/* The CPUs, as a mask, that call for a lock. */
struct use {
	const void *lock;
	unsigned cpus;
};

struct story {
	struct event *event;
	size_t nr_events, room;
	struct use *use;
	size_t nr_uses;
	unsigned shares; /* not 0: there are locks that several CPUs call for */
	struct row *row;
	size_t nr_rows;
	struct account account[2];
	unsigned nr_accounts;
	const struct program *program;
	unsigned cpu[XCPU_MAX], nr_columns; /* CPUs that do something */
	unsigned column[XCPU_MAX];
	const char *kind, *expected, *backend;
	char text[440], setup[1200];
	/* While it is made. */
	struct explorer *e;
	struct xfinding f; /* as it came this time */
	bool came, told;
	long frame; /* in which it was, or -1 */
	const void *stands[XCPU_MAX]; /* where CPUs are in the end */
	unsigned nr_held[XCPU_MAX];
	struct xlock held[XCPU_MAX][HELD];
	uint64_t stop;
};

/**
 * story_rows() - make rows, columns and accounts of a story's events
 *
 * Return: 0, or -ENOMEM; what was made is freed by story_free() in any case.
 */
int story_rows(struct story *s);

#endif
