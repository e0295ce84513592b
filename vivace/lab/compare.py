"""Which operations are faster or slower in one tree than in another.

    first ─┐                      ┌─ verdict: faster, slower
    second ┼─ rounds ──→ interval ┤
    first ─┘     ↑                └─ none yet
                 └────────────────────┘

A process of the second tree and two of the first stand ready. In each round all three are asked
for the same, one after the other, in changing order, so that what slows the machine slows all of
them. The second is set against both of the first together; those against each other are the
control. Rounds go on until a difference of 5 % is told from none, or for `LOOKS[-1]`.
"""

import statistics
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from math import sqrt
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, cast

import msgspec
from rich.box import SIMPLE
from rich.table import Table

from vivace.lab import machine, prepared, revisions, stacks, verdicts
from vivace.lab.bench import Say, Show
from vivace.lab.compare_results import Clock, Compared, CompareResult, Round
from vivace.lab.prepared import Library, TreeError
from vivace.lab.profile import PACKAGES, last_line
from vivace.lab.profiling.calling import Request
from vivace.lab.profiling.preparing import requests_path
from vivace.lab.profiling.timing import Spent, Visit
from vivace.lab.results import ResultError
from vivace.lab.verdicts import Interval
from vivace.lab.wording import NOTHING, milliseconds

LOOKS = (24, 48, 96, 192, 384)
"""Rounds after which the interval is looked at."""
CLOCKS: tuple[Clock, ...] = ("processor", "wall")
ORDERS = ((0, 1, 2), (1, 2, 0), (2, 0, 1))
"""Each is as often the first, and none ever follows itself: it would find its caches warm."""
WARMUPS = 10
LEAD_IN = 2
VISIT_SECONDS = 0.010
"""Short beside what disturbs a machine, long beside the clock."""
VISIT_MAX = 20

Ask = Callable[[Visit], Spent]


def run(first: str, second: str, wanted: Sequence[str], say: Say, show: Show) -> CompareResult:
    """Of two revisions, on SQLite. Raises `ResultError`."""
    names = revisions.described(first), revisions.described(second)
    with ExitStack() as stack:
        trees = [stack.enter_context(revisions.tree(each)) for each in (first, second)]
        say(f"Filling a library for {names[0]} and one for {names[1]} …")
        with ThreadPoolExecutor() as pool:
            one, other = pool.map(partial(filled, stack=stack), trees, names)
        control = stack.enter_context(prepared.copied(one, one.tree))
        shared = chosen(one, other, wanted)
        try:
            compared = timed([one, other, control], shared.numbers, show)
        except TreeError as error:
            raise ResultError(f"a process that was timed ended: {error}") from error
    return CompareResult(
        database="sqlite",
        first=names[0],
        second=names[1],
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine.machine(),
        versions=machine.versions(PACKAGES),
        operations=compared,
        missing=shared.missing,
    )


def filled(tree: Path, name: str, stack: ExitStack) -> Library:
    """A library for the tree, which goes with the stack. Raises `ResultError`."""
    try:
        return stack.enter_context(prepared.library(tree, "sqlite"))
    except TreeError as error:
        raise ResultError(f"{name} cannot be measured: {error}") from error


@dataclass
class Shared:
    """What both trees have."""

    numbers: dict[str, tuple[int, int]]
    """Operation → the number of its request in the first library and in the second."""
    missing: list[str] = field(default_factory=list)


def chosen(one: Library, other: Library, wanted: Sequence[str]) -> Shared:
    """Raises `ResultError` where an operation that is wanted is not in both."""
    first, second = numbered(one), numbered(other)
    if unknown := [name for name in wanted if name not in first or name not in second]:
        raise ResultError(f"there is no operation {unknown[0]!r} on both sides")
    shared = Shared({n: (first[n], second[n]) for n in wanted or first if n in second})
    if not wanted:
        shared.missing += [f"{name}: gone" for name in first if name not in second]
        shared.missing += [f"{name}: new" for name in second if name not in first]
    return shared


def numbered(library: Library) -> dict[str, int]:
    content = requests_path(library.folder).read_bytes()
    requests = msgspec.json.decode(content, type=list[Request])
    return {request.operation: number for number, request in enumerate(requests)}


# --- Timing -----------------------------------------------------------------------------------


def timed(
    libraries: Sequence[Library], numbers: dict[str, tuple[int, int]], show: Show
) -> list[Compared]:
    """Of the first library, the second, and the first again."""
    with ExitStack() as stack, stacks.kept_to(stacks.shared_out().server):
        asks = [stack.enter_context(standing(each)) for each in libraries]
        series = [
            Series(name, [first, second, first], asks) for name, (first, second) in numbers.items()
        ]
        measure(series, show)
    miss = verdicts.share_of(len(series) * len(CLOCKS), len(LOOKS))
    return [each.compared(miss) for each in series]


@contextmanager
def standing(library: Library) -> Iterator[Ask]:
    """A process of its tree, which answers. Raises `TreeError` when it ends before its time."""
    command = [*prepared.in_the_same_place(), *library.command("timing")]
    with (
        TemporaryFile() as said,
        subprocess.Popen(
            command,
            cwd=library.tree,
            env=library.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
        ) as process,
    ):

        def ask(visit: Visit) -> Spent:
            return answered(process, visit, said)

        try:
            yield ask
        finally:
            process.kill()


def answered(process: "subprocess.Popen[bytes]", visit: Visit, said: IO[bytes]) -> Spent:
    # Both are pipes, as `standing` asked for.
    asked, told = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
    try:
        asked.write(msgspec.json.encode(visit) + b"\n")
        asked.flush()
        line = told.readline()
    except BrokenPipeError:
        line = b""
    if not line:
        said.seek(0)
        raise TreeError(last_line(said.read()))
    return msgspec.json.decode(line, type=Spent)


@dataclass
class Series:
    """The rounds of one operation."""

    operation: str
    numbers: Sequence[int]
    """Of its request, in each of the three processes."""
    asks: Sequence[Ask]
    rounds: list[Round] = field(default_factory=list)
    times: int = 0

    def warm_up(self) -> None:
        spent = [ask(Visit(n, WARMUPS)) for n, ask in zip(self.numbers, self.asks, strict=True)]
        self.times = min(max(1, round(VISIT_SECONDS / spent[0].wall)), VISIT_MAX)

    def round(self) -> None:
        order = ORDERS[len(self.rounds) % len(ORDERS)]
        # A request that takes longer than a visit should has caches of its own making.
        lead_in = LEAD_IN if self.times > 1 else 0
        spent = {at: self.asks[at](Visit(self.numbers[at], self.times, lead_in)) for at in order}
        one, second, again = spent[0], spent[1], spent[2]
        self.rounds.append(
            Round(
                processor=(one.processor, second.processor, again.processor),
                wall=(one.wall, second.wall, again.wall),
            )
        )

    def is_settled(self, miss: float) -> bool:
        """By the processor's time; whether something waits is seen beside it."""
        change, control = intervals(self.rounds, "processor", miss)
        return verdicts.is_settled(change, margin(control))

    def compared(self, miss: float) -> Compared:
        return judged(self.operation, self.rounds, miss)


def measure(series: Sequence[Series], show: Show) -> None:
    """Rounds of all, until each is settled or has had its share."""
    miss = verdicts.share_of(len(series) * len(CLOCKS), len(LOOKS))
    for number, each in enumerate(series):
        show(number, len(series), each.operation)
        each.warm_up()
    left = [*series]
    for look in LOOKS:
        for each in left:
            show(len(series) - len(left), len(series), each.operation)
            while len(each.rounds) < look:
                each.round()
        left = [each for each in left if not each.is_settled(miss)]


# --- What it comes to -------------------------------------------------------------------------


def intervals(rounds: Sequence[Round], clock: Clock, miss: float) -> tuple[Interval, Interval]:
    """Of the second side against the first, and of the first against itself."""
    times = [getattr(each, clock) for each in rounds]
    change = verdicts.paired([second / sqrt(one * again) for one, second, again in times], miss)
    control = verdicts.paired([again / one for one, _, again in times], miss)
    return change, control


def margin(control: Interval) -> float:
    """What is called no difference: the more, the further the same code is from itself."""
    return verdicts.LEAST + abs(control.ratio - 1)


def judged(operation: str, rounds: Sequence[Round], miss: float) -> Compared:
    """By the processor's time, or by the clock on the wall where only that says something."""
    found = [by(clock, operation, rounds, miss) for clock in CLOCKS]
    return next((each for each in found if each.verdict != "none"), found[0])


def by(clock: Clock, operation: str, rounds: Sequence[Round], miss: float) -> Compared:
    change, control = intervals(rounds, clock, miss)
    return Compared(
        operation=operation,
        verdict=verdicts.verdict(change, margin(control)),
        clock=clock,
        seconds=statistics.median(getattr(each, clock)[0] for each in rounds),
        change=change,
        control=control,
        rounds=[*rounds],
    )


# --- What is shown of it ----------------------------------------------------------------------


def table(result: CompareResult) -> Table:
    """A line for each operation, those that differ first."""
    shown = Table(title=f"{result.second} against {result.first}", box=SIMPLE)
    shown.add_column("operation")
    for heading in ("time before", "now takes", "interval", "control"):
        shown.add_column(heading, justify="right")
    shown.add_column("verdict")
    for each in sorted(result.operations, key=lambda each: each.verdict == "none"):
        shown.add_row(*row(each))
    return shown


def row(each: Compared) -> list[Any]:
    said = verdicts.worded(each.verdict, each.change)
    waits = " (it waits)" if each.clock == "wall" and each.rounds else ""
    return [
        each.operation,
        milliseconds(each.seconds),
        signed(each.change.ratio),
        f"{signed(each.change.low)} to {signed(each.change.high)}",
        signed(each.control.ratio),
        f"{said}{waits}",
    ]


def signed(ratio: float) -> str:
    """`+5.2 %`"""
    share = 100 * (ratio - 1)
    return f"{share:+.1f} %" if abs(share) < 1_000 else NOTHING


def summary(result: CompareResult) -> str:
    """`1 slower, 0 faster, no difference seen in 51`"""
    said = [each.verdict for each in result.operations]
    return (
        f"{said.count('slower')} slower, {said.count('faster')} faster,"
        f" no difference seen in {said.count('none')}"
    )
