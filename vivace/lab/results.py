"""The result files: what was measured, on what, so that anyone can check a figure or set two
side by side.

A benchmark's file is pytest-benchmark's own JSON, with what it measured in `extra_info`; a load
test's is a `LoadResult`, and that of a search for knees a `KneeResult`. Files are replaced whole,
so that a run that dies leaves the last one.
"""

import os
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

FORMAT = 1
"""Goes up when the meaning of a result file changes; others are then refused."""

Database = Literal["sqlite", "postgresql"]
DATABASES: tuple[Database, ...] = ("sqlite", "postgresql")
Stack = Literal["sqlite", "postgresql", "other"]
"""What was under load: Vivace on that database, or a server that was not the lab's own."""


T = TypeVar("T")
PositiveFloat = Annotated[float, Meta(gt=0)]


class ResultError(Exception):
    """A result file cannot be used; the message is one line and names it."""


class Machine(Struct, frozen=True, kw_only=True):
    """What a measurement ran on. Results of different machines are not set side by side."""

    cpu: str
    cores: int
    memory_mb: int
    system: str
    python: str


class Pace(Struct, frozen=True, kw_only=True):
    """What the same piece of work took before and after a measurement (`pace.work_ms`)."""

    before_ms: PositiveFloat
    after_ms: PositiveFloat


class Versions(Struct, frozen=True, kw_only=True):
    """What was measured and by what: names and versions, servers included where one ran."""

    vivace: str
    """The version, and the commit where it is a checkout: `0.1.0 (ceae588)`."""
    packages: dict[str, str]


class Data(Struct, frozen=True, kw_only=True):
    """The generated library that was read."""

    artists: int
    albums: int
    tracks: int
    seed: int


class Endpoint(Struct, kw_only=True):
    """What came of the requests to one endpoint while it was measured."""

    name: str
    """Method and path, with what kind of request it was: `GET /tracks (page)`."""
    requests: int
    """All that were sent and have ended: answered, refused or failed."""
    failures: int
    """Wrong answers, errors and connections lost, but no refusals."""
    refusals: int
    """429 and 503: the server said no in time."""
    bytes: int
    """Of all bodies together."""
    histogram: str
    """Milliseconds × 1000 of every request, as HdrHistogram's base64 (`histogram.decode`)."""


class Failure(Struct, kw_only=True):
    endpoint: str
    reason: str
    count: int


class Second(Struct, kw_only=True):
    """One second of a run; the first is 0."""

    second: int
    users: int
    requests: int
    failures: int
    refusals: int
    server_cpu: float
    """Cores that all processes of the server side used: 1.0 is one core, all of it."""
    server_mb: float
    generator_cpu: float
    """The same of the busiest generator process."""


class Generator(Struct, kw_only=True):
    """What the load generator itself cost: it bounds what can be said of the server."""

    processes: int
    cpu_mean: float
    """Of the busiest process, in cores, while it was measured."""
    cpu_peak: float
    lag: str
    """How late its timers were, as a histogram like an endpoint's."""


class Floor(Struct, kw_only=True):
    """As many users who ask a server that does nothing as often: no latency can be below."""

    requests: int
    seconds: float
    generator_cpu: float
    histogram: str


class Server(Struct, kw_only=True):
    what: str
    """In words: `vivace serve, 1 worker, SQLite`."""
    cpu_mean: float
    """Cores, all processes together."""
    memory_peak_mb: float
    cores: list[int]
    """The cores it was kept to; the generator had the others. Empty where they share all."""


class Target(Struct, kw_only=True):
    """A promise, stated before the run, and what became of it."""

    what: str
    """`p99 of reads (ms)`"""
    limit: float
    measured: float
    met: bool


class Freeze(Struct, kw_only=True):
    """The server was stopped in its tracks for a while, to see whether that shows."""

    at_s: float
    seconds: float
    p99_theory_ms: float
    """What arrivals that do not wait must see (`outcome.frozen`)."""


class LoadResult(Struct, kw_only=True):
    format: int = FORMAT
    kind: Literal["load"] = "load"
    profile: str
    stack: Stack
    remote: str | None = None
    """The address, where it was not a server of the lab's own."""
    started_at: str
    machine: Machine
    pace: Pace | None = None
    versions: Versions
    data: Data | None
    settings: dict[str, str]
    """Of the environment of the server, those that differ from their defaults."""
    open: bool
    """Whether arrivals kept to a schedule, whatever the answers: latency is then from the due
    moment. Else users wait for their answer, and a slow server gets fewer requests."""
    users: int
    spawn_rate: float
    """Users a second."""
    wait_s: tuple[float, float]
    """Between an answer and the user's next request."""
    rate: float | None
    """Arrivals a second, of an open profile."""
    seconds: float
    """For how long it was measured; what came while users were still being added is not in it."""
    endpoints: list[Endpoint]
    failures: list[Failure]
    timeline: list[Second]
    """From the first user on, the time before the measurement included."""
    measured_from_s: float
    """Where in the timeline the measurement began."""
    server: Server
    generator: Generator
    floor: Floor
    freeze: Freeze | None = None
    targets: list[Target]
    verdict: Literal["met", "missed", "none"]
    """`none` where the generator was the bottleneck, or the run broke off."""
    why: str
    """The reason for a verdict that is not `met`; empty otherwise."""


ProbeOutcome = Literal["met", "missed", "void"]
"""`void` where its miss says nothing of the server: the generator was busy, or others were."""


class Probe(Struct, kw_only=True):
    """Some seconds of arrivals at one rate."""

    rate: PositiveFloat
    """Arrivals a second."""
    seed: int
    """Of the schedule: probes with the same had the same."""
    seconds: PositiveFloat
    """For how long it was measured."""
    requests: int
    """That were due in these."""
    failures: int
    """Wrong answers, errors, and what had no answer."""
    refusals: int
    """429 and 503."""
    refused_p99_ms: float = 0.0
    """Of these alone; 0 where there was none."""
    reason: str
    """Of most failures; empty where there was none."""
    p50_ms: float
    """From the moment a request was due, like p99."""
    p99_ms: float
    generator_cpu: float
    """Cores that the generator used."""
    generator_lag_ms: float
    """How late its timers were at their 99th percentile."""
    server_cpu: float
    """Cores that the server side used."""
    others_share: float
    """Of the cores that the server was kept to, what other processes and machines had; 0 where it
    was kept to none."""
    outcome: ProbeOutcome
    """Whether it kept the target."""


class Knee(Struct, kw_only=True):
    """What the search for the knee of one operation found."""

    operation: str
    """By its name in the load tests: `GET /tracks (page)`."""
    knee: PositiveFloat | None
    """Arrivals a second; None where it was not found."""
    low: PositiveFloat | None
    """With `high`, the 95 % interval."""
    high: PositiveFloat | None
    why: str
    """It was not found; empty where it was."""
    probes: list[Probe]
    """All, in the order in which they were sent."""
    floor: Probe | None
    """At the rate of the knee, of a server that does nothing."""


class KneeResult(Struct, kw_only=True):
    format: int = FORMAT
    kind: Literal["knee"] = "knee"
    stack: Stack
    started_at: str
    machine: Machine
    pace: Pace | None = None
    versions: Versions
    data: Data | None
    settings: dict[str, str]
    server: str
    """In words, as a load test's."""
    server_cores: list[int]
    """The cores it was kept to; the generator had the others. Empty where they share all."""
    target_p99_ms: PositiveFloat
    operations: list[Knee]
    kept: bool = True
    """Whether answers were kept, so that most of a list's had been made before."""


class Formatted(Struct):
    format: int


def write(path: Path, content: bytes) -> None:
    """Put a file in place all at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f".{path.name}.{os.getpid()}")
    made.write_bytes(content)
    made.replace(path)


def write_json(path: Path, result: Struct) -> Path:
    """A result that somebody may want to read, put in place all at once."""
    write(path, msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    return path


def save(folder: Path, result: LoadResult | KneeResult) -> Path:
    if isinstance(result, LoadResult):
        path = load_path(folder, result.profile, result.stack)
    else:
        path = knee_path(folder, result.stack, kept=result.kept)
    return write_json(path, result)


def load_path(folder: Path, profile: str, stack: Stack) -> Path:
    return folder / f"load-{profile}-{stack}.json"


def knee_path(folder: Path, stack: Stack, *, kept: bool = True) -> Path:
    return folder / f"knee-{'' if kept else 'unkept-'}{stack}.json"


def bench_path(folder: Path, database: Database) -> Path:
    return folder / f"bench-{database}.json"


def read_load(path: Path) -> LoadResult:
    """Raises `ResultError`."""
    check_format(path)
    result: LoadResult = decoded(path, LoadResult)
    return result


def read_knee(path: Path) -> KneeResult:
    """Raises `ResultError`."""
    check_format(path)
    result: KneeResult = decoded(path, KneeResult)
    if path.name != knee_path(Path(), result.stack, kept=result.kept).name:
        how = "" if result.kept else ", answers not kept"
        raise ResultError(f"{path}: it was measured on {result.stack}{how}")
    return result


def check_format(path: Path) -> None:
    """By itself, before the rest, which may be anything in another. Raises `ResultError`."""
    found: Formatted = decoded(path, Formatted)
    if found.format != FORMAT:
        raise ResultError(f"{path}: it is of format {found.format}, this Vivace reads {FORMAT}")


def read_bench(path: Path) -> dict[str, Any]:
    """pytest-benchmark's result. Raises `ResultError`."""
    found: dict[str, Any] = decoded(path, dict[str, Any])
    if not found.get("benchmarks") or "machine_info" not in found:
        raise ResultError(f"{path}: it holds no benchmark")
    return found


def read_bench_as(path: Path, kind: type[T]) -> T:
    """As much of it as the kind has. Raises `ResultError`."""
    raw = read_bench(path)
    info: Any = raw["machine_info"]
    found = info.get("format") if isinstance(info, dict) else None
    if found != FORMAT:
        raise ResultError(f"{path}: it is of format {found}, this Vivace reads {FORMAT}")
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise ResultError(f"{path}: it is damaged: {error}") from error


def decoded(path: Path, kind: Any) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError as error:
        raise ResultError(f"{path}: there is no such file") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ResultError(f"{path}: it is damaged: {error}") from error
