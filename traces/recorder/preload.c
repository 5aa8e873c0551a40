/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The code that runs in the program's own threads: start of the recorder, hooks
 * of the calls that map new memory, fork and exit.
 *
 * The C library's malloc calls its own mmap, brk and madvise directly, so they
 * cannot be interposed; instead the first bytes of these three functions are
 * overwritten with a jump to a hook. munmap and mremap need no hook: the kernel
 * reports them.
 *
 * attach() may run inside malloc (in a forked child, when it first maps memory),
 * so only init() may call the C library.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "traces/recorder/reclaim.h"

#define STACK_BYTES (64ull << 10)
/* The top of a thread's stack mapping: its control block and static TLS. */
#define THREAD_TOP (16ull << 10)

extern void *__curbrk;
extern const char __ehdr_start __attribute__((visibility("hidden")));
extern const char _end __attribute__((visibility("hidden")));

/* The recorder of this process. A child inherits the pointer, not the memory. */
static struct rec *rec;
/* 1 in the process that attached, 0 in a child of it (MADV_WIPEONFORK). */
static uint32_t *attached;
static uint64_t *gate;
static bool fork_events;
/* A forked child that has not attached yet, and may. */
static bool may_attach;
/* This process is a forked child that did not exec. */
static bool forked;
static struct sockaddr_un collector;
static socklen_t collector_len;
static int (*vdso_gettime)(clockid_t clock, struct timespec *ts);

static int syscall_gettime(clockid_t clock, struct timespec *ts)
{
	return (int)sys(SYS_clock_gettime, clock, ts, 0, 0, 0, 0);
}

static bool is_error(long ret)
{
	return ret < 0 && ret > -4096;
}

static bool recording(void)
{
	return rec && *attached;
}

/* ---- requests to the handler ------------------------------------------- */

static void send_request(enum doorbell_op op, uint64_t addr, uint64_t len)
{
	struct rec *r = rec;
	uint32_t i, idle;
	uint8_t *page;

	for (i = 0;; i = (i + 1) % DOORBELLS) {
		idle = 0;
		if (__atomic_compare_exchange_n(&r->doorbell[i].busy, &idle, 1,
						false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			break;
		if (i == DOORBELLS - 1)
			sys(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
	}
	r->doorbell[i].addr = addr;
	r->doorbell[i].len = len;
	__atomic_store_n(&r->doorbell[i].op, op, __ATOMIC_RELEASE);
	page = r->doorbell_pages + i * REC_PAGE;
	(void)*(volatile uint8_t *)page;
	sys_madvise(page, REC_PAGE, MADV_DONTNEED);
	__atomic_store_n(&r->doorbell[i].busy, 0, __ATOMIC_RELEASE);
}

/* ---- attaching ---------------------------------------------------------- */

static long connect_collector(struct rec_welcome *w, int *memory)
{
	struct rec_hello hello = {
		.magic = REC_MAGIC,
		.pid = (uint32_t)sys(SYS_getpid, 0, 0, 0, 0, 0, 0),
	};
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} ctl;
	struct iovec iov = { .iov_base = w, .iov_len = sizeof(*w) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = ctl.buf,
		.msg_controllen = sizeof(ctl.buf),
	};
	long sock, ret;

	*memory = -1;
	sock = sys(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, 0, 0,
		   0);
	if (sock < 0)
		return sock;
	ret = sys(SYS_connect, sock, &collector, collector_len, 0, 0, 0);
	if (ret == 0)
		ret = sys(SYS_sendto, sock, &hello, sizeof(hello), MSG_NOSIGNAL,
			  NULL, 0);
	if (ret > 0)
		ret = sys(SYS_recvmsg, sock, &msg, MSG_CMSG_CLOEXEC, 0, 0, 0);
	/* NOLINTNEXTLINE(clang-analyzer-core.*): received above */
	if (ret == sizeof(*w) && w->magic == REC_MAGIC &&
	    msg.msg_controllen >= CMSG_LEN(sizeof(int))) {
		*memory = *(int *)CMSG_DATA(&ctl.align);
		return sock;
	}
	sys_close((int)sock);
	return ret < 0 ? ret : -ECONNREFUSED;
}

static int open_uffd(uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	long fd = sys(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK, 0, 0, 0, 0, 0);
	long dev;

	if (fd < 0) {
		dev = sys(SYS_openat, AT_FDCWD, "/dev/userfaultfd",
			  O_RDWR | O_CLOEXEC, 0, 0, 0);
		if (dev < 0)
			return (int)fd;
		fd = sys(SYS_ioctl, dev, _IO(0xAA, 0), O_CLOEXEC | O_NONBLOCK,
			 0, 0, 0);
		sys_close((int)dev);
	}
	if (fd >= 0 && sys_ioctl((int)fd, UFFDIO_API, &api) < 0) {
		sys_close((int)fd);
		return -EPERM;
	}
	return (int)fd;
}

static long open_both(struct rec *r)
{
	const uint64_t changes = UFFD_FEATURE_EVENT_REMAP |
				 UFFD_FEATURE_EVENT_REMOVE |
				 UFFD_FEATURE_EVENT_UNMAP |
				 UFFD_FEATURE_THREAD_ID | REC_UFFD_FEATURE_MOVE;

	r->fork_events = true;
	r->a = open_uffd(changes | UFFD_FEATURE_EVENT_FORK);
	if (r->a == -EPERM) {
		r->fork_events = false;
		r->a = open_uffd(changes);
	}
	r->b = open_uffd(REC_UFFD_FEATURE_MOVE);
	return r->a < 0 ? r->a : r->b < 0 ? r->b : 0;
}

static void *reserve(uint64_t len, int flags)
{
	long p = sys_mmap(NULL, len, PROT_READ | PROT_WRITE,
			  MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);

	if (is_error(p))
		return NULL;
	if (flags & MAP_SHARED)
		sys_madvise((void *)p, len, MADV_DONTFORK);
	return (void *)p;
}

static long map_file(struct rec *r, int fd, uint32_t index)
{
	uint64_t at = REC_HEAD_BYTES + index * REC_SEGMENT_BYTES;
	int prot = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_NORESERVE;
	long g, s;

	g = sys_mmap(NULL, REC_HEAD_BYTES, prot, flags, fd, 0);
	s = sys_mmap(NULL, REC_SEGMENT_BYTES, prot, flags, fd, at);
	if (is_error(g) || is_error(s))
		return -ENOMEM;
	sys_madvise((void *)g, REC_HEAD_BYTES, MADV_DONTFORK);
	sys_madvise((void *)s, REC_SEGMENT_BYTES, MADV_DONTFORK);
	r->g = (struct rec_global *)g;
	r->p = (struct rec_proc *)((uint8_t *)g + REC_PAGE) + index;
	r->ring = (struct rec_event *)s;
	r->swap = (uint8_t *)s + REC_RING_BYTES;
	return 0;
}

static long register_missing(int fd, const void *addr, uint64_t len)
{
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)addr, .len = len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	return sys_ioctl(fd, UFFDIO_REGISTER, &reg);
}

/* A full ring costs only the rest of the inactive list. */
static uint64_t staging_size(const struct rec_global *g)
{
	uint64_t size = 4096;

	if (g->percent)
		return 1ull << 20;
	while (size < 2 * g->limit && size < 1ull << 26 &&
	       g->limit != REC_NO_LIMIT)
		size *= 2;
	return size;
}

/*
 * The layout is [guard][staging ring][doorbells][guard][gate][attached][guard]. The
 * guards keep the kernel from merging the gate with adjacent memory of the
 * program.
 */
static long map_private(struct rec *r)
{
	uint64_t ring, len;
	uint8_t *p;

	r->staging_size = staging_size(r->g);
	ring = r->staging_size * REC_PAGE;
	len = ring + (DOORBELLS + 5) * REC_PAGE;
	p = reserve(len, MAP_PRIVATE);
	if (!p)
		return -ENOMEM;
	r->private = (uintptr_t)p;
	r->private_end = r->private + len;
	r->staging = p + REC_PAGE;
	r->doorbell_pages = r->staging + ring;
	r->gate = r->doorbell_pages + (DOORBELLS + 1) * REC_PAGE;
	sys_madvise(r->staging, ring, MADV_NOHUGEPAGE);
	sys_madvise(p, len - 3 * REC_PAGE, MADV_DONTFORK);
	sys_madvise(r->gate + REC_PAGE, REC_PAGE, MADV_WIPEONFORK);
	sys(SYS_mprotect, p, REC_PAGE, PROT_NONE, 0, 0, 0);
	sys(SYS_mprotect, r->gate - REC_PAGE, REC_PAGE, PROT_NONE, 0, 0, 0);
	sys(SYS_mprotect, r->gate + 2 * REC_PAGE, REC_PAGE, PROT_NONE, 0, 0, 0);
	if (register_missing(r->b, r->staging, ring + DOORBELLS * REC_PAGE) < 0)
		return -EINVAL;
	return register_missing(r->a, r->gate, REC_PAGE);
}

static long map_tables(struct rec *r)
{
	r->zero = reserve(2 * REC_PAGE, MAP_SHARED);
	r->staged = reserve(r->staging_size * sizeof(*r->staged), MAP_SHARED);
	r->freed = reserve(REC_SLOTS * sizeof(*r->freed), MAP_SHARED);
	r->freed_at = reserve(REC_SLOTS * sizeof(*r->freed_at), MAP_SHARED);
	if (r->g->verify)
		r->hashes = reserve(REC_SLOTS * sizeof(*r->hashes), MAP_SHARED);
	if (!r->zero || !r->staged || !r->freed || !r->freed_at ||
	    (r->g->verify && !r->hashes))
		return -ENOMEM;
	/* UFFDIO_COPY needs its source page to be present. */
	*(volatile uint8_t *)r->zero = 0;
	return pages_init(&r->pages);
}

/* Close all files in the handler's own table that it does not use. */
static void keep_only(struct rec *r)
{
	int keep[4] = { r->a, r->b, r->sock, r->tasks };
	int i, j, t;
	long low = 0;

	for (i = 0; i < 4; i++)
		for (j = i + 1; j < 4; j++)
			if (keep[j] < keep[i]) {
				t = keep[i];
				keep[i] = keep[j];
				keep[j] = t;
			}
	for (i = 0; i < 4; i++) {
		if (keep[i] > low)
			sys(SYS_close_range, low, keep[i] - 1, 0, 0, 0, 0);
		low = keep[i] + 1;
	}
	sys(SYS_close_range, low, ~0u, 0, 0, 0, 0);
}

static int thread(void *arg)
{
	keep_only(arg);
	return rec_handler(arg);
}

static long spawn(struct rec *r)
{
	const unsigned long flags = CLONE_VM | CLONE_FS | CLONE_SIGHAND |
				    CLONE_THREAD | CLONE_SYSVSEM;
	uint8_t *stack = reserve(STACK_BYTES, MAP_SHARED);
	uint64_t all = ~0ull, old;
	register long r10 __asm__("r10") = 0;
	register long r8 __asm__("r8") = 0;
	register void *arg __asm__("r12") = r;
	register void *fn __asm__("r13") = (void *)thread;
	long ret;

	if (!stack)
		return -ENOMEM;
	sys(SYS_rt_sigprocmask, 0, &all, &old, 8, 0, 0);
	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r12, %%rdi\n\t"
			 "call *%%r13\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(ret)
			 : "a"(SYS_clone), "D"(flags), "S"(stack + STACK_BYTES),
			   "d"(0), "r"(r10), "r"(r8), "r"(arg), "r"(fn)
			 : "rcx", "r11", "memory");
	sys(SYS_rt_sigprocmask, 2, &old, NULL, 8, 0, 0);
	return ret;
}

static void warn(const char *text)
{
	sys_write(2, text, strlen(text));
}

static void attach(void)
{
	struct rec_welcome w;
	struct rec *r;
	int memory;
	long ret;

	may_attach = false;
	r = reserve(sizeof(*r), MAP_SHARED);
	if (!r)
		return;
	r->a = r->b = r->tasks = -1;
	r->forked = forked;
	r->gettime = vdso_gettime;
	r->pid = (uint32_t)sys(SYS_getpid, 0, 0, 0, 0, 0, 0);
	r->image = (uintptr_t)&__ehdr_start;
	r->image_end = (uintptr_t)&_end;
	r->sock = (int)connect_collector(&w, &memory);
	if (r->sock < 0)
		return;
	ret = map_file(r, memory, w.index);
	if (!ret)
		ret = open_both(r);
	if (!ret)
		ret = map_private(r);
	if (!ret)
		ret = map_tables(r);
	if (!ret) {
		r->tasks =
			(int)sys(SYS_openat, AT_FDCWD, "/proc/self/task",
				 O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0, 0);
		ret = spawn(r);
	}
	sys_close(memory);
	sys_close(r->sock);
	sys_close(r->a);
	sys_close(r->b);
	sys_close(r->tasks);
	if (ret < 0) {
		warn("zlab: a process runs unrecorded: userfaultfd, memory "
		     "or threads are denied to it\n");
		return;
	}
	gate = (uint64_t *)r->gate;
	attached = (uint32_t *)(r->gate + REC_PAGE);
	*attached = 1;
	fork_events = r->fork_events;
	rec = r;
	send_request(DOORBELL_SYNC, 0, 0);
}

/* ---- new memory ---------------------------------------------------------- */

static void watch(uint64_t start, uint64_t end)
{
	if (start >= end)
		return;
	if (may_attach)
		attach();
	if (recording())
		send_request(DOORBELL_REGISTER, start, end - start);
}

static uint64_t page_up(uint64_t x)
{
	return (x + REC_PAGE - 1) & ~(REC_PAGE - 1);
}

static void *hook_mmap(void *addr, size_t len, int prot, int flags, int fd,
		       off_t off)
{
	const int need = MAP_PRIVATE | MAP_ANONYMOUS;
	const int refuse = MAP_HUGETLB | MAP_GROWSDOWN | MAP_LOCKED;
	bool record = (flags & (need | refuse)) == need &&
		      !(prot & PROT_EXEC) && (may_attach || recording());
	uint64_t start, end;
	long ret;

	if (record)
		flags &= ~MAP_POPULATE;
	ret = sys_mmap(addr, len, prot, flags, fd, (uint64_t)off);
	if (is_error(ret)) {
		errno = (int)-ret;
		return MAP_FAILED;
	}
	start = (uint64_t)ret;
	end = start + page_up(len);
	/*
	 * When a thread exits, the kernel clears its id at the top of its stack
	 * mapping. A fault at that moment cannot be served, and the thread that
	 * joins it would wait for ever.
	 */
	if (flags & MAP_STACK)
		end = end - start > THREAD_TOP ? end - THREAD_TOP : start;
	if (record)
		watch(start, end);
	return (void *)ret;
}

static int hook_brk(void *addr)
{
	uint64_t old = (uintptr_t)__curbrk;
	uint64_t now = (uint64_t)sys(SYS_brk, addr, 0, 0, 0, 0, 0);

	__curbrk = (void *)now;
	if (now < (uintptr_t)addr) {
		errno = ENOMEM;
		return -1;
	}
	if (old)
		watch(page_up(old), page_up(now));
	return 0;
}

static int hook_madvise(void *addr, size_t len, int advice)
{
	long ret;

	if (recording()) {
		/* After MADV_FREE a page could disappear without an event. */
		if (advice == MADV_FREE)
			advice = MADV_DONTNEED;
		/* A child must read zeros there, not get a copy. */
		if (advice == MADV_WIPEONFORK &&
		    !((uintptr_t)addr & (REC_PAGE - 1)))
			send_request(DOORBELL_RELEASE, (uintptr_t)addr,
				     page_up(len));
	}
	ret = sys_madvise(addr, len, advice);
	if (!ret)
		return 0;
	errno = (int)-ret;
	return -1;
}

/* ---- fork and exit -------------------------------------------------------- */

static void before_fork(void)
{
	if (recording() && !fork_events)
		send_request(DOORBELL_FREEZE, 0, 0);
}

static void after_fork_parent(void)
{
	if (recording())
		send_request(fork_events ? DOORBELL_SYNC : DOORBELL_THAW, 0, 0);
}

static void after_fork_child(void)
{
	if (!rec)
		return;
	rec = NULL;
	may_attach = forked = true;
	if (fork_events && *(volatile uint64_t *)gate != GATE_OPEN) {
		warn("zlab: a forked child did not get all of its memory, "
		     "because its parent died or memory ran out; ending "
		     "it\n");
		sys(SYS_kill, sys(SYS_getpid, 0, 0, 0, 0, 0, 0), 9, 0, 0, 0, 0);
	}
}

static uint64_t anonymous_kib(void)
{
	char buf[2048];
	const char *s;
	uint64_t kib = 0;
	long fd = sys(SYS_openat, AT_FDCWD, "/proc/self/smaps_rollup",
		      O_RDONLY | O_CLOEXEC, 0, 0, 0);
	long len;

	if (fd < 0)
		return 0;
	len = sys_read((int)fd, buf, sizeof(buf) - 1);
	sys_close((int)fd);
	buf[len > 0 ? len : 0] = 0;
	s = strstr(buf, "\nAnonymous:");
	for (s = s ? s + strlen("\nAnonymous:") : ""; *s == ' '; s++)
		;
	for (; *s >= '0' && *s <= '9'; s++)
		kib = kib * 10 + (uint64_t)(*s - '0');
	return kib;
}

__attribute__((destructor)) static void fini(void)
{
	struct rec_proc *p;

	if (!recording())
		return;
	p = rec->p;
	p->exit_anon = anonymous_kib();
	p->exit_swapped = p->swapped;
	p->exit_resident = (uint64_t)p->resident;
}

/* ---- start ----------------------------------------------------------------- */

/* jmp *0(%rip), then the address */
static bool patch(void *libc, const char *name, void *to)
{
	uint8_t code[14] = { 0xff, 0x25, 0, 0, 0, 0 };
	void *from = dlsym(libc, name);
	const ElfW(Sym) *sym = NULL;
	uintptr_t page, end;
	Dl_info info;

	if (!from || !dladdr1(from, &info, (void **)&sym, RTLD_DL_SYMENT) ||
	    !sym || sym->st_size < sizeof(code))
		return false;
	memcpy(code + 6, &to, sizeof(to));
	page = (uintptr_t)from & ~(REC_PAGE - 1);
	end = page_up((uintptr_t)from + sizeof(code));
	if (sys(SYS_mprotect, page, end - page,
		PROT_READ | PROT_WRITE | PROT_EXEC, 0, 0, 0))
		return false;
	memcpy(from, code, sizeof(code));
	sys(SYS_mprotect, page, end - page, PROT_READ | PROT_EXEC, 0, 0, 0);
	return true;
}

__attribute__((constructor)) static void init(void)
{
	const char *name = getenv(REC_ENV);
	void *libc, *vdso;

	if (!name || strlen(name) > sizeof(collector.sun_path) - 2)
		return;
	collector.sun_family = AF_UNIX;
	memcpy(collector.sun_path + 1, name, strlen(name));
	collector_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
				    strlen(name));
	vdso = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
	vdso_gettime = (int (*)(clockid_t, struct timespec *))(
		vdso ? dlsym(vdso, "__vdso_clock_gettime") : NULL);
	if (!vdso_gettime)
		vdso_gettime = syscall_gettime;
	libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	if (!libc || !patch(libc, "mmap", (void *)hook_mmap) ||
	    !patch(libc, "brk", (void *)hook_brk) ||
	    !patch(libc, "madvise", (void *)hook_madvise)) {
		warn("zlab: a process runs unrecorded: its C library cannot "
		     "be hooked\n");
		return;
	}
	pthread_atfork(before_fork, after_fork_parent, after_fork_child);
	attach();
}
