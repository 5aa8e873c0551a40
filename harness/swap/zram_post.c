// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What happens to pages after they were written: they become idle, leave for
 * the backing file, or are compressed once more. One CPU at a time does so.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "harness/swap/zram_internal.h"

/* Objects whose sizes differ by less are equally good to be done first. */
#define BUCKET_BYTES 64
#define BUCKETS (SWAP_PAGE_SIZE / BUCKET_BYTES + 1)

/* A page that was selected; its entry has ENTRY_CHOSEN until it is accessed. */
struct chosen {
	SLIST_ENTRY(chosen) next;
	uint32_t index;
};

SLIST_HEAD(bucket, chosen);

struct selection {
	struct bucket bucket[BUCKETS];
};

static bool begin(struct zram_disk *z)
{
	/* Acquire: pairs with end() of the CPU before. */
	return !atomic_xchg_acquire(&z->post, 1);
}

static void end(struct zram_disk *z)
{
	atomic_set_release(&z->post, 0);
}

static bool wants(uint32_t flags, enum zram_mode mode)
{
	switch (mode) {
	case ZRAM_ALL:
		return true;
	case ZRAM_IDLE:
		return flags & ENTRY_IDLE;
	case ZRAM_HUGE:
		return flags & ENTRY_HUGE;
	case ZRAM_HUGE_IDLE:
		return flags & ENTRY_HUGE && flags & ENTRY_IDLE;
	case ZRAM_INCOMPRESSIBLE:
		return flags & ENTRY_INCOMPRESSIBLE;
	default:
		return false;
	}
}

/* Whether a page has an object that nobody is about to take away. */
static bool is_free_to_move(uint32_t flags)
{
	return is_stored(flags) &&
	       !(flags & (ENTRY_WB | ENTRY_SAME | ENTRY_UNDER_WB));
}

static bool may_write_back(struct zram_disk *z, uint32_t flags,
			   enum zram_mode mode)
{
	return is_free_to_move(flags) && wants(flags, mode);
}

static unsigned priority(uint32_t flags)
{
	return (flags & ENTRY_PRIORITY) >> ENTRY_PRIORITY_SHIFT;
}

static bool may_recompress(struct zram_disk *z, uint32_t flags,
			   enum zram_mode mode)
{
	return is_free_to_move(flags) && wants(flags, mode) &&
	       !(flags & ENTRY_INCOMPRESSIBLE) &&
	       priority(flags) < z->nr_codecs - 1;
}

void zram_disk_mark_idle(struct zram_disk *z)
{
	struct zram_table_entry *entry;
	uint32_t flags;
	uint64_t i;

	for (i = 0; i < z->config.pages; i++) {
		entry = &z->table[i];
		entry_lock(z, entry);
		flags = entry_flags(z, entry);
		if (is_free_to_move(flags))
			entry_set(z, entry, flags | ENTRY_IDLE);
		entry_unlock(z, entry);
	}
}

/* Return: a free block, which is then taken, or NO_BLOCK. */
static uint32_t take_block(struct zram_disk *z)
{
	uint32_t i, block, hint = (uint32_t)atomic_read(&z->block_hint);
	int seen;

	for (i = 0; i < z->nr_blocks; i++) {
		block = (uint32_t)((hint + (uint64_t)i) % z->nr_blocks);
		seen = atomic_read(&z->block[block]);
		/* Acquire: who gave the block back has read it before. */
		if (seen & 1 || atomic_cmpxchg_acquire(&z->block[block], seen,
						       seen + 1) != seen)
			continue;
		atomic_set(&z->block_hint, (int)(block + 1));
		zram_count(z, R_BD_COUNT, 1);
		return block;
	}
	return NO_BLOCK;
}

static void clear(struct zram_disk *z, struct zram_table_entry *entry,
		  uint32_t flags)
{
	entry_set(z, entry, entry_flags(z, entry) & ~flags);
}

/* Put the block in the place of a locked entry's object. */
static void now_in_block(struct zram_disk *z, struct zram_table_entry *entry,
			 uint32_t block)
{
	uint32_t flags = entry_flags(z, entry);

	if (z->config.params.post == ZRAM_POST_SCAN) {
		zram_free_entry(z, entry);
		zram_count(z, R_STORED, 1);
		flags = ENTRY_WB;
	} else {
		if (flags & ENTRY_HUGE)
			zram_count(z, R_HUGE, -1);
		zram_count(z, R_COMPR_DATA, -(long)(flags & ENTRY_SIZE));
		zram_stage(z, STAGE_ALLOC);
		z->pool->driver->free(z->pool, entry->handle);
		zram_stage(z, STAGE_FRONT);
		flags = (flags & ~(ENTRY_IDLE | ENTRY_CHOSEN)) | ENTRY_WB;
	}
	entry->handle = block;
	entry_set(z, entry, flags);
}

static int transfer(struct zram_disk *z, uint32_t block, const void *page)
{
	int ret = 0;

	zram_stage(z, STAGE_OFF);
	if (z->config.backing)
		ret = swapfile_write(z->config.backing, block, page);
	zram_stage(z, STAGE_FRONT);
	zram_count(z, ret ? R_WRITE_ERRORS : R_BD_WRITES, 1);
	return ret;
}

/*
 * Write a page to a block. The entry is locked before and afterwards, and has
 * the flag @mine, which it loses when the page is accessed, freed or written
 * meanwhile: then the block has an old page.
 * Return: 1 when the entry now has the block, 0 when it is as it was, or a
 * negative errno.
 */
static int write_entry(struct zram_disk *z, struct zram_table_entry *entry,
		       struct swap_buffers *b, uint32_t block, uint32_t mine)
{
	int ret = zram_read_entry(z, entry, b, b->page);
	uint32_t flags;

	if (ret)
		return ret;
	entry_unlock(z, entry);
	ret = transfer(z, block, b->page);
	entry_lock(z, entry);
	flags = entry_flags(z, entry);
	if (ret || !is_stored(flags) || !(flags & mine))
		return ret;
	now_in_block(z, entry, block);
	return 1;
}

/*
 * A page in turn. While the flag of writeback is set, nobody makes the page
 * idle: an idle page is still the one that was written.
 */
static int write_in_turn(struct zram_disk *z, uint32_t index,
			 enum zram_mode mode, struct swap_buffers *b,
			 uint32_t block)
{
	struct zram_table_entry *entry = &z->table[index];
	uint32_t flags;
	int ret = 0;

	entry_lock(z, entry);
	flags = entry_flags(z, entry);
	if (may_write_back(z, flags, mode)) {
		entry_set(z, entry, flags | ENTRY_UNDER_WB | ENTRY_IDLE);
		ret = write_entry(z, entry, b, block, ENTRY_IDLE);
		if (ret != 1)
			clear(z, entry, ENTRY_UNDER_WB | ENTRY_IDLE);
	}
	entry_unlock(z, entry);
	return ret;
}

/* A page that was selected, if it has not been accessed since. */
static int write_chosen(struct zram_disk *z, uint32_t index,
			struct swap_buffers *b, uint32_t block)
{
	struct zram_table_entry *entry = &z->table[index];
	int ret = 0;

	entry_lock(z, entry);
	if (entry_flags(z, entry) & ENTRY_CHOSEN)
		ret = write_entry(z, entry, b, block, ENTRY_CHOSEN);
	entry_unlock(z, entry);
	return ret;
}

/* Select a locked entry's page. Return: false when memory ran out. */
static bool choose(struct zram_disk *z, struct selection *s, uint32_t index)
{
	struct zram_table_entry *entry = &z->table[index];
	uint32_t flags = entry_flags(z, entry);
	struct chosen *c = malloc(sizeof(*c));
	unsigned at = (flags & ENTRY_SIZE) / BUCKET_BYTES;

	if (!c)
		return false;
	c->index = index;
	SLIST_INSERT_HEAD(&s->bucket[at], c, next);
	entry_set(z, entry, flags | ENTRY_CHOSEN);
	return true;
}

/* Select all pages; when memory runs out, what was selected until then. */
static struct selection *select_all(struct zram_disk *z, enum zram_mode mode,
				    bool (*may)(struct zram_disk *z,
						uint32_t flags,
						enum zram_mode mode))
{
	struct selection *s = malloc(sizeof(*s));
	struct zram_table_entry *entry;
	bool more = true;
	uint64_t i;

	if (!s)
		return NULL;
	for (i = 0; i < BUCKETS; i++)
		SLIST_INIT(&s->bucket[i]);
	for (i = 0; i < z->config.pages && more; i++) {
		entry = &z->table[i];
		entry_lock(z, entry);
		if (may(z, entry_flags(z, entry), mode))
			more = choose(z, s, (uint32_t)i);
		entry_unlock(z, entry);
	}
	return s;
}

/* Take the next one off, in the order of sizes. Return: NULL after the last. */
static struct chosen *take_next(struct selection *s)
{
	struct chosen *c;
	int i;

	for (i = BUCKETS - 1; i >= 0; i--) {
		c = SLIST_FIRST(&s->bucket[i]);
		if (!c)
			continue;
		SLIST_REMOVE_HEAD(&s->bucket[i], next);
		return c;
	}
	return NULL;
}

/* Done with it, or given up. */
static void release(struct zram_disk *z, struct chosen *c)
{
	struct zram_table_entry *entry = &z->table[c->index];

	entry_lock(z, entry);
	clear(z, entry, ENTRY_CHOSEN);
	entry_unlock(z, entry);
	free(c);
}

static void release_all(struct zram_disk *z, struct selection *s)
{
	struct chosen *c;

	while ((c = take_next(s)))
		release(z, c);
	free(s);
}

/*
 * What writeback does page by page, whatever the order.
 * @block: taken for the next page; NO_BLOCK when that is still to be done
 * @last: the last error
 */
struct writing {
	uint32_t block;
	uint64_t written;
	int last;
};

/* Return: 0, or the error that ends the writeback. */
static int get_ready(struct zram_disk *z, struct writing *w)
{
	if (!z->wb_left)
		return -EIO;
	if (w->block == NO_BLOCK)
		w->block = take_block(z);
	return w->block == NO_BLOCK ? -ENOSPC : 0;
}

static void note(struct zram_disk *z, struct writing *w, int ret)
{
	if (ret < 0)
		w->last = ret;
	if (ret <= 0)
		return;
	w->written++;
	w->block = NO_BLOCK;
	if (z->wb_left > 0)
		z->wb_left--;
}

static int write_by_number(struct zram_disk *z, enum zram_mode mode,
			   struct swap_buffers *b, struct writing *w)
{
	uint64_t i;
	int ret = 0;

	for (i = 0; i < z->config.pages && !ret; i++) {
		ret = get_ready(z, w);
		if (!ret)
			note(z, w,
			     write_in_turn(z, (uint32_t)i, mode, b, w->block));
	}
	return ret;
}

static int write_by_size(struct zram_disk *z, enum zram_mode mode,
			 struct swap_buffers *b, struct writing *w)
{
	struct selection *s = select_all(z, mode, may_write_back);
	struct chosen *c;
	int ret = 0;

	if (!s)
		return -ENOMEM;
	while (!ret && (c = take_next(s))) {
		ret = get_ready(z, w);
		if (!ret)
			note(z, w, write_chosen(z, c->index, b, w->block));
		release(z, c);
	}
	release_all(z, s);
	return ret;
}

int zram_disk_writeback(struct zram_disk *z, enum zram_mode mode,
			uint64_t *written)
{
	struct swap_buffers *b = zram_buffers(z);
	struct writing w = { .block = NO_BLOCK };
	int ret;

	*written = 0;
	if (!b)
		return -ENOMEM;
	if (!begin(z))
		return -EAGAIN;
	ret = z->config.params.post == ZRAM_POST_SCAN
		      ? write_by_number(z, mode, b, &w)
		      : write_by_size(z, mode, b, &w);
	if (w.block != NO_BLOCK)
		zram_free_block(z, w.block);
	end(z);
	*written = w.written;
	return ret ? ret : w.last;
}

static unsigned class_of(const struct zram_disk *z, size_t len)
{
	if (len > SWAP_PAGE_SIZE)
		len = SWAP_PAGE_SIZE;
	return z->class ? z->class[len] : (unsigned)len;
}

/*
 * Compress a page with the secondary compressors in turn, until one of them
 * gets it into a smaller size class.
 * Return: bytes of the object, 0 when none does, or -EIO.
 */
static int try_codecs(struct zram_disk *z, uint32_t flags,
		      struct swap_buffers *b, unsigned *prio, bool *hopeless)
{
	size_t threshold = (size_t)z->config.params.threshold;
	unsigned old = class_of(z, flags & ENTRY_SIZE), tried = 0;
	int len = 0;

	for (*prio = priority(flags) + 1; *prio < z->nr_codecs; ++*prio) {
		tried++;
		zram_stage(z, STAGE_CODEC);
		len = codec_compress(z->codec[*prio], b->page, b->object);
		zram_stage(z, STAGE_FRONT);
		if (len < 0)
			return -EIO;
		if (class_of(z, (size_t)len) < old &&
		    (!threshold || (size_t)len < threshold))
			return len;
	}
	*hopeless =
		tried == z->nr_codecs - 1 && class_of(z, (size_t)len) >= old;
	return 0;
}

/* Recompress a locked entry. Return: 1 when it got smaller, 0, or an errno. */
static int recompress_entry(struct zram_disk *z, struct zram_table_entry *entry,
			    struct swap_buffers *b)
{
	uint32_t flags = entry_flags(z, entry);
	bool hopeless = false;
	unsigned long handle;
	unsigned prio;
	int ret, len;

	if ((flags & ENTRY_SIZE) < (size_t)z->config.params.threshold)
		return 0;
	ret = zram_read_entry(z, entry, b, b->page);
	if (ret)
		return ret;
	clear(z, entry, ENTRY_IDLE);
	len = try_codecs(z, flags, b, &prio, &hopeless);
	if (len < 0)
		return len;
	if (!len) {
		if (hopeless)
			entry_set(z, entry,
				  entry_flags(z, entry) | ENTRY_INCOMPRESSIBLE);
		return 0;
	}
	ret = zram_make_object(z, b->object, (size_t)len, &handle);
	if (ret)
		return ret;
	zram_free_entry(z, entry);
	entry->handle = handle;
	entry_set(z, entry, (uint32_t)len | prio << ENTRY_PRIORITY_SHIFT);
	zram_count(z, R_COMPR_DATA, len);
	zram_count(z, R_STORED, 1);
	zram_count(z, R_RECOMPRESSED, 1);
	return 1;
}

static int recompress_by_number(struct zram_disk *z, enum zram_mode mode,
				struct swap_buffers *b, uint64_t *done)
{
	struct zram_table_entry *entry;
	uint64_t i;
	int ret = 0;

	for (i = 0; i < z->config.pages && ret >= 0; i++) {
		entry = &z->table[i];
		entry_lock(z, entry);
		ret = may_recompress(z, entry_flags(z, entry), mode)
			      ? recompress_entry(z, entry, b)
			      : 0;
		entry_unlock(z, entry);
		*done += ret == 1;
	}
	return ret < 0 ? ret : 0;
}

static int recompress_by_size(struct zram_disk *z, enum zram_mode mode,
			      struct swap_buffers *b, uint64_t *done)
{
	struct selection *s = select_all(z, mode, may_recompress);
	struct zram_table_entry *entry;
	struct chosen *c;
	int ret = 0;

	if (!s)
		return -ENOMEM;
	while (ret >= 0 && (c = take_next(s))) {
		entry = &z->table[c->index];
		entry_lock(z, entry);
		ret = entry_flags(z, entry) & ENTRY_CHOSEN
			      ? recompress_entry(z, entry, b)
			      : 0;
		entry_unlock(z, entry);
		release(z, c);
		*done += ret == 1;
	}
	release_all(z, s);
	return ret < 0 ? ret : 0;
}

int zram_disk_recompress(struct zram_disk *z, enum zram_mode mode,
			 uint64_t *done)
{
	struct swap_buffers *b = zram_buffers(z);
	int ret;

	*done = 0;
	if (z->nr_codecs < 2)
		return -EINVAL;
	if (!b)
		return -ENOMEM;
	if (!begin(z))
		return -EAGAIN;
	ret = z->config.params.post == ZRAM_POST_SCAN
		      ? recompress_by_number(z, mode, b, done)
		      : recompress_by_size(z, mode, b, done);
	end(z);
	return ret;
}

uint64_t zram_disk_round(struct zram_disk *z)
{
	const struct zram_params *p = &z->config.params;
	uint64_t written = 0, done;

	if (p->recompress != ZRAM_NOTHING)
		zram_disk_recompress(z, (enum zram_mode)p->recompress, &done);
	if (p->writeback != ZRAM_NOTHING)
		zram_disk_writeback(z, (enum zram_mode)p->writeback, &written);
	zram_disk_mark_idle(z);
	return written;
}
