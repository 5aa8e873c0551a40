/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The handler's main loop: faults, changes of the address space, requests of the
 * program's threads and of the collector.
 */
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "traces/recorder/handler.h"
#include "traces/recorder/reclaim.h"
#include "traces/recorder/sys.h"

#define MSGS 32
#define ADOPT_NS 100000000ull

static long zeropage(int fd, uint64_t addr)
{
	struct uffdio_zeropage z = {
		.range = { .start = addr, .len = REC_PAGE },
	};
	long ret = sys_ioctl(fd, UFFDIO_ZEROPAGE, &z);

	return ret < 0 ? ret : 0;
}

static long copy(int fd, uint64_t dst, const void *src)
{
	struct uffdio_copy c = {
		.dst = dst,
		.src = (uintptr_t)src,
		.len = REC_PAGE,
	};
	long ret = sys_ioctl(fd, UFFDIO_COPY, &c);

	return ret < 0 ? ret : 0;
}

static void wake(int fd, uint64_t addr)
{
	struct uffdio_range range = { .start = addr, .len = REC_PAGE };

	sys_ioctl(fd, UFFDIO_WAKE, &range);
}

long rec_register(struct rec *r, uint64_t addr, uint64_t len)
{
	struct uffdio_register reg = {
		.range = { .start = addr, .len = len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	long ret = sys_ioctl(r->a, UFFDIO_REGISTER, &reg);

	if (ret < 0)
		r->p->counts.unregistered++;
	return ret;
}

/*
 * The CPU is field 39 of a thread's stat file. Fields are counted from the last
 * ")", because the name in field 2 may contain any character.
 */
static int stat_cpu(const char *s, long len)
{
	const char *end = s + len, *p = end;
	int field = 2, cpu = 0;

	while (p > s && *p != ')')
		p--;
	for (; p < end && field < 39; p++)
		field += *p == ' ';
	for (; p < end && *p >= '0' && *p <= '9'; p++)
		cpu = cpu * 10 + *p - '0';
	return cpu;
}

/*
 * A fault does not tell which CPU its thread ran on. The thread's stat file
 * does, but reading it costs more than the fault, so a result is used for a
 * millisecond.
 */
static uint32_t cpu_of(struct rec *r, uint32_t tid, uint64_t now)
{
	struct cpu_entry *e = &r->cpus[tid % CPU_CACHE];
	char path[24], buf[512];
	char *p = path + sizeof(path);
	uint32_t n = tid;
	long fd, len;

	if (e->tid == tid && now < e->until)
		return e->cpu;
	*--p = 0;
	for (const char *s = "tats/"; *s; s++)
		*--p = *s;
	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	fd = sys(SYS_openat, r->tasks, p, 0, 0, 0, 0);
	if (fd >= 0) {
		len = sys_read((int)fd, buf, sizeof(buf));
		sys_close((int)fd);
		if (len > 0)
			e->cpu = (uint32_t)stat_cpu(buf, len - 1);
	}
	e->tid = tid;
	e->until = now + 1000000;
	return e->cpu;
}

/* Put a page that became resident at the head of the active list. */
static void activate(struct rec *r, uint32_t nr, uint64_t now)
{
	struct page *pg = &r->pages.page[nr];

	pg->state = PAGE_ACTIVE;
	pg->stamp = rec_stamp(r, now);
	pages_add(&r->pages, nr);
}

void rec_adopt(struct rec *r, uint64_t vpn)
{
	uint32_t nr = pages_make(&r->pages, vpn);

	if (!nr || r->pages.page[nr].state != PAGE_NONE)
		return;
	activate(r, nr, rec_now(r));
	rec_add_live(r);
	rec_add_resident(r);
	rec_reclaim(r);
}

/* Move a hidden page back to its address. */
static long unhide(struct rec *r, uint32_t nr, uint64_t addr)
{
	struct page *pg = &r->pages.page[nr];
	uint8_t *src = rec_staged_page(r, pg->where);
	struct rec_uffdio_move m = {
		.dst = addr,
		.src = (uintptr_t)src,
		.len = REC_PAGE,
	};
	long ret = sys_ioctl(r->a, REC_UFFDIO_MOVE, &m);

	if (ret < 0 && ret != -EAGAIN && ret != -EEXIST && ret != -ENOENT) {
		/* Its protection has changed: a move fails, a copy does not. */
		ret = copy(r->a, addr, src);
		if (!ret)
			sys_madvise(src, REC_PAGE, MADV_DONTNEED);
	}
	if (ret >= 0)
		rec_unstage(r, nr);
	return ret < 0 ? ret : 0;
}

/* Copy a page that is out back to its address. */
static long load(struct rec *r, uint32_t nr, uint64_t addr, uint32_t tid)
{
	struct page *pg = &r->pages.page[nr];
	uint8_t *src = r->swap + pg->where * REC_PAGE;
	uint64_t now;
	long ret;

	if (r->hashes && rec_hash(src) != r->hashes[pg->where])
		r->p->counts.mismatch++;
	ret = copy(r->a, addr, src);
	if (ret)
		return ret;
	now = rec_now(r);
	rec_log(r, REC_LOAD, nr, now, tid, cpu_of(r, tid, now));
	rec_free_slot(r, pg->where);
	r->p->swapped--;
	rec_add_resident(r);
	return 0;
}

/* A page that has no place of its own: zero, or whatever is there by now. */
static bool let_be(struct rec *r, uint64_t addr)
{
	long ret = zeropage(r->a, addr);

	if (ret == -EAGAIN)
		return false;
	if (ret)
		wake(r->a, addr);
	return true;
}

/* Serve a fault. Return: false if a change of the address space comes first. */
static bool fault(struct rec *r, uint64_t addr, uint32_t tid)
{
	struct rec_counts *c = &r->p->counts;
	uint32_t nr;
	struct page *pg;
	long ret;

	addr &= ~(REC_PAGE - 1);
	nr = pages_make(&r->pages, addr / REC_PAGE);
	if (!nr) {
		/* The table is full: serve the fault, but do not record it. */
		return let_be(r, addr);
	}
	pg = &r->pages.page[nr];
	switch (pg->state) {
	case PAGE_NONE:
		ret = copy(r->a, addr, r->zero);
		if (!ret || ret == -EEXIST) {
			c->fresh++;
			rec_add_live(r);
			rec_add_resident(r);
		}
		break;
	case PAGE_INACTIVE:
		ret = unhide(r, nr, addr);
		c->soft += !ret;
		break;
	case PAGE_OUT:
		ret = load(r, nr, addr, tid);
		c->loads += !ret;
		break;
	default:
		/*
		 * Two threads faulted on the page, or it was released after its
		 * state was read: it is on the list already.
		 */
		return let_be(r, addr);
	}
	if (ret == -EAGAIN)
		return false;
	if (!ret || (ret == -EEXIST && pg->state == PAGE_NONE))
		activate(r, nr, rec_now(r));
	if (ret)
		wake(r->a, addr);
	rec_reclaim(r);
	return true;
}

static void drop_page(void *arg, uint32_t nr)
{
	rec_drop(arg, nr);
}

struct remap {
	struct rec *r;
	uint64_t from, to;
};

static void remap_page(void *arg, uint32_t nr)
{
	struct remap *m = arg;
	struct rec *r = m->r;
	uint64_t vpn = pages_vpn(&r->pages, nr) - m->from + m->to;
	uint32_t to = pages_make(&r->pages, vpn);
	struct page *old = &r->pages.page[nr], *pg = &r->pages.page[to];
	uint64_t now = rec_now(r);

	if (!to) {
		rec_drop(r, nr);
		return;
	}
	if (pg->state != PAGE_NONE)
		rec_drop(r, to);
	pg->state = old->state;
	pg->stamp = old->stamp;
	pg->where = old->where;
	switch (old->state) {
	case PAGE_ACTIVE:
	case PAGE_STUCK:
		pages_replace(&r->pages, nr, to);
		break;
	case PAGE_INACTIVE:
		r->staged[pg->where] = to;
		break;
	default:
		/* Its address is its key: the old key ends, a new one begins. */
		rec_log(r, REC_INVALIDATE, nr, now, r->pid, rec_cpu());
		rec_log(r, REC_STORE, to, now, r->pid, rec_cpu());
		r->p->counts.drops++;
		r->p->counts.stores++;
	}
	old->state = PAGE_NONE;
}

struct fill {
	struct rec *r;
	int fd;
	long error;
};

static void fill_page(void *arg, uint32_t nr)
{
	struct fill *f = arg;
	struct page *pg = &f->r->pages.page[nr];
	const uint8_t *src;
	long ret;

	if (pg->state == PAGE_ACTIVE || pg->state == PAGE_STUCK || f->error)
		return;
	src = pg->state == PAGE_INACTIVE ? rec_staged_page(f->r, pg->where)
					 : f->r->swap + pg->where * REC_PAGE;
	ret = copy(f->fd, pages_vpn(&f->r->pages, nr) * REC_PAGE, src);
	/* The child does not inherit every mapping. */
	if (ret && ret != -EEXIST && ret != -ENOENT)
		f->error = ret;
}

/*
 * A forked child lacks the pages that its parent had hidden or out. Copy all of
 * them at once: if they were copied on demand, the death of the parent would
 * turn the rest into zeros. The gate tells the child that the copy is complete.
 */
static void fill_child(struct rec *r, int fd)
{
	struct fill f = { .r = r, .fd = fd };
	uint64_t *gate = (uint64_t *)(r->zero + REC_PAGE);

	pages_each(&r->pages, 0, 1ull << 44, fill_page, &f);
	if (!f.error) {
		*gate = GATE_OPEN;
		copy(fd, (uintptr_t)r->gate, gate);
	}
	sys_close(fd);
	r->p->counts.forks++;
}

static void apply_change(struct rec *r, const struct uffd_msg *m)
{
	struct remap remap;

	switch (m->event) {
	case UFFD_EVENT_FORK:
		fill_child(r, (int)m->arg.fork.ufd);
		break;
	case UFFD_EVENT_REMAP:
		remap.r = r;
		remap.from = m->arg.remap.from / REC_PAGE;
		remap.to = m->arg.remap.to / REC_PAGE;
		rec_forget_inherited(r, m->arg.remap.from,
				     m->arg.remap.from + m->arg.remap.len);
		pages_each(&r->pages, remap.from, m->arg.remap.len / REC_PAGE,
			   remap_page, &remap);
		break;
	case UFFD_EVENT_UNMAP:
		rec_forget_inherited(r, m->arg.remove.start, m->arg.remove.end);
		/* fallthrough */
	case UFFD_EVENT_REMOVE:
		pages_each(&r->pages, m->arg.remove.start / REC_PAGE,
			   (m->arg.remove.end - m->arg.remove.start) / REC_PAGE,
			   drop_page, r);
		break;
	default:
		break;
	}
}

static void park(struct rec *r, uint64_t addr, uint32_t tid)
{
	r->p->counts.parked++;
	/* Without space to park, wake the thread: it will fault again. */
	if (r->parked_count == PARKED_MAX) {
		wake(r->a, addr & ~(REC_PAGE - 1));
		return;
	}
	r->parked[r->parked_count].addr = addr;
	r->parked[r->parked_count++].tid = tid;
}

static void retry_parked(struct rec *r)
{
	uint32_t i, kept = 0;

	for (i = 0; i < r->parked_count; i++)
		if (!fault(r, r->parked[i].addr, r->parked[i].tid))
			r->parked[kept++] = r->parked[i];
	r->parked_count = kept;
}

/* Read and serve faults and changes. Return: false if there were none. */
static bool drain(struct rec *r)
{
	struct uffd_msg msg[MSGS];
	long len = sys_read(r->a, msg, sizeof(msg));
	long i;

	for (i = 0; i < len / (long)sizeof(msg[0]); i++) {
		/* NOLINTNEXTLINE(clang-analyzer-core.*): read above */
		if (msg[i].event != UFFD_EVENT_PAGEFAULT)
			apply_change(r, &msg[i]);
		else if (!fault(r, msg[i].arg.pagefault.address,
				msg[i].arg.pagefault.feat.ptid))
			park(r, msg[i].arg.pagefault.address,
			     msg[i].arg.pagefault.feat.ptid);
	}
	return len > 0;
}

static void release_page(void *arg, uint32_t nr)
{
	struct rec *r = arg;
	struct page *pg = &r->pages.page[nr];
	uint64_t addr = pages_vpn(&r->pages, nr) * REC_PAGE;
	long ret = 0;
	int tries;

	for (tries = 0; tries < 1000; tries++) {
		if (pg->state == PAGE_INACTIVE)
			ret = unhide(r, nr, addr);
		else if (pg->state == PAGE_OUT)
			ret = load(r, nr, addr, r->pid);
		else
			return;
		if (ret != -EAGAIN)
			break;
		/* A change is pending, which may concern this page. */
		drain(r);
	}
	if (!ret)
		activate(r, nr, rec_now(r));
}

static void release(struct rec *r, uint64_t addr, uint64_t len)
{
	struct uffdio_range range = { .start = addr, .len = len };

	pages_each(&r->pages, addr / REC_PAGE, len / REC_PAGE, release_page, r);
	pages_each(&r->pages, addr / REC_PAGE, len / REC_PAGE, drop_page, r);
	sys_ioctl(r->a, UFFDIO_UNREGISTER, &range);
}

static void serve_doorbell(struct rec *r, struct doorbell *bell)
{
	switch (bell->op) {
	case DOORBELL_REGISTER:
		rec_register(r, bell->addr, bell->len);
		break;
	case DOORBELL_RELEASE:
		release(r, bell->addr, bell->len);
		break;
	case DOORBELL_FREEZE:
		r->frozen++;
		pages_each(&r->pages, 0, 1ull << 44, release_page, r);
		break;
	case DOORBELL_THAW:
		r->frozen--;
		break;
	default:
		break;
	}
	/* After a signal the thread touches the page a second time. */
	bell->op = DOORBELL_SYNC;
}

static bool serve_doorbells(struct rec *r)
{
	struct uffd_msg msg[8];
	long len = sys_read(r->b, msg, sizeof(msg));
	uint64_t addr;
	long i;

	for (i = 0; i < len / (long)sizeof(msg[0]); i++) {
		/* NOLINTNEXTLINE(clang-analyzer-core.*): read above */
		if (msg[i].event != UFFD_EVENT_PAGEFAULT)
			continue;
		addr = msg[i].arg.pagefault.address & ~(REC_PAGE - 1);
		/* Serve the changes first that came before the request. */
		while (drain(r))
			;
		serve_doorbell(
			r, &r->doorbell[(addr - (uintptr_t)r->doorbell_pages) /
					REC_PAGE]);
		zeropage(r->b, addr);
	}
	return len > 0;
}

static void serve_collector(struct rec *r)
{
	char msg[16];
	long len = sys(SYS_recvfrom, r->sock, msg, sizeof(msg), MSG_DONTWAIT,
		       NULL, NULL);
	uint64_t want;

	if (len == 0 || (len < 0 && len != -EAGAIN && len != -EINTR)) {
		r->collector_gone = true;
		return;
	}
	if (len < 0)
		return;
	want = __atomic_exchange_n(&r->p->want, 0, __ATOMIC_RELAXED);
	if (want)
		rec_shrink(r, want);
}

static bool spin(struct rec *r)
{
	uint64_t end;

	if (!r->g->spin_ns)
		return false;
	end = rec_now(r) + r->g->spin_ns;
	do {
		if (drain(r))
			return true;
		__builtin_ia32_pause();
	} while (rec_now(r) < end);
	return false;
}

static void adopt_again(struct rec *r)
{
	uint64_t start = rec_now(r), end;

	if (start < r->adopt_after)
		return;
	rec_adopt_again(r);
	end = rec_now(r);
	/* Spend at most 2 % of the time on this. */
	r->adopt_after = end + ADOPT_NS + 50 * (end - start);
}

int rec_handler(void *arg)
{
	struct rec *r = arg;
	struct pollfd fds[3] = {
		{ .fd = r->a, .events = POLLIN },
		{ .fd = r->b, .events = POLLIN },
		{ .fd = r->sock, .events = POLLIN },
	};
	const struct timespec brief = { .tv_nsec = 50000 };
	const struct timespec adopt = { .tv_nsec = ADOPT_NS };
	const struct timespec *wait;
	bool busy = false;

	rec_adopt_all(r);
	for (;;) {
		if (drain(r)) {
			busy = true;
			continue;
		}
		if (r->parked_count)
			retry_parked(r);
		if (busy && spin(r))
			continue;
		busy = false;
		rec_publish(r);
		fds[2].fd = r->collector_gone ? -1 : r->sock;
		wait = r->parked_count	    ? &brief
		       : r->inherited_count ? &adopt
					    : NULL;
		if (r->inherited_count)
			adopt_again(r);
		sys(SYS_ppoll, fds, 3, wait, NULL, 8, 0);
		if (fds[1].revents & POLLIN)
			serve_doorbells(r);
		if (fds[2].revents)
			serve_collector(r);
	}
	return 0;
}
