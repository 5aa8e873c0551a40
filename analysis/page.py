# SPDX-License-Identifier: GPL-2.0-or-later
"""The report as one HTML file that needs nothing but itself."""

import html
import pathlib
import re


ASSETS = pathlib.Path(__file__).parent
esc = html.escape


def tag(name, inner, **attrs):
    """An element; `inner` is HTML already, attribute values are not."""
    extra = "".join(
        f' {k.rstrip("_").replace("_", "-")}="{esc(str(v))}"'
        for k, v in attrs.items()
        if v is not None
    )
    return f"<{name}{extra}>{inner}</{name}>"


def inline(markdown):
    """The few marks that our own texts use: **, *, `."""
    out = esc(markdown, quote=False)
    out = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", out)
    out = re.sub(r"\*(.+?)\*", r"<em>\1</em>", out)
    return re.sub(r"`(.+?)`", r"<code>\1</code>", out)


def definitions(path):
    """docs/definitions.md as HTML: sections, and terms as a list."""
    parts = []
    for block in re.split(r"\n\s*\n", path.read_text(encoding="utf-8")):
        block = " ".join(block.split())
        if block.startswith("## "):
            parts.append(tag("h3", esc(block[3:])))
        elif block and not block.startswith("# "):
            parts.append(tag("p", inline(block)))
    return "\n".join(parts)


class Cell:
    """A table cell: what is shown, and what it sorts by."""

    def __init__(self, shown, value=None):
        self.shown = shown
        self.value = shown if value is None else value


def table(heads, rows, name, left=1, sortable=False):
    """A table in a box that scrolls by itself when the window is narrow.

    `heads` is a list of (label, explanation); rows hold Cells or plain
    values. The first `left` columns are text.
    """
    top = []
    for i, (label, why) in enumerate(heads):
        inner = esc(label)
        if sortable:
            inner = tag("button", inner, type="button", title=why or None)
        side = "t" if i < left else "n"
        top.append(tag("th", inner, scope="col", class_=side, title=why or None))
    body = []
    for row in rows:
        cells = []
        for i, item in enumerate(row):
            item = item if isinstance(item, Cell) else Cell(item)
            shown = esc(str(item.shown))
            side = "t" if i < left else "n"
            value = item.value if sortable else None
            cells.append(tag("td", shown, class_=side, data_v=value))
        body.append(tag("tr", "".join(cells)))
    inner = tag("thead", tag("tr", "".join(top))) + tag("tbody", "\n".join(body))
    grid = tag("table", inner, class_="sort" if sortable else None, id=name)
    return tag("div", grid, class_="scroll", tabindex=0, role="region", aria_label=name)


def figure(plot, svg):
    """A figure: the drawing, and what it shows."""
    svg = svg[svg.index("<svg") :]
    label = esc(plot.title)
    svg = svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
    links = " ".join(
        tag("a", kind.upper(), href=f"plots/{plot.slug}.{kind}")
        for kind in ("svg", "png", "dat")
    )
    caption = esc(plot.caption) + tag("span", links, class_="files")
    return tag(
        "figure",
        tag("div", svg, class_="scroll drawing", tabindex=0)
        + tag("figcaption", caption),
        id=f"fig-{plot.slug}",
    )


def render(title, lead, sections):
    """The page. `sections` is a list of (id, heading, html)."""
    css = (ASSETS / "report.css").read_text(encoding="utf-8")
    script = (ASSETS / "report.js").read_text(encoding="utf-8")
    nav = "".join(
        tag("a", esc(heading), href=f"#{name}") for name, heading, _ in sections
    )
    body = "\n".join(
        tag("section", tag("h2", esc(heading)) + "\n" + inner, id=name)
        for name, heading, inner in sections
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{esc(title)}</title>\n<style>\n{css}</style>\n</head>\n<body>\n"
        f"<header><h1>{esc(title)}</h1>\n<p>{esc(lead)}</p></header>\n"
        f'<nav aria-label="sections">{nav}</nav>\n<main>\n{body}\n</main>\n'
        f"<script>\n{script}</script>\n</body>\n</html>\n"
    )
