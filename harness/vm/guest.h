/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The program that runs as /init in the virtual machine of "zlab vm". It sets
 * probes on the allocator, plays a trace through the kernel's zram or zswap,
 * and sends what the kernel's tracer says to the host.
 *
 * To the host goes one stream of lines, compressed as gzip does: lines of
 * tracefs as they are, and lines of this program, which begin with "# ":
 *
 *	# kernel RELEASE
 *	# counter BYTES			where the pool keeps its number of pages
 *	# mark LABEL\tNAME=VALUE...	a checkpoint and the kernel's counters
 *	# classes LINE			the kernel's table of size classes, if it has one
 *	# said LINE			what a program of @tool of the plan printed
 *	# error TEXT			why nothing follows
 *	# end EVENTS MISSED		all was played; probes that did not fire
 *
 * analysis/vm/log.py reads it. Everything here runs in one process of one CPU,
 * so that the order of calls is the order of the trace.
 */
#ifndef ZLAB_VM_GUEST_H
#define ZLAB_VM_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "traces/zlt.h"

#define GUEST_WORD 64
#define GUEST_MODULES 32
#define GUEST_PROGRAMS 8

/**
 * struct guest_plan - what the host asks for; the lines of /plan
 * @user: "zram" or "zswap"
 * @allocator: "zsmalloc", "zbud" or "z3fold"
 * @codec: the kernel's name of the compressor
 * @trace: path of the trace, or "" to run @programs
 * @prefix: what the names of the allocator's functions begin with, where another
 *	    allocator of that name is built into the kernel
 * @counter: offset of the pool's page counter in bytes, or -1 to find it
 * @swap_kb: size of the device that zswap writes to
 * @limit_kb: limit of the memory cgroup that @programs share
 * @module: modules in the order in which to load them: path, then parameters
 * @program: commands, run at the same time; words are separated by one space
 * @tool: commands, run one after the other instead of all this, with no probes
 */
struct guest_plan {
	char user[GUEST_WORD], allocator[GUEST_WORD], codec[GUEST_WORD];
	char trace[GUEST_WORD], prefix[GUEST_WORD];
	long counter;
	unsigned long swap_kb, limit_kb;
	char *module[GUEST_MODULES];
	char *program[GUEST_PROGRAMS];
	char *tool[GUEST_PROGRAMS];
};

/** plan_read() - read a plan. Return: 0 or a negative errno */
int plan_read(const char *path, struct guest_plan *plan, struct err *err);

/* ---- link.c: the stream to the host ------------------------------------ */

/** link_open() - begin the stream on a terminal. Return: 0 or a negative errno */
int link_open(const char *path, struct err *err);

/** link_send() - append bytes; what cannot be sent is lost with the machine */
void link_send(const char *text, size_t len);

/** link_say() - append a line */
void link_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** link_flush() - let the host read all that was appended */
void link_flush(void);

/** link_close() - end the stream and wait until it is out */
void link_close(void);

/* ---- counter.c: where a pool keeps its number of pages ------------------ */

/**
 * counter_offset() - offset of the page counter in a pool
 * @plan: whose, and what its functions are called
 *
 * Read from the kernel's own function that returns the counter, so that it
 * needs no debug information and is right for every build.
 *
 * Return: the offset, or a negative errno.
 */
long counter_offset(const struct guest_plan *plan, struct err *err);

/**
 * counter_decode() - the offset that an accessor of x86-64 reads
 * @code: the first bytes of a function that returns a member of its argument
 * @len: how many
 *
 * Return: the offset in bytes, or -ENOEXEC for other code.
 */
long counter_decode(const uint8_t *code, size_t len);

/* ---- probes.c: tracefs --------------------------------------------------- */

/**
 * probes_set() - log every call of the allocator from here on
 *
 * The allocator's module must be loaded. Return: 0 or a negative errno.
 */
int probes_set(const struct guest_plan *plan, struct err *err);

/** probes_drain() - send what was logged since the last call */
void probes_drain(void);

/** probes_missed() - calls that were not logged so far, or -1 if unknown */
long probes_missed(void);

/* ---- the users of the allocator ------------------------------------------ */

/**
 * struct guest_user - a part of the kernel that stores pages
 * @name: as in a plan
 * @swap: make it ready as the place that memory is swapped to
 * @begin: make it ready for pages of keys 0..@keys - 1
 * @store: give it the page of a key
 * @load: read the page of a key back
 * @drop: release the page of a key
 * @compact: compact the pool; NULL where the kernel offers no way
 * @counters: say its counters as " NAME=VALUE..." of up to @len bytes
 *
 * All but @counters return 0 or a negative errno with the line set.
 */
struct guest_user {
	const char *name;
	int (*swap)(const struct guest_plan *plan, struct err *err);
	int (*begin)(const struct guest_plan *plan, uint64_t keys,
		     struct err *err);
	int (*store)(uint64_t key, const void *page, struct err *err);
	int (*load)(uint64_t key, struct err *err);
	int (*drop)(uint64_t key, struct err *err);
	int (*compact)(struct err *err);
	void (*counters)(char *text, size_t len);
};

extern const struct guest_user user_zram, user_zswap;

/** play_trace() - all events of the trace. Return: 0 or a negative errno */
int play_trace(const struct guest_user *user, const struct guest_plan *plan,
	       uint64_t *events, struct err *err);

/**
 * play_programs() - run programs in a memory cgroup that is too small for them
 *
 * What they print goes to the kernel's console. Return: 0; -ECHILD when one of
 * them fails; or a negative errno.
 */
int play_programs(const struct guest_user *user, const struct guest_plan *plan,
		  struct err *err);

/**
 * play_tools() - run the plan's tools, and send what they print
 *
 * Return: 0; -ECHILD when one of them fails; or a negative errno.
 */
int play_tools(const struct guest_plan *plan, struct err *err);

/* ---- files.c, swap.c, main.c --------------------------------------------- */

/** file_put() - write a text to a file. Return: 0 or a negative errno */
int file_put(const char *path, const char *text, struct err *err);

/** file_get() - read a file's first bytes as a text. Return: 0 or -errno */
int file_get(const char *path, char *text, size_t len);

/** swap_on() - swap to a device of @kb KiB. Return: 0 or a negative errno */
int swap_on(const char *device, unsigned long kb, struct err *err);

/** checkpoint() - drain the probes, then send a mark with the counters */
void checkpoint(const struct guest_user *user, const char *label);

#endif
