# SPDX-License-Identifier: GPL-2.0-or-later
"""A random command line follows from the seed and its number."""

import dataclasses
import os
import random
import shlex
import signal

from commandlines import program, vocabulary


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
        fixed = vocabulary.FIXED.get(self.command, [])
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


class Maker:
    """Makes command lines."""

    def __init__(self):
        names = program.command_names()
        self.options = {name: program.options_of(name) for name in names}
        self.weights = [vocabulary.WEIGHT.get(name, 1) for name in names]
        self.kinds = program.completed("generate", "")
        self.kind_options = {
            kind: program.completed("generate", f"{kind}:") for kind in self.kinds
        }
        self.spec_options = {
            name: program.completed("replay", "-b", f"{name}:")
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
            vocabulary.FILES.get(option.name)
            or vocabulary.VALUES.get(option.arg)
            or (vocabulary.NUMBERS, vocabulary.ODD_VALUES)
        )
        if option.name in vocabulary.WRITTEN and option.name not in vocabulary.FILES:
            good, odd = vocabulary.OUTPUTS, vocabulary.ODD_OUTPUTS
        elif (
            option.name not in vocabulary.FILES
            and option.words
            and "SPEC" not in option.arg
        ):
            good = option.words
        if option.arg.startswith("SPEC"):
            good, odd = vocabulary.SPECS, vocabulary.ODD_SPECS
            if rng.random() < 0.3:
                return self.spec(rng, self.spec_options, self.spec_options)
        elif option.arg.startswith("CODEC") and option.arg != "CODEC,...":
            good, odd = vocabulary.CODECS, vocabulary.ODD_CODECS
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
            "import": (vocabulary.TABLES, vocabulary.ODD_TABLES),
            "conform": (["log.csv"], vocabulary.ODD_TABLES + ["t.csv"]),
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
            "backends": (["zbud", "zsmalloc", "./mine.so"], vocabulary.ODD_SPECS),
        }
        if command == "record":
            return [["--"] * rng.randint(0, 1) + rng.choice(programs)]
        if command == "capture":
            return [rng.choice(programs)] if wild else []
        if command == "vm":
            return some(vocabulary.TRACES, vocabulary.ODD_TRACES) if wild else []
        if command == "generate":
            return [[self.kind(rng, wild)]]
        if command == "patch-test":
            tail = [["tree"], ["no.patch"], ["--"]] if rng.random() < 0.3 else []
            return tail + some(vocabulary.TRACES, vocabulary.ODD_TRACES)
        if command in pools:
            if command == "backends" and rng.random() < 0.5:
                return []
            return some(*pools[command], 2 if wild and rng.random() < 0.1 else 1)
        if command in ("env", "classes", "regress", "calibrate"):
            return [["more"]] if wild else []
        if command == "sizes" and not wild:
            return [["c.zlt"]]
        return some(
            vocabulary.TRACES,
            vocabulary.ODD_TRACES,
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
        parts = vocabulary.SMALL.get(command, []) + parts
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
            parts[rng.randrange(len(parts))] = [rng.choice(vocabulary.ODD_VALUES)]
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
