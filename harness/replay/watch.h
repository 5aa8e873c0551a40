/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A backend or a codec can be third-party code. When it ends this process, by a
 * signal or by calling exit() or _exit(), one line names it, the position in the
 * trace, and a command to reproduce it.
 */
#ifndef ZLAB_REPLAY_WATCH_H
#define ZLAB_REPLAY_WATCH_H

struct replay;

/**
 * watch_start() - for main(): until watch_stop(), status 0 only by returning
 *
 * Covers what runs of a backend outside a replay: loading it, making pools. A
 * call of exit() with another status is not told from the program's own.
 */
void watch_start(void);

/** watch_stop() - main() is about to return */
void watch_stop(void);

/**
 * watch_begin() - report an end of the process from here on
 * @r: the replay; its config must be set. Only one replay is watched at a time;
 *     a second one, nested in the first, is not watched
 *
 * The handler restores the previous signal handlers, so that the process still
 * ends by the signal.
 */
void watch_begin(const struct replay *r);

/** watch_end() - stop watching the replay @r */
void watch_end(const struct replay *r);

#endif
