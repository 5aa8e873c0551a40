# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a run did what a command may do."""

import contextlib
import dataclasses
import json
import os
import re

from commandlines import files, running, vocabulary

# Options whose absence from a folder is not an error.
NOT_LEFT = {"swap", "writeback-dev"}
# Part of stderr -> kind of finding.
CRASH_WORDS = (
    (r"Traceback \(most recent call last\)", "traceback"),
    (r"\(\S+\.py:\d+\)$", "traceback"),
    (r"Sanitizer|runtime error:", "sanitizer"),
    (r"Assertion|assertion|BUG\b|core dumped", "assertion"),
)


def written(line, options):
    """(option, value) of all that the line tells to write, as it is typed."""
    keys = {"o": "output"}
    for part in line.parts:
        word = part[0]
        if word.startswith("--"):
            name, _, value = word[2:].partition("=")
            value = value if "=" in word else (part[1] if len(part) > 1 else None)
        elif word[:1] == "-" and word[1:2] in keys:
            name = keys[word[1]]
            value = word[2:] or (part[1] if len(part) > 1 else None)
        else:
            continue
        known = [option.name for option in options]
        meant = [
            n for n in known if name and n in vocabulary.WRITTEN and n.startswith(name)
        ]
        if meant and value is not None:
            yield from ((each, value) for each in meant)


def may_change(line, path, outputs):
    """Whether it is one of the outputs, or below one that is a folder."""
    for _, value in outputs:
        target = os.path.normpath(value) if value else ""
        if target and (path == target or path.startswith(target + "/")):
            return True
        if target == "dangling" and path == "made-by-a-link.json":
            return True
        if (target, path) in (("link.zlt", "t.zlt"), ("link.json", "old.json")):
            return True
    words = [word for part in line.parts for word in part]
    if line.command == "report":
        return any(
            path == w or path.startswith(w.rstrip("/") + "/") for w in words if w
        )
    if line.command == "sizes":
        links = {"link.zlt": "t.zlt"}
        return any(path == links.get(w, os.path.normpath(w or "x")) for w in words)
    if line.command == "record":
        return path.endswith(".zlt") and path.split(".")[0] in words
    if line.command == "capture":
        return path == "kernel.zlt"
    if line.command == "new-backend":
        return any(path == w or path.startswith(w + "/") for w in words if w)
    if line.command == "regress":
        return any(w.startswith("--acc") for w in words) and path.endswith(".json")
    return False


def is_json(text):
    """Whether it is JSON as a whole or line by line."""
    with contextlib.suppress(ValueError):
        json.loads(text)
        return True
    try:
        return all(
            [json.loads(ln) is not None for ln in text.splitlines() if ln.strip()]
        )
    except ValueError:
        return False


def lost(line, result, place, outputs):
    """Status 0, but not what was told to be written."""
    words = line.words()
    asked = {"--help", "-h", "--version"} & set(words)
    # It lists the kinds, and makes no trace.
    lists = [word for word in words if word == "-l" or word.startswith("--l")]
    if asked or line.command == "generate" and lists:
        return None
    if line.command == "record" and "-q" not in words and result.status:
        return None
    last = dict(outputs)
    for name, value in last.items():
        if name in NOT_LEFT or value in ("-", "", "/dev/null"):
            continue
        if name == "occupancy" and any("vcpus" in w for w in words):
            continue
        path = place.work / value
        if not path.exists():
            return f"--{name} {value}: not there"
        if path.is_file() and not path.stat().st_size:
            return f"--{name} {value}: empty"
        if name == "json" and path.is_file():
            text = path.read_text(errors="replace").splitlines()
            if value.startswith("out") and not is_json("\n".join(text)):
                return f"--json {value}: no JSON"
    if last.get("json") == "-" and line.stdout == "kept" and line.command != "record":
        if not is_json(result.out.decode(errors="replace")) or not result.out:
            return "--json -: no JSON on standard output"
    return None


def judge(line, options, result, place):
    """(kind, what) of all that is wrong with a run."""
    found = []
    status, err = result.status, result.err
    for pattern, kind in CRASH_WORDS:
        match = re.search(pattern, err, re.M)
        if match:
            found.append((kind, match.group(0)))
    # It may come before main() is reached.
    if status < 0 and -status != result.stopped:
        found.append(("signal", f"signal {-status}"))
    allowed = {0, 1, 2}
    if line.stdout == "unread":
        allowed.add(141)
    if result.stopped:
        allowed.add(128 + result.stopped)
    if result.late:
        allowed.add(143)
        if line.command not in running.STOP_S:
            found.append(("late", f"no end in {running.LIMIT_S} s"))
    if status >= 0 and line.command != "record" and status not in allowed:
        found.append(("status", f"status {status}"))
    if (
        status in (1, 2)
        and not err.strip()
        and line.command not in ("record", "conform", "placement", "regress")
    ):
        found.append(("silent", f"status {status} without a line"))
    # A report names all that it leaves out.
    plain = line.command != "report" and not any("\n" in w for w in line.words())
    said = [ln for ln in err.splitlines() if ": note: " not in ln]
    if status == 2 and plain and line.command != "record" and len(said) > 1:
        found.append(("lines", f"{len(said)} lines of error"))
    if any(ord(c) < 32 and c not in "\n\t" for c in err):
        found.append(("escape", "a control character on standard error"))
    if result.left:
        found.append(("process", ", ".join(result.left)))
    return found + judge_files(line, options, result, place)


def judge_files(line, options, result, place):
    """What is wrong with the files that a run leaves."""
    found = []
    outputs = list(written(line, options))
    for path in files.changes(place.made, files.state(place.top)):
        room, _, below = path.partition("/")
        if room == "work" and may_change(line, below, outputs):
            continue
        if room == "cache" and line.command in (
            "shim",
            "patch-test",
            "vm",
            "report",
            "compare",
            "sweep",
        ):
            continue
        if path in place.made:
            found.append(("input", f"{path} was changed"))
        else:
            found.append(("leftover", path))
    targets = [
        os.path.realpath(place.work / v)
        for _, v in dict(outputs).items()
        if v and v != "-"
    ]
    if result.status == 0 and not result.late:
        if len(targets) != len(set(targets)) and "/dev/null" not in targets:
            found.append(("same-output", "two outputs are one file"))
        what = lost(line, result, place, outputs)
        if what:
            found.append(("lost", what))
        if line.stdout in ("full", "closed"):
            again = dataclasses.replace(line, stdout="kept")
            place.prepare()
            if running.execute(again, place).out:
                found.append(("lost", f"status 0 with standard output {line.stdout}"))
    return found
