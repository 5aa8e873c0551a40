# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of experiments: what experiments.toml says, as command lines.

An experiment is named by the file of its records:

  about, repeats  for the paper: what it measures, how well it repeats
  group           the make target that runs it; "results" unless it is named
  runs            how many times all steps are run
  runs_inside     how many runs a step makes by itself, as {runs}
  keep            parts of a record to keep; see records/slim.py
  memory_mb       what a job of it may use on a cluster; 1024 unless it is named
  scenario        a module of run/scenarios runs it instead of steps

A step is a list of command lines of zlab for each combination of `each`, whose
first name varies slowest. A value is a list, or the name of one in [lists] or
[traces], or a list of such names; a name with commas takes a list of rows. `shuffle` names
one whose values are drawn in a new order each time. `input` names an entry of
[inputs], which is made before.

A command line may also take any list by its name, its members one after the
other, or as {--option NAME} with the option before each; {part}, a file for a command that does not print its records; and
{think_N}, user time for each burst of N operations, ns, at the rate of a busy
CPU when the trace was recorded.
"""

import dataclasses
import random
import re
import tomllib

from analysis import ROOT, outcome

TABLE = ROOT / "analysis" / "experiments.toml"
SAMPLES = "traces/samples"
WORD = re.compile(r"(?:\{[^}]*\}|[^\s{])+")
FIELD = re.compile(r"\{([\w-]+)\}")


@dataclasses.dataclass(frozen=True)
class Step:
    """One command line of zlab.

    `words` may hold fields that only the machine knows: {input}, {part},
    {think_N}. `round` is the number of the run.
    """

    round: int
    words: tuple
    input: str = ""

    @property
    def name(self):
        """The command line."""
        return " ".join(self.words)

    @property
    def key(self):
        """What the journal knows it by."""
        return f"{self.round} {self.input} {self.name}"


def load(path=TABLE):
    """The table, as tomllib gives it."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as err:
        raise outcome.Failed(f"{path}: {err.strerror}") from err
    except (ValueError, RecursionError) as err:
        raise outcome.Failed(f"{path}: not TOML: {err}") from err


def chosen(table, names):
    """The outputs that `names`, of outputs or groups, stand for."""
    known = table["experiments"]
    groups = {}
    for output, experiment in known.items():
        groups.setdefault(experiment.get("group", "results"), []).append(output)
    out = []
    for name in names:
        if name not in known and name not in groups:
            raise outcome.Failed(
                f"no experiment makes {name}; there are: {', '.join(known)}"
            )
        out += groups.get(name, [name])
    return list(dict.fromkeys(out))


def _sample(name):
    """A committed trace by its name; what is a path already stays one."""
    return name if "/" in name else f"{SAMPLES}/{name}.zlt"


class Steps:
    """The steps of one experiment, in order."""

    def __init__(self, table, output, runs=None):
        self.lists = table.get("lists", {}) | {
            name: [_sample(trace) for trace in traces]
            for name, traces in table.get("traces", {}).items()
        }
        self.inputs = table.get("inputs", {})
        self.experiment = table["experiments"][output]
        self.output = output
        inside = self.experiment.get("runs_inside")
        self.runs = 1 if inside else runs or self.experiment.get("runs", 1)
        self.fields = {"runs": runs or inside}
        # Drawn from a fixed seed: a resumed experiment goes on in its order.
        self.random = random.Random(0)

    def _values(self, values):
        """What an entry of `each` stands for."""
        if isinstance(values, str):
            return self._listed(values)
        out = []
        for value in values:
            out += self.lists.get(value, [value]) if isinstance(value, str) else [value]
        return out

    def _listed(self, name):
        if name not in self.lists:
            raise outcome.Failed(f"{self.output}: there is no list {name}")
        return self.lists[name]

    def _combined(self, step, axes):
        """The combinations of the axes that are left, as dicts of fields."""
        if not axes:
            yield {}
            return
        (name, values), *rest = axes
        values = list(self._values(values))
        if name == step.get("shuffle"):
            self.random.shuffle(values)
        for value in values:
            row = value if "," in name else [value]
            fields = dict(zip(name.split(","), row, strict=True))
            for more in self._combined(step, rest):
                yield fields | more

    def _field(self, name, fields):
        """The words that stand for a field of a command line."""
        if name in ("input", "part") or name.startswith("think_"):
            return [f"{{{name}}}"]
        value = fields.get(name, self.fields.get(name))
        if value is None:
            return self._listed(name)
        return [_sample(value)] if name == "trace" else str(value).split()

    def _words(self, line, fields):
        """A command line split into words, its fields filled in."""
        out = []
        for word in WORD.findall(line):
            option, _, name = word.strip("{}").rpartition(" ")
            if option:
                for value in self._field(name, fields):
                    out += [option, value]
            elif FIELD.fullmatch(word):
                out += self._field(name, fields)
            else:
                out.append(
                    FIELD.sub(lambda m: self._field(m.group(1), fields)[0], word)
                )
        return tuple(out)

    def all(self):
        """Every step."""
        for round in range(self.runs):
            for step in self.experiment["steps"]:
                for fields in self._combined(step, list(step.get("each", {}).items())):
                    made = step.get("input", "") or fields.get("input", "")
                    named = made.format(**fields)
                    for line in step["run"]:
                        yield Step(round, self._words(line, fields), named)

    def input(self, name):
        """The entry of [inputs] that makes a trace, its fields filled in."""
        for pattern, entry in self.inputs.items():
            names = re.findall(r"\{(\w+)\}", pattern)
            found = re.fullmatch(re.sub(r"\{\w+\}", "([^-]+)", pattern), name)
            if found:
                fields = dict(zip(names, found.groups()))
                return {
                    key: value.format(**fields) if isinstance(value, str) else value
                    for key, value in entry.items()
                }
        raise outcome.Failed(f"{self.output}: there is no input {name}")
