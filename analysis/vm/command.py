# SPDX-License-Identifier: GPL-2.0-or-later
"""zlab vm: a kernel in a virtual machine plays a scenario; its allocator's log.

Writes NAME.csv.gz, the log for "zlab conform"; NAME.zlt, the same as a trace of
sizes; NAME.json, counts and the kernel's counters at each checkpoint.
"""

import dataclasses
import gzip
import json
import pathlib
import re
import subprocess
import sys
import tempfile

from analysis import files, outcome, progress
from analysis.run import replays
from analysis.vm import kernel, log, machine, programs, rebuild

# As "zlab generate" makes them; PROGRAMS is no trace.
PROGRAMS = "programs"
SCENARIOS = {
    "fill": "churn:rounds=1,share=1",
    "churn": "churn:rounds=5,share=0.6",
    "discard": "churn:rounds=3,share=0.5,compact=on",
}
PAGES = 20000
# Modules that the codec of a kernel may be in.
CODECS = {
    "lz4": ("lz4_compress", "lz4"),
    "lz4hc": ("lz4hc_compress", "lz4hc"),
    "lzo": ("lzo_compress", "lzo"),
    "lzo-rle": ("lzo_compress", "lzo-rle"),
    "zstd": ("zstd_compress", "zstd"),
    "842": ("842_compress", "842"),
    "deflate": ("zlib_deflate", "deflate"),
}
SWAP_KB = 1 << 20
# What the kernel, the probes' buffer and the program take.
MEMORY_MIB = 512
SENT_LINES = 20000


def parse():
    """The command line; the program has checked it."""
    parser = outcome.Parser(prog="zlab vm")
    parser.add_argument("package", nargs="?")
    for name in ("kernel", "modules", "suite", "source", "replay", "backend"):
        parser.add_argument(f"--{name}")
    for name in ("output", "json"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--scenario", default="churn")
    parser.add_argument("--through")
    parser.add_argument("--allocator", default="zsmalloc")
    parser.add_argument("--codec", default="lz4")
    parser.add_argument("--accel", default="auto")
    parser.add_argument("--pages", type=int, default=PAGES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=int, default=600)
    parser.add_argument("--counter", type=int, default=-1)
    parser.add_argument("--conform", action="store_true")
    args = parser.parse_args()
    if not args.through:
        args.through = "zram" if args.allocator == "zsmalloc" else "zswap"
    args.output = pathlib.Path(args.output or ".")
    args.set = rebuild.settings(args.set)
    return args


def find_kernel(args, tell):
    """The kernel that was asked for."""
    if args.kernel is not None:
        image = pathlib.Path(args.kernel)
        if not image.is_file():
            raise outcome.Failed(f'--kernel "{args.kernel}": no such file')
        modules = None if args.modules is None else pathlib.Path(args.modules)
        if modules and not modules.is_dir():
            raise outcome.Failed(f"--modules {modules}: no such folder")
        return kernel.Kernel(image, modules, image.name)
    if args.package.endswith(".deb"):
        return kernel.of_file(args.package, tell)
    return kernel.of_package(args.package, args.suite, tell)


@dataclasses.dataclass
class Load:
    """What the machine does: a name, its files, lines of the plan, MiB for it."""

    name: str
    files: dict
    plan: list
    memory: int
    # Whether the kernel decides when something happens.
    timed: bool = False


def find_load(args, folder):
    """What was asked for: programs, the user's trace or that of a scenario."""
    if args.scenario == PROGRAMS and not args.replay:
        files_in, commands = programs.collect(args.seed)
        lines = [f"limit_kb {programs.LIMIT_KB}"]
        lines += [f"program {command}" for command in commands]
        size = sum(
            p.stat().st_size for p in files_in.values() if not isinstance(p, str)
        )
        return Load(PROGRAMS, files_in, lines, 2 * size >> 20, timed=True)
    trace, name = folder / "scenario.zlt", args.scenario
    if args.replay:
        trace, name = pathlib.Path(args.replay), pathlib.Path(args.replay).stem
    else:
        options = f"keys={args.pages},seed={args.seed},contents=on"
        spec = f"{SCENARIOS[args.scenario]},{options}"
        replays.zlab("generate", spec, "-o", trace)
    said = json.loads(replays.zlab("info", trace, "--json", "-"))
    if said["objects"] != "pages":
        raise outcome.Failed(
            f"{trace} has no page contents, which a kernel compresses itself; "
            'record them with "zlab record --contents"'
        )
    # The pages, what they compress to, and the trace as it is packed and not.
    size = said["keys"] * 2 * 4096 + said["file_bytes"] * 2
    return Load(name, {"trace.zlt": trace}, ["trace /trace.zlt"], size >> 20)


def wanted_modules(args):
    """What the user of the allocator may have in modules, first needed first."""
    user = ["brd"] if args.through == "zswap" else ["zram"]
    return [args.allocator, *CODECS.get(args.codec, ()), *user]


def built(args, where, tell):
    """Modules that come instead of the kernel's own, name -> path."""
    if not args.set and args.source is None:
        return {}
    tree = None if args.source is None else pathlib.Path(args.source)
    return rebuild.build(where, args.set, args.suite, tree, tell)


def plan(args, names):
    """The lines of the machine's plan, but for what it does."""
    params = {"brd": f" rd_nr=1 rd_size={SWAP_KB}"}
    return [
        f"user {args.through}",
        f"allocator {args.allocator}",
        f"codec {args.codec}",
        f"counter {args.counter}",
        f"swap_kb {SWAP_KB}",
        *(f"module /modules/{name}.ko{params.get(name, '')}" for name in names),
    ]


def boot(args, where, load, folder, tell):
    """Run the machine; returns its log."""
    modules = kernel.Modules(where.modules)
    own = built(args, where, tell)
    modules.files |= own
    names = modules.order(wanted_modules(args))
    inside = {f"modules/{name}.ko": modules.read(name) for name in names}
    lines = plan(args, names) + load.plan
    if own:
        lines.append(f"prefix {rebuild.PREFIX}")
    packed = machine.initramfs(folder, {**inside, **load.files}, lines)
    accel = machine.accelerator() if args.accel == "auto" else args.accel
    memory = MEMORY_MIB + load.memory
    console = folder / "console"
    tell(f"boots {where.said} with {accel}, {memory} MiB")
    found, seen = log.Log(args.allocator), 0
    command = machine.command_line(where, packed, console, memory, accel)
    for line in machine.lines(command, console, args.limit):
        seen += 1
        mark = found.line(line)
        if mark and not load.timed or seen % SENT_LINES == 0:
            tell(f"{found.kernel}: {seen} lines" + (f", at {mark}" if mark else ""))
    log.checked(found)
    return found


# Settings of a kernel that zlab's allocator has, too.
OPTIONS = {"CONFIG_ZSMALLOC_CHAIN_SIZE": "chain"}
# Forms of an allocator that are older than the kernel they are named after.
SINCE = {
    ("zbud", "6.1"): [3, 11],
    ("z3fold", "5.10"): [5, 5],
    ("z3fold", "6.1"): [5, 19],
    ("zsmalloc", "6.10"): [6, 4],
}


def preset(allocator, release, chosen=()):
    """The backend in the form of a kernel: the newest that is not newer.

    `chosen` are settings of that kernel's configuration.
    """
    known = json.loads(replays.zlab("backends", "--json", "-"))
    names = [p["name"] for b in known if b["name"] == allocator for p in b["presets"]]
    since = {n: SINCE.get((allocator, n)) or kernel.release_key(n) for n in names}
    fit = [n for n in names if since[n] <= kernel.release_key(release)[:2]]
    if not fit:
        raise outcome.Failed(
            f"zlab has no {allocator} as old as {release}; name one with --backend"
        )
    options = [f"{OPTIONS[n]}={chosen[n]}" for n in chosen if n in OPTIONS]
    return ":".join([f"{allocator}@{max(fit, key=since.get)}", *options])


def record(args, name, load, found, rows):
    """What NAME.json says."""
    live, size, peak, moved = {}, 0, 0, 0
    marks = {row: (label, said) for label, row, said in found.marks}
    checkpoints = []
    for number, row in enumerate(rows):
        moved += row.get("moved", False)
        if row["op"] == "a":
            live[row["id"]] = row["size"]
            size += row["size"]
            peak = max(peak, size)
        elif row["op"] == "f":
            size -= live.pop(row["id"])
        elif number in marks:
            label, said = marks[number]
            point = {"label": label, "row": number, "pages": row["pages"]}
            point |= {"live_objects": len(live), "live_bytes": size, "moved": moved}
            ratio = round(size / (row["pages"] * 4096), 4) if row["pages"] else None
            checkpoints.append(point | {"frag_ratio": ratio, "counters": said})
    counts = dict(found.counts, pools=len(found.pools), objects_left=len(live))
    counts |= {"bytes_left": size, "peak_live_bytes": peak, "tasks": found.tasks}
    return {
        "name": name,
        "kernel": found.kernel,
        "allocator": args.allocator,
        "compressor": args.codec,
        "user": args.through,
        "scenario": load.name,
        "set": args.set,
        "rebuilt": bool(args.set or args.source),
        "seed": args.seed,
        "counter_offset": found.counter,
        "how": "zlab vm: QEMU, one CPU, kprobe events on the allocator's entry "
        "points; pages from the pool's own counter",
        "counts": counts,
        "checkpoints": checkpoints,
        **({"classes": found.classes} if found.classes else {}),
    }


def slug(text):
    """A part of a file's name."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "_", text)


def write(args, found, rows, load):
    """The three files; returns (record, path of the log)."""
    user = "zram" if args.through == "zram" else args.allocator
    parts = [found.kernel, user, args.codec, load.name]
    if args.set or args.source:
        parts.append("rebuilt")
    parts += [f"{name.removeprefix('CONFIG_')}={args.set[name]}" for name in args.set]
    name = "-".join(map(slug, parts))
    folder = files.folder(args.output)
    said = record(args, name, load, found, rows)
    path = folder / f"{name}.csv.gz"
    try:
        path.write_bytes(gzip.compress(log.text(rows, load.timed).encode(), mtime=0))
    except OSError as err:
        raise outcome.Failed(f"{path}: cannot be written: {err.strerror}") from err
    files.write(folder / f"{name}.json", json.dumps(said, indent=1) + "\n")
    with tempfile.NamedTemporaryFile("w", suffix=".csv", encoding="utf-8") as csv:
        csv.write(log.events(rows, load.timed))
        csv.flush()
        replays.zlab("import", csv.name, "-o", folder / f"{name}.zlt")
    return said, path


def compare(path, spec):
    """Run conform on the log; returns its verdict as JSON."""
    args = [replays.program(), "conform", str(path), "--backend", spec, "--json", "-"]
    done = outcome.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if not done.stdout.strip():
        raise outcome.Failed(outcome.last_line(done.stderr))
    return done.returncode, json.loads(done.stdout)


def compare_classes(classes, spec):
    """The kernel's table of size classes beside zlab's, as (compared, first)."""
    said = json.loads(replays.zlab("classes", "--backend", spec, "--json", "-"))
    own = {
        row["index"]: (row["size"], row["pages"])
        for row in said["table"]
        if row["slot"] == row["index"]
    }
    theirs = {row["class"]: (row["size"], row["pages_per_zspage"]) for row in classes}
    known = sorted({*own, *theirs})
    differ = [n for n in known if own.get(n) != theirs.get(n)]
    first = ""
    if differ:
        one = differ[0]
        first = f"class {one}: size and pages {theirs.get(one)}, here {own.get(one)}"
    return {"compared": len(known), "differences": len(differ), "first": first}


def main():
    """The sub-command."""
    args = parse()
    machine.guest()
    machine.need_tools(machine.QEMU, "cpio", "modinfo", "dpkg-deb")
    if args.json and args.json != "-":
        files.check(args.json)
    with tempfile.TemporaryDirectory(prefix="zlab-vm-") as tmp:
        folder = pathlib.Path(tmp)
        with progress.Line("looks for the kernel") as line:
            where = find_kernel(args, line.turn)
            load = find_load(args, folder)
            found = boot(args, where, load, folder, line.turn)
    rows = found.finish()
    doubts = found.doubts()
    result, path = write(args, found, rows, load)
    status = 0
    if args.conform:
        spec = args.backend or preset(args.allocator, found.kernel, args.set)
        status, result["conform"] = compare(path, spec)
        if found.classes:
            said = compare_classes(found.classes, spec)
            result["conform"]["classes"] = said
            status = status or said["differences"]
    if args.json:
        text = json.dumps(result) + "\n"
        files.write(args.json, text) if args.json != "-" else print(text, end="")
    if args.json != "-":
        summary(result, path)
    if doubts:
        raise outcome.Failed(f"{path} is not a whole log: {'; '.join(doubts)}")
    return outcome.FOUND if status else 0


def summary(result, path):
    """What a person reads."""
    counts = result["counts"]
    outcome.say(f"log      {path}")
    outcome.say(
        f"kernel   {result['kernel']}, {result['allocator']} under {result['user']}"
    )
    outcome.say(
        f"calls    {counts['allocs']} allocations, {counts['frees']} frees, "
        f"{counts['loads']} loads, {counts['compacts']} compactions"
        + (f" that moved {counts['moved']} objects" if counts["moved"] else "")
    )
    for last in result["checkpoints"][-1:]:
        outcome.say(
            f"at end   {last['pages']} pages, {last['live_objects']} objects, "
            f"frag ratio {last['frag_ratio']}"
        )
    said = result.get("conform")
    if said:
        differ = sum(said["differences"].values())
        total = sum(said["compared"].values())
        outcome.say(
            f"conform  {differ} differences in {total} comparisons: {said['backend']}"
        )
        if differ:
            outcome.say(f"first    {said['first']}")
        classes = said.get("classes")
        if classes:
            outcome.say(
                f"classes  {classes['differences']} differences in "
                f"{classes['compared']} size classes"
            )
            if classes["first"]:
                outcome.say(f"first    {classes['first']}")
