"""Lists and single things, from the request to the last byte, nothing stored between.

Every sort and every filter that a list takes is walked, so the next one is measured unasked.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, get_args, get_type_hints

import msgspec
import pytest
from django.db.models import Count
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.libraries import HOUSE, Size, holding
from benchmarks.measuring import Group, describe, read
from benchmarks.requests import App
from vivace.api.filters import AlbumQuery, ArtistQuery, TrackQuery
from vivace.api.pages import PAGING, PageQuery
from vivace.catalogue.models import Album, Artist, Entry, Track

LIMIT = 100
OF_ALL = {
    "artists": f"{HOUSE.artists:,}",
    "albums": f"{HOUSE.artists * HOUSE.albums_per_artist:,}",
    "tracks": f"{HOUSE.tracks:,}",
}


class Kind(NamedTuple):
    model: type[Entry]
    query: type[PageQuery]


KINDS = {
    "artists": Kind(Artist, ArtistQuery),
    "albums": Kind(Album, AlbumQuery),
    "tracks": Kind(Track, TrackQuery),
}


def sorts(kind: str) -> tuple[str, ...]:
    """As they are asked for, those that descend with their `-`."""
    literal, _none = get_args(get_type_hints(KINDS[kind].query)["sort"])
    return get_args(literal)


def filters(kind: str) -> list[str]:
    return [name for name in KINDS[kind].query.__struct_fields__ if name not in PAGING]


# --- What the filters are asked for ----------------------------------------------------------


def first_known(column: str) -> Callable[[type[Entry]], str]:
    """The value of the first row that has one."""

    def found(model: type[Entry]) -> str:
        rows = model._default_manager.filter(**{f"{column}__isnull": False}).order_by("pk")
        return str(rows.values_list(column, flat=True)[0])

    return found


def busiest(column: str) -> Callable[[type[Entry]], str]:
    """The value that the most rows have."""

    def found(model: type[Entry]) -> str:
        counted = model._default_manager.values(column).annotate(rows=Count("pk"))
        return str(counted.order_by("-rows", column)[0][column])

    return found


def hundred_ids(model: type[Entry]) -> str:
    return ",".join(
        map(str, model._default_manager.order_by("pk").values_list("pk", flat=True)[:LIMIT])
    )


SAMPLES: Mapping[str, str | Callable[[type[Entry]], str]] = {
    "ids": hundred_ids,
    "updated_since": "2000-01-01T00:00:00Z",
    "q": "lo",
    "name": "an",
    "title": "lo",
    "artist": "an",
    "album": "the",
    "genre": "rock",
    "mbid": first_known("mbid"),
    "isrc": first_known("isrc"),
    "artist_id": busiest("artist_id"),
    "album_id": busiest("album_id"),
    "release_year": "1999",
    "release_year_from": "2010",
    "release_year_to": "1980",
    "duration_ms_from": "300000",
    "duration_ms_to": "180000",
}
"""A value for each filter, or where it comes from: some leave few rows, some most of them."""

TOGETHER = [
    ("tracks", "genre=rock&sort=title"),
    ("tracks", "artist=an&sort=title"),
    ("tracks", "genre=rock&release_year_from=2010&sort=-release_year"),
    ("albums", "genre=rock&sort=title"),
    ("artists", "genre=rock&sort=name"),
]
"""Filters that are asked for with a sort."""


def each(values: Callable[[str], Iterable[str]]) -> list[tuple[str, str]]:
    return [(kind, value) for kind in KINDS for value in values(kind)]


def page(
    benchmark: BenchmarkFixture, app: App, kind: str, query: str, *, group: Group, title: str = ""
) -> list[Any]:
    """The items of one page of a list."""
    title = title or f"{kind.title()} with {query}"
    describe(benchmark, f"{title} ({LIMIT} of {OF_ALL[kind]})", group, rows=LIMIT)
    body = read(benchmark, lambda: app.get(f"/{kind}", f"limit={LIMIT}&{query}".rstrip("&")))
    items: list[Any] = msgspec.json.decode(body)["items"]
    benchmark.extra_info["rows"] = len(items)
    return items


@holding(HOUSE)
@pytest.mark.parametrize(("kind", "sort"), each(sorts))
def test_a_page_sorted(
    benchmark: BenchmarkFixture, app: App, library: Size, kind: str, sort: str
) -> None:
    title = f"{kind.title()} by {sort}"
    assert len(page(benchmark, app, kind, f"sort={sort}", group="sort", title=title)) == LIMIT


@holding(HOUSE)
@pytest.mark.parametrize(("kind", "name"), each(filters))
def test_a_page_filtered(
    benchmark: BenchmarkFixture, app: App, library: Size, kind: str, name: str
) -> None:
    assert name in SAMPLES, f"a value for the filter {name!r} is missing in SAMPLES"
    sample = SAMPLES[name]
    shown = f"{name}={sample}" if isinstance(sample, str) else name
    value = sample if isinstance(sample, str) else sample(KINDS[kind].model)
    title = f"{kind.title()} with {shown}"
    assert page(benchmark, app, kind, f"{name}={value}", group="filter", title=title)


@holding(HOUSE)
@pytest.mark.parametrize(("kind", "query"), TOGETHER)
def test_a_page_filtered_and_sorted(
    benchmark: BenchmarkFixture, app: App, library: Size, kind: str, query: str
) -> None:
    assert page(benchmark, app, kind, query, group="filter")


@holding(HOUSE)
def test_a_page_of_tracks(benchmark: BenchmarkFixture, app: App, library: Size) -> None:
    items = page(benchmark, app, "tracks", "", group="read", title="API Query – Tracks")
    benchmark.extra_info["goal_ms"] = {"sqlite": 0.7, "postgresql": 1.6}
    assert len(items) == LIMIT
    assert benchmark.extra_info["queries"] <= 3


@holding(HOUSE)
@pytest.mark.parametrize("kind", KINDS)
def test_one(benchmark: BenchmarkFixture, app: App, library: Size, kind: str) -> None:
    describe(benchmark, f"One {kind[:-1]}", "read", rows=1)
    id_ = str(KINDS[kind].model._default_manager.earliest("pk").pk)
    body = read(benchmark, lambda: app.get(f"/{kind}/{id_}"))
    assert msgspec.json.decode(body)["id"] == id_


@holding(HOUSE)
@pytest.mark.parametrize(
    ("owner", "kind"), [("artists", "albums"), ("artists", "tracks"), ("albums", "tracks")]
)
def test_what_belongs_to_one(
    benchmark: BenchmarkFixture, app: App, library: Size, owner: str, kind: str
) -> None:
    """The one with the most."""
    describe(benchmark, f"{kind.title()} of one {owner[:-1]}", "read", rows=LIMIT)
    id_ = busiest(f"{owner[:-1]}_id")(KINDS[kind].model)
    body = read(benchmark, lambda: app.get(f"/{owner}/{id_}/{kind}", f"limit={LIMIT}"))
    items = msgspec.json.decode(body)["items"]
    assert items
    benchmark.extra_info["rows"] = len(items)
