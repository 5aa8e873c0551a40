/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory cost of each form of the zspage lock, with the sizes of the kernel's
 * types on a 64-bit machine.
 */
#ifndef ZLAB_CLASS_LOCKS_H
#define ZLAB_CLASS_LOCKS_H

#include <stdint.h>

#include "harness/verify/classes.h"

/**
 * struct class_lock - one form of the zspage lock
 * @zspage: value of the option zspage= in a spec
 * @bytes: what it adds to a zspage; rwlock_t 8, spinlock and count 8,
 *	   struct rw_semaphore 40, atomic_t 4
 * @what: the type, for a table
 */
struct class_lock {
	const char *zspage;
	unsigned bytes;
	const char *what;
};

#define CLASS_LOCKS 6

/** class_locks - all forms; the others are compared with "rwlock" */
extern const struct class_lock class_locks[CLASS_LOCKS];

/** class_lock_bytes() - bytes of the form called @zspage; 0 if unknown */
unsigned class_lock_bytes(const char *zspage);

/**
 * struct class_weights - the objects of a trace, by the class that takes them
 * @trace: name of the trace, a copy
 * @codec: codec whose sizes were used, a copy; "none" for a trace of sizes only
 * @stores: stores whose object has a class
 * @same_filled: stores of same-filled pages, which have no object; not counted
 * @incompressible: stores of a page or more, which are refused; not counted
 * @share: zspages per object, over these stores, every zspage full: a lock of n
 *	   bytes costs n times that
 */
struct class_weights {
	char *trace, *codec;
	uint64_t stores, same_filled, incompressible;
	struct class_share share;
};

/**
 * class_weights_read() - weigh classes by the stores of a trace
 * @t: the classes
 * @path: the trace
 * @codec: a codec whose sizes are in the trace; NULL = lz4, or none for a trace
 *	   of sizes only
 * @w: receives the weights; to be released with class_weights_free()
 * @err: receives the error line
 *
 * Return: 0; -EINVAL when the trace has no sizes of @codec; -ENODATA when none
 * of its stores has an object; -ENOMEM; or any error of the trace.
 */
int class_weights_read(const struct class_table *t, const char *path,
		       const char *codec, struct class_weights *w,
		       struct err *err);

/** class_weights_free() - release what class_weights_read() filled in */
void class_weights_free(struct class_weights *w);

#endif
