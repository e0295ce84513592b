"""What the result files of a folder hold, each figure with the place where it stands.

Raises `ResultError` for whatever must not be reported: nothing at all, a damaged file, or
measurements that cannot stand beside each other.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from itertools import chain
from pathlib import Path
from statistics import median_low
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import astuple

from vivace.lab import results
from vivace.lab.ablations import Ablation, ablations
from vivace.lab.cases import BenchFile, Benchmark, Case, Info
from vivace.lab.compare_results import Compared, CompareResult, compare_path
from vivace.lab.compare_results import read as read_comparison
from vivace.lab.gate_results import GateResult, gate_path
from vivace.lab.gate_results import read as read_gate
from vivace.lab.loads import Load, load
from vivace.lab.profile_results import ProfileResult, profile_path
from vivace.lab.profile_results import read as read_profile
from vivace.lab.results import (
    DATABASES,
    Database,
    KneeResult,
    Machine,
    Pace,
    ResultError,
    Versions,
)
from vivace.lab.trials import Measured, TrialResult
from vivace.lab.trials import read as read_trial
from vivace.lab.wording import STACK_NAMES

TIMES = "times"
"""The unit of a goal that is a ratio."""


@dataclass(frozen=True)
class Promise:
    """A goal of a benchmark or of a trial, or a target of a load test, and what became of it."""

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


class Knees(NamedTuple):
    """The highest rates that one run looked for."""

    file: str
    result: KneeResult

    @property
    def stack(self) -> str:
        kept = "" if self.result.kept else ", not kept"
        return STACK_NAMES[self.result.stack] + kept

    def where(self, path: str) -> str:
        return f"{self.file} › {path}"


class Profile(NamedTuple):
    """What Vivace's operations ask of one database."""

    file: str
    result: ProfileResult

    @property
    def name(self) -> str:
        return STACK_NAMES[self.database]

    @property
    def database(self) -> Database:
        return "postgresql" if self.counts_rows else "sqlite"

    @property
    def counts_rows(self) -> bool:
        return self.result.profiles.database == "postgresql"

    def where(self, path: str) -> str:
        return f"{self.file} › profiles.{path}"


class Trial(NamedTuple):
    """What a script found out about a running Vivace."""

    file: str
    result: TrialResult

    @property
    def title(self) -> str:
        return f"{self.result.name} on {STACK_NAMES[self.result.database]}"

    @property
    def promises(self) -> list[Promise]:
        found = [made for each in self.result.measured if (made := self.promise(each))]
        if self.result.wrong and not found:
            # It promised something, and came to no figure.
            where = f"{self.file} › wrong"
            return [Promise(self.title, 0, len(self.result.wrong), "", False, where, "trials")]
        return found

    def promise(self, each: Measured) -> Promise | None:
        """What was promised of a figure; None where nothing was."""
        if each.limit is None:
            return None
        return Promise(
            what=f"{each.what} ({self.title})",
            limit=each.limit,
            measured=each.value,
            unit=each.unit,
            met=each.met and not self.result.wrong,
            where=self.where_of(each),
            anchor="trials",
        )

    def where_of(self, each: Measured) -> str:
        return f"{self.file} › measured[{each.what}]"


class Comparison(NamedTuple):
    """How long operations take at two revisions, or in two result files."""

    file: str
    result: CompareResult

    @property
    def slower(self) -> list[Compared]:
        return [each for each in self.result.operations if each.verdict == "slower"]

    def where(self, path: str) -> str:
        return f"{self.file} › {path}"


class Gate(NamedTuple):
    """What operations count to at two revisions."""

    file: str
    result: GateResult

    def where(self, path: str) -> str:
        return f"{self.file} › {path}"


class File(Struct, frozen=True):
    name: str
    taken_at: str
    digest: str
    pace: Pace | None = None
    """Of the machine; None where it was not told, as of what does not depend on it."""


@dataclass(frozen=True)
class Evidence:
    machine: Machine
    versions: dict[str, Versions]
    """By file."""
    files: list[File]
    cases: list[Case]
    loads: list[Load]
    knees: list[Knees] = field(default_factory=list)
    profiles: list[Profile] = field(default_factory=list)
    ablations: list[Ablation] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)

    @property
    def vivace(self) -> str:
        return next(iter(self.versions.values())).vivace

    @property
    def databases(self) -> list[Database]:
        """Those that benchmarks ran on."""
        return [d for d in DATABASES if any(d in case.on for case in self.cases)]

    @cached_property
    def usual_ms(self) -> float | None:
        """What the work that tells the machine's pace mostly took; None where it was not done."""
        told = [ms for file in self.files if file.pace for ms in astuple(file.pace)]
        return median_low(told) if told else None

    @cached_property
    def goals(self) -> list[Promise]:
        return [goal for case in self.cases for goal in goals(case)]

    @cached_property
    def targets(self) -> list[Promise]:
        """Of load tests that came to a verdict."""
        judged = (found for found in self.loads if found.result.verdict != "none")
        return [target for found in judged for target in targets(found)]

    @cached_property
    def trial_goals(self) -> list[Promise]:
        return [goal for trial in self.trials for goal in trial.promises]

    @property
    def promises(self) -> list[Promise]:
        return [*self.goals, *self.targets, *self.trial_goals]

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
        if info.goal_times is not None and database in case.changes:
            found = case.changes[database].ratio.ratio
            yield Promise(
                what=f"Against plain DRF: {about}",
                limit=info.goal_times,
                measured=found,
                unit=TIMES,
                met=found >= info.goal_times,
                where=case.where("extra_info.pairs", database),
                anchor=case.anchor,
            )


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
    knees = sorted(map(knee, folder.glob("knee-*.json")), key=stack_order)
    # Of Vivace; other projects' have files of other names.
    profiles = [Profile(path.name, read_profile(path)) for path in there(folder, profile_path)]
    switched_off = ablations(folder)
    trials = [Trial(path.name, read_trial(path)) for path in sorted(folder.glob("trial-*.json"))]
    comparisons = [Comparison(p.name, read_comparison(p)) for p in there(folder, compare_path)]
    gates = [Gate(path.name, read_gate(path)) for path in there(folder, gate_path)]
    others: list[Load | Knees | Profile | Ablation | Trial]
    others = [*loads, *knees, *profiles, *switched_off, *trials]
    between: list[Comparison | Gate] = [*comparisons, *gates]
    for each in between:
        check_named(folder / each.file, each.result.database)
    names = {results.bench_path(Path(), database).name: b for database, b in benches.items()}
    machines = {name: found.machine_info.vivace_machine for name, found in names.items()}
    versions = {name: found.machine_info.vivace_versions for name, found in names.items()}
    machines |= {found.file: found.result.machine for found in (*others, *between)}
    versions |= {found.file: found.result.versions for found in others}
    paces = {name: found.machine_info.vivace_pace for name, found in names.items()}
    timed: list[Load | Knees | Ablation | Trial] = [*loads, *knees, *switched_off, *trials]
    paces |= {found.file: found.result.pace for found in timed}
    if not machines:
        raise ResultError(f"{folder}: there is no result file; `vivace lab bench` makes some")
    check_one("machines", {name: machine_name(found) for name, found in machines.items()}, folder)
    if versions:
        check_one("versions of Vivace", {name: v.vivace for name, v in versions.items()}, folder)
    # They are of two revisions, which need not be the one that all else was measured of.
    versions |= {found.file: found.result.versions for found in between}
    taken = chain(
        ((name, found.datetime) for name, found in names.items()),
        ((found.file, found.result.started_at) for found in (*others, *between)),
    )
    return Evidence(
        machine=next(iter(machines.values())),
        versions=versions,
        files=[File(name, at, digest(folder / name), paces.get(name)) for name, at in taken],
        cases=cases(benches),
        loads=loads,
        knees=knees,
        profiles=profiles,
        ablations=switched_off,
        comparisons=comparisons,
        gates=gates,
        trials=trials,
    )


def order(found: Load) -> tuple[str, bool, bool, str]:
    """By profile, SQLite before PostgreSQL."""
    return found.result.profile, *stack_order(found)


def stack_order(found: Load | Knees) -> tuple[bool, bool, str]:
    stack = found.result.stack
    return stack != "sqlite", stack != "postgresql", found.file


def knee(path: Path) -> Knees:
    return Knees(path.name, results.read_knee(path))


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def there(folder: Path, named: Callable[[Path, Database], Path]) -> list[Path]:
    """The files of that name that there are, of a database each."""
    return [path for database in DATABASES if (path := named(folder, database)).exists()]


def bench_paths(folder: Path) -> Iterator[tuple[Database, Path]]:
    for database in DATABASES:
        path = results.bench_path(folder, database)
        if path.exists():
            yield database, path


def bench(path: Path) -> BenchFile:
    found = results.read_bench_as(path, BenchFile)
    check_named(path, found.machine_info.database)
    return found


def check_named(path: Path, database: Database) -> None:
    """Raise `ResultError` for a file that is named after another database."""
    if not path.stem.endswith(f"-{database}"):
        raise ResultError(f"{path}: it was measured on {STACK_NAMES[database]}")


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
