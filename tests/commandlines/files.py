# SPDX-License-Identifier: GPL-2.0-or-later
"""Small files of all kinds, in a folder that a command may spoil."""

import gzip
import json
import os
import pathlib
import shutil
import stat
import subprocess
import tempfile

from commandlines import program


def make_files(work):
    """Small files of all kinds; what the program cannot make here is replaced."""

    def zlab(*args, **more):
        return subprocess.run(
            [program.ZLAB, *args],
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
    shutil.copy(program.ROOT / "profiles" / "desktop.json", work / "p.json")
    (work / "not.so").write_text("no object\n")
    example = program.BUILD / "tests" / "backends" / "onepage.so"
    if example.exists():
        shutil.copy(example, work / "mine.so")
    shutil.copytree(program.ROOT / "tests" / "shim_src" / "new", work / "tree")
    pipe = program.ROOT / "tests" / "vectors" / "capture" / "6.12-kprobe.txt"
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
