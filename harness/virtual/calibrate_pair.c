// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Measurements that need two CPUs: the transfer of a line, the hand-over of a
 * spinlock, a wake-up. Both sides are pinned and spin until both have started,
 * so that both run when the clock starts. The result is the median of many
 * rounds: a round in which one side did not run can be too short or too long.
 */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <unistd.h>

#include "backends/sync.h"
#include "harness/virtual/calibrate.h"
#include "backends/sync/clock.h"

#define MEDIAN 0.5
#define MAX_LINES 4

static struct {
	void (*fn)(int side);
	double ns;
	unsigned lines;
	atomic_t here;
	int word __attribute__((aligned(128)));
	spinlock_t lock __attribute__((aligned(128)));
	sem_t ping;
	struct {
		int value __attribute__((aligned(128)));
	} inside[MAX_LINES];
} pair;

static void pin(unsigned nth)
{
	cpu_set_t allowed, one;
	unsigned cpu;

	if (sched_getaffinity(getpid(), sizeof(allowed), &allowed))
		return;
	nth %= (unsigned)CPU_COUNT(&allowed);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &allowed) && !nth--)
			break;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
}

static void *side(void *arg)
{
	int me = (int)(long)arg;
	uint64_t t;

	sync_cpu_attach();
	pin((unsigned)me);
	atomic_inc(&pair.here);
	while (atomic_read(&pair.here) != 2)
		cpu_relax();
	t = clock_wall_ns();
	pair.fn(me);
	if (!me)
		pair.ns = (double)(clock_wall_ns() - t);
	sync_cpu_detach();
	return NULL;
}

/* Runs @fn(0) and @fn(1) at the same time. Return: the time of @fn(0). */
static double both(void (*fn)(int side))
{
	pthread_t t[2];
	long i;

	pair.fn = fn;
	pair.word = 0;
	atomic_set(&pair.here, 0);
	spin_lock_init(&pair.lock);
	sem_init(&pair.ping, 0, 0);
	for (i = 0; i < 2; i++)
		if (pthread_create(&t[i], NULL, side, (void *)i))
			return 0;
	for (i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	return pair.ns;
}

#define PINGS 2000

static void ping(int me)
{
	int i;

	for (i = 0; i < PINGS; i++) {
		while (smp_load_acquire(&pair.word) != 2 * i + me)
			cpu_relax();
		smp_store_release(&pair.word, 2 * i + me + 1);
	}
}

/* Each direction is an upgrade and a fetch of the line: two transfers. */
static double transfer(void)
{
	return both(ping) / PINGS / 2 / 2;
}

/* Side 0 stops the other side, so that both contend all the time. */
static void hammer(int me)
{
	unsigned k;
	int i;

	for (i = 0; me ? !smp_load_acquire(&pair.word) : i < PINGS; i++) {
		spin_lock(&pair.lock);
		for (k = 0; k < pair.lines; k++)
			WRITE_ONCE(pair.inside[k].value,
				   READ_ONCE(pair.inside[k].value) + 1);
		spin_unlock(&pair.lock);
	}
	if (!me)
		smp_store_release(&pair.word, 1);
}

/* A ticket lock alternates: the other side has taken it as often. */
static double handover(void)
{
	return both(hammer) / (2 * PINGS);
}

#define WAKES 20
/* Long enough for the other side to fall asleep. */
#define ASLEEP_NS 30000

static uint64_t posted;
static double post_ns, latency_ns;

/* Side 0 wakes side 1. */
static void wake(int me)
{
	uint64_t t, spent = 0, late = 0;
	int i;

	for (i = 0; i < WAKES; i++) {
		if (me) {
			sem_wait(&pair.ping);
			late += clock_wall_ns() - READ_ONCE(posted);
			smp_store_release(&pair.word, i + 1);
			continue;
		}
		t = clock_wall_ns();
		while (clock_wall_ns() - t < ASLEEP_NS)
			cpu_relax();
		t = clock_wall_ns();
		WRITE_ONCE(posted, t);
		sem_post(&pair.ping);
		spent += clock_wall_ns() - t;
		while (smp_load_acquire(&pair.word) != i + 1)
			cpu_relax();
	}
	if (me)
		latency_ns = (double)late / WAKES;
	else
		post_ns = (double)spent / WAKES;
}

static double wake_latency(void)
{
	both(wake);
	return latency_ns;
}

static double wake_cost(void)
{
	both(wake);
	return post_ns;
}

void calibrate_pair(struct calibration *c)
{
	double full;

	c->xfer = calibrate_rounds(c, "transfer", transfer, MEDIAN);
	pair.lines = 0;
	c->handover = calibrate_rounds(c, "hand-over", handover, MEDIAN);
	pair.lines = MAX_LINES;
	full = calibrate_rounds(c, "hand-over with lines", handover, MEDIAN);
	c->line = (full - c->handover) / MAX_LINES;
	c->wake_latency =
		calibrate_rounds(c, "wake latency", wake_latency, MEDIAN);
	c->wake = calibrate_rounds(c, "wake", wake_cost, MEDIAN);
}
