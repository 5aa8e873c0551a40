# SPDX-License-Identifier: GPL-2.0-or-later
"""A drawing surface on gnuplot: title, legend, axes, footer, SVG and PNG.

gnuplot draws; this file writes its scripts. The legend is laid out here,
because only here are the lengths of the labels known beforehand. Colours are
Okabe and Ito's, and nothing is told by colour alone: lines differ in dash and
marker, areas in hatching, so that a grey copy reads the same.
"""

import os
import re
import shutil
import subprocess

from analysis import files, naming, outcome

BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, YELLOW, BLACK = "#E69F00", "#56B4E9", "#F0E442", "#000000"
INK, SOFT, RULE = "#222222", "#5f6670", "#d9dde2"

# colour, dash type, point type
LINES = [
    (BLUE, "solid", 7),
    (VERMILION, '"-"', 5),
    (GREEN, '"-."', 9),
    (PURPLE, '"."', 11),
    (ORANGE, '"_"', 13),
    (BLACK, '"-.."', 6),
    (SKY, "solid", 4),
    (SOFT, '"-"', 8),
]
# colour, gnuplot fill style
FILLS = [
    (SKY, "solid 1"),
    (BLUE, "solid 1"),
    (VERMILION, "pattern 5"),
    (YELLOW, "solid 1"),
    (GREEN, "pattern 4"),
    (PURPLE, "pattern 2"),
    (ORANGE, "pattern 1"),
    (SOFT, "pattern 6"),
]
FONT = "Arial"
CHAR = 7.0
TITLE, LEGEND, FOOT = 12, 18, 74


def available():
    """Whether there is a gnuplot to draw with."""
    return shutil.which("gnuplot") is not None


def quote(text):
    """A gnuplot string; nothing in it is interpreted."""
    return "'" + naming.plain(text).replace("'", "''") + "'"


def tic(text):
    """A tic's label, where gnuplot would take a % for a format."""
    return quote(str(text).replace("%", "%%"))


def line_style(i):
    """Style of the i-th line: colour, dash, point."""
    return LINES[i % len(LINES)]


def fill_style(i):
    """Style of the i-th area: colour, fill."""
    return FILLS[i % len(FILLS)]


class Plot:
    """One figure. Coordinates of furniture are pixels from the top left."""

    def __init__(self, slug, title, subtitle, footer, caption, size=(700, 420)):
        self.slug, self.title, self.subtitle = slug, title, subtitle
        self.footer, self.caption = footer, caption
        self.width, self.height = size
        self.left, self.right = 76, 24
        self.legend = []
        self.legend_room = 0
        self.foot = FOOT
        self.blocks = []
        self.setup = []
        self.curves = []

    def data(self, name, heads, rows):
        """Add a block of rows; returns how a curve names it."""
        self.blocks.append((name, heads, rows))
        return f"'{self.slug}.dat' index {len(self.blocks) - 1}"

    def add(self, *lines):
        """Add gnuplot settings."""
        self.setup += lines

    def curve(self, text):
        """Add one element of the plot command."""
        self.curves.append(text)

    def key_line(self, label, style, point=True):
        """A legend entry for a line."""
        self.legend.append((label, "line", style, point))

    def key_point(self, label, style):
        """A legend entry for a marker."""
        self.legend.append((label, "point", style, True))

    def key_fill(self, label, style):
        """A legend entry for an area."""
        self.legend.append((label, "fill", style, False))

    def _at(self, x, y):
        return f"screen {x / self.width:.5f},{1 - y / self.height:.5f}"

    def _label(self, text, x, y, size, colour, bold=False):
        face = FONT + (":Bold" if bold else "")
        return (
            f"set label {quote(text)} at {self._at(x, y)} left "
            f'font "{face},{size}" textcolor rgb "{colour}" front'
        )

    def _furniture(self):
        """Title, subtitle, legend and footer; returns lines and the top."""
        cut = int((self.width - 2 * TITLE) / 8.4)
        title = shorten(self.title, cut)
        out = [self._label(title, TITLE, 20, 14, INK, bold=True)]
        y = 40
        for text in wrap(self.subtitle, int((self.width - 2 * TITLE) / 6.4)):
            out.append(self._label(text, TITLE, y, 11, SOFT))
            y += 15
        y += 4
        x = TITLE
        if self.legend:
            y += 2
        for label, kind, style, point in self.legend:
            wide = 34 + CHAR * len(label) + 18
            if x > TITLE and x + wide > self.width - TITLE:
                x, y = TITLE, y + LEGEND
            out += self._sample(kind, style, point, x, y)
            out.append(self._label(label, x + 34, y, 12, INK))
            x += wide
        if self.legend:
            y += LEGEND
        foot = shorten(self.footer, int((self.width - 2 * TITLE) / 5.5))
        out.append(self._label(foot, TITLE, self.height - 11, 10, SOFT))
        return out, y + 2 + self.legend_room

    def _sample(self, kind, style, point, x, y):
        if kind == "fill":
            colour, fill = style
            return [
                f"set object rectangle from {self._at(x, y + 6)} to "
                f'{self._at(x + 26, y - 6)} fc rgb "{colour}" fs {fill} '
                f'border lc rgb "{INK}" front'
            ]
        colour, dash, mark = style
        out = []
        if kind == "line":
            out.append(
                f"set arrow from {self._at(x, y)} to {self._at(x + 28, y)} nohead "
                f'lc rgb "{colour}" lw 2 dt {dash} front'
            )
        if point:
            out.append(
                f"set label '' at {self._at(x + 14, y)} point pt {mark} ps 0.9 "
                f'lc rgb "{colour}" front'
            )
        return out

    def _style(self):
        """Settings of all figures."""
        return [
            "set encoding utf8",
            "set termoption noenhanced",
            "unset key",
            f'set border 3 lc rgb "{SOFT}" lw 1',
            f'set tics nomirror out scale 0.5 textcolor rgb "{INK}"',
            f'set grid x y back lc rgb "{RULE}" lw 1 dt solid',
            f'set xlabel offset 0,0.5 textcolor rgb "{INK}"',
            f'set ylabel textcolor rgb "{INK}"',
        ]

    def _frame(self, left, top, right, bottom):
        """Where the axes stand, in pixels from the top left."""
        return [
            f"set tmargin at screen {1 - top / self.height:.5f}",
            f"set bmargin at screen {1 - bottom / self.height:.5f}",
            f"set lmargin at screen {left / self.width:.5f}",
            f"set rmargin at screen {right / self.width:.5f}",
        ]

    def script(self):
        """The gnuplot script that draws this figure on any terminal."""
        furniture, top = self._furniture()
        lines = self._style() + self._frame(
            self.left, top, self.width - self.right, self.height - self.foot
        )
        lines += furniture + self.setup
        if self.curves:
            lines.append("plot " + ", \\\n     ".join(self.curves))
        return "\n".join(lines) + "\n"

    def draw(self, folder):
        """Write data, script, SVG and PNG; returns the SVG's text."""
        folder = files.folder(folder)
        with files.whole(folder / f"{self.slug}.dat") as out:
            for number, (name, heads, rows) in enumerate(self.blocks):
                out.write("\n\n" * (number > 0))
                out.write(f"# {naming.plain(name)}\n# " + "\t".join(heads) + "\n")
                for row in rows or [["NaN"] * len(heads)]:
                    out.write("\t".join(cell(v) for v in row) + "\n")
        size = f"size {self.width},{self.height}"
        body = self.script()
        script = (
            "# gnuplot THIS, in this folder, draws the SVG and the PNG again.\n"
            f'set terminal svg {size} dynamic font "{FONT},12" background "white"\n'
            f"set output '{self.slug}.svg'\n{body}unset output\nreset\n"
            f"set terminal pngcairo size {2 * self.width},{2 * self.height} "
            f'fontscale 1.5 linewidth 2 pointscale 2 font "{FONT},12"\n'
            f"set output '{self.slug}.png'\n{body}unset output\n"
        )
        files.write(folder / f"{self.slug}.gp", script)
        with files.beside(folder) as scratch:
            for end in ("gp", "dat"):
                (scratch / f"{self.slug}.{end}").symlink_to(f"../{self.slug}.{end}")
            self._run(scratch)
            files.take(scratch / f"{self.slug}.png", folder / f"{self.slug}.png")
            text = (scratch / f"{self.slug}.svg").read_text(encoding="utf-8")
        text = tidy(text, self.slug)
        files.write(folder / f"{self.slug}.svg", text)
        return text

    def _run(self, folder):
        """Let gnuplot draw in a folder."""
        done = outcome.run(
            ["gnuplot", f"{self.slug}.gp"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=dict(os.environ, LC_ALL="C.UTF-8"),
        )
        if done.returncode:
            raise outcome.Failed(f"gnuplot {self.slug}.gp: {outcome.died(done)}")


class Panels(Plot):
    """Small figures with the same axes in rows below one head.

    `setup` is for all of them; each is a (title, curves) of `panels`. `xtics`
    is a list of (label, place); `under` and `beside` name the axes.
    """

    def __init__(self, *args, columns=5, each=130, **more):
        super().__init__(*args, **more)
        self.columns, self.each = columns, each
        self.panels = []
        self.under = self.beside = ""
        self.xtics = []
        self.gap = 14
        self.foot = 62

    def panel(self, title, curves):
        """Add one."""
        self.panels.append((title, curves))

    def script(self):
        """The gnuplot script that draws all of them."""
        rows = -(-len(self.panels) // self.columns)
        _, top = self._furniture()
        self.height = top + rows * (self.each + 30) + self.foot
        furniture, top = self._furniture()
        inner = self.width - self.left - self.right
        wide = (inner - self.gap * (self.columns - 1)) / self.columns
        lines = self._style() + ["set multiplot"] + furniture + self.setup
        for i, (title, curves) in enumerate(self.panels):
            row, column = divmod(i, self.columns)
            left = self.left + column * (wide + self.gap)
            low = top + row * (self.each + 30) + 22
            lowest = i + self.columns >= len(self.panels)
            lines += self._frame(left, low, left + wide, low + self.each)
            lines += [
                self._label(
                    shorten(title, int(wide / 5.1)), left, low - 9, 11, INK, bold=True
                ),
                "set xtics ("
                + ", ".join(f"{tic(n if lowest else '')} {x}" for n, x in self.xtics)
                + ")",
                f"set ytics format {quote('' if column else '%g')}",
                f"set xlabel {quote(self.under if lowest else '')}",
                f"set ylabel {quote('' if column else self.beside)} offset 1.5,0",
                "plot " + ", \\\n     ".join(curves),
                # The head is drawn once.
                "unset label",
                "unset object",
                "unset arrow",
            ]
        return "\n".join(lines + ["unset multiplot"]) + "\n"


def cell(value):
    """One field of a data file."""
    if isinstance(value, str):
        return '"' + naming.plain(value).replace('"', "'") + '"'
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def shorten(text, width):
    """Cut what does not fit, and show that it was cut."""
    return text if len(text) <= width else text[: width - 1] + "…"


def wrap(text, width):
    """Break a subtitle into lines of at most `width` characters."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return lines


def tidy(svg, slug):
    """Make ids unique per figure and fonts those of the reader's system."""
    prefix = re.sub(r"\W", "_", slug) + "_"
    svg = re.sub(r'id="([^"]+)"', rf'id="{prefix}\1"', svg)
    svg = re.sub(r"id='([^']+)'", rf"id='{prefix}\1'", svg)
    svg = re.sub(r"url\(\s*#([^)\s]+)\s*\)", rf"url(#{prefix}\1)", svg)
    svg = re.sub(r"xlink:href='#([^']+)'", rf"xlink:href='#{prefix}\1'", svg)
    family = 'font-family="Arial, sans-serif"'
    svg = svg.replace(f'font-family="{FONT}:Bold"', family + ' font-weight="bold"')
    svg = svg.replace(f'font-family="{FONT}"', family)
    return re.sub(r"[ \t]+$", "", svg, flags=re.M)
