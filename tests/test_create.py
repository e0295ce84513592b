"""POST /artists, /albums and /tracks: what is made, and what is not."""

from typing import Any

import pytest

from tests import builders
from tests.client import Person, Reply, blamed
from vivace.catalogue.folding import KEY_LENGTH
from vivace.catalogue.models import Album, Artist, Genre, Track

MBID = "87C5DEDD-371D-4A53-9F7F-80522FB7F3CB"
OTHER_MBID = "c2b6f1c8-9b0a-4b1e-8a3d-3f1e2d4c5b6a"


@pytest.fixture
def bjork(db: None) -> str:
    return builders.artist("Björk", sort_name="Guðmundsdóttir, Björk", mbid=MBID)


@pytest.fixture
def sjon(db: None) -> str:
    return builders.artist("Sjón")


@pytest.fixture
def homogenic(bjork: str) -> str:
    return builders.album("Homogenic", by=bjork, release_date="1997-09", mbid=OTHER_MBID)


def made(person: Person, reply: Reply) -> dict[str, Any]:
    """What a reply says was made, but for its id and moments, after a look at where it is."""
    assert reply.status == 201, reply
    thing: dict[str, Any] = reply.json
    there = person.get(reply.headers["Location"])
    assert reply.headers["Location"].endswith(f"s/{thing['id']}")
    assert (there.json, there.headers["ETag"]) == (thing, reply.headers["ETag"])
    assert thing["created_at"] == thing["updated_at"]
    return {name: thing[name] for name in thing.keys() - {"id", "created_at", "updated_at"}}


def test_an_artist_needs_a_name_only(editor: Person) -> None:
    reply = editor.post("artists", {"name": "  Sigur  Rós "})
    assert reply.headers["Location"] == f"/api/v1/artists/{reply.json['id']}"
    assert made(editor, reply) == {
        "name": "  Sigur  Rós ",
        "sort_name": None,
        "disambiguation": "",
        "mbid": None,
    }


def test_an_artist_is_made_with_all_that_is_known(editor: Person) -> None:
    known = {
        "name": "Björk",
        "sort_name": "Guðmundsdóttir, Björk",
        "disambiguation": "the singer",
        "mbid": MBID,
    }
    assert made(editor, editor.post("artists", known)) == {**known, "mbid": MBID.lower()}


def test_an_album_needs_a_title_and_an_artist(editor: Person, bjork: str) -> None:
    reply = editor.post("albums", {"title": "Debut", "artist_id": bjork})
    assert reply.headers["Location"] == f"/api/v1/albums/{reply.json['id']}"
    assert made(editor, reply) == {
        "title": "Debut",
        "type": None,
        "release_date": None,
        "release_year": None,
        "mbid": None,
        "artist": {"id": bjork, "name": "Björk"},
        "genres": [],
        "credits": [],
    }


def test_a_title_longer_than_its_sort_key_may_part_two_words_there(
    editor: Person, bjork: str
) -> None:
    title = "a" * (KEY_LENGTH - 1) + " bb"
    made(editor, editor.post("albums", {"title": title, "artist_id": bjork}))
    assert [album["title"] for album in editor.items("albums", sort="title")] == [title]


def test_an_album_is_made_with_all_that_is_known(editor: Person, bjork: str, sjon: str) -> None:
    known = {
        "title": "Biophilia",
        "artist_id": bjork,
        "type": "soundtrack",
        "release_date": "2011-10-05",
        "mbid": MBID,
        "genres": ["Electronic", "Art Pop"],
        "credits": [
            {"artist_id": bjork, "credited_as": "bjork", "role": "voice"},
            {"artist_id": sjon},
        ],
    }
    assert made(editor, editor.post("albums", known)) == {
        "title": "Biophilia",
        "type": "soundtrack",
        "release_date": "2011-10-05",
        "release_year": 2011,
        "mbid": MBID.lower(),
        "artist": {"id": bjork, "name": "Björk"},
        "genres": ["Electronic", "Art Pop"],
        "credits": [
            {"id": bjork, "name": "Björk", "credited_as": "bjork", "role": "voice"},
            {"id": sjon, "name": "Sjón", "credited_as": "Sjón", "role": "main"},
        ],
    }


def test_a_track_needs_a_title_an_artist_and_an_album(
    editor: Person, sjon: str, homogenic: str
) -> None:
    reply = editor.post("tracks", {"title": "Jóga", "artist_id": sjon, "album_id": homogenic})
    assert reply.headers["Location"] == f"/api/v1/tracks/{reply.json['id']}"
    assert made(editor, reply) == {
        "title": "Jóga",
        "disc_number": None,
        "track_number": None,
        "duration_ms": None,
        "composer": None,
        "artist": {"id": sjon, "name": "Sjón"},
        "album": {"id": homogenic, "title": "Homogenic", "release_year": 1997},
        "genres": [],
        "credits": [],
        "mbid": None,
        "isrc": None,
    }


def test_a_track_is_made_with_all_that_is_known(
    editor: Person, bjork: str, sjon: str, homogenic: str
) -> None:
    known = {
        "title": "Jóga",
        "artist_id": bjork,
        "album_id": homogenic,
        "disc_number": 9_999,
        "track_number": 0,
        "duration_ms": 2**31 - 1,
        "composer": "Björk, Sjón",
        "mbid": MBID,
        "isrc": "gb-aye-69-00001",
        "genres": ["Trip-Hop"],
        "credits": [{"artist_id": bjork}, {"artist_id": sjon, "role": "lyrics"}],
    }
    assert made(editor, editor.post("tracks", known)) == {
        "title": "Jóga",
        "disc_number": 9_999,
        "track_number": 0,
        "duration_ms": 2**31 - 1,
        "composer": "Björk, Sjón",
        "artist": {"id": bjork, "name": "Björk"},
        "album": {"id": homogenic, "title": "Homogenic", "release_year": 1997},
        "genres": ["Trip-Hop"],
        "credits": [
            {"id": bjork, "name": "Björk", "credited_as": "Björk", "role": "main"},
            {"id": sjon, "name": "Sjón", "credited_as": "Sjón", "role": "lyrics"},
        ],
        "mbid": MBID.lower(),
        "isrc": "GBAYE6900001",
    }


@pytest.mark.parametrize(
    ("date", "year"), [("0000", 0), ("0001-01", 1), ("2024-02-29", 2024), ("9999-12-31", 9999)]
)
def test_a_release_date_is_as_precise_as_it_was_given(
    editor: Person, bjork: str, date: str, year: int
) -> None:
    album = {"title": "Debut", "artist_id": bjork, "release_date": date}
    found = editor.post("albums", album).json
    assert (found["release_date"], found["release_year"]) == (date, year)


def test_genres_keep_their_order_and_are_the_same_however_written(
    editor: Person, bjork: str
) -> None:
    first = editor.post(
        "albums", {"title": "One", "artist_id": bjork, "genres": ["Trip-Hop", "Électro  Pop"]}
    )
    assert first.json["genres"] == ["Trip-Hop", "Électro  Pop"]
    again = ["electro pop", "Jazz", "TRIP-HOP", "ÉLECTRO POP", "jazz"]
    second = editor.post("albums", {"title": "Two", "artist_id": bjork, "genres": again})
    # A genre is written as it was first, and stands where it comes first.
    assert second.json["genres"] == ["Électro  Pop", "Jazz", "Trip-Hop"]
    listed = [genre["name"] for genre in editor.items("genres")]
    assert listed == ["Électro  Pop", "Jazz", "Trip-Hop"]


@pytest.mark.parametrize(
    "credit",
    [{}, {"role": "main"}, {"credited_as": "Björk"}, {"credited_as": "Björk", "role": "main"}],
)
def test_a_credit_that_says_what_the_artist_says_is_not_shown(
    editor: Person, bjork: str, credit: dict[str, str]
) -> None:
    album = {"title": "Debut", "artist_id": bjork, "credits": [{"artist_id": bjork, **credit}]}
    assert editor.post("albums", album).json["credits"] == []


@pytest.mark.parametrize("credit", [{"role": "voice"}, {"credited_as": "björk"}])
def test_a_credit_that_says_more_than_the_artist_is_shown(
    editor: Person, bjork: str, credit: dict[str, str]
) -> None:
    album = {"title": "Debut", "artist_id": bjork, "credits": [{"artist_id": bjork, **credit}]}
    shown = {"id": bjork, "name": "Björk", "credited_as": "Björk", "role": "main", **credit}
    assert editor.post("albums", album).json["credits"] == [shown]


@pytest.mark.parametrize("kind", ["albums", "tracks"])
def test_credits_begin_with_the_artist_and_name_who_is_there(
    editor: Person, bjork: str, sjon: str, homogenic: str, kind: str
) -> None:
    thing = {"title": "Jóga", "artist_id": bjork}
    if kind == "tracks":
        thing["album_id"] = homogenic
    before = counts()
    for credited, pointers in (
        ([sjon, bjork], ["/credits/0/artist_id"]),
        ([bjork, "999999"], ["/credits/1/artist_id"]),
        (["999999", sjon, "999998"], ["/credits/0/artist_id", "/credits/2/artist_id"]),
    ):
        asked = {**thing, "credits": [{"artist_id": id_} for id_ in credited]}
        assert blamed(editor.post(kind, asked), 409) == pointers
    assert counts() == before


def counts() -> list[int]:
    return [model._default_manager.count() for model in (Artist, Album, Track, Genre)]


def test_a_name_is_taken_however_it_is_written(editor: Person, bjork: str) -> None:
    before = counts()
    assert blamed(editor.post("artists", {"name": " BJORK"}), 409) == ["/name"]
    assert blamed(editor.post("artists", {"name": "bjork", "mbid": MBID}), 409) == [
        "/name",
        "/mbid",
    ]
    assert counts() == before
    tribute = {"name": "bjork", "disambiguation": "tribute"}
    assert editor.post("artists", tribute).status == 201
    assert blamed(editor.post("artists", tribute), 409) == ["/name"]


def test_a_musicbrainz_id_is_taken_within_its_kind(
    editor: Person, bjork: str, homogenic: str
) -> None:
    assert blamed(editor.post("artists", {"name": "Sjón", "mbid": MBID.lower()}), 409) == ["/mbid"]
    album = {"title": "Homogenic", "artist_id": bjork, "mbid": OTHER_MBID.upper(), "genres": ["A"]}
    assert blamed(editor.post("albums", album), 409) == ["/mbid"]
    assert not Genre.objects.exists()
    track = {"title": "Jóga", "artist_id": bjork, "album_id": homogenic, "mbid": OTHER_MBID}
    assert editor.post("tracks", track).status == 201
    assert blamed(editor.post("tracks", track), 409) == ["/mbid"]


def test_titles_and_recording_codes_may_repeat(editor: Person, bjork: str, homogenic: str) -> None:
    album = {"title": "Homogenic", "artist_id": bjork}
    assert editor.post("albums", album).status == 201
    track = {**album, "album_id": homogenic, "track_number": 1, "isrc": "GBAYE6900001"}
    ids = {editor.post("tracks", track).json["id"] for _ in range(2)}
    assert len(ids) == 2


def test_what_is_referred_to_has_to_be_there(editor: Person, bjork: str, homogenic: str) -> None:
    before = counts()
    album = {"title": "Debut", "artist_id": "999999", "genres": ["Jazz"]}
    assert blamed(editor.post("albums", album), 409) == ["/artist_id"]
    track = {"title": "Jóga", "artist_id": "9" * 18, "album_id": homogenic, "genres": ["Jazz"]}
    assert blamed(editor.post("tracks", track), 409) == ["/artist_id"]
    track = {"title": "Jóga", "artist_id": bjork, "album_id": "9" * 18, "genres": ["Jazz"]}
    assert blamed(editor.post("tracks", track), 409) == ["/album_id"]
    assert counts() == before


LONG = "x" * 1_001
MISSING: Any = object()
# Of each kind a field, what it cannot be, and where that is told.
WRONG: dict[str, list[tuple[str, list[Any], str]]] = {
    "artists": [
        ("name", [None, "", " ", "\t\n", "a\0", "x" * 501, 5, True, ["Björk"], {}], "/name"),
        ("name", [MISSING], "/name"),
        ("sort_name", ["", "\0", "x" * 501, 5], "/sort_name"),
        ("disambiguation", [None, "\0", "x" * 151, 5], "/disambiguation"),
        ("mbid", ["", MBID[:-1], f"{MBID}\n", MBID.replace("-", ""), 5], "/mbid"),
        ("nickname", ["B"], "/nickname"),
        ("id", ["7"], "/id"),
    ],
    "albums": [
        ("title", [None, "", " ", "\0", LONG, 5], "/title"),
        ("title", [MISSING], "/title"),
        ("artist_id", [None, "", "x", "0", "01", "-1", " 1", "1\n", "9" * 19, 1], "/artist_id"),
        ("artist_id", [MISSING], "/artist_id"),
        ("type", ["", "Album", "demo", 5], "/type"),
        (
            "release_date",
            ["", "73", "1973-3", "1973-13", "1973-00", "1973-04-31", "1973-02-30", "1973-03-01T00",
             "1973-03-01\n", "01973", "١٩٧٣", "-1973", 1973, "2023-02-29", "1900-02-29"],
            "/release_date",
        ),
        ("mbid", ["x"], "/mbid"),
        ("genres", [None, "Jazz", {}, ["x"] * 101], "/genres"),
        ("genres", [["Jazz", ""], ["Jazz", " "], ["Jazz", None], ["Jazz", "x" * 501]], "/genres/1"),
        ("credits", [None, {}, "Björk"], "/credits"),
        ("release_year", [1973], "/release_year"),
    ],
    "tracks": [
        ("title", [None, "", LONG], "/title"),
        ("album_id", [None, "x", 7, "9" * 19], "/album_id"),
        ("album_id", [MISSING], "/album_id"),
        ("disc_number", [0, -1, 10_000, 1.5, "1", True, 2**64], "/disc_number"),
        ("track_number", [-1, 999_999, 0.5, "1", 2**63, 2**64, -(2**64)], "/track_number"),
        ("duration_ms", [-1, 2**31, 1e300, "3:05", 10**400], "/duration_ms"),
        ("composer", ["", " ", "\0", LONG], "/composer"),
        ("isrc", ["", "GBAYE690000", "GBAYE69000012", "GB--AYE6900001", "1BAYE6900001"], "/isrc"),
        ("credits", [[{"artist_id": "1"}, {}]], "/credits/1/artist_id"),
        ("credits", [[{"artist_id": "1", "name": "Björk"}]], "/credits/0/name"),
        ("credits", [[{"artist_id": 1}]], "/credits/0/artist_id"),
        ("credits", [[{"artist_id": "1", "role": ""}]], "/credits/0/role"),
        ("credits", [[{"artist_id": "1", "credited_as": " "}]], "/credits/0/credited_as"),
        ("credits", [[{"artist_id": "1"}] * 101], "/credits"),
        ("position", [1], "/position"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_a_field_that_cannot_be_is_pointed_at(
    editor: Person, bjork: str, homogenic: str, kind: str
) -> None:
    right = {
        "artists": {"name": "Sjón"},
        "albums": {"title": "Debut", "artist_id": bjork},
        "tracks": {"title": "Jóga", "artist_id": bjork, "album_id": homogenic},
    }[kind]
    before = counts()
    for field, values, pointer in WRONG[kind]:
        for value in values:
            asked = {**right, field: value}
            if value is MISSING:
                del asked[field]
            assert (asked, blamed(editor.post(kind, asked), 400)) == (asked, [pointer])
    assert counts() == before
    assert editor.post(kind, right).status == 201
