"""The result file of `vivace lab profile`: each operation with its statements, their plans, and
what is wrong with them.
"""

from pathlib import Path
from typing import Literal

from msgspec import Struct

from vivace.lab.profiling.indexes import Trial
from vivace.lab.profiling.plans import Plan
from vivace.lab.results import FORMAT, Machine, Versions, check_format, decoded, write_json


class Found(Struct, kw_only=True):
    rule: str
    operation: str
    text: str
    place: str = ""
    """`file:line`; empty where there is none."""
    index: list[str] = []
    """The table and the columns of an index that would serve."""
    trial: Trial | None = None
    explained: str = ""
    """Why it is meant to be so."""


class Statement(Struct, kw_only=True):
    """All statements of one shape in one request."""

    shape: str
    times: int
    seconds: float
    rows: int
    """Fetched, or written."""
    bytes: int
    """Of texts that were fetched."""
    through: list[str]
    """The lines that issued the first of them, the nearest first."""
    template: str = ""
    plan: Plan | None = None


class Run(Struct, kw_only=True):
    """Seconds."""

    total: float
    database: float
    python: float
    rendering: float
    """From the last row to the last byte."""
    idle: float
    """Neither computing nor waiting, for the database or a processor; within the two before it."""
    computed: float
    """On the processor, outside of statements."""
    queries: int


class Operation(Struct, kw_only=True):
    name: str
    asked: str
    """Method, path and query that stand for it."""
    status: int
    cold: Run
    """With empty caches and a new connection."""
    warm: Run
    """Medians."""
    shapes: int
    rows: int
    rows_read: int | None
    """By all statements; where the database counts them."""
    blocks: int | None
    steps: int | None
    bytes: int
    """Of the answer's body."""
    statements: list[Statement]
    found: list[Found]


class Profiles(Struct, kw_only=True):
    """What the process of the project tells."""

    database: str
    operations: list[Operation] = []
    schema: list[Found] = []
    skipped: dict[str, str] = {}
    """Operation → why it was not asked for."""
    missing: list[str] = []
    """What could not be done, a line each."""
    unused_indexes: list[str] = []
    """That no statement read; others than these operations may."""

    @property
    def found(self) -> list[Found]:
        return [*(found for each in self.operations for found in each.found), *self.schema]


class ProfileResult(Struct, kw_only=True):
    format: int = FORMAT
    kind: Literal["profile"] = "profile"
    project: str
    """Its settings module."""
    started_at: str
    machine: Machine
    versions: Versions
    profiles: Profiles


def profile_path(folder: Path, database: str, project: str = "") -> Path:
    """`profile-sqlite.json`, or with the name of another project's settings."""
    return folder / f"profile-{'-'.join(filter(None, [project, database]))}.json"


def save(path: Path, result: ProfileResult) -> Path:
    return write_json(path, result)


def read(path: Path) -> ProfileResult:
    """Raises `ResultError`."""
    check_format(path)
    result: ProfileResult = decoded(path, ProfileResult)
    return result
