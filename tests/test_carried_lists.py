"""Albums and tracks carry their genres and credits as they are shown, whoever writes."""

from collections.abc import Callable
from importlib import import_module
from io import BytesIO
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, transaction
from msgspec.json import encode

from tests import builders
from tests.changes import CHANGES, rename
from tests.client import Person
from tests.searching import Shelf
from vivace.catalogue import additions, changes
from vivace.catalogue.caching import changing
from vivace.catalogue.entries import TrackChanges
from vivace.catalogue.models import Album, Artist, Genre, Track, TrackCredit, TrackGenre
from vivace.imports import store
from vivace.imports.run import import_rows

pytestmark = pytest.mark.django_db

Lists = dict[tuple[str, int], tuple[str, str]]
ODD = 'Sí, "no" \\ 東京 / %s {} 𝄞'


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def entries() -> list[Album | Track]:
    return [*Album.objects.order_by("pk"), *Track.objects.order_by("pk")]


def kept() -> Lists:
    """The lists that rows carry."""
    return {(entry.title, entry.pk): (entry.genre_list, entry.credit_list) for entry in entries()}


def due() -> Lists:
    """The lists that they should carry, to the letter."""
    return {
        (entry.title, entry.pk): (
            text([row.genre.name for row in entry.genre_rows.order_by("position", "pk")]),
            text([shown(credit) for credit in entry.credits.order_by("position", "pk")]),
        )
        for entry in entries()
    }


def text(found: list[Any]) -> str:
    return encode(found).decode()


def shown(credit: Any) -> dict[str, str]:
    return {
        "id": str(credit.artist_id),
        "name": credit.artist.name,
        "credited_as": credit.credited_as,
        "role": credit.role,
    }


def first_credit(shelf: Shelf) -> Any:
    return TrackCredit.objects.filter(track_id=int(shelf.trooper))


LISTS: dict[str, Callable[[Shelf], Any]] = {
    **CHANGES,
    "a genre's odd name": lambda _: rename(Genre, ODD),
    "how it is credited": lambda shelf: first_credit(shelf).update(credited_as=ODD),
    "a role": lambda shelf: first_credit(shelf).update(role=ODD),
    "the order of credits": lambda shelf: first_credit(shelf).filter(position=0).update(position=2),
    "one credit gone": lambda shelf: first_credit(shelf).filter(position=0).delete(),
    "one more genre": lambda shelf: TrackGenre.objects.create(
        track_id=shelf.trooper,
        genre=Genre.objects.get(name="Electronic"),
        position=1,
        artist_id=shelf.maiden,
    ),
    "one more credit": lambda shelf: TrackCredit.objects.create(
        track_id=shelf.trooper, artist_id=shelf.bjork, position=1_000, credited_as="B", role="x"
    ),
    "the first credit": lambda shelf: TrackCredit.objects.create(
        track_id=shelf.army, artist_id=shelf.bjork, position=7, credited_as="B", role="x"
    ),
}


@pytest.mark.parametrize("change", LISTS)
def test_lists_follow_whatever_changes(shelf: Shelf, change: str) -> None:
    assert kept() == due()
    LISTS[change](shelf)
    assert kept() == due()


def test_what_is_added_has_its_lists_to_the_letter() -> None:
    artist, other = builders.artists([{"name": ODD}, {"name": "Other"}])
    credited = [
        {"artist_id": artist},
        {"artist_id": other, "credited_as": ODD, "role": ODD},
        {"artist_id": other, "credited_as": ODD, "role": ODD},
    ]
    album = builders.album("A", by=artist, genres=["Pop", ODD, "pop"], credits=credited)
    plain = [{"artist_id": artist}]
    more: list[dict[str, Any]] = [
        {},
        {"genres": ["POP"]},
        {"credits": plain},
        {"genres": [ODD, "Jazz", "Pop"], "credits": credited},
    ]
    on = {"artist_id": artist, "album_id": album}
    builders.tracks([{"title": str(n), **on, **each} for n, each in enumerate(more)])
    assert kept() == due()
    genres = [entry[0] for entry in kept().values()]
    assert genres == [text(each) for each in (["Pop", ODD], [], ["Pop"], [], [ODD, "Jazz", "Pop"])]


def test_the_api_keeps_lists_right(editor: Person, shelf: Shelf) -> None:
    track, album = f"tracks/{shelf.trooper}", f"albums/{shelf.post}"
    asked: list[tuple[str, dict[str, Any]]] = [
        (track, {"genres": ["Pop", ODD], "credits": []}),
        (track, {"credits": [{"artist_id": shelf.maiden, "role": ODD}]}),
        (track, {"artist_id": shelf.bjork, "genres": []}),
        (album, {"genres": [ODD], "credits": [{"artist_id": shelf.bjork, "role": "voice"}]}),
        (f"artists/{shelf.bjork}", {"name": ODD}),
    ]
    for path, body in asked:
        reply = editor.patch(path, body)
        assert reply.status == 200, reply
        assert kept() == due()
        shows = editor.get(path).json
        assert body.get("genres") in (None, shows.get("genres"))
        roles = [credit["role"] for credit in body.get("credits", [])]
        assert not roles or roles == [credit["role"] for credit in shows["credits"]]
    editor.delete(f"artists/{shelf.adrian}?cascade=true")
    assert kept() == due()


def test_a_model_that_was_read_before_leaves_the_lists_alone(shelf: Shelf) -> None:
    stale = Track.objects.get(pk=shelf.trooper)
    first_credit(shelf).delete()
    stale.title = "The Soldier"
    stale.save()
    copy = Track.objects.get(pk=shelf.trooper)
    copy.pk, copy.mbid = None, None
    copy._state.adding = True
    copy.save()
    assert kept() == due()
    assert Track.objects.get(pk=copy.pk).genre_list == "[]"


POST = {"artist": "Björk", "album": "Post"}
NEARLY_GOD = {"artist": "Tricky", "album": "Nearly God"}
GUESTS = [{"name": "Tricky"}, {"name": "Björk", "role": "guest", "credited_as": ODD}]
ROWS: list[dict[str, Any]] = [
    {"kind": "album", "title": "Post", "artist": "Björk", "genres": ["Trip-Hop", "Pop"]},
    {**POST, "title": "Isobel", "genres": ["Baroque", "Pop"]},
    {**POST, "title": "Army of Me", "genres": ["Pop"]},
    {**NEARLY_GOD, "title": "Enjoy", "genres": ["Trip-Hop"]},
    {**NEARLY_GOD, "title": "Poems", "credits": GUESTS},
    {"title": "The Trooper", "artist": "Iron Maiden", "album": "Piece of Mind", "credits": []},
]


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("filled", [False, True])
def test_imports_keep_lists_right(
    large: bool, filled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large one takes indexes and triggers away while it writes."""
    monkeypatch.setattr(store, "LARGE", 1 if large else 1_000)
    if filled:
        Shelf()
    report = import_rows(BytesIO(b"\n".join(map(encode, ROWS))), format="jsonl")
    assert report.errors == []
    assert kept() == due()
    assert sum(credits_ != "[]" for _, credits_ in kept().values()) == 1
    builders.track("After", by=builders.artist("After"), on=str(Album.objects.earliest("pk").pk))
    rename(Genre, ODD)
    assert kept() == due()


@pytest.mark.parametrize("at_once", [1, 10_000])
def test_a_library_from_before_is_filled_by_migrating(
    shelf: Shelf, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = kept()
    for model in (Album, Track):
        model.objects.update(genre_list="[]", credit_list="[]")
    assert kept() != right
    migration = import_module("vivace.catalogue.migrations.0006_fill_lists")
    monkeypatch.setattr(migration, "AT_ONCE", at_once)
    migration.fill(apps, connection.schema_editor())
    assert kept() == right == due()


def test_code_that_knows_no_lists_may_write(shelf: Shelf) -> None:
    """As that of a node which is not upgraded yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO catalogue_track (title, artist_id, album_id, title_key, title_words,"
            " composer_words, artist_key, album_key, created_at, updated_at) SELECT 'Bare',"
            " artist_id, album_id, 'bare', 'bare', '', artist_key, album_key, created_at,"
            " updated_at FROM catalogue_track WHERE id = %s",
            [int(shelf.trooper)],
        )
        cursor.execute(
            "INSERT INTO catalogue_trackgenre (track_id, genre_id, position, artist_id, title_key,"
            " album_key, artist_key, created_at, updated_at) SELECT max(track.id), genre.id,"
            " genre.id, max(artist_id), '', '', '', max(track.created_at), max(track.updated_at)"
            " FROM catalogue_track track, catalogue_genre genre GROUP BY genre.id"
        )
    assert kept() == due()
    assert Track.objects.get(title="Bare").genre_list == text(["Heavy Metal", "Electronic"])


def test_what_is_dumped_and_loaded_has_the_lists_of_what_is_there(
    shelf: Shelf, tmp_path: Path
) -> None:
    dumped = tmp_path / "catalogue.json"
    call_command("dumpdata", "catalogue.track", output=str(dumped), verbosity=0)
    assert b"genre_list" not in dumped.read_bytes()
    first_credit(shelf).delete()
    call_command("loaddata", str(dumped), verbosity=0)
    assert kept()["The Trooper", int(shelf.trooper)][1] == "[]"


# --- Two at once ------------------------------------------------------------------------------

if connection.vendor == "postgresql":

    def test_an_emptied_table_empties_the_lists(shelf: Shelf) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("TRUNCATE catalogue_trackcredit, catalogue_albumgenre")
        assert kept() == due()
        assert any(genres != "[]" for genres, _ in kept().values())

    def rename_artist(id_: str, name: str) -> None:
        with changing():
            changes.store(changes.locked(Artist, int(id_)), {"name": name})

    def rename_genre(name: str, to: str) -> None:
        genre = Genre.objects.get(name=name)
        genre.name = to
        genre.save()

    @pytest.mark.django_db(transaction=True)
    def test_what_is_renamed_while_it_is_added_has_its_new_name(
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        shelf = Shelf()
        insert, renaming = additions.insert_findable, list[Thread]()

        def beside(*given: Any, **more: Any) -> None:
            for rename in (
                lambda: rename_genre("Heavy Metal", ODD),
                lambda: rename_artist(shelf.adrian, ODD),
            ):
                renaming.append(started(rename))
            sleep(0.3)
            insert(*given, **more)

        monkeypatch.setattr(additions, "insert_findable", beside)
        credited = [{"artist_id": shelf.bjork}, {"artist_id": shelf.adrian}]
        added = {"genres": ["Heavy Metal"], "credits": credited}
        builders.track("Hunter", by=shelf.bjork, on=shelf.post, **added)
        for thread in renaming:
            thread.join()
        assert kept() == due()
        assert Genre.objects.filter(name=ODD).exists()
        assert Artist.objects.filter(name=ODD).exists()

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize(("model", "field"), [(Artist, "name"), (Album, "title")])
    def test_who_or_what_is_renamed_while_a_track_is_added_sorts_it_anew(
        model: type[Artist | Album], field: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shelf = Shelf()
        insert, renaming = additions.insert_findable, list[Thread]()
        id_ = int(shelf.bjork if model is Artist else shelf.post)

        def rename() -> None:
            with changing():
                changes.store(changes.locked(model, id_), {field: ODD})

        def beside(*given: Any, **more: Any) -> None:
            renaming.append(started(rename))
            sleep(0.3)
            insert(*given, **more)

        monkeypatch.setattr(additions, "insert_findable", beside)
        hunter = Track.objects.get(pk=builders.track("Hunter", by=shelf.bjork, on=shelf.post))
        renaming[0].join()
        hunter.refresh_from_db()
        assert getattr(model.objects.get(pk=id_), field) == ODD
        assert hunter.artist_key == hunter.artist.sort_key
        assert hunter.album_key == hunter.album.title_key

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize(("model", "field"), [(Artist, "name"), (Album, "title")])
    def test_a_track_that_moves_to_who_or_what_is_renamed_is_sorted_by_the_new_name(
        model: type[Artist | Album], field: str
    ) -> None:
        shelf = Shelf()
        id_ = shelf.maiden if model is Artist else shelf.piece
        moved = TrackChanges(artist_id=id_) if model is Artist else TrackChanges(album_id=id_)

        def move() -> None:
            with changing():
                changes.change_track(changes.locked(Track, int(shelf.army), moved), moved)

        with changing():
            changes.store(changes.locked(model, int(id_)), {field: ODD})
            moving = started(move)
            sleep(0.3)
        moving.join()
        army = Track.objects.get(pk=shelf.army)
        assert ODD in {army.artist.name, army.album.title}
        assert army.artist_key == army.artist.sort_key
        assert army.album_key == army.album.title_key

    @pytest.mark.django_db(transaction=True)
    def test_a_genre_that_is_given_while_it_is_renamed_has_its_new_name() -> None:
        shelf = Shelf()
        held = {"track_id": int(shelf.army), "position": 0, "artist_id": int(shelf.bjork)}
        with transaction.atomic():
            rename_genre("Heavy Metal", "heavy metal")
            genre = Genre.objects.get(name="heavy metal")
            giving = started(lambda: TrackGenre.objects.create(genre=genre, **held))
            sleep(0.3)
        giving.join()
        assert kept() == due()
        assert TrackGenre.objects.filter(**held).exists()

    @pytest.mark.django_db(transaction=True)
    def test_a_genre_and_an_artist_are_renamed_at_once() -> None:
        """They lock albums and tracks in one order."""
        shelf = Shelf()
        guest = [{"artist_id": shelf.bjork}, {"artist_id": shelf.maiden}]
        builders.track(
            "Hunter", by=shelf.bjork, on=shelf.post, genres=["Heavy Metal"], credits=guest
        )
        with transaction.atomic():
            # Who is at a track, so that both get as far as they can.
            changes.locked(Track, int(shelf.trooper))
            renaming = [
                started(lambda: rename_genre("Heavy Metal", ODD)),
                started(lambda: rename_artist(shelf.maiden, ODD)),
            ]
            sleep(0.5)
        for thread in renaming:
            thread.join()
        assert kept() == due()
        assert Genre.objects.filter(name=ODD).exists()
        assert Artist.objects.filter(name=ODD).exists()

    def started(work: Callable[[], Any]) -> Thread:
        def run() -> None:
            try:
                work()
            finally:
                connection.close()

        thread = Thread(target=run)
        thread.start()
        return thread
