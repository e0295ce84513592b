"""The result file of `vivace lab gate`: what every operation counts to, on both sides."""

from pathlib import Path
from typing import Literal

from msgspec import Struct

from vivace.lab import results
from vivace.lab.results import FORMAT, Database, Machine, Versions


class Asked(Struct, kw_only=True):
    """All statements of one shape in one request."""

    shape: str
    times: int
    place: str
    """`file:line` that issued the first of them; empty where none is the product's."""


class Counts(Struct, kw_only=True):
    """What one request for an operation comes to."""

    operation: str
    status: int
    queries: int
    shapes: int
    rows: int
    """Fetched, or written."""
    effort: int
    """Steps of SQLite's virtual machine; on PostgreSQL, rows read of tables."""
    bytes: int
    """Of the answer's body."""
    instructions: int | None = None
    """Of this process; None where they were not counted."""
    statements: list[Asked] = []


class Change(Struct, kw_only=True):
    operation: str
    count: str
    """One of `gate.COUNTS`."""
    before: int
    after: int
    where: list[str] = []
    """The statements that are new or run more often, with file and line."""
    accepted: str = ""
    """Why an increase is meant to be."""

    @property
    def is_increase(self) -> bool:
        return self.after > self.before


class GateResult(Struct, kw_only=True):
    format: int = FORMAT
    kind: Literal["gate"] = "gate"
    database: Database
    base: str
    """The revision, with its commit."""
    started_at: str
    machine: Machine
    versions: Versions
    before: list[Counts]
    after: list[Counts]
    changes: list[Change]
    new: list[str]
    gone: list[str]
    missing: list[str]
    """What could not be counted, a line each."""


def gate_path(folder: Path, database: Database) -> Path:
    return folder / f"gate-{database}.json"


def save(path: Path, result: GateResult) -> Path:
    return results.write_json(path, result)


def read(path: Path) -> GateResult:
    """Raises `ResultError`."""
    results.check_format(path)
    result: GateResult = results.decoded(path, GateResult)
    return result
