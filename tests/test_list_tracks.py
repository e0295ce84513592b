"""GET /tracks and the tracks of an artist or album: which are listed, and in which order."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests import builders
from tests.client import Person, blamed, problem
from tests.questions import filters, sorts
from vivace.api.filters import TrackQuery
from vivace.catalogue.models import Track

MBID = "c2b6f1c8-9b0a-4b1e-8a3d-3f1e2d4c5b6a"
ISRC = "GBAYE6900001"
EARLY = datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=UTC)
LATER = datetime(2024, 2, 29, 12, 0, 0, 2, tzinfo=UTC)


class Library:
    """Tracks, each of which tells something apart:

    - Hunter and HUNTER have one folded title and their albums (both Debut, both of 1993) too;
      only the artists (Björk, BJORK) have other ids, and the tracks
    - Jóga is the second on Homogenic and made before Bachelorette, the first; it has genres that
      are not in the order of their names and a second artist under another name
    - Hidden stands on the Beatles' album but is Björk's, without any number
    - Her Majesty lasts 0 ms, which is a duration; Untitled and HUNTER last nobody knows how long
    - Untitled is on an album without a date, Abbey Road's tracks on one of 1969
    - Encore is first on the second disc of Homogenic, after the track that has a number only
    - Come Together was made before the others, Bachelorette changed after them
    """

    def __init__(self) -> None:
        self.bjork, self.tribute, self.beatles, self.sigur = builders.artists(
            [
                {"name": "Björk"},
                {"name": "BJORK", "disambiguation": "tribute"},
                {"name": "The Beatles", "sort_name": "Beatles, The"},
                {"name": "Sigur Rós"},
            ]
        )
        self.homogenic, self.debut, self.debut_too, self.abbey_road, self.untitled = (
            builders.albums(
                [
                    {
                        "title": "Homogenic",
                        "artist_id": self.bjork,
                        "release_date": "1997-09-22",
                        "genres": ["Trip-Hop"],
                    },
                    {"title": "Debut", "artist_id": self.bjork, "release_date": "1993-07"},
                    {"title": "debut", "artist_id": self.tribute, "release_date": "1993"},
                    {"title": "Abbey Road", "artist_id": self.beatles, "release_date": "1969"},
                    {"title": "( )", "artist_id": self.sigur},
                ]
            )
        )
        self.ids = dict(zip(TITLES, builders.tracks([*self.entries()]), strict=True))
        Track.objects.update(created_at=LATER, updated_at=EARLY)
        Track.objects.filter(title="Come Together").update(created_at=EARLY)
        Track.objects.filter(title="Bachelorette").update(updated_at=LATER)

    def entries(self) -> Iterable[dict[str, Any]]:
        yield {
            "title": "Jóga",
            "artist_id": self.bjork,
            "album_id": self.homogenic,
            "disc_number": 1,
            "track_number": 2,
            "duration_ms": 305_000,
            "composer": "Björk, Sjón",
            "mbid": MBID,
            "isrc": "GB-AYE-69-00001",
            "genres": ["Trip-Hop", "art  pop"],
            "credits": [
                {"artist_id": self.bjork},
                {"artist_id": self.sigur, "credited_as": "Jónsi", "role": "strings"},
            ],
        }
        yield {
            "title": "Bachelorette",
            "artist_id": self.bjork,
            "album_id": self.homogenic,
            "track_number": 1,
            "duration_ms": 312_000,
        }
        yield {
            "title": "Encore",
            "artist_id": self.bjork,
            "album_id": self.homogenic,
            "disc_number": 2,
            "track_number": 0,
            "duration_ms": 305_000,
        }
        yield {
            "title": "Hunter",
            "artist_id": self.bjork,
            "album_id": self.debut,
            "duration_ms": 255_000,
        }
        yield {
            "title": "HUNTER",
            "artist_id": self.tribute,
            "album_id": self.debut_too,
            "genres": ["ART POP"],
        }
        yield {
            "title": "Come Together",
            "artist_id": self.beatles,
            "album_id": self.abbey_road,
            "track_number": 1,
            "duration_ms": 259_000,
            "isrc": ISRC,
        }
        yield {
            "title": "Her Majesty",
            "artist_id": self.beatles,
            "album_id": self.abbey_road,
            "track_number": 17,
            "duration_ms": 0,
        }
        yield {
            "title": "Hidden",
            "artist_id": self.bjork,
            "album_id": self.abbey_road,
            "duration_ms": 1,
        }
        yield {
            "title": "Untitled",
            "artist_id": self.sigur,
            "album_id": self.untitled,
            "genres": ["art pop", "Post-Rock"],
        }


TITLES = [
    "Jóga", "Bachelorette", "Encore", "Hunter", "HUNTER", "Come Together", "Her Majesty", "Hidden",
    "Untitled",
]  # fmt: skip


@pytest.fixture
def library(db: None) -> Library:
    return Library()


def titles(items: Iterable[dict[str, Any]]) -> list[str]:
    return [item["title"] for item in items]


def test_a_track_is_listed_whole(listener: Person, library: Library) -> None:
    joga, untitled = library.ids["Jóga"], library.ids["Untitled"]
    assert listener.page("tracks", ids=f"{untitled},{joga}") == {
        "items": [
            {
                "id": joga,
                "title": "Jóga",
                "disc_number": 1,
                "track_number": 2,
                "duration_ms": 305_000,
                "composer": "Björk, Sjón",
                "artist": {"id": library.bjork, "name": "Björk"},
                "album": {"id": library.homogenic, "title": "Homogenic", "release_year": 1997},
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
                        "role": "strings",
                    },
                ],
                "created_at": "2024-02-29T12:00:00.000002Z",
                "updated_at": "2024-02-29T12:00:00.000001Z",
            },
            {
                "id": untitled,
                "title": "Untitled",
                "disc_number": None,
                "track_number": None,
                "duration_ms": None,
                "composer": None,
                "artist": {"id": library.sigur, "name": "Sigur Rós"},
                "album": {"id": library.untitled, "title": "( )", "release_year": None},
                "genres": ["art  pop", "Post-Rock"],
                "credits": [],
                "created_at": "2024-02-29T12:00:00.000002Z",
                "updated_at": "2024-02-29T12:00:00.000001Z",
            },
        ],
        "next": None,
    }


def test_a_track_by_itself_shows_its_identifiers_too(listener: Person, library: Library) -> None:
    (listed,) = listener.items("tracks", ids=library.ids["Jóga"])
    alone = listener.get(f"tracks/{library.ids['Jóga']}")
    assert (alone.status, alone.json) == (200, {**listed, "mbid": MBID, "isrc": ISRC})
    alone = listener.get(f"tracks/{library.ids['Untitled']}")
    assert (alone.json["mbid"], alone.json["isrc"]) == (None, None)


# Known keys, then the tracks that have none.
SORTED: dict[str, tuple[list[str], list[str]]] = {
    "title": (
        ["Bachelorette", "Come Together", "Encore", "Her Majesty", "Hidden", "Hunter", "HUNTER",
         "Jóga", "Untitled"],
        [],
    ),
    "album": (
        ["Untitled", "Come Together", "Her Majesty", "Hidden", "Hunter", "HUNTER", "Jóga",
         "Bachelorette", "Encore"],
        [],
    ),
    "artist": (
        ["Come Together", "Her Majesty", "Jóga", "Bachelorette", "Encore", "Hunter", "HUNTER",
         "Hidden", "Untitled"],
        [],
    ),
    "duration_ms": (
        ["Her Majesty", "Hidden", "Hunter", "Come Together", "Jóga", "Encore", "Bachelorette"],
        ["HUNTER", "Untitled"],
    ),
    "release_year": (
        ["Come Together", "Her Majesty", "Hidden", "Hunter", "HUNTER", "Jóga", "Bachelorette",
         "Encore"],
        ["Untitled"],
    ),
    "created_at": (
        ["Come Together", "Jóga", "Bachelorette", "Encore", "Hunter", "HUNTER", "Her Majesty",
         "Hidden", "Untitled"],
        [],
    ),
    "updated_at": (
        ["Jóga", "Encore", "Hunter", "HUNTER", "Come Together", "Her Majesty", "Hidden",
         "Untitled", "Bachelorette"],
        [],
    ),
}  # fmt: skip


def orders(sort: str, among: Iterable[str] | None = None) -> Iterable[tuple[str, list[str]]]:
    """What to ask for and what comes, in both directions; of some tracks only if they are given."""
    known, unknown = SORTED[sort]
    for asked, expected in ((sort, known + unknown), (f"-{sort}", known[::-1] + unknown[::-1])):
        yield asked, [title for title in expected if among is None or title in among]


def test_every_sort_has_its_test() -> None:
    assert sorts(TrackQuery) == {*SORTED, *(f"-{sort}" for sort in SORTED)}


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("sort", SORTED)
def test_they_come_in_the_order_asked_for(listener: Person, sort: str) -> None:
    for asked, expected in orders(sort):
        for limit in [1, 4, 7, 50]:
            assert titles(listener.walk("tracks", sort=asked, limit=limit)) == expected


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("sort", SORTED)
def test_an_offset_passes_over_the_first(listener: Person, sort: str) -> None:
    for asked, expected in orders(sort):
        pages = (listener.page("tracks", sort=asked, offset=n, limit=2) for n in range(10))
        assert [titles(page["items"]) for page in pages] == [expected[n : n + 2] for n in range(10)]


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("sort", SORTED)
def test_a_cursor_goes_on_where_an_offset_ended(listener: Person, sort: str) -> None:
    for asked, expected in orders(sort):
        for offset in range(8):
            page = listener.page("tracks", sort=asked, offset=offset, limit=1)
            page = listener.page("tracks", sort=asked, limit=9, cursor=page["next"])
            assert titles(page["items"]) == expected[offset + 1 :]


@pytest.mark.usefixtures("library")
def test_they_come_as_they_were_made_if_nothing_else_is_asked(listener: Person) -> None:
    assert titles(listener.items("tracks")) == SORTED["created_at"][0]


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("sort", SORTED)
def test_the_tracks_of_a_genre_come_in_any_order_too(listener: Person, sort: str) -> None:
    for asked, expected in orders(sort, among={"Jóga", "HUNTER", "Untitled"}):
        assert titles(listener.walk("tracks", genre="Art Pop", sort=asked, limit=2)) == expected


@pytest.mark.parametrize("sort", SORTED)
def test_the_tracks_of_an_artist_come_in_any_order_too(
    listener: Person, library: Library, sort: str
) -> None:
    mine = {"Jóga", "Bachelorette", "Encore", "Hunter", "Hidden"}
    for asked, expected in orders(sort, among=mine):
        path = f"artists/{library.bjork}/tracks"
        assert titles(listener.walk(path, sort=asked, limit=2)) == expected
        by_filter = listener.walk("tracks", artist_id=library.bjork, sort=asked, limit=2)
        assert titles(by_filter) == expected


@pytest.mark.parametrize("sort", SORTED)
def test_the_tracks_of_an_album_come_in_any_order_too(
    listener: Person, library: Library, sort: str
) -> None:
    for asked, expected in orders(sort, among={"Her Majesty", "Come Together", "Hidden"}):
        path = f"albums/{library.abbey_road}/tracks"
        assert titles(listener.walk(path, sort=asked, limit=2)) == expected
        by_filter = listener.walk("tracks", album_id=library.abbey_road, sort=asked, limit=2)
        assert titles(by_filter) == expected


@pytest.mark.parametrize("sort", SORTED)
def test_an_artist_s_tracks_of_a_genre_come_in_any_order_too(
    listener: Person, library: Library, sort: str
) -> None:
    for asked, expected in orders(sort, among={"Jóga"}):
        path = f"artists/{library.bjork}/tracks"
        assert titles(listener.walk(path, sort=asked, genre="art pop", limit=1)) == expected


@pytest.mark.parametrize("limit", [1, 50])
def test_an_album_s_tracks_come_as_they_stand_on_it(
    listener: Person, library: Library, limit: int
) -> None:
    on_homogenic = listener.walk(f"albums/{library.homogenic}/tracks", limit=limit)
    assert titles(on_homogenic) == ["Bachelorette", "Jóga", "Encore"]
    on_abbey_road = listener.walk(f"albums/{library.abbey_road}/tracks", limit=limit)
    assert titles(on_abbey_road) == ["Come Together", "Her Majesty", "Hidden"]


FILTERED: list[tuple[dict[str, str], list[str]]] = [
    ({"title": "hunt"}, ["Hunter", "HUNTER"]),
    ({"q": "bjork hunter"}, ["Hunter", "HUNTER"]),
    ({"title": "jog"}, ["Jóga"]),
    ({"title": "majesty her"}, ["Her Majesty"]),
    ({"title": "ajesty"}, []),
    ({"title": "h", "artist": "björk"}, ["Hunter", "HUNTER", "Hidden"]),
    ({"artist": "the b"}, ["Come Together", "Her Majesty"]),
    ({"artist": "jonsi"}, []),
    ({"album": "DEBU"}, ["Hunter", "HUNTER"]),
    ({"album": "road"}, ["Come Together", "Her Majesty", "Hidden"]),
    ({"album": "abbey", "artist": "bjork"}, ["Hidden"]),
    ({"album": "( )"}, []),
    ({"genre": "ART POP"}, ["Jóga", "HUNTER", "Untitled"]),
    ({"genre": "Trip-Hop"}, ["Jóga"]),
    ({"genre": "Trip"}, []),
    ({"genre": "art pop", "title": "u"}, ["Untitled"]),
    ({"genre": "art pop", "album": "debut"}, ["HUNTER"]),
    ({"mbid": MBID.upper()}, ["Jóga"]),
    ({"mbid": MBID, "genre": "post-rock"}, []),
    # One recording can be on several releases, so that several tracks have its code.
    ({"isrc": ISRC}, ["Come Together", "Jóga"]),
    ({"isrc": "gb-aye-69-00001"}, ["Come Together", "Jóga"]),
    ({"isrc": ISRC, "genre": "art pop"}, ["Jóga"]),
    ({"isrc": "GBAYE6900002"}, []),
    ({"release_year_from": "1994"}, ["Jóga", "Bachelorette", "Encore"]),
    ({"release_year_to": "1992"}, ["Come Together", "Her Majesty", "Hidden"]),
    ({"release_year_from": "1993", "release_year_to": "1993"}, ["Hunter", "HUNTER"]),
    ({"duration_ms_from": "305000"}, ["Jóga", "Bachelorette", "Encore"]),
    ({"duration_ms_to": "1"}, ["Her Majesty", "Hidden"]),
    ({"duration_ms_from": "0", "duration_ms_to": "0"}, ["Her Majesty"]),
    ({"duration_ms_to": "2147483647", "genre": "art pop"}, ["Jóga"]),
    ({"updated_since": "2024-02-29T12:00:00.000002Z"}, ["Bachelorette"]),
    ({"updated_since": "2024-02-29T12:00:00.000001Z", "genre": "post-rock"}, ["Untitled"]),
]


def test_every_filter_has_its_test() -> None:
    told = {name for query, _ in FILTERED for name in query}
    assert filters(TrackQuery) == told | {"artist_id", "album_id", "ids"}


@pytest.mark.usefixtures("library")
def test_a_filter_leaves_those_it_names(listener: Person) -> None:
    for query, found in FILTERED:
        page = listener.page("tracks", **query, total="true")
        assert (query, titles(page["items"]), page["total"]) == (query, found, len(found))


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("sort", ["duration_ms", "-release_year", "artist"])
def test_a_filter_leaves_the_same_in_any_order(listener: Person, sort: str) -> None:
    for query, found in FILTERED:
        expected = dict(orders(sort.removeprefix("-"), among=found))[sort]
        items = listener.walk("tracks", **query, sort=sort, limit=1)
        assert (query, titles(items)) == (query, expected)


def test_filters_by_artist_and_album_meet(listener: Person, library: Library) -> None:
    query = {"artist_id": library.bjork, "album_id": library.abbey_road}
    assert titles(listener.items("tracks", **query)) == ["Hidden"]
    path = f"albums/{library.abbey_road}/tracks"
    assert titles(listener.items(path, artist_id=library.bjork)) == ["Hidden"]
    path = f"artists/{library.bjork}/tracks"
    assert titles(listener.items(path, album="abbey")) == ["Hidden"]


@pytest.mark.parametrize("kind", ["artists", "albums"])
def test_nothing_has_no_tracks(listener: Person, db: None, kind: str) -> None:
    problem(listener.get(f"{kind}/999999/tracks"), 404)


def test_what_is_in_the_path_is_not_asked_for_again(listener: Person, library: Library) -> None:
    reply = listener.get(f"albums/{library.debut}/tracks", album_id=library.debut)
    assert blamed(reply, 400) == ["album_id"]
    reply = listener.get(f"artists/{library.bjork}/tracks", artist_id=library.bjork)
    assert blamed(reply, 400) == ["artist_id"]


REFUSED: list[dict[str, str]] = [
    {"duration_ms_from": "-1"},
    {"duration_ms_to": "2147483648"},
    {"duration_ms_to": "3:05"},
    {"release_year": "1993"},
    {"album_id": "١"},
    {"album_id": " 1"},
    {"isrc": "GBAYE69"},
    {"isrc": f"{ISRC}\n"},
    {"album": ""},
    {"sort": "position"},
    {"q": ""},
    {"q": "x" * 1_001},
    {"search": "hunter"},
]


def test_what_cannot_be_asked_of_tracks_is_refused_by_name(listener: Person) -> None:
    for query in REFUSED:
        assert (query, blamed(listener.get("tracks", **query), 400)) == (query, [*query])
