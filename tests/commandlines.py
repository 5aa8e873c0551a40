# SPDX-License-Identifier: GPL-2.0-or-later
"""Random command lines over small files, in folders of their own.

What each command takes comes from the program: its help names the options, its
completion their words. A line has valid and invalid values, repeated options,
damaged files, outputs that exist already, odd names, closed or full standard
output. After each run: did it crash, leave a file, a process, a traceback,
change an input, or say that it succeeded without the output it was told to
write? What fails is shrunk, and shown as a command that repeats it.

A line follows from the seed and its number alone. ZLAB_COMMANDLINES_SEED says
which seed, ZLAB_COMMANDLINES how many lines.
"""

import argparse
import contextlib
import ctypes
import dataclasses
import gzip
import json
import multiprocessing
import os
import pathlib
import random
import re
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time

import tap

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("ZLAB_BUILD", ROOT / "build")).resolve()
ZLAB = BUILD / "zlab"
TMP = pathlib.Path(os.environ.get("TMPDIR", "/tmp")).resolve()
LIMIT_S = 60
# What a stopped command may take to end, on a machine that does more.
END_S = 20
# A command that would take a minute is stopped.
STOP_S = {"calibrate": 1.5}
# Relative to each other; what builds or measures comes seldom.
WEIGHT = {
    "record": 4,
    "capture": 6,
    "import": 12,
    "export": 12,
    "generate": 10,
    "info": 12,
    "sizes": 10,
    "replay": 20,
    "compare": 5,
    "report": 1.5,
    "ab": 1,
    "regress": 1.5,
    "locks": 8,
    "backends": 6,
    "classes": 8,
    "new-backend": 6,
    "shim": 0.3,
    "patch-test": 0.2,
    "conform": 10,
    "placement": 8,
    "sweep": 5,
    "calibrate": 0.2,
    "validate": 2,
    "env": 2,
    "zram": 3,
}
# Words that keep a command small; a later one with the same name wins.
SMALL = {
    "compare": [["-n", "1"]],
    "regress": [["--traces=folder"], ["--baseline=base.json"], ["--tier=1"]],
    "patch-test": [["--runs=1"], ["--no-instructions"]],
    "placement": [["--ops=300"]],
    "sweep": [["--no-sensitivity"]],
    "validate": [["--runs=1"], ["--threads=1"], ["--backend=zbud"]],
}
# Words that nothing takes away: what is random must neither trace this kernel
# nor look for packages of another.
FIXED = {"capture": ["--from=pipe.txt"], "vm": ["--kernel=missing"]}
TRACES = ["t.zlt", "c.zlt", "all.zlt", "two words.zlt", "link.zlt", "-dash.zlt"]
ODD_TRACES = [
    *("cut.zlt", "flip.zlt", "empty", "folder", "missing.zlt", "t.csv", "huge"),
    *("new\nline.zlt", "esc\x1b[31m.zlt", "\udcff.zlt", "dangling", "-", ""),
    *("/dev/null", "x" * 300),
]
TABLES = ["t.csv", "CAPS.csv", "t.csv.gz", "t.csv.zst", "-"]
ODD_TABLES = ["t.zlt", "bad.csv", "empty", "cut.gz", "folder", "huge", "log.csv", ""]
OUTPUTS = ["out.zlt", "out.json", "o w.json", "new/", "-", "out.csv.gz", "out.zst"]
ODD_OUTPUTS = [
    *("old.json", "old.zlt", "folder", "no/such/file", "/dev/null", "/dev/full"),
    *("link.zlt", "dangling", "nl\nx.json", "esc\x1b[2J.json", "\udcff.out", ""),
    *("t.zlt", "t.csv", "x" * 300, "./out.json", "link.json", "-out", "r.jsonl"),
]
SPECS = [
    *("zbud", "z3fold", "zsmalloc", "zsmalloc@6.1", "zsmalloc@4.0", "jemalloc"),
    *("zsmalloc:chain=4", "zsmalloc@6.12:chain=4,groups=4", "null", "./mine.so"),
]
ODD_SPECS = [
    *("nope", "./not.so", "zsmalloc:", "zsmalloc:chain=99", "zsmalloc@9", "@", ":"),
    *(
        "zbud:lru=on,lru=off",
        "",
        "./folder",
        "/no/such.so",
        "zsmalloc:chain=",
        "z" * 5000,
    ),
]
CODECS = ["lz4", "zstd", "zstd:1", "none", "sizes:lz4", "sizes:zstd:3"]
ODD_CODECS = ["lzo", "zstd:99", "sizes:", "sizes:x", ":", "", "lz4,lz4"]
NUMBERS = ["0", "1", "2", "3", "4", "7", "16", "100"]
ODD_VALUES = [
    *("", "-1", "1e3", "99999999999999999999", "abc", "4K", "0x10", "1.5", "%s%n"),
    *("1,2,,3", "=", ",", "--", "-", "a\nb", "\x1b[31m", "\udcff", "y" * 5000, "nan"),
]
# The name of a value in help -> what may be given.
VALUES = {
    "SPEC": (SPECS, ODD_SPECS),
    "CODEC": (CODECS, ODD_CODECS),
    "T.zlt": (TRACES, ODD_TRACES),
    "OUT.zlt": (OUTPUTS, ODD_OUTPUTS),
    "SIZE": (["64K", "1M", "4096", "2M", "1G"], ODD_VALUES),
    "SIZE|N%": (["64K", "1M", "10%", "50%"], ODD_VALUES),
    "N%": (["1%", "12%", "90%"], ODD_VALUES),
    "PERCENT": (["0", "50", "90", "0.5"], ODD_VALUES),
    "SPEED": (["1000", "1e6", "1"], ODD_VALUES),
    "NS": (["0", "100", "20000"], ODD_VALUES),
    "SOCKETSxCORES": (["1x2", "2x4", "1x64"], ["0x0", "1x", "x", "1x1x1", "9999x9999"]),
    "COST=FACTOR": (
        ["xfer_ns=1.5", "rmw_ns=0.5"],
        ["xfer_ns", "=", "x=1", "rmw_ns=-1"],
    ),
    "CODEC,...": (["lz4", "lz4,zstd:3", ""], ODD_CODECS),
    "time,cpu,tid": (["time", "cpu,tid", "time,cpu,tid"], ["", "x", "time,,cpu", ","]),
    "LIST": (["1"], ["1,2,3", "0", "9", ""]),
    "N,N,...": (["1", "1,2", "2,4"], ODD_VALUES),
    "GITREF": (["HEAD", "v1"], ["", "--help", "no such"]),
    "REASON": (["because"], ["", " ", "a\nb"]),
    "WHEN": (["op", "kernel", "mark", "never", "log", "settle", "50"], ODD_VALUES),
    "S": (NUMBERS, ODD_VALUES),
    "BYTES": (["0", "32", "4096"], ["4097", *ODD_VALUES]),
    "USEC": (["0", "10"], ["1001", *ODD_VALUES]),
    "TREE": (["tree"], ["folder", "missing", "t.zlt", ""]),
    "ZLAB": ([str(ZLAB)], ["missing", "t.zlt", "folder", "/bin/false", ""]),
    "EXTRA.h": (["extra.h"], ["missing", "t.zlt", "folder"]),
}
# An option -> what may be given, where the name of its value does not say it.
FILES = {
    "profile": (
        ["p.json", "desktop", "two-socket"],
        ["bad.json", "r.jsonl", "empty", "folder", "no"],
    ),
    "baseline": (["base.json"], ["bad.json", "r.jsonl", "empty", "new.json", "folder"]),
    "plan": (["plan.json"], ["bad.json", "base.json", "empty", "folder", "missing"]),
    "traces": (["folder"], ["results", "missing", "t.zlt", "empty-folder"]),
    "source": (["."], ["folder", "missing", "t.zlt", "/"]),
    "file": (["mm/zsmalloc.c"], ["mm/none.c", "../t.csv", "", "/etc/passwd"]),
    "swap": (
        ["temp", "none", "swap.file"],
        ["t.zlt", "folder", "no/such", "/dev/full", "old.json"],
    ),
    # None is zram: the machine's own are not for random commands.
    "device": (["/dev/null", "/dev/no-zram"], ["t.zlt", "folder", ""]),
    "algorithm": (["lz4", "lzo-rle"], ODD_VALUES),
    "kernel": (["missing"], ["folder", ""]),
    "modules": (["folder"], ["missing", "t.zlt", ""]),
    "from": (["pipe.txt", "-"], ["t.zlt", "folder", "missing", "huge", "empty", ""]),
    "btf": (["missing"], ["t.zlt", "folder", ""]),
    "tracefs": (["folder"], ["missing", "t.zlt", ""]),
    "log": (OUTPUTS, ODD_OUTPUTS),
    "class": (["zsmalloc_class", "pool"], ["", "nope"]),
    "runs": (["1", "2"], ["0", "-1", "many"]),
    "threads": (["1", "2", "3"], ["0", "-1", "99999", "x"]),
    "vcpus": (["1", "2", "4"], ["0", "-1", "99999", "x"]),
    "random": (["0", "1", "2"], ["-1", "x"]),
    "ops": (["0", "10", "300"], ["-1", "x"]),
}
# An option whose value names what is written.
WRITTEN = {"output", "json", "occupancy", "markdown", "plot", "swap", "log"}
# Options whose absence from a folder is not an error.
NOT_LEFT = {"swap"}
# Part of stderr -> kind of finding.
CRASH_WORDS = (
    (r"Traceback \(most recent call last\)", "traceback"),
    (r"\(\S+\.py:\d+\)$", "traceback"),
    (r"Sanitizer|runtime error:", "sanitizer"),
    (r"Assertion|assertion|BUG\b|core dumped", "assertion"),
)


@dataclasses.dataclass
class Option:
    """As help shows it: the words are those that completion offers."""

    name: str
    key: str
    arg: str
    needed: bool
    words: list


def quoted(word):
    """As bash reads it; what a terminal would obey is spelled out."""
    if word.isprintable():
        return shlex.quote(word)
    text = "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b"\\'" else f"\\x{byte:02x}"
        for byte in os.fsencode(word)
    )
    return f"$'{text}'"


@dataclasses.dataclass
class Line:
    """A command line in parts that can be left out, and its surroundings."""

    command: str
    parts: list
    stdin: str = "null"
    stdout: str = "kept"
    # (signal, after how many seconds) for a line that is stopped.
    stop: tuple = ()

    def words(self):
        """What is typed behind "zlab"."""
        fixed = FIXED.get(self.command, [])
        return [self.command, *fixed, *(word for part in self.parts for word in part)]

    def shown(self):
        """As one types it into a shell."""
        words = [quoted(word) for word in self.words()]
        ends = {"null": "</dev/null", "table": "<t.csv", "records": "<r.jsonl"}
        outs = {"kept": "", "full": ">/dev/full", "unread": "| true", "closed": ">&-"}
        shown = ["zlab", *words, ends[self.stdin], outs[self.stdout]]
        if self.stop:
            number, after = self.stop
            shown[:0] = ["timeout", "-s", str(int(number)), f"{after:.3f}"]
        return " ".join(shown).strip()


def said(*args):
    """Standard output of zlab."""
    return subprocess.run(
        [ZLAB, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ).stdout


def completed(*args):
    """The words that completion offers; none where it leaves it to the shell."""
    found = [ln.split("\t")[0] for ln in said("complete", *args).splitlines()]
    return [word for word in found if not word.startswith(":")]


def command_names():
    """All commands, as the program lists them."""
    return re.findall(r"^  ([a-z][a-z-]*) ", said("--help"), re.M)


def options_of(command):
    """All options of a command."""
    found = []
    row = re.compile(r"^  (?:-(.),|   ) --([a-z0-9-]+)(?:=(\S+))?(?: |$)(.*)$")
    for line in said(command, "--help").splitlines():
        match = row.match(line)
        if match:
            key, name, arg, _ = match.groups()
            words = completed(command, f"--{name}", "") if arg else []
            found.append(Option(name, key, arg, False, words))
        if found and line.endswith("Needed."):
            found[-1].needed = True
    return found


class Maker:
    """Makes command lines."""

    def __init__(self):
        names = command_names()
        self.options = {name: options_of(name) for name in names}
        self.weights = [WEIGHT.get(name, 1) for name in names]
        self.kinds = completed("generate", "")
        self.kind_options = {
            kind: completed("generate", f"{kind}:") for kind in self.kinds
        }
        self.spec_options = {
            name: completed("replay", "-b", f"{name}:")
            for name in ("zbud", "z3fold", "zsmalloc")
        }

    def spec(self, rng, names, kinds):
        """A spec put together from what completion offers."""
        name = rng.choice(sorted(names))
        given = [
            option + rng.choice(["0", "1", "4", "8", "on", "off", "64", "x", ""])
            for option in rng.sample(
                kinds[name], min(len(kinds[name]), rng.randint(0, 3))
            )
        ]
        given = [option.split(":", 1)[1] for option in given]
        return f"{name}:{','.join(given)}" if given else name

    def kind(self, rng, wild):
        """A made trace, small but for what a wild line says."""
        small = "keys=30,rounds=1" if rng.random() < 0.5 else "keys=50"
        if not wild:
            return f"churn:{small},seed={rng.randint(1, 9)}"
        odd = ["", "nope", "churn:", "churn:keys=", "churn:keys=x", "churn:=", ":"]
        return rng.choice(
            [self.spec(rng, self.kinds, self.kind_options), rng.choice(odd)]
        )

    def value(self, rng, option, wild):
        """Something to give to an option."""
        good, odd = (
            FILES.get(option.name) or VALUES.get(option.arg) or (NUMBERS, ODD_VALUES)
        )
        if option.name in WRITTEN and option.name not in FILES:
            good, odd = OUTPUTS, ODD_OUTPUTS
        elif option.name not in FILES and option.words and "SPEC" not in option.arg:
            good = option.words
        if option.arg.startswith("SPEC"):
            good, odd = SPECS, ODD_SPECS
            if rng.random() < 0.3:
                return self.spec(rng, self.spec_options, self.spec_options)
        elif option.arg.startswith("CODEC") and option.arg != "CODEC,...":
            good, odd = CODECS, ODD_CODECS
        return rng.choice(odd if wild else good)

    def part(self, rng, option, wild):
        """An option, in one of the ways to write it."""
        name = option.name
        if wild and rng.random() < 0.1:
            name = name[: rng.randint(1, len(name))]
        if not option.arg:
            return [
                f"-{option.key}" if option.key and rng.random() < 0.3 else f"--{name}"
            ]
        value = self.value(rng, option, wild)
        ways = [[f"--{name}={value}"], [f"--{name}", value]]
        if option.key and value:
            ways += [[f"-{option.key}", value], [f"-{option.key}{value}"]]
        return rng.choice(ways)

    def operands(self, rng, command, wild):
        """Words that are no options."""

        def some(good, odd, most=1):
            words = rng.sample(good, min(len(good), rng.randint(1, most)))
            if wild and rng.random() < 0.5:
                words[rng.randrange(len(words))] = rng.choice(odd)
            # A name with a dash in front must not be read as an option.
            return [[f"./{w}" if w.startswith("-d") and not wild else w] for w in words]

        programs = [
            ["true"],
            ["false"],
            ["echo", "x"],
            ["seq", "1", "2000"],
            ["sort", "t.csv"],
            ["sh", "-c", "exit 3"],
            ["sh", "-c", "kill -9 $$"],
            ["no-such-program"],
            [""],
        ]
        pools = {
            "import": (TABLES, ODD_TABLES),
            "conform": (["log.csv"], ODD_TABLES + ["t.csv"]),
            "locks": (
                ["r.jsonl", "-"],
                ["bad.jsonl", "bad.json", "t.zlt", "empty", "huge", "folder"],
            ),
            "report": (
                ["results"],
                ["folder", "empty-folder", "t.zlt", "missing", "bad-results", ""],
            ),
            "new-backend": (
                ["mine", "my_one"],
                ["folder", "a/b", "", "9x", "a b", "-", "int", "x" * 300, "\x1b"],
            ),
            "shim": (["tree"], ["folder", "missing", "t.zlt"]),
            "backends": (["zbud", "zsmalloc", "./mine.so"], ODD_SPECS),
        }
        if command == "record":
            return [["--"] * rng.randint(0, 1) + rng.choice(programs)]
        if command == "capture":
            return [rng.choice(programs)] if wild else []
        if command == "vm":
            return some(TRACES, ODD_TRACES) if wild else []
        if command == "generate":
            return [[self.kind(rng, wild)]]
        if command == "patch-test":
            tail = [["tree"], ["no.patch"], ["--"]] if rng.random() < 0.3 else []
            return tail + some(TRACES, ODD_TRACES)
        if command in pools:
            if command == "backends" and rng.random() < 0.5:
                return []
            return some(*pools[command], 2 if wild and rng.random() < 0.1 else 1)
        if command in ("env", "classes", "regress", "calibrate"):
            return [["more"]] if wild else []
        if command == "sizes" and not wild:
            return [["c.zlt"]]
        return some(
            TRACES,
            ODD_TRACES,
            3 if command in ("compare", "placement", "ab", "validate") else 1,
        )

    def line(self, seed, number):
        """The line of that number."""
        rng = random.Random(f"{seed}:{number}")
        command = rng.choices(list(self.options), self.weights)[0]
        odd = rng.random() < 0.5

        def wild():
            return odd and rng.random() < 0.35

        given = [
            option for option in self.options[command] if option.needed and not wild()
        ]
        rest = [
            option
            for option in self.options[command]
            if option.name not in ("help", "version")
        ]
        given += rng.choices(rest, k=rng.choice([0, 0, 1, 1, 2, 3, 5])) if rest else []
        if command == "placement":
            twice = [option for option in given if option.name == "backend"]
            given = [option for option in given if option not in twice] + twice[:1] * 2
        parts = [self.part(rng, option, wild()) for option in given]
        parts += self.operands(rng, command, wild())
        if command == "record":
            tail = parts.pop()
            rng.shuffle(parts)
            parts.append(tail)
        else:
            rng.shuffle(parts)
            if any(
                word.startswith("-") for word in ("-", *(parts[-1] if parts else []))
            ):
                parts = self.many_apart(command, parts)
        parts = SMALL.get(command, []) + parts
        if odd and rng.random() < 0.05:
            parts.append(
                [
                    rng.choice(
                        [
                            "--help",
                            "--version",
                            "-h",
                            "--nonsense",
                            "--output",
                            "-",
                            "--",
                            "-Z",
                        ]
                    )
                ]
            )
        if odd and parts and rng.random() < 0.03:
            parts[rng.randrange(len(parts))] = [rng.choice(ODD_VALUES)]
        streams = rng.choices(["kept", "full", "unread", "closed"], [92, 4, 2, 2])[0]
        stdin = rng.choices(["null", "table", "records"], [5, 3, 2])[0]
        if not odd:
            stdin = {"locks": "records", "import": "table"}.get(command, stdin)
        stop = ()
        if streams == "kept" and rng.random() < 0.04:
            number = rng.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
            stop = (number, rng.choice([0.001, 0.005, 0.02, 0.1, 0.5]) * rng.random())
        return Line(command, parts, stdin, streams, stop)

    @staticmethod
    def many_apart(command, parts):
        """Operands in front: an option with several values would take them."""
        if command not in ("compare", "ab"):
            return parts
        words = [p for p in parts if not p[0].startswith("-")]
        return words + [p for p in parts if p[0].startswith("-")]


def make_files(work):
    """Small files of all kinds; what the program cannot make here is replaced."""

    def zlab(*args, **more):
        return subprocess.run(
            [ZLAB, *args],
            cwd=work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            **more,
        )

    work.mkdir()
    table = "op,key,size,time_ns,cpu,tid,label\n"
    for key in range(40):
        table += (
            f"store,{key},{(key * 97) % 4000 + 1},{key * 1000},{key % 2},{key % 3},\n"
        )
    table += "mark,,,40000,0,0,half\n"
    for key in range(0, 40, 2):
        at = (key + 50) * 1000
        table += f"load,{key},,{at},1,2,\ninvalidate,{key},,{at},0,1,\n"
    (work / "t.csv").write_text(table)
    (work / "CAPS.csv").write_text(" OP , Key,SIZE\nstore,1,1200\nload,1,\n")
    (work / "bad.csv").write_text("op,key\nstore,1\nsteal,2\n")
    packed = gzip.compress(table.encode(), mtime=0)
    (work / "t.csv.gz").write_bytes(packed)
    (work / "cut.gz").write_bytes(packed[: len(packed) // 2])
    zlab("import", "t.csv", "-o", "all.zlt")
    zlab("export", "all.zlt", "-o", "t.csv.zst")
    zlab("generate", "churn:keys=40,rounds=1", "-o", "t.zlt")
    if zlab(
        "record", "-q", "-l", "100K", "-o", "c.zlt", "--", "sort", "t.csv"
    ).returncode:
        shutil.copy(work / "t.zlt", work / "c.zlt")
    whole = (work / "t.zlt").read_bytes()
    for name in (
        "two words.zlt",
        "-dash.zlt",
        "new\nline.zlt",
        "esc\x1b[31m.zlt",
        "\udcff.zlt",
        "old.zlt",
    ):
        (work / name).write_bytes(whole)
    (work / "cut.zlt").write_bytes(whole[: len(whole) * 2 // 3])
    (work / "flip.zlt").write_bytes(whole[:70] + bytes([whole[70] ^ 255]) + whole[71:])
    (work / "empty").write_bytes(b"")
    with open(work / "huge", "wb") as huge:
        huge.truncate(16 << 20)
    (work / "folder").mkdir()
    shutil.copy(work / "t.zlt", work / "folder" / "t.zlt")
    (work / "empty-folder").mkdir()
    (work / "link.zlt").symlink_to("t.zlt")
    (work / "dangling").symlink_to("made-by-a-link.json")
    (work / "old.json").write_text("{}\n")
    (work / "link.json").symlink_to("old.json")
    zlab("replay", "t.zlt", "-b", "zsmalloc", "--json", "r.jsonl")
    record = (work / "r.jsonl").read_text()
    (work / "bad.jsonl").write_text(record + record[: len(record) // 2])
    (work / "bad.json").write_text(
        '{"exact": [1, {"a": null}], "version": "x", "cost": 3}\n'
    )
    (work / "extra.h").write_text("#define MORE 1\n")
    (work / "no.patch").write_text("--- a/mm/zsmalloc.c\n+++ b/mm/zsmalloc.c\n")
    shutil.copy(ROOT / "profiles" / "desktop.json", work / "p.json")
    (work / "not.so").write_text("no object\n")
    example = BUILD / "tests" / "backends" / "onepage.so"
    if example.exists():
        shutil.copy(example, work / "mine.so")
    shutil.copytree(ROOT / "tests" / "shim_src" / "new", work / "tree")
    pipe = ROOT / "tests" / "vectors" / "capture" / "6.12-kprobe.txt"
    shutil.copy(pipe, work / "pipe.txt")
    (work / "log.csv").write_text(
        "op,id,size,pages,before,page,at,note\n"
        "a,0,100,,0,0,,\na,1,2000,,1,1,,\nl,0,,,2,0,,\nf,1,,,2,1,,\nm,,,1,,,,end\n"
    )
    zlab(
        "compare",
        "t.zlt",
        "-b",
        "zbud",
        "zsmalloc",
        "-n",
        "1",
        "--no-report",
        "-o",
        "results",
    )
    shutil.copytree(work / "results", work / "bad-results")
    with open(work / "bad-results" / "records.jsonl", "a", encoding="utf-8") as out:
        out.write('{"schema": 1, "trace": {"name": 3}}\n[[[[\n')
    zlab(
        "regress",
        "--traces=folder",
        "--baseline=base.json",
        "--tier=1",
        "--accept=first",
    )
    plan = {"exact": [{"traces": ["*"], "backends": ["zbud"], "codecs": ["none"]}]}
    (work / "plan.json").write_text(json.dumps(plan))


def state(top):
    """Path -> what shows that it was changed."""
    found = {}
    for folder, dirs, names in os.walk(top):
        for name in dirs + names:
            path = os.path.join(folder, name)
            st = os.lstat(path)
            key = os.path.relpath(path, top)
            if stat.S_ISDIR(st.st_mode):
                found[key] = ("folder", stat.S_IMODE(st.st_mode))
            else:
                found[key] = (st.st_ino, st.st_size, st.st_ctime_ns, st.st_mode)
    return found


def changes(before, after):
    """Paths that came, went or are other ones now."""
    return sorted(
        k for k in before.keys() | after.keys() if before.get(k) != after.get(k)
    )


class Place:
    """A folder with all files, made again when a command has changed it."""

    def __init__(self, template):
        self.template = template
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="line-", dir=template.parent))
        self.work = self.top / "work"
        self.made = None

    def prepare(self):
        """All as it was."""
        if self.made and state(self.top) == self.made:
            return
        if self.work.exists():
            shutil.rmtree(self.top)
        for name in ("tmp", "home", "cache"):
            (self.top / name).mkdir(parents=True)
        shutil.copytree(
            self.template,
            self.work,
            symlinks=True,
            ignore=shutil.ignore_patterns("huge"),
        )
        with open(self.work / "huge", "wb") as huge:
            huge.truncate(16 << 20)
        self.made = state(self.top)

    def environment(self):
        """Everything that a command may want to write goes below the folder."""
        kept = {
            k: v
            for k, v in os.environ.items()
            if k in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS")
        }
        return kept | {
            "LC_ALL": "C.UTF-8",
            "HOME": str(self.top / "home"),
            "TMPDIR": str(self.top / "tmp"),
            "XDG_CACHE_HOME": str(self.top / "cache"),
            # A repository that holds the folder is none of theirs.
            "GIT_CEILING_DIRECTORIES": str(self.top),
        }


@dataclasses.dataclass
class Result:
    """What a run did."""

    status: int
    out: bytes
    err: str
    late: bool
    left: list
    stopped: int = 0


def alive():
    """Processes that a command left to us, by name; they are ended."""
    found, until = [], time.monotonic() + 2
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid:
            continue
        if time.monotonic() < until:
            time.sleep(0.02)
            continue
        for entry in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                head, _, tail = entry.read_text(errors="replace").rpartition(")")
                if int(tail.split()[1]) == os.getpid():
                    found.append(head.partition("(")[2])
                    os.kill(int(entry.parent.name), signal.SIGKILL)


def execute(line, place):
    """Run it."""
    stdin = {
        "null": os.devnull,
        "table": place.work / "t.csv",
        "records": place.work / "r.jsonl",
    }
    command = [str(ZLAB), *line.words()]
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(open(stdin[line.stdin], "rb"))
        kept = stack.enter_context(tempfile.TemporaryFile(dir=TMP))
        err = stack.enter_context(tempfile.TemporaryFile(dir=TMP))
        out = kept
        if line.stdout == "full":
            out = stack.enter_context(open("/dev/full", "wb"))
        elif line.stdout == "unread":
            reader, writer = os.pipe()
            os.close(reader)
            out = stack.enter_context(open(writer, "wb"))
        elif line.stdout == "closed":
            command = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
        done = subprocess.Popen(
            [os.fsencode(word) for word in command],
            cwd=place.work,
            env=place.environment(),
            stdin=source,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        late, stopped = False, 0
        if line.stop:
            with contextlib.suppress(subprocess.TimeoutExpired):
                done.wait(line.stop[1])
            if done.poll() is None:
                stopped = line.stop[0]
                done.send_signal(stopped)
        try:
            done.wait(STOP_S.get(line.command, LIMIT_S))
        except subprocess.TimeoutExpired:
            late = True
            done.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                done.wait(END_S)
            if done.poll() is None:
                os.killpg(done.pid, signal.SIGKILL)
                done.wait()
        left = alive()
        kept.seek(0)
        err.seek(0)
        text = err.read().decode(errors="replace")
        return Result(done.returncode, kept.read(), text, late, left, stopped)


def written(line):
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
        known = [option.name for option in MAKER.options[line.command]]
        meant = [n for n in known if name and n in WRITTEN and n.startswith(name)]
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


def judge(line, result, place):
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
        if line.command not in STOP_S:
            found.append(("late", f"no end in {LIMIT_S} s"))
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
    return found + judge_files(line, result, place)


def judge_files(line, result, place):
    """What is wrong with the files that a run leaves."""
    found = []
    outputs = list(written(line))
    for path in changes(place.made, state(place.top)):
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
            if execute(again, place).out:
                found.append(("lost", f"status 0 with standard output {line.stdout}"))
    return found


def run(line, place):
    """Run a line in a fresh folder; returns (findings, result)."""
    place.prepare()
    result = execute(line, place)
    return judge(line, result, place), result


def shrink(line, kind, place):
    """The fewest parts that show the same kind of finding."""
    at = 0
    while at < len(line.parts):
        less = dataclasses.replace(line, parts=line.parts[:at] + line.parts[at + 1 :])
        if any(k == kind for k, _ in run(less, place)[0]):
            line = less
        else:
            at += 1
    return line


PLACE = MAKER = None


def start(template):
    """Once in each process."""
    global PLACE, MAKER
    # What a command leaves behind becomes a child of this process.
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
    PLACE, MAKER = Place(template), Maker()


def one(job):
    """Run one line; returns (number, command, status, findings, text)."""
    seed, number, keep = job
    line = MAKER.line(seed, number)
    found, result = run(line, PLACE)
    if not found:
        return number, line.command, result.status, [], ""
    kinds = sorted({kind for kind, _ in found})
    if keep:
        return number, line.command, result.status, kinds, explain(line, found, result)
    if kinds != ["late"]:
        small = shrink(line, kinds[0], PLACE)
        again, res = run(small, PLACE)
        if again:
            line, found, result = small, again, res
    text = f"{explain(line, found, result)}\nagain: {again_with(seed, number)}"
    return number, line.command, result.status, kinds, text


def again_with(seed, number):
    """What runs a line again, and leaves its folder."""
    return f"tests/long/commandlines --seed {seed} --only {number}"


def explain(line, found, result):
    """What a person wants to know of a finding."""
    text = [line.shown()]
    text += [f"{kind}: {what!r}" for kind, what in found]
    text += [f"status {result.status}", *result.err.splitlines()[:12]]
    return "\n".join(text)


def arguments(lines):
    """The command line of a script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    seed = os.environ.get("ZLAB_COMMANDLINES_SEED", "1")
    lines = int(os.environ.get("ZLAB_COMMANDLINES", lines))
    parser.add_argument("--seed", default=seed)
    parser.add_argument("--lines", type=int, default=lines)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", type=int, help="this line alone; its folder stays")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--show", action="store_true", help="print lines, run none")
    return parser.parse_args()


def main(lines):
    """Run that many lines and say what was found."""
    args = arguments(lines)
    numbers = range(args.first, args.first + args.lines)
    if args.only is not None:
        numbers = [args.only]
    if args.show:
        maker = Maker()
        for number in numbers:
            print(number, maker.line(args.seed, number).shown())
        return 0
    top = pathlib.Path(tempfile.mkdtemp(prefix="lines-", dir=TMP))
    make_files(top / "files")
    results, counts, total = tap.Tap(), {}, 0
    jobs = [(args.seed, n, args.only is not None) for n in numbers]
    with multiprocessing.Pool(args.jobs, start, [top / "files"]) as pool:
        for number, command, status, kinds, text in pool.imap_unordered(one, jobs):
            total += 1
            counts.setdefault(command, []).append(status)
            if kinds:
                title = f"line {number} of seed {args.seed}: {' '.join(kinds)}"
                results.check(False, title, text)
    results.check(
        total == len(jobs), f"{total} random command lines of seed {args.seed}"
    )
    missed = set(command_names()) - counts.keys()
    if total >= 20000:
        results.check(not missed, "of every command", " ".join(missed))
    for command, found in sorted(counts.items()):
        good = sum(1 for s in found if s == 0)
        print(f"# {command}: {len(found)}, of these {good} with status 0")
    if args.only is None:
        shutil.rmtree(top, ignore_errors=True)
    return results.end()
