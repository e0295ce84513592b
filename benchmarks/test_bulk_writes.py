"""Many rows in one request, from the body to the commit."""

from collections.abc import Callable

import msgspec
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.libraries import SMALL
from benchmarks.requests import App
from vivace.catalogue.models import Album, Artist
from vivace.dataset.library import library

ROWS = 10_000


def names(count: int) -> list[str]:
    """Names as real artists have them, in several scripts; made once, outside of the timing."""
    rows = library(artists=count, albums_per_artist=1, tracks_per_album=1, seed=2)
    found = dict.fromkeys(row["name"] for row in rows if row.get("kind") == "artist")
    return [f"{name} {index}" for index, name in enumerate(found)][:count]


def test_bulk_insert_artists(
    benchmark: BenchmarkFixture, app: App, emptied: Callable[[], None]
) -> None:
    benchmark.extra_info.update(
        title="Bulk Insert Artists", rows=ROWS, goal_ms={"sqlite": 60, "postgresql": 130}
    )
    body = msgspec.json.encode([{"name": name} for name in names(ROWS)])
    benchmark.pedantic(app.post, ("/artists/bulk", body), setup=emptied, rounds=15, warmup_rounds=2)
    assert Artist.objects.count() == ROWS


def test_bulk_insert_tracks(
    benchmark: BenchmarkFixture, app: App, emptied: Callable[[], None]
) -> None:
    benchmark.extra_info.update(title="Bulk Insert Tracks", rows=ROWS)

    def setup() -> tuple[tuple[str, bytes], dict[str, object]]:
        emptied()
        artist = Artist.objects.create(name="Sigur Rós")
        album = Album.objects.create(title="Ágætis byrjun", artist=artist)
        body = msgspec.json.encode(
            [
                {
                    "title": name,
                    "artist_id": str(artist.pk),
                    "album_id": str(album.pk),
                    "genres": ["Rock"],
                }
                for name in titles
            ]
        )
        return ("/tracks/bulk", body), {}

    titles = names(ROWS)
    benchmark.pedantic(app.post, setup=setup, rounds=7, warmup_rounds=1)


def test_create_one_artist(
    benchmark: BenchmarkFixture, app: App, library: Callable[..., None]
) -> None:
    benchmark.extra_info.update(title="Create one artist", rows=1)
    library(SMALL)
    numbers = iter(range(1_000_000))
    benchmark.pedantic(
        app.post,
        setup=lambda: (("/artists", b'{"name": "Artist %d"}' % next(numbers)), {}),
        rounds=100,
    )
    Artist.objects.filter(name__startswith="Artist ").delete()
