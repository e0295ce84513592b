"""Statements with the route that asked for them: how often, how long, written down each second."""

import os
import re
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from django.core.signals import request_finished, request_started
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from msgspec import Struct

from vivace.lab.profiling.shapes import shape

FOLDER = "VIVACE_LAB_NOTES"
"""The variable of the environment that says where."""
EVERY_S = 1.0
ID = re.compile(r"/\d+(?=/|$)")
BETWEEN = "between requests"


class Note(Struct):
    """All statements of one shape for one route."""

    route: str
    """Method and path, with `{id}` for each id."""
    shape: str
    times: int = 0
    seconds: float = 0.0
    """Fetching included."""
    slowest: float = 0.0


class Key(NamedTuple):
    route: str
    sql: str


notes: dict[Key, Note] = {}
asking = threading.local()
"""`route`: what the thread's request asks for."""
written_at = 0.0


class NotingCursor(CursorWrapper):
    note: Note

    def execute(self, sql: Any, params: Any = None) -> Any:
        self.note = noted(str(sql))
        self.note.times += 1
        return self._timed(super().execute, sql, params)

    def executemany(self, sql: Any, param_list: Any) -> Any:
        self.note = noted(str(sql))
        self.note.times += 1
        return self._timed(super().executemany, sql, param_list)

    def fetchone(self) -> Any:
        return self._timed(self.cursor.fetchone)

    def fetchmany(self, *size: Any, **named: Any) -> Any:
        return self._timed(lambda: self.cursor.fetchmany(*size, **named))

    def fetchall(self) -> Any:
        return self._timed(self.cursor.fetchall)

    def _timed(self, run: Callable[..., Any], *arguments: Any) -> Any:
        began = time.perf_counter()
        try:
            return run(*arguments)
        finally:
            took = time.perf_counter() - began
            self.note.seconds += took
            self.note.slowest = max(self.note.slowest, took)


def noted(sql: str) -> Note:
    key = Key(getattr(asking, "route", BETWEEN), sql)
    if key not in notes:
        notes[key] = Note(key.route, sql)
    return notes[key]


def start() -> None:
    """Note every statement of this process from now on."""

    def make_cursor(self: BaseDatabaseWrapper, cursor: Any) -> NotingCursor:
        return NotingCursor(cursor, self)

    BaseDatabaseWrapper.make_cursor = make_cursor  # type: ignore[method-assign]
    request_started.connect(began)
    request_finished.connect(ended)


def began(sender: Any, environ: dict[str, Any], **_: Any) -> None:
    path = ID.sub("/{id}", environ["PATH_INFO"])
    asking.route = f"{environ['REQUEST_METHOD']} {path}"


def ended(sender: Any, **_: Any) -> None:
    global written_at  # noqa: PLW0603 - of this process, as the notes are
    asking.route = BETWEEN
    if time.monotonic() - written_at >= EVERY_S:
        write(Path(os.environ[FOLDER]))
        written_at = time.monotonic()


def write(folder: Path) -> None:
    path = folder / f"{os.getpid()}.json"
    made = path.with_suffix(".part")
    made.write_bytes(msgspec.json.encode([*notes.values()]))
    made.replace(path)


def gathered(folder: Path) -> list[Note]:
    """Of all processes together, by shape; what took the most time in all first."""
    together: dict[Key, Note] = {}
    for note in read(sorted(folder.glob("*.json"))):
        key = Key(note.route, shape(note.shape))
        known = together.setdefault(key, Note(*key))
        known.times += note.times
        known.seconds += note.seconds
        known.slowest = max(known.slowest, note.slowest)
    return sorted(together.values(), key=lambda note: (-note.seconds, note.route, note.shape))


def read(paths: Iterable[Path]) -> Iterable[Note]:
    for path in paths:
        yield from msgspec.json.decode(path.read_bytes(), type=list[Note])
