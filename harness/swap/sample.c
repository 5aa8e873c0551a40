// SPDX-License-Identifier: GPL-2.0-or-later
/* Choosing which operations are timed, and recording their times. */
#include <sys/resource.h>

#include "harness/swap/hooks.h"
#include "harness/swap/swap_internal.h"

/* Longer than any operation takes unless it is preempted. */
#define SUSPECT_NS 100000

/* Whether this thread was preempted since the last call. */
static bool was_preempted(struct swap_cpu *c)
{
	struct rusage u;
	long before = c->nivcsw;

	if (!hook_preemptible() || getrusage(RUSAGE_THREAD, &u))
		return false;
	c->nivcsw = u.ru_nivcsw;
	return c->nivcsw != before;
}

uint32_t swap_next_sample(struct swap_cpu *c)
{
	uint32_t n = c->swap->config.sample, x = c->random;

	if (n <= 1)
		return n;
	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	c->random = x;
	return 1 + x % (2 * n - 1);
}

void swap_note_sample(struct swap_cpu *c, uint8_t op)
{
	struct swap_times *t = &c->times;
	uint64_t total = stage_end(&c->clock);
	int i;

	if (total > SUSPECT_NS && was_preempted(c)) {
		t->preempted++;
		return;
	}
	t->samples[op]++;
	for (i = 0; i < STAGES; i++)
		t->ns[op][i] += c->clock.ns[i];
	hist_add(&t->latency[op], total);
}
