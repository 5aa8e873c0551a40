/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program to be recorded: changes its memory in every way a program can and
 * checks after each that every byte is what it must be. Prints a checksum that
 * depends on nothing but its argument. With the argument "exit N", "signal N",
 * "hang" or "eat MIB" it does that instead; with "daemon MIB" it leaves the
 * program that started it, tells its process id and then eats, or hangs for 0.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/programs/pattern.h"

#define PAGE 4096ul
#define WORDS (PAGE / sizeof(uint64_t))

static uint64_t sum = 0x5eed;
static volatile sig_atomic_t alarms;

static void die(const char *what, size_t page)
{
	fprintf(stderr, "memory: %s: page %zu: %s\n", what, page,
		strerror(errno));
	_exit(99);
}

static void fill(void *at, size_t pages, uint64_t seed, size_t first)
{
	uint64_t *p = at;
	size_t page, i;

	for (page = 0; page < pages; page++)
		for (i = 0; i < WORDS; i++)
			p[page * WORDS + i] = word(seed, first + page, i);
}

static void check(const char *what, const void *at, size_t pages, uint64_t seed,
		  size_t first)
{
	const uint64_t *p = at;
	size_t page, i;

	errno = 0;
	for (page = 0; page < pages; page++)
		for (i = 0; i < WORDS; i++)
			if (p[page * WORDS + i] != word(seed, first + page, i))
				die(what, page);
	sum = mix(sum + seed + first);
}

static void check_zero(const char *what, const void *at, size_t pages)
{
	const uint64_t *p = at;
	size_t i;

	errno = 0;
	for (i = 0; i < pages * WORDS; i++)
		if (p[i])
			die(what, i / WORDS);
}

static void *map(size_t pages)
{
	void *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap", 0);
	return p;
}

static void test_remap(size_t n)
{
	uint8_t *p = map(n), *q;
	size_t i;

	fill(p, n, 1, 0);
	q = mremap(p, n * PAGE, 2 * n * PAGE, MREMAP_MAYMOVE);
	if (q == MAP_FAILED)
		die("mremap", 0);
	check("grown", q, n, 1, 0);
	check_zero("grown", q + n * PAGE, n);
	fill(q + n * PAGE, n, 1, n);
	/* Move single pages about. */
	for (i = 0; i < n; i += 7) {
		p = map(2);
		fill(p, 2, 2, i);
		if (mremap(q + i * PAGE, PAGE, PAGE,
			   MREMAP_MAYMOVE | MREMAP_FIXED, p) == MAP_FAILED)
			die("mremap", i);
		check("moved", p, 1, 1, i);
		check("beside", p + PAGE, 1, 2, i + 1);
		if (mmap(q + i * PAGE, PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
			 0) == MAP_FAILED)
			die("mmap", i);
		check_zero("hole", q + i * PAGE, 1);
		munmap(p, 2 * PAGE);
	}
	for (i = 0; i < 2 * n; i++)
		if (i >= n || i % 7)
			check("rest", q + i * PAGE, 1, 1, i);
	q = mremap(q, 2 * n * PAGE, n * PAGE / 2, 0);
	check("shrunk", q + PAGE, 1, 1, 1);
	munmap(q, n * PAGE / 2);
}

static void test_release(size_t n)
{
	uint8_t *p = map(n);
	size_t i;

	fill(p, n, 3, 0);
	for (i = 0; i < n; i += 5)
		if (madvise(p + i * PAGE, 2 * PAGE, MADV_DONTNEED))
			die("madvise", i);
	for (i = 0; i < n; i++)
		if (i % 5 < 2)
			check_zero("dontneed", p + i * PAGE, 1);
		else
			check("kept", p + i * PAGE, 1, 3, i);
	if (madvise(p, n * PAGE, MADV_FREE))
		die("free", 0);
	fill(p, n, 4, 0);
	check("after free", p, n, 4, 0);
	/* The same addresses again, many times. */
	for (i = 0; i < 20; i++) {
		munmap(p, n * PAGE);
		if (mmap(p, n * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != p)
			die("mmap", i);
		check_zero("reused", p + i % n * PAGE, 1);
		fill(p, n, i, 0);
		check("reused", p, n, i, 0);
	}
	munmap(p, n * PAGE);
}

static void test_protect(size_t n)
{
	uint8_t *p = map(n), *other = map(n);
	size_t i;

	fill(p, n, 5, 0);
	if (mprotect(p, n * PAGE / 2, PROT_READ))
		die("mprotect", 0);
	fill(other, n, 6, 0);
	check("read only", p, n, 5, 0);
	if (mprotect(p, n * PAGE, PROT_NONE))
		die("mprotect", 0);
	check("other", other, n, 6, 0);
	for (i = 0; i < n; i += 3)
		if (mprotect(p + i * PAGE, PAGE, PROT_READ))
			die("mprotect", i);
	fill(other, n, 7, 0);
	mprotect(p, n * PAGE, PROT_READ | PROT_WRITE);
	check("writable again", p, n, 5, 0);
	if (mlock(p, 16 * PAGE) == 0) {
		fill(other, n, 8, 0);
		check("locked", p, n, 5, 0);
		munlock(p, 16 * PAGE);
	}
	munmap(p, n * PAGE);
	munmap(other, n * PAGE);
}

/* The kernel reads and writes memory that is out. */
static void test_kernel(size_t n)
{
	uint8_t *p = map(n), *q = map(n);
	char name[] = "/tmp/memory-test-XXXXXX";
	int fd = mkstemp(name);

	if (fd < 0)
		die("mkstemp", 0);
	unlink(name);
	fill(p, n, 9, 0);
	fill(q, n, 10, 0);
	if (write(fd, p, n * PAGE) != (ssize_t)(n * PAGE))
		die("write", 0);
	fill(p, n, 11, 0);
	if (pread(fd, q, n * PAGE, 0) != (ssize_t)(n * PAGE))
		die("read", 0);
	check("read", q, n, 9, 0);
	check("written", p, n, 11, 0);
	close(fd);
	munmap(p, n * PAGE);
	munmap(q, n * PAGE);
}

static void wait_for(pid_t pid, const char *what)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		die(what, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 7) {
		fprintf(stderr, "memory: %s: child ended with status %x\n",
			what, status);
		_exit(99);
	}
}

static void in_child(uint8_t *p, uint8_t *wiped, size_t n)
{
	uint8_t *q;

	check("child", p, n, 12, 0);
	check_zero("wiped", wiped, 4);
	fill(p, n / 2, 13, 0);
	q = map(n);
	fill(q, n, 14, 0);
	check("child's own", p, n / 2, 13, 0);
	check("child's rest", p + n / 2 * PAGE, n - n / 2, 12, n / 2);
	check("child's new", q, n, 14, 0);
	munmap(q, n * PAGE);
}

/* A daemon: its parent is gone before it looks at its memory. */
static void test_orphan(uint8_t *p, size_t n)
{
	int fds[2];
	pid_t pid;
	char ok = 0;

	if (pipe(fds))
		die("pipe", 0);
	pid = fork();
	if (pid == 0) {
		if (fork())
			_exit(7);
		while (getppid() != 1 && ok++ < 50)
			usleep(1000);
		check("orphan", p, n, 12, 0);
		_exit(write(fds[1], "k", 1) != 1);
	}
	close(fds[1]);
	wait_for(pid, "daemon");
	if (read(fds[0], &ok, 1) != 1 || ok != 'k')
		die("orphan", 0);
	close(fds[0]);
}

static void test_fork(size_t n)
{
	uint8_t *p = map(n), *wiped = map(4);
	uint64_t before = sum;
	pid_t pid;
	int i;

	fill(p, n, 12, 0);
	fill(wiped, 4, 12, 0);
	madvise(wiped, 4 * PAGE, MADV_WIPEONFORK);
	for (i = 0; i < 4; i++) {
		/* Under a limit this sends the wiped pages out. */
		check("before fork", p, n, 12, 0);
		pid = fork();
		if (pid == 0) {
			in_child(p, wiped, n);
			pid = fork();
			if (pid == 0) {
				check("grandchild", p, n / 2, 13, 0);
				_exit(7);
			}
			wait_for(pid, "grandchild");
			_exit(7);
		}
		if (pid < 0)
			die("fork", 0);
		fill(p, n / 4, 12, 0);
		wait_for(pid, "child");
		check("parent", p, n, 12, 0);
		check("not wiped", wiped, 4, 12, 0);
	}
	pid = (pid_t)syscall(SYS_fork);
	if (pid == 0) {
		check("raw child", p, n, 12, 0);
		_exit(7);
	}
	wait_for(pid, "raw child");
	pid = vfork();
	if (pid == 0) {
		execl("/proc/self/exe", "memory", "exit", "7", NULL);
		_exit(1);
	}
	wait_for(pid, "vfork");
	test_orphan(p, n);
	check("parent", p, n, 12, 0);
	munmap(p, n * PAGE);
	munmap(wiped, 4 * PAGE);
	sum = mix(before + 1);
}

struct worker {
	pthread_t thread;
	size_t n;
	uint64_t seed;
	uint64_t sum;
};

static uint64_t *shared;

static void *work(void *arg)
{
	struct worker *w = arg;
	uint64_t state = w->seed;
	uint8_t *p;
	size_t i;
	int round;

	for (round = 0; round < 10; round++) {
		p = mmap(NULL, w->n * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			die("mmap", 0);
		for (i = 0; i < w->n; i++) {
			fill(p + i * PAGE, 1, w->seed, i);
			state = mix(state + 1);
			__atomic_add_fetch(&shared[state % 256 * WORDS], 1,
					   __ATOMIC_RELAXED);
		}
		for (i = 0; i < w->n; i++) {
			const uint64_t *q = (uint64_t *)(p + i * PAGE);

			state = mix(state + 1);
			if (q[state % WORDS] != word(w->seed, i, state % WORDS))
				die("thread", i);
		}
		w->sum = mix(w->sum + state);
		if (round % 2)
			madvise(p, w->n * PAGE, MADV_DONTNEED);
		munmap(p, w->n * PAGE);
	}
	return NULL;
}

static void *nothing(void *arg)
{
	return arg;
}

static void on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

static void test_threads(size_t n)
{
	struct itimerval often = { { 0, 500 }, { 0, 500 } }, never = { 0 };
	struct worker w[4] = { 0 };
	uint64_t total = 0;
	pthread_t brief;
	size_t i;

	shared = map(256);
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &often, NULL);
	for (i = 0; i < 4; i++) {
		w[i].n = n / 4;
		w[i].seed = 100 + i;
		if (pthread_create(&w[i].thread, NULL, work, &w[i]))
			die("thread", i);
	}
	for (i = 0; i < 50; i++) {
		if (pthread_create(&brief, NULL, nothing, NULL))
			die("thread", i);
		pthread_join(brief, NULL);
	}
	for (i = 0; i < 4; i++) {
		pthread_join(w[i].thread, NULL);
		sum = mix(sum + w[i].sum);
	}
	setitimer(ITIMER_REAL, &never, NULL);
	for (i = 0; i < 256; i++)
		total += shared[i * WORDS];
	if (total != 4 * 10 * (n / 4))
		die("shared counters", total);
	munmap(shared, 256 * PAGE);
}

static void test_malloc(size_t n)
{
	enum {
		BLOCKS = 500
	};
	static struct {
		uint8_t *p;
		size_t len;
		uint64_t seed;
	} b[BLOCKS];
	uint64_t state = 77;
	size_t i, k, len;

	for (i = 0; i < n * 4; i++) {
		state = mix(state + i);
		k = state % BLOCKS;
		for (len = 0; len < b[k].len; len += 64)
			if (b[k].p[len] != (uint8_t)mix(b[k].seed + len))
				die("malloc", k);
		state = mix(state);
		len = state % (state % 16 ? 3000 : 300000);
		b[k].p = realloc(b[k].p, len ? len : 1);
		if (!b[k].p)
			die("realloc", k);
		for (; b[k].len < len; b[k].len++)
			;
		b[k].len = len;
		b[k].seed = state;
		for (len = 0; len < b[k].len; len += 64)
			b[k].p[len] = (uint8_t)mix(b[k].seed + len);
	}
	for (k = 0; k < BLOCKS; k++) {
		sum = mix(sum + b[k].len);
		free(b[k].p);
		b[k].p = NULL;
		b[k].len = 0;
	}
}

/* Change the memory for ever; ready when all of it was in use. */
static void hang(void)
{
	size_t pages = 4096, i;
	uint8_t *p = map(pages);

	for (i = 0; i < pages; i++)
		p[i * PAGE]++;
	puts("ready");
	fflush(stdout);
	for (i = 0;; i++)
		p[i % pages * PAGE]++;
}

static void eat(size_t pages)
{
	size_t round;
	void *p = map(pages);

	fill(p, pages, EAT_SEED, 0);
	for (round = 0; round < 4; round++)
		check("eaten", p, pages, EAT_SEED, 0);
	printf("%016llx\n", (unsigned long long)sum);
}

/* As daemon(3) does it, twice: a session of its own that it does not lead. */
static void detach(void)
{
	if (fork())
		_exit(0);
	if (setsid() < 0)
		die("setsid", 0);
	if (fork())
		_exit(0);
	/* What has left is not to end before the command has. */
	usleep(200000);
}

static int other_things(char **argv)
{
	long n = argv[2] ? strtol(argv[2], NULL, 10) : 0;

	if (!strcmp(argv[1], "exit"))
		return (int)n;
	if (!strcmp(argv[1], "signal")) {
		raise((int)n);
	} else if (!strcmp(argv[1], "hang")) {
		hang();
	} else if (!strcmp(argv[1], "eat")) {
		eat((size_t)n * 256);
		return 0;
	} else if (!strcmp(argv[1], "daemon")) {
		detach();
		printf("%d\n", (int)getpid());
		fflush(stdout);
		if (!n)
			hang();
		eat((size_t)n * 256);
		return 0;
	}
	return 98;
}

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;

	if (argc > 1 && !n)
		return other_things(argv);
	n = n ? n : 1500;
	/* Nothing of the recorder may depend on our open files. */
	if (syscall(SYS_close_range, 3, ~0u, 0))
		die("close_range", 0);
	test_remap(n);
	test_release(n);
	test_protect(n);
	test_kernel(n);
	test_fork(n);
	test_threads(n);
	test_malloc(n);
	printf("%016llx\n", (unsigned long long)sum);
	/* Once more in a new program. */
	fflush(stdout);
	if (argc < 3) {
		char pages[32];

		snprintf(pages, sizeof(pages), "%zu", n);
		execl("/proc/self/exe", "memory", pages, "again", NULL);
		die("exec", 0);
	}
	return 0;
}
