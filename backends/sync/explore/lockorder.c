// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The order in which lock classes nest, over all schedules of a run: two classes
 * in both orders are an error even if no schedule brought them together.
 */
#include <stdio.h>
#include <string.h>

#include "backends/sync/explore/internal.h"

#define ORDERS 64

struct edge {
	const struct lock_site *from, *to;
};

static struct edge edges[ORDERS][ORDERS];
static char names[ORDERS][48];
static unsigned nr;

/* A pair that was checked already, so that most takes end here. */
static unsigned char known[ORDERS][ORDERS];

static const char *plain(const char *name)
{
	return *name == '&' ? name + 1 : name;
}

/* Return: number of the site's class, or ORDERS when there are too many. */
static unsigned order_of(const struct lock_site *site)
{
	static struct {
		const struct lock_site *site;
		unsigned order;
	} recent[256];
	unsigned at = (unsigned)((uintptr_t)site >> 4) % 256, i;
	const char *name;

	if (recent[at].site == site)
		return recent[at].order;
	name = plain(site->base);
	for (i = 0; i < nr && strcmp(names[i], name);)
		i++;
	if (i == nr && nr < ORDERS)
		snprintf(names[nr++], sizeof(names[0]), "%s", name);
	recent[at].site = site;
	recent[at].order = i;
	return i;
}

/* Return: the first class on a path from @a to @b, or ORDERS without a path. */
static unsigned way(unsigned a, unsigned b, unsigned char *been)
{
	unsigned i;

	been[a] = 1;
	if (edges[a][b].to)
		return b;
	for (i = 0; i < nr; i++)
		if (edges[a][i].to && !been[i] && way(i, b, been) != ORDERS)
			return i;
	return ORDERS;
}

static void learn(unsigned a, unsigned b, const struct lock_site *from,
		  const struct lock_site *to)
{
	unsigned char been[ORDERS] = { 0 };
	unsigned step = way(b, a, been);
	const struct edge *back;

	known[a][b] = 1;
	edges[a][b] = (struct edge){ from, to };
	if (step == ORDERS)
		return;
	back = &edges[b][step];
	xreport(XFOUND_ORDER, NULL,
		"%s (%s:%d) is taken under %s (%s:%d), and %s (%s:%d) was taken "
		"under %s (%s:%d)%s",
		names[b], to->file, to->line, names[a], from->file, from->line,
		names[step], back->to->file, back->to->line, names[b],
		back->from->file, back->from->line,
		step == a ? "" : ", and others between");
}

void xlockorder_take(struct xcpu *me, const struct lock_site *site)
{
	unsigned i, a, b;

	if (!site || !me->nr_held)
		return;
	b = order_of(site);
	for (i = 0; i < me->nr_held; i++) {
		if (!me->held[i].site)
			continue;
		a = order_of(me->held[i].site);
		if (a == b || a >= ORDERS || b >= ORDERS || known[a][b])
			continue;
		learn(a, b, me->held[i].site, site);
	}
}

void xorder_forget(void)
{
	memset(edges, 0, sizeof(edges));
	memset(known, 0, sizeof(known));
}
