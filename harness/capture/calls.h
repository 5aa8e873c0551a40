/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's functions that a capture watches: the entry points of the
 * allocators, and what of zswap and zram tells whose object is stored. Compilers
 * inline zram's own entry points, but not what frees a page of the device.
 */
#ifndef ZLAB_CAPTURE_CALLS_H
#define ZLAB_CAPTURE_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * enum call_kind - what a call of a function means
 * @CALL_MALLOC: an object is allocated
 * @CALL_FREE: an object is freed
 * @CALL_READ: an object is read
 * @CALL_WRITE: an object is written
 * @CALL_MAP: an object is mapped; CALL_MODE says for what
 * @CALL_COMPACT: the pool is compacted
 * @CALL_PUT: zswap stores pages; their allocations follow in this task
 * @CALL_OWN: zram frees a page of its device, as it also does when it stores
 *	      one: before it allocates the object in some kernels, and right
 *	      after it has written it in others
 */
enum call_kind {
	CALL_MALLOC,
	CALL_FREE,
	CALL_READ,
	CALL_WRITE,
	CALL_MAP,
	CALL_COMPACT,
	CALL_PUT,
	CALL_OWN
};

/**
 * enum call_field - what is known of a call
 * @CALL_POOL: address of the pool
 * @CALL_SIZE: of the object, in bytes
 * @CALL_HANDLE: of the object
 * @CALL_MODE: an enum call_mode
 * @CALL_ZRAM: address of the device
 * @CALL_INDEX: page of the device
 * @CALL_TYPE: number of the swap device
 * @CALL_OFFSET: page of the swap device
 * @CALL_SWAP: both of them in one number, as the kernel packs them
 * @CALL_PAGES: pages that the pool has
 * @CALL_PLACE: where the object is, as zsmalloc packs it
 * @CALL_RET: what the function returns
 */
enum call_field {
	CALL_POOL,
	CALL_SIZE,
	CALL_HANDLE,
	CALL_MODE,
	CALL_ZRAM,
	CALL_INDEX,
	CALL_TYPE,
	CALL_OFFSET,
	CALL_SWAP,
	CALL_PAGES,
	CALL_PLACE,
	CALL_RET,
	CALL_FIELDS
};

/* Values of CALL_MODE, which are the same in every kernel from 4.0 on. */
enum call_mode {
	CALL_MAP_RW,
	CALL_MAP_RO,
	CALL_MAP_WO
};

/**
 * struct call_arg - an argument that is wanted
 * @name: of the parameter in the kernel; NULL ends a list
 * @field: what it is
 * @known: its position from 1, which is the same in every kernel that has the
 *	   function; 0: only BTF can tell
 * @member: fetched is not the argument but this member of what it points to
 * @type: the structure with @member
 * @of: with @member, the parameter that points to it, if it is not @name
 */
struct call_arg {
	const char *name;
	enum call_field field;
	unsigned known;
	const char *member, *type, *of;
};

#define CALL_ARGS 5

/**
 * struct call - a function of the kernel
 * @name: its name
 * @kind: what a call means
 * @module: the module it is in, unless it is built in
 * @args: what is wanted of its arguments
 * @returns: its return is wanted, too
 * @handle: CALL_MALLOC: the handle is returned; else 0 for success
 * @place: what the handle points to says where the object is
 * @filter: of its events, those that are wanted; NULL: all
 * @first_with: CALL_OWN: it comes first in kernels that have this function
 */
struct call {
	const char *name;
	enum call_kind kind;
	const char *module;
	struct call_arg args[CALL_ARGS];
	bool returns, handle, place;
	const char *filter, *first_with;
};

/* All functions; the end has no name. */
extern const struct call calls[];

/* Names of the fields that no parameter of a function has. */
extern const char *const call_field_name[CALL_FIELDS];

/* Added to a function's name in the name of the event of its return. */
#define CALL_RETURN "__ret"
/* The same, for a CALL_OWN before the allocation. */
#define CALL_FIRST "__first"

/**
 * call_find() - the function of an event's name
 * @name: name of the event, not terminated
 * @len: bytes in @name
 * @ret: whether it is the event of its return
 * @first: whether it is a CALL_OWN before the allocation
 *
 * Return: the function, or NULL.
 */
const struct call *call_find(const char *name, size_t len, bool *ret,
			     bool *first);

/**
 * call_field_find() - the field of an argument's name; -1: it is not wanted
 */
int call_field_find(const struct call *call, const char *name, size_t len);

#endif
