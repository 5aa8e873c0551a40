# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands that the documents show, run as a new user would.

Commands are the fenced blocks of README.md and docs/*.md in a language of
RUNNERS, lines of docs/*.md that begin with a tab, and the examples of the man
page. Each document has a copy of the tree of its own, with the programs that
were built; each block begins at its top, with zlab in $PATH. tests/cli/documents
runs what takes seconds, and compares with one run of each case;
tests/long/documents runs all as it is shown.
"""

import os
import pathlib
import re
import shlex
import shutil
import subprocess

from tap import Tap

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("ZLAB_BUILD", ROOT / "build"))
TMP = pathlib.Path(os.environ.get("TMPDIR", "/tmp"))
LIMIT_S = 500
MAN = "man/zlab.1"
# Language -> what runs a block of it, as words before its text.
RUNNERS = {
    "sh": None,
    "python": ["/usr/bin/python3", "-c"],
    "r": ["Rscript", "-e"],
}
# What a block of commands begins with; one without a language would be missed.
COMMAND = re.compile(r"(\./|build/)?(zlab [a-z-]+ |make\b|gcc |git |python3 )")
PROGRAM = """#!/bin/sh
# What there is to record: a program with some megabytes, and any arguments.
seq 1 60000 | sort -R >/dev/null
"""
# A regular expression for the whole command -> why no test runs it.
NOT_RUN = {
    r"make demo": "installs packages; the commands it runs are shown, too",
    r"make check": "runs this test",
    r"make": "built what this test runs",
    r"make scenarios": "takes an hour; tests/cli/scenarios runs a tenth of each",
    r"make results/scenarios/T12\.jsonl": "takes minutes; tests/cli/scenarios runs a tenth",
    r"git worktree add .*": "builds another commit; tests/long/ab does",
    r"build/zlab ab --base v1 .*": "builds the tree twice; tests/long/ab does",
    r"(sudo build/)?zlab capture .*": (
        "needs root and a kernel that can be watched; tests/cli/capture does it"
    ),
    r"zlab-virtual shim ~/linux .*": "needs a kernel's sources; tests/long/shim has them",
    r"modprobe zram": "loads a module",
    r"cat /sys/kernel/tracing/trace_pipe .*": "has no end",
    r"cat /sys/class/zram-control/hot_add": "makes a device; tests/cli/zram does",
    r"zlab zram .*": "needs root and a free zram device; tests/cli/zram has one",
    r"swapoff /dev/zram1": "is for a device that was left as swap",
    r"echo 1 > /sys/.*": "resets and removes a device; tests/cli/zram does",
    r"xdg-open .*": "opens a browser; tests/cli/report_browser does",
    r"zlab vm .*": "boots kernels of Debian; tests/long/vm does",
    r"build/zlab (placement .* --backend \./mine\.so T\.zlt|conform T\.zlt .*)": (
        "fails, as it should, for the source of ours that stands in for a kernel's; "
        "tests/long/shim has a kernel's"
    ),
    r"build/zlab conform LOG\.csv\.zst --backend \./mine\.so": (
        "needs the sources of the kernel that wrote the log; tests/long/shim has them"
    ),
}
# Commands that build, replay for minutes or need what only check-long installs;
# of the other languages than sh, all do.
LONG = [
    r"sqlite3 .*",
    r"build/zlab regress( .*)?",
    r"zlab regress( .*)?",
    r"make (STATS=off )?build.*/tests/bench/locks",
    r"build/tests/bench/locks .*",
    r"zlab (sweep|calibrate|validate) .*",
    r"zlab compare .* --vcpus .*",
    r"build/zlab patch-test .*",
    r"git add (traces zlab\.json|results/baseline\.json)",
    r"zlab record -o traces/server\.zlt .*",
    r"zlab-virtual shim ~/linux -o k\.so && zlab explore .* --seconds 60",
]


class Place:
    """A copy of the tree, and what the documents take for granted."""

    def __init__(self, name):
        self.top = TMP / name.replace("/", "-") / "tree"
        self.home = self.top.parent / "home"
        self.home.mkdir(parents=True)
        shutil.copytree(
            ROOT,
            self.top,
            ignore=shutil.ignore_patterns(
                ".git", "build*", "corpus", "demo", "__pycache__"
            ),
        )
        (self.top / "build").mkdir()
        for program in ("", "-virtual", "-explore", "-ghost", "-recorder.so"):
            shutil.copy2(BUILD / f"zlab{program}", self.top / "build")
        self.env = dict(
            os.environ,
            HOME=str(self.home),
            PATH=f"{self.top / 'build'}:{os.environ['PATH']}",
        )

    def run(self, command, folder):
        """Run a command line; returns (status, output, folder it ended in)."""
        after = self.home / "after"
        script = f"{command}\nstatus=$?; pwd >'{after}'; exit $status"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LIMIT_S,
            check=False,
        )
        here = after.read_text().strip() if after.exists() else folder
        return done.returncode, done.stdout.decode(errors="replace"), here

    def executable(self, name):
        """A program to be recorded."""
        (self.top / name).write_text(PROGRAM)
        (self.top / name).chmod(0o755)

    def trace(self, name):
        """A small recorded trace under the name that a document gives it."""
        shutil.copy(self.top / "traces/samples/sort.zlt", self.top / name)

    def csv(self, name):
        """The example of the format's document."""
        text = (self.top / "docs/trace-format.md").read_text()
        body = re.search(r"^```\n(op,key.*?)^```$", text, re.M | re.S).group(1)
        (self.top / name).write_text(body)

    def repository(self):
        """What a checkout is: a git repository."""
        for words in (["init", "-q"], ["add", "results/baseline.json"]):
            subprocess.run(["git", *words], cwd=self.top, env=self.env, check=True)

    def kernel(self):
        """~/linux and a patch to it: a source of ours in zsmalloc's place."""
        tree = self.home / "linux"
        shutil.copytree(ROOT / "tests/shim_src/new", tree)
        shutil.copytree(ROOT / "tests/shim_src/codecs", tree, dirs_exist_ok=True)
        old = (tree / "mm/zsmalloc.c").read_text()
        new = old + "\n/* A change. */\n"
        for side, text in (("a", old), ("b", new)):
            (self.home / side / "mm").mkdir(parents=True)
            (self.home / side / "mm/zsmalloc.c").write_text(text)
        diff = subprocess.run(
            ["diff", "-u", "a/mm/zsmalloc.c", "b/mm/zsmalloc.c"],
            cwd=self.home,
            stdout=subprocess.PIPE,
            check=False,
        )
        (self.top / "0001-my-change.patch").write_bytes(diff.stdout)


def readme(place):
    place.executable("program")
    place.csv("swap.csv")
    place.trace("kernel.zlt")


def add_a_backend(place):
    place.trace("trace.zlt")
    shutil.copy(ROOT / "tests/backend_example/onepage.c", place.top)
    (place.top / "ZLAB").symlink_to(".")


def capture(place):
    place.trace("day.zlt")
    shutil.copy(
        ROOT / "tests/vectors/6.12-zsmalloc-lz4-s1.csv.zst", place.top / "log.csv"
    )


def ci(place):
    place.executable("server")
    place.repository()
    shutil.copytree(place.top, place.top.parent / "base")


def codecs(place):
    place.kernel()


def data(place):
    place.run(
        "zlab compare traces/samples/sort.zlt --backend zbud --runs 2 -o DIR", place.top
    )


def explore(place):
    place.kernel()


def measure_a_patch(place):
    place.kernel()
    place.trace("T.zlt")


def recorder(place):
    place.run("seq 1 300000 | sort -R >big.txt", place.top)
    (place.top / "Makefile").write_text("all: ; @seq 1 60000 | sort -R >/dev/null\n")


def virtual_cpus(place):
    place.trace("T.zlt")


def manual(place):
    (place.top / "prog.py").write_text("print(len([str(i) for i in range(200000)]))\n")


PREPARE = {
    "README.md": readme,
    "docs/add-a-backend.md": add_a_backend,
    "docs/capture.md": capture,
    "docs/ci.md": ci,
    "docs/codecs.md": codecs,
    "docs/data.md": data,
    "docs/explore.md": explore,
    "docs/measure-a-patch.md": measure_a_patch,
    "docs/recorder.md": recorder,
    "docs/virtual-cpus.md": virtual_cpus,
    MAN: manual,
}


def joined(lines):
    """Command lines, those that end in a backslash in one piece."""
    text = "\n".join(lines).replace("\\\n", " ")
    return [re.sub(r"\s+#(?![^\"']*[\"']$).*", "", c).strip() for c in text.split("\n")]


def fences(text):
    """(language, lines) of the fenced blocks."""
    for language, body in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S):
        yield language, body.splitlines()


def tabbed(text):
    """Blocks of lines that begin with a tab, outside of fences."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    for block in re.findall(r"(?:^\t.*\n)+", text, re.M):
        yield [line[1:] for line in block.splitlines()]


def blocks(name):
    """(language, commands) of a document's blocks, and blocks without language."""
    text = (ROOT / name).read_text(encoding="utf-8")
    if name == MAN:
        examples = text[text.index(".Sh EXAMPLES") :].replace("\\e\n", "\\\n")
        for body in re.findall(r"^\.Bd.*?\n(.*?)^\.Ed$", examples, re.M | re.S):
            yield "sh", joined(body.splitlines())
        return
    for language, lines in fences(text):
        if language == "sh" or not language and COMMAND.match(lines[0]):
            yield language, joined(lines)
        elif language in RUNNERS:
            yield language, ["\n".join(lines)]
    for lines in tabbed(text):
        yield "sh", joined(lines)


def documents():
    """Every document with commands, in order."""
    found = [
        "README.md",
        *sorted(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md")),
    ]
    return [name for name in [*found, MAN] if any(blocks(name))]


def matches(command, patterns):
    """The pattern that stands for a whole command, or None."""
    return next((p for p in patterns if re.fullmatch(p, command, re.S)), None)


def is_long(language, command):
    """Whether tests/long/documents runs a command."""
    return language != "sh" or bool(matches(command, LONG))


def lacking(language):
    """What the machine lacks for a language, or None."""
    runner = RUNNERS[language][0]
    if not shutil.which(runner):
        return f"{runner} is not installed"
    if language == "python":
        tried = subprocess.run(
            [runner, "-c", "import pandas"], stderr=subprocess.DEVNULL, check=False
        )
        return "pandas is not installed" if tried.returncode else None
    return None


def may_record(place):
    """Why this machine cannot record, or None."""
    status, said, _ = place.run("zlab record -o may.zlt -- true", place.top)
    return said.strip().splitlines()[-1] if status else None


def with_one_run(command):
    """The comparison that a command makes, with one run of each case."""
    if "zlab compare " not in command:
        return command
    return re.sub(r" --runs \d+", "", command) + " --runs 1"


def run_one(tap, place, name, language, command, folder):
    """Run one command of a block; returns the folder that the next begins in."""
    title = f"{name}: {command.splitlines()[0]}"
    if language != "sh":
        why = lacking(language)
        if why:
            tap.skip(title, why)
            return folder
        command = shlex.join([*RUNNERS[language], command])
    if " record " in command:
        why = may_record(place)
        if why:
            tap.skip(title, why)
            return folder
    # It refuses a busy machine, which the other tests make of this one.
    command = command.replace("zlab calibrate ", "zlab calibrate --noisy ")
    try:
        status, said, folder = place.run(command, folder)
    except subprocess.TimeoutExpired:
        status, said = f"no end after {LIMIT_S} s", ""
    tap.check(status == 0, title, f"status {status}\n{said}")
    return folder


def run_document(tap, name, long):
    """Every command of a document, or those that are not long."""
    found = list(blocks(name))
    for language, commands in found:
        tap.check(language, f"{name}: a block of commands says sh", commands)
    todo = [
        (language or "sh", [c for c in commands if c]) for language, commands in found
    ]
    wanted = any(
        long or not is_long(language, c)
        for language, commands in todo
        for c in commands
    )
    if not wanted:
        return
    place = Place(name)
    PREPARE.get(name, lambda place: None)(place)
    for language, commands in todo:
        folder = place.top
        for command in commands:
            why = matches(command, NOT_RUN)
            if why:
                if not long:
                    tap.skip(f"{name}: {command}", NOT_RUN[why])
            elif long:
                folder = run_one(tap, place, name, language, command, folder)
            elif not is_long(language, command):
                few = with_one_run(command)
                folder = run_one(tap, place, name, language, few, folder)
    shutil.rmtree(place.top.parent)


def main(long):
    """All documents; returns the exit status."""
    tap = Tap()
    shown = [c for name in documents() for _, found in blocks(name) for c in found]
    for pattern in [*NOT_RUN, *LONG]:
        known = any(re.fullmatch(pattern, command, re.S) for command in shown)
        tap.check(known, f"a document shows {pattern}")
    for name in documents():
        run_document(tap, name, long)
    return tap.end()
