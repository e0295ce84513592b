"""What a request does: its statements, with where each was issued, and where its time goes.

Django's `execute_wrapper` sees a statement begin and end, but not its rows, which are fetched
afterwards. A cursor of our own sees both.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from sysconfig import get_paths
from types import FrameType
from typing import Any, NamedTuple

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.transaction import Atomic, get_connection
from django.template.base import Node

LAB = Path(__file__).parents[1]
LIBRARIES = tuple({get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")})

OUTSIDE = 1
"""`atomic` blocks around a request whose writes are undone after it."""
SCHEDULER = Path("/proc/thread-self/schedstat")
THROUGH = 4
"""Places that are kept of the way to a statement, the nearest first."""


class Place(NamedTuple):
    """A line of the project's own."""

    file: str
    """From where the project's packages are."""
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(kw_only=True)
class Executed:
    """One statement that ran."""

    sql: str
    params: Any
    many: bool
    alias: str
    began: float
    ended: float = 0.0
    """When its last row was fetched, so far; both of `time.perf_counter`."""
    seconds: float = 0.0
    """In the driver and the database, fetching included."""
    cpu_seconds: float = 0.0
    queued_seconds: float = 0.0
    queued_until: float = 0.0
    """How long its thread had waited for a processor by its end, since the thread began."""
    rows: int = 0
    """Fetched, or written where it writes."""
    columns: list[str] = field(default_factory=list)
    widths: list[int] = field(default_factory=list)
    """Characters and bytes that came in each column, all rows together."""
    samples: list[str] = field(default_factory=list)
    """A value of each column that is a text; empty where none is."""
    through: list[Place]
    """The lines it was issued through, the nearest first; empty where none is the project's."""
    template: Place | None
    """The line of the template that asked for it, where one did."""
    depth: int
    """How many `atomic` blocks it ran in."""
    released: float = 0.0
    """When the outermost of them that is the project's own had ended."""
    released_queued: float = 0.0
    """How long its thread had waited for a processor by then."""

    @property
    def place(self) -> Place | None:
        return self.template or (self.through[0] if self.through else None)

    @property
    def kind(self) -> str:
        """`SELECT`, `INSERT`, …"""
        return self.sql.lstrip(" (\n").partition(" ")[0].upper()

    @property
    def reads(self) -> bool:
        return self.kind in {"SELECT", "WITH"}

    @property
    def writes(self) -> bool:
        return self.kind in {"INSERT", "UPDATE", "DELETE"}


@dataclass
class Trace:
    """All that one request did."""

    detailed: bool = False
    """Whether columns are looked at, too, which costs time."""
    executed: list[Executed] = field(default_factory=list)
    connected: list[Place | None] = field(default_factory=list)
    """From where each connection was opened."""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    """Of all threads of this process."""
    queued_seconds: float = 0.0
    """That the thread could have run, but others had the processor."""
    ended: float = 0.0
    status: int = 0
    body: bytes = b""
    error: str = ""

    @property
    def database_seconds(self) -> float:
        return sum(each.seconds for each in self.executed)

    @property
    def rendering_seconds(self) -> float:
        """From the last row until the last byte; nothing where no statement ran."""
        if not self.executed:
            return 0.0
        return self.ended - max(each.ended for each in self.executed)

    @property
    def python_seconds(self) -> float:
        """What is neither the database's nor rendering."""
        return max(0.0, self.seconds - self.database_seconds - self.rendering_seconds)

    @property
    def computed_seconds(self) -> float:
        """On the processor, but for what the statements took there."""
        return max(0.0, self.cpu_seconds - sum(each.cpu_seconds for each in self.executed))

    @property
    def idle_seconds(self) -> float:
        """Neither computed, nor waited for the database or the processor."""
        queued = self.queued_seconds - sum(each.queued_seconds for each in self.executed)
        busy = self.database_seconds + self.computed_seconds + queued
        return max(0.0, self.seconds - busy)


class RecordingCursor(CursorWrapper):
    """Notes each statement and its rows in the trace that is open."""

    trace: Trace
    before: Callable[[Executed], None]
    executed: Executed

    def execute(self, sql: Any, params: Any = None) -> Any:
        return self._noted(super().execute, sql, params, many=False)

    def executemany(self, sql: Any, param_list: Any) -> Any:
        return self._noted(super().executemany, sql, [*param_list], many=True)

    def _noted(self, run: Callable[..., Any], sql: Any, params: Any, *, many: bool) -> Any:
        through, template = way()
        self.executed = Executed(
            sql=str(sql),
            params=params,
            many=many,
            alias=self.db.alias,
            began=time.perf_counter(),
            through=through,
            template=template,
            depth=len(self.db.atomic_blocks),
        )
        self.trace.executed.append(self.executed)
        self.before(self.executed)
        try:
            return self._timed(run, sql, params)
        finally:
            if self.executed.writes:
                self.executed.rows = max(0, self.cursor.rowcount)

    def _timed(self, run: Callable[..., Any], *arguments: Any) -> Any:
        began, cpu, queued = time.perf_counter(), time.thread_time(), queued_seconds()
        try:
            return run(*arguments)
        finally:
            self.executed.ended = time.perf_counter()
            self.executed.seconds += self.executed.ended - began
            self.executed.cpu_seconds += time.thread_time() - cpu
            self.executed.queued_until = queued_seconds()
            self.executed.queued_seconds += self.executed.queued_until - queued

    def fetchone(self) -> Any:
        row = self._timed(self.cursor.fetchone)
        self._count([row] if row is not None else [])
        return row

    def fetchmany(self, *size: Any, **named: Any) -> Any:
        rows = self._timed(lambda: self.cursor.fetchmany(*size, **named))
        self._count(rows)
        return rows

    def fetchall(self) -> Any:
        rows = self._timed(self.cursor.fetchall)
        self._count(rows)
        return rows

    def __iter__(self) -> Iterator[Any]:
        while (row := self.fetchone()) is not None:
            yield row

    def _count(self, rows: list[Any]) -> None:
        # What a statement wrote was counted when it ran, RETURNING or not.
        if self.executed.reads:
            self.executed.rows += len(rows)
        if rows and self.trace.detailed:
            look_at(self.executed, rows, [told[0] for told in self.cursor.description])


def look_at(executed: Executed, rows: list[Any], columns: list[str]) -> None:
    """Note how wide the columns of these rows are."""
    if not executed.columns:
        executed.columns = columns
        executed.widths, executed.samples = [0] * len(columns), [""] * len(columns)
    for row in rows:
        for at, value in enumerate(row):
            if isinstance(value, str | bytes):
                executed.widths[at] += len(value)
                if isinstance(value, str) and len(value) > len(executed.samples[at]):
                    executed.samples[at] = value


def queued_seconds() -> float:
    """How long this thread has waited for a processor; 0 where Linux does not say."""
    try:
        with SCHEDULER.open("rb") as file:
            return int(file.read().split()[1]) / 1e9
    except OSError:
        return 0.0


def nothing(executed: Executed) -> None:
    pass


@contextmanager
def recording(
    *, detailed: bool = False, before: Callable[[Executed], None] = nothing
) -> Iterator[Trace]:
    """A trace of whatever any thread asks of a database in the block.

    `before` is called with each statement just before it runs.
    """
    trace = Trace(detailed)
    original = {
        name: getattr(BaseDatabaseWrapper, name)
        for name in ("make_cursor", "make_debug_cursor", "connect")
    }

    def make_cursor(self: BaseDatabaseWrapper, cursor: Any) -> RecordingCursor:
        made = RecordingCursor(cursor, self)
        made.trace, made.before = trace, before
        return made

    def connect(self: BaseDatabaseWrapper) -> None:
        through, _ = way()
        trace.connected.append(through[0] if through else None)
        original["connect"](self)

    def leave(self: Atomic, *raised: Any) -> None:
        leave_block(self, *raised)
        connection = get_connection(self.using)
        if len(connection.atomic_blocks) == OUTSIDE:
            for each in trace.executed:
                inside = each.depth > OUTSIDE and each.alias == connection.alias
                if inside and not each.released:
                    each.released, each.released_queued = time.perf_counter(), queued_seconds()

    replaced = {"make_cursor": make_cursor, "make_debug_cursor": make_cursor, "connect": connect}
    for name, function in replaced.items():
        setattr(BaseDatabaseWrapper, name, function)
    # A block without a savepoint says nothing to the database when it ends.
    leave_block, Atomic.__exit__ = Atomic.__exit__, leave  # type: ignore[method-assign]
    began, cpu, queued = time.perf_counter(), time.process_time(), queued_seconds()
    try:
        yield trace
    finally:
        trace.ended = time.perf_counter()
        trace.seconds, trace.cpu_seconds = trace.ended - began, time.process_time() - cpu
        trace.queued_seconds = queued_seconds() - queued
        for name, function in original.items():
            setattr(BaseDatabaseWrapper, name, function)
        Atomic.__exit__ = leave_block  # type: ignore[method-assign]


# --- Where from -------------------------------------------------------------------------------


def way() -> tuple[list[Place], Place | None]:
    """The project's lines that lead here, the nearest first, and the template's nearest to us."""
    through: list[Place] = []
    template: Place | None = None
    frame: FrameType | None = sys._getframe(2)
    while frame:
        code = frame.f_code
        if file := of_project(code.co_filename):
            if len(through) < THROUGH:
                through.append(Place(file, frame.f_lineno, code.co_name))
        elif not template and code.co_name == "render_annotated":
            template = line_of(frame.f_locals.get("self"))
        frame = frame.f_back
    return through, template


def place_of(frame: FrameType | None) -> Place | None:
    """The project's line nearest to where a thread is."""
    while frame:
        if file := of_project(frame.f_code.co_filename):
            return Place(file, frame.f_lineno, frame.f_code.co_name)
        frame = frame.f_back
    return None


def line_of(node: Any) -> Place | None:
    """Of a template's node, where the template is the project's own."""
    if not isinstance(node, Node) or not node.token or node.token.lineno is None:
        return None
    file = of_project(str(node.origin.name))
    return Place(file, node.token.lineno, "") if file else None


@cache
def root() -> Path:
    """The folder that the package of the settings is in."""
    name = settings.SETTINGS_MODULE
    file = sys.modules[name].__file__ or "."
    return Path(file).resolve().parents[name.count(".")]


@cache
def of_project(file: str) -> str | None:
    """The path from the root, where the file is of the project and neither a library's nor ours."""
    path = Path(file)
    foreign = file.startswith(LIBRARIES) or "site-packages" in path.parts
    if foreign or not path.is_absolute() or path.is_relative_to(LAB):
        return None
    try:
        return str(path.resolve().relative_to(root()))
    except ValueError:
        return None
