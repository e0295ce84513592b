"""Probes of a served library, and the searches that they belong to.

    searches (knee) ──order──→ load.probes ──requests──→ server
           ↑───────────sent────────┘

The operations take turns, a probe each, so that what slows the machine for a while slows all of
them a little and none of them much. The generator runs on other cores than the server where there
are several. At the end it asks a server that does nothing as often, which gives the floor.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec
import psutil
from rich.box import SIMPLE
from rich.table import Table

from vivace.lab import knee, load, pace, results, stacks
from vivace.lab.knee import Answer, Ask
from vivace.lab.load import Progress, Users
from vivace.lab.machine import CHECKOUT, machine, versions
from vivace.lab.outcome import PACKAGES
from vivace.lab.probed import Order, Sent
from vivace.lab.results import Knee, KneeResult, Pace, Probe
from vivace.lab.stacks import Cores, Served
from vivace.lab.watch import Watch, used

ACCOUNTS = 20
"""More than there are people in the generator."""
OPERATION_SECONDS = 60
"""As many as a search takes, more or less."""
PATIENCE_SECONDS = 60
"""With others on the server's cores."""
STOP_SECONDS = 5
FLOOR = "GET /"


class BrokenOffError(Exception):
    """There will be no more probes; the message says why."""


class Sender:
    """A generator process that waits for orders."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process, self.log = process, log

    def send(self, order: Order) -> Sent:
        """What came of it. Raises `BrokenOffError`."""
        try:
            pipe(self.process.stdin).write(msgspec.json.encode(order) + b"\n")
            line = pipe(self.process.stdout).readline()
        except BrokenPipeError:
            line = b""
        if not line:
            self.process.wait(STOP_SECONDS)
            raise BrokenOffError(f"the load generator failed: {load.last_line(self.log)}")
        return msgspec.json.decode(line, type=Sent)


def pipe(found: IO[bytes] | None) -> IO[bytes]:
    """Of a process that was given one."""
    assert found is not None  # noqa: S101 - see `sender`
    return found


@contextmanager
def sender(base: str, cores: Cores, *options: str) -> Iterator[Sender]:
    """A generator for a server, ended with the block."""
    command = [sys.executable, "-m", "load.probes", "--host", base, *options]
    with tempfile.TemporaryDirectory(prefix="vivace-probes-") as folder:
        log = Path(folder) / "log"
        with stacks.kept_to(cores.generator), log.open("wb") as written:
            process = subprocess.Popen(
                command,
                # What could not be written is not tried again when the pipe is closed.
                bufsize=0,
                cwd=CHECKOUT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=written,
                start_new_session=True,
            )
        with process:
            try:
                yield Sender(process, log)
            finally:
                process.kill()


# --- Who used the processor -------------------------------------------------------------------


class Reading(NamedTuple):
    """Seconds so far."""

    at: float
    of_processes: dict[int, float]
    of_cores: float


class Used(NamedTuple):
    server_cpu: float
    others_share: float


class Meter:
    """What the server used, and what others had of the cores that it is kept to."""

    def __init__(self, pids: Sequence[int], cores: Cores) -> None:
        self.watch = Watch(pids)
        self.cores = cores.server if cores.apart and pids else ()

    def read(self) -> Reading:
        by_core = psutil.cpu_times(percpu=True) if self.cores else []
        busy = sum(busy_seconds(by_core[core]) for core in self.cores)
        return Reading(time.monotonic(), used(self.watch.processes()), busy)

    def since(self, before: Reading) -> Used:
        now = self.read()
        passed = now.at - before.at
        server = sum(
            seconds - before.of_processes.get(pid, 0.0) for pid, seconds in now.of_processes.items()
        )
        others = max(0.0, now.of_cores - before.of_cores - server)
        return Used(server / passed, others / passed / max(1, len(self.cores)))

    def wait_for_others(self) -> None:
        """Until they leave the server's cores alone, for a while at most."""
        until = time.monotonic() + PATIENCE_SECONDS
        others_share = 1.0
        while others_share > knee.OTHERS_SHARE and time.monotonic() < until:
            before = self.read()
            time.sleep(1)
            others_share = self.since(before).others_share


def busy_seconds(core: Any) -> float:
    """In which it worked, be it for another machine that shares it (steal)."""
    return float(core.user + core.nice + core.system + getattr(core, "steal", 0.0))


# --- Searches ---------------------------------------------------------------------------------

Send = Callable[[str, Ask], Probe]
"""A probe of an operation."""


class Course:
    """The search for the knee of one operation, under way."""

    def __init__(self, operation: str, target_ms: float) -> None:
        self.operation = operation
        self.search = knee.search(target_ms)
        self.ask = next(self.search)
        self.probes: list[Probe] = []
        self.answer: Answer | None = None

    def step(self, send: Send) -> None:
        """One more probe, which may bring the answer."""
        probe = send(self.operation, self.ask)
        self.probes.append(probe)
        try:
            self.ask = self.search.send(probe)
        except StopIteration as ended:
            self.answer = ended.value


def courses(
    operations: Sequence[str], target_ms: float, send: Send, tell: Callable[[], None]
) -> list[Course]:
    """Each with its answer. Where it breaks off, that is the answer of all that had none yet."""
    found = [Course(operation, target_ms) for operation in operations]
    try:
        while under_way := [course for course in found if course.answer is None]:
            for course in under_way:
                course.step(send)
                tell()
    except BrokenOffError as error:
        for course in found:
            course.answer = course.answer or Answer(None, str(error))
    return found


class Sought(NamedTuple):
    """What is looked for where."""

    operations: Sequence[str]
    target_ms: float
    stack: results.Stack
    server: Served
    cores: Cores
    kept: bool = True


def run(sought: Sought, users: Users, progress: Progress) -> KneeResult:
    """Look for the knees. What was measured until something broke is in the result."""
    started_at, before_ms, begun = datetime.now(UTC), pace.work_ms(), time.monotonic()
    server, cores = sought.server, sought.cores
    whole = float(OPERATION_SECONDS * len(sought.operations))

    def tell() -> None:
        progress("knees", min(time.monotonic() - begun, whole), whole)

    tell()
    with sender(server.base, cores, *users.options) as generator:
        meter = Meter(server.pids, cores)

        def send(operation: str, ask: Ask) -> Probe:
            order = ordered(operation, ask, sought.target_ms)
            probe = probed(order, generator, meter, sought.target_ms)
            if ended := load.first_ended(server.pids):
                raise BrokenOffError(f"the server's process {ended} ended")
            if probe.outcome == "void":
                meter.wait_for_others()
            return probe

        found = courses(sought.operations, sought.target_ms, send, tell)
    floored = with_floors(found, sought.target_ms, cores)
    return described(sought, started_at, pace.since(before_ms), floored)


def ordered(operation: str, ask: Ask, target_ms: float) -> Order:
    return Order(
        operation=operation,
        task=knee.OPERATIONS.get(operation, ""),
        rate=ask.rate,
        clump=round(ask.rate * target_ms / 1_000),
        settle_s=ask.settle_s,
        seconds=ask.seconds,
        seed=ask.seed,
    )


def probed(order: Order, generator: Sender, meter: Meter, target_ms: float) -> Probe:
    before = meter.read()
    sent = generator.send(order)
    used = meter.since(before)
    return Probe(
        rate=order.rate,
        seed=order.seed,
        seconds=order.seconds,
        server_cpu=used.server_cpu,
        others_share=used.others_share,
        outcome=knee.outcome(sent, used.others_share, target_ms),
        **msgspec.structs.asdict(sent),
    )


def with_floors(found: Sequence[Course], target_ms: float, cores: Cores) -> list[Knee]:
    """As the result has them: a knee is none where the generator alone misses the target there."""
    if not any(course.answer and course.answer.edge for course in found):
        return [as_found(course, None) for course in found]
    with stacks.null_server(cores) as base, sender(base, cores, "--idle") as generator:
        meter = Meter([], cores)
        floors = [floor(course, generator, meter, target_ms) for course in found]
    return [as_found(course, each) for course, each in zip(found, floors, strict=True)]


def floor(course: Course, generator: Sender, meter: Meter, target_ms: float) -> Probe | None:
    if course.answer is None or course.answer.edge is None:
        return None
    ask = Ask(course.answer.edge.rate, *knee.lengths(target_ms), seed=1)
    try:
        return probed(ordered(FLOOR, ask, target_ms), generator, meter, target_ms)
    except BrokenOffError:
        return None


def as_found(course: Course, floor: Probe | None) -> Knee:
    edge, why = course.answer or Answer(None, "it was not looked for")
    if edge and floor and floor.outcome != "met":
        rate, edge = edge.rate, None
        why = (
            f"the generator was the bottleneck at {rate:,.0f} a second: of a server that does"
            f" nothing p99 is {floor.p99_ms:,.1f} ms"
        )
    return Knee(
        operation=course.operation,
        knee=edge.rate if edge else None,
        low=edge.low if edge else None,
        high=edge.high if edge else None,
        why=why,
        probes=course.probes,
        floor=floor,
    )


def described(sought: Sought, started_at: datetime, paced: Pace, found: list[Knee]) -> KneeResult:
    """The result file's content."""
    server, cores = sought.server, sought.cores
    return KneeResult(
        stack=sought.stack,
        started_at=started_at.isoformat(timespec="seconds"),
        machine=machine(),
        pace=paced,
        versions=versions(PACKAGES, **server.programs),
        data=server.data,
        settings=server.settings,
        server=server.what,
        server_cores=list(cores.server) if cores.apart and server.pids else [],
        target_p99_ms=sought.target_ms,
        operations=found,
        kept=sought.kept,
    )


def table(found: KneeResult) -> Table:
    """What came of a search, for a terminal."""
    kept = "" if found.kept else ", answers not kept"
    title = f"the highest rates with p99 under {found.target_p99_ms:g} ms, {found.server}{kept}"
    made = Table(title=title, title_justify="left", box=SIMPLE)
    made.add_column("operation", no_wrap=True)
    for name in ("a second", "95 %", "probes", "generator", "server", "floor p99 ms"):
        made.add_column(name, justify="right")
    for each in found.operations:
        made.add_row(each.operation, *figures(each))
    return made


def figures(found: Knee) -> Sequence[str]:
    nearest = knee.at_the_knee(found)
    if found.knee is None or nearest is None:
        return ("not found", "", str(len(found.probes)))
    return (
        f"{found.knee:,.1f}",
        f"{found.low:,.1f}–{found.high:,.1f}",
        str(len(found.probes)),
        f"{nearest.generator_cpu:.0%}",
        f"{nearest.server_cpu:.2f}",
        f"{found.floor.p99_ms:.1f}" if found.floor else "",
    )


def summary(found: KneeResult) -> str:
    """Why some were not found, a line each; nothing where all were."""
    return "\n".join(f"{each.operation}: {each.why}" for each in found.operations if each.why)
