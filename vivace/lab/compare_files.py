"""Which benchmarks are faster or slower in one result file than in another of the same machine.

The files were measured at different times, and a machine is not as fast at all times. What does
not know Vivace, the yardstick, says by how much: only what goes beyond is called a difference.
"""

import statistics
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from vivace.lab import verdicts
from vivace.lab.cases import MachineInfo
from vivace.lab.compare_results import Compared, CompareResult
from vivace.lab.evidence import machine_name
from vivace.lab.results import ResultError, read_bench_as
from vivace.lab.verdicts import Interval
from vivace.lab.wording import STACK_NAMES

YARDSTICK = "yardstick"
"""The group of the benchmarks that do not know Vivace."""


class Stats(Struct, frozen=True):
    data: list[float] = []
    """Seconds of every round."""


class Info(Struct, frozen=True):
    title: str
    group: str = "other"


class Benchmark(Struct, frozen=True):
    fullname: str
    stats: Stats
    extra_info: Info


class BenchFile(Struct, frozen=True):
    machine_info: MachineInfo
    benchmarks: list[Benchmark]

    @property
    def by_name(self) -> dict[str, Benchmark]:
        return {each.fullname: each for each in self.benchmarks if each.stats.data}


def run(first: Path, second: Path) -> CompareResult:
    """Raises `ResultError`."""
    old, new = read_bench_as(first, BenchFile), read_bench_as(second, BenchFile)
    check_alike(first, old, second, new)
    before, after = old.by_name, new.by_name
    shared = [name for name in before if name in after]
    if not shared:
        raise ResultError(f"{first} and {second} have no benchmark in common")
    miss = verdicts.share_of(len(shared), looks=1)
    changes = {name: change(before[name], after[name], miss) for name in shared}
    yardsticks = [name for name in shared if before[name].extra_info.group == YARDSTICK]
    if not yardsticks:
        raise ResultError(
            f"{first} and {second}: without a yardstick their difference says nothing"
        )
    drift = max((changes[name] for name in yardsticks), key=lambda each: each.within)
    return CompareResult(
        database=old.machine_info.database,
        first=str(first),
        second=str(second),
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=old.machine_info.vivace_machine,
        versions=new.machine_info.vivace_versions,
        operations=[
            compared(before[name], changes[name], drift)
            for name in shared
            if name not in yardsticks
        ],
        missing=[
            *(f"{before[name].extra_info.title}: gone" for name in before if name not in after),
            *(f"{after[name].extra_info.title}: new" for name in after if name not in before),
        ],
    )


def check_alike(first: Path, old: BenchFile, second: Path, new: BenchFile) -> None:
    one, other = old.machine_info, new.machine_info
    for what, before, after in (
        ("machines", machine_name(one.vivace_machine), machine_name(other.vivace_machine)),
        ("databases", STACK_NAMES[one.database], STACK_NAMES[other.database]),
    ):
        if before != after:
            raise ResultError(
                f"{first} and {second} are of different {what}: {before} against {after}"
            )


def change(before: Benchmark, after: Benchmark, miss: float) -> Interval:
    return verdicts.apart(before.stats.data, after.stats.data, miss)


def compared(before: Benchmark, found: Interval, drift: Interval) -> Compared:
    return Compared(
        operation=before.extra_info.title,
        verdict=verdicts.verdict(found, margin=max(verdicts.LEAST, drift.within)),
        clock="wall",
        seconds=statistics.median(before.stats.data),
        change=found,
        control=drift,
    )


def warning(result: CompareResult) -> str:
    drift = result.operations[0].control if result.operations else verdicts.EVERYTHING
    return (
        "The files were measured at different times. What does not know Vivace took"
        f" {drift.ratio:.3f} times as long ({drift.low:.3f} to {drift.high:.3f}): only what goes"
        " beyond is called a difference."
    )
