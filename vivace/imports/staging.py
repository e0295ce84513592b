"""The tracks of a file that is being read, in a temporary table of this connection.

Filling it takes no lock that anyone waits for, and one statement moves all of it to its place.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from django.db import connection

from vivace.catalogue import bulk
from vivace.catalogue.folding import fold, spellings
from vivace.imports.known import Credits, StagedTrack, Track

COLUMNS = (*Track._fields, "fresh", "credits")
NAMES = ", ".join(f"found.{column}" for column in COLUMNS)
NUMBERS = {
    "id", "artist_id", "album_id", "disc_number", "track_number", "duration_ms", "fresh",
}  # fmt: skip
CACHE_KIB = 16_000
"""Of the staged rows, whose table may grow past it: the rest goes to a file."""

WORDS = ("title_words", "composer_words")
decode_credits = msgspec.json.Decoder(Credits | None).decode


def definition(column: str) -> str:
    if column == "id":
        kind = "bigint" if connection.vendor == "postgresql" else "integer"
        return f"id {kind} PRIMARY KEY"
    return f"{column} {'bigint' if column in NUMBERS else 'text'}"


@contextmanager
def staged_tracks() -> Iterator[None]:
    """The empty table `staged_track`, for the block."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS staged_track")
        columns = ", ".join(definition(column) for column in (*COLUMNS, *WORDS))
        cursor.execute(f"CREATE TEMPORARY TABLE staged_track ({columns})")
        if connection.vendor == "sqlite":
            cursor.execute(f"PRAGMA temp.cache_size = -{CACHE_KIB}")
    try:
        yield
    finally:
        drop()


def drop() -> None:
    # A transaction that failed takes no more statements, and a connection that is lost no more
    # at all; the table then goes with them, or at the next import.
    if connection.needs_rollback or not connection.is_usable():
        return
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS staged_track")


def stage(tracks: Collection[StagedTrack], staged_before: Collection[int]) -> None:
    """Put tracks in, in place of those with their ids that were there before."""
    if not tracks:
        return
    with brief_transaction():
        if staged_before:
            forget(staged_before)
        bulk.insert_into("staged_track", (*COLUMNS, *WORDS), map(row_of, tracks))


def row_of(staged: StagedTrack) -> tuple[bulk.Value, ...]:
    track, fresh, credited = staged
    encoded = None if credited is None else msgspec.json.encode(credited).decode()
    title = spellings(track.title_key)
    composer = spellings(fold(track.composer)) if track.composer else ""
    return (*track, 1 if fresh else 0, encoded, title, composer)


def staged_track(row: tuple[Any, ...]) -> StagedTrack:
    *track, fresh, credited = row
    return StagedTrack(Track._make(track), bool(fresh), decode_credits(credited or "null"))


def forget(ids: Collection[int]) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("DELETE FROM staged_track WHERE id = ANY(%s)", [list(ids)])
        else:
            encoded = msgspec.json.encode(list(ids)).decode()
            cursor.execute(
                "DELETE FROM staged_track WHERE id IN (SELECT value FROM json_each(%s))", [encoded]
            )


@contextmanager
def brief_transaction() -> Iterator[None]:
    """One transaction over the temporary table alone.

    Django's own would take SQLite's write lock on the library too.
    """
    if connection.vendor == "postgresql" or connection.in_atomic_block:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("BEGIN DEFERRED")
        try:
            yield
        except BaseException:
            cursor.execute("ROLLBACK")
            raise
        cursor.execute("COMMIT")
