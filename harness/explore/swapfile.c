// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The swap file of zlab-explore: memory of the world, which is put back with it.
 * Its pages are instrumented, so two CPUs that transfer a slot at once are found.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/sync.h"
#include "harness/explore/explore.h"
#include "harness/explore/swapfile.h"

struct swapfile {
	atomic_long_t fail_in, writes;
	long fail_every;
	char page[PROGRAM_OBJECTS][SWAP_PAGE_SIZE];
};

struct swapfile *swapfile_open(const char *path, const char *dir,
			       struct err *err)
{
	struct swapfile *f = calloc(1, sizeof(*f));

	if (!f)
		err_set(err, -ENOMEM, "out of memory for a swap file");
	return f;
}

void swapfile_close(struct swapfile *f)
{
	free(f);
}

void swapfile_fail(struct swapfile *f, long nth, long every)
{
	f->fail_every = every;
	atomic_long_set(&f->fail_in, nth);
}

static bool chosen_to_fail(struct swapfile *f)
{
	if (!atomic_long_read(&f->fail_in))
		return false;
	/* Relaxed: the counter orders no other memory accesses. */
	if (atomic_long_add_return_relaxed(-1, &f->fail_in))
		return false;
	atomic_long_set(&f->fail_in, f->fail_every);
	return true;
}

/* A transfer sleeps. */
int swapfile_write(struct swapfile *f, uint64_t slot, const void *page)
{
	cond_resched();
	if (chosen_to_fail(f))
		return -EIO;
	memcpy(f->page[slot], page, SWAP_PAGE_SIZE);
	atomic_long_add(1, &f->writes);
	return 0;
}

uint64_t swapfile_writes(const struct swapfile *f)
{
	return (uint64_t)atomic_long_read(&f->writes);
}

int swapfile_read(struct swapfile *f, uint64_t slot, void *page)
{
	cond_resched();
	memcpy(page, f->page[slot], SWAP_PAGE_SIZE);
	return 0;
}
