"""JSON Lines and CSV as rows: streamed, each one checked, nothing looked up.

`docs/import.md` describes every column. A line that is wrong comes out as a `RowError` and the
reading goes on; a file that is something else altogether raises `NotThatFormat`.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO, Literal

import msgspec

from vivace.imports.rows import (
    COLUMNS,
    DECODE,
    DECODE_COLUMNS,
    INTEGER,
    KINDS,
    LISTS,
    NUMBERS,
    REQUIRED,
    SWITCHES,
    RefusedError,
    Row,
    RowError,
    checked,
    kind_of,
    refuse_nul,
    wording,
)
from vivace.problems import Invalid

Format = Literal["auto", "jsonl", "csv"]

LINE_BYTES = 1 << 20
RECORD_BYTES = 2 * LINE_BYTES
"""Of CSV, in which quotes take a row over any number of lines."""
SNIFFED_LINES = 100
UNSAID_COLUMNS = 100
"""Unknown columns are collected up to here; a file may have as many as it has rows."""


class NotThatFormat(Invalid):
    """The file is not what it says it is, and no row of it can be trusted."""


# --- Lines -----------------------------------------------------------------------------------


def lines(stream: BinaryIO) -> Iterator[bytes | RefusedError]:
    """Each line with its end, in bounded memory."""
    while line := stream.readline(LINE_BYTES + 1):
        if len(line) <= LINE_BYTES:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(LINE_BYTES)
        yield RefusedError(f"the line is longer than {LINE_BYTES:,} bytes")


class JsonLines:
    """The rows of a JSON Lines file; `unknown` then holds the columns that were left out."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.unknown: set[str] = set()

    def __iter__(self) -> Iterator[tuple[int, Row] | RowError]:
        for number, line in enumerate(lines(self.stream), 1):
            try:
                if isinstance(line, RefusedError):
                    raise line
                if row := self.row(line if number > 1 else line.removeprefix(BOM)):
                    yield number, row
            except RefusedError as error:
                yield RowError(number, str(error))

    def row(self, line: bytes) -> Row | None:
        """The row of a line; None where it is blank."""
        try:
            if not line.isascii():
                line.decode()
            columns = DECODE_COLUMNS(line)
            kind = kind_of(columns)
            row = checked(DECODE[kind](line))
        except msgspec.ValidationError as error:
            raise RefusedError(wording(error)) from error
        except msgspec.DecodeError as error:
            if not line.strip():
                return None
            raise RefusedError(f"not JSON: {error}") from error
        except UnicodeDecodeError as error:
            raise RefusedError(f"not UTF-8: byte {error.start + 1} of the line") from error
        except RecursionError as error:
            raise RefusedError("nested too deeply") from error
        if b"\\u0000" in line:
            refuse_nul(row)
        if not columns.keys() <= COLUMNS[kind] and len(self.unknown) < UNSAID_COLUMNS:
            self.unknown |= columns.keys() - COLUMNS[kind]
        return row


class CsvLines(Iterator[str]):
    """Lines as text for `csv`, which goes on after one that raises."""

    def __init__(self, stream: BinaryIO) -> None:
        self.lines = lines(stream)
        self.number = 0
        self.record_bytes = 0

    def __next__(self) -> str:
        line = next(self.lines)
        self.number += 1
        if isinstance(line, RefusedError):
            raise line
        self.record_bytes += len(line)
        if self.record_bytes > RECORD_BYTES:
            raise RefusedError(f"by its quotes the row has more than {RECORD_BYTES:,} bytes")
        try:
            return (line if self.number > 1 else line.removeprefix(BOM)).decode()
        except UnicodeDecodeError as error:
            raise RefusedError(f"not UTF-8: byte {error.start + 1} of the line") from error


class Csv:
    """The rows of a CSV file with a header; `unknown` holds the columns that were left out."""

    def __init__(self, stream: BinaryIO) -> None:
        self.lines = CsvLines(stream)
        # Of the whole process: a cell may be as long as a line. An open quote takes along as much.
        csv.field_size_limit(LINE_BYTES)
        self.records = csv.reader(self.lines, strict=True)
        try:
            self.header = [name.strip().lower() for name in next(self.records)]
        except (StopIteration, RefusedError, csv.Error) as error:
            raise NotThatFormat("it is not CSV: the header is missing") from error
        refuse_header(self.header)
        known = frozenset[str]().union(*COLUMNS.values())
        self.unknown = set(
            islice((name for name in self.header if name not in known), UNSAID_COLUMNS)
        )
        self.known = [name in known for name in self.header]

    def __iter__(self) -> Iterator[tuple[int, Row] | RowError]:
        while True:
            number = self.lines.number + 1
            self.lines.record_bytes = 0
            try:
                record = next(self.records)
                if record:
                    yield number, self.row(record)
            except StopIteration:
                return
            except RefusedError as error:
                yield RowError(number, str(error))
            except csv.Error as error:
                yield RowError(number, f"not CSV: {error}{self.swallowed(number)}")

    def swallowed(self, number: int) -> str:
        """Which lines went with one that is wrong."""
        last = self.lines.number
        return f"; by its quotes the row goes on to line {last:,}" if last > number else ""

    def row(self, record: list[str]) -> Row:
        if len(record) != len(self.header):
            raise RefusedError(f"it has {len(record)} cells and the header {len(self.header)}")
        cells = {
            name: cell(name, text)
            for name, text, known in zip(self.header, record, self.known, strict=True)
            if known
        }
        if cells.get("kind", "") is None:
            del cells["kind"]
        kind = kind_of(cells)
        try:
            row = checked(msgspec.convert(cells, KINDS[kind]))
        except msgspec.ValidationError as error:
            raise RefusedError(wording(error)) from error
        if any("\0" in text for text in record):
            refuse_nul(row)
        return row


def cell(column: str, text: str) -> str | int | bool | list[str] | None:
    """What a cell stands for; an empty one is null."""
    if column in LISTS:
        return [part.strip() for part in text.split(";") if part.strip()]
    if not text:
        return None
    if column in NUMBERS:
        if not INTEGER.fullmatch(text.strip()):
            raise RefusedError(f"{column}: {text[:50]!r} is not a whole number of up to 18 digits")
        return int(text)
    if column == "public":
        return SWITCHES.get(text.strip().lower(), text)
    return text


# --- The file --------------------------------------------------------------------------------

BOM = b"\xef\xbb\xbf"
FOREIGN = {
    b"\x1f\x8b": "it is compressed with gzip",
    b"PK\x03\x04": "it is a ZIP file or a spreadsheet's own format",
    b"\xff\xfe": "it is UTF-16, not UTF-8",
    b"\xfe\xff": "it is UTF-16, not UTF-8",
}
READERS: dict[str, type[JsonLines | Csv]] = {"jsonl": JsonLines, "csv": Csv}
SUFFIXES: dict[str, Format] = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}


def reader(stream: BinaryIO, asked: Format = "auto") -> JsonLines | Csv:
    """The rows of a seekable stream, from its start. Raises `NotThatFormat`."""
    stream.seek(0)
    head = [line for line in islice(lines(stream), SNIFFED_LINES) if isinstance(line, bytes)]
    stream.seek(0)
    refuse_foreign(b"".join(head[:1]))
    found = asked
    if asked == "auto":
        found = "jsonl" if starts_as_json(head) else "csv"
    if found == "jsonl":
        refuse_other_than_json_lines(head)
    return READERS[found](stream)


def refuse_foreign(start: bytes) -> None:
    for mark, what in FOREIGN.items():
        if start.startswith(mark):
            raise NotThatFormat(what)
    if b"\0" in start:
        raise NotThatFormat("it is a binary file")


def starts_as_json(head: list[bytes]) -> bool:
    text = b"".join(head).removeprefix(BOM).lstrip()
    return not text or text[:1] in b"{["


def is_object(line: bytes) -> bool:
    try:
        DECODE_COLUMNS(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def refuse_other_than_json_lines(head: list[bytes]) -> None:
    said = [line.removeprefix(BOM).strip() for line in head]
    said = [line for line in said if line]
    if not said or any(map(is_object, said)):
        return
    if said[0].startswith(b"["):
        raise NotThatFormat("it is a JSON array; JSON Lines has one object a line and no brackets")
    if said[0] == b"{" or not any(line.startswith(b"{") for line in said):
        raise NotThatFormat("it is not JSON Lines: it has no line with a JSON object")


def refuse_header(header: list[str]) -> None:
    if twice := sorted(name for name, count in Counter(header).items() if name and count > 1):
        raise NotThatFormat(f"its header names {twice[0]!r} twice")
    missing = sorted(REQUIRED - set(header))
    if missing and "kind" not in header:
        raise NotThatFormat(f"its header lacks {', '.join(missing)}")
