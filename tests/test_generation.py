"""The generation: whoever changes the catalogue, by whatever way, the very next read sees it."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.db import connection, transaction

from tests import builders
from tests.client import Person
from tests.threads import at_once
from tests.wsgi import Django, ask, names
from vivace.accounts.logins import Account
from vivace.accounts.sessions import begin
from vivace.api.stored import StoredAnswers
from vivace.catalogue import additions, caching
from vivace.catalogue.entries import NewArtist
from vivace.catalogue.models import Album, Artist, Generation, Genre, Track


def by_the_api(method: str, path: str, body: Any = None) -> Callable[[Person, int], Any]:
    def change(editor: Person, id_: int) -> None:
        reply = editor.send(method, path.format(id_), body)
        assert reply.status < 300, reply

    return change


def by_sql(sql: str) -> Callable[[Person, int], Any]:
    def change(_: Person, id_: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql, ["Z", id_])

    return change


def by_saving(_: Person, id_: int) -> None:
    Artist.objects.create(name="Björk")


def in_bulk(_: Person, id_: int) -> None:
    additions.add_artists([NewArtist(name="Björk")])


def by_importing(editor: Person, id_: int) -> None:
    row = json.dumps({"title": "Jóga", "artist": "Björk", "album": "Homogenic"}).encode()
    reply = editor.send("POST", "imports", row, content_type="application/x-ndjson")
    assert reply.json["added"] == 1, reply


CHANGES: dict[str, Callable[[Person, int], Any]] = {
    "added": by_the_api("POST", "artists", {"name": "Björk"}),
    "changed": by_the_api("PATCH", "artists/{}", {"name": "Björk"}),
    "removed": by_the_api("DELETE", "artists/{}"),
    "added in bulk": by_the_api("POST", "artists/bulk", [{"name": "Björk"}]),
    "added by hand": in_bulk,
    "imported": by_importing,
    "saved": by_saving,
    "updated": lambda _, id_: Artist.objects.filter(pk=id_).update(name="Björk"),
    "deleted": lambda _, id_: Artist.objects.get(pk=id_).delete(),
    "all deleted": lambda _, id_: Artist.objects.filter(pk=id_).delete(),
    "in SQL": by_sql('UPDATE "catalogue_artist" SET name = %s WHERE id = %s'),
    "in bare SQL": by_sql("  update catalogue_artist set name = %s where id = %s"),
    "after WITH": by_sql(
        "WITH given AS (SELECT %s AS name) UPDATE catalogue_artist"
        " SET name = (SELECT name FROM given) WHERE id = %s"
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_next_read_sees_a_change_whoever_makes_it(
    change: str, answers: StoredAnswers, django: Django, editor: Person
) -> None:
    id_ = int(builders.artist("Sigur Rós"))
    before = ask(answers, "/artists")
    CHANGES[change](editor, id_)
    after = ask(answers, "/artists")
    assert django.asked == 2
    assert after[2] == ask(WSGIHandler(), "/artists")[2]
    assert after != before


def test_a_change_of_anything_in_the_catalogue_is_one(answers: StoredAnswers) -> None:
    simone = builders.artist("Nina Simone")
    album = builders.album("Pastel Blues", by=simone)
    track = builders.track("Sinnerman", by=simone, on=album)
    for rows in (Genre.objects.filter(name="Jazz"), Track.objects.filter(pk=int(track))):
        before = caching.current()
        rows.update(**{"name" if rows.model is Genre else "title": "Other"})
        assert caching.current() != before
    before = caching.current()
    Album.objects.get(pk=int(album)).credits.all().delete()
    assert caching.current() != before


def test_one_that_may_be_there_already_is_noticed(db: None) -> None:
    before = caching.generation()
    Genre.objects.bulk_create([Genre(name="Jazz", name_key="jazz")], ignore_conflicts=True)
    assert caching.generation() != before


def test_a_read_is_no_change(db: None) -> None:
    before = caching.generation()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 'UPDATE catalogue_artist' FROM catalogue_artist")
    Artist.objects.select_for_update().first()
    assert caching.generation() == before


def test_what_is_rolled_back_moves_nothing(answers: StoredAnswers, django: Django) -> None:
    builders.artist("Sigur Rós")
    before = ask(answers, "/artists")
    with transaction.atomic():
        builders.artist("Björk")
        assert names(ask(answers, "/artists")) == ["Sigur Rós", "Björk"]
        transaction.set_rollback(True)
    assert ask(answers, "/artists") == before
    assert django.asked == 2


def test_what_is_not_of_the_catalogue_leaves_it(
    answers: StoredAnswers, django: Django, listener: Person
) -> None:
    artist = builders.artist("Sigur Rós")
    before = ask(answers, "/artists")
    assert listener.user
    assert begin(Account(listener.user.pk, listener.user.password, is_active=True))
    assert listener.post("playlists", {"name": "What I like"}).status == 201
    assert listener.put(f"me/favourites/artists/{artist}", None).status == 204
    assert ask(answers, "/artists") == before
    assert django.asked == 1


@pytest.mark.django_db(transaction=True)
def test_the_change_of_another_connection_is_seen_at_once() -> None:
    answers = StoredAnswers(django := Django())
    for n in range(5):
        seen = names(ask(answers, "/artists"))
        assert django.asked == n + 1
        at_once(lambda n=n: builders.artist(f"Artist {n}"))  # type: ignore[misc]
        assert names(ask(answers, "/artists")) == [*seen, f"Artist {n}"]


LEASE_SECONDS = 0.5


@pytest.fixture
def lease(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long one, that begins with the next look at the generation."""
    monkeypatch.setitem(caching.LEASE_SECONDS, connection.vendor, LEASE_SECONDS)
    monkeypatch.setattr(caching.here, "until", 0.0)


@pytest.mark.usefixtures("lease")
def test_the_generation_is_asked_for_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    told = iter([7, 8])
    monkeypatch.setattr(caching, "asked", lambda _connection: next(told))
    assert [caching.current() for _ in range(10)] == [7] * 10
    time.sleep(LEASE_SECONDS)
    assert caching.current() == 8


@pytest.mark.usefixtures("lease")
def test_a_change_is_told_when_nobody_goes_by_what_was_before() -> None:
    before = caching.current()
    at_once(lambda: builders.artist("Sigur Rós"))
    assert caching.current() not in {before, None}


@pytest.mark.usefixtures("lease")
def test_a_transaction_of_many_changes_waits_once() -> None:
    waits: Callable[[], int] = lambda: len(connection.run_on_commit)  # noqa: E731
    with transaction.atomic():
        for name in ("Sigur Rós", "Múm"):
            builders.artist(name)
            assert waits() == 1
    with transaction.atomic():
        with suppress(ZeroDivisionError), transaction.atomic():
            builders.artist("Björk")
            1 / 0  # noqa: B018
        assert waits() == 0
        builders.artist("Ásgeir")
        assert waits() == 1
        transaction.set_rollback(True)


if connection.vendor == "postgresql":

    @pytest.mark.usefixtures("lease")
    def test_to_tell_the_generation_is_a_sign_of_life() -> None:
        own: Any = connection
        own.answered_at = -1.0
        caching.current()
        assert own.answered_at > 0


@pytest.mark.django_db(transaction=True)
def test_a_library_that_was_emptied_has_a_generation() -> None:
    of_new_libraries = Generation._meta.get_field("value").get_default()
    call_command("flush", interactive=False, verbosity=0)
    assert caching.current() == caching.generation() != of_new_libraries


@pytest.mark.django_db(transaction=True)
def test_what_a_statement_returns_is_still_there() -> None:
    """Where it is a transaction of its own, which ends before its rows are read."""
    before = caching.current()
    genre = Genre.objects.create(name="Jazz")
    assert genre.pk
    insert = 'INSERT INTO "catalogue_genre" (name, name_key, created_at, updated_at)'
    row = ("now", "now")
    with connection.cursor() as cursor:
        values = [value for name in ("a", "b", "c") for value in (name, name, *row)]
        marks = ", ".join(["(%s, %s, %s, %s)"] * 3)
        cursor.execute(f"{insert} VALUES {marks} RETURNING name", values)
        assert cursor.fetchone() == ("a",)
        assert cursor.fetchmany(1) == [("b",)]
        assert cursor.fetchall() == [("c",)]
        cursor.execute("SELECT count(*) FROM catalogue_genre")
        assert cursor.fetchone() == (4,)
    assert caching.current() != before


@pytest.mark.django_db(transaction=True)
def test_it_is_asked_for_again_after_a_transaction_that_was_undone() -> None:
    answers = StoredAnswers(django := Django())
    before = ask(answers, "/artists")
    for _ in range(2):
        with transaction.atomic():
            builders.artist("Björk")
            transaction.set_rollback(True)
        assert ask(answers, "/artists") == before
    assert django.asked == 1
