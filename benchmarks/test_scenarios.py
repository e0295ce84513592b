"""The three scenarios, each beside a plain Django REST framework version of the same endpoint."""

from collections.abc import Callable
from typing import Any

import msgspec
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.libraries import HOUSE, SMALL, Size, holding
from benchmarks.measuring import describe, paired, paired_pages
from benchmarks.requests import App, Application
from benchmarks.test_writes import ROWS, names
from vivace.catalogue.models import Artist

# Even numbers: see `paired`.
LONG_PAIRS, BULK_PAIRS = 16, 10


def test_bulk_insert_artists(
    benchmark: BenchmarkFixture, app: App, plain_drf: Application, emptied: Callable[[], None]
) -> None:
    describe(
        benchmark,
        "Bulk Insert Artists",
        "scenario",
        rows=ROWS,
        goal_ms={"sqlite": 90, "postgresql": 300},
    )
    body = msgspec.json.encode([{"name": name} for name in names(ROWS)])
    left = []
    for side in (app, plain_drf):
        emptied()
        side.post("/artists/bulk", body)
        left.append(artists())
    assert left[0] == left[1]
    assert len(left[0]) == ROWS
    paired(
        benchmark,
        lambda: app.post("/artists/bulk", body),
        lambda: plain_drf.post("/artists/bulk", body),
        rounds=BULK_PAIRS,
        fresh=emptied,
    )


def artists() -> list[tuple[Any, ...]]:
    """What a bulk insert leaves, but for the ids and the moment."""
    columns = {field.name for field in Artist._meta.concrete_fields}
    kept = sorted(columns - {"id", "created_at", "updated_at"})
    return list(Artist.objects.order_by("name_key", "disambiguation").values_list(*kept))


@holding(HOUSE)
def test_all_artists_in_one_request(
    benchmark: BenchmarkFixture, app: App, plain_drf: Application, library: Size
) -> None:
    describe(
        benchmark,
        "API Query – Artists (10k)",
        "scenario",
        rows=library.artists,
        goal_ms={"sqlite": 15, "postgresql": 15},
    )
    paired_pages(
        benchmark,
        lambda: app.get("/artists", "limit=10000"),
        lambda: plain_drf.get("/artists", "limit=10000"),
        rounds=LONG_PAIRS,
    )


@holding(SMALL)
def test_a_page_of_tracks_of_ten_thousand(
    benchmark: BenchmarkFixture, app: App, plain_drf: Application, library: Size
) -> None:
    describe(benchmark, "API Query – Paginated Tracks (10k)", "scenario", rows=100, goal_times=6)
    paired_pages(
        benchmark,
        lambda: app.get("/tracks", "limit=100"),
        lambda: plain_drf.get("/tracks", "limit=100"),
    )
