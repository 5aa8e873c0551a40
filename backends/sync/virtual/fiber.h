/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fibers: stacks of one thread that switch to each other. */
#ifndef ZLAB_SYNC_FIBER_H
#define ZLAB_SYNC_FIBER_H

#include <stddef.h>
#include <stdint.h>

/**
 * fiber_make() - a fiber that has not run yet
 * @stack: its lowest address; the stack may have been another fiber's, which
 *	   then must not run again
 * @size: bytes of the stack, a multiple of 16
 * @entry: what it runs, which must not return
 *
 * Return: what fiber_switch() takes.
 */
void *fiber_make(uintptr_t stack, size_t size, void (*entry)(void));

/**
 * fiber_switch() - stop here, and go on where another fiber stopped
 * @save: receives where this one stops
 * @to: where the other one stopped
 */
void fiber_switch(void **save, void *to);

#endif
