"""The result file of a trial: what a script of `benchmarks/` found out about a running Vivace.

A trial asks one thing that no benchmark and no load test does, such as what becomes of arrivals
that are too many. Its figures stand beside what was promised of them.
"""

from pathlib import Path
from typing import Literal

from msgspec import Struct

from vivace.lab import results
from vivace.lab.results import FORMAT, Database, Machine, Pace, ResultError, Versions
from vivace.lab.wording import exact, figure


class Measured(Struct, kw_only=True):
    """One figure, and what was promised of it."""

    what: str
    value: float
    unit: str = ""
    """`ms`, `%`, `requests/s`; nothing for a count or a ratio."""
    low: float | None = None
    """With `high`, the 95 % interval; None where the figure is no estimate."""
    high: float | None = None
    at_most: float | None = None
    at_least: float | None = None

    @property
    def told(self) -> str:
        """`8.45 ms`; a count as it is."""
        if not self.unit and float(self.value).is_integer():
            return f"{self.value:,.0f}"
        return f"{figure(self.value)} {self.unit}".rstrip()

    @property
    def interval(self) -> tuple[float, float] | None:
        return None if self.low is None or self.high is None else (self.low, self.high)

    @property
    def limit(self) -> float | None:
        return self.at_most if self.at_most is not None else self.at_least

    @property
    def bound(self) -> str:
        """`≤ 50 ms`; empty where nothing was promised."""
        if self.limit is None:
            return ""
        sign = "≤" if self.at_most is not None else "≥"
        return f"{sign} {exact(self.limit)} {self.unit}".rstrip()

    @property
    def met(self) -> bool:
        """Also where nothing was promised."""
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )


class TrialResult(Struct, kw_only=True):
    format: int = FORMAT
    kind: Literal["trial"] = "trial"
    name: str
    """`overload`"""
    asks: str
    """What is asked, in a line."""
    command: str
    """That made this: `python -m benchmarks.overload --rounds 5`."""
    database: Database
    server: str
    """What was asked, in words: `vivace serve, 2 workers, SQLite`."""
    started_at: str
    machine: Machine
    pace: Pace | None = None
    versions: Versions
    measured: list[Measured]
    wrong: list[str] = []
    """Why the figures say nothing, a line each: then no promise counts as kept."""


def trial_path(folder: Path, name: str, database: Database) -> Path:
    return folder / f"trial-{name}-{database}.json"


def save(folder: Path, result: TrialResult) -> Path:
    return results.write_json(trial_path(folder, result.name, result.database), result)


def read(path: Path) -> TrialResult:
    """Raises `ResultError`."""
    results.check_format(path)
    result: TrialResult = results.decoded(path, TrialResult)
    if path.name != trial_path(Path(), result.name, result.database).name:
        raise ResultError(f"{path}: it is of the trial {result.name} on {result.database}")
    return result
