"""GET /artists: who is listed, in which order, and by which words of a name they are found."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests import builders
from tests.client import Person, blamed
from tests.questions import filters, sorts
from vivace.api.filters import ArtistQuery
from vivace.catalogue.models import Artist

MBID = "87c5dedd-371d-4a53-9f7f-80522fb7f3cb"
EARLY = datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC)
LATER = datetime(2024, 3, 1, 0, 0, 0, 1, tzinfo=UTC)
LATEST = datetime(2024, 3, 1, 0, 0, 1, tzinfo=UTC)


@pytest.fixture
def library(db: None) -> None:
    """Artists, each of which tells something apart:

    - Björk and BJORK have one folded name: only the id puts one before the other
    - The Beatles are found by either word, and sorted by another name than they show
    - AC/DC is two words without a space between them
    - Sigur Rós is found by its second word, with its accent and without
    - Émilie comes before Zaz by folded letters and after it by code points
    - 小沢健二 comes after all of them, and has neither case nor spaces
    - !!! has no word at all
    - Zaz was made before all others, who were made in one moment; !!! and Zaz
      were changed since, at a moment without a fraction
    """
    builders.artists(
        [
            {"name": "Björk", "mbid": MBID.upper()},
            {"name": "The Beatles", "sort_name": "Beatles, The"},
            {"name": "BJORK", "disambiguation": "tribute"},
            {"name": "AC/DC"},
            {"name": "Sigur Rós"},
            {"name": "小沢健二"},
            {"name": "!!!"},
            {"name": "Zaz"},
            {"name": "Émilie Simon"},
        ]
    )
    Artist.objects.update(created_at=LATER, updated_at=LATER)
    Artist.objects.filter(name="Zaz").update(created_at=EARLY, updated_at=LATEST)
    Artist.objects.filter(name="!!!").update(updated_at=LATEST)


def names(items: Iterable[dict[str, Any]]) -> list[str]:
    return [item["name"] for item in items]


@pytest.mark.usefixtures("library")
def test_an_artist_is_listed_whole(listener: Person) -> None:
    beatles, bjork = (Artist.objects.get(name=name) for name in ("The Beatles", "Björk"))
    moment = "2024-03-01T00:00:00.000001Z"
    assert listener.page("artists", ids=f"{bjork.pk},{beatles.pk}") == {
        "items": [
            {
                "id": str(bjork.pk),
                "name": "Björk",
                "sort_name": None,
                "disambiguation": "",
                "mbid": MBID,
                "created_at": moment,
                "updated_at": moment,
            },
            {
                "id": str(beatles.pk),
                "name": "The Beatles",
                "sort_name": "Beatles, The",
                "disambiguation": "",
                "mbid": None,
                "created_at": moment,
                "updated_at": moment,
            },
        ],
        "next": None,
    }


BY_NAME = [
    "!!!", "AC/DC", "The Beatles", "Björk", "BJORK", "Émilie Simon", "Sigur Rós", "Zaz", "小沢健二",
]  # fmt: skip
BY_CREATION = [
    "Zaz", "Björk", "The Beatles", "BJORK", "AC/DC", "Sigur Rós", "小沢健二", "!!!", "Émilie Simon",
]  # fmt: skip
BY_CHANGE = [
    "Björk", "The Beatles", "BJORK", "AC/DC", "Sigur Rós", "小沢健二", "Émilie Simon", "!!!", "Zaz",
]  # fmt: skip
SORTED = {"name": BY_NAME, "created_at": BY_CREATION, "updated_at": BY_CHANGE}


def test_every_sort_has_its_test() -> None:
    assert sorts(ArtistQuery) == {*SORTED, *(f"-{sort}" for sort in SORTED)}


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("sort", SORTED)
def test_they_come_in_the_order_asked_for(listener: Person, sort: str) -> None:
    for limit in (2, 50):
        assert names(listener.walk("artists", sort=sort, limit=limit)) == SORTED[sort]
        assert names(listener.walk("artists", sort=f"-{sort}", limit=limit)) == SORTED[sort][::-1]


@pytest.mark.usefixtures("library")
def test_they_come_as_they_were_made_if_nothing_else_is_asked(listener: Person) -> None:
    assert names(listener.items("artists")) == BY_CREATION


WORDS: dict[str, list[str]] = {
    "bjo": ["Björk", "BJORK"],
    "BJÖRK": ["Björk", "BJORK"],
    "Bjo\u0308r": ["Björk", "BJORK"],
    "ｂｊｏ": ["Björk", "BJORK"],
    "jork": [],
    "bjork guðmundsdóttir": [],
    "the": ["The Beatles"],
    "beat": ["The Beatles"],
    "beatles the": ["The Beatles"],
    "th be": ["The Beatles"],
    "eatles": [],
    "ac": ["AC/DC"],
    "dc": ["AC/DC"],
    "ac/dc": ["AC/DC"],
    "  AC - d ": ["AC/DC"],
    "acdc": ["AC/DC"],
    "ros": ["Sigur Rós"],
    "Rós, sigur!": ["Sigur Rós"],
    "Emilie": ["Émilie Simon"],
    "小沢": ["小沢健二"],
    "健二": [],
    "s": ["Sigur Rós", "Émilie Simon"],
    # What has no letter or digit starts no word.
    "!!!": [],
    "_": [],
    # The languages of full-text search are not spoken here.
    "bjork OR zaz": [],
    "NOT": [],
    '"bjork"': ["Björk", "BJORK"],
    "bjo*": ["Björk", "BJORK"],
    "name_words:bjork": [],
    "^zaz": ["Zaz"],
    "'zaz':*": ["Zaz"],
    "zaz & !sigur": [],
    "za\\": ["Zaz"],
    "%": [],
    "s " * 250: ["Sigur Rós", "Émilie Simon"],
}


@pytest.mark.usefixtures("library")
def test_a_name_is_found_by_how_its_words_start(listener: Person) -> None:
    assert {asked: names(listener.items("artists", name=asked)) for asked in WORDS} == WORDS


@pytest.fixture
def genres(library: None) -> None:
    """Where an artist's genres come from.

    Björk has Electronic from an album and from two tracks, the Beatles from one track only;
    AC/DC's album is by AC/DC but a track on it, of another genre, is by Zaz.
    """
    ids = {artist.name: str(artist.pk) for artist in Artist.objects.all()}
    homogenic = builders.album("Homogenic", by=ids["Björk"], genres=["Electronic"])
    for title in ("Hunter", "Jóga"):
        builders.track(title, by=ids["Björk"], on=homogenic, genres=["electronic"])
    revolver = builders.album("Revolver", by=ids["The Beatles"])
    builders.track(
        "Tomorrow Never Knows", by=ids["The Beatles"], on=revolver, genres=["Électronic"]
    )
    live = builders.album("Live", by=ids["AC/DC"], genres=["Hard  Rock"])
    builders.track("Je veux", by=ids["Zaz"], on=live, genres=["Chanson"])


FILTERED: list[tuple[dict[str, str], list[str]]] = [
    ({"name": "bj"}, ["Björk", "BJORK"]),
    ({"q": "sigr ros"}, ["Sigur Rós"]),
    ({"genre": "ELECTRONIC"}, ["Björk", "The Beatles"]),
    ({"genre": "hard rock"}, ["AC/DC"]),
    ({"genre": "Chanson"}, ["Zaz"]),
    ({"genre": "Electro"}, []),
    ({"genre": "électronic", "name": "bea"}, ["The Beatles"]),
    ({"mbid": MBID}, ["Björk"]),
    ({"mbid": MBID.upper()}, ["Björk"]),
    ({"mbid": MBID.replace("8", "9")}, []),
    ({"mbid": MBID, "genre": "Electronic"}, ["Björk"]),
    ({"mbid": MBID, "genre": "Chanson"}, []),
    ({"updated_since": "2024-03-01T00:00:01Z"}, ["Zaz", "!!!"]),
    ({"updated_since": "2024-03-01T02:00:01.000+02:00", "name": "z"}, ["Zaz"]),
    ({"updated_since": "2024-03-01T00:00:01.000001Z"}, []),
    ({"updated_since": "2024-03-01T00:00:00.5Z", "genre": "chanson"}, ["Zaz"]),
]


def test_every_filter_has_its_test() -> None:
    assert filters(ArtistQuery) == {name for query, _ in FILTERED for name in query} | {"ids"}


@pytest.mark.usefixtures("genres")
def test_a_filter_leaves_those_it_names(listener: Person) -> None:
    for query, found in FILTERED:
        page = listener.page("artists", **query, total="true")
        assert (query, names(page["items"]), page["total"]) == (query, found, len(found))


@pytest.mark.usefixtures("genres")
@pytest.mark.parametrize("sort", SORTED)
def test_the_artists_of_a_genre_come_in_any_order_too(listener: Person, sort: str) -> None:
    builders.album("Debut", by=str(Artist.objects.get(name="BJORK").pk), genres=["Electronic"])
    of_genre = [name for name in SORTED[sort] if name in {"Björk", "BJORK", "The Beatles"}]
    for asked, expected in ((sort, of_genre), (f"-{sort}", of_genre[::-1])):
        found = listener.walk("artists", genre="electronic", sort=asked, limit=1)
        assert names(found) == expected


REFUSED: list[dict[str, str]] = [
    {"mbid": "87c5dedd"},
    {"mbid": f"{MBID}\n"},
    {"name": ""},
    {"name": "x" * 501},
    {"name": "a\0"},
    {"genre": ""},
    {"sort": "mbid"},
    {"sort": "--name"},
    {"sort": "name,created_at"},
    {"title": "Debut"},
]


def test_what_cannot_be_asked_of_artists_is_refused_by_name(listener: Person) -> None:
    for query in REFUSED:
        assert (query, blamed(listener.get("artists", **query), 400)) == (query, [*query])
