"""The three scenarios, each beside a plain Django REST framework version of the same endpoint."""

from collections.abc import Callable
from typing import Any

import msgspec
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.libraries import HOUSE, SMALL, Size, holding
from benchmarks.measuring import describe, paired, query_count
from benchmarks.requests import App, Application
from benchmarks.test_writes import ROWS, names
from vivace.catalogue.models import Artist

# Even numbers: see `paired`.
PAIRS, LONG_PAIRS, BULK_PAIRS = 40, 16, 10


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
    paired_reads(benchmark, app, plain_drf, "/artists", "limit=10000", rounds=LONG_PAIRS)


@holding(SMALL)
def test_a_page_of_tracks_of_ten_thousand(
    benchmark: BenchmarkFixture, app: App, plain_drf: Application, library: Size
) -> None:
    describe(benchmark, "API Query – Paginated Tracks (10k)", "scenario", rows=100)
    paired_reads(benchmark, app, plain_drf, "/tracks", "limit=100", rounds=PAIRS)


def paired_reads(
    benchmark: BenchmarkFixture,
    app: App,
    plain_drf: Application,
    path: str,
    query: str,
    *,
    rounds: int,
) -> None:
    found = msgspec.json.decode(app.get(path, query))["items"]
    assert found == msgspec.json.decode(plain_drf.get(path, query))["results"]
    assert len(found) == benchmark.extra_info["rows"]

    def ours() -> bytes:
        return app.get(path, query)

    def before() -> bytes:
        return plain_drf.get(path, query)

    paired(benchmark, ours, before, rounds=rounds)
    benchmark.extra_info["queries"] = query_count(ours)
    benchmark.extra_info["before"]["queries"] = query_count(before)
