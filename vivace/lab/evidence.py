"""What the result files of a folder hold, each figure with the place where it stands.

Raises `ResultError` for whatever must not be reported: nothing at all, a damaged file, or
measurements that cannot stand beside each other.
"""

import binascii
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import accumulate, chain
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
from hdrh.codec import (
    HdrCookieException,
    HdrHistogramSettingsException,
    HdrLengthException,
)
from hdrh.histogram import HdrHistogram
from msgspec import Struct

from vivace.lab import histogram, results
from vivace.lab.ratios import Ratio, ratio
from vivace.lab.results import (
    DATABASES,
    FORMAT,
    Database,
    Endpoint,
    LoadResult,
    Machine,
    ResultError,
    Versions,
)
from vivace.lab.wording import STACK_NAMES

NOT_A_HISTOGRAM = (
    HdrCookieException,
    HdrHistogramSettingsException,
    HdrLengthException,
    RuntimeError,
    LookupError,
    ValueError,
    binascii.Error,
    zlib.error,
)
"""What `hdrh` raises for a text that is none."""


# --- Benchmarks -------------------------------------------------------------------------------


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


# --- Load tests -------------------------------------------------------------------------------


class Latency:
    """Milliseconds of many requests, from their histograms.

    As `histogram` reads them, in a single pass for all percentiles and the mean.
    """

    def __init__(self, found: HdrHistogram) -> None:
        self.found = found
        filled = [(index, number) for index, number in enumerate(found.counts[:]) if number]
        self.lowest = [found.get_value_from_index(index) for index, _ in filled]
        self.highest = [found.get_highest_equivalent_value(value) for value in self.lowest]
        self.counts = [number for _, number in filled]
        self.up_to = list(accumulate(self.counts))

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Latency":
        return cls(histogram.merged(texts))

    @property
    def requests(self) -> int:
        return sum(self.counts)

    @cached_property
    def mean(self) -> float:
        """Not a number where there was no request."""
        if not self.requests:
            return float("nan")
        bins = zip(self.lowest, self.highest, self.counts, strict=True)
        total = sum((low + (high - low + 1) // 2) * number for low, high, number in bins)
        return float(total) / self.requests / 1_000

    def at(self, percentile: float) -> float:
        """What so many percent do not exceed; not a number where there was no request."""
        if not self.requests:
            return float("nan")
        wanted = self.found.get_target_count_at_percentile(percentile)
        index = bisect_left(self.up_to, wanted)
        return float(self.highest[index] if percentile else self.lowest[index]) / 1_000


@dataclass(frozen=True)
class Load:
    """One load test."""

    file: str
    result: LoadResult
    all: Latency
    by_endpoint: tuple[tuple[Endpoint, Latency], ...]
    lag: Latency
    floor: Latency

    @property
    def anchor(self) -> str:
        return self.file.removesuffix(".json")

    @property
    def title(self) -> str:
        return f"{self.result.profile} on {self.stack}"

    @property
    def stack(self) -> str:
        return STACK_NAMES[self.result.stack]

    @property
    def requests(self) -> int:
        return sum(endpoint.requests for endpoint in self.result.endpoints)

    @property
    def failures(self) -> int:
        return sum(endpoint.failures for endpoint in self.result.endpoints)

    @property
    def refusals(self) -> int:
        return sum(endpoint.refusals for endpoint in self.result.endpoints)

    @property
    def per_second(self) -> float:
        return self.requests / self.result.seconds

    @property
    def failure_rate(self) -> float:
        return self.failures / self.requests if self.requests else 0.0

    @property
    def refusal_rate(self) -> float:
        return self.refusals / self.requests if self.requests else 0.0

    @property
    def floor_per_second(self) -> float:
        return self.result.floor.requests / self.result.floor.seconds

    def slowest(self) -> list[tuple[Endpoint, Latency]]:
        """By p99, those without a request left out."""
        asked = [(endpoint, found) for endpoint, found in self.by_endpoint if found.requests]
        return sorted(asked, key=lambda pair: (-pair[1].at(99), pair[0].name))

    def where(self, path: str) -> str:
        return f"{self.file} › {path}"


def load(path: Path) -> Load:
    found = results.read_load(path)
    if not (found.seconds > 0 and found.floor.seconds > 0):
        raise ResultError(f"{path}: it is damaged: nothing was measured for 0 seconds")
    try:
        return Load(
            file=path.name,
            result=found,
            all=Latency.of(endpoint.histogram for endpoint in found.endpoints),
            by_endpoint=tuple((e, Latency.of([e.histogram])) for e in found.endpoints),
            lag=Latency.of([found.generator.lag]),
            floor=Latency.of([found.floor.histogram]),
        )
    except NOT_A_HISTOGRAM as error:
        raise ResultError(f"{path}: it is damaged: a histogram cannot be read") from error


# --- All together -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Promise:
    """A goal of a benchmark or a target of a load test, and what became of it."""

    what: str
    limit: float
    measured: float
    unit: str
    met: bool
    where: str
    anchor: str

    @property
    def factor(self) -> float:
        """How many times over its limit, or below where more is better; 1 at the limit."""
        low, high = sorted((self.limit, self.measured))
        return high / low if low > 0 else float("inf")


class File(Struct, frozen=True):
    name: str
    taken_at: str
    digest: str


@dataclass(frozen=True)
class Evidence:
    machine: Machine
    versions: dict[str, Versions]
    """By file."""
    files: list[File]
    cases: list[Case]
    loads: list[Load]

    @property
    def vivace(self) -> str:
        return next(iter(self.versions.values())).vivace

    @property
    def databases(self) -> list[Database]:
        """Those that benchmarks ran on."""
        return [d for d in DATABASES if any(d in case.on for case in self.cases)]

    @cached_property
    def goals(self) -> list[Promise]:
        return [goal for case in self.cases for goal in goals(case)]

    @cached_property
    def targets(self) -> list[Promise]:
        """Of load tests that came to a verdict."""
        judged = (found for found in self.loads if found.result.verdict != "none")
        return [target for found in judged for target in targets(found)]

    @property
    def promises(self) -> list[Promise]:
        return [*self.goals, *self.targets]

    @property
    def undisturbed(self) -> list[Load]:
        """The load tests in which nobody stopped the server."""
        return [found for found in self.loads if found.result.freeze is None]

    def titled(self, title: str) -> Case | None:
        return next((case for case in self.cases if case.title == title), None)

    def at_sizes(self) -> dict[str, list[Case]]:
        """Operation → its benchmarks at two numbers of records or more, the fewest first."""
        found: dict[str, list[Case]] = {}
        for case in self.cases:
            if case.info.operation and case.info.records:
                found.setdefault(case.info.operation, []).append(case)
        ordered = {name: sorted(cases, key=records) for name, cases in found.items()}
        return {name: cases for name, cases in ordered.items() if len(cases) > 1}


def records(case: Case) -> int:
    return case.info.records or 0


def goals(case: Case) -> Iterator[Promise]:
    for database, benchmark in case.on.items():
        info, seconds = benchmark.extra_info, benchmark.stats.median
        about = f"{case.title} on {STACK_NAMES[database]}"
        peak, peak_path = peak_mb(info)
        for what, limit, measured, unit, path in (
            (about, info.goal_ms.get(database), seconds * 1_000, "ms", "stats.median"),
            (about, info.goal_s.get(database), seconds, "s", "stats.median"),
            (f"Memory: {about}", info.goal_peak_mb, peak, "MB", peak_path),
        ):
            if limit is not None and measured is not None:
                where = case.where(path, database)
                met = measured <= limit
                yield Promise(what, limit, measured, unit, met, where, case.anchor)


def peak_mb(info: Info) -> tuple[float | None, str]:
    """The memory that a goal is about, and where it stands."""
    if info.peak_mb is not None:
        return info.peak_mb, "extra_info.peak_mb"
    return info.peak_over_idle_mb, "extra_info.peak_over_idle_mb"


def targets(found: Load) -> Iterator[Promise]:
    for number, target in enumerate(found.result.targets):
        yield Promise(
            what=f"{target.what} ({found.title})",
            limit=target.limit,
            measured=target.measured,
            unit="",
            met=target.met,
            where=found.where(f"targets[{number}]"),
            anchor=found.anchor,
        )


def gathered(folder: Path) -> Evidence:
    """All that a folder holds. Raises `ResultError`."""
    benches = {database: bench(path) for database, path in bench_paths(folder)}
    loads = sorted(map(load, folder.glob("load-*.json")), key=order)
    names = {results.bench_path(Path(), database).name: b for database, b in benches.items()}
    machines = {name: found.machine_info.vivace_machine for name, found in names.items()}
    versions = {name: found.machine_info.vivace_versions for name, found in names.items()}
    machines |= {found.file: found.result.machine for found in loads}
    versions |= {found.file: found.result.versions for found in loads}
    if not machines:
        raise ResultError(f"{folder}: there is no result file; `vivace lab bench` makes some")
    check_one("machines", {name: machine_name(found) for name, found in machines.items()}, folder)
    check_one("versions of Vivace", {name: v.vivace for name, v in versions.items()}, folder)
    taken = chain(
        ((name, found.datetime) for name, found in names.items()),
        ((found.file, found.result.started_at) for found in loads),
    )
    return Evidence(
        machine=next(iter(machines.values())),
        versions=versions,
        files=[File(name, at, digest(folder / name)) for name, at in taken],
        cases=cases(benches),
        loads=loads,
    )


def order(found: Load) -> tuple[str, bool, bool, str]:
    """By profile, SQLite before PostgreSQL."""
    stack = found.result.stack
    return found.result.profile, stack != "sqlite", stack != "postgresql", found.file


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def bench_paths(folder: Path) -> Iterator[tuple[Database, Path]]:
    for database in DATABASES:
        path = results.bench_path(folder, database)
        if path.exists():
            yield database, path


def bench(path: Path) -> BenchFile:
    raw = results.read_bench(path)
    found = raw["machine_info"].get("format") if isinstance(raw["machine_info"], dict) else None
    if found != FORMAT:
        raise ResultError(f"{path}: it is of format {found}, this Vivace reads {FORMAT}")
    try:
        made = msgspec.convert(raw, BenchFile)
    except msgspec.ValidationError as error:
        raise ResultError(f"{path}: it is damaged: {error}") from error
    database = made.machine_info.database
    if path.name != results.bench_path(Path(), database).name:
        raise ResultError(f"{path}: it was measured on {STACK_NAMES[database]}")
    return made


def cases(benches: Mapping[Database, BenchFile]) -> list[Case]:
    """In the order in which they ran."""
    found: dict[str, dict[Database, Benchmark]] = {}
    for database, file in benches.items():
        for benchmark in file.benchmarks:
            found.setdefault(benchmark.fullname, {})[database] = benchmark
    return [Case(f"b{number}", on) for number, on in enumerate(found.values(), 1)]


def machine_name(found: Machine) -> str:
    return (
        f"{found.cpu}, {found.cores} cores, {found.memory_mb} MB, {found.system},"
        f" Python {found.python}"
    )


def check_one(what: str, by_file: Mapping[str, str], folder: Path) -> None:
    """Raise `ResultError` where files differ, naming two that do."""
    (first, one), *others = by_file.items()
    for name, other in others:
        if other != one:
            raise ResultError(
                f"{folder / first} and {folder / name} are of different {what}:"
                f" {one} against {other}"
            )
