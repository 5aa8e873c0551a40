# SPDX-License-Identifier: GPL-2.0-or-later
"""What an experiment has finished, kept so that it can go on after an end.

OUTPUT.tmp has a line of JSON for each finished step: its name and its records.
A line that an interruption tore is dropped. Steps of one program only: records
of two builds do not belong in one file.
"""

import json
import threading

from analysis import outcome


def lines_of(path):
    """The lines of a journal, but for a last one that was torn."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8", errors="replace").splitlines()
    lines = []
    for number, line in enumerate(text, 1):
        try:
            lines.append(json.loads(line))
        except ValueError:
            if number < len(text):
                raise outcome.Failed(
                    f"{path}:{number}: not a line of JSON; remove the file "
                    "to begin anew"
                ) from None
    return lines


class Journal:
    """step name -> records, in the order in which the steps ended."""

    def __init__(self, output, program):
        self.path = output.with_name(output.name + ".tmp")
        self.done = {}
        self.lock = threading.Lock()
        lines = lines_of(self.path)
        if lines and lines[0].get("zlab") != program:
            raise outcome.Failed(
                f"{self.path} was begun by zlab {lines[0].get('zlab')}, this is "
                f"{program}; remove it to begin anew"
            )
        for line in lines[1:]:
            self.done[line["step"]] = line["records"]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "w", encoding="utf-8") as out:
            for line in lines or [{"zlab": program}]:
                out.write(json.dumps(line) + "\n")

    def __contains__(self, step):
        return step in self.done

    def __getitem__(self, step):
        return self.done[step]

    def add(self, step, records):
        """A step has ended with these records."""
        with self.lock:
            self.done[step] = records
            with open(self.path, "a", encoding="utf-8") as out:
                out.write(json.dumps({"step": step, "records": records}) + "\n")

    def remove(self):
        """Everything is in the output."""
        self.path.unlink(missing_ok=True)
