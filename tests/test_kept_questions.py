"""Answers to questions that are kept: they save looking things up, and nothing else shows of it."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import builders
from tests.client import Person
from tests.searching import Shelf, found, named
from vivace.catalogue.models import Track
from vivace.listening import kept
from vivace.listening.kinds import KINDS
from vivace.listening.models import Favourite, Playlist

pytestmark = pytest.mark.django_db


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def counted(person: Person, q: str, **query: str) -> list[str]:
    """The statements by which a question is answered."""
    with CaptureQueriesContext(connection) as captured:
        found(person, q, **query)
    statements = [query["sql"] for query in captured.captured_queries]
    # In a test's transaction the generation is a query, too.
    return [sql for sql in statements if "catalogue_generation" not in sql]


def test_what_was_asked_before_is_not_looked_up(listener: Person, shelf: Shelf) -> None:
    for question in ("maiden", "iron maden", "trooper björk"):
        first = found(listener, question)
        tables = {sql.partition(" FROM ")[2].split()[0] for sql in counted(listener, question)}
        assert not tables & {kind.table for kind in KINDS.values() if not kind.reader}, tables
        assert found(listener, question) == first
    assert len(counted(listener, "maiden")) == 2, "favourites, and playlists"
    assert len(counted(listener, "maiden", type="artist,track")) == 1
    assert counted(listener, "no such words", type="track") != []
    assert counted(listener, "no such words", type="track") == []


def test_a_question_is_the_same_however_it_is_written(listener: Person, shelf: Shelf) -> None:
    first = found(listener, "Bjork", type="artist")
    assert len(counted(listener, "  BJÖRK ", type="artist")) == 1
    assert found(listener, "  BJÖRK ", type="artist") == first


def test_each_type_and_limit_is_kept_by_itself(listener: Person) -> None:
    builders.artists([{"name": f"Twin {n:03}"} for n in range(30)])
    for limit in (1, 7, 30, 1):
        assert len(found(listener, "twin", limit=str(limit))["artists"]) == limit
    assert list(found(listener, "twin", type="album")) == ["albums"]
    assert list(found(listener, "twin", type="album,artist")) == ["artists", "albums"]


def test_a_favourite_counts_at_once_and_as_long_as_it_is_one(listener: Person) -> None:
    """Of many equals, whichever they are that have been ranked before."""
    names = [{"name": f"Twin {n:03}"} for n in range(50)]
    twins = builders.artists(names)

    def first() -> str:
        return str(found(listener, "twin", type="artist")["artists"][0]["artist"]["id"])

    assert first() == twins[0]
    for liked in (twins[3], twins[45]):
        assert listener.put(f"me/favourites/artists/{liked}", None).status == 204
        assert first() == liked
        assert listener.delete(f"me/favourites/artists/{liked}").status == 204
        assert first() == twins[0]


def test_a_change_of_the_catalogue_is_seen_at_once(listener: Person, shelf: Shelf) -> None:
    assert named(found(listener, "trooper")["tracks"], "track") == ["The Trooper"]
    builders.track("Trooper Two", by=shelf.maiden, on=shelf.piece)
    assert len(found(listener, "trooper")["tracks"]) == 2
    Track.objects.filter(pk=shelf.trooper).delete()
    assert named(found(listener, "trooper")["tracks"], "track") == ["Trooper Two"]


def test_playlists_are_of_whoever_asks(listener: Person, editor: Person, shelf: Shelf) -> None:
    def playlists(person: Person, q: str) -> list[str]:
        return named(found(person, q)["playlists"], "playlist")

    assert playlists(listener, "maiden") == []
    own = Playlist.objects.create(owner_id=listener.account_id, name="Maiden, mine")
    assert playlists(listener, "maiden") == ["Maiden, mine"]
    assert playlists(editor, "maiden") == []
    own.public = True
    own.save()
    assert playlists(editor, "maiden") == ["Maiden, mine"]
    # Nothing else is called so, and a typo is forgiven of a playlist alone.
    assert playlists(listener, "mien") == playlists(listener, "mien") == ["Maiden, mine"]
    # There is such an artist, so a playlist that is only like it is not meant.
    builders.artist("Mien")
    assert playlists(listener, "mien") == playlists(listener, "mien") == []


@pytest.mark.any_database
def test_nothing_is_kept_of_long_questions_or_where_it_is_switched_off(
    listener: Person, shelf: Shelf, settings: Any
) -> None:
    long = "maiden " * 20
    assert len(long) > kept.QUESTION_MAX
    assert len(counted(listener, long)) == len(counted(listener, long)) > 2
    settings.CACHE = False
    assert len(counted(listener, "maiden")) == len(counted(listener, "maiden")) > 2


def test_whatever_changes_it_is_as_if_nothing_were_kept(settings: Any) -> None:
    chance = random.Random(7)
    artists = builders.artists([{"name": f"Twin {n:02}"} for n in range(70)])
    album = builders.album("Twins", by=artists[0])
    fans = [Person("listener", f"fan{n}") for n in range(3)]

    def like() -> None:
        liked = {"account_id": chance.choice(fans).account_id, "artist_id": chance.choice(artists)}
        if not Favourite.objects.filter(**liked).delete()[0]:
            Favourite.objects.create(**liked)

    def add() -> None:
        by = chance.choice(artists)
        builders.track(f"Twin {chance.randrange(100)}", by=by, on=album)

    def name_a_playlist() -> None:
        owner = chance.choice(fans).account_id
        Playlist.objects.create(owner_id=owner, name="Twin set", public=chance.random() < 0.5)

    acts: list[Callable[[], None]] = [like, like, like, add, name_a_playlist]
    for _ in range(60):
        chance.choice(acts)()
        person, limit = chance.choice(fans), chance.choice(["2", "10", "40"])
        for question in ("twin", "twni", "twins 5"):
            settings.CACHE = True
            told = found(person, question, limit=limit)
            settings.CACHE = False
            assert told == found(person, question, limit=limit)
