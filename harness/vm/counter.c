// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A pool's page counter, found in the function of the kernel that returns it.
 * The type information of a kernel is often not there for modules, and not at
 * all in a kernel of one's own.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/vm/guest.h"

/* Enough for what compilers put before the first load. */
#define CODE_BYTES 48

static const struct {
	const char *allocator, *function;
} accessors[] = {
	{ "zsmalloc", "zs_get_total_pages" },
	{ "zbud", "zbud_zpool_total_pages" },
	{ "zbud", "zbud_zpool_total_size" },
	{ "z3fold", "z3fold_zpool_total_pages" },
	{ "z3fold", "z3fold_zpool_total_size" },
};

static bool is(const uint8_t *code, size_t left, const char *want, size_t len)
{
	return left >= len && !memcmp(code, want, len);
}

#define IS(code, left, want) is(code, left, want, sizeof(want) - 1)

/* Length of an instruction that a compiler may put first, or 0. */
static size_t skip(const uint8_t *code, size_t left)
{
	if (IS(code, left, "\xf3\x0f\x1e\xfa")) /* endbr64 */
		return 4;
	/* The tracer's call, replaced by the no-op of this CPU. */
	if (IS(code, left, "\x0f\x1f\x44\x00\x00") ||
	    IS(code, left, "\x66\x66\x66\x66\x90") ||
	    IS(code, left, "\x3e\x8d\x74\x26\x00"))
		return 5;
	if (left >= 5 && code[0] == 0xe8) /* or still there */
		return 5;
	if (IS(code, left, "\x55")) /* push %rbp */
		return 1;
	if (IS(code, left, "\x48\x89\xe5")) /* mov %rsp,%rbp */
		return 3;
	return 0;
}

long counter_decode(const uint8_t *code, size_t len)
{
	const uint8_t *end = code + len;
	int32_t offset;
	size_t n;

	while ((n = skip(code, (size_t)(end - code))))
		code += n;
	/* mov offset(%rdi),%rax with no, a short and a long offset */
	if (IS(code, (size_t)(end - code), "\x48\x8b\x07"))
		return 0;
	if (end - code >= 4 && IS(code, 3, "\x48\x8b\x47"))
		return code[3] < 0x80 ? code[3] : -ENOEXEC;
	if (end - code < 7 || !IS(code, 3, "\x48\x8b\x87"))
		return -ENOEXEC;
	memcpy(&offset, code + 3, sizeof(offset));
	return offset >= 0 ? offset : -ENOEXEC;
}

static unsigned long symbol(const char *name)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	unsigned long at = 0;
	char line[512], is_name[256];

	if (!f)
		return 0;
	while (!at && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*x %*c %255s", is_name) == 1 &&
		    !strcmp(is_name, name))
			at = strtoul(line, NULL, 16);
	fclose(f);
	return at;
}

/* Read kernel memory through the segments of /proc/kcore. */
static int kernel_read(unsigned long at, void *to, size_t len)
{
	int fd = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
	int i, ret = -ENOENT;
	Elf64_Ehdr head;
	Elf64_Phdr p;

	if (fd < 0)
		return -errno;
	if (pread(fd, &head, sizeof(head), 0) != sizeof(head))
		ret = -EIO;
	for (i = 0; ret == -ENOENT && i < head.e_phnum; i++) {
		if (pread(fd, &p, sizeof(p),
			  (off_t)(head.e_phoff + i * sizeof(p))) != sizeof(p))
			break;
		if (p.p_type != PT_LOAD || at < p.p_vaddr ||
		    at - p.p_vaddr + len > p.p_memsz)
			continue;
		ret = pread(fd, to, len,
			    (off_t)(p.p_offset + at - p.p_vaddr)) ==
				      (ssize_t)len
			      ? 0
			      : -EIO;
	}
	close(fd);
	return ret;
}

long counter_offset(const struct guest_plan *plan, struct err *err)
{
	uint8_t code[CODE_BYTES] = { 0 };
	char name[2 * GUEST_WORD] = "";
	unsigned long at = 0;
	long offset;
	size_t i;

	for (i = 0; !at && i < sizeof(accessors) / sizeof(accessors[0]); i++) {
		if (strcmp(accessors[i].allocator, plan->allocator))
			continue;
		snprintf(name, sizeof(name), "%s%s", plan->prefix,
			 accessors[i].function);
		at = symbol(name);
	}
	if (!at)
		return err_set(
			err, -ENOENT,
			"this kernel has no %s, neither built in nor as a "
			"module that it was given (no function %s)",
			plan->allocator, name);
	if (kernel_read(at, code, sizeof(code)))
		return err_set(err, -EIO,
			       "/proc/kcore does not show %s; give the "
			       "counter's place with --counter BYTES",
			       name);
	offset = counter_decode(code, sizeof(code));
	if (offset < 0)
		return err_set(
			err, -ENOEXEC,
			"%s is compiled in a way that is not understood; "
			"give the counter's place with --counter BYTES",
			name);
	return offset;
}
