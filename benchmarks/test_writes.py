"""Rows into the library, one or many in one request, from the body to the commit."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import msgspec
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.libraries import SMALL, Size, holding
from benchmarks.measuring import describe, timed
from benchmarks.requests import App
from vivace.catalogue.models import Album, Artist, Entry, Track
from vivace.dataset.library import library as generated

ROWS = 10_000
BULK_ROUNDS = 10
ONE_ROUNDS = 100
OWNER = 1
"""The id of the artist, and of the album, that new rows belong to."""

MODELS: dict[str, type[Entry]] = {"artist": Artist, "album": Album, "track": Track}


def names(number: int) -> list[str]:
    """Names as real artists have them, in several scripts; made once, outside of the timing."""
    rows = generated(artists=number, albums_per_artist=1, tracks_per_album=1, seed=2)
    found = dict.fromkeys(row["name"] for row in rows if row.get("kind") == "artist")
    return [f"{name} {index}" for index, name in enumerate(found)][:number]


@pytest.mark.parametrize("kind", ["album", "track"])
def test_bulk_insert(
    benchmark: BenchmarkFixture, app: App, emptied: Callable[[], None], kind: str
) -> None:
    describe(benchmark, f"Bulk Insert {kind.title()}s", "write", rows=ROWS)
    belongs = {"artist_id": str(OWNER), "genres": ["Rock"]}
    if kind == "track":
        belongs["album_id"] = str(OWNER)
    body = msgspec.json.encode([{"title": name, **belongs} for name in names(ROWS)])

    def fresh() -> None:
        emptied()
        artist = Artist.objects.create(pk=OWNER, name="Sigur Rós")
        if kind == "track":
            Album.objects.create(pk=OWNER, title="Ágætis byrjun", artist=artist)

    timed(benchmark, lambda: app.post(f"/{kind}s/bulk", body), fresh=fresh, rounds=BULK_ROUNDS)
    assert MODELS[kind]._default_manager.count() == ROWS


@holding(SMALL)
@pytest.mark.parametrize("kind", MODELS)
def test_create_one(benchmark: BenchmarkFixture, app: App, library: Size, kind: str) -> None:
    describe(benchmark, f"Create one {kind}", "write", rows=1)
    bodies = (msgspec.json.encode(body) for body in new(kind))
    rows = MODELS[kind]._default_manager
    last = rows.latest("pk").pk
    timed(benchmark, lambda: app.post(f"/{kind}s", next(bodies)), rounds=ONE_ROUNDS)
    made = rows.filter(pk__gt=last)
    assert made.exists()
    made.delete()


def new(kind: str) -> Iterator[dict[str, Any]]:
    """Ever another artist, album or track, the latter two of an album in the library."""
    album = Album.objects.earliest("pk")
    for number in count():
        match kind:
            case "artist":
                yield {"name": f"Artist {number}"}
            case "album":
                yield {"title": f"Album {number}", "artist_id": str(album.artist_id)}
            case _:
                yield {
                    "title": f"Track {number}",
                    "artist_id": str(album.artist_id),
                    "album_id": str(album.pk),
                    "genres": ["Rock"],
                }
