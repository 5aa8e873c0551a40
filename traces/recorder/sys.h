/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System calls without the C library: the handler thread has no thread-local
 * storage, so it must not access errno. Every call returns the kernel's value, a
 * negative errno on failure.
 */
#ifndef ZLAB_TRACES_RECORDER_SYS_H
#define ZLAB_TRACES_RECORDER_SYS_H

#include <linux/ioctl.h>
#include <linux/userfaultfd.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#ifndef __x86_64__
#error "the recorder patches machine code of x86-64 only"
#endif

static inline long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
			   "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

#define SYS_ARG(x) ((long)(x))
#define sys(nr, a, b, c, d, e, f)                                            \
	sys6(nr, SYS_ARG(a), SYS_ARG(b), SYS_ARG(c), SYS_ARG(d), SYS_ARG(e), \
	     SYS_ARG(f))

static inline long sys_read(int fd, void *buf, size_t len)
{
	return sys(SYS_read, fd, buf, len, 0, 0, 0);
}

static inline long sys_write(int fd, const void *buf, size_t len)
{
	return sys(SYS_write, fd, buf, len, 0, 0, 0);
}

static inline long sys_close(int fd)
{
	return sys(SYS_close, fd, 0, 0, 0, 0, 0);
}

static inline long sys_ioctl(int fd, unsigned long req, void *arg)
{
	return sys(SYS_ioctl, fd, req, arg, 0, 0, 0);
}

static inline long sys_mmap(void *addr, size_t len, int prot, int flags, int fd,
			    uint64_t off)
{
	return sys(SYS_mmap, addr, len, prot, flags, fd, off);
}

static inline long sys_madvise(void *addr, size_t len, int advice)
{
	return sys(SYS_madvise, addr, len, advice, 0, 0, 0);
}

/* Definitions that older kernel headers lack. */
#define REC_UFFD_FEATURE_MOVE (1ull << 16)

struct rec_uffdio_move {
	uint64_t dst;
	uint64_t src;
	uint64_t len;
	uint64_t mode;
	int64_t move;
};

#define REC_UFFDIO_MOVE _IOWR(UFFDIO, 0x05, struct rec_uffdio_move)

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#endif
