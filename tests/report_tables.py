"""The tables of a report, read back from what was rendered."""

import re
from html.parser import HTMLParser

VOID = {"meta", "wbr", "br"}
CELLS = ["td", "th"]
# What begins, or ends around them, ends what has no end of its own.
ENDED_BY_NEXT = {"td": CELLS, "th": CELLS, "tr": [*CELLS, "tr"], "li": ["li"]}
ENDED_AROUND = {"tbody": [*CELLS, "tr"], "thead": [*CELLS, "tr"], "ul": ["li"], "ol": ["li"]}


class Tables(HTMLParser):
    """The cells of each table, without the sources; fails on tags that do not match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.scripts = 0
        self.feed(html)
        assert self.open == []

    def end(self, tags: list[str]) -> None:
        while self.open and self.open[-1] in tags:
            self.open.pop()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.note(attrs)
        self.end(ENDED_BY_NEXT.get(tag, []))
        if tag not in VOID:
            self.open.append(tag)
        self.scripts += tag == "script"
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in {"td", "th"}:
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.note(attrs)

    def note(self, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            assert not name.startswith("on")
            if name == "id":
                self.ids.append(value or "")
            elif name == "href":
                self.targets.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        self.end(ENDED_AROUND.get(tag, []))
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open) and "small" not in self.open:
            self.tables[-1][-1][-1] += data.removesuffix("\n")


def markdown_tables(text: str) -> list[list[list[str]]]:
    """As `Tables`: without the column of sources."""
    found: list[list[list[str]]] = []
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        header, _, *rows = (cells(line) for line in block.splitlines())
        traced = header[-1] == "from"
        found.append([row[:-1] if traced else row for row in (header, *rows)])
    return found


def cells(line: str) -> list[str]:
    parts = re.split(r"(?<!\\)\|", line)[1:-1]
    return [re.sub(r"\\(.)", r"\1", part).strip().strip("`").strip() for part in parts]
