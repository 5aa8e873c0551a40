# SPDX-License-Identifier: GPL-2.0-or-later
"""How every command ends: with a status, and one line when it failed.

  0    it did what it was asked for
  1    it found what it looks for: a regression, a paper that is out of date
  2    it could not do it: wrong usage or input, a command that failed
  130  it was interrupted
  141  nobody read its output to the end
"""

import os
import sys
import traceback

FOUND, FAILED, INTERRUPTED, UNREAD = 1, 2, 130, 141


class Failed(Exception):
    """Why a command cannot go on, as one line for its user."""


def warn(verb, message):
    """A line on stderr about something that does not stop the command."""
    print(f"zlab: {verb}: {message}", file=sys.stderr, flush=True)


def last_line(text):
    """The line of a program's stderr that says why it failed."""
    return (text.strip().splitlines() or ["no message"])[-1].removeprefix("zlab: ")


def _why(err):
    """One line about an error that no command expected."""
    if isinstance(err, ModuleNotFoundError):
        return (
            f"{sys.executable} has no module {err.name}; in the source tree "
            '"make deps" installs it'
        )
    if isinstance(err, OSError) and err.strerror:
        names = [str(name) for name in (err.filename, err.filename2) if name]
        return ": ".join([" to ".join(names)] * bool(names) + [err.strerror])
    frame = traceback.extract_tb(err.__traceback__)[-1]
    said = " ".join(str(err).split())
    return f"{type(err).__name__}: {said} ({frame.filename}:{frame.lineno})"


def of(verb, main):
    """Run main(); returns the status it ends with.

    python3 -X dev shows where an unexpected error comes from.
    """
    try:
        status = main() or 0
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # A reader such as head has seen enough; the exit must not write either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD
    except Failed as err:
        warn(verb, " ".join(str(err).split()))
    except KeyboardInterrupt:
        warn(verb, "interrupted")
        return INTERRUPTED
    except Exception as err:  # whatever it is, its user gets one line
        if sys.flags.dev_mode:
            raise
        warn(verb, _why(err))
    return FAILED
