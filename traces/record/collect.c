/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The collector, in two threads. The server (the caller's thread) attaches
 * processes, notices their end and forwards their requests for memory; it never
 * waits for the disk. The writer merges the rings by time into the trace. A
 * process that logs faster than the writer writes has to wait in rec_log(), so
 * no event is lost.
 *
 * Who may use an entry of the table follows from its state: the server sets FREE
 * -> ATTACHED -> ENDED, the writer sets ENDED -> FREE after the last event.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "traces/record/internal.h"
#include "traces/recorder/abi.h"

#define WAIT_NS 20000000
#define FLUSH_NS 1000000000ull
#define SAMPLE_NS 100000000ull
#define RUN_MAX 512

/**
 * struct client - the collector's private state of one process
 * @fd: its connection; used by the server
 * @segment: its ring and swap area
 * @vpn: virtual page number + 1 of the page in each swap slot, 0 if empty; used
 *	 by the writer
 * @slots: one more than the highest swap slot seen; used by the writer
 * @sample_at: when to sample its memory next
 * @anon: largest sample of its anonymous memory, with pages that are out; bytes
 * @captured: the part of @anon that was recorded
 * @faults: faults that collector_waited() has seen of it
 * @cpu: CPU time at that moment, ns
 * @runs_on: the process outlives the recording and needs its swap area
 */
struct client {
	int fd;
	uint8_t *segment;
	uint64_t *vpn;
	uint32_t slots;
	uint64_t sample_at;
	uint64_t anon, captured;
	uint64_t faults, cpu;
	bool runs_on;
};

struct collector {
	struct rec_global *g;
	struct rec_proc *table;
	struct client clients[REC_PROCS];
	int memory, listener, epoll;
	char name[64];
	uint32_t next_asid;
	struct zlt_writer *w;
	uint64_t last_time, last_flush, events;
	struct record_counts ended;
	pthread_mutex_t ended_lock;
	pthread_t writer;
	bool finish;
	int error;
	struct err why;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static uint32_t state_of(struct collector *c, uint32_t i)
{
	return __atomic_load_n(&c->table[i].state, __ATOMIC_ACQUIRE);
}

static void set_state(struct collector *c, uint32_t i, enum rec_state state)
{
	__atomic_store_n(&c->table[i].state, state, __ATOMIC_RELEASE);
}

/* ---- writing -------------------------------------------------------------- */

static void fail(struct collector *c, int code, const struct err *why)
{
	if (c->error)
		return;
	c->error = code;
	c->why = *why;
	__atomic_store_n(&c->g->stop, 1, __ATOMIC_RELAXED);
}

static void add_event(struct collector *c, const struct zlt_event *e)
{
	struct err why = { "" };
	int ret = zlt_event(c->w, e, &why);

	if (ret)
		fail(c, ret, &why);
	else
		c->events++;
}

static void count_violation(struct collector *c)
{
	pthread_mutex_lock(&c->ended_lock);
	c->ended.violations++;
	pthread_mutex_unlock(&c->ended_lock);
}

/* Check an event against the earlier ones: a mismatch is a recorder bug. */
static bool is_consistent(struct client *cl, const struct rec_event *e)
{
	if (e->slot >= REC_SLOTS || e->vpn >> ZLT_ASID_SHIFT)
		return false;
	switch (e->op) {
	case REC_STORE:
		if (cl->vpn[e->slot])
			return false;
		cl->vpn[e->slot] = e->vpn + 1;
		if (cl->slots <= e->slot)
			cl->slots = e->slot + 1;
		return true;
	case REC_LOAD:
	case REC_INVALIDATE:
		if (cl->vpn[e->slot] != e->vpn + 1)
			return false;
		cl->vpn[e->slot] = 0;
		return true;
	default:
		return false;
	}
}

static void write_event(struct collector *c, uint32_t i,
			const struct rec_event *e)
{
	static const uint8_t ops[] = {
		[REC_STORE] = ZLT_STORE,
		[REC_LOAD] = ZLT_LOAD,
		[REC_INVALIDATE] = ZLT_INVALIDATE,
	};
	struct client *cl = &c->clients[i];
	uint64_t time = e->time > c->g->start ? e->time - c->g->start : 0;
	struct err why = { "" };
	struct zlt_event out = {
		.key = zlt_key(c->table[i].asid, e->vpn),
		.tid = e->tid,
		.cpu = e->cpu,
	};
	int ret;

	if (!is_consistent(cl, e)) {
		count_violation(c);
		return;
	}
	if (!c->w || c->error)
		return;
	/* A ring may get an older event after it was merged: keep time order. */
	if (time < c->last_time)
		time = c->last_time;
	c->last_time = time;
	out.time_ns = time;
	out.op = ops[e->op];
	if (e->op == REC_STORE) {
		ret = zlt_page(
			c->w, cl->segment + REC_RING_BYTES + e->slot * REC_PAGE,
			&out.object, &why);
		if (ret) {
			fail(c, ret, &why);
			return;
		}
	}
	add_event(c, &out);
}

/* Write events of one ring, up to the time of the next event of another. */
static void write_run(struct collector *c, uint32_t i, uint64_t until)
{
	struct rec_proc *p = &c->table[i];
	const struct rec_event *ring =
		(const struct rec_event *)c->clients[i].segment;
	uint64_t head = __atomic_load_n(&p->head, __ATOMIC_ACQUIRE);
	uint64_t at = p->consumed;
	unsigned int n = 0;

	for (; at < head && n < RUN_MAX; at++, n++) {
		if (ring[at % REC_RING].time > until)
			break;
		write_event(c, i, &ring[at % REC_RING]);
		__atomic_store_n(&p->consumed, at + 1, __ATOMIC_RELEASE);
	}
}

static void add_counts(struct record_counts *sum, const struct rec_proc *p,
		       const struct client *cl)
{
	const struct rec_counts *n = &p->counts;

	sum->processes++;
	sum->fresh += n->fresh;
	sum->soft += n->soft;
	sum->stores += n->stores;
	sum->loads += n->loads;
	sum->invalidates += n->drops;
	sum->hides += n->hides;
	sum->hide_calls += n->hide_calls;
	sum->stuck += n->stuck;
	sum->parked += n->parked;
	sum->forks += n->forks;
	sum->waits += n->full;
	sum->mismatches += n->mismatch;
	sum->unregistered += n->unregistered;
	sum->anon_bytes += cl->anon;
	sum->captured_bytes += cl->captured;
}

/* Write an invalidate for each page that a process still had out at its end. */
static void end_client(struct collector *c, uint32_t i)
{
	struct client *cl = &c->clients[i];
	struct rec_proc *p = &c->table[i];
	struct rec_event e = { .op = REC_INVALIDATE, .tid = p->pid };
	uint64_t anon = p->exit_anon * 1024 + p->exit_swapped * REC_PAGE;
	uint64_t released = 0;
	uint32_t slot;

	e.time = now_ns();
	for (slot = 0; slot < cl->slots; slot++) {
		if (!cl->vpn[slot])
			continue;
		e.slot = slot;
		e.vpn = cl->vpn[slot] - 1;
		write_event(c, i, &e);
		released++;
	}
	if (p->exit_anon && anon > cl->anon) {
		cl->anon = anon;
		cl->captured = (p->exit_resident + p->exit_swapped) * REC_PAGE;
	}
	pthread_mutex_lock(&c->ended_lock);
	add_counts(&c->ended, p, cl);
	c->ended.invalidates += released;
	pthread_mutex_unlock(&c->ended_lock);
	munmap(cl->vpn, REC_SLOTS * sizeof(*cl->vpn));
	munmap(cl->segment, REC_SEGMENT_BYTES);
	if (!cl->runs_on)
		fallocate(c->memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			  (off_t)(REC_HEAD_BYTES + i * REC_SEGMENT_BYTES),
			  (off_t)REC_SEGMENT_BYTES);
	set_state(c, i, REC_FREE);
}

/* Write a run of events, or end a client. Return: false if there was no event. */
static bool merge(struct collector *c)
{
	uint64_t first = ~0ull, second = ~0ull, time;
	uint32_t used = __atomic_load_n(&c->g->used, __ATOMIC_ACQUIRE);
	uint32_t i, best = REC_PROCS;

	for (i = 0; i < used; i++) {
		struct rec_proc *p = &c->table[i];
		uint32_t state = state_of(c, i);

		if (state == REC_FREE)
			continue;
		if (__atomic_load_n(&p->head, __ATOMIC_ACQUIRE) ==
		    p->consumed) {
			if (state == REC_ENDED)
				end_client(c, i);
			continue;
		}
		time = ((const struct rec_event *)c->clients[i]
				.segment)[p->consumed % REC_RING]
			       .time;
		if (time < first) {
			second = first;
			first = time;
			best = i;
		} else if (time < second) {
			second = time;
		}
	}
	if (best == REC_PROCS)
		return false;
	write_run(c, best, second);
	return true;
}

static void flush(struct collector *c)
{
	struct err why = { "" };
	uint64_t now = now_ns();
	int ret;

	if (!c->w || c->error || now - c->last_flush < FLUSH_NS)
		return;
	c->last_flush = now;
	ret = zlt_flush(c->w, &why);
	if (ret)
		fail(c, ret, &why);
}

static void *writer(void *arg)
{
	struct collector *c = arg;
	const struct timespec ts = { .tv_nsec = WAIT_NS };
	uint32_t seen;
	bool last;

	for (;;) {
		last = __atomic_load_n(&c->finish, __ATOMIC_ACQUIRE);
		seen = __atomic_load_n(&c->g->wake, __ATOMIC_RELAXED);
		if (merge(c)) {
			flush(c);
			continue;
		}
		if (last)
			return NULL;
		flush(c);
		__atomic_store_n(&c->g->sleeping, 1, __ATOMIC_RELAXED);
		syscall(SYS_futex, &c->g->wake, FUTEX_WAIT, seen, &ts, NULL, 0);
		__atomic_store_n(&c->g->sleeping, 0, __ATOMIC_RELAXED);
	}
}

/* ---- serving -------------------------------------------------------------- */

static uint64_t anonymous_kib(uint32_t pid)
{
	char path[64], line[256];
	uint64_t kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/smaps_rollup", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Anonymous: %" SCNu64, &kib) == 1)
			break;
	fclose(f);
	return kib;
}

static void sample(struct collector *c, uint32_t i, uint64_t now)
{
	struct client *cl = &c->clients[i];
	struct rec_proc *p = &c->table[i];
	uint64_t anon, out;

	if (now < cl->sample_at)
		return;
	anon = anonymous_kib(p->pid) * 1024;
	out = p->swapped * REC_PAGE;
	if (anon + out > cl->anon) {
		cl->captured = (uint64_t)p->resident * REC_PAGE + out;
		cl->anon = anon + out;
	}
	/* Sampling slows the program down: at most 2 % of the time is spent. */
	cl->sample_at = now + SAMPLE_NS + 50 * (now_ns() - now);
}

static void welcome(int fd, int memory, const struct rec_welcome *w)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} ctl = { 0 };
	struct iovec iov = { .iov_base = (void *)w, .iov_len = sizeof(*w) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cm;

	if (w->magic) {
		msg.msg_control = ctl.buf;
		msg.msg_controllen = sizeof(ctl.buf);
		cm = CMSG_FIRSTHDR(&msg);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cm), &memory, sizeof(int));
	}
	sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static bool map_client(struct collector *c, uint32_t i)
{
	struct client *cl = &c->clients[i];

	memset(cl, 0, sizeof(*cl));
	cl->segment = mmap(NULL, REC_SEGMENT_BYTES, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_NORESERVE, c->memory,
			   (off_t)(REC_HEAD_BYTES + i * REC_SEGMENT_BYTES));
	if (cl->segment == MAP_FAILED)
		return false;
	cl->vpn =
		mmap(NULL, REC_SLOTS * sizeof(*cl->vpn), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (cl->vpn == MAP_FAILED) {
		munmap(cl->segment, REC_SEGMENT_BYTES);
		return false;
	}
	return true;
}

static void admit(struct collector *c, int fd, uint32_t pid)
{
	struct rec_welcome w = { 0 };
	struct epoll_event ev = { .events = EPOLLIN };
	uint32_t i;

	for (i = 0; i < REC_PROCS && state_of(c, i) != REC_FREE; i++)
		;
	if (i == REC_PROCS || c->next_asid > ZLT_ASID_MAX ||
	    !map_client(c, i)) {
		welcome(fd, -1, &w);
		close(fd);
		return;
	}
	memset(&c->table[i], 0, sizeof(c->table[i]));
	c->table[i].pid = pid;
	c->table[i].asid = c->next_asid++;
	c->table[i].oldest = ~0ull;
	c->clients[i].fd = fd;
	ev.data.u64 = i;
	if (epoll_ctl(c->epoll, EPOLL_CTL_MOD, fd, &ev)) {
		close(fd);
		return;
	}
	if (c->g->used <= i)
		__atomic_store_n(&c->g->used, i + 1, __ATOMIC_RELEASE);
	__atomic_add_fetch(&c->g->attached, 1, __ATOMIC_RELAXED);
	set_state(c, i, REC_ATTACHED);
	w.magic = REC_MAGIC;
	w.index = i;
	w.asid = c->table[i].asid;
	welcome(fd, c->memory, &w);
}

static void mark_ended(struct collector *c, uint32_t i)
{
	struct rec_proc *p = &c->table[i];

	close(c->clients[i].fd);
	__atomic_sub_fetch(&c->g->total, p->resident, __ATOMIC_RELAXED);
	__atomic_sub_fetch(&c->g->live, p->resident + (int64_t)p->swapped,
			   __ATOMIC_RELAXED);
	__atomic_sub_fetch(&c->g->attached, 1, __ATOMIC_RELAXED);
	set_state(c, i, REC_ENDED);
}

static void forward_requests(struct collector *c)
{
	const char msg = REC_MSG_EVICT;
	uint32_t i;

	for (i = 0; i < c->g->used; i++)
		if (state_of(c, i) == REC_ATTACHED &&
		    __atomic_load_n(&c->table[i].want, __ATOMIC_RELAXED))
			send(c->clients[i].fd, &msg, 1,
			     MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Tags of epoll: entries of the table are below REC_PROCS, others follow. */
#define TAG_LISTENER REC_PROCS
#define TAG_NEW (REC_PROCS + 1)

static void accept_new(struct collector *c)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int fd;

	while ((fd = accept4(c->listener, NULL, NULL,
			     SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		ev.data.u64 = (uint64_t)fd << 32 | TAG_NEW;
		if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &ev))
			close(fd);
	}
}

static void receive(struct collector *c, uint64_t tag)
{
	uint32_t i = (uint32_t)tag;
	int fd = i == TAG_NEW ? (int)(tag >> 32) : c->clients[i].fd;
	struct rec_hello hello;
	ssize_t len = recv(fd, &hello, sizeof(hello), MSG_DONTWAIT);

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (i == TAG_NEW) {
		if (len == sizeof(hello) && hello.magic == REC_MAGIC)
			admit(c, fd, hello.pid);
		else
			close(fd);
	} else if (len <= 0) {
		mark_ended(c, i);
	} else {
		forward_requests(c);
	}
}

void collector_serve(struct collector *c)
{
	struct epoll_event ev[64];
	uint64_t now = now_ns();
	uint32_t i;
	int n;

	while ((n = epoll_wait(c->epoll, ev, 64, 0)) > 0)
		while (n--) {
			if (ev[n].data.u64 == TAG_LISTENER)
				accept_new(c);
			else
				receive(c, ev[n].data.u64);
		}
	for (i = 0; i < c->g->used; i++)
		if (state_of(c, i) == REC_ATTACHED)
			sample(c, i, now);
}

/* ---- start and end -------------------------------------------------------- */

const char *collector_name(const struct collector *c)
{
	return c->name;
}

int collector_fd(const struct collector *c)
{
	return c->epoll;
}

unsigned int collector_attached(const struct collector *c)
{
	return __atomic_load_n(&c->g->attached, __ATOMIC_RELAXED);
}

bool collector_failed(const struct collector *c)
{
	return __atomic_load_n(&c->g->stop, __ATOMIC_RELAXED);
}

void collector_counts(struct collector *c, struct record_counts *counts)
{
	struct rec_global *g = c->g;
	int64_t total = __atomic_load_n(&g->total, __ATOMIC_RELAXED);
	uint32_t i;

	pthread_mutex_lock(&c->ended_lock);
	*counts = c->ended;
	pthread_mutex_unlock(&c->ended_lock);
	for (i = 0; i < g->used; i++)
		if (state_of(c, i) == REC_ATTACHED)
			add_counts(counts, &c->table[i], &c->clients[i]);
	counts->attached = collector_attached(c);
	counts->resident = total > 0 ? (uint64_t)total : 0;
	counts->resident_peak = (uint64_t)g->peak;
	counts->live_peak =
		(uint64_t)__atomic_load_n(&g->live_peak, __ATOMIC_RELAXED);
	counts->limit = rec_limit(g);
	counts->over = g->over;
	counts->over_sum = g->over_sum;
}

/* CPU time of a process so far; 0 if it is gone or in another namespace. */
static uint64_t cpu_ns(uint32_t pid)
{
	struct timespec ts;
	clockid_t clock;

	if (clock_getcpuclockid((pid_t)pid, &clock) ||
	    clock_gettime(clock, &ts))
		return 0;
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

uint64_t collector_waited(struct collector *c, uint64_t wall)
{
	uint64_t most = 0, faults, cpu, waited, own;
	uint32_t i;

	for (i = 0; i < c->g->used; i++) {
		struct client *cl = &c->clients[i];
		const struct rec_counts *n = &c->table[i].counts;

		if (state_of(c, i) != REC_ATTACHED)
			continue;
		faults = n->soft + n->loads;
		cpu = cpu_ns(c->table[i].pid);
		waited = record_waited(wall, cpu > cl->cpu ? cpu - cl->cpu : 0,
				       faults - cl->faults, &own);
		if (waited > most)
			most = waited;
		cl->faults = faults;
		cl->cpu = cpu;
	}
	return most;
}

static int open_socket(struct collector *c, struct err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = TAG_LISTENER };
	socklen_t len;

	snprintf(c->name, sizeof(c->name), "zlab-recorder-%d-%" PRIx64,
		 (int)getpid(), now_ns());
	memcpy(addr.sun_path + 1, c->name, strlen(c->name));
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			  strlen(c->name));
	c->listener = socket(AF_UNIX,
			     SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (c->listener < 0 || c->epoll < 0 ||
	    bind(c->listener, (struct sockaddr *)&addr, len) ||
	    listen(c->listener, SOMAXCONN) ||
	    epoll_ctl(c->epoll, EPOLL_CTL_ADD, c->listener, &ev))
		return err_set(err, -errno,
			       "cannot open the recorder's socket: "
			       "%s",
			       strerror(errno));
	return 0;
}

static int open_memory(struct collector *c, struct err *err)
{
	void *p;

	c->memory = memfd_create("zlab-recorder", MFD_CLOEXEC);
	if (c->memory < 0 || ftruncate(c->memory, (off_t)REC_FILE_BYTES))
		return err_set(err, -errno,
			       "cannot make the recorder's shared memory: %s",
			       strerror(errno));
	p = mmap(NULL, REC_HEAD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		 c->memory, 0);
	if (p == MAP_FAILED)
		return err_set(err, -ENOMEM,
			       "cannot map the recorder's shared memory: %s",
			       strerror(errno));
	c->g = p;
	c->table = (struct rec_proc *)((uint8_t *)p + REC_PAGE);
	return 0;
}

static void set_policy(struct collector *c, const struct record_options *opts)
{
	struct rec_global *g = c->g;

	g->magic = REC_MAGIC;
	g->limit = opts->limit ? opts->limit / REC_PAGE : REC_NO_LIMIT;
	g->percent = opts->percent;
	g->inactive_permille = opts->inactive_permille;
	g->spin_ns = opts->spin_us * 1000;
	g->verify = opts->verify;
	g->start = now_ns();
}

static void free_collector(struct collector *c)
{
	if (c->g)
		munmap(c->g, REC_HEAD_BYTES);
	if (c->memory >= 0)
		close(c->memory);
	if (c->listener >= 0)
		close(c->listener);
	if (c->epoll >= 0)
		close(c->epoll);
	pthread_mutex_destroy(&c->ended_lock);
	free(c);
}

struct collector *collector_start(const struct record_options *opts,
				  struct zlt_writer *w, struct err *err)
{
	struct collector *c = calloc(1, sizeof(*c));
	int ret;

	if (!c) {
		err_set(err, -ENOMEM, "out of memory");
		errno = ENOMEM;
		return NULL;
	}
	c->memory = c->listener = c->epoll = -1;
	c->w = w;
	c->next_asid = 1;
	pthread_mutex_init(&c->ended_lock, NULL);
	ret = open_memory(c, err);
	if (!ret)
		ret = open_socket(c, err);
	if (!ret) {
		set_policy(c, opts);
		c->last_flush = c->g->start;
		ret = -pthread_create(&c->writer, NULL, writer, c);
		if (ret)
			err_set(err, ret, "cannot start a thread: %s",
				strerror(-ret));
	}
	if (ret) {
		free_collector(c);
		errno = -ret;
		return NULL;
	}
	return c;
}

int collector_stop(struct collector *c, struct record_counts *counts,
		   uint64_t *events, struct err *err)
{
	uint32_t i;
	int ret;

	__atomic_store_n(&c->g->stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < c->g->used; i++)
		if (state_of(c, i) == REC_ATTACHED) {
			c->clients[i].runs_on = true;
			mark_ended(c, i);
		}
	__atomic_store_n(&c->finish, true, __ATOMIC_RELEASE);
	pthread_join(c->writer, NULL);
	collector_counts(c, counts);
	*events = c->events;
	ret = c->error;
	if (ret && err)
		*err = c->why;
	free_collector(c);
	return ret;
}
