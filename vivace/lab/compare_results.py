"""The result file of `vivace lab compare`: a verdict for each operation, and what it rests on."""

from pathlib import Path
from typing import Literal

from msgspec import Struct

from vivace.lab import results
from vivace.lab.results import FORMAT, Database, Machine, Versions
from vivace.lab.verdicts import Interval, Verdict

Clock = Literal["processor", "wall"]


class Round(Struct, array_like=True):
    """Seconds a request: of the first, of the second, of the first again in another process."""

    processor: tuple[float, float, float]
    wall: tuple[float, float, float]


class Compared(Struct, kw_only=True):
    operation: str
    """Method and path; of result files, the benchmark's title."""
    verdict: Verdict
    clock: Clock
    """By which time."""
    seconds: float
    """The median of the first side."""
    change: Interval
    control: Interval
    """The first side against itself; of result files, the yardstick."""
    rounds: list[Round] = []


class CompareResult(Struct, kw_only=True):
    format: int = FORMAT
    kind: Literal["compare"] = "compare"
    database: Database
    first: str
    """A revision with its commit, or a file."""
    second: str
    started_at: str
    machine: Machine
    versions: Versions
    operations: list[Compared]
    missing: list[str]
    """What was not compared, a line each."""


def compare_path(folder: Path, database: Database) -> Path:
    return folder / f"compare-{database}.json"


def save(path: Path, result: CompareResult) -> Path:
    return results.write_json(path, result)


def read(path: Path) -> CompareResult:
    """Raises `ResultError`."""
    results.check_format(path)
    result: CompareResult = results.decoded(path, CompareResult)
    return result
