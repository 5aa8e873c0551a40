# SPDX-License-Identifier: GPL-2.0-or-later
"""TAP for test scripts in Python."""


class Tap:
    """Prints results as they come."""

    def __init__(self):
        self.count = self.failed = 0

    def check(self, ok, title, why=""):
        """One test; the end of `why` is shown when it fails."""
        self.count += 1
        self.failed += not ok
        print(f"{'' if ok else 'not '}ok {self.count} - {title}", flush=True)
        if not ok and why:
            print("\n".join(f"# {line}" for line in str(why).splitlines()[-20:]))

    def skip(self, title, why):
        """A test that this machine cannot run, and why."""
        self.count += 1
        print(f"ok {self.count} - {title} # SKIP {why}", flush=True)

    def end(self):
        """The plan; returns the exit status."""
        print(f"1..{self.count}")
        return 1 if self.failed else 0
