// SPDX-License-Identifier: GPL-2.0-or-later
/* The order of operations on an object that explains their results. */
#include <string.h>

#include "harness/explore/history.h"

/* Looks at operations in some order, after which it is not known. */
#define STEPS_MOST 20000

struct search {
	const struct history *h;
	bool takes;
	uint32_t ended; /* mask of events */
	unsigned steps;
	struct history_state left[HISTORY_STATES];
	unsigned nr_left;
};

static void leave(struct search *s, struct history_state state)
{
	unsigned i;

	for (i = 0; i < s->nr_left; i++)
		if (s->left[i].version == state.version &&
		    s->left[i].stays == state.stays)
			return;
	if (s->nr_left < HISTORY_STATES)
		s->left[s->nr_left++] = state;
}

/* Whether all that had ended when event @nr began is done. */
static bool may_be_next(const struct search *s, uint32_t done, unsigned nr)
{
	const struct history_event *e = s->h->event;
	unsigned i;

	for (i = 0; i < s->h->nr; i++)
		if (!(done >> i & 1) && e[i].ended && e[i].end < e[nr].begin)
			return false;
	return true;
}

/*
 * The states after an event. One that has not ended may have any result. What is
 * stored may have been written back since, and then a load leaves it. Return:
 * their number, 0 if the event cannot come here.
 */
static unsigned after(const struct search *s, const struct history_event *e,
		      struct history_state state, struct history_state to[2])
{
	static const struct history_state nothing;

	to[0] = state;
	to[1] = nothing;
	switch (e->kind) {
	case HISTORY_FREE:
		to[0] = nothing;
		return 1;
	case HISTORY_STORE:
		to[0] = (struct history_state){ .version = e->version };
		return e->ended ? 1 : 2;
	default:
		break;
	}
	if (e->ended && e->version != state.version)
		return 0;
	if (!state.version || state.stays || !s->takes)
		return 1;
	to[0].stays = true;
	return 2;
}

static bool explain(struct search *s, uint32_t done, struct history_state state)
{
	struct history_state to[2];
	bool explained = false;
	unsigned i, k, n;

	if ((done & s->ended) == s->ended) {
		leave(s, state);
		explained = true;
	}
	for (i = 0; i < s->h->nr && s->steps < STEPS_MOST; i++) {
		if (done >> i & 1 || !may_be_next(s, done, i))
			continue;
		s->steps++;
		n = after(s, &s->h->event[i], state, to);
		for (k = 0; k < n; k++)
			explained |= explain(s, done | 1u << i, to[k]);
	}
	return explained;
}

unsigned history_begin(struct history *h, enum history_kind kind,
		       uint32_t version, uint64_t now)
{
	if (h->nr == HISTORY_EVENTS) {
		h->lost = true;
		h->nr = 0;
	}
	h->event[h->nr] = (struct history_event){ .kind = kind,
						  .version = version,
						  .begin = now };
	return h->nr++;
}

/* Nothing overlaps any more: what is left is what follows begins with. */
static void settle(struct history *h, const struct search *s)
{
	if (s->ended != (h->nr == 32 ? ~0u : (1u << h->nr) - 1))
		return;
	h->nr = 0;
	h->nr_states = s->nr_left;
	memcpy(h->state, s->left, sizeof(h->state));
}

bool history_end(struct history *h, unsigned nr, uint32_t version, uint64_t now,
		 bool takes)
{
	struct search s = { .h = h, .takes = takes };
	struct history_event *e = &h->event[nr];
	bool explained = false;
	unsigned i;

	if (h->lost)
		return true;
	e->ended = true;
	e->end = now;
	if (e->kind == HISTORY_STORE && !version)
		e->kind = HISTORY_FREE;
	else
		e->version = version;
	for (i = 0; i < h->nr; i++)
		s.ended |= (uint32_t)h->event[i].ended << i;
	for (i = 0; i < (h->nr_states ? h->nr_states : 1); i++)
		explained |= explain(&s, 0, h->state[i]);
	if (s.steps >= STEPS_MOST)
		h->lost = explained = true;
	else if (explained)
		settle(h, &s);
	return explained;
}
