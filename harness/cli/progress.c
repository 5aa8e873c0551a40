// SPDX-License-Identifier: GPL-2.0-or-later
/* A line on a terminal's stderr: share done, rate, time left. */
#include <stdio.h>
#include <unistd.h>

#include "backends/sync/clock.h"
#include "harness/cli/progress.h"

#define WIDTH 24
#define EVERY_NS 100000000ull

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
		fprintf(stderr, "\r\033[K%s  %llu %s  %s/s", p->what,
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
	fprintf(stderr, "\r\033[K%s [%s] %3d %%  %s %s/s  %llu:%02llu left",
		p->what, bar, (int)(done * 100 / p->total), per, p->unit,
		(unsigned long long)left / 60, (unsigned long long)left % 60);
}

void progress_end(struct progress *p)
{
	if (p->on && p->shown_ns)
		fputs("\r\033[K", stderr);
	p->on = false;
}
