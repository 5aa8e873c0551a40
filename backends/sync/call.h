/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's names for what a flavour of sync.h provides: call sites, the
 * checks of a debug build, the lock calls. Included by sync.h alone.
 *
 * A flavour provides sync_preempt_disable(), sync_preempt_enable(),
 * sync_cond_resched(), sync_cpu_release(), sync_at(site), which is told where a
 * lock is about to be taken, and sync_spin_lock(lock, class) and so on for every
 * lock call below.
 */
#ifndef ZLAB_SYNC_CALL_H
#define ZLAB_SYNC_CALL_H

/* Looks a call site's class up, at its first use. */
unsigned lock_site_resolve(struct lock_site *site);

#define SYNC_SITE(text, suffix)                                     \
	({                                                          \
		static struct lock_site __site = {                  \
			text suffix, text, __FILE__, __LINE__, 0, 0 \
		};                                                  \
		&__site;                                            \
	})

static inline unsigned sync_class(struct lock_site *site)
{
	unsigned class = READ_ONCE(site->class);

	return __builtin_expect(class, 1) ? class : lock_site_resolve(site);
}

/* The checks of a debug build stand in front of the calls themselves. */
#ifdef ZLAB_DEBUG
#define SYNC_HERE SYNC_SITE("", "")
#define SYNC_TAKE(l, text, sfx, take, nest, call)             \
	({                                                    \
		struct lock_site *__s = SYNC_SITE(text, sfx); \
		const void *__l = (l);                        \
		unsigned __class = sync_class(__s);           \
		sync_debug_take(__l, __s, take, nest);        \
		call;                                         \
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
#define SYNC_DROP(l, text, call)                           \
	({                                                 \
		sync_debug_drop((l), SYNC_SITE(text, "")); \
		call;                                      \
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
#define sync_assert_held(l, text) sync_debug_held((l), SYNC_SITE(text, ""))
#else
#define SYNC_TAKE(l, text, sfx, take, nest, call)             \
	({                                                    \
		struct lock_site *__s = SYNC_SITE(text, sfx); \
		unsigned __class = sync_class(__s);           \
		sync_at(__s);                                 \
		call;                                         \
	})
#define SYNC_TRIED(l, text, sfx, take, call) \
	SYNC_TAKE(l, text, sfx, take, 0, call)
#define SYNC_DROP(l, text, call) call
#define preempt_disable() sync_preempt_disable()
#define preempt_enable() sync_preempt_enable()
#define cond_resched() sync_cond_resched()
#define sync_cpu_detach() sync_cpu_release()
#define sync_assert_none_held() ((void)0)
#define sync_assert_held(l, text) ((void)(l))
#endif

/* The calls under their kernel names. */
#define spin_lock_at(l, name, nest)                  \
	SYNC_TAKE(l, name, "", SYNC_EXCLUSIVE, nest, \
		  sync_spin_lock((l), __class))
#define spin_lock(l) spin_lock_at(l, #l, 0)
#define spin_lock_named(l, name) spin_lock_at(l, name, 0)
#define spin_lock_nested(l, nest) spin_lock_at(l, #l, nest)
#define spin_lock_nested_named(l, nest, name) spin_lock_at(l, name, nest)
#define spin_trylock_named(l, name) \
	SYNC_TRIED(l, name, "", SYNC_EXCLUSIVE, sync_spin_trylock((l), __class))
#define spin_trylock(l) spin_trylock_named(l, #l)
#define spin_unlock(l) SYNC_DROP(l, #l, sync_spin_unlock(l))
#define assert_spin_locked(l) sync_assert_held(l, #l)

#define read_lock_named(l, name) \
	SYNC_TAKE(l, name, "-R", SYNC_SHARED, 0, sync_read_lock((l), __class))
#define read_lock(l) read_lock_named(l, #l)
#define read_trylock_named(l, name) \
	SYNC_TRIED(l, name, "-R", SYNC_SHARED, sync_read_trylock((l), __class))
#define read_trylock(l) read_trylock_named(l, #l)
#define read_unlock(l) SYNC_DROP(l, #l, sync_read_unlock(l))
#define write_lock_at(l, name, nest)                   \
	SYNC_TAKE(l, name, "-W", SYNC_EXCLUSIVE, nest, \
		  sync_write_lock((l), __class))
#define write_lock(l) write_lock_at(l, #l, 0)
#define write_lock_named(l, name) write_lock_at(l, name, 0)
#define write_lock_nested(l, nest) write_lock_at(l, #l, nest)
#define write_lock_nested_named(l, nest, name) write_lock_at(l, name, nest)
#define write_trylock_named(l, name)              \
	SYNC_TRIED(l, name, "-W", SYNC_EXCLUSIVE, \
		   sync_write_trylock((l), __class))
#define write_trylock(l) write_trylock_named(l, #l)
#define write_unlock(l) SYNC_DROP(l, #l, sync_write_unlock(l))

#define down_read_named(s, name)                               \
	SYNC_TAKE(s, name, "-R", SYNC_SHARED | SYNC_SLEEPS, 0, \
		  sync_down_read((s), __class))
#define down_read(s) down_read_named(s, #s)
#define down_read_trylock_named(s, name)                     \
	SYNC_TRIED(s, name, "-R", SYNC_SHARED | SYNC_SLEEPS, \
		   sync_down_read_trylock((s), __class))
#define down_read_trylock(s) down_read_trylock_named(s, #s)
#define up_read(s) SYNC_DROP(s, #s, sync_up_read(s))
#define down_write_at(s, name, nest)                                 \
	SYNC_TAKE(s, name, "-W", SYNC_EXCLUSIVE | SYNC_SLEEPS, nest, \
		  sync_down_write((s), __class))
#define down_write(s) down_write_at(s, #s, 0)
#define down_write_named(s, name) down_write_at(s, name, 0)
#define down_write_nested(s, nest) down_write_at(s, #s, nest)
#define down_write_nested_named(s, nest, name) down_write_at(s, name, nest)
#define down_write_trylock_named(s, name)                       \
	SYNC_TRIED(s, name, "-W", SYNC_EXCLUSIVE | SYNC_SLEEPS, \
		   sync_down_write_trylock((s), __class))
#define down_write_trylock(s) down_write_trylock_named(s, #s)
#define up_write(s) SYNC_DROP(s, #s, sync_up_write(s))

#define bit_spin_lock_named(bit, addr, name)         \
	SYNC_TAKE(addr, name, "", SYNC_EXCLUSIVE, 0, \
		  sync_bit_lock((bit), (addr), __class))
#define bit_spin_lock(bit, addr) bit_spin_lock_named(bit, addr, #addr)
#define bit_spin_trylock_named(bit, addr, name)    \
	SYNC_TRIED(addr, name, "", SYNC_EXCLUSIVE, \
		   sync_bit_trylock((bit), (addr), __class))
#define bit_spin_trylock(bit, addr) bit_spin_trylock_named(bit, addr, #addr)
#define bit_spin_unlock(bit, addr) \
	SYNC_DROP(addr, #addr, sync_bit_unlock((bit), (addr)))

#endif
