// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The locks that each thread holds, the order of lock classes, and the messages
 * printed before a program is aborted.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/sync/debug.h"

#define HELD_MAX 2304 /* migration locks each object of a 64 KiB frame */
#define ORDERS 64 /* classes */
#define NESTS 2
#define NODES (ORDERS * NESTS)

struct held {
	const void *lock;
	const struct lock_site *site;
	unsigned take;
	unsigned node;
};

static __thread struct held held[HELD_MAX];
static __thread unsigned nr_held;
static __thread int preempt_off;
static __thread const struct lock_site *preempt_site;

/* An observed nesting: a lock taken at @to while one from @from was held. */
struct edge {
	const struct lock_site *from, *to;
};

static struct edge edges[NODES][NODES];
static const char *order_name[ORDERS];
static unsigned nr_orders = 1;
static pthread_mutex_t graph = PTHREAD_MUTEX_INITIALIZER;

static void stop(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));

static void stop(const char *fmt, ...)
{
	va_list ap;

	fputs("zlab: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	fflush(stderr);
	abort();
}

static const char *plain(const char *name)
{
	return *name == '&' ? name + 1 : name;
}

#define AT "%s at %s:%d"
#define AT_ARGS(site) plain((site)->base), (site)->file, (site)->line

static unsigned order_of(struct lock_site *site)
{
	unsigned i = __atomic_load_n(&site->order, __ATOMIC_RELAXED);
	const char *name = plain(site->base);

	if (i)
		return i;
	pthread_mutex_lock(&graph);
	for (i = 1; i < nr_orders; i++)
		if (!strcmp(order_name[i], name))
			break;
	if (i == ORDERS)
		stop("more than %d lock classes", ORDERS - 1);
	if (i == nr_orders)
		order_name[nr_orders++] = name;
	pthread_mutex_unlock(&graph);
	__atomic_store_n(&site->order, i, __ATOMIC_RELAXED);
	return i;
}

/* Return: the first node on a path from @a to @b, or NODES without a path. */
static unsigned way(unsigned a, unsigned b, unsigned char *been)
{
	unsigned i;

	been[a] = 1;
	if (edges[a][b].to)
		return b;
	for (i = 0; i < NODES; i++)
		if (edges[a][i].to && !been[i] && way(i, b, been) != NODES)
			return i;
	return NODES;
}

static void learn(const struct held *h, unsigned node,
		  const struct lock_site *site)
{
	unsigned char been[NODES] = { 0 };
	const struct edge *back;
	unsigned step;

	/* A known pair was checked when it was recorded. */
	if (__atomic_load_n(&edges[h->node][node].to, __ATOMIC_ACQUIRE))
		return;
	pthread_mutex_lock(&graph);
	step = way(node, h->node, been);
	if (step != NODES) {
		back = &edges[node][step];
		stop("lock order inversion: " AT " is taken under " AT
		     ", but " AT " was taken under " AT "%s",
		     AT_ARGS(site), AT_ARGS(h->site), AT_ARGS(back->to),
		     AT_ARGS(back->from),
		     step == h->node ? "" : ", and others between");
	}
	edges[h->node][node].from = h->site;
	__atomic_store_n(&edges[h->node][node].to, site, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&graph);
}

static const struct held *atomic_since(void)
{
	unsigned i;

	for (i = 0; i < nr_held; i++)
		if (!(held[i].take & SYNC_SLEEPS))
			return &held[i];
	return NULL;
}

void sync_debug_sleep(const char *what, const struct lock_site *site)
{
	const struct held *h = atomic_since();

	if (h)
		stop("%s at %s:%d may sleep, but the spinning lock " AT
		     " is held",
		     what, site->file, site->line, AT_ARGS(h->site));
	if (preempt_off)
		stop("%s at %s:%d may sleep, but preemption is off since "
		     "%s:%d",
		     what, site->file, site->line, preempt_site->file,
		     preempt_site->line);
}

/*
 * Taking a lock for reading twice in one thread is an error too: a writer that
 * queues between the two takes waits for the first and blocks the second. A
 * second take by trylock does not wait, so it is allowed.
 */
void sync_debug_take(const void *lock, struct lock_site *site, unsigned take,
		     unsigned nest)
{
	unsigned node = order_of(site) * NESTS + (nest ? 1 : 0);
	unsigned i;

	for (i = 0; i < nr_held; i++)
		if (held[i].lock == lock &&
		    (take & (SYNC_TRY | (held[i].take & SYNC_SHARED))) !=
			    (SYNC_TRY | SYNC_SHARED))
			stop("recursive take: " AT " is held since " AT,
			     AT_ARGS(site), AT_ARGS(held[i].site));
	if (!(take & SYNC_TRY)) {
		if (take & SYNC_SLEEPS)
			sync_debug_sleep(plain(site->base), site);
		for (i = 0; i < nr_held; i++) {
			if (held[i].node != node)
				learn(&held[i], node, site);
			else if (!(take & held[i].take & SYNC_SHARED))
				stop("two locks of one class: " AT
				     " is taken under " AT
				     "; a nested take says so (_nested)",
				     AT_ARGS(site), AT_ARGS(held[i].site));
		}
	}
	if (nr_held == HELD_MAX)
		stop("%d locks are held at %s:%d", HELD_MAX, site->file,
		     site->line);
	held[nr_held++] = (struct held){
		.lock = lock, .site = site, .take = take, .node = node
	};
}

/* Finds the latest take: the thread may have read-locked @lock twice. */
static struct held *find_held(const void *lock)
{
	unsigned i = nr_held;

	while (i-- > 0)
		if (held[i].lock == lock)
			return &held[i];
	return NULL;
}

static const char *mode_name(unsigned take)
{
	return take & SYNC_SHARED ? "reading" : "writing";
}

void sync_debug_drop(const void *lock, const struct lock_site *site,
		     unsigned take)
{
	struct held *h = find_held(lock);

	if (!h && nr_held)
		stop("unlock of a lock not held: " AT
		     " is not held by this thread; its last lock is " AT,
		     AT_ARGS(site), AT_ARGS(held[nr_held - 1].site));
	if (!h)
		stop("unlock of a lock not held: " AT
		     " is not held by this thread, which holds no lock",
		     AT_ARGS(site));
	if ((h->take ^ take) & SYNC_SHARED)
		stop("wrong unlock: " AT " ends %s, but %s began at %s:%d",
		     AT_ARGS(site), mode_name(take), mode_name(h->take),
		     h->site->file, h->site->line);
	nr_held--;
	memmove(h, h + 1, (&held[nr_held] - h) * sizeof(*h));
}

bool sync_debug_is_held(const void *lock)
{
	return find_held(lock);
}

void sync_debug_assert(const void *lock, const struct lock_site *site,
		       enum sync_want want)
{
	const struct held *h = find_held(lock);
	unsigned wrong;

	if (want == SYNC_NOT_HELD) {
		if (h)
			stop(AT " must not be held by the thread and is since "
				"%s:%d",
			     AT_ARGS(site), h->site->file, h->site->line);
		return;
	}
	if (!h)
		stop(AT " must be held by the thread and is not",
		     AT_ARGS(site));
	if (want == SYNC_HELD)
		return;
	wrong = want == SYNC_HELD_READ ? SYNC_EXCLUSIVE : SYNC_SHARED;
	if ((h->take & SYNC_SHARED) == wrong)
		stop(AT " must be held for %s and is held for %s since %s:%d",
		     AT_ARGS(site), mode_name(wrong ^ SYNC_SHARED),
		     mode_name(wrong), h->site->file, h->site->line);
}

void sync_debug_rule(const char *rule, const struct lock_site *site)
{
	stop("%s:%d needs: %s", site->file, site->line, rule);
}

void sync_debug_preempt(int by, const struct lock_site *site)
{
	if (by > 0 && !preempt_off)
		preempt_site = site;
	preempt_off += by;
	if (preempt_off < 0)
		stop("preemption goes on at %s:%d but was not off", site->file,
		     site->line);
}

void sync_debug_none(const char *when, const struct lock_site *site)
{
	if (nr_held)
		stop("lock left held: " AT " when %s at %s:%d",
		     AT_ARGS(held[nr_held - 1].site), when, site->file,
		     site->line);
	if (preempt_off)
		stop("preemption left off since %s:%d when %s at %s:%d",
		     preempt_site->file, preempt_site->line, when, site->file,
		     site->line);
}

void sync_debug_forget(void)
{
	pthread_mutex_lock(&graph);
	memset(edges, 0, sizeof(edges));
	pthread_mutex_unlock(&graph);
	nr_held = 0;
	preempt_off = 0;
}
