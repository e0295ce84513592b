"""Benchmarks as the report reads them: each with its figures on every database it ran on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Any

from msgspec import Struct

from vivace.lab.ratios import Ratio, ratio
from vivace.lab.results import Database, Machine, Pace, Versions


class Stats(Struct, frozen=True):
    """Seconds."""

    median: float
    iqr: float
    rounds: int


class Before(Struct, frozen=True):
    """What was noted of the way it was, beside its times."""

    peak_python_kb: float | None = None


class Info(Struct, frozen=True, kw_only=True):
    """What a benchmark says of itself, in `extra_info`."""

    title: str
    rows: int | None = None
    group: str = "other"
    goal_ms: dict[Database, float] = {}
    goal_s: dict[Database, float] = {}
    goal_peak_mb: float | None = None
    goal_times: float | None = None
    """As fast as plain Django REST framework, at least."""
    queries: int | None = None
    peak_python_kb: float | None = None
    peak_mb: float | None = None
    peak_over_idle_mb: float | None = None
    operation: str | None = None
    records: int | None = None
    pair: str | None = None
    pairs: list[tuple[float, float, float]] = []
    """Of each round: plain Django REST framework, Vivace, Vivace again. Seconds."""
    before: Before = Before()


class Benchmark(Struct, frozen=True):
    fullname: str
    stats: Stats
    extra_info: Info
    params: dict[str, Any] | None = None


class MachineInfo(Struct, frozen=True):
    database: Database
    vivace_machine: Machine
    vivace_versions: Versions
    vivace_pace: Pace | None = None


class BenchFile(Struct, frozen=True):
    datetime: str
    machine_info: MachineInfo
    benchmarks: list[Benchmark]


class Change(Struct, frozen=True):
    """Before and after, and the same thing against itself."""

    before_s: float
    after_s: float
    ratio: Ratio
    control: Ratio
    pairs: int


@dataclass(frozen=True)
class Case:
    """One benchmark, on each database that it ran on."""

    anchor: str
    on: Mapping[Database, Benchmark]

    @property
    def info(self) -> Info:
        return next(iter(self.on.values())).extra_info

    @property
    def title(self) -> str:
        return self.info.title

    @property
    def fullname(self) -> str:
        return next(iter(self.on.values())).fullname

    @property
    def page(self) -> str | None:
        """Which end of a list was read, of those that read both."""
        params = next(iter(self.on.values())).params or {}
        return params.get("page") if self.info.pair == "depth" else None

    def median(self, database: Database) -> float:
        return self.on[database].stats.median

    def where(self, path: str, *databases: Database) -> str:
        """`bench-sqlite.json › benchmarks[…] › stats.median`, on all databases unless named."""
        files = file_names(databases or tuple(self.on))
        return f"{files} › benchmarks[{self.fullname}] › {path}"

    @cached_property
    def changes(self) -> dict[Database, Change]:
        return {d: change(b.extra_info.pairs) for d, b in self.on.items() if b.extra_info.pairs}


def file_names(databases: Iterable[str]) -> str:
    """`bench-sqlite.json`, `bench-{sqlite,postgresql}.json`"""
    *more, last = databases
    return f"bench-{{{','.join([*more, last])}}}.json" if more else f"bench-{last}.json"


def change(pairs: list[tuple[float, float, float]]) -> Change:
    before, after, again = zip(*pairs, strict=True)
    return Change(
        before_s=median(before),
        after_s=median(after),
        ratio=ratio(before, after),
        control=ratio(after, again),
        pairs=len(pairs),
    )
