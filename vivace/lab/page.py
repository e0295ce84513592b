"""What a report's page is made of. The templates know how each kind of block looks; HTML and
Markdown show the same blocks, but for figures, which are in the HTML alone.

In texts, what stands between backticks is code.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple


class Cell(NamedTuple):
    text: str
    tone: str = ""
    """`good`, `bad` or `quiet`."""


class Row(NamedTuple):
    cells: Sequence[Cell | str]
    where: str
    """The raw file and the path within it."""
    anchor: str = ""


class Column(NamedTuple):
    name: str
    is_figure: bool = True


def text_column(name: str) -> Column:
    return Column(name, is_figure=False)


@dataclass(frozen=True)
class Table:
    kind: ClassVar = "table"
    columns: Sequence[Column]
    rows: Sequence[Row]
    note: str = ""


@dataclass(frozen=True)
class Text:
    kind: ClassVar = "text"
    text: str


@dataclass(frozen=True)
class Heading:
    kind: ClassVar = "heading"
    text: str
    anchor: str = ""


class Point(NamedTuple):
    text: str
    where: str = ""
    anchor: str = ""
    """Of what it is about, in the report."""
    tone: str = ""


@dataclass(frozen=True)
class Points:
    kind: ClassVar = "points"
    points: Sequence[Point]
    ordered: bool = False


class Figure(NamedTuple):
    title: str
    svg: str
    where: str


@dataclass(frozen=True)
class Figures:
    kind: ClassVar = "figures"
    figures: Sequence[Figure]


@dataclass(frozen=True)
class Grade:
    kind: ClassVar = "grade"
    letter: str
    text: str


Block = Table | Text | Heading | Points | Figures | Grade


@dataclass(frozen=True)
class Section:
    anchor: str
    title: str
    blocks: Sequence[Block] = field(default_factory=list)
