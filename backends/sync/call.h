/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's names for what a flavour of sync.h provides: call sites, the
 * checks of a debug build, the lock calls. Included by sync.h alone.
 *
 * A flavour provides sync_preempt_disable(), sync_preempt_enable(),
 * sync_cond_resched(), sync_cpu_release(), sync_at(site), which receives the
 * place where a lock is about to be taken, and sync_spin_lock(lock, class) and
 * so on for every lock call below. The class is the text of a call's argument,
 * so each macro makes that text itself: an inner macro would get the argument
 * already expanded.
 */
#ifndef ZLAB_SYNC_CALL_H
#define ZLAB_SYNC_CALL_H

/* Locks that may sleep are real functions in every flavour. */
void init_rwsem(struct rw_semaphore *s);
void sync_down_read(struct rw_semaphore *s, unsigned class);
bool sync_down_read_trylock(struct rw_semaphore *s, unsigned class);
void sync_up_read(struct rw_semaphore *s);
void sync_down_write(struct rw_semaphore *s, unsigned class);
bool sync_down_write_trylock(struct rw_semaphore *s, unsigned class);
void sync_up_write(struct rw_semaphore *s);
bool rwsem_is_contended(struct rw_semaphore *s);

/* Looks up the class of a call site when the site is first used. */
unsigned lock_site_resolve(struct lock_site *site);

#define SYNC_SITE_AS(name, base)                              \
	({                                                    \
		static struct lock_site __site = {            \
			name, base, __FILE__, __LINE__, 0, 0, \
		};                                            \
		&__site;                                      \
	})
#define SYNC_SITE(text, suffix) SYNC_SITE_AS(text suffix, text)

static inline unsigned sync_class(struct lock_site *site)
{
	unsigned class = READ_ONCE(site->class);

	return __builtin_expect(class, 1) ? class : lock_site_resolve(site);
}

/* In a debug build the checks run before the calls themselves. */
#ifdef ZLAB_DEBUG
#define SYNC_HERE SYNC_SITE("", "")
#define SYNC_TAKE_AT(l, site, take, nest, call)        \
	({                                             \
		struct lock_site *__s = site;          \
		const void *__l = (l);                 \
		unsigned __class = sync_class(__s);    \
		sync_debug_take(__l, __s, take, nest); \
		call;                                  \
	})
#define SYNC_TRIED(l, text, sfx, take, call)                             \
	({                                                               \
		struct lock_site *__s = SYNC_SITE(text, sfx);            \
		const void *__l = (l);                                   \
		unsigned __class = sync_class(__s);                      \
		bool __took = call;                                      \
		if (__took)                                              \
			sync_debug_take(__l, __s, (take) | SYNC_TRY, 0); \
		__took;                                                  \
	})
#define SYNC_DROP(l, text, take, call)                           \
	({                                                       \
		sync_debug_drop((l), SYNC_SITE(text, ""), take); \
		call;                                            \
	})
#define preempt_disable()                         \
	({                                        \
		sync_debug_preempt(1, SYNC_HERE); \
		sync_preempt_disable();           \
	})
#define preempt_enable()                           \
	({                                         \
		sync_debug_preempt(-1, SYNC_HERE); \
		sync_preempt_enable();             \
	})
#define cond_resched()                                       \
	({                                                   \
		sync_debug_sleep("cond_resched", SYNC_HERE); \
		sync_cond_resched();                         \
	})
#define sync_cpu_detach()                                      \
	({                                                     \
		sync_debug_none("the thread ends", SYNC_HERE); \
		sync_cpu_release();                            \
	})
#define sync_assert_none_held() sync_debug_none("the operation ends", SYNC_HERE)
#define lockdep_is_held(l) sync_debug_is_held(l)
#define SYNC_ASSERT(l, text, want) \
	sync_debug_assert((l), SYNC_SITE(text, ""), want)
#define lockdep_assert(cond)                               \
	({                                                 \
		if (!(cond))                               \
			sync_debug_rule(#cond, SYNC_HERE); \
	})
#else
#define SYNC_TAKE_AT(l, site, take, nest, call)     \
	({                                          \
		struct lock_site *__s = site;       \
		unsigned __class = sync_class(__s); \
		sync_at(__s);                       \
		call;                               \
	})
#define SYNC_TRIED(l, text, sfx, take, call) \
	SYNC_TAKE(l, text, sfx, take, 0, call)
#define SYNC_DROP(l, text, take, call) call
#define preempt_disable() sync_preempt_disable()
#define preempt_enable() sync_preempt_enable()
#define cond_resched() sync_cond_resched()
#define sync_cpu_detach() sync_cpu_release()
#define sync_assert_none_held() ((void)0)
/* These read nothing at run time, but their arguments must compile. */
#define lockdep_is_held(l) ((void)(l), true)
#define SYNC_ASSERT(l, text, want) ((void)(l))
#define lockdep_assert(cond) ((void)(0 && (cond)))
#endif

#define SYNC_TAKE(l, text, sfx, take, nest, call) \
	SYNC_TAKE_AT(l, SYNC_SITE(text, sfx), take, nest, call)

#define lockdep_assert_held(l) SYNC_ASSERT(l, #l, SYNC_HELD)
#define lockdep_assert_held_read(l) SYNC_ASSERT(l, #l, SYNC_HELD_READ)
#define lockdep_assert_held_write(l) SYNC_ASSERT(l, #l, SYNC_HELD_WRITE)
#define lockdep_assert_not_held(l) SYNC_ASSERT(l, #l, SYNC_NOT_HELD)
#define assert_spin_locked(l) SYNC_ASSERT(l, #l, SYNC_HELD)

#define SYNC_LOCK(l, text, sfx, take, nest, lock) \
	SYNC_TAKE(l, text, sfx, take, nest, lock((l), __class))
#define SYNC_TRYLOCK(l, text, sfx, take, trylock) \
	SYNC_TRIED(l, text, sfx, take, trylock((l), __class))

/* The calls under their kernel names. */
#define spin_lock(l) SYNC_LOCK(l, #l, "", SYNC_EXCLUSIVE, 0, sync_spin_lock)
#define spin_lock_nested(l, nest) \
	SYNC_LOCK(l, #l, "", SYNC_EXCLUSIVE, nest, sync_spin_lock)
#define spin_trylock(l) \
	SYNC_TRYLOCK(l, #l, "", SYNC_EXCLUSIVE, sync_spin_trylock)
#define spin_unlock(l) SYNC_DROP(l, #l, SYNC_EXCLUSIVE, sync_spin_unlock(l))

#define read_lock(l) SYNC_LOCK(l, #l, "-R", SYNC_SHARED, 0, sync_read_lock)
/* As read_lock(), where the lock's place in the order is not its class's. */
#define read_lock_as(l, order)                                        \
	SYNC_TAKE_AT(l, SYNC_SITE_AS(#l "-R", order), SYNC_SHARED, 0, \
		     sync_read_lock((l), __class))
#define read_trylock(l) \
	SYNC_TRYLOCK(l, #l, "-R", SYNC_SHARED, sync_read_trylock)
#define read_unlock(l) SYNC_DROP(l, #l, SYNC_SHARED, sync_read_unlock(l))
#define write_lock(l) SYNC_LOCK(l, #l, "-W", SYNC_EXCLUSIVE, 0, sync_write_lock)
#define write_lock_nested(l, nest) \
	SYNC_LOCK(l, #l, "-W", SYNC_EXCLUSIVE, nest, sync_write_lock)
#define write_trylock(l) \
	SYNC_TRYLOCK(l, #l, "-W", SYNC_EXCLUSIVE, sync_write_trylock)
#define write_unlock(l) SYNC_DROP(l, #l, SYNC_EXCLUSIVE, sync_write_unlock(l))

#define SYNC_READER (SYNC_SHARED | SYNC_SLEEPS)
#define SYNC_WRITER (SYNC_EXCLUSIVE | SYNC_SLEEPS)
#define down_read(s) SYNC_LOCK(s, #s, "-R", SYNC_READER, 0, sync_down_read)
#define down_read_trylock(s) \
	SYNC_TRYLOCK(s, #s, "-R", SYNC_READER, sync_down_read_trylock)
#define up_read(s) SYNC_DROP(s, #s, SYNC_READER, sync_up_read(s))
#define down_write(s) SYNC_LOCK(s, #s, "-W", SYNC_WRITER, 0, sync_down_write)
#define down_write_nested(s, nest) \
	SYNC_LOCK(s, #s, "-W", SYNC_WRITER, nest, sync_down_write)
#define down_write_trylock(s) \
	SYNC_TRYLOCK(s, #s, "-W", SYNC_WRITER, sync_down_write_trylock)
#define up_write(s) SYNC_DROP(s, #s, SYNC_WRITER, sync_up_write(s))

#define bit_spin_lock(bit, addr)                      \
	SYNC_TAKE(addr, #addr, "", SYNC_EXCLUSIVE, 0, \
		  sync_bit_lock((bit), (addr), __class))
#define bit_spin_trylock(bit, addr)                 \
	SYNC_TRIED(addr, #addr, "", SYNC_EXCLUSIVE, \
		   sync_bit_trylock((bit), (addr), __class))
#define bit_spin_unlock(bit, addr) \
	SYNC_DROP(addr, #addr, SYNC_EXCLUSIVE, sync_bit_unlock((bit), (addr)))

#endif
