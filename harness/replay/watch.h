/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A backend is anybody's code in this process. When it ends the process, by a
 * signal or by calling exit(), one line says which backend, where in which
 * trace, and how to see it again.
 */
#ifndef ZLAB_REPLAY_WATCH_H
#define ZLAB_REPLAY_WATCH_H

struct replay;

/**
 * watch_begin() - report an end of the process from here on
 * @r: the replay; its config must be there. One at a time; a second one, inside
 *     a first, is not watched
 *
 * Signals that are caught go on to whoever had them before, so that the process
 * still ends by the signal.
 */
void watch_begin(const struct replay *r);

/** watch_end() - the replay @r is over, nothing more is reported */
void watch_end(const struct replay *r);

#endif
