// SPDX-License-Identifier: GPL-2.0-or-later
/* Fibers: a few instructions on x86-64, the C library's contexts elsewhere. */
#include <stdlib.h>
#include <string.h>

#include "backends/sync/virtual/fiber.h"

#ifdef __x86_64__
/* Saves callee-saved registers on the old stack, loads them from the new. */
__asm__(".text\n"
	".globl fiber_switch\n"
	".type fiber_switch, @function\n"
	"fiber_switch:\n"
	"	push %rbp\n"
	"	push %rbx\n"
	"	push %r12\n"
	"	push %r13\n"
	"	push %r14\n"
	"	push %r15\n"
	"	mov %rsp, (%rdi)\n"
	"	mov %rsi, %rsp\n"
	"	pop %r15\n"
	"	pop %r14\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	pop %rbx\n"
	"	pop %rbp\n"
	"	ret\n"
	".size fiber_switch, . - fiber_switch\n");

void *fiber_make(uintptr_t stack, size_t size, void (*entry)(void))
{
	void **sp = (void **)(stack + size);

	*--sp = NULL; /* a call leaves the stack at 8 modulo 16 */
	*--sp = (void *)entry;
	sp -= 6;
	memset(sp, 0, 6 * sizeof(*sp));
	return sp;
}
#else
#include <ucontext.h>

void fiber_switch(void **save, void *to)
{
	ucontext_t here;

	*save = &here;
	swapcontext(&here, to);
}

/* The context lies at the stack's low end, so that it needs no memory. */
void *fiber_make(uintptr_t stack, size_t size, void (*entry)(void))
{
	ucontext_t *u = (ucontext_t *)stack;
	size_t own = (sizeof(*u) + 63) / 64 * 64;

	getcontext(u);
	u->uc_stack.ss_sp = (void *)(stack + own);
	u->uc_stack.ss_size = size - own;
	makecontext(u, entry, 0);
	return u;
}
#endif
