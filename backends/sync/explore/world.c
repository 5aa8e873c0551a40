// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The world: one range of addresses in which all memory of a pool lies, at the
 * same place in each run. While the pool's code runs, malloc() and mmap() take
 * memory from it, for code of this program and of loaded objects alike.
 *
 * Stores of instrumented code are seen, so a state is kept block by block: the
 * first store to a block after xworld_save() copies it first, and
 * xworld_restore() puts back the blocks that this schedule has stored to.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backends/mem/watch.h"
#include "backends/sync/explore/internal.h"

#define HEAP_SIZE (64ul << 20)
#define LIBRARY (XWORLD_BASE + HEAP_SIZE - (4ul << 20))
#define MAPS (XWORLD_BASE + HEAP_SIZE)
#define END (XWORLD_BASE + XWORLD_SIZE)
#define BLOCKS (XINDEX_SIZE >> XBLOCK_SHIFT)
#define CLASSES 40
#define DIRTY_MAX 65536u
#define ZEROED_MOST (1ul << 20)

/* The C library's own, for all that is not the pool's. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t align, size_t size);
extern void __libc_free(void *p);

/* In front of each object of the heap. */
struct header {
	size_t size;
	size_t class;
};

/* A part of the heap: what is taken up to, and a list of free ones by class. */
struct part {
	uintptr_t top;
	struct header *free[CLASSES];
};

/* What is taken of the world; saved and restored with it. */
struct taken {
	uintptr_t maps;
	struct part heap, library;
	size_t frames, objects;
	unsigned nr_undo;
};

/* A range whose memory was taken or freed. */
struct undo {
	size_t at, len;
	bool frame, freed;
};

static struct taken now, kept;
static struct undo *undo;
static size_t undo_room;
static bool keeping, library;
static char *copy; /* of the world, where blocks were saved */
static char *pristine; /* of the loaded object's data */
static uint32_t state; /* number of the saved state */
static uint32_t *dirty_list;
static unsigned nr_dirty;
static uint32_t *fresh; /* blocks that were stored to before the save */
static unsigned nr_fresh;

static void *reserve(uintptr_t at, size_t bytes)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	void *p;

	if (at)
		flags |= MAP_FIXED_NOREPLACE;
	/* Not mmap(), which is the world's. */
	p = (void *)syscall(SYS_mmap, at, bytes, PROT_READ | PROT_WRITE, flags,
			    -1, 0);
	if (p == MAP_FAILED || (at && p != (void *)at))
		return NULL;
	madvise(p, bytes, MADV_DONTDUMP);
	madvise(p, bytes, MADV_NOHUGEPAGE);
	return p;
}

static void forget(void)
{
	memset(&now, 0, sizeof(now));
	now.heap.top = XWORLD_BASE + 64; /* no object has the index 0 */
	now.library.top = LIBRARY;
	now.maps = MAPS;
}

int xworld_start(struct err *err)
{
	forget();
	x.dirty = reserve(0, BLOCKS * sizeof(*x.dirty));
	x.saved = reserve(0, BLOCKS * sizeof(*x.saved));
	copy = reserve(0, XINDEX_SIZE);
	dirty_list = reserve(0, DIRTY_MAX * sizeof(*dirty_list));
	fresh = reserve(0, BLOCKS * sizeof(*fresh));
	undo_room = 1u << 20;
	undo = reserve(0, undo_room * sizeof(*undo));
	if (!x.dirty || !x.saved || !copy || !dirty_list || !fresh || !undo ||
	    !reserve(XWORLD_BASE, XWORLD_SIZE))
		return err_set(err, -ENOMEM,
			       "no address space for %lu MiB of pools and what "
			       "is known of them",
			       2 * XINDEX_SIZE >> 20);
	return 0;
}

void xworld_enter(void)
{
	x.inside = true;
}

void xworld_leave(void)
{
	x.inside = false;
}

void *xworld_dlopen(const char *path, int flags)
{
	bool was = xworld_pause();
	void *so = dlopen(path, flags);

	xworld_resume(was);
	return so;
}

/* Restoring. */

void xdirty_slow(size_t block)
{
	size_t at = block << XBLOCK_SHIFT;

	x.dirty[block] = x.schedule;
	if (!keeping) {
		if (nr_fresh < BLOCKS)
			fresh[nr_fresh++] = (uint32_t)block;
		return;
	}
	if (x.saved[block] != state) {
		memcpy(copy + at, (const void *)xaddr(at), XBLOCK);
		x.saved[block] = state;
	}
	if (nr_dirty == DIRTY_MAX) {
		fputs("zlab: a schedule stores to more than 32 MiB\n", stderr);
		_exit(1);
	}
	dirty_list[nr_dirty++] = (uint32_t)block;
}

static void mark(size_t at, size_t len, bool frame, bool freed)
{
	size_t word = at >> XWORD_SHIFT, end = (at + len) >> XWORD_SHIFT;
	struct xline *l;

	if (frame) {
		memset(&x.page[at >> 12], freed, len >> 12);
		return;
	}
	for (; word < end;) {
		l = &x.line[word >> 3];
		if (!(word & 7) && word + 8 <= end) {
			l->freed = freed ? 0xff : 0;
			word += 8;
			continue;
		}
		if (freed)
			l->freed |= 1u << (word & 7);
		else
			l->freed &= ~(1u << (word & 7));
		word++;
	}
}

static bool is_freed(size_t at)
{
	return x.page[at >> 12] ||
	       x.line[at >> XLINE_SHIFT].freed >> (at >> XWORD_SHIFT & 7) & 1;
}

/* All of a range is in one state. Memory that was never used is not freed. */
static void change(const void *p, size_t len, bool frame, bool freed)
{
	size_t at = xindex((uintptr_t)p);

	if (at == XNONE || is_freed(at) == freed)
		return;
	mark(at, len, frame, freed);
	if (now.nr_undo == undo_room) {
		fputs("zlab: a pool takes and frees too often\n", stderr);
		_exit(1);
	}
	undo[now.nr_undo++] = (struct undo){ at, len, frame, freed };
}

static void undo_to(unsigned nr)
{
	while (now.nr_undo > nr) {
		now.nr_undo--;
		mark(undo[now.nr_undo].at, undo[now.nr_undo].len,
		     undo[now.nr_undo].frame, !undo[now.nr_undo].freed);
	}
}

static void put_back(void)
{
	size_t at;
	unsigned i;

	for (i = 0; i < nr_dirty; i++) {
		at = (size_t)dirty_list[i] << XBLOCK_SHIFT;
		memcpy((void *)xaddr(at), copy + at, XBLOCK);
	}
	nr_dirty = 0;
}

/* Zero again what was stored to between @from and @end since the last reset. */
static void zero(uintptr_t from, uintptr_t end)
{
	uintptr_t at;
	unsigned i;

	if (x.data_len || nr_fresh == BLOCKS) {
		madvise((void *)from, end - from, MADV_DONTNEED);
		return;
	}
	for (i = 0; i < nr_fresh; i++) {
		at = xaddr((size_t)fresh[i] << XBLOCK_SHIFT);
		if (at - from < end - from)
			memset((void *)at, 0, XBLOCK);
	}
}

static void zero_heap(uintptr_t from, uintptr_t top)
{
	size_t len = top - from;

	if (len < ZEROED_MOST)
		memset((void *)from, 0, len);
	else
		madvise((void *)from, len + 4096, MADV_DONTNEED);
}

/*
 * Memory that was had once stays, as the kernel takes long to give it. Code that
 * is not instrumented stores to the heap alone; that of a loaded object anywhere.
 */
static void zero_all(void)
{
	zero_heap(XWORLD_BASE, now.heap.top);
	zero_heap(LIBRARY, now.library.top);
	if (now.maps > MAPS)
		zero(MAPS, now.maps);
}

void xworld_reset(void)
{
	if (keeping)
		put_back();
	keeping = false;
	undo_to(0);
	zero_all();
	nr_fresh = 0;
	if (x.data_len)
		memcpy((void *)x.data, pristine, x.data_len);
	forget();
	x.schedule++;
}

void xworld_save(void)
{
	size_t at;

	kept = now;
	keeping = true;
	state++;
	nr_dirty = 0;
	/* Stores from now on must be seen, also to what was stored to. */
	x.schedule++;
	if (!x.data_len)
		return;
	/* A loaded object has parts that are not instrumented. */
	for (at = XWORLD_SIZE; at < XWORLD_SIZE + x.data_len; at += XBLOCK) {
		memcpy(copy + at, (const void *)xaddr(at), XBLOCK);
		x.saved[at >> XBLOCK_SHIFT] = state;
	}
	for (at = 0; at < now.heap.top - XWORLD_BASE; at += XBLOCK) {
		memcpy(copy + at, (const void *)xaddr(at), XBLOCK);
		x.saved[at >> XBLOCK_SHIFT] = state;
	}
}

void xworld_restore(void)
{
	undo_to(kept.nr_undo);
	put_back();
	x.schedule++;
	if (x.data_len) {
		memcpy((void *)x.data, copy + XWORLD_SIZE, x.data_len);
		memcpy((void *)XWORLD_BASE, copy, kept.heap.top - XWORLD_BASE);
	}
	now = kept;
}

/* Where the first block begins that has nothing below @top. */
static size_t blocks_of(uintptr_t top)
{
	return XBLOCK * ((top - XWORLD_BASE) / XBLOCK + 1);
}

const void *xworld_check(void)
{
	size_t at, i, most = now.maps - XWORLD_BASE;
	const char *p;

	for (at = 0; at < most; at += XBLOCK) {
		if (at == blocks_of(now.heap.top))
			at = LIBRARY - XWORLD_BASE;
		if (at == blocks_of(now.library.top))
			at = HEAP_SIZE;
		if (x.saved[at >> XBLOCK_SHIFT] != state)
			continue;
		p = (const char *)xaddr(at);
		for (i = 0; i < XBLOCK; i++)
			if (p[i] != copy[at + i])
				return p + i;
	}
	return NULL;
}

int xworld_add(void *from, size_t len, struct err *err)
{
	uintptr_t start = (uintptr_t)from & ~(XBLOCK - 1);

	len = ((uintptr_t)from + len - start + XBLOCK - 1) & ~(XBLOCK - 1);
	if (len > XDATA_SIZE)
		return err_set(err, -E2BIG,
			       "its data has %zu KiB; at most %lu can be "
			       "explored",
			       len >> 10, XDATA_SIZE >> 10);
	pristine = __libc_malloc(len);
	if (!pristine)
		return err_set(err, -ENOMEM, "out of memory");
	x.data = start;
	x.data_len = len;
	memcpy(pristine, (void *)start, len);
	return 0;
}

const char *xworld_where(const void *addr, char *buf, size_t len)
{
	size_t at = xindex((uintptr_t)addr);

	if (at == XNONE && (uintptr_t)addr >= 1u << 16)
		snprintf(buf, len, "outside of the pool");
	else if (at < XWORLD_SIZE || at == XNONE)
		snprintf(buf, len, "0x%lx", (unsigned long)addr);
	else
		snprintf(buf, len, "data+0x%lx",
			 (unsigned long)(at - XWORLD_SIZE));
	return buf;
}

/* Freed memory. */

static const char *const kind_name[] = {
	[MEM_FRAME] = "frame",
	[MEM_DESC] = "frame's descriptor",
	[MEM_OBJECT] = "slab object",
	[MEM_SLAB_PAGE] = "slab page",
};

void mem_taken(enum mem_kind kind, const void *at, size_t len)
{
	xcpu_visit(XDO_ATOMIC_WRITE, at, len);
	now.frames += kind == MEM_FRAME || kind == MEM_SLAB_PAGE;
	now.objects += kind == MEM_OBJECT;
	change(at, len, kind == MEM_FRAME, false);
	/* Memory of a slab that was destroyed, whose objects are free. */
	if (kind == MEM_FRAME)
		change(at, len, false, false);
}

void mem_freed(enum mem_kind kind, const void *at, size_t len)
{
	size_t index = xindex((uintptr_t)at);
	char where[64];

	xcpu_visit(XDO_ATOMIC_WRITE, at, len);
	if (kind != MEM_SLAB_PAGE && index != XNONE && is_freed(index)) {
		xreport(XFOUND_DOUBLE_FREE, __builtin_return_address(0),
			"the %s at %s is freed and is free already",
			kind_name[kind],
			xworld_where(at, where, sizeof(where)));
		return;
	}
	now.frames -= kind == MEM_FRAME || kind == MEM_SLAB_PAGE;
	now.objects -= kind == MEM_OBJECT;
	/* What an object's first word says is gone with its frame. */
	if (kind == MEM_FRAME && index != XNONE) {
		xdirty(index, sizeof(uint64_t));
		memset((void *)(uintptr_t)at, 0xff, sizeof(uint64_t));
	}
	change(at, len, kind == MEM_FRAME, true);
}

void mem_looks(const void *lock)
{
	xcpu_visit(XDO_ATOMIC_READ, lock, 1);
}

void xworld_used(size_t *frames, size_t *objects)
{
	*frames = now.frames;
	*objects = now.objects;
}

void xworld_freed(size_t at, size_t len, bool write, const void *pc)
{
	char where[64];

	if (x.me)
		x.me->at = (struct xpoint){
			.kind = write ? XDO_WRITE : XDO_READ,
			.addr = (const void *)xaddr(at),
			.len = len,
			.pc = pc,
		};
	xreport(XFOUND_FREED, pc, "%s of %zu bytes at %s, which is free memory",
		write ? "a write" : "a read", len,
		xworld_where((const void *)xaddr(at), where, sizeof(where)));
}

/* The heap: objects of powers of two, and a list of free ones for each. */

static unsigned class_of(size_t size)
{
	unsigned class = 5;

	while ((1ul << class) < size)
		class ++;
	return class;
}

/* Of a large object the beginning is enough to find that it is used freed. */
static size_t watched(unsigned class)
{
	return class < 10 ? 1ul << class : 1024;
}

static void seen(const void *p, size_t len)
{
	xdirty(xindex((uintptr_t)p), len);
}

static void *take(size_t size, size_t align)
{
	struct part *part = library ? &now.library : &now.heap;
	uintptr_t end = library ? XWORLD_BASE + HEAP_SIZE : LIBRARY, p;
	unsigned class = class_of(size);
	struct header *h = align <= 16 ? part->free[class] : NULL;

	if (h) {
		part->free[class] = *(struct header **)(h + 1);
		/* Who frees it has done all that it does with it. */
		xcpu_acquire(h);
	} else {
		p = (part->top + sizeof(*h) + align - 1) & ~(align - 1);
		if (class >= CLASSES || p + (1ul << class) > end) {
			errno = ENOMEM;
			return NULL;
		}
		part->top = p + (1ul << class);
		h = (struct header *)p - 1;
	}
	seen(h, sizeof(*h));
	h->size = size;
	h->class = class;
	change(h + 1, watched(class), false, false);
	return h + 1;
}

static void give(void *p)
{
	struct part *part = (uintptr_t)p < LIBRARY ? &now.heap : &now.library;
	struct header *h = (struct header *)p - 1;
	char where[64];

	if (is_freed(xindex((uintptr_t)p))) {
		xreport(XFOUND_DOUBLE_FREE, NULL,
			"the heap's object at %s is freed and is free already",
			xworld_where(p, where, sizeof(where)));
		return;
	}
	xcpu_release(h);
	seen(p, sizeof(void *));
	*(struct header **)p = part->free[h->class];
	part->free[h->class] = h;
	change(p, watched(h->class), false, true);
}

static bool mine(const void *p)
{
	return (uintptr_t)p - XWORLD_BASE < XWORLD_SIZE;
}

/* A zeroed object, whatever an earlier one left. */
static void *take_zeroed(size_t size)
{
	void *p = take(size, 16);

	if (!p)
		return NULL;
	seen(p, size ? size : 1);
	return memset(p, 0, size);
}

void *malloc(size_t size)
{
	return x.inside ? take(size, 16) : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	if (!x.inside)
		return __libc_calloc(n, size);
	if (size && n > HEAP_SIZE / size) {
		errno = ENOMEM;
		return NULL;
	}
	return take_zeroed(n * size);
}

void *realloc(void *p, size_t size)
{
	const struct header *h = (struct header *)p - 1;
	void *new;

	if (p ? !mine(p) : !x.inside)
		return __libc_realloc(p, size);
	new = take(size, 16);
	if (new &&p) {
		seen(new, size ? size : 1);
		memcpy(new, p, h->size < size ? h->size : size);
		give(p);
	}
	return new;
}

void free(void *p)
{
	if (!p)
		return;
	if (mine(p))
		give(p);
	else
		__libc_free(p);
}

void *aligned_alloc(size_t align, size_t size)
{
	return x.inside ? take(size, align) : __libc_memalign(align, size);
}

int posix_memalign(void **p, size_t align, size_t size)
{
	void *new = aligned_alloc(align, size);

	if (!new)
		return ENOMEM;
	*p = new;
	return 0;
}

void xworld_library(bool begins)
{
	/* Which memory it takes depends on what was freed. */
	if (begins)
		xcpu_visit(XDO_ATOMIC_WRITE, (void *)LIBRARY, 1);
	library = begins && x.inside;
	if (library && now.library.top > LIBRARY)
		seen((void *)LIBRARY, now.library.top - LIBRARY);
}

/* Whole mappings. */

void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	uintptr_t p;

	if (!x.inside || !(flags & MAP_ANONYMOUS))
		return (void *)syscall(SYS_mmap, at, len, prot, flags, fd,
				       offset);
	p = now.maps;
	len = (len + 4095) & ~4095ul;
	if (len > END - p) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	now.maps = p + len;
	return (void *)p;
}

/* What is mapped there next is not freed memory. */
static void unmark(size_t at, size_t len)
{
	unsigned i;

	for (i = 0; i < now.nr_undo; i++)
		if (undo[i].at - at < len)
			mark(undo[i].at, undo[i].len, undo[i].frame, false);
}

/* A huge page would be cleared each time that the world is reset. */
int madvise(void *at, size_t len, int advice)
{
	if (mine(at) && advice == MADV_HUGEPAGE)
		return 0;
	return (int)syscall(SYS_madvise, at, len, advice);
}

/* Memory at the end can be had again; the rest with the next reset. */
int munmap(void *at, size_t len)
{
	if (!mine(at))
		return (int)syscall(SYS_munmap, at, len);
	if (!keeping && (uintptr_t)at + ((len + 4095) & ~4095ul) == now.maps) {
		zero((uintptr_t)at, now.maps);
		unmark(xindex((uintptr_t)at), len);
		now.maps = (uintptr_t)at;
	}
	return 0;
}
