// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A line on a terminal's stderr: share done, rate, time left; or what is being
 * done, and since when.
 */
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "backends/sync/clock.h"
#include "harness/cli/progress.h"

#define WIDTH 24
#define EVERY_NS 100000000ull
#define TICK_NS 500000000l
#define WIPE "\r\033[K"

void progress_start(struct progress *p, const char *what, const char *unit,
		    uint64_t total)
{
	*p = (struct progress){ .on = isatty(STDERR_FILENO),
				.what = what,
				.unit = unit,
				.total = total,
				.start_ns = clock_wall_ns() };
}

static void short_number(char *buf, size_t len, double v)
{
	static const char units[] = " kMGT";
	size_t i = 0;

	while (v >= 1000 && i + 2 < sizeof(units)) {
		v /= 1000;
		i++;
	}
	snprintf(buf, len, v < 10 && i ? "%.1f%.1s" : "%.0f%.1s", v,
		 i ? units + i : "");
}

void progress_update(struct progress *p, uint64_t done)
{
	uint64_t now, left;
	double s, rate;
	char bar[WIDTH + 1], per[16];
	int i, fill;

	if (!p->on)
		return;
	now = clock_wall_ns();
	if (now - p->shown_ns < EVERY_NS)
		return;
	p->shown_ns = now;
	s = (double)(now - p->start_ns) / 1e9;
	rate = s > 0 ? (double)done / s : 0;
	short_number(per, sizeof(per), rate);
	if (!p->total) {
		fprintf(stderr, WIPE "%.40s  %llu %s  %s/s", p->what,
			(unsigned long long)done, p->unit, per);
		return;
	}
	fill = (int)(done * WIDTH / p->total);
	if (fill > WIDTH)
		fill = WIDTH;
	for (i = 0; i < WIDTH; i++)
		bar[i] = i < fill ? '#' : '.';
	bar[WIDTH] = 0;
	left = rate > 0 && done < p->total
		       ? (uint64_t)((double)(p->total - done) / rate)
		       : 0;
	fprintf(stderr, WIPE "%.24s [%s] %3d %%  %s %s/s  %llu:%02llu left",
		p->what, bar, (int)(done * 100 / p->total), per, p->unit,
		(unsigned long long)left / 60, (unsigned long long)left % 60);
}

static void tick(struct progress *p)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += TICK_NS;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	pthread_cond_timedwait(&p->cond, &p->mutex, &t);
}

static void *ticker(void *arg)
{
	struct progress *p = arg;
	unsigned long long s;

	pthread_mutex_lock(&p->mutex);
	/* It may end before this thread runs. */
	while (!p->ends) {
		tick(p);
		if (p->ends)
			break;
		p->shown_ns = clock_wall_ns();
		s = (p->shown_ns - p->start_ns) / 1000000000;
		fprintf(stderr, WIPE "%.60s  %llu:%02llu", p->what, s / 60,
			s % 60);
	}
	pthread_mutex_unlock(&p->mutex);
	return NULL;
}

void progress_step(struct progress *p, const char *what)
{
	pthread_condattr_t attr;
	sigset_t all, old;

	progress_start(p, what, NULL, 0);
	if (!p->on)
		return;
	pthread_mutex_init(&p->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->cond, &attr);
	pthread_condattr_destroy(&attr);
	/* Signals are for the thread that works: they interrupt its calls. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	p->ticks = !pthread_create(&p->thread, NULL, ticker, p);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void end_ticks(struct progress *p)
{
	pthread_mutex_lock(&p->mutex);
	p->ends = true;
	pthread_cond_signal(&p->cond);
	pthread_mutex_unlock(&p->mutex);
	pthread_join(p->thread, NULL);
	p->ticks = false;
	pthread_cond_destroy(&p->cond);
	pthread_mutex_destroy(&p->mutex);
}

static void wipe(struct progress *p)
{
	if (p->on && p->shown_ns)
		fputs(WIPE, stderr);
	p->shown_ns = 0;
}

void progress_hide(struct progress *p)
{
	if (p->ticks)
		pthread_mutex_lock(&p->mutex);
	wipe(p);
	if (p->ticks)
		pthread_mutex_unlock(&p->mutex);
}

void progress_end(struct progress *p)
{
	if (p->ticks)
		end_ticks(p);
	wipe(p);
	p->on = false;
}
