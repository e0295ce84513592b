"""Generated libraries that benchmarks read, each made once a run and sized by name."""

import time
from typing import NamedTuple

import pytest
from django.db import connection

from vivace.catalogue.models import Track
from vivace.dataset.filling import fill
from vivace.dataset.library import library


class Size(NamedTuple):
    """Averages: a few artists have most of the albums and tracks."""

    artists: int
    albums_per_artist: int
    tracks_per_album: int

    @property
    def tracks(self) -> int:
        return self.artists * self.albums_per_artist * self.tracks_per_album

    def __str__(self) -> str:
        return str(self.tracks)


SMALL = Size(1_000, 2, 5)
"""10,000 tracks."""
TOWN = Size(5_000, 2, 10)
"""100,000 tracks."""
HOUSE = Size(10_000, 2, 10)
"""10,000 artists, 20,000 albums, 200,000 tracks."""
IMPORTED = Size(50_000, 2, 10)
"""50,000 artists, 100,000 albums, 1,000,000 tracks."""
STATION = Size(50_000, 4, 10)
"""2,000,000 tracks."""

LARGE_FROM = 1_000_000
"""Tracks from which on a library takes minutes to make."""


def sized(name: str, *sizes: Size, indirect: bool = False) -> pytest.MarkDecorator:
    """Run a test for each size, given to it by that name; a large one is marked so."""
    marked = [
        pytest.param(size, marks=[pytest.mark.large] if size.tracks >= LARGE_FROM else [])
        for size in sizes
    ]
    return pytest.mark.parametrize(name, marked, indirect=indirect, ids=str)


def holding(*sizes: Size) -> pytest.MarkDecorator:
    """Run a test on a library of each size. Its fixture `library` is that size."""
    return sized("library", *sizes, indirect=True)


def stand_up(size: Size) -> None:
    """Have the database hold a generated library of this size, and nothing else."""
    if Track.objects.count() == size.tracks:
        return
    clear()
    started = time.perf_counter()
    fill(library(size.artists, size.albums_per_artist, size.tracks_per_album, seed=1))
    analyse()
    print(f"\n{size.tracks:,} tracks generated in {time.perf_counter() - started:.0f} s")  # noqa: T201


def clear() -> None:
    """Empty the catalogue the fast way; ids go on where they were."""
    with connection.cursor() as cursor:
        tables = [t for t in connection.introspection.table_names() if t.startswith(CATALOGUE)]
        keep = {"catalogue_generation"}
        if connection.vendor == "postgresql":
            names = ", ".join(table for table in tables if table not in keep)
            cursor.execute(f"TRUNCATE {names} CASCADE")
            return
        external = [t for t in tables if t.endswith(("_words", "_word_parts"))]
        indexes = (*external, *(t for t in tables if t.endswith("_search")))
        shadows = tuple(f"{index}_" for index in indexes)
        plain = [t for t in tables if t not in {*keep, *external} and not t.startswith(shadows)]
        cursor.execute("PRAGMA foreign_keys = OFF")
        for table in plain:
            cursor.execute(f"DELETE FROM {table}")
        for table in external:
            # Else what is gone stays in the index as a row of deletions, to be merged later.
            cursor.execute(f"INSERT INTO {table}({table}) VALUES ('delete-all')")
        cursor.execute("PRAGMA foreign_keys = ON")


CATALOGUE = "catalogue_"


def analyse() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
