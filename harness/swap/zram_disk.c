// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Write, read and discard of a zram disk. Writeback and recompression are in
 * zram_post.c.
 */
#include <errno.h>
#include <string.h>

#include "harness/swap/hooks.h"
#include "harness/swap/zram_internal.h"

static bool trylock_sleeping(struct zram_table_entry *entry)
{
	long old = atomic_long_read(&entry->sleep) & (long)~ENTRY_LOCK;

	/* Acquire: pairs with the release of entry_unlock(). */
	return atomic_long_cmpxchg_acquire(&entry->sleep, old,
					   old | (long)ENTRY_LOCK) == old;
}

void entry_lock(struct zram_disk *z, struct zram_table_entry *entry)
{
	if (z->lock == ZRAM_LOCK_SPIN)
		spin_lock(&entry->lock);
	else if (z->lock == ZRAM_LOCK_BIT)
		bit_spin_lock(ENTRY_LOCK_NR, &entry->flags);
	else
		while (!trylock_sleeping(entry))
			cond_resched();
}

bool entry_trylock(struct zram_disk *z, struct zram_table_entry *entry)
{
	if (z->lock == ZRAM_LOCK_SPIN)
		return spin_trylock(&entry->lock);
	if (z->lock == ZRAM_LOCK_BIT)
		return bit_spin_trylock(ENTRY_LOCK_NR, &entry->flags);
	return trylock_sleeping(entry);
}

void entry_unlock(struct zram_disk *z, struct zram_table_entry *entry)
{
	if (z->lock == ZRAM_LOCK_SPIN)
		spin_unlock(&entry->lock);
	else if (z->lock == ZRAM_LOCK_BIT)
		bit_spin_unlock(ENTRY_LOCK_NR, &entry->flags);
	else
		smp_store_release(&entry->sleep.counter,
				  atomic_long_read(&entry->sleep) &
					  (long)~ENTRY_LOCK);
}

void zram_free_block(struct zram_disk *z, uint32_t block)
{
	atomic_inc(&z->block[block]);
	if ((uint32_t)atomic_read(&z->block_hint) > block)
		atomic_set(&z->block_hint, (int)block);
	zram_count(z, R_BD_COUNT, -1);
}

void zram_free_entry(struct zram_disk *z, struct zram_table_entry *entry)
{
	uint32_t flags = entry_flags(z, entry);

	/* A page that was written back is not counted as huge any more. */
	if (flags & ENTRY_HUGE && !(flags & ENTRY_WB))
		zram_count(z, R_HUGE, -1);
	if (flags & ENTRY_WB) {
		zram_free_block(z, (uint32_t)entry->handle);
	} else if (flags & ENTRY_SAME) {
		zram_count(z, R_SAME, -1);
	} else if (flags & ENTRY_SIZE) {
		zram_stage(z, STAGE_ALLOC);
		z->pool->driver->free(z->pool, entry->handle);
		zram_stage(z, STAGE_FRONT);
		zram_count(z, R_COMPR_DATA, -(long)(flags & ENTRY_SIZE));
	}
	if (is_stored(flags))
		zram_count(z, R_STORED, -1);
	entry->handle = 0;
	/* Who writes the page back clears that flag. */
	entry_set(z, entry, flags & ENTRY_UNDER_WB);
}

int zram_make_object(struct zram_disk *z, const void *from, size_t len,
		     unsigned long *handle)
{
	int ret;

	zram_stage(z, STAGE_ALLOC);
	hook_begin(HOOK_MALLOC);
	ret = z->pool->driver->malloc(z->pool, len, handle);
	hook_end(HOOK_MALLOC);
	if (!ret && !pools_is_handle(handle))
		ret = -EBADF;
	if (!ret && from) {
		hook_begin(HOOK_WRITE);
		zpool_write(z->pool, *handle, from, len);
		hook_end(HOOK_WRITE);
	}
	zram_stage(z, STAGE_FRONT);
	return ret;
}

/* Note how large the pool is. Return: whether that is within the limit. */
static bool can_store(struct zram_disk *z)
{
	long bytes = (long)pools_bytes(&z->pools);
	long max = atomic_long_read(&z->n[R_USED_MAX]), seen;

	while (max < bytes) {
		/* Relaxed: the counter orders no other memory accesses. */
		seen = atomic_long_cmpxchg_relaxed(&z->n[R_USED_MAX], max,
						   bytes);
		if (seen == max)
			break;
		max = seen;
	}
	return !z->limit || (uint64_t)bytes <= z->limit;
}

/* Return: bytes of the object, SWAP_PAGE_SIZE for the page itself, or -EIO. */
static int compress(struct zram_disk *z, const void *page, size_t sized,
		    char *object)
{
	int len;

	zram_stage(z, STAGE_CODEC);
	if (sized) {
		memcpy(object, page, sized);
		len = (int)sized;
	} else {
		len = codec_compress(z->codec[0], page, object);
	}
	if (len > 0)
		hook_codec(NULL, false, (size_t)len);
	zram_stage(z, STAGE_FRONT);
	if (len < 0)
		return -EIO;
	return (size_t)len >= z->huge ? SWAP_PAGE_SIZE : len;
}

static int refused(struct zram_disk *z, int ret)
{
	zram_count(z, ret == -ENOSPC ? R_REJECT_SIZE : R_REJECT_ALLOC, 1);
	return ret;
}

/*
 * The object of a page. To 6.14 a first attempt must not sleep; if it fails, a
 * second one may, and the page is then compressed once more, since another page
 * may be in the CPU's buffer by then.
 */
static int make_object(struct zram_disk *z, const void *page, size_t sized,
		       struct swap_buffers *b, unsigned long *handle)
{
	int ret, len = compress(z, page, sized, b->object);
	const void *from = b->object;

	if (len < 0)
		return len;
	ret = zram_make_object(z, NULL, (size_t)len, handle);
	if (ret == -ENOMEM && z->config.params.retry) {
		zram_count(z, R_WRITESTALL, 1);
		ret = zram_make_object(z, NULL, (size_t)len, handle);
		if (!ret && len != SWAP_PAGE_SIZE)
			compress(z, page, sized, b->object);
	}
	if (ret)
		return ret == -EBADF ? ret : refused(z, ret);
	zram_stage(z, STAGE_ALLOC);
	if (!can_store(z)) {
		z->pool->driver->free(z->pool, *handle);
		zram_stage(z, STAGE_FRONT);
		zram_count(z, R_REJECT_LIMIT, 1);
		return -ENOMEM;
	}
	if (len == SWAP_PAGE_SIZE)
		from = page;
	hook_begin(HOOK_WRITE);
	zpool_write(z->pool, *handle, from, (size_t)len);
	hook_end(HOOK_WRITE);
	zram_stage(z, STAGE_FRONT);
	return len;
}

/* Put what was made of a page in the place of what the entry holds. */
static void replace(struct zram_disk *z, struct zram_table_entry *entry,
		    unsigned long handle, uint32_t flags)
{
	entry_lock(z, entry);
	if (is_stored(entry_flags(z, entry)))
		zram_count(z, R_REPLACED, 1);
	zram_free_entry(z, entry);
	entry->handle = handle;
	entry_set(z, entry, entry_flags(z, entry) | flags);
	entry_unlock(z, entry);
	zram_count(z, R_STORED, 1);
}

static int write_page(struct zram_disk *z, struct zram_table_entry *entry,
		      const void *page, size_t sized)
{
	struct swap_buffers *b = zram_buffers(z);
	unsigned long handle;
	int len;

	if (!b)
		return refused(z, -ENOMEM);
	if (z->config.params.replace == ZRAM_REPLACE_FIRST) {
		entry_lock(z, entry);
		if (is_stored(entry_flags(z, entry)))
			zram_count(z, R_REPLACED, 1);
		zram_free_entry(z, entry);
		entry_unlock(z, entry);
	}
	if (!sized && z->config.same_filled &&
	    page_same_filled(page, &handle)) {
		zram_count(z, R_SAME, 1);
		zram_count(z, R_SAME_WRITES, 1);
		replace(z, entry, handle, ENTRY_SAME);
		return 0;
	}
	len = make_object(z, page, sized, b, &handle);
	if (len < 0)
		return len;
	zram_count(z, R_COMPR_DATA, len);
	if (len == SWAP_PAGE_SIZE) {
		zram_count(z, R_HUGE, 1);
		zram_count(z, R_HUGE_SINCE, 1);
	}
	replace(z, entry, handle,
		(uint32_t)len | (len == SWAP_PAGE_SIZE ? ENTRY_HUGE : 0));
	return 0;
}

/* The kernel takes the lock once more to note an access. */
static void note_access(struct zram_disk *z, struct zram_table_entry *entry)
{
	entry_lock(z, entry);
	entry_accessed(z, entry);
	entry_unlock(z, entry);
}

int zram_disk_write(struct zram_disk *z, uint32_t index, const void *page,
		    size_t length)
{
	struct zram_table_entry *entry = &z->table[index];
	int ret = write_page(z, entry, page, length);

	zram_count(z, R_WRITES, 1);
	if (ret)
		zram_count(z, R_FAILED_WRITES, 1);
	else
		note_access(z, entry);
	return ret;
}

int zram_read_entry(struct zram_disk *z, struct zram_table_entry *entry,
		    struct swap_buffers *b, void *page)
{
	uint32_t flags = entry_flags(z, entry);
	size_t len = flags & ENTRY_SIZE;
	void *mem;
	int ret = 0;

	if (flags & ENTRY_SAME || !len) {
		page_fill(page, entry->handle);
		return 0;
	}
	zram_stage(z, STAGE_ALLOC);
	mem = zpool_read_begin(z->pool, entry->handle, len, b->copy);
	zram_stage(z, STAGE_CODEC);
	hook_codec(NULL, true, len);
	if (z->config.sized || flags & ENTRY_HUGE)
		memcpy(page, mem, len);
	else if (!FRAMES_GHOST)
		ret = codec_decompress(z->codec[(flags & ENTRY_PRIORITY) >>
						ENTRY_PRIORITY_SHIFT],
				       mem, len, page);
	zram_stage(z, STAGE_ALLOC);
	zpool_read_end(z->pool, entry->handle, len, mem);
	zram_stage(z, STAGE_FRONT);
	return ret;
}

/*
 * Read a block of the backing file; the entry is locked, but not during the
 * transfer. Return: 0; -EAGAIN when the block is no longer the entry's, so that
 * what was read is another page's.
 */
static int read_block(struct zram_disk *z, struct zram_table_entry *entry,
		      struct swap_buffers *b, void *page)
{
	uint32_t block = (uint32_t)entry->handle;
	int taken = atomic_read(&z->block[block]);
	int ret;

	entry_unlock(z, entry);
	if (!z->config.backing) {
		zram_count(z, R_LOST_READS, 1);
		entry_lock(z, entry);
		return -ENODATA;
	}
	zram_count(z, R_BD_READS, 1);
	zram_stage(z, STAGE_OFF);
	ret = swapfile_read(z->config.backing, block, b->page);
	zram_stage(z, STAGE_FRONT);
	entry_lock(z, entry);
	if (!(entry_flags(z, entry) & ENTRY_WB) || entry->handle != block ||
	    atomic_read(&z->block[block]) != taken)
		return -EAGAIN;
	if (!ret)
		memcpy(page, b->page, SWAP_PAGE_SIZE);
	return ret;
}

int zram_disk_read(struct zram_disk *z, uint32_t index, void *page)
{
	struct zram_table_entry *entry = &z->table[index];
	struct swap_buffers *b = zram_buffers(z);
	int ret = -ENOMEM;

	zram_count(z, R_READS, 1);
	if (!b)
		goto out;
	entry_lock(z, entry);
	do {
		if (entry_flags(z, entry) & ENTRY_WB)
			ret = read_block(z, entry, b, page);
		else
			ret = zram_read_entry(z, entry, b, page);
	} while (ret == -EAGAIN);
	entry_unlock(z, entry);
out:
	if (ret)
		zram_count(z, R_FAILED_READS, 1);
	else
		note_access(z, entry);
	return ret;
}

void zram_disk_discard(struct zram_disk *z, uint32_t index)
{
	struct zram_table_entry *entry = &z->table[index];

	entry_lock(z, entry);
	zram_free_entry(z, entry);
	entry_unlock(z, entry);
	zram_count(z, R_NOTIFY_FREE, 1);
}

bool zram_disk_free_notify(struct zram_disk *z, uint32_t index)
{
	struct zram_table_entry *entry = &z->table[index];

	zram_count(z, R_NOTIFY_FREE, 1);
	if (!entry_trylock(z, entry)) {
		zram_count(z, R_MISS_FREE, 1);
		return false;
	}
	zram_free_entry(z, entry);
	entry_unlock(z, entry);
	return true;
}

uint64_t zram_disk_compact(struct zram_disk *z)
{
	return pools_compact(&z->pools);
}

void zram_disk_time(struct zram_disk *z, struct stage_clock *clock)
{
	z->cpu[smp_processor_id()].clock = clock;
}
