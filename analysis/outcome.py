# SPDX-License-Identifier: GPL-2.0-or-later
"""How every command ends: with a status, and one line when it failed.

  0    it did what it was asked for
  1    it found what it looks for: a regression, a paper that is out of date
  2    it could not do it: wrong usage or input, a command that failed
  128+ a signal ended it: 130 Ctrl-C, 143 SIGTERM, 141 when nobody read its
       output to the end
"""

import argparse
import os
import signal
import subprocess
import sys
import traceback

from analysis import naming, progress

FOUND, FAILED, UNREAD = 1, 2, 141
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# What a program that is told to end may take to clean up.
GRACE_S = 0.5


class Failed(Exception):
    """Why a command cannot go on, as one line for its user."""


class Parser(argparse.ArgumentParser):
    """One line about a wrong command line, and no usage before it."""

    def error(self, message):
        raise Failed(message)


class Stopped(KeyboardInterrupt):
    """A signal came; whoever made a folder or started a program ends it now."""

    def __init__(self, number):
        super().__init__()
        self.number = number


def _stop(number, _frame):
    # The clean-up is not to be cut short, a terminal sends to all and again.
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise Stopped(number)


def catch_signals():
    """From here on the signals that end a program raise Stopped."""
    for number in SIGNALS:
        if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)
    # zlab starts this program with them blocked.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (*SIGNALS, signal.SIGPIPE))


def _end(child):
    """Let a program end itself and what it has started."""
    child.terminate()
    try:
        child.communicate(timeout=GRACE_S)
    except (subprocess.TimeoutExpired, ValueError):
        child.kill()


def run(args, said=None, **more):
    """subprocess.run() that tells the program when this one is to end."""
    if said is not None:
        more["stdin"] = subprocess.PIPE
    with subprocess.Popen(args, text=True, **more) as child:
        try:
            out, err = child.communicate(said)
        except BaseException:
            _end(child)
            raise
    return subprocess.CompletedProcess(args, child.returncode, out, err)


def say(text="", **more):
    """Print lines for a person; names in them cannot steer the terminal."""
    print(naming.plain(text, keep="\n"), **more)


def warn(verb, message):
    """A line on stderr about something that does not stop the command."""
    line = naming.plain(f"zlab: {verb}: {message}")
    with progress.hidden():
        print(line, file=sys.stderr, flush=True)


def last_line(text):
    """The line of a program's stderr that says why it failed."""
    return (text.strip().splitlines() or ["no message"])[-1].removeprefix("zlab: ")


def died(done):
    """Why a program failed: its last line, or the signal that ended it."""
    if done.returncode >= 0:
        return last_line(done.stderr)
    return f"ended by {signal.Signals(-done.returncode).name}"


def _why(err):
    """One line about an error that no command expected."""
    if isinstance(err, ModuleNotFoundError):
        return (
            f"{sys.executable} has no module {err.name}; in the source tree "
            '"make deps" installs it'
        )
    if isinstance(err, OSError) and err.strerror:
        names = [str(name) for name in (err.filename, err.filename2) if name]
        # Files are written by analysis/files.py, which names them.
        return f"{' to '.join(names) or 'standard output'}: {err.strerror}"
    frame = traceback.extract_tb(err.__traceback__)[-1]
    said = " ".join(str(err).split())
    return f"{type(err).__name__}: {said} ({frame.filename}:{frame.lineno})"


def _printed(main):
    """The status of main(), once all that it printed is out."""
    try:
        status = main() or 0
    except SystemExit as err:
        # The parser of the command line has said why.
        status = err.code or 0
    if sys.stdout:
        sys.stdout.flush()
    return status


def _silenced(status):
    """The interpreter's end must not try again to write what could not be."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return status


def of(verb, main):
    """Run main(); returns the status it ends with.

    python3 -X dev shows where an unexpected error comes from.
    """
    try:
        catch_signals()
        return _printed(main)
    except BrokenPipeError:
        # A reader such as head has seen enough.
        return _silenced(UNREAD)
    except Failed as err:
        warn(verb, " ".join(str(err).split()))
    except Stopped as err:
        warn(verb, "interrupted")
        return _silenced(128 + err.number)
    except Exception as err:  # whatever it is, its user gets one line
        if sys.flags.dev_mode:
            raise
        warn(verb, _why(err))
    return _silenced(FAILED)
