# SPDX-License-Identifier: GPL-2.0-or-later
"""What random command lines are made of: valid and invalid words."""

from commandlines import program

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
    "ZLAB": ([str(program.ZLAB)], ["missing", "t.zlt", "folder", "/bin/false", ""]),
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
    "writeback-dev": (
        ["temp", "none", "swap.file"],
        ["t.zlt", "folder", "no/such", "/dev/full", "old.json"],
    ),
    "front": (
        ["direct", "zswap", "zram", "zram@6.12", "zram:every=50,writeback=all"],
        ["zram:", "zram@9", "zram:lock=x", "zram:every=1,recompress=all", ""],
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
    # The wild ones are refused: a large number would be explored.
    "explore": (["1", "20"], ["0", "-1", "x", ""]),
}
# An option whose value names what is written.
WRITTEN = {"output", "json", "occupancy", "markdown", "plot", "swap", "log"}
WRITTEN |= {"writeback-dev"}
