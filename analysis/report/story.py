# SPDX-License-Identifier: GPL-2.0-or-later
"""The story of a finding of zlab explore as one page, which story.html.j2 lays out.

zlab explore --html starts this with the story as JSON, see harness/explore/story.c.
"""

import pathlib

import jinja2
from markupsafe import Markup

from analysis import files, outcome

HERE = pathlib.Path(__file__).parent


def page(story):
    """The page as text; whatever the story says is escaped."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    styles = [
        (HERE / name).read_text(encoding="utf-8")
        for name in ("report.css", "story.css")
    ]
    style = Markup("".join(styles))
    return env.get_template("story.html.j2").render(story=story, style=style)


def main():
    """The verb."""
    parser = outcome.Parser(prog="zlab explore", description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", required=True, help="the page")
    parser.add_argument("story", help="JSON of zlab explore")
    args = parser.parse_args()
    files.write(args.output, page(files.load(args.story)))
    return 0
