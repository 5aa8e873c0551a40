/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way of a page out: from the active list to the staging ring (hide), from
 * there to the swap area (evict), with the events of the ring. Also memcpy() and
 * memset() for the handler, which has no C library.
 */
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "traces/recorder/reclaim.h"

/* How long to wait before trying again to hide stuck pages. */
#define STUCK_NS 500000000
/*
 * Pages that a process keeps even if stuck pages fill the limit. With fewer it
 * would fault all the time.
 */
#define KEEP_MAX 64
/* How often to retry a move while the kernel holds the page. */
#define AGAIN_MAX 64

/* The compiler may call these to copy or clear a structure. */
void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memset(void *dst, int c, size_t n);

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
	void *ret = dst;

	__asm__ volatile("rep movsb"
			 : "+D"(dst), "+S"(src), "+c"(n)
			 :
			 : "memory");
	return ret;
}

void *memset(void *dst, int c, size_t n)
{
	void *ret = dst;

	__asm__ volatile("rep stosb" : "+D"(dst), "+c"(n) : "a"(c) : "memory");
	return ret;
}

uint64_t rec_hash(const void *page)
{
	const uint64_t *word = page;
	uint64_t h = 0;
	unsigned int i;

	for (i = 0; i < REC_PAGE / sizeof(*word); i++)
		h = (h ^ word[i] ^ h >> 29) * 0x9e3779b97f4a7c15ull;
	return h;
}

static void wait_briefly(struct rec *r)
{
	struct pollfd fd = { .fd = r->sock };
	struct timespec ts = { .tv_nsec = 200000 };

	sys(SYS_ppoll, &fd, 1, &ts, NULL, 8, 0);
	if (fd.revents)
		r->collector_gone = true;
}

static uint64_t consumed(struct rec *r)
{
	return __atomic_load_n(&r->p->consumed, __ATOMIC_ACQUIRE);
}

static bool stopped(struct rec *r)
{
	return r->collector_gone ||
	       __atomic_load_n(&r->g->stop, __ATOMIC_RELAXED);
}

static void wake_writer(struct rec *r)
{
	__atomic_add_fetch(&r->g->wake, 1, __ATOMIC_RELAXED);
	sys(SYS_futex, &r->g->wake, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void rec_log(struct rec *r, enum rec_op op, uint32_t nr, uint64_t now,
	     uint32_t tid, uint32_t cpu)
{
	uint64_t head = r->p->head;
	struct rec_event *e = &r->ring[head % REC_RING];

	if (head - consumed(r) >= REC_RING)
		r->p->counts.full++;
	while (head - consumed(r) >= REC_RING) {
		if (stopped(r))
			return;
		wake_writer(r);
		wait_briefly(r);
	}
	e->time = now;
	e->vpn = pages_vpn(&r->pages, nr);
	e->slot = r->pages.page[nr].where;
	e->tid = tid;
	e->cpu = (uint16_t)cpu;
	e->op = (uint8_t)op;
	__atomic_store_n(&r->p->head, head + 1, __ATOMIC_RELEASE);
	if (head - consumed(r) >= REC_RING / 16 &&
	    __atomic_load_n(&r->g->sleeping, __ATOMIC_RELAXED))
		wake_writer(r);
}

void rec_free_slot(struct rec *r, uint32_t slot)
{
	uint64_t at = r->freed_head++ % REC_SLOTS;

	r->freed[at] = slot;
	r->freed_at[at] = r->p->head;
}

/* A swap slot that the collector has done with, or REC_SLOTS if none is free. */
static uint32_t take_slot(struct rec *r)
{
	uint64_t at = r->freed_tail % REC_SLOTS;

	if (r->freed_tail != r->freed_head && r->freed_at[at] <= consumed(r)) {
		r->freed_tail++;
		return r->freed[at];
	}
	return r->slots < REC_SLOTS ? r->slots++ : REC_SLOTS;
}

static void raise_peak(int64_t *peak, int64_t now)
{
	int64_t seen = __atomic_load_n(peak, __ATOMIC_RELAXED);

	while (now > seen &&
	       !__atomic_compare_exchange_n(peak, &seen, now, true,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

/* Pages to evict at a time. */
static uint64_t batch_of(uint64_t limit)
{
	uint64_t batch = limit / 32;

	return batch < 1 ? 1 : batch > 32 ? 32 : batch;
}

void rec_add_live(struct rec *r)
{
	struct rec_global *g = r->g;

	raise_peak(&g->live_peak,
		   __atomic_add_fetch(&g->live, 1, __ATOMIC_RELAXED));
}

void rec_add_resident(struct rec *r)
{
	struct rec_global *g = r->g;
	int64_t total = __atomic_add_fetch(&g->total, 1, __ATOMIC_RELAXED);
	uint64_t limit = rec_limit(g);

	r->p->resident++;
	raise_peak(&g->peak, total);
	if (total > (int64_t)limit) {
		__atomic_add_fetch(&g->over, 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&g->over_sum, (uint64_t)total - limit,
				   __ATOMIC_RELAXED);
	}
}

static void sub_resident(struct rec *r, uint64_t count)
{
	r->p->resident -= (int64_t)count;
	__atomic_sub_fetch(&r->g->total, (int64_t)count, __ATOMIC_RELAXED);
}

void rec_unstage(struct rec *r, uint32_t nr)
{
	r->staged[r->pages.page[nr].where] = 0;
	r->inactive--;
}

void rec_drop(struct rec *r, uint32_t nr)
{
	struct page *pg = &r->pages.page[nr];

	switch (pg->state) {
	case PAGE_ACTIVE:
	case PAGE_STUCK:
		pages_del(&r->pages, nr);
		sub_resident(r, 1);
		break;
	case PAGE_INACTIVE:
		sys_madvise(rec_staged_page(r, pg->where), REC_PAGE,
			    MADV_DONTNEED);
		rec_unstage(r, nr);
		sub_resident(r, 1);
		break;
	case PAGE_OUT:
		rec_log(r, REC_INVALIDATE, nr, rec_now(r), r->pid, rec_cpu());
		rec_free_slot(r, pg->where);
		r->p->swapped--;
		r->p->counts.drops++;
		break;
	default:
		break;
	}
	if (pg->state != PAGE_NONE)
		__atomic_sub_fetch(&r->g->live, 1, __ATOMIC_RELAXED);
	pg->state = PAGE_NONE;
}

/* An ioctl without effect tells whether a change waits to be read. */
static bool change_pending(struct rec *r)
{
	struct uffdio_copy none = { 0 };

	return sys_ioctl(r->a, UFFDIO_COPY, &none) == -EAGAIN;
}

/* Number of consecutive pages from @nr on that one call can move. */
static uint32_t run_of(struct rec *r, uint32_t nr, uint32_t max)
{
	uint64_t room = r->staging_size - r->staging_head % r->staging_size;
	uint32_t n = 1;

	if (max > room)
		max = (uint32_t)room;
	while (n < max && r->pages.page[nr].next == nr + 1 &&
	       (nr + 1) % LEAF_PAGES) {
		nr++;
		n++;
	}
	return n;
}

static void staged(struct rec *r, uint32_t nr, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		uint64_t where = r->staging_head++ % r->staging_size;

		pages_del(&r->pages, nr + i);
		r->pages.page[nr + i].state = PAGE_INACTIVE;
		r->pages.page[nr + i].where = (uint32_t)where;
		r->staged[where] = nr + i;
	}
	r->inactive += n;
	r->p->counts.hides += n;
	r->p->counts.hide_calls++;
}

/* Set a page aside for a while that is pinned, locked or not writable. */
static void stick(struct rec *r, uint32_t nr)
{
	if (!r->pages.stuck.tail)
		r->unstick_at = rec_now(r) + STUCK_NS;
	pages_del(&r->pages, nr);
	r->pages.page[nr].state = PAGE_STUCK;
	pages_add(&r->pages, nr);
	r->p->counts.stuck++;
}

static void unstick(struct rec *r)
{
	uint32_t nr;

	if (!r->pages.stuck.tail || rec_now(r) < r->unstick_at)
		return;
	while ((nr = r->pages.stuck.tail)) {
		pages_del(&r->pages, nr);
		r->pages.page[nr].state = PAGE_ACTIVE;
		pages_add(&r->pages, nr);
	}
}

static long move_out(struct rec *r, uint32_t nr, uint32_t n)
{
	struct rec_uffdio_move m = {
		.dst = (uintptr_t)rec_staged_page(r, r->staging_head %
							     r->staging_size),
		.src = pages_vpn(&r->pages, nr) * REC_PAGE,
		.len = n * REC_PAGE,
	};
	long ret = sys_ioctl(r->b, REC_UFFDIO_MOVE, &m);

	if (ret == 0)
		return n;
	if (m.move > 0)
		return (long)((uint64_t)m.move / REC_PAGE);
	return ret;
}

/* Hide up to @want pages from the tail of the active list. */
static void hide(struct rec *r, uint64_t want)
{
	bool shared = false, single = false;
	uint32_t nr, n, again = 0;
	long ret;

	unstick(r);
	while (want && (nr = r->pages.active.tail)) {
		if (r->staging_head - r->staging_tail == r->staging_size)
			return;
		/* A page that is being unmapped must not be moved. */
		if (change_pending(r))
			return;
		n = single ? 1 : run_of(r, nr, want < 32 ? (uint32_t)want : 32);
		ret = move_out(r, nr, n);
		if (ret > 0) {
			staged(r, nr, (uint32_t)ret);
			want -= (uint64_t)ret;
			shared = single = false;
			continue;
		}
		if (ret == -ENOENT) {
			rec_drop(r, nr);
		} else if (n > 1) {
			single = true;
		} else if (ret == -EBUSY && !shared) {
			/*
			 * The page is, or was, shared with a child since a
			 * fork; a write gives this process its own copy.
			 */
			shared = true;
			sys_madvise(
				(void *)(pages_vpn(&r->pages, nr) * REC_PAGE),
				REC_PAGE, MADV_POPULATE_WRITE);
		} else if (ret == -EAGAIN && again++ < AGAIN_MAX) {
			continue;
		} else {
			stick(r, nr);
			shared = single = false;
		}
	}
}

static void give_back_staging(struct rec *r, uint64_t from, uint64_t to)
{
	uint64_t a = from % r->staging_size, n = to - from;
	uint64_t first = r->staging_size - a;

	if (first > n)
		first = n;
	if (first)
		sys_madvise(rec_staged_page(r, a), first * REC_PAGE,
			    MADV_DONTNEED);
	if (n > first)
		sys_madvise(rec_staged_page(r, 0), (n - first) * REC_PAGE,
			    MADV_DONTNEED);
}

static void evict(struct rec *r, uint64_t want)
{
	uint64_t from = r->staging_tail, done = 0, now = rec_now(r);
	uint32_t cpu = rec_cpu();

	while (done < want && r->staging_tail != r->staging_head) {
		uint64_t where = r->staging_tail % r->staging_size;
		uint32_t nr = r->staged[where], slot;

		if (!nr) {
			r->staging_tail++;
			continue;
		}
		slot = take_slot(r);
		if (slot == REC_SLOTS)
			break;
		memcpy(r->swap + slot * REC_PAGE, rec_staged_page(r, where),
		       REC_PAGE);
		if (r->hashes)
			r->hashes[slot] = rec_hash(r->swap + slot * REC_PAGE);
		rec_unstage(r, nr);
		r->pages.page[nr].state = PAGE_OUT;
		r->pages.page[nr].where = slot;
		rec_log(r, REC_STORE, nr, now, r->pid, cpu);
		r->staging_tail++;
		done++;
	}
	give_back_staging(r, from, r->staging_tail);
	r->p->swapped += done;
	r->p->counts.stores += done;
	sub_resident(r, done);
}

void rec_shrink(struct rec *r, uint64_t want)
{
	uint64_t quarter = rec_limit(r->g) / 4;
	uint64_t keep = quarter < KEEP_MAX ? quarter : KEEP_MAX;
	uint64_t have = r->inactive + r->pages.active.count, target;

	if (stopped(r) || r->frozen || have <= keep)
		return;
	if (want > have - keep)
		want = have - keep;
	target = (uint64_t)r->p->resident * r->g->inactive_permille / 1000;
	if (target < want)
		target = want;
	if (r->inactive < target)
		hide(r, target - r->inactive);
	evict(r, want);
	rec_publish(r);
}

void rec_publish(struct rec *r)
{
	uint32_t nr = 0;
	uint64_t at;

	if (r->inactive) {
		for (at = r->staging_tail; !nr; at++)
			nr = r->staged[at % r->staging_size];
		r->staging_tail = at - 1;
	} else {
		r->staging_tail = r->staging_head;
		nr = r->pages.active.tail;
	}
	__atomic_store_n(&r->p->oldest, nr ? r->pages.page[nr].stamp : ~0ull,
			 __ATOMIC_RELAXED);
}

/* The process whose page to evict next has been resident for longest. */
static struct rec_proc *victim(struct rec *r)
{
	struct rec_proc *table =
		(struct rec_proc *)((uint8_t *)r->g + REC_PAGE);
	struct rec_proc *best = r->p;
	uint64_t oldest = ~0ull, age;
	uint32_t i;

	for (i = 0; i < r->g->used; i++) {
		struct rec_proc *p = &table[i];

		if (__atomic_load_n(&p->state, __ATOMIC_RELAXED) !=
		    REC_ATTACHED)
			continue;
		age = __atomic_load_n(&p->oldest, __ATOMIC_RELAXED);
		if (age < oldest) {
			oldest = age;
			best = p;
		}
	}
	return best;
}

void rec_reclaim(struct rec *r)
{
	struct rec_global *g = r->g;
	int64_t total = __atomic_load_n(&g->total, __ATOMIC_RELAXED);
	uint64_t limit = rec_limit(g), batch = batch_of(limit), slack;
	struct rec_proc *p = r->p;
	char msg = REC_MSG_OVER;

	r->arrivals++;
	if (total <= (int64_t)limit || stopped(r))
		return;
	if (g->attached > 1) {
		rec_publish(r);
		p = victim(r);
	}
	slack = limit / 32 > 2 * batch ? limit / 32 : 2 * batch;
	if (p == r->p || (uint64_t)total > limit + slack)
		rec_shrink(r, batch);
	/* Ask the victim in any case: this process may have no page to evict. */
	if (p == r->p || r->arrivals < batch)
		return;
	r->arrivals = 0;
	__atomic_store_n(&p->want, (uint64_t)total - limit + batch,
			 __ATOMIC_RELAXED);
	sys(SYS_sendto, r->sock, &msg, 1, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
}
