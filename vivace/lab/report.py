"""The report: from the result files of a folder alone to one HTML page, and the same in Markdown.

    result files → evidence → sections (blocks of `page`, findings by `rules`) → templates

The page needs no other file, no script and no network. Made again from the same files, both are
the same to the byte.
"""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from vivace.lab import results
from vivace.lab.evidence import gathered
from vivace.lab.page import Cell
from vivace.lab.sections import SECTIONS

CODE = re.compile(r"`([^`]+)`")
STYLE = re.compile(r' style="([^"]*)"')
POINTS = re.compile(
    r'(?P<mark><defs><path id="(?P<name>\w+)" d="[^"]*" class="\w+"/></defs>)'
    r'(?P<first><use href="#(?P=name)" x="[^"]*" y="[^"]*" class="(?P<fill>\w+)"/>)'
    r'(?P<more>(?:<use href="#(?P=name)" x="[^"]*" y="[^"]*" class="(?P=fill)"/>)*)'
)
"""Of a plot: the mark of a series, and where it stands."""
PLACE = re.compile(r'x="([^"]*)" y="([^"]*)"')
BENCHMARKS = re.compile(r"benchmarks\[(benchmarks/.+?\]?)\] › stats\.median")
MEASURED = re.compile(r"(trial-\S+) › measured\[.+\]")
NAMED = re.compile(r'((?: id="|"#|url\(#))(m[0-9a-f]{10})\b')
"""Parts of plots, by names that matplotlib makes of hashes."""
TAG = re.compile(r"<\w[^<>]*>")
QUOTED = re.compile(r"""="([^\s"'=<>`]+)"(?=[ >])""")
"""A value that HTML takes without quotes, which a `/` behind it would become part of."""


class Report(NamedTuple):
    html: str
    markdown: str


def write(folder: Path, html_path: Path, markdown_path: Path) -> None:
    """Raises `ResultError`; nothing is written then."""
    made = render(folder)
    results.write(html_path, made.html.encode())
    results.write(markdown_path, made.markdown.encode())


def render(folder: Path) -> Report:
    """Raises `ResultError`."""
    evidence = gathered(folder)
    sections = [section for make in SECTIONS if (section := make(evidence))]
    html, markdown = (
        templates(suffix).get_template(f"report.{suffix}").render(sections=sections).rstrip() + "\n"
        for suffix in ("html", "md")
    )
    return Report(with_bare_values(with_short_names(with_shared_styles(html))), markdown)


def with_shared_styles(html: str) -> str:
    """The page with a rule for each style that several parts of its plots have.

    They are half of what a plot would weigh.
    """
    counts = Counter(STYLE.findall(html))
    repeated = [style for style, count in counts.items() if count > 1]
    names = {style: f"s{number}" for number, style in enumerate(repeated)}
    rules = "".join(f".{name}{{{style}}}\n" for style, name in names.items())
    shared = STYLE.sub(lambda s: f' class="{names[s[1]]}"' if s[1] in names else s[0], html)
    return POINTS.sub(as_path, shared).replace("</style>", f"{rules}</style>", 1)


def as_path(series: re.Match[str]) -> str:
    """Its points as those of one path, which takes a quarter of what they do one by one."""
    places = " ".join(f"{x} {y}" for x, y in PLACE.findall(series["first"] + series["more"]))
    name = series["name"]
    marked = " ".join(f'marker-{at}="url(#{name}-at)"' for at in ("start", "mid", "end"))
    return (
        f'{series["mark"]}<marker id="{name}-at"><use href="#{name}" class="{series["fill"]}"/>'
        f'</marker><path d="M{places}" fill="none" {marked}/>'
    )


def with_short_names(html: str) -> str:
    """The page with names of few letters for the parts of its plots."""
    found = dict.fromkeys(name for _, name in NAMED.findall(html))
    short = {name: f"i{number}" for number, name in enumerate(found)}
    return NAMED.sub(lambda s: s[1] + short[s[2]], html)


def with_bare_values(html: str) -> str:
    """The page without the quotes that HTML does not ask for (its standard, 13.1.2.3)."""
    return TAG.sub(lambda tag: QUOTED.sub(r"=\1", tag[0]), html)


def templates(suffix: str) -> Environment:
    """Jinja for pages of a kind; in HTML everything is escaped that does not say it is safe."""
    made = Environment(
        loader=PackageLoader("vivace.lab", "templates/lab"),
        autoescape=suffix == "html",  # noqa: S701 Markdown has no tags to close
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "cell": as_cell,
        "prose": html_prose if suffix == "html" else markdown_prose,
        "code": markdown_code,
        "in_cell": in_cell,
        "brief": brief,
    }
    return made


def as_cell(cell: Cell | str) -> Cell:
    return Cell(cell) if isinstance(cell, str) else cell


def html_prose(text: str) -> Markup:
    """Escaped; what stood between backticks is code."""
    return Markup(CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 escaped before


def markdown_prose(text: str) -> str:
    """As it reads, on one line: nothing of it is markup but code."""
    line = " ".join(text.split())
    parts = CODE.split(line)
    plain = [re.sub(r"([\\*_\[<>`])", r"\\\1", part) for part in parts[::2]]
    coded = [markdown_code(part) for part in parts[1::2]]
    return "".join(part for pair in zip(plain, [*coded, ""], strict=True) for part in pair)


def markdown_code(text: str) -> str:
    line = " ".join(text.split())
    return f"`` {line} ``" if "`" in line else f"`{line}`"


def in_cell(markdown: str) -> str:
    """The same in a table, where a bar ends the cell, in code, too."""
    return markdown.replace("|", r"\|")


def brief(where: str) -> str:
    """A place without what those of all benchmarks and trials have, as `sections.METHOD` says."""
    shorter = BENCHMARKS.sub(lambda s: s[1].replace("benchmarks/", ""), where)
    return MEASURED.sub(r"\1", shorter)
