"""Documents and words follow whatever changes in the library."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from io import BytesIO
from threading import Event
from time import sleep
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from tests import builders
from tests.changes import CHANGES
from tests.client import Person
from tests.searching import Shelf, found, named
from vivace.catalogue import rebuild
from vivace.catalogue.caching import changing, locked
from vivace.catalogue.models import Album, Artist, Track, Word
from vivace.imports import store
from vivace.imports.run import import_rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def kept(kind: str) -> dict[int, set[str]]:
    """The documents that are there."""
    words = "words"
    if connection.vendor == "postgresql":
        words = "array_to_string(tsvector_to_array(words), ' ')"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT rowid, {words} FROM catalogue_{kind}_search")
        return {id_: {*text.split()} for id_, text in cursor.fetchall()}


def due(kind: str) -> dict[int, set[str]]:
    """The documents that there should be, by the names of today."""
    found = {}
    model: type[Album | Track] = Album if kind == "album" else Track
    for entry in model.objects.all():
        texts = [entry.title_words, entry.artist.name_words]
        texts += [credit.artist.name_words for credit in entry.credits.all()]
        texts += [row.genre.name_words for row in entry.genre_rows.all()]
        if isinstance(entry, Track):
            texts += [entry.album.title_words, entry.composer_words]
        found[entry.pk] = {*" ".join(texts).split()}
    return found


@pytest.mark.parametrize("change", CHANGES)
def test_documents_follow_whatever_changes(shelf: Shelf, change: str) -> None:
    before = kept("album"), kept("track")
    assert before == (due("album"), due("track"))
    CHANGES[change](shelf)
    after = kept("album"), kept("track")
    assert after == (due("album"), due("track")) != before


def test_the_api_and_imports_keep_documents_right(editor: Person, shelf: Shelf) -> None:
    editor.patch(f"tracks/{shelf.army}", {"genres": ["Trip-Hop"], "composer": "Graham Massey"})
    editor.patch(f"albums/{shelf.post}", {"genres": ["Pop"], "artist_id": shelf.maiden})
    rows = (
        b'{"title": "Isobel", "artist": "Bj\xc3\xb6rk", "album": "Post", "genres": ["Pop"],'
        b' "composer": "Sj\xc3\xb3n"}\n'
        b'{"title": "Army of Me", "artist": "Bj\xc3\xb6rk", "album": "Post", "genres": ["Rock"]}\n'
    )
    report = editor.send("POST", "imports", rows, content_type="application/x-ndjson")
    assert report.status == 200, report
    assert (kept("album"), kept("track")) == (due("album"), due("track"))
    assert {"sjon", "pop"} <= {*Word.objects.values_list("word", flat=True)}
    editor.delete(f"artists/{shelf.maiden}?cascade=true")
    assert (kept("album"), kept("track")) == (due("album"), due("track"))


def test_search_is_rebuilt_from_the_names(
    listener: Person, shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    with connection.cursor() as cursor:
        for statement in (
            "UPDATE catalogue_artist SET name_words = 'spoilt'",
            "UPDATE catalogue_track SET composer_words = ''",
            "DELETE FROM catalogue_track_search",
            "UPDATE catalogue_album_search SET words = ''",
            "DELETE FROM catalogue_word",
        ):
            cursor.execute(statement)
    assert found(listener, "iron maidn")["artists"] == []
    call_command("rebuildsearch")
    assert "Search knows" in capsys.readouterr().out
    assert (kept("album"), kept("track")) == (due("album"), due("track"))
    assert named(found(listener, "iron maidn")["artists"], "artist") == ["Iron Maiden"]
    assert named(found(listener, "harris")["tracks"], "track") == ["The Trooper"]


def test_a_library_from_before_there_was_a_search_is_indexed_by_migrating(
    listener: Person, shelf: Shelf
) -> None:
    with connection.cursor() as cursor:
        for table in ("word", "album_search", "track_search"):
            cursor.execute(f"DELETE FROM catalogue_{table}")
    call_command("migrate", verbosity=0)
    assert (kept("album"), kept("track")) == (due("album"), due("track"))
    assert named(found(listener, "troopr")["tracks"], "track") == ["The Trooper"]


if connection.vendor == "postgresql":
    PROMPT_SECONDS = 20

    def beside(change: Callable[[], Any]) -> Any:
        """What another connection changes."""
        try:
            return change()
        finally:
            connection.close()

    @pytest.mark.django_db(transaction=True)
    def test_what_is_added_and_changed_while_search_is_rebuilt_is_found(
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        shelf, learn_rows = Shelf(), rebuild.learn_rows  # type: ignore[attr-defined]
        others: list[Future[Any]] = []
        changes: list[Callable[[], Any]] = [
            lambda: builders.track("Enjoy", by=shelf.bjork, on=shelf.post),
            lambda: rename_artist(shelf.maiden),
            lambda: Track.objects.get(pk=shelf.army).delete(),
        ]

        def rename_artist(id_: str) -> None:
            artist = Artist.objects.get(pk=id_)
            artist.name = "Ferrum Virgo"
            artist.save()

        def learn_beside_others(table: str, rows: str) -> None:
            learn_rows(table, rows)
            if not others:
                others.extend(threads.submit(beside, change) for change in changes)
                # Some time to get as far as they do.
                sleep(0.5)

        monkeypatch.setattr(rebuild, "learn_rows", learn_beside_others)
        with ThreadPoolExecutor() as threads:
            assert rebuild.rebuild() > 0
            for other in others:
                other.result(PROMPT_SECONDS)
        assert Track.objects.filter(title="Enjoy").exists()
        assert not Track.objects.filter(pk=shelf.army).exists()
        assert (kept("album"), kept("track")) == (due("album"), due("track"))

    @pytest.mark.django_db(transaction=True)
    def test_a_rebuild_that_waits_for_whoever_waits_for_it_is_tried_again(
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """As an import may, which begins with the generation."""
        shelf, tables_held, has_generation = Shelf(), Event(), Event()
        run = rebuild.run  # type: ignore[attr-defined]

        def rename_late() -> None:
            with changing():
                locked()
                has_generation.set()
                tables_held.wait(PROMPT_SECONDS)
                # PostgreSQL looks a second later whether anybody waits for whoever waits: the
                # rebuild, which waits for longer, is the one to be ended.
                sleep(0.5)
                artist = Artist.objects.get(pk=shelf.maiden)
                artist.name = "Ferrum Virgo"
                artist.save()

        tries = []

        def run_beside(sql: str, *values: Any) -> Any:
            done = run(sql, *values)
            if sql.startswith("LOCK"):
                tries.append(sql)
                tables_held.set()
            return done

        monkeypatch.setattr(rebuild, "run", run_beside)
        with ThreadPoolExecutor() as threads:
            other = threads.submit(beside, rename_late)
            has_generation.wait(PROMPT_SECONDS)
            assert rebuild.rebuild() > 0
            other.result(PROMPT_SECONDS)
        assert len(tries) == 2
        assert Artist.objects.filter(name="Ferrum Virgo").exists()
        assert (kept("album"), kept("track")) == (due("album"), due("track"))


ROWS = b"""{"kind": "album", "title": "Post", "artist": "Bj\xc3\xb6rk", "genres": ["Trip-Hop"]}
{"title": "Isobel", "artist": "Bj\xc3\xb6rk", "album": "Post", "genres": ["Baroque"]}
{"title": "Army of Me", "artist": "Bj\xc3\xb6rk", "album": "Post", "composer": "Massey"}
{"title": "Enjoy", "artist": "Tricky", "album": "Nearly God", "genres": ["Trip-Hop"]}
{"title": "Poems", "artist": "Tricky", "album": "Nearly God"}
"""


@pytest.mark.parametrize("filled", [True, False])
def test_a_large_import_keeps_documents_right(
    filled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes indexes and triggers away while it writes."""
    monkeypatch.setattr(store, "LARGE", 1)
    if filled:
        Shelf()
    report = import_rows(BytesIO(ROWS), format="jsonl")
    assert (report.added, report.changed, report.errors) == ((3, 1, []) if filled else (4, 0, []))
    assert (kept("album"), kept("track")) == (due("album"), due("track"))
    assert {"baroque", "massey", "tricky"} <= {*Word.objects.values_list("word", flat=True)}


def test_a_word_is_learnt_once(shelf: Shelf) -> None:
    builders.artists([{"name": f"Zyzzyva {n}"} for n in range(20)])
    builders.track("Zyzzyva zyzzyva", by=shelf.maiden, on=shelf.piece, composer="Zyzzyva")
    Artist.objects.create(name="Zyzzyva")
    assert Word.objects.filter(word="zyzzyva").count() == 1
