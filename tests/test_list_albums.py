"""GET /albums and /artists/{id}/albums: which albums are listed, and in which order."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests import builders
from tests.client import Person, blamed, problem
from tests.questions import filters, sorts
from vivace.api.filters import AlbumQuery
from vivace.catalogue.models import Album

MBID = "2ac1a5b0-7b5f-3b0e-9d7b-5c6f1f0a1b2c"
EARLY = datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=UTC)
LATER = datetime(2024, 2, 29, 12, 0, 0, 2, tzinfo=UTC)


class Library:
    """Albums, each of which tells something apart:

    - Debut and debut: the same folded title, the same year, and artists (Björk and BJORK) who are
      sorted alike, so that only the id puts one before the other
    - Homogenic is known to the day, with genres that are not in the order of their names and a
      second artist under another name
    - Untitled has no date and Before Time is of the year 0, which is a year
    - ( ) has no word, Ágætis byrjun letters that fold into one and into two
    - Abbey Road is by who is sorted under B, and was made before the others
    """

    def __init__(self) -> None:
        self.bjork, self.beatles, self.tribute, self.sigur = builders.artists(
            [
                {"name": "Björk"},
                {"name": "The Beatles", "sort_name": "Beatles, The"},
                {"name": "BJORK", "disambiguation": "tribute"},
                {"name": "Sigur Rós"},
            ]
        )
        self.ids = builders.albums(
            [
                {
                    "title": "Homogenic",
                    "artist_id": self.bjork,
                    "type": "album",
                    "release_date": "1997-09-22",
                    "mbid": MBID,
                    "genres": ["Trip-Hop", "art  pop"],
                    "credits": [
                        {"artist_id": self.bjork},
                        {"artist_id": self.sigur, "credited_as": "Jónsi", "role": "guest"},
                    ],
                },
                {"title": "Debut", "artist_id": self.bjork, "release_date": "1993-07"},
                {
                    "title": "debut",
                    "artist_id": self.tribute,
                    "release_date": "1993",
                    "genres": ["Art Pop"],
                },
                {"title": "Abbey Road", "artist_id": self.beatles, "release_date": "1969"},
                {"title": "Untitled", "artist_id": self.sigur, "genres": ["Trip-Hop"]},
                {"title": "( )", "artist_id": self.sigur, "release_date": "2002"},
                {
                    "title": "Ágætis byrjun",
                    "artist_id": self.sigur,
                    "release_date": "1999-06-12",
                    "genres": ["art pop"],
                },
                {"title": "Before Time", "artist_id": self.sigur, "release_date": "0000"},
            ]
        )
        Album.objects.update(created_at=LATER, updated_at=EARLY)
        Album.objects.filter(title="Abbey Road").update(created_at=EARLY)
        Album.objects.filter(title="Debut").update(updated_at=LATER)


@pytest.fixture
def library(db: None) -> Library:
    return Library()


def titles(items: Iterable[dict[str, Any]]) -> list[str]:
    return [item["title"] for item in items]


def test_an_album_is_listed_whole(listener: Person, library: Library) -> None:
    homogenic, untitled = library.ids[0], library.ids[4]
    assert listener.page("albums", ids=f"{homogenic},{untitled}") == {
        "items": [
            {
                "id": homogenic,
                "title": "Homogenic",
                "type": "album",
                "release_date": "1997-09-22",
                "release_year": 1997,
                "mbid": MBID,
                "artist": {"id": library.bjork, "name": "Björk"},
                "genres": ["Trip-Hop", "art  pop"],
                "credits": [
                    {
                        "id": library.bjork,
                        "name": "Björk",
                        "credited_as": "Björk",
                        "role": "main",
                    },
                    {
                        "id": library.sigur,
                        "name": "Sigur Rós",
                        "credited_as": "Jónsi",
                        "role": "guest",
                    },
                ],
                "created_at": "2024-02-29T12:00:00.000002Z",
                "updated_at": "2024-02-29T12:00:00.000001Z",
            },
            {
                "id": untitled,
                "title": "Untitled",
                "type": None,
                "release_date": None,
                "release_year": None,
                "mbid": None,
                "artist": {"id": library.sigur, "name": "Sigur Rós"},
                "genres": ["Trip-Hop"],
                "credits": [],
                "created_at": "2024-02-29T12:00:00.000002Z",
                "updated_at": "2024-02-29T12:00:00.000001Z",
            },
        ],
        "next": None,
    }


# Known keys, then the albums that have none.
SORTED: dict[str, tuple[list[str], list[str]]] = {
    "title": (
        ["( )", "Abbey Road", "Ágætis byrjun", "Before Time", "Debut", "debut", "Homogenic",
         "Untitled"],
        [],
    ),
    "artist": (
        ["Abbey Road", "Homogenic", "Debut", "debut", "Untitled", "( )", "Ágætis byrjun",
         "Before Time"],
        [],
    ),
    "release_year": (
        ["Before Time", "Abbey Road", "Debut", "debut", "Homogenic", "Ágætis byrjun", "( )"],
        ["Untitled"],
    ),
    "created_at": (
        ["Abbey Road", "Homogenic", "Debut", "debut", "Untitled", "( )", "Ágætis byrjun",
         "Before Time"],
        [],
    ),
    "updated_at": (
        ["Homogenic", "debut", "Abbey Road", "Untitled", "( )", "Ágætis byrjun", "Before Time",
         "Debut"],
        [],
    ),
}  # fmt: skip


def orders(sort: str, among: Iterable[str] | None = None) -> Iterable[tuple[str, list[str]]]:
    """What to ask for and what comes, in both directions; of some albums only if they are given."""
    known, unknown = SORTED[sort]
    for asked, expected in ((sort, known + unknown), (f"-{sort}", known[::-1] + unknown[::-1])):
        yield asked, [title for title in expected if among is None or title in among]


def test_every_sort_has_its_test() -> None:
    assert sorts(AlbumQuery) == {*SORTED, *(f"-{sort}" for sort in SORTED)}


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("sort", SORTED)
def test_they_come_in_the_order_asked_for(listener: Person, sort: str) -> None:
    for asked, expected in orders(sort):
        for limit in [1, 3, 7, 50]:
            assert titles(listener.walk("albums", sort=asked, limit=limit)) == expected


@pytest.mark.usefixtures("library")
def test_they_come_as_they_were_made_if_nothing_else_is_asked(listener: Person) -> None:
    assert titles(listener.items("albums")) == SORTED["created_at"][0]


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("sort", SORTED)
def test_the_albums_of_a_genre_come_in_any_order_too(listener: Person, sort: str) -> None:
    for asked, expected in orders(sort, among={"Homogenic", "debut", "Ágætis byrjun"}):
        assert titles(listener.walk("albums", genre="ART pop", sort=asked, limit=2)) == expected


@pytest.mark.parametrize("sort", SORTED)
def test_the_albums_of_an_artist_come_in_any_order_too(
    listener: Person, library: Library, sort: str
) -> None:
    mine = {"Untitled", "( )", "Ágætis byrjun", "Before Time"}
    for asked, expected in orders(sort, among=mine):
        path = f"artists/{library.sigur}/albums"
        assert titles(listener.walk(path, sort=asked, limit=2)) == expected
        by_filter = listener.walk("albums", artist_id=library.sigur, sort=asked, limit=2)
        assert titles(by_filter) == expected


@pytest.mark.parametrize("sort", SORTED)
def test_an_artist_s_albums_of_a_genre_come_in_any_order_too(
    listener: Person, library: Library, sort: str
) -> None:
    builders.album("Agaetis 2", by=library.sigur, genres=["Trip-Hop"])
    for asked, expected in orders(sort, among={"Ágætis byrjun"}):
        path = f"artists/{library.sigur}/albums"
        assert titles(listener.walk(path, sort=asked, genre="art pop", limit=1)) == expected


FILTERED: list[tuple[dict[str, str], list[str]]] = [
    ({"title": "debu"}, ["Debut", "debut"]),
    ({"q": "sigur byrjun"}, ["Ágætis byrjun"]),
    ({"title": "agae"}, ["Ágætis byrjun"]),
    ({"title": "BYR ágæ"}, ["Ágætis byrjun"]),
    ({"title": "road"}, ["Abbey Road"]),
    ({"title": "oad"}, []),
    ({"title": "( )"}, []),
    ({"artist": "bjö"}, ["Homogenic", "Debut", "debut"]),
    ({"artist": "the"}, ["Abbey Road"]),
    ({"artist": "sigur", "title": "b"}, ["Ágætis byrjun", "Before Time"]),
    ({"artist": "jonsi"}, []),
    ({"genre": "TRIP-HOP"}, ["Homogenic", "Untitled"]),
    ({"genre": "art pop", "artist": "ros"}, ["Ágætis byrjun"]),
    ({"genre": "art"}, []),
    ({"mbid": MBID.upper()}, ["Homogenic"]),
    ({"mbid": MBID, "genre": "art pop", "title": "homo"}, ["Homogenic"]),
    ({"release_year": "1993"}, ["Debut", "debut"]),
    ({"release_year": "0"}, ["Before Time"]),
    ({"release_year": "1970"}, []),
    ({"release_year_from": "1997"}, ["Homogenic", "( )", "Ágætis byrjun"]),
    ({"release_year_from": "0"},
     ["Abbey Road", "Homogenic", "Debut", "debut", "( )", "Ágætis byrjun", "Before Time"]),
    ({"release_year_to": "1969"}, ["Abbey Road", "Before Time"]),
    ({"release_year_from": "1969", "release_year_to": "1993"}, ["Abbey Road", "Debut", "debut"]),
    ({"release_year_from": "1994", "release_year_to": "1993"}, []),
    ({"release_year_from": "1997", "genre": "art pop"}, ["Homogenic", "Ágætis byrjun"]),
    ({"updated_since": "2024-02-29T12:00:00.000002Z"}, ["Debut"]),
    ({"updated_since": "2024-02-29T12:00:00.000001Z", "title": "de"}, ["Debut", "debut"]),
]  # fmt: skip


def test_every_filter_has_its_test() -> None:
    told = {name for query, _ in FILTERED for name in query}
    assert filters(AlbumQuery) == told | {"artist_id", "ids"}


@pytest.mark.usefixtures("library")
def test_a_filter_leaves_those_it_names(listener: Person) -> None:
    for query, found in FILTERED:
        page = listener.page("albums", **query, total="true")
        assert (query, titles(page["items"]), page["total"]) == (query, found, len(found))


@pytest.mark.usefixtures("library")
def test_a_filter_leaves_the_same_in_an_order_with_unknown_keys(listener: Person) -> None:
    for query, found in FILTERED:
        for sort, expected in orders("release_year", among=found):
            items = listener.walk("albums", **query, sort=sort, limit=1)
            assert (query, titles(items)) == (query, expected)


def test_the_albums_of_an_artist_are_filtered_like_all(listener: Person, library: Library) -> None:
    path = f"artists/{library.sigur}/albums"
    assert titles(listener.items(path, genre="trip-hop")) == ["Untitled"]
    assert titles(listener.items(path, title="debut")) == []
    assert listener.page(path, limit=1, total="true")["total"] == 4


def test_an_artist_who_has_no_albums_has_an_empty_list(listener: Person, db: None) -> None:
    path = f"artists/{builders.artist()}/albums"
    assert listener.page(path, total="true") == {"items": [], "next": None, "total": 0}


@pytest.mark.parametrize("id_", ["999999", "0", "-1", "x", "01", "9" * 18, "9" * 30, "%00", "1%0a"])
def test_an_artist_who_is_not_there_has_no_list(listener: Person, id_: str) -> None:
    problem(listener.get(f"artists/{id_}/albums"), 404)


def test_an_artist_in_the_path_is_not_asked_for_again(listener: Person, library: Library) -> None:
    reply = listener.get(f"artists/{library.sigur}/albums", artist_id=library.bjork)
    assert blamed(reply, 400) == ["artist_id"]


REFUSED: list[dict[str, str]] = [
    {"release_year": "10000"},
    {"release_year": "-1"},
    {"release_year_from": "1993-07"},
    {"release_year_to": ""},
    {"artist_id": "x"},
    {"artist_id": "0"},
    {"artist_id": "9" * 19},
    {"title": ""},
    {"artist": "\0"},
    {"mbid": MBID.replace("-", "")},
    {"sort": "duration_ms"},
    {"name": "Björk"},
]


def test_what_cannot_be_asked_of_albums_is_refused_by_name(listener: Person) -> None:
    for query in REFUSED:
        assert (query, blamed(listener.get("albums", **query), 400)) == (query, [*query])
