// SPDX-License-Identifier: GPL-2.0-or-later
/* Deferred work: a list; the harness decides when its entries run. */
#include "backends/sync.h"

void workqueue_init(struct workqueue *wq)
{
	spin_lock_init(&wq->lock);
	wq->head = NULL;
	wq->tail = &wq->head;
}

static void unlink_work(struct workqueue *wq, struct work *work)
{
	lockdep_assert_held(&wq->lock);
	WRITE_ONCE(*work->pprev, work->next);
	if (work->next)
		WRITE_ONCE(work->next->pprev, work->pprev);
	else
		wq->tail = work->pprev;
	WRITE_ONCE(work->pprev, NULL);
}

bool queue_work(struct workqueue *wq, struct work *work)
{
	bool added;

	spin_lock(&wq->lock);
	added = !work->pprev;
	if (added) {
		work->next = NULL;
		WRITE_ONCE(work->pprev, wq->tail);
		WRITE_ONCE(*wq->tail, work);
		wq->tail = &work->next;
	}
	spin_unlock(&wq->lock);
	return added;
}

bool cancel_work(struct workqueue *wq, struct work *work)
{
	bool was;

	/* As the kernel's: no lock is taken for a work that is idle. */
	if (!work_pending(work))
		return false;
	spin_lock(&wq->lock);
	was = work->pprev;
	if (was)
		unlink_work(wq, work);
	spin_unlock(&wq->lock);
	return was;
}

static bool run(struct workqueue *wq, const unsigned long *key)
{
	struct work *work;

	sync_assert_none_held();
	/* A kernel's worker sleeps while there is nothing to do. */
	if (!READ_ONCE(wq->head))
		return false;
	spin_lock(&wq->lock);
	for (work = wq->head; work && key && work->key != *key;)
		work = work->next;
	if (work)
		unlink_work(wq, work);
	spin_unlock(&wq->lock);
	if (!work)
		return false;
	work->fn(work);
	return true;
}

bool workqueue_run_one(struct workqueue *wq)
{
	return run(wq, NULL);
}

bool workqueue_run_key(struct workqueue *wq, unsigned long key)
{
	return run(wq, &key);
}

size_t workqueue_drain(struct workqueue *wq)
{
	size_t n = 0;

	while (run(wq, NULL))
		n++;
	return n;
}
