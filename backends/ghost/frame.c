// SPDX-License-Identifier: GPL-2.0-or-later
/* Arenas whose frames have addresses and no memory. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "backends/ghost/ghost.h"

#define HUGE_ALIGN (2ul << 20)

/*
 * The object that a CPU has mapped last. Its user may read and write @bytes,
 * which are all objects' alike.
 */
struct ghost_cpu {
	unsigned long handle;
	void *addr;
	bool writes;
	char bytes[1 << 16] __attribute__((aligned(64)));
};

static void *reserve(size_t bytes, bool huge)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	madvise(p, bytes, MADV_DONTDUMP);
	return p;
}

static void release(void *p, size_t bytes)
{
	if (p)
		munmap(p, bytes);
}

static size_t heads_bytes(const struct arena *a)
{
	return a->capacity * a->head_size;
}

static size_t words_bytes(const struct arena *a)
{
	return a->capacity * GHOST_CHUNKS * sizeof(*a->words);
}

static size_t cpus_bytes(void)
{
	return SYNC_MAX_CPUS * sizeof(struct ghost_cpu);
}

int ghost_create(struct arena *a, const struct arena_config *config,
		 struct err *err)
{
	/* Slabs describe frames and objects, of which a frame has 128. */
	if (!a->slab_capacity && !config->capacity)
		a->slab_capacity = a->capacity / 4;
	a->head_size = config->head_size;
	a->ghost = reserve(cpus_bytes(), false);
	if (a->head_size)
		a->heads = reserve(heads_bytes(a), a->huge);
	if (config->keep_words)
		a->words = reserve(words_bytes(a), false);
	if (!a->ghost || (a->head_size && !a->heads) ||
	    (config->keep_words && !a->words) ||
	    mprotect(a->frames, a->capacity << a->page_shift, PROT_NONE))
		return err_set(err, -ENOMEM,
			       "cannot reserve the heads of %zu ghost frames: "
			       "%s",
			       a->capacity, strerror(errno));
	return 0;
}

void ghost_destroy(struct arena *a)
{
	release(a->ghost, cpus_bytes());
	release(a->heads, heads_bytes(a));
	release(a->words, words_bytes(a));
}

unsigned long *ghost_word(const struct arena *a, const void *addr)
{
	size_t at = (size_t)((const char *)addr - a->frames);

	/* Without words a callback reads what is nobody's. */
	if (!a->words)
		return (unsigned long *)a->ghost->bytes;
	return &a->words[at >> (a->page_shift - 6)];
}

void *ghost_map(struct arena *a, void *addr, unsigned long handle, bool writes)
{
	struct ghost_cpu *c = &a->ghost[smp_processor_id()];

	c->handle = handle;
	c->addr = addr;
	c->writes = writes;
	if (a->words)
		*(unsigned long *)c->bytes = READ_ONCE(*ghost_word(a, addr));
	return c->bytes;
}

void ghost_unmap(struct arena *a, unsigned long handle)
{
	struct ghost_cpu *c = &a->ghost[smp_processor_id()];

	/* Another CPU may be reading the word: WRITE_ONCE. */
	if (a->words && c->writes && c->handle == handle)
		WRITE_ONCE(*ghost_word(a, c->addr), *(unsigned long *)c->bytes);
	c->handle = 0;
}
