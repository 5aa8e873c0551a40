# SPDX-License-Identifier: GPL-2.0-or-later
"""How far a command is: one line on a terminal's stderr, nothing elsewhere.

harness/cli/progress.h is the same for commands in C.
"""

import contextlib
import sys
import threading
import time

from analysis import naming

TICK_S = 0.5
WIDTH = 78


class Line:
    """Steps of so many with the time left, or what takes how long.

    `done` of the `total` need no time any more. It is drawn at once and twice a
    second until it ends.
    """

    shown = None

    def __init__(self, what, total=0, done=0, quiet=False):
        self.what, self.total, self.done = what, total, done
        self.first, self.start, self.now = done, time.monotonic(), ""
        self.on = not quiet and _terminal()
        self.ended = threading.Event()
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self):
        if self.on:
            Line.shown = self
            self.thread.start()
        return self

    def __exit__(self, *_):
        if self.on:
            self.ended.set()
            self.thread.join()
            _draw("")
            Line.shown = None

    def step(self, now=""):
        """One more is done; `now` says of what."""
        with self.lock:
            self.done += 1
            self.now = now

    def turn(self, what):
        """From now on it says this, and the time that this takes."""
        with self.lock:
            self.what, self.start = what, time.monotonic()

    def text(self):
        """What it says now."""
        spent = time.monotonic() - self.start
        if not self.total:
            return f"{self.what}, {spent:.0f} s"
        line = f"{self.what} {self.done}/{self.total}"
        if self.done > self.first:
            left = spent / (self.done - self.first) * (self.total - self.done)
            line += f", {left:.0f} s left: {self.now}"
        return line

    def _tick(self):
        while True:
            with self.lock:
                _draw(naming.plain(self.text())[:WIDTH])
            if self.ended.wait(TICK_S):
                return


def _terminal():
    # A closed stderr is None.
    return bool(sys.stderr) and sys.stderr.isatty()


def _draw(text):
    # A terminal that is gone is no reason to end.
    with contextlib.suppress(OSError, ValueError):
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


@contextlib.contextmanager
def hidden():
    """There is no line while the block prints something."""
    line = Line.shown
    if not line:
        yield
        return
    with line.lock:
        _draw("")
        yield
