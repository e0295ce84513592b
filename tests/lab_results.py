"""Result files as the lab writes them, made up: irregular on purpose, the same each time."""

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from vivace.lab import gate, histogram, results, trials
from vivace.lab.ablation.results import Ablated, AblationResult
from vivace.lab.ablation.results import save as save_ablation
from vivace.lab.compare import judged
from vivace.lab.compare_results import Compared, CompareResult, Round, compare_path
from vivace.lab.compare_results import save as save_comparison
from vivace.lab.evidence import Evidence, gathered
from vivace.lab.gate_results import Asked, Counts, GateResult, gate_path
from vivace.lab.gate_results import save as save_gate
from vivace.lab.profile_results import (
    Found,
    Operation,
    ProfileResult,
    Profiles,
    Run,
    Statement,
    profile_path,
)
from vivace.lab.profile_results import save as save_profile
from vivace.lab.profiling.plans import Plan
from vivace.lab.results import (
    DATABASES,
    Data,
    Database,
    Endpoint,
    Failure,
    Floor,
    Generator,
    LoadResult,
    Machine,
    Second,
    Server,
    Stack,
    Target,
    Versions,
)
from vivace.lab.trials import Measured, TrialResult

MACHINE = Machine(
    cpu="AMD EPYC 7B13", cores=2, memory_mb=7_954, system="Linux 6.1.0 x86_64", python="3.11.7"
)
VERSIONS = Versions(vivace="0.1.0 (ceae588)", packages={"django": "5.2.9", "msgspec": "0.20.0"})
DATA = Data(artists=10_000, albums=20_000, tracks=200_000, seed=1)
GENERATOR = Generator(processes=1, cpu_mean=0.613, cpu_peak=0.874, lag="")
SCENARIOS = (
    ("test_bulk_writes.py::test_bulk_insert_artists", "Bulk Insert Artists", 60, 130),
    ("test_reads.py::test_all_artists", "API Query – Artists (10k)", 15, 15),
    ("test_reads.py::test_tracks_10k", "API Query – Paginated Tracks (10k)", 1.2, 2.5),
)


def benchmark(
    name: str = "test_reads.py::test_one_track",
    title: str = "One track",
    median_s: float = 0.000_330_7,
    params: Mapping[str, Any] | None = None,
    rounds: int = 17,
    **info: Any,
) -> dict[str, Any]:
    """One of pytest-benchmark's, with the lab's `extra_info`."""
    drawn = random.Random(name)
    data = [median_s * drawn.uniform(0.93, 1.21) for _ in range(rounds)]
    stats = {
        "min": min(data), "max": max(data), "mean": sum(data) / rounds, "median": median_s,
        "iqr": median_s * 0.0734, "rounds": rounds, "iterations": 1, "data": data,
    }  # fmt: skip
    return {
        "fullname": f"benchmarks/{name}",
        "name": name.rpartition("::")[2],
        "params": params,
        "stats": stats,
        "extra_info": {"title": title, "rows": 100, "group": "read", **info},
    }


def pairs(
    factor: float, after_s: float = 0.001_21, count: int = 15, control: float = 1.0
) -> list[tuple[float, float, float]]:
    """Rounds of plain DRF, Vivace and Vivace again, in noise that is common to a round."""
    drawn = random.Random(factor)
    found = []
    for _ in range(count):
        busy = after_s * drawn.uniform(0.95, 1.3)
        before, after, again = (drawn.uniform(0.97, 1.03) for _ in range(3))
        found.append((busy * factor * before, busy * after, busy / control * again))
    return found


def write_bench(
    folder: Path, database: Database, benchmarks: Sequence[Mapping[str, Any]], **changed: Any
) -> Path:
    info = {
        "database": database,
        "format": results.FORMAT,
        "vivace_machine": msgspec.to_builtins(MACHINE),
        "vivace_versions": msgspec.to_builtins(VERSIONS),
        **changed,
    }
    path = results.bench_path(folder, database)
    content = {
        "machine_info": info,
        "benchmarks": benchmarks,
        "datetime": "2026-02-03T04:05:06+00:00",
        "version": "5.3.1",
    }
    results.write(path, msgspec.json.encode(content))
    return path


def ablated(name: str = "keyset", factor: float = 5.83, control: float = 1.0) -> Ablated:
    """An optimisation that makes its request so many times as fast."""
    return Ablated(
        name=name,
        what=f"What {name} is",
        without=f"what {name} is not",
        asked=f"GET /tracks?limit=100&sort={name}",
        pairs=pairs(factor, control=control),
    )


def ablation_result(database: Database, *rows: Ablated, **changed: Any) -> AblationResult:
    made = AblationResult(
        database=database,
        started_at="2026-02-03T06:07:08+00:00",
        machine=MACHINE,
        versions=VERSIONS,
        data=DATA,
        rows=[*rows],
        missing=[],
    )
    return msgspec.structs.replace(made, **changed)


def compared(operation: str = "GET /api/v1/tracks", factor: float = 1.0) -> Compared:
    """One that takes so many times as long at the second revision, in noise common to a round."""
    drawn = random.Random(operation)
    rounds = []
    for _ in range(24):
        busy = 0.000_83 * drawn.uniform(0.95, 1.3)
        first, second, again = (busy * drawn.uniform(0.995, 1.005) for _ in range(3))
        times = first, second * factor, again
        rounds.append(Round(processor=times, wall=times))
    return judged(operation, rounds, 0.001)


def compare_result(*operations: Compared, **changed: Any) -> CompareResult:
    made = CompareResult(
        database="sqlite",
        first="main (1c0ffee)",
        second="the working tree",
        started_at="2026-02-03T07:08:09+00:00",
        machine=MACHINE,
        versions=VERSIONS,
        operations=[*operations],
        missing=["GET /api/v1/search: new"],
    )
    return msgspec.structs.replace(made, **changed)


PAGE = Asked(shape="SELECT title FROM track LIMIT ?", times=1, place="vivace/catalogue/lists.py:40")


def counts(operation: str = "GET /api/v1/tracks", **changed: Any) -> Counts:
    told: dict[str, Any] = {
        "status": 200, "queries": 1, "shapes": 1, "rows": 100, "effort": 4_321, "bytes": 23_456,
        "instructions": 51_000_000, "statements": [PAGE],
    }  # fmt: skip
    return Counts(operation=operation, **told | changed)


def gate_result(before: Sequence[Counts], after: Sequence[Counts], **changed: Any) -> GateResult:
    made = GateResult(
        database="sqlite", base="HEAD (1d51ae7)", started_at="2026-02-03T04:05:06+00:00",
        machine=MACHINE, versions=VERSIONS, before=[*before], after=[*after],
        changes=gate.changes(before, after), new=gate.only_in(after, before),
        gone=gate.only_in(before, after), missing=[],
    )  # fmt: skip
    return msgspec.structs.replace(made, **changed)


def trial_result(*measured: Measured, **changed: Any) -> TrialResult:
    result = TrialResult(
        name="overload",
        asks="Too many come: what becomes of them?",
        command="python -m benchmarks.overload --rounds 5",
        database="postgresql",
        server="NGINX, Gunicorn",
        started_at="2026-02-03T06:07:08+00:00",
        machine=MACHINE,
        versions=VERSIONS,
        measured=[*measured],
    )
    return msgspec.structs.replace(result, **changed)


def latencies(p50_ms: float, count: int, tail: float = 0.4, seed: int = 1) -> list[float]:
    """Milliseconds as a server's are: most near the median, a few far above."""
    drawn = random.Random(seed)
    return [p50_ms * math.exp(drawn.gauss(0, tail)) for _ in range(count)]


def encoded(milliseconds: Iterable[float]) -> str:
    found = histogram.histogram()
    for each in milliseconds:
        histogram.record(found, each)
    return histogram.encode(found)


def endpoint(
    name: str = "GET /tracks (page)",
    milliseconds: Sequence[float] = (),
    failures: int = 0,
    refusals: int = 0,
) -> Endpoint:
    taken = milliseconds or latencies(7.31, 1_203)
    return Endpoint(
        name=name,
        requests=len(taken),
        failures=failures,
        refusals=refusals,
        bytes=len(taken) * 20_411,
        histogram=encoded(taken),
    )


def endpoints() -> list[Endpoint]:
    return [
        endpoint(),
        endpoint("GET /artists (name)", latencies(11.9, 407, seed=2)),
        endpoint("POST /auth/login", latencies(41.3, 97, seed=3)),
    ]


def load_result(
    profile: str = "assignment", stack: Stack = "sqlite", seconds: int = 31, **changed: Any
) -> LoadResult:
    made = LoadResult(
        profile=profile,
        stack=stack,
        started_at="2026-02-03T05:06:07+00:00",
        machine=MACHINE,
        versions=VERSIONS,
        data=DATA,
        settings={"VIVACE_CACHE": "off"},
        open=False,
        users=100,
        spawn_rate=10,
        wait_s=(0.03, 0.03),
        rate=None,
        seconds=float(seconds),
        endpoints=endpoints(),
        failures=[],
        timeline=timeline(seconds),
        measured_from_s=11.0,
        server=Server(
            what="vivace serve, 1 worker", cpu_mean=0.938, memory_peak_mb=141.7, cores=[0]
        ),
        generator=msgspec.structs.replace(GENERATOR, lag=encoded(latencies(0.21, 997))),
        floor=Floor(
            requests=29_317, seconds=12.0, generator_cpu=0.97,
            histogram=encoded(latencies(0.83, 1_999)),
        ),
        targets=[Target(what="p99 of reads (ms)", limit=100, measured=37.4, met=True)],
        verdict="met",
        why="",
    )  # fmt: skip
    return msgspec.structs.replace(made, **changed)


def timeline(seconds: int) -> list[Second]:
    drawn = random.Random(seconds)
    return [
        Second(
            second=second,
            users=min(100, 10 * second),
            requests=min(100, 10 * second) * drawn.randrange(3, 6),
            failures=drawn.randrange(2),
            refusals=0,
            server_cpu=0.94,
            server_mb=139.5,
            generator_cpu=0.6,
        )
        for second in range(seconds + 11)
    ]


def scenarios(database: Database, slower: float) -> list[dict[str, Any]]:
    """The three, on a database that takes so many times as long as their goals."""
    return [
        benchmark(
            name, title, (sqlite if database == "sqlite" else postgresql) * slower / 1_000,
            group="scenario", goal_ms={"sqlite": sqlite, "postgresql": postgresql},
        )
        for name, title, sqlite, postgresql in SCENARIOS
    ]  # fmt: skip


def write_everything(folder: Path, benchmarks: int = 80) -> None:
    """What a full run of the lab leaves: both databases, eight load tests."""
    for database, slower in (("sqlite", 0.917), ("postgresql", 1.638)):
        write_bench(folder, database, many(database, slower, benchmarks))  # type: ignore[arg-type]
        save_profile(profile_path(folder, database), profile_result(database, operations=52))  # type: ignore[arg-type]
    for profile, p50 in (("assignment", 187.0), ("thinking", 7.9), ("crowd", 83.0), ("open", 6.7)):
        for stack, slower in (("sqlite", 1.0), ("postgresql", 2.37)):
            results.save(folder, loaded(profile, stack, p50 * slower))  # type: ignore[arg-type]
    compare_operations = [compared(f"GET /things/{n}", 0.9 + n / 100) for n in range(52)]
    for database in DATABASES:
        compared_there = compare_result(*compare_operations, database=database)
        save_comparison(compare_path(folder, database), compared_there)
    more = counts(queries=2, statements=[msgspec.structs.replace(PAGE, times=2)])
    save_gate(gate_path(folder, "sqlite"), gate_result([counts(), counts("GET /old")], [more]))


def many(database: Database, slower: float, count: int) -> list[dict[str, Any]]:
    drawn = random.Random(database)
    made = scenarios(database, slower)
    for page, factor in (("first", 1.0), ("last", 1.171)):
        made.append(
            benchmark(
                f"test_reads.py::test_either_end[{page}]",
                f"Tracks by title, the {page} page of 2,000,000",
                0.001_217 * slower * factor,
                {"page": page},
                pair="depth",
            )
        )
    for operation, cost in (("list tracks", 0.9), ("search a word", 1.7), ("filter by genre", 1.1)):
        for records, grown in ((10_000, 1.0), (100_000, 1.13), (1_000_000, 1.41)):
            made.append(
                benchmark(
                    f"test_growth.py::test_{operation.replace(' ', '_')}[{records}]",
                    f"{operation.capitalize()} among {records:,}",
                    cost * grown * slower * drawn.uniform(0.97, 1.05) / 1_000,
                    operation=operation,
                    records=records,
                )
            )
    for factor, what in ((17.3, "All artists"), (5.83, "A page of tracks"), (2.41, "One album")):
        weighed: dict[str, Any] = {
            "peak_python_kb": 311.0,
            "before": {"peak_python_kb": 311.0 * factor},
        }
        name = f"test_before.py::test_{what.replace(' ', '_').lower()}"
        made.append(benchmark(name, what, pairs=pairs(factor * slower), queries=1, **weighed))
    size: dict[str, Any] = {
        "peak_mb": 391.0 * slower,
        "goal_peak_mb": 400,
        "goal_s": {"sqlite": 60},
    }
    million = "Import 1,000,000 new tracks"
    made.append(
        benchmark(
            "test_imports.py::test_new", million, 61.7 * slower, rounds=1, group="import", **size
        )
    )
    groups = ("read", "filter", "sort", "write", "login")
    while len(made) < count:
        n = len(made)
        made.append(
            benchmark(
                f"test_more.py::test_a_page_of_tracks_filtered[genre=rock&sort=title-{n}]",
                f"Tracks with genre=rock&sort=title, page {n} (100 of 200,000)",
                drawn.uniform(0.3, 12) * slower / 1_000,
                group=groups[n % len(groups)],
                queries=1 + n % 2,
                goal_ms={"sqlite": 10, "postgresql": 20},
            )
        )
    return made


def loaded(profile: str, stack: Stack, p50: float) -> LoadResult:
    is_open = profile == "open"
    asked = ("GET /tracks (page)", "GET /tracks (filtered)", "GET /artists (name)", "GET /albums",
             "GET /tracks/{id}", "GET /search", "POST /artists", "POST /auth/login",
             "PATCH /tracks/{id}", "POST /playlists/{id}/items")  # fmt: skip
    found = [
        endpoint(name, latencies(p50 * (0.4 + n / 7), 900 + 71 * n, 0.5, n), failures=int(n == 5))
        for n, name in enumerate(asked)
    ]
    failures = [Failure(endpoint="GET /search", reason="503: too slow | <b>gone</b>", count=1)]
    return load_result(
        profile,
        stack,
        seconds=120,
        endpoints=found,
        failures=failures,
        open=is_open,
        rate=100.0 if is_open else None,
        wait_s=(1, 3) if profile in {"thinking", "crowd"} else (0.03, 0.03),
        targets=[
            Target(what="failures (%)", limit=0.1, measured=0.0083, met=True),
            Target(what="mean of all (ms)", limit=220, measured=p50 * 1.21, met=p50 * 1.21 <= 220),
        ],
        verdict="met" if p50 * 1.21 <= 220 else "missed",
        why="" if p50 * 1.21 <= 220 else "mean of all (ms) is over its limit",
    )


def profile_result(
    database: Database = "sqlite", *found: Found, operations: int = 3
) -> ProfileResult:
    """A profile in which the first operation has what was found."""
    drawn = random.Random(database)
    profiled = [
        operation(f"GET /api/v1/things/{{id}}/parts{number}", database, drawn.uniform(0.5, 30))
        for number in range(operations)
    ]
    profiled[0].found = [*found]
    return ProfileResult(
        project="vivace.settings",
        started_at="2026-02-03T06:07:08+00:00",
        machine=MACHINE,
        versions=VERSIONS,
        profiles=Profiles(database=database, operations=profiled),
    )


def operation(name: str, database: Database, ms: float) -> Operation:
    taken = Run(
        total=ms / 1e3, database=ms / 2e3, python=ms / 3e3, rendering=ms / 6e3, idle=0.0,
        computed=ms / 2e3, queries=2,
    )  # fmt: skip
    plan = Plan(
        indexes=["thing_by_title"],
        text=["SEARCH thing USING INDEX"],
        rows_read=307 if database == "postgresql" else None,
        steps=8_539 if database == "sqlite" else None,
    )
    return Operation(
        name=name,
        asked=name.replace("{id}", "17"),
        status=200,
        cold=taken,
        warm=taken,
        shapes=2,
        rows=101,
        rows_read=plan.rows_read,
        blocks=None,
        steps=plan.steps,
        bytes=20_411,
        statements=[
            Statement(
                shape='SELECT "thing"."id", "thing"."title" FROM "thing" WHERE "thing"."title" > ?',
                times=1, seconds=ms / 2e3, rows=101, bytes=2_020,
                through=["vivace/catalogue/statements.py:135"], plan=plan,
            )
        ],
        found=[],
    )  # fmt: skip


def found(rule: str = "n-plus-one", **more: Any) -> Found:
    told: dict[str, Any] = {
        "operation": "GET /things",
        "text": "20 times, one for each row: SELECT",
    }
    return Found(**{"rule": rule, "place": "shop/views.py:17", **told, **more})


class Lab(NamedTuple):
    """The result files of a few measurements."""

    sqlite: Sequence[dict[str, Any]] = ()
    postgresql: Sequence[dict[str, Any]] = ()
    loads: Sequence[LoadResult] = ()
    ablations: Sequence[AblationResult] = ()
    profiles: Sequence[ProfileResult] = ()
    comparisons: Sequence[CompareResult] = ()
    gates: Sequence[GateResult] = ()
    trials: Sequence[TrialResult] = ()

    def written(self, folder: Path) -> Evidence:
        for database, benchmarks in zip(DATABASES, (self.sqlite, self.postgresql), strict=True):
            if benchmarks:
                write_bench(folder, database, benchmarks)
        for load in self.loads:
            results.save(folder, load)
        for ablation in self.ablations:
            save_ablation(folder, ablation)
        for profile in self.profiles:
            save_profile(profile_path(folder, profile.profiles.database), profile)
        for comparison in self.comparisons:
            save_comparison(compare_path(folder, comparison.database), comparison)
        for counted in self.gates:
            save_gate(gate_path(folder, counted.database), counted)
        for trial in self.trials:
            trials.save(folder, trial)
        return gathered(folder)
