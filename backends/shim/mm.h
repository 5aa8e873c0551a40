/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory: page frames and their descriptors, slabs, shrinkers.
 */
#ifndef SHIM_MM_H
#define SHIM_MM_H

#define PAGE_SHIFT SHIM_PAGE_SHIFT
#define PAGE_SIZE (1ul << PAGE_SHIFT)
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define PAGE_ALIGN(n) ALIGN(n, PAGE_SIZE)
#define offset_in_page(p) ((unsigned long)(p) & ~PAGE_MASK)
/* x86-64 with 5-level page tables: zsmalloc's handle layout depends on it. */
#define MAX_POSSIBLE_PHYSMEM_BITS 52
#define MAX_PHYSMEM_BITS 52
#define NUMA_NO_NODE (-1)
#define numa_node_id() 0
#define numa_mem_id() 0

/* Allocation flags: whether an allocation may sleep, and its zone. */
#define __GFP_DMA 0x1u
#define __GFP_HIGHMEM 0x2u
#define __GFP_MOVABLE 0x8u
#define __GFP_HIGH 0x20u
#define __GFP_IO 0x40u
#define __GFP_FS 0x80u
#define __GFP_ZERO 0x100u
#define __GFP_DIRECT_RECLAIM 0x400u
#define __GFP_KSWAPD_RECLAIM 0x800u
#define __GFP_NOWARN 0x2000u
#define __GFP_NORETRY 0x10000u
#define __GFP_NOMEMALLOC 0x80000u
#define __GFP_COMP 0x40000u
#define __GFP_ACCOUNT 0x400000u
#define __GFP_RECLAIM (__GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM)
#define GFP_KERNEL (__GFP_RECLAIM | __GFP_IO | __GFP_FS)
#define GFP_NOIO __GFP_RECLAIM
#define GFP_ATOMIC (__GFP_HIGH | __GFP_KSWAPD_RECLAIM)
#define GFP_NOWAIT __GFP_KSWAPD_RECLAIM

static inline bool gfpflags_allow_blocking(gfp_t gfp)
{
	return gfp & __GFP_DIRECT_RECLAIM;
}

/*
 * The descriptor of a frame: 64 bytes, with the members at the offsets that the
 * assertions of zpdesc.h require.
 */
struct page {
	unsigned long flags;
	struct list_head lru;
	struct address_space *mapping;
	union {
		unsigned long index;
		unsigned long __folio_index;
		void *freelist;
	};
	unsigned long private;
	union {
		unsigned int page_type;
		unsigned int units;
		atomic_t _mapcount;
	};
	atomic_t _refcount;
	unsigned long memcg_data;
};
_Static_assert(sizeof(struct page) == 64, "as the kernel's");

struct folio {
	struct page page;
};

struct dentry;
struct zone;

enum zone_stat_item {
	NR_ZSPAGES
};

enum pageflags {
	PG_locked,
	PG_private,
	PG_private_2,
	PG_owner_priv_1,
	PG_isolated,
	PG_movable_ops,
	PG_movable_ops_isolated,
};

#define SHIM_PAGE_FLAG(Name, bit)                             \
	static inline int Page##Name(const struct page *page) \
	{                                                     \
		return test_bit(bit, &page->flags);           \
	}                                                     \
	static inline void SetPage##Name(struct page *page)   \
	{                                                     \
		set_bit(bit, &page->flags);                   \
	}                                                     \
	static inline void ClearPage##Name(struct page *page) \
	{                                                     \
		clear_bit(bit, &page->flags);                 \
	}

SHIM_PAGE_FLAG(Private, PG_private)
SHIM_PAGE_FLAG(Private2, PG_private_2)
SHIM_PAGE_FLAG(OwnerPriv1, PG_owner_priv_1)
SHIM_PAGE_FLAG(Isolated, PG_isolated)
SHIM_PAGE_FLAG(MovableOps, PG_movable_ops)
SHIM_PAGE_FLAG(MovableOpsIsolated, PG_movable_ops_isolated)

#define page_private(page) ((page)->private)
#define set_page_private(page, v) ((void)((page)->private = (v)))

/* Conversions between a frame's number, descriptor and address. */
#define page_to_pfn(page) ((unsigned long)((page)-shim_mem_map))
#define pfn_to_page(pfn) (shim_mem_map + (pfn))
#define folio_page(folio, n) (&(folio)->page)
#define page_folio(p) ((struct folio *)(p))
#define page_to_nid(page) 0
#define page_zone(page) ((void)(page), (struct zone *)NULL)

static inline void *page_address(const struct page *page)
{
	return shim_frames + (page_to_pfn(page) << PAGE_SHIFT);
}

static inline struct page *virt_to_page(const void *addr)
{
	return pfn_to_page((unsigned long)((const char *)addr - shim_frames) >>
			   PAGE_SHIFT);
}

#define virt_to_head_page(addr) virt_to_page(addr)
#define lowmem_page_address(page) page_address(page)
#define inc_zone_page_state(page, item) ((void)(page))
#define dec_zone_page_state(page, item) ((void)(page))

/* A frame is freed when its last reference is dropped. */
static inline struct page *alloc_pages_node(int nid, gfp_t gfp, unsigned order)
{
	struct page *page;
	pfn_t pfn;

	if (WARN_ON_ONCE(order))
		return NULL;
	pfn = frame_alloc(shim_arena);
	if (unlikely(pfn == PFN_NONE))
		return NULL;
	page = pfn_to_page(pfn);
	/* The count stays 0 until then, for code that inspects free pages. */
	WRITE_ONCE(page->flags, 0);
	WRITE_ONCE(page->mapping, NULL);
	page->index = 0;
	page->private = 0;
	page->page_type = ~0u;
	if (gfp & __GFP_ZERO)
		memset(page_address(page), 0, PAGE_SIZE);
	smp_store_release(&page->_refcount.counter, 1);
	return page;
}

#define alloc_pages(gfp, order) alloc_pages_node(0, gfp, order)
#define alloc_page(gfp) alloc_pages_node(0, gfp, 0)

static inline void get_page(struct page *page)
{
	atomic_inc(&page->_refcount);
}

static inline bool get_page_unless_zero(struct page *page)
{
	return atomic_inc_not_zero(&page->_refcount);
}

static inline void put_page(struct page *page)
{
	if (atomic_dec_and_test(&page->_refcount))
		frame_free(shim_arena, (pfn_t)page_to_pfn(page));
}

#define __free_page(page) put_page(page)
#define __free_pages(page, order) put_page(page)
#define page_count(page) atomic_read(&(page)->_refcount)
#define folio_get(folio) get_page(&(folio)->page)
#define folio_put(folio) put_page(&(folio)->page)

/* Only the native flavour of sync.h has these calls for the sanitizer. */
#ifndef sync_tsan_acquire
#define sync_tsan_acquire(p) ((void)(p))
#define sync_tsan_release(p) ((void)(p))
#endif

static inline int trylock_page(struct page *page)
{
	if (test_and_set_bit(PG_locked, &page->flags))
		return 0;
	sync_tsan_acquire(&page->flags);
	return 1;
}

static inline void lock_page(struct page *page)
{
	while (!trylock_page(page))
		cond_resched();
}

static inline void unlock_page(struct page *page)
{
	sync_tsan_release(&page->flags);
	clear_bit_unlock(PG_locked, &page->flags);
}

static inline int PageLocked(const struct page *page)
{
	return test_bit(PG_locked, &page->flags);
}

static inline void wait_on_page_locked(struct page *page)
{
	while (PageLocked(page))
		cond_resched();
}

#define folio_trylock(folio) (trylock_page(&(folio)->page) != 0)
#define folio_lock(folio) lock_page(&(folio)->page)
#define folio_unlock(folio) unlock_page(&(folio)->page)
#define folio_test_locked(folio) (PageLocked(&(folio)->page) != 0)
#define folio_wait_locked(folio) wait_on_page_locked(&(folio)->page)

/*
 * Page types. From 6.11 on a byte is the type and the owner may use the other
 * 24 bits; before that the owner had the whole word.
 */
enum pagetype {
	PGTY_offline = 0xf1,
	PGTY_zsmalloc = 0xf6
};

static inline bool PageZsmalloc(const struct page *page)
{
	return page->page_type >> 24 == PGTY_zsmalloc;
}

static inline void __SetPageZsmalloc(struct page *page)
{
	page->page_type = (unsigned)PGTY_zsmalloc << 24;
}

static inline void __ClearPageZsmalloc(struct page *page)
{
	page->page_type = ~0u;
}

static inline void page_mapcount_reset(struct page *page)
{
	atomic_set(&page->_mapcount, -1);
}

/* Mappings use the direct map; only the atomic form disables preemption. */
static inline void *kmap_atomic(struct page *page)
{
	preempt_disable();
	return page_address(page);
}

#define kunmap_atomic(addr) ((void)(addr), preempt_enable())
#define kmap(page) page_address(page)
#define kunmap(page) ((void)(page))
#define kmap_local_page(page) page_address(page)
#define kunmap_local(addr) ((void)(addr))
#define kmap_local_folio(folio, off) \
	((void *)((char *)page_address(&(folio)->page) + (off)))
#define copy_page(to, from) memcpy(to, from, PAGE_SIZE)
#define clear_page(p) memset(p, 0, PAGE_SIZE)
#define kmsan_copy_page_meta(dst, src) ((void)(dst), (void)(src))
#define kmemleak_not_leak(p) ((void)(p))
#define kmemleak_ignore(p) ((void)(p))
#define flush_dcache_page(page) ((void)(page))

static inline void memcpy_from_page(char *to, struct page *page, size_t off,
				    size_t len)
{
	memcpy(to, (char *)page_address(page) + off, len);
}

static inline void memcpy_to_page(struct page *page, size_t off,
				  const char *from, size_t len)
{
	memcpy((char *)page_address(page) + off, from, len);
}

/* Slabs and the general heap. */
#define SLAB_HWCACHE_ALIGN 0u
#define SLAB_RECLAIM_ACCOUNT 0u
#define ARCH_KMALLOC_MINALIGN 8

#define kmem_cache_create(name, size, align, flags, ctor)        \
	({                                                       \
		BUILD_BUG_ON_INVALID((flags) || (ctor) != NULL); \
		shim_cache_create(name, size, align);            \
	})
#define KMEM_CACHE(type, flags) \
	shim_cache_create(#type, sizeof(struct type), __alignof__(struct type))
#define kmem_cache_destroy(c) shim_cache_destroy(c)
#define kmem_cache_size(c) ((c)->size)

static inline void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	return slab_alloc(cache->slab);
}

static inline void *kmem_cache_zalloc(struct kmem_cache *cache, gfp_t gfp)
{
	void *p = slab_alloc(cache->slab);

	return p ? memset(p, 0, cache->size) : NULL;
}

static inline void kmem_cache_free(struct kmem_cache *cache, void *p)
{
	slab_free(cache->slab, p);
}

#define kmalloc(size, gfp) shim_kmalloc(size, (gfp)&__GFP_ZERO)
#define kzalloc(size, gfp) ((void)(gfp), shim_kmalloc(size, true))
#define kmalloc_node(size, gfp, nid) kmalloc(size, gfp)
#define kzalloc_node(size, gfp, nid) kzalloc(size, gfp)
#define kcalloc(n, size, gfp) kzalloc((size_t)(n) * (size), gfp)
#define kmalloc_array(n, size, gfp) kmalloc((size_t)(n) * (size), gfp)
#define kvmalloc(size, gfp) kmalloc(size, gfp)
#define kvzalloc(size, gfp) kzalloc(size, gfp)
#define kvcalloc(n, size, gfp) kcalloc(n, size, gfp)
#define kvmalloc_array(n, size, gfp) kmalloc_array(n, size, gfp)
#define vmalloc(size) shim_kmalloc(size, false)
#define vzalloc(size) shim_kmalloc(size, true)
#define krealloc(p, size, gfp) shim_krealloc(p, size)
#define kfree(p) shim_kfree(p)
#define kvfree(p) shim_kfree(p)
#define vfree(p) shim_kfree(p)
#define kfree_const(p) shim_kfree(p)
#define kfree_sensitive(p) shim_kfree(p)
#define kstrdup(s, gfp) ((void)(gfp), shim_kstrdup(s))
#define kstrdup_const(s, gfp) kstrdup(s, gfp)
#define kasprintf(gfp, fmt, ...) shim_kasprintf(fmt, ##__VA_ARGS__)
/* From 7.0 on: the argument is a type or an object; flags are optional. */
#define kzalloc_obj(what, ...) \
	((__typeof__(what) *)shim_kmalloc(sizeof(what), true))
#define kmalloc_obj(what, ...) \
	((__typeof__(what) *)shim_kmalloc(sizeof(what), false))
#define kzalloc_objs(what, n, ...) \
	((__typeof__(what) *)shim_kmalloc(sizeof(what) * (n), true))
#define kmalloc_objs(what, n, ...) \
	((__typeof__(what) *)shim_kmalloc(sizeof(what) * (n), false))

/* Shrinkers: registered here and called by the adapter. */
#define SHRINK_STOP (~0ul)
#define SHRINK_EMPTY (~0ul - 1)
#define DEFAULT_SEEKS 2

struct shrink_control {
	gfp_t gfp_mask;
	int nid;
	unsigned long nr_to_scan;
	unsigned long nr_scanned;
};

struct shrinker {
	unsigned long (*count_objects)(struct shrinker *shrinker,
				       struct shrink_control *sc);
	unsigned long (*scan_objects)(struct shrinker *shrinker,
				      struct shrink_control *sc);
	long batch;
	int seeks;
	unsigned flags;
	void *private_data;
};

static struct shrinker *shim_last_shrinker __maybe_unused;

static inline int shim_shrinker_add(struct shrinker *shrinker)
{
	shim_last_shrinker = shrinker;
	return 0;
}

#define register_shrinker(s, ...) shim_shrinker_add(s)
#define unregister_shrinker(s) ((void)(s))
#define shrinker_alloc(flags, ...) \
	((struct shrinker *)shim_alloc_outside(sizeof(struct shrinker)))
#define shrinker_register(s) ((void)shim_shrinker_add(s))
#define shrinker_free(s) shim_kfree(s)

/* A scatter list: the memory pieces of an object. */
struct scatterlist {
	struct page *page;
	unsigned offset, length;
	bool last;
};

static inline void sg_init_table(struct scatterlist *sg, unsigned n)
{
	memset(sg, 0, n * sizeof(*sg));
	sg[n - 1].last = true;
}

static inline void sg_set_page(struct scatterlist *sg, struct page *page,
			       unsigned len, unsigned offset)
{
	sg->page = page;
	sg->length = len;
	sg->offset = offset;
}

static inline struct scatterlist *sg_next(struct scatterlist *sg)
{
	return sg->last ? NULL : sg + 1;
}

#define sg_page(sg) ((sg)->page)
#define sg_virt(sg) ((void *)((char *)page_address((sg)->page) + (sg)->offset))

#endif
