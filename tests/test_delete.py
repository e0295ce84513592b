"""DELETE: what goes, what goes with it, and what stands in the way."""

import re
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from tests import builders
from tests.client import Person, blamed, problem
from vivace.catalogue import caching, changes
from vivace.catalogue.models import Album, AlbumCredit, Artist, Genre, Track, TrackCredit


class Library:
    """Björk's album holds a track of Sjón's, who is credited on Björk's track too.

    Zaz has nothing but a credit on Sjón's album, Nobody has nothing at all.
    """

    def __init__(self) -> None:
        self.bjork, self.sjon, self.zaz, self.nobody = builders.artists(
            [{"name": name} for name in ("Björk", "Sjón", "Zaz", "Nobody")]
        )
        self.homogenic = builders.album("Homogenic", by=self.bjork, genres=["Art Pop"])
        self.empty = builders.album("Empty", by=self.bjork)
        self.dulcinea = builders.album(
            "Dulcinea",
            by=self.sjon,
            credits=[{"artist_id": self.sjon}, {"artist_id": self.zaz, "role": "guest"}],
        )
        self.joga = builders.track(
            "Jóga",
            by=self.bjork,
            on=self.homogenic,
            genres=["Trip-Hop"],
            credits=[{"artist_id": self.bjork}, {"artist_id": self.sjon}],
        )
        self.poem = builders.track("Poem", by=self.sjon, on=self.homogenic)
        self.ballad = builders.track("Ballad", by=self.sjon, on=self.dulcinea)


@pytest.fixture
def library(db: None) -> Library:
    return Library()


def left() -> list[list[str]]:
    """The artists, albums and tracks that are left, in the order they were made."""
    return [
        [*Artist.objects.order_by("id").values_list("name", flat=True)],
        [*Album.objects.order_by("id").values_list("title", flat=True)],
        [*Track.objects.order_by("id").values_list("title", flat=True)],
    ]


ALL = [
    ["Björk", "Sjón", "Zaz", "Nobody"],
    ["Homogenic", "Empty", "Dulcinea"],
    ["Jóga", "Poem", "Ballad"],
]


def without(*gone: str) -> list[list[str]]:
    return [[name for name in names if name not in gone] for names in ALL]


def test_a_track_goes_by_itself(editor: Person, library: Library) -> None:
    reply = editor.delete(f"tracks/{library.joga}")
    assert (reply.status, reply.body) == (204, b"")
    assert "Content-Type" not in reply.headers
    assert left() == without("Jóga")
    problem(editor.get(f"tracks/{library.joga}"), 404)
    problem(editor.delete(f"tracks/{library.joga}"), 404)
    assert [track["title"] for track in editor.items("tracks")] == ["Poem", "Ballad"]
    assert editor.items("tracks", title="joga") == []


def test_an_artist_or_album_that_has_nothing_goes_by_itself(
    editor: Person, library: Library
) -> None:
    assert editor.delete(f"artists/{library.nobody}").status == 204
    assert editor.delete(f"albums/{library.empty}").status == 204
    assert left() == without("Nobody", "Empty")


@pytest.mark.parametrize("cascade", [None, False])
@pytest.mark.parametrize("name", ["bjork", "sjon", "zaz"])
def test_an_artist_who_has_albums_tracks_or_credits_stays(
    editor: Person, library: Library, name: str, cascade: bool | None
) -> None:
    problem(editor.delete(f"artists/{getattr(library, name)}", cascade=cascade), 409)
    assert left() == ALL


@pytest.mark.parametrize("cascade", [None, False])
def test_an_album_that_has_tracks_stays(
    editor: Person, library: Library, cascade: bool | None
) -> None:
    problem(editor.delete(f"albums/{library.homogenic}", cascade=cascade), 409)
    assert left() == ALL


CASCADES: list[tuple[str, str, tuple[str, ...]]] = [
    ("albums", "homogenic", ("Homogenic", "Jóga", "Poem")),
    ("albums", "dulcinea", ("Dulcinea", "Ballad")),
    # Sjón's track goes with the album that it is on.
    ("artists", "bjork", ("Björk", "Homogenic", "Empty", "Jóga", "Poem")),
    ("artists", "sjon", ("Sjón", "Dulcinea", "Poem", "Ballad")),
    ("artists", "zaz", ("Zaz",)),
    ("artists", "nobody", ("Nobody",)),
]


@pytest.mark.parametrize(("kind", "name", "gone"), CASCADES)
def test_a_cascade_takes_along_what_is_its_own(
    editor: Person, library: Library, kind: str, name: str, gone: tuple[str, ...]
) -> None:
    path = f"{kind}/{getattr(library, name)}"
    assert editor.delete(path, cascade=True).status == 204
    assert left() == without(*gone)
    problem(editor.get(path), 404)
    for listed, names in zip(("artists", "albums", "tracks"), left(), strict=True):
        shown = editor.items(listed)
        assert [item.get("name", item.get("title")) for item in shown] == names


def test_a_cascade_takes_no_more_at_once_than_a_statement_has_parameters_for(
    editor: Person, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "AT_ONCE", 2)
    builders.plain_tracks(5, by=library.sjon, on=library.homogenic)
    with CaptureQueriesContext(connection) as captured:
        assert editor.delete(f"artists/{library.bjork}", cascade=True).status == 204
    assert left() == [["Sjón", "Zaz", "Nobody"], ["Dulcinea"], ["Ballad"]]
    lists = re.findall(r"DELETE[^;]* IN \(([^()]*)\)", " ; ".join(q["sql"] for q in captured))
    assert max(each.count(",") + 1 for each in lists) == 2


def test_a_cascade_takes_the_artist_off_what_others_made(editor: Person, library: Library) -> None:
    editor.delete(f"artists/{library.sjon}", cascade=True)
    (joga,) = editor.items("tracks")
    assert "Sjón" not in [credit["name"] for credit in joga["credits"]]


def test_genres_stay_without_anything_of_theirs(editor: Person, library: Library) -> None:
    def of_genre(name: str) -> list[str]:
        return [artist["name"] for artist in editor.items("artists", genre=name)]

    assert of_genre("trip-hop") == ["Björk"]
    editor.delete(f"tracks/{library.joga}")
    assert (of_genre("trip-hop"), of_genre("art pop")) == ([], ["Björk"])
    editor.delete(f"albums/{library.homogenic}", cascade=True)
    assert of_genre("art pop") == []
    assert Genre.objects.count() == 2


def test_a_name_is_free_again(editor: Person, library: Library) -> None:
    editor.delete(f"artists/{library.nobody}")
    reply = editor.post("artists", {"name": "NOBODY"})
    assert reply.status == 201
    # What pointed at the one that is gone does not point at the new one.
    assert reply.json["id"] != library.nobody


@pytest.mark.parametrize(
    ("kind", "query"),
    [
        ("artists", {"cascade": "yes"}),
        ("albums", {"cascade": ""}),
        ("albums", {"force": "true"}),
        ("tracks", {"cascade": "true"}),
    ],
)
def test_a_wrong_parameter_removes_nothing(
    editor: Person, library: Library, kind: str, query: dict[str, Any]
) -> None:
    id_ = {"artists": library.nobody, "albums": library.empty, "tracks": library.joga}[kind]
    assert blamed(editor.send("DELETE", f"{kind}/{id_}", query=query), 400) == [*query]
    assert left() == ALL


@pytest.mark.parametrize("id_", ["999999", "0", "-1", "x", "9" * 18, "9" * 40])
@pytest.mark.parametrize("kind", ["artists", "albums", "tracks"])
def test_what_is_not_there_cannot_be_removed(
    editor: Person, library: Library, kind: str, id_: str
) -> None:
    problem(editor.delete(f"{kind}/{id_}"), 404)
    assert left() == ALL


def test_a_credit_that_is_left_alone_and_says_nothing_more_goes_too(editor: Person) -> None:
    host, guest = builders.artist("Tricky"), builders.artist("Martina Topley-Bird")
    album = builders.album("Maxinquaye", by=host)
    credited = [{"artist_id": host}, {"artist_id": guest, "role": "guest"}]
    track = builders.track("Overcome", by=host, on=album, credits=credited)

    editor.delete(f"artists/{guest}", cascade=True)

    (left,) = editor.items("tracks")
    assert (left["id"], left["credits"]) == (track, [])


def test_what_is_changed_beside_it_is_a_conflict(
    editor: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL looks at keys at the end: one may then lead to what another has just removed."""
    artist = builders.artist()

    def look() -> None:
        raise IntegrityError("a key leads nowhere")

    monkeypatch.setattr(caching, "check", look)
    for reply in (
        editor.patch(f"artists/{artist}", {"sort_name": "Simone, Nina"}),
        editor.delete(f"artists/{artist}"),
    ):
        assert "has just been changed" in problem(reply, 409)["detail"]
    assert Artist.objects.get().sort_name is None


def test_as_much_goes_as_no_statement_takes_at_once(
    editor: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "AT_ONCE", 2)
    bjork, sjon = builders.artists([{"name": "Björk"}, {"name": "Sjón"}])
    mixed = [{"artist_id": sjon}, {"artist_id": bjork, "role": "guest"}]
    kept = [builders.album(str(n), by=sjon, credits=mixed) for n in range(5)]
    for n in range(5):
        builders.track("Poem", by=sjon, on=builders.album(f"Of hers {n}", by=bjork))
        builders.track("Ballad", by=sjon, on=kept[n], credits=mixed)
    assert editor.delete(f"artists/{bjork}?cascade=true").status == 204
    assert sorted(Track.objects.values_list("title", flat=True)) == ["Ballad"] * 5
    assert Album.objects.count() == 5
    assert not AlbumCredit.objects.exists()
    assert not TrackCredit.objects.exists()
