"""Lists and single things, from the request to the last byte, nothing stored."""

from collections.abc import Callable

import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.libraries import HOUSE, SMALL, STATION
from benchmarks.requests import App

Library = Callable[..., None]


def test_all_artists_in_one_request(
    benchmark: BenchmarkFixture, app: App, library: Library
) -> None:
    benchmark.extra_info.update(
        title="API Query – Artists (10k)", rows=10_000, goal_ms={"sqlite": 15, "postgresql": 15}
    )
    library(HOUSE)
    body = benchmark(app.get, "/artists", "limit=10000")
    assert len(msgspec.json.decode(body)["items"]) == HOUSE.artists


def test_a_page_of_tracks(benchmark: BenchmarkFixture, app: App, library: Library) -> None:
    benchmark.extra_info.update(
        title="API Query – Tracks (100 of 200,000)",
        rows=100,
        goal_ms={"sqlite": 1.2, "postgresql": 2.5},
    )
    library(HOUSE)
    with CaptureQueriesContext(connection) as queries:
        app.get("/tracks", "limit=100")
    benchmark.extra_info["queries"] = len(queries)
    body = benchmark(app.get, "/tracks", "limit=100")
    assert len(msgspec.json.decode(body)["items"]) == 100
    assert len(queries) <= 3


SORTS = ("title", "-title", "album", "artist", "duration_ms", "-release_year", "-created_at")


@pytest.mark.parametrize("sort", SORTS)
def test_a_page_of_tracks_sorted(
    benchmark: BenchmarkFixture, app: App, library: Library, sort: str
) -> None:
    benchmark.extra_info.update(title=f"Tracks by {sort} (100 of 200,000)", rows=100)
    library(HOUSE)
    benchmark(app.get, "/tracks", f"limit=100&sort={sort}")


FILTERS = ("genre=rock", "genre=rock&sort=title", "title=lo", "artist=an&sort=title", "album=the")


@pytest.mark.parametrize("filters", FILTERS)
def test_a_page_of_tracks_filtered(
    benchmark: BenchmarkFixture, app: App, library: Library, filters: str
) -> None:
    benchmark.extra_info.update(title=f"Tracks with {filters} (100 of 200,000)", rows=100)
    library(HOUSE)
    benchmark(app.get, "/tracks", f"limit=100&{filters}")


def test_one_track(benchmark: BenchmarkFixture, app: App, library: Library) -> None:
    benchmark.extra_info.update(title="One track", rows=1)
    library(HOUSE)
    (first,) = msgspec.json.decode(app.get("/tracks", "limit=1"))["items"]
    benchmark(app.get, f"/tracks/{first['id']}")


def test_a_page_of_tracks_10k(benchmark: BenchmarkFixture, app: App, library: Library) -> None:
    benchmark.extra_info.update(title="API Query – Paginated Tracks (10k)", rows=100)
    library(SMALL)
    benchmark(app.get, "/tracks", "limit=100")


def deep_cursor(app: App, walked: int) -> str:
    """The cursor of the page after so many tracks by title, come to in the longest steps."""
    cursor = ""
    for _ in range(walked // 10_000):
        query = "limit=10000&sort=title" + (f"&cursor={cursor}" if cursor else "")
        cursor = msgspec.json.decode(app.get("/tracks", query))["next"]
    return cursor


@pytest.mark.large
@pytest.mark.parametrize("page", ["first", "last"])
def test_a_page_at_either_end_of_two_million(
    benchmark: BenchmarkFixture, app: App, library: Library, page: str
) -> None:
    benchmark.extra_info.update(
        title=f"Tracks by title, the {page} page of 2,000,000", rows=100, pair="depth"
    )
    library(STATION)
    query = "limit=100&sort=title"
    if page == "last":
        query += f"&cursor={deep_cursor(app, STATION.tracks - 10_000)}"
    body = benchmark(app.get, "/tracks", query)
    assert len(msgspec.json.decode(body)["items"]) == 100
