/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interface of the halves of a shimmed backend: the unit of kernel code (tree
 * file and adapter.h, compiled without libc) and runtime.c (compiled as any
 * other file of this project). Plain C types only.
 */
#ifndef SHIM_RUNTIME_H
#define SHIM_RUNTIME_H

#include "backends/page.h"

/* Size of a CPU's area: the source's own per-CPU variables, then a heap. */
#define SHIM_PERCPU_STRIDE (256ul << 10)

struct page;
struct work;

/* Symbols are hidden: several shim objects may be loaded in one process. */
#pragma GCC visibility push(hidden)

/**
 * DOC: one arena per object
 *
 * Kernel code has one memory, file-global caches and per-CPU data, so all pools
 * of one object share one arena. The arena exists from the first pool to the
 * last; module_init and module_exit run when it is created and destroyed.
 */
extern struct arena *shim_arena;
extern char *shim_frames;
extern struct page *shim_mem_map;
extern long shim_percpu_offset;
extern unsigned shim_cpus_online;

/** struct kmem_cache - a slab cache; must not outlive the arena */
struct kmem_cache {
	struct slab *slab;
	unsigned size;
};

/* Functions of runtime.c for the kernel code. */
struct kmem_cache *shim_cache_create(const char *name, unsigned size,
				     unsigned align);
void shim_cache_destroy(struct kmem_cache *cache);
void *shim_kmalloc(size_t size, bool zero);
/* Memory that the rest of the kernel would allocate: zeroed, not counted. */
void *shim_alloc_outside(size_t size);
void *shim_krealloc(const void *p, size_t size);
void shim_kfree(const void *p);
char *shim_kstrdup(const char *s);
char *shim_kasprintf(const char *fmt, ...);
void *shim_percpu_alloc(size_t size, size_t align);
void shim_percpu_free(void *p);
int shim_cpuhp_setup(int (*up)(unsigned cpu), int (*down)(unsigned cpu));
void shim_cpuhp_remove(void);
bool shim_queue_work(struct work *work);
bool shim_cancel_work(struct work *work);
bool shim_flush_work(struct work *work);
void shim_drain_works(void);
int shim_evict(void *outer, unsigned long handle);

/* Functions of the kernel code's unit (adapter.h) for runtime.c. */

int shim_module_init(void);
void shim_module_exit(void);
extern char __start_shim_percpu[], __stop_shim_percpu[];

void *shim_unit_create(void *outer);
void shim_unit_destroy(void *pool);
void *shim_unit_shrinker(void);
bool shim_unit_sleeps_mapped(void);
int shim_unit_malloc(void *pool, size_t size, unsigned long *handle);
void shim_unit_free(void *pool, unsigned long handle);
void *shim_unit_map(void *pool, unsigned long handle, int mode);
void shim_unit_unmap(void *pool, unsigned long handle);
void *shim_unit_read_begin(void *pool, unsigned long handle, size_t len,
			   void *copy);
void shim_unit_read_end(void *pool, unsigned long handle, size_t len,
			void *mem);
void shim_unit_write(void *pool, unsigned long handle, const void *mem,
		     size_t len);
unsigned long shim_unit_pages(void *pool);
unsigned long shim_unit_compact(void *pool);
unsigned long shim_unit_can_compact(void *shrinker);
int shim_unit_shrink(void *pool, unsigned pages, unsigned *reclaimed);
int shim_unit_migrate(unsigned long pfn);
void shim_unit_locate(void *pool, unsigned long handle, unsigned long *pfn,
		      unsigned *at);

/** struct shim_class - a size class, from the allocator's own table */
struct shim_class {
	unsigned slot, index, size, pages, objects;
	unsigned long inuse, allocated;
};

int shim_unit_class(void *pool, unsigned slot, struct shim_class *class);

#pragma GCC visibility pop

#endif
