"""A file → the library: read → plan → store → `ImportReport`.

    formats.reader ─chunks→ plan.Planner ─tracks→ staging ┐
                                 └────────the rest────────┴→ store.store ─→ one transaction

Reading and planning take minutes for a large file and hold no lock. What they rest on is marked
by the generation, read before all else: the transaction that writes looks at it again, and where
the catalogue has changed meanwhile the file is planned anew. The last try plans inside that
transaction, where nobody can interfere.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from django.db import IntegrityError, OperationalError, transaction

from vivace.accounts.models import User
from vivace.catalogue import caching
from vivace.imports import staging
from vivace.imports.formats import Csv, Format, JsonLines, reader
from vivace.imports.library import StoredLibrary
from vivace.imports.plan import Planner
from vivace.imports.playlists import Playlists
from vivace.imports.report import ImportReport
from vivace.imports.rows import Row, RowError
from vivace.imports.store import store
from vivace.problems import Conflict

CHUNK_ROWS = 5_000
CHUNK_BYTES = 8 << 20
COPY_BYTES = 1 << 20
TRIES_WITHOUT_LOCK = 2
TRIES = 5

Progress = Callable[[str, int, int, int], None]
"""Told what is being done (`reading` or `writing`), the rows so far, bytes read and in all."""


class MovedError(Exception):
    """The catalogue is no longer the one that was planned for."""


def import_rows(
    stream: BinaryIO,
    *,
    format: Format = "auto",  # noqa: A002 - the option's name
    source: str | None = None,
    owner: User | None = None,
    strict: bool = False,
    dry_run: bool = False,
    progress: Progress = lambda _what, _rows, _done, _total: None,
) -> ImportReport:
    """Import one file, all of it in one transaction.

    Rows that are wrong stay out and are in the report; with `strict` one of them keeps out the
    file. Raises `NotThatFormat` where the file is something else altogether, and `Conflict` where
    what is right row by row cannot be stored.
    """
    with seekable(stream) as file:
        number = 0
        while True:
            number += 1
            has_lock = number > TRIES_WITHOUT_LOCK
            attempt = Attempt(file, format, source, owner, progress)
            try:
                with staging.staged_tracks():
                    if has_lock:
                        attempt.plan_and_store(strict, dry_run)
                    else:
                        attempt.plan_then_store(strict, dry_run)
            except MovedError:
                continue
            except IntegrityError as error:
                if has_lock:
                    raise in_the_way(error) from error
            except OperationalError as error:
                if number == TRIES or not caching.is_deadlock(error):
                    raise
            else:
                return attempt.report


def in_the_way(error: IntegrityError) -> Conflict:
    told = str(error)
    if "artist_name_unique" in told or "catalogue_artist.name_key" in told:
        return Conflict(
            "Artists of the library exchange a name, and are stored one after the other: "
            "import the rows that give one up first"
        )
    return Conflict("Something that it refers to has just been changed")


class Attempt:
    """One reading of the file."""

    def __init__(
        self,
        file: BinaryIO,
        format: Format,  # noqa: A002 - the option's name
        source: str | None,
        owner: User | None,
        progress: Progress,
    ) -> None:
        self.file = file
        self.size = file.seek(0, 2)
        self.reader = reader(file, format)
        self.progress = progress
        self.report = ImportReport()
        self.playlists = Playlists(owner, self.report)
        self.source = source
        self.rows = 0
        self.new_tracks = 0
        self.changed_tracks = 0

    def plan(self) -> None:
        self.planner = Planner(StoredLibrary(), self.source, self.playlists, self.report)
        for chunk in chunks(self.reader, self.file):
            for tracks in self.planner.plan(chunk):
                staging.stage(tracks.staged.values(), tracks.staged_before & tracks.staged.keys())
            self.rows += len(chunk)
            self.progress("reading", self.rows, min(self.file.tell(), self.size), self.size)
        self.planner.finish()
        self.new_tracks = self.planner.tracks.new
        self.changed_tracks = len(self.planner.tracks.changed)
        self.planner.tracks.forget()
        self.report.notes = notes(self.reader.unknown)

    def is_done(self, strict: bool, dry_run: bool) -> bool:
        return dry_run or (strict and self.report.refused > 0) or not self.has_writes()

    def has_writes(self) -> bool:
        return bool(
            self.new_tracks
            or self.changed_tracks
            or self.planner.has_writes()
            or self.playlists.has_writes()
        )

    def plan_then_store(self, strict: bool, dry_run: bool) -> None:
        """Write what was planned without a lock.

        Raises `MovedError` where the catalogue is then no longer that of the plan.
        """
        generation = caching.generation()
        self.plan()
        if self.is_done(strict, dry_run):
            return
        with self.write_lock():
            if caching.locked() != generation:
                raise MovedError
            self.write()

    def plan_and_store(self, strict: bool, dry_run: bool) -> None:
        with self.write_lock():
            caching.locked()
            self.plan()
            if not self.is_done(strict, dry_run):
                self.write()

    def write(self) -> None:
        self.progress("writing", self.rows, self.size, self.size)
        with caching.advancing():
            store(self.planner, self.new_tracks, self.changed_tracks)
            self.playlists.store()
        self.report.stored = True

    @contextmanager
    def write_lock(self) -> Iterator[None]:
        """A transaction that no other writer is in, and the report of how long it took."""
        with transaction.atomic():
            started = time.perf_counter()

            def ended() -> None:
                self.report.write_lock_ms = (time.perf_counter() - started) * 1_000

            # Before anything that waits after the commit, when no other writer does.
            transaction.on_commit(ended)
            yield


def chunks(rows: JsonLines | Csv, file: BinaryIO) -> Iterator[list[tuple[int, Row] | RowError]]:
    """Rows by the thousand, or fewer where they are long."""
    chunk: list[tuple[int, Row] | RowError] = []
    start = 0
    for row in rows:
        chunk.append(row)
        if len(chunk) >= CHUNK_ROWS or file.tell() - start > CHUNK_BYTES:
            yield chunk
            chunk, start = [], file.tell()
    if chunk:
        yield chunk


def notes(unknown: set[str]) -> list[str]:
    if not unknown:
        return []
    return [f"left out, being unknown columns: {', '.join(sorted(unknown))}"]


@contextmanager
def seekable(stream: BinaryIO) -> Iterator[BinaryIO]:
    """The stream, or a copy of one that can be read only once."""
    if stream.seekable():
        yield stream
        return
    with tempfile.TemporaryFile() as copy:
        while block := stream.read(COPY_BYTES):
            copy.write(block)
        yield copy
