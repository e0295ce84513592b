"""The same reads in libraries of several sizes: what a record more costs."""

from collections.abc import Callable, Mapping

import msgspec
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.libraries import IMPORTED, SMALL, STATION, TOWN, Size, holding
from benchmarks.measuring import describe, read
from benchmarks.requests import App
from vivace.catalogue.models import Track

LIMIT = 100
LONGEST = 10_000


def first(app: App, size: Size) -> str:
    return f"limit={LIMIT}"


def by_title(app: App, size: Size) -> str:
    return f"limit={LIMIT}&sort=title"


def deep_by_title(app: App, size: Size) -> str:
    return f"limit={LIMIT}&sort=title&cursor={deep_cursor(app, size.tracks * 9 // 10)}"


def of_genre(app: App, size: Size) -> str:
    return f"limit={LIMIT}&genre=rock"


def longest(app: App, size: Size) -> str:
    return f"limit={LONGEST}"


PAGES: Mapping[str, tuple[Callable[[App, Size], str], int]] = {
    "100 tracks": (first, LIMIT),
    "100 tracks by title": (by_title, LIMIT),
    "100 tracks by title, nine tenths into the list": (deep_by_title, LIMIT),
    "100 tracks of a genre": (of_genre, LIMIT),
    "10,000 tracks": (longest, LONGEST),
}
"""Operation → its query, and the rows it answers with."""


def deep_cursor(app: App, walked: int) -> str:
    """The cursor of the page after so many tracks by title, come to in the longest steps."""
    cursor = ""
    while walked:
        step = min(walked, LONGEST)
        query = f"limit={step}&sort=title" + (f"&cursor={cursor}" if cursor else "")
        cursor = msgspec.json.decode(app.get("/tracks", query))["next"]
        walked -= step
    return cursor


def describe_at(benchmark: BenchmarkFixture, operation: str, size: Size, *, rows: int) -> None:
    describe(
        benchmark,
        f"{operation} (of {size.tracks:,})",
        "read",
        rows=rows,
        operation=operation,
        records=size.tracks,
    )


@holding(SMALL, TOWN, IMPORTED)
@pytest.mark.parametrize("operation", PAGES)
def test_a_page_at_each_size(
    benchmark: BenchmarkFixture, app: App, library: Size, operation: str
) -> None:
    query_of, rows = PAGES[operation]
    describe_at(benchmark, operation, library, rows=rows)
    query = query_of(app, library)
    body = read(benchmark, lambda: app.get("/tracks", query))
    assert len(msgspec.json.decode(body)["items"]) == rows


@holding(SMALL, TOWN, IMPORTED)
def test_one_track_at_each_size(benchmark: BenchmarkFixture, app: App, library: Size) -> None:
    describe_at(benchmark, "A track by its id", library, rows=1)
    id_ = Track.objects.order_by("title_key", "pk").values_list("pk", flat=True)[
        library.tracks // 2
    ]
    read(benchmark, lambda: app.get(f"/tracks/{id_}"))


@holding(STATION)
@pytest.mark.parametrize("page", ["first", "last"])
def test_a_page_at_either_end_of_two_million(
    benchmark: BenchmarkFixture, app: App, library: Size, page: str
) -> None:
    title = f"Tracks by title, the {page} page of 2,000,000"
    describe(benchmark, title, "read", rows=LIMIT, pair="depth")
    query = by_title(app, library)
    if page == "last":
        query += f"&cursor={deep_cursor(app, library.tracks - LONGEST)}"
    body = read(benchmark, lambda: app.get("/tracks", query))
    assert len(msgspec.json.decode(body)["items"]) == LIMIT
