# SPDX-License-Identifier: GPL-2.0-or-later
"""The stream of a virtual machine becomes an allocator's log.

The stream has lines of tracefs, one for each call of a probed function, and
lines that begin with "# " from the program in the machine; harness/vm/guest.h
lists those. The log has the columns of harness/verify/conform.h.

Frames are numbered as objects come into them. One that holds no object any more
loses its number, so that the log does not depend on which frames the kernel had
free; but not with z3fold, which moves objects where nobody sees it.
"""

import re

from analysis import outcome

COLUMNS = ("op", "id", "size", "pages", "before", "page", "at", "note")
TIMES = ("ns", "pid", "cpu", "comm")
ALLOCATORS = ("zsmalloc", "zbud", "z3fold")

EVENT = re.compile(
    r"^\s*(?P<comm>.+)-(?P<pid>\d+)\s+(?:\([-\s\d]+\)\s+)?\[(?P<cpu>\d+)\]\s+\S+\s+"
    r"(?P<s>\d+)\.(?P<us>\d+): (?P<event>[a-z]{2}): \(.*?\)(?P<args>(?: \w+=\S+)*)\s*$"
)
LOST = re.compile(r"LOST (\d+) EVENTS")

PAGE_SHIFT = 12
# What a handle of zsmalloc points to, on x86-64: 40 bits of the frame; 9 bits
# that are the size class since 7.3 and before that 0, since no index is so long;
# the object's index, and below it up to two bits for other ends.
FRAME_SHIFT = 24
INDEX_END = 15
TAG_BITS = 2
ERRNO_MAX = 4095
WORD = 1 << 64


def _number(text):
    """A value as tracefs prints it; None where the kernel could not read it."""
    try:
        return int(text, 0)
    except ValueError:
        return None


class Frames:
    """Numbers of frames, for good or while an object is known to be there."""

    def __init__(self, for_good=False):
        self.for_good = for_good
        self.number, self.objects, self.next = {}, {}, 0

    def enter(self, frame):
        """An object is placed; returns the frame's number."""
        if frame not in self.number or not (self.for_good or self.objects[frame]):
            self.number[frame] = self.next
            self.next += 1
        self.objects[frame] = self.objects.get(frame, 0) + 1
        return self.number[frame]

    def leave(self, frame):
        """An object is gone."""
        self.objects[frame] -= 1


class Log:
    """Reads lines; rows(), counts and marks are there after finish()."""

    def __init__(self, allocator):
        self.allocator = allocator
        self.kernel, self.counter, self.error = "", None, ""
        self.ended = False
        self.said = []  # lines of tools
        self.classes = []  # of each class: the table's columns
        self._class_columns = []
        self.marks = []  # (label, row, counters)
        self.pools = {}  # of each pool: its allocations
        self.counts = dict.fromkeys(
            "allocs frees refused loads compacts moved deferred interleaved "
            "unknown_frees bad_lines lost missed".split(),
            0,
        )
        self.tasks = {}
        self._rows = []
        self._calls = {}  # of each task: the row of the call it is in
        self._places = {}  # of each task: the row whose object it looks up
        self._new = {}  # of each task: the row that has no handle yet
        self._ids = {}
        self._places_seen = 0  # all bits of the places
        self._counters_differ = []  # rows of marks

    # ---- lines ------------------------------------------------------------

    def line(self, text):
        """One line of the stream; returns the label of a checkpoint."""
        if text.startswith("# "):
            return self._said(text[2:])
        found = EVENT.match(text)
        if found:
            self._event(found)
        elif lost := LOST.search(text):
            self.counts["lost"] += int(lost.group(1))
        elif text.strip():
            self.counts["bad_lines"] += 1
        return None

    def _said(self, text):
        word, _, rest = text.partition(" ")
        if word == "kernel":
            self.kernel = rest
        elif word == "counter":
            self.counter = _number(rest)
        elif word == "classes":
            self._class(rest.split())
        elif word == "said":
            self.said.append(rest)
        elif word == "error":
            self.error = rest
        elif word == "end":
            self.ended = True
            self.counts["missed"] = max(0, _number(rest.split()[-1]) or 0)
        elif word == "mark":
            label, *pairs = rest.split("\t")
            counters = dict(pair.split("=", 1) for pair in pairs)
            self.marks.append(
                (label, len(self._rows), {k: _number(v) for k, v in counters.items()})
            )
            self._rows.append({"op": "m", "note": label})
            return label
        else:
            self.counts["bad_lines"] += 1
        return None

    def _class(self, cells):
        """A row of the kernel's table of classes, or its head, or its sums."""
        if "class" in cells:
            self._class_columns = cells
        elif len(cells) == len(self._class_columns) and cells[0].isdigit():
            row = dict(zip(self._class_columns, map(_number, cells)))
            self.classes.append(row)

    def _event(self, found):
        args = dict(pair.split("=", 1) for pair in found["args"].split())
        args = {name: _number(value) for name, value in args.items()}
        handler = getattr(self, f"_on_{found['event']}", None)
        try:
            if not handler:
                raise KeyError(found["event"])
            handler(int(found["pid"]), args, found)
        except (KeyError, TypeError):
            # A line that is cut, or that another one ran into.
            self.counts["bad_lines"] += 1

    def _row(self, found, **columns):
        columns["ns"] = int(found["s"]) * 10**9 + int(found["us"].ljust(9, "0")[:9])
        columns |= {name: found[name] for name in ("pid", "cpu", "comm")}
        if self._calls:
            self.counts["interleaved"] += 1
        self._rows.append(columns)
        return columns

    # ---- events -----------------------------------------------------------

    def _on_ma(self, pid, args, found):
        self.pools[args["pool"]] = self.pools.get(args["pool"], 0) + 1
        call = {"size": args["size"], "before": args["pages"], "rows": len(self._rows)}
        self._calls[pid] = call

    def _on_mr(self, pid, args, found):
        call, ret = self._calls.pop(pid), args["ret"]
        named = self.allocator == "zsmalloc"
        failed = ret >= WORD - ERRNO_MAX or not ret if named else ret
        if failed:
            self.counts["refused"] += 1
            note = ret - WORD if ret >= WORD - ERRNO_MAX else ret or -12
            self._row(
                found, op="r", size=call["size"], before=call["before"], note=note
            )
            return
        row = self._row(found, op="a", size=call["size"], before=call["before"])
        row["id"] = self.counts["allocs"]
        self.counts["allocs"] += 1
        self.tasks[found["comm"]] = self.tasks.get(found["comm"], 0) + 1
        if named:
            self._ids[ret] = row["id"]
            self._place(row, args["obj"])
        else:
            # The handle is seen when the object is written, which is next.
            self._new[pid] = row

    def _on_fr(self, pid, args, found):
        if not args["handle"] or args["handle"] >= WORD - ERRNO_MAX:
            return
        if args["handle"] not in self._ids:
            self.counts["unknown_frees"] += 1
            return
        self.counts["frees"] += 1
        gone = self._ids.pop(args["handle"])
        self._row(found, op="f", id=gone, before=args["pages"])

    def _on_co(self, pid, args, found):
        row = self._row(found, op="c", before=args["pages"])
        self.counts["compacts"] += 1
        self._calls[pid] = {"compaction": row}

    def _on_cr(self, pid, args, found):
        self._calls.pop(pid)["compaction"]["at"] = args["ret"]

    def _on_lo(self, pid, args, found):
        if pid in self._new:
            row = self._new.pop(pid)
            self._ids[args["handle"]] = row["id"]
        elif args["handle"] not in self._ids:
            return
        else:
            self.counts["loads"] += 1
            row = self._row(found, op="l", id=self._ids[args["handle"]])
        if "obj" in args:
            self._place(row, args["obj"])
        else:
            self._places[pid] = row

    _on_ls = _on_lo

    def _on_lr(self, pid, args, found):
        row = self._places.pop(pid, None)
        if row:
            self._place(row, args["ret"])

    def _on_wo(self, pid, args, found):
        self.counts["deferred"] += 1
        self._place(self._row(found, op="w"), args["work"])

    def _place(self, row, place):
        """`place` says where the object of a row is."""
        row["place"] = place
        self._places_seen |= place

    # ---- rows -------------------------------------------------------------

    def finish(self):
        """Number the frames, once all places are known; returns the rows."""
        named = self.allocator == "zsmalloc"
        shift = FRAME_SHIFT if named else PAGE_SHIFT
        mask = (1 << (INDEX_END if named else PAGE_SHIFT)) - 1
        low = self._places_seen & mask
        # Low bits that no place has set are no part of the index.
        tag = next((n for n in range(TAG_BITS) if low >> n & 1), TAG_BITS)
        frames, at = Frames(self.allocator == "z3fold"), {}
        for row in self._rows:
            place, op = row.pop("place", None), row["op"]
            if op == "f":
                self._gone(frames, at, row["id"])
            if place is None:
                continue
            frame = place >> shift
            if op == "w":
                row["page"] = frames.number.get(frame, "")
                continue
            row["at"] = (place & mask) >> (tag if named else 0)
            before = at.get(row["id"])
            if before and before != (frame, row["at"]):
                # A compaction may have moved it more than once.
                row["moved"] = True
                self.counts["moved"] += 1
            if not before or before[0] != frame:
                self._gone(frames, at, row["id"])
                frames.enter(frame)
            at[row["id"]] = (frame, row["at"])
            row["page"] = frames.number[frame]
        self._pages()
        return self._rows

    @staticmethod
    def _gone(frames, at, which):
        if which in at:
            frames.leave(at.pop(which)[0])

    def _pages(self):
        """The page count at a checkpoint: what the next operation found.

        After the last one there are the kernel's own counters alone.
        """
        said = {row: self.pages_said(counters) for _, row, counters in self.marks}
        later = None
        for number in range(len(self._rows) - 1, -1, -1):
            row = self._rows[number]
            if "before" in row:
                later = row["before"]
            elif row["op"] == "m":
                row["pages"] = later if later is not None else said[number] or 0
                # Deferred work of z3fold changes what zswap has last asked for.
                if later is not None and self.allocator != "z3fold":
                    if said[number] not in (None, later):
                        self._counters_differ.append(number)

    def pages_said(self, counters):
        """What the kernel's own counters say that the pool has, or None."""
        if "mem_used_total" in counters:
            return counters["mem_used_total"] >> PAGE_SHIFT
        if "pool_total_size" in counters:
            return counters["pool_total_size"] >> PAGE_SHIFT
        return None

    def doubts(self):
        """Why the log is not to be trusted, as texts; empty when it is."""
        why = []
        for name, text in (
            ("lost", "events were lost"),
            ("missed", "calls were not probed"),
            ("bad_lines", "lines of the kernel's tracer are not understood"),
            ("interleaved", "operations ran inside others"),
            ("unknown_frees", "objects were freed that no row allocates"),
        ):
            if self.counts[name]:
                why.append(f"{self.counts[name]} {text}")
        if len(self.pools) > 1:
            why.append(f"{len(self.pools)} pools were used")
        if self._counters_differ:
            why.append(
                f"at {len(self._counters_differ)} checkpoints the pool's counter is "
                "not what the kernel reports"
            )
        return why


def text(rows, times=False):
    """The log as CSV."""
    columns = COLUMNS + (TIMES if times else ())
    lines = [",".join(columns)]
    for row in rows:
        lines.append(",".join(_cell(row.get(name, "")) for name in columns))
    return "\n".join(lines) + "\n"


def _cell(value):
    value = str(value)
    # conform reads no quotes.
    return value.replace(",", ";").replace("\n", " ")


def events(rows, times=False):
    """The same as the CSV that "zlab import" takes: a trace of sizes."""
    names = {"a": "store", "f": "invalidate", "l": "load", "c": "compact", "m": "mark"}
    lines = ["op,key,size,label" + (",time_ns,cpu,tid" if times else "")]
    first = now = next((row["ns"] for row in rows if "ns" in row), 0)
    for row in rows:
        if row["op"] not in names:
            continue
        cells = [names[row["op"]], row.get("id", ""), row.get("size", "")]
        cells.append(row["note"] if row["op"] == "m" else "")
        if times:
            # A checkpoint is when the operation before it was.
            now = row.get("ns", now)
            cells += [now - first, row.get("cpu", 0), row.get("pid", 0)]
        lines.append(",".join(_cell(cell) for cell in cells))
    return "\n".join(lines) + "\n"


def checked(log):
    """Fail with one line when the machine did not come to its end."""
    if log.error:
        raise outcome.Failed(f"in the machine: {log.error}")
    if not log.ended:
        raise outcome.Failed("the machine ended before the scenario did")
    if not log.counts["allocs"]:
        raise outcome.Failed("nothing was allocated; was the codec not there?")
