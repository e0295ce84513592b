"""PATCH and PUT: what changes, what stays, and that every list shows it at once."""

from typing import Any

import pytest

from tests import builders
from tests.client import Person, blamed, problem

MBID = "87c5dedd-371d-4a53-9f7f-80522fb7f3cb"
OTHER_MBID = "c2b6f1c8-9b0a-4b1e-8a3d-3f1e2d4c5b6a"


class Library:
    """Two artists with an album each, and a track of either on each album.

    Everything that can be known of Björk, Homogenic and Jóga is known. Sjón's album has no year,
    his track on Homogenic no duration. Only Jóga is Trip-Hop, only Homogenic is Art Pop; Jazz is
    Sjón's track on his own album.
    """

    def __init__(self) -> None:
        self.bjork = builders.artist(
            "Björk", sort_name="Guðmundsdóttir", disambiguation="the singer", mbid=MBID
        )
        self.sjon = builders.artist("Sjón")
        both = [{"artist_id": self.bjork}, {"artist_id": self.sjon, "role": "lyrics"}]
        self.homogenic = builders.album(
            "Homogenic",
            by=self.bjork,
            type="album",
            release_date="1997-09-22",
            mbid=MBID,
            genres=["Art Pop"],
            credits=both,
        )
        self.dulcinea = builders.album("Dulcinea", by=self.sjon)
        self.joga = builders.track(
            "Jóga",
            by=self.bjork,
            on=self.homogenic,
            disc_number=1,
            track_number=2,
            duration_ms=305_000,
            composer="Björk, Sjón",
            mbid=MBID,
            isrc="GBAYE6900001",
            genres=["Trip-Hop"],
            credits=both,
        )
        self.poem = builders.track("Poem", by=self.sjon, on=self.homogenic)
        self.oceania = builders.track("Oceania", by=self.bjork, on=self.dulcinea)
        self.ballad = builders.track("Ballad", by=self.sjon, on=self.dulcinea, genres=["Jazz"])

    def path(self, kind: str) -> str:
        """Of what everything is known of."""
        return {
            "artists": f"artists/{self.bjork}",
            "albums": f"albums/{self.homogenic}",
            "tracks": f"tracks/{self.joga}",
        }[kind]


@pytest.fixture
def library(db: None) -> Library:
    return Library()


def changed(person: Person, path: str, **changes: Any) -> dict[str, Any]:
    """What a PATCH changed but for the moment, after a look at what it answers and leaves."""
    before = person.get(path).json
    reply = person.patch(path, changes)
    assert reply.status == 200, reply
    after: dict[str, Any] = reply.json
    there = person.get(path)
    assert (there.json, there.headers["ETag"]) == (after, reply.headers["ETag"])
    assert after["updated_at"] > before["updated_at"]
    assert after.keys() == before.keys()
    different = {name for name in after if after[name] != before[name]} - {"updated_at"}
    return {name: after[name] for name in different}


def titles(person: Person, path: str, **query: str) -> list[str]:
    return [item["title"] for item in person.walk(path, limit=1, **query)]


def names(person: Person, **query: str) -> list[str]:
    return [item["name"] for item in person.walk("artists", limit=1, **query)]


@pytest.mark.parametrize("kind", ["artists", "albums", "tracks"])
def test_nothing_given_changes_nothing_but_the_moment(
    editor: Person, library: Library, kind: str
) -> None:
    assert changed(editor, library.path(kind)) == {}


SINGLE: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("artists", {"name": "Sigur Rós"}, {"name": "Sigur Rós"}),
    ("artists", {"name": "BJÖRK"}, {"name": "BJÖRK"}),
    ("artists", {"sort_name": "Bjork"}, {"sort_name": "Bjork"}),
    ("artists", {"disambiguation": ""}, {"disambiguation": ""}),
    ("artists", {"mbid": OTHER_MBID.upper()}, {"mbid": OTHER_MBID}),
    ("artists", {"mbid": MBID.upper()}, {}),
    ("albums", {"title": "Post"}, {"title": "Post"}),
    ("albums", {"type": "live"}, {"type": "live"}),
    ("albums", {"release_date": "1995"}, {"release_date": "1995", "release_year": 1995}),
    ("albums", {"mbid": OTHER_MBID}, {"mbid": OTHER_MBID}),
    ("albums", {"genres": ["Jazz", "art pop"]}, {"genres": ["Jazz", "Art Pop"]}),
    ("albums", {"genres": []}, {"genres": []}),
    ("albums", {"credits": []}, {"credits": []}),
    ("tracks", {"title": "Joga"}, {"title": "Joga"}),
    ("tracks", {"disc_number": 2}, {"disc_number": 2}),
    ("tracks", {"track_number": 0}, {"track_number": 0}),
    ("tracks", {"duration_ms": 0}, {"duration_ms": 0}),
    ("tracks", {"composer": "Sjón"}, {"composer": "Sjón"}),
    ("tracks", {"isrc": "is-abc-12-34567"}, {"isrc": "ISABC1234567"}),
    ("tracks", {"genres": ["New  Genre"]}, {"genres": ["New  Genre"]}),
    # Null says that it is not known.
    ("artists", {"sort_name": None, "mbid": None}, {"sort_name": None, "mbid": None}),
    ("albums", {"type": None, "mbid": None}, {"type": None, "mbid": None}),
    ("albums", {"release_date": None}, {"release_date": None, "release_year": None}),
    (
        "tracks",
        dict.fromkeys(["disc_number", "track_number", "duration_ms", "composer", "mbid", "isrc"]),
        dict.fromkeys(["disc_number", "track_number", "duration_ms", "composer", "mbid", "isrc"]),
    ),
]


@pytest.mark.parametrize(("kind", "changes", "expected"), SINGLE)
def test_what_is_given_changes_and_what_is_absent_stays(
    editor: Person,
    library: Library,
    kind: str,
    changes: dict[str, Any],
    expected: dict[str, Any],
) -> None:
    assert changed(editor, library.path(kind), **changes) == expected


REPLACED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "artists": (
        {"name": "Björk"},
        {"name": "Björk", "sort_name": None, "disambiguation": "", "mbid": None},
    ),
    "albums": (
        {"title": "Post"},
        {
            "title": "Post",
            "type": None,
            "release_date": None,
            "release_year": None,
            "mbid": None,
            "artist": "Sjón",
            "genres": [],
            "credits": [],
        },
    ),
    "tracks": (
        {"title": "Joga"},
        {
            "title": "Joga",
            "disc_number": None,
            "track_number": None,
            "duration_ms": None,
            "composer": None,
            "artist": "Sjón",
            "album": "Dulcinea",
            "genres": [],
            "credits": [],
            "mbid": None,
            "isrc": None,
        },
    ),
}


@pytest.mark.parametrize("kind", REPLACED)
def test_a_whole_replaces_all_that_was_there(editor: Person, library: Library, kind: str) -> None:
    whole, expected = REPLACED[kind]
    if kind != "artists":
        whole = {**whole, "artist_id": library.sjon}
        expected = {**expected, "artist": {"id": library.sjon, "name": "Sjón"}}
    if kind == "tracks":
        whole = {**whole, "album_id": library.dulcinea}
        album = {"id": library.dulcinea, "title": "Dulcinea", "release_year": None}
        expected = {**expected, "album": album}
    before = editor.get(library.path(kind)).json
    reply = editor.put(library.path(kind), whole)
    assert (reply.status, reply.json) == (
        200,
        {
            "id": before["id"],
            **expected,
            "created_at": before["created_at"],
            "updated_at": reply.json["updated_at"],
        },
    )
    assert reply.json["updated_at"] > before["updated_at"]
    assert editor.get(library.path(kind)).json == reply.json


@pytest.mark.parametrize("kind", ["artists", "albums", "tracks"])
def test_a_whole_may_not_leave_out_what_a_new_one_needs(
    editor: Person, library: Library, kind: str
) -> None:
    before = editor.get(library.path(kind)).json
    needed = "/name" if kind == "artists" else "/title"
    assert blamed(editor.put(library.path(kind), {}), 400) == [needed]
    assert editor.get(library.path(kind)).json == before


def test_an_artist_s_new_name_reaches_every_list_at_once(editor: Person, library: Library) -> None:
    assert names(editor, sort="name") == ["Björk", "Sjón"]
    editor.patch(f"artists/{library.bjork}", {"name": "Ásta Björk", "sort_name": None})
    assert names(editor, sort="-name") == ["Sjón", "Ásta Björk"]
    editor.patch(f"artists/{library.bjork}", {"name": "Zaz"})
    assert names(editor, sort="name") == ["Sjón", "Zaz"]
    assert names(editor, sort="-name", genre="art pop") == ["Zaz"]
    builders.album("Vespertine", by=library.sjon, genres=["Art Pop"])
    assert names(editor, sort="name", genre="art pop") == ["Sjón", "Zaz"]
    assert titles(editor, "albums", sort="artist") == ["Dulcinea", "Vespertine", "Homogenic"]
    in_genre = titles(editor, "albums", sort="artist", genre="art pop")
    assert in_genre == ["Vespertine", "Homogenic"]
    assert titles(editor, "tracks", sort="artist") == ["Poem", "Ballad", "Jóga", "Oceania"]
    assert titles(editor, "tracks", sort="artist", genre="trip-hop") == ["Jóga"]
    assert (names(editor, name="zaz"), names(editor, name="björk")) == (["Zaz"], [])
    assert titles(editor, "tracks", artist="zaz") == ["Jóga", "Oceania"]
    assert titles(editor, "albums", artist="bjork") == []
    (joga,) = editor.items("tracks", ids=library.joga)
    assert joga["artist"]["name"] == "Zaz"
    # What the sleeve says stays as it is printed.
    assert [(c["name"], c["credited_as"]) for c in joga["credits"]] == [
        ("Zaz", "Björk"),
        ("Sjón", "Sjón"),
    ]


def test_an_album_s_new_title_and_date_reach_every_list_at_once(
    editor: Person, library: Library
) -> None:
    assert titles(editor, "tracks", sort="album") == ["Oceania", "Ballad", "Jóga", "Poem"]
    editor.patch(f"albums/{library.homogenic}", {"title": "Ágætis", "release_date": None})
    editor.patch(f"albums/{library.dulcinea}", {"release_date": "2001-05"})
    assert titles(editor, "albums", sort="title") == ["Ágætis", "Dulcinea"]
    assert titles(editor, "albums", sort="-release_year") == ["Dulcinea", "Ágætis"]
    assert titles(editor, "albums", sort="release_year", genre="art pop") == ["Ágætis"]
    assert titles(editor, "tracks", sort="album") == ["Jóga", "Poem", "Oceania", "Ballad"]
    by_year = titles(editor, "tracks", sort="release_year")
    assert by_year == ["Oceania", "Ballad", "Jóga", "Poem"]
    assert titles(editor, "tracks", release_year_from="2001") == ["Oceania", "Ballad"]
    assert titles(editor, "tracks", release_year_from="2001", genre="jazz") == ["Ballad"]
    assert titles(editor, "tracks", release_year_to="2000", genre="trip-hop") == []
    assert titles(editor, "tracks", sort="-release_year", genre="trip-hop") == ["Jóga"]
    assert titles(editor, "tracks", album="agaetis") == ["Jóga", "Poem"]
    assert titles(editor, "tracks", album="homogenic") == []
    (joga,) = editor.items("tracks", ids=library.joga)
    assert joga["album"] == {"id": library.homogenic, "title": "Ágætis", "release_year": None}


def test_a_track_s_new_title_and_duration_reach_every_list_at_once(
    editor: Person, library: Library
) -> None:
    editor.patch(f"tracks/{library.ballad}", {"genres": ["Trip-Hop"]})
    assert titles(editor, "tracks", sort="title", genre="trip-hop") == ["Ballad", "Jóga"]
    editor.patch(f"tracks/{library.ballad}", {"title": "Über", "duration_ms": 1})
    for query in ({"genre": "trip-hop"}, {}):
        found = titles(editor, "tracks", sort="title", **query)
        assert [title for title in found if title in {"Über", "Jóga"}] == ["Jóga", "Über"]
        found = titles(editor, "tracks", sort="duration_ms", **query)
        assert found[:2] == ["Über", "Jóga"]
    assert titles(editor, "tracks", title="uber") == ["Über"]
    assert titles(editor, "tracks", title="ballad") == []
    assert titles(editor, "tracks", sort="-updated_at")[0] == "Über"


def test_an_album_s_tracks_come_in_their_new_order_at_once(
    editor: Person, library: Library
) -> None:
    path = f"albums/{library.homogenic}/tracks"
    assert titles(editor, path) == ["Jóga", "Poem"]
    editor.patch(f"tracks/{library.poem}", {"disc_number": 1, "track_number": 1})
    assert titles(editor, path) == ["Poem", "Jóga"]
    editor.patch(f"tracks/{library.poem}", {"disc_number": 2})
    assert titles(editor, path) == ["Jóga", "Poem"]


def test_a_track_moves_to_another_album(editor: Person, library: Library) -> None:
    assert changed(editor, f"tracks/{library.joga}", album_id=library.dulcinea) == {
        "album": {"id": library.dulcinea, "title": "Dulcinea", "release_year": None}
    }
    assert titles(editor, f"albums/{library.homogenic}/tracks") == ["Poem"]
    on_dulcinea = titles(editor, f"albums/{library.dulcinea}/tracks")
    assert on_dulcinea == ["Jóga", "Oceania", "Ballad"]
    assert titles(editor, "tracks", sort="album", genre="trip-hop", album="dulc") == ["Jóga"]
    editor.patch(f"albums/{library.homogenic}", {"title": "Zzz", "release_date": "1970"})
    assert titles(editor, "tracks", sort="-album")[0] == "Poem"
    assert titles(editor, "tracks", release_year_to="1970") == ["Poem"]


def test_who_a_track_is_by_takes_the_place_of_its_first_credit(
    editor: Person, library: Library
) -> None:
    zaz = builders.artist("Zaz")
    assert changed(editor, f"tracks/{library.joga}", artist_id=zaz) == {
        "artist": {"id": zaz, "name": "Zaz"},
        "credits": [
            {"id": zaz, "name": "Zaz", "credited_as": "Zaz", "role": "main"},
            {"id": library.sjon, "name": "Sjón", "credited_as": "Sjón", "role": "lyrics"},
        ],
    }
    assert changed(editor, f"tracks/{library.ballad}", artist_id=zaz) == {
        "artist": {"id": zaz, "name": "Zaz"}
    }


def test_genres_follow_who_a_track_or_album_is_by(editor: Person, library: Library) -> None:
    assert names(editor, genre="trip-hop") == ["Björk"]
    editor.patch(f"tracks/{library.joga}", {"artist_id": library.sjon})
    assert names(editor, genre="trip-hop") == ["Sjón"]
    editor.patch(f"tracks/{library.joga}", {"genres": ["Art Pop"]})
    assert names(editor, genre="trip-hop") == []
    assert names(editor, genre="art pop") == ["Björk", "Sjón"]
    editor.patch(f"albums/{library.homogenic}", {"artist_id": library.sjon})
    assert names(editor, genre="art pop") == ["Sjón"]
    # The album is no more, the track still is.
    editor.patch(f"albums/{library.homogenic}", {"genres": []})
    assert names(editor, genre="art pop") == ["Sjón"]
    editor.patch(f"tracks/{library.joga}", {"genres": []})
    assert names(editor, genre="art pop") == []


def test_credits_are_replaced_whole(editor: Person, library: Library) -> None:
    zaz = builders.artist("Zaz")
    credited = [
        {"artist_id": library.bjork, "credited_as": "Bj"},
        {"artist_id": zaz, "role": "guest"},
    ]
    shown = [
        {"id": library.bjork, "name": "Björk", "credited_as": "Bj", "role": "main"},
        {"id": zaz, "name": "Zaz", "credited_as": "Zaz", "role": "guest"},
    ]
    for path in (f"tracks/{library.joga}", f"albums/{library.homogenic}"):
        assert changed(editor, path, credits=credited) == {"credits": shown}
        assert changed(editor, path, credits=[{"artist_id": library.bjork}]) == {"credits": []}


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("artists", {"name": "SJON"}, "/name"),
    ("artists", {"mbid": OTHER_MBID}, "/mbid"),
    ("albums", {"mbid": OTHER_MBID.upper()}, "/mbid"),
    ("albums", {"artist_id": "999999", "genres": ["Jazz"]}, "/artist_id"),
    ("albums", {"credits": [{"artist_id": "999999"}], "genres": []}, "/credits/0/artist_id"),
    ("tracks", {"album_id": "999999"}, "/album_id"),
    ("tracks", {"mbid": OTHER_MBID, "title": "Joga"}, "/mbid"),
]


@pytest.mark.parametrize(("kind", "changes", "pointer"), REFUSED)
def test_what_contradicts_the_rest_is_pointed_at_and_nothing_changes(
    editor: Person, library: Library, kind: str, changes: dict[str, Any], pointer: str
) -> None:
    editor.patch(f"artists/{library.sjon}", {"disambiguation": "the singer"})
    for path in (f"artists/{library.sjon}", f"albums/{library.dulcinea}", f"tracks/{library.poem}"):
        editor.patch(path, {"mbid": OTHER_MBID})
    before = editor.get(library.path(kind)).json
    assert blamed(editor.patch(library.path(kind), changes), 409) == [pointer]
    assert editor.get(library.path(kind)).json == before


def test_the_first_credit_is_the_artist_who_it_is_by_then(editor: Person, library: Library) -> None:
    path = f"tracks/{library.joga}"
    of_sjon = {"credits": [{"artist_id": library.sjon, "role": "voice"}]}
    assert blamed(editor.patch(path, of_sjon), 409) == ["/credits/0/artist_id"]
    reply = editor.patch(path, {**of_sjon, "artist_id": library.sjon})
    assert [credit["role"] for credit in reply.json["credits"]] == ["voice"]


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("artists", {"name": None}, "/name"),
    ("artists", {"disambiguation": None}, "/disambiguation"),
    ("artists", {"nickname": "B"}, "/nickname"),
    ("artists", {"created_at": "2024-02-29T12:00:00Z"}, "/created_at"),
    ("albums", {"title": None}, "/title"),
    ("albums", {"artist_id": None}, "/artist_id"),
    ("albums", {"genres": None}, "/genres"),
    ("albums", {"credits": None}, "/credits"),
    ("albums", {"release_year": 1973}, "/release_year"),
    ("tracks", {"album_id": None}, "/album_id"),
    ("tracks", {"duration_ms": -1}, "/duration_ms"),
    ("tracks", {"credits": [{"artist_id": "1"}, {"role": "x"}]}, "/credits/1/artist_id"),
]


@pytest.mark.parametrize(("kind", "changes", "pointer"), WRONG)
def test_a_field_that_cannot_be_is_pointed_at(
    editor: Person, library: Library, kind: str, changes: dict[str, Any], pointer: str
) -> None:
    before = editor.get(library.path(kind)).json
    assert blamed(editor.patch(library.path(kind), changes), 400) == [pointer]
    assert editor.get(library.path(kind)).json == before


@pytest.mark.parametrize("id_", ["999999", "0", "-1", "x", "9" * 18, "9" * 40])
@pytest.mark.parametrize("kind", ["artists", "albums", "tracks"])
def test_what_is_not_there_cannot_be_changed(
    editor: Person, library: Library, kind: str, id_: str
) -> None:
    whole = {"name": "X"} if kind == "artists" else {"title": "X", "artist_id": library.bjork}
    if kind == "tracks":
        whole["album_id"] = library.homogenic
    problem(editor.patch(f"{kind}/{id_}", {}), 404)
    problem(editor.put(f"{kind}/{id_}", whole), 404)
