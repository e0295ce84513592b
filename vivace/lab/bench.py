"""The benchmarks of this checkout, run in a process of their own: their result files and a table.

    pytest ──lines──→ bench-sqlite.part ──→ bench-sqlite.json

One process measures what needs no large library, another the rest. Each writes a line for every
benchmark as it is measured, so that what there is stays when it dies; what it comes to goes into
the result file whole.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import msgspec
from msgspec import Struct
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from vivace.lab import pace, results, servers
from vivace.lab.cases import change
from vivace.lab.machine import CHECKOUT
from vivace.lab.results import Database, Pace, ResultError, bench_path
from vivace.lab.wording import NOTHING, STACK_NAMES, figure, listed, milliseconds, plural

BENCHMARKS = CHECKOUT / "benchmarks"
USUAL, LARGE = "not large", "large"
"""Expressions of pytest's over its markers."""

PASSED, FAILED, NONE_SELECTED = 0, 1, 5
"""What a pytest that came to its end exits with. With the second also a Python that did not."""

POLL_SECONDS = 0.5
REFRESHES_PER_SECOND = 2
"""Few: the bar shares the machine with what is measured."""

STOP_SECONDS = 60
"""A run that is told to stop still drops its databases and stops their server."""

ERROR = re.compile(r"(?:ERROR:?|INTERNALERROR>|[\w.]+Error:) +(.+)")

Say = Callable[[str], None]
Show = Callable[[int, int | None, str], None]
"""Told how many benchmarks are done, of how many, and which is being measured."""


# --- What a run tells as it goes --------------------------------------------------------------


class About(Struct, tag="about"):
    """The first line: how many benchmarks will run, and the result file but for them."""

    selected: int
    results: dict[str, Any]


class Begun(Struct, tag="begun"):
    name: str


class Measured(Struct, tag="measured"):
    benchmark: dict[str, Any]


class Failed(Struct, tag="failed"):
    name: str


Line = About | Begun | Measured | Failed


@dataclass
class Part:
    """What one process has measured so far."""

    selected: int | None = None
    results: dict[str, Any] = field(default_factory=dict)
    begun: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    benchmarks: list[dict[str, Any]] = field(default_factory=list)
    broke_off: str = ""
    """Why it did not come to its end; empty where it did."""

    def take(self, line: Line) -> None:
        match line:
            case About(selected, found):
                self.selected, self.results = selected, found
            case Begun(name):
                self.begun.append(name)
            case Failed(name):
                self.failed.append(name)
            case Measured(benchmark):
                self.benchmarks.append(benchmark)


def read_part(path: Path) -> Part:
    """What a run that died has left; a line that it did not finish is passed over.

    Raises `ResultError`.
    """
    try:
        *whole, _ = path.read_bytes().split(b"\n")
    except FileNotFoundError as error:
        raise ResultError(f"{path}: there is no such file") from error
    part = Part()
    for line in whole:
        part.take(decoded(path, line))
    return part


def decoded(path: Path, line: bytes) -> Line:
    try:
        found: Line = msgspec.json.decode(line, type=Line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ResultError(f"{path}: it is damaged: {error}") from error
    return found


def merged(parts: Sequence[Part], paced: Pace) -> dict[str, Any]:
    """One result of the parts of a run, in their order."""
    benchmarks = [benchmark for part in parts for benchmark in part.benchmarks]
    info = parts[0].results["machine_info"] | {"vivace_pace": msgspec.to_builtins(paced)}
    return {**parts[0].results, "machine_info": info, "benchmarks": benchmarks}


# --- The run ----------------------------------------------------------------------------------


def run(
    folder: Path, databases: Sequence[Database], *, full: bool, say: Say, only: str = ""
) -> list[Path]:
    """The result files, one of each database. `only` is an expression of pytest's over names.

    Raises `ResultError` at the end where something could not be measured; the rest is kept.
    """
    check_installed()
    folder.mkdir(parents=True, exist_ok=True)
    runs = [Run(folder, database, only, say) for database in databases]
    for one in runs:
        one.measure([USUAL, LARGE] if full else [USUAL])
    if problems := [problem for one in runs for problem in one.problems]:
        raise ResultError("; ".join(problems))
    return [one.target for one in runs]


def available() -> list[Database]:
    """The databases whose servers are installed here, SQLite always."""
    try:
        servers.postgresql_bin()
        servers.program("redis-server")
    except servers.ServerMissingError:
        return ["sqlite"]
    return ["sqlite", "postgresql"]


def check_installed() -> None:
    if not BENCHMARKS.is_dir():
        raise ResultError(f"{BENCHMARKS}: the benchmarks are not there; a checkout has them")
    if not find_spec("pytest_benchmark"):
        raise ResultError("pytest-benchmark is not installed; `make dev` installs it")


class Run:
    """The benchmarks on one database, in parts that become one result."""

    def __init__(self, folder: Path, database: Database, only: str, say: Say) -> None:
        self.database, self.only, self.say = database, only, say
        self.name = STACK_NAMES[database]
        self.target = bench_path(folder, database)
        self.path = self.target.with_suffix(".part")
        self.log = self.target.with_suffix(".log")
        self.parts: list[Part] = []
        self.problems: list[str] = []

    def measure(self, sizes: Sequence[str]) -> None:
        started, self.before_ms = time.monotonic(), pace.work_ms()
        self.log.unlink(missing_ok=True)
        for size in sizes:
            try:
                part = self.measured(size)
            except KeyboardInterrupt:
                part = read_part(self.path)
                part.broke_off = "it was interrupted"
                self.keep(part)
                raise
            self.keep(part)
            if part.broke_off:
                return
        if not self.parts and not self.problems:
            self.tell("no benchmark is of that name")
        if not self.problems:
            self.log.unlink()
            count = plural(sum(len(part.benchmarks) for part in self.parts), "benchmark")
            minutes = figure((time.monotonic() - started) / 60, 2)
            self.say(f"{self.name}: {count} in {minutes} minutes, in {self.target}")

    def measured(self, size: str) -> Part:
        title = f"{self.name}, large libraries" if size == LARGE else self.name
        command = pytest_command(self.database, size, self.only, self.path)
        self.path.write_bytes(b"")
        with self.log.open("ab") as log, bar(title) as show:
            part = followed(command, self.path, log, show)
        if part.broke_off and (words := last_words(self.log)):
            part.broke_off = words
        return part

    def keep(self, part: Part) -> None:
        """Put it into the result, unless it broke off and there is an earlier result to lose."""
        where = self.path
        if part.benchmarks and (self.parts or not part.broke_off or not self.target.exists()):
            self.parts.append(part)
            whole = merged(self.parts, pace.since(self.before_ms))
            results.write(self.target, msgspec.json.encode(whole) + b"\n")
            where = self.target
        if where is self.target or not part.benchmarks:
            self.path.unlink()
        count = plural(len(part.benchmarks), "benchmark")
        left = f"; {count} measured before, in {where}" if part.benchmarks else ""
        if part.broke_off:
            at = f" at {part.begun[-1]}" if part.begun else ""
            self.tell(f"the run broke off{at}: {part.broke_off}{left}; see {self.log}")
        elif part.failed:
            self.tell(f"{listed(part.failed)} failed; see {self.log}")

    def tell(self, problem: str) -> None:
        self.problems.append(f"{self.name}: {problem}")
        self.say(self.problems[-1])


def pytest_command(database: Database, size: str, only: str, path: Path) -> list[str]:
    plain = ["-n", "0", "-p", "no:randomly", "-q", "--benchmark-enable", "--benchmark-only"]
    chosen = ["--db", database, "-m", size, *(["-k", only] if only else [])]
    writing = ["-p", "benchmarks.parts", "--part", str(path.absolute())]
    return [sys.executable, "-m", "pytest", str(BENCHMARKS), *plain, *chosen, *writing]


def followed(command: Sequence[str], path: Path, log: IO[bytes], show: Show) -> Part:
    """What the command, run to its end, writes to the path line by line.

    Where we are interrupted it is told to stop, and waited for.
    """
    # A test that runs us under pytest-xdist must not make one of its workers of this one.
    environment = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST")}
    # In a session of its own it hears of an interruption once, from us.
    process = subprocess.Popen(
        command,
        cwd=CHECKOUT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    part = Part()
    try:
        for line in lines(path, process):
            part.take(line)
            done = len(part.benchmarks) + len(part.failed)
            show(done, part.selected, part.begun[-1] if part.begun else "")
    except BaseException:
        process.send_signal(signal.SIGINT)
        raise
    finally:
        wait(process)
    part.broke_off = why(process.returncode, part)
    return part


def why(code: int, part: Part) -> str:
    """What made a process exit with that code before its end; empty where it came to it."""
    if code < 0:
        return f"it was ended by {signal.Signals(-code).name}"
    if code in {PASSED, NONE_SELECTED} or (code == FAILED and part.failed):
        return ""
    return f"it ended with exit code {code}"


def lines(path: Path, process: subprocess.Popen[bytes]) -> Iterator[Line]:
    """What is written to the path until the process has ended."""
    with path.open("rb") as file:
        begun = b""
        while True:
            ended = process.poll() is not None
            *whole, begun = (begun + file.read()).split(b"\n")
            for line in whole:
                yield decoded(path, line)
            if ended:
                return
            time.sleep(POLL_SECONDS)


def wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def last_words(log: Path) -> str:
    """The error that pytest or Python ended with, in its own words; empty where it has none."""
    said = log.read_text("utf-8", errors="replace").splitlines()
    errors = [found[1] for line in said if (found := ERROR.match(line))]
    return errors[-1] if errors else ""


@contextmanager
def bar(title: str) -> Iterator[Show]:
    """A bar with the number done and what is being measured, on a terminal; otherwise nothing."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _done, _selected, _name: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[name]}"),
    )
    with Progress(
        *columns, console=console, transient=True, refresh_per_second=REFRESHES_PER_SECOND
    ) as progress:
        task = progress.add_task(title, total=None, name="")

        def show(done: int, selected: int | None, name: str) -> None:
            progress.update(task, completed=done, total=selected, name=name.rpartition("::")[2])

        yield show


# --- What is shown of it ----------------------------------------------------------------------


def table(path: Path) -> Table:
    """What is in a result file, a line for each benchmark. Raises `ResultError`."""
    found = results.read_bench(path)
    database: Database = found["machine_info"]["database"]
    shown = Table(title=f"{STACK_NAMES[database]}: median ± half the interquartile range")
    shown.add_column("work")
    for heading in ("time", "goal", "met"):
        shown.add_column(heading, justify="right")
    for benchmark in found["benchmarks"]:
        shown.add_row(*row(benchmark, database))
    return shown


def row(benchmark: dict[str, Any], database: Database) -> tuple[str, str, str, str]:
    stats, info = benchmark["stats"], benchmark["extra_info"]
    time_taken = duration(stats["median"])
    if stats["rounds"] > 1:
        time_taken += f" ± {duration(stats['iqr'] / 2)}"
    judged = list(goals(benchmark, database))
    goal = ", ".join(limit for limit, _ in judged) or NOTHING
    met = "yes" if all(met for _, met in judged) else "no"
    return info["title"], time_taken, goal, met if judged else NOTHING


def goals(benchmark: dict[str, Any], database: Database) -> Iterator[tuple[str, bool]]:
    """Each limit that a benchmark is to keep, and whether it does."""
    seconds, info = benchmark["stats"]["median"], benchmark["extra_info"]
    for name, unit, measured in (("goal_ms", "ms", 1_000 * seconds), ("goal_s", "s", seconds)):
        if database in info.get(name, {}):
            limit = info[name][database]
            yield f"{figure(limit)} {unit}", measured <= limit
    peak = info.get("peak_mb", info.get("peak_over_idle_mb"))
    if "goal_peak_mb" in info and peak is not None:
        yield f"{figure(info['goal_peak_mb'])} MB", peak <= info["goal_peak_mb"]
    if "goal_times" in info and "pairs" in info:
        faster = change(info["pairs"]).ratio.ratio
        yield f"{figure(info['goal_times'])} times DRF", faster >= info["goal_times"]


def duration(seconds: float) -> str:
    if seconds >= 1:
        return f"{figure(seconds)} s"
    return milliseconds(seconds) if seconds >= 1e-4 else f"{figure(seconds * 1e6)} µs"
