"""Answers that are kept: the same as Django's own, never older than the last change, and only for
those who may read."""

import gzip
import json
import os
import runpy
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.core.cache import caches
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.db import connection, transaction
from pytest_django import Settings

import vivace.settings
from tests import builders
from tests.client import BASE, Person
from tests.threads import at_once
from tests.wsgi import Django, ask, environ_of, names, reader
from vivace.accounts.logins import Account
from vivace.accounts.sessions import begin
from vivace.api import stored
from vivace.api.stored import StoredAnswers
from vivace.catalogue import additions, caching
from vivace.catalogue.entries import NewArtist
from vivace.catalogue.models import Album, Artist, Generation, Genre, Track
from vivace.settings import redis_cache

# --- The same answer ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/artists", "/albums", "/tracks", "/genres", "/artists/{}", "/artists/{}/albums"]
)
def test_it_is_what_django_answers_and_asked_of_it_once(
    path: str, answers: StoredAnswers, django: Django
) -> None:
    path = path.format(builders.artist("Sigur Rós"))
    first, again = ask(answers, path), ask(answers, path)
    assert django.asked == 1
    assert first == again
    status, headers, body = ask(WSGIHandler(), path)
    assert (first[0], first[2]) == (status, body)
    assert first[1] == headers | {
        "Vary": f"{headers['Vary']}, Accept-Encoding",
        "Content-Length": str(len(body)),
    }


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/tracks/", "limit=7&sort=-title"),
        ("/tracks", "sort=-title&limit=7"),
        ("/tracks", "sort=%2Dtitle&limit=%37"),
    ],
)
def test_a_question_is_the_same_however_it_is_written(
    path: str, query: str, answers: StoredAnswers, django: Django
) -> None:
    first = ask(answers, "/tracks", "limit=7&sort=-title")
    assert ask(answers, path, query) == first
    assert django.asked == 1


@pytest.mark.parametrize("other", ["limit=8", "limit=7&sort=title", "limit=7&title=a"])
def test_another_question_has_an_answer_of_its_own(
    other: str, answers: StoredAnswers, django: Django
) -> None:
    ask(answers, "/tracks", "limit=7")
    ask(answers, "/tracks", other)
    assert django.asked == 2


APP = "https://app.example.org"


@pytest.fixture
def app_let_in(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIVACE_CORS_ORIGINS", APP)
    for name, value in runpy.run_path(vivace.settings.__file__).items():
        if name.startswith("CORS_") or name == "MIDDLEWARE":
            setattr(settings, name, value)


@pytest.mark.parametrize(
    "other",
    [
        f"{APP}/x", f"{APP}?x", f"{APP}#x", f"{APP}:443", f"{APP}.", f"{APP}\n",
        "HTTPS://app.example.org", "https://appXexample.org", "null", "https://[", "",
    ],
)  # fmt: skip
def test_an_origin_is_let_in_by_all_or_by_none(
    other: str, app_let_in: None, answers: StoredAnswers, django: Django
) -> None:
    """By what stands before Django and by what stands in it."""
    allow = "access-control-allow-origin"
    for _ in range(2):
        assert allow not in ask(answers, "/artists", HTTP_ORIGIN=other)[1]
        assert ask(answers, "/artists", HTTP_ORIGIN=APP)[1][allow] == APP
        assert allow not in ask(answers, "/artists")[1]
    assert django.asked == 2


def test_bytes_that_are_no_text_are_not_taken_for_others(
    answers: StoredAnswers, django: Django
) -> None:
    for query in ("title=%FF", "title=%FE", "title=%EF%BF%BD"):
        ask(answers, "/tracks", query)
    assert django.asked == 3


def test_head_is_get_without_the_body(answers: StoredAnswers, django: Django) -> None:
    head = ask(answers, "/artists", method="HEAD")
    status, headers, body = ask(answers, "/artists")
    assert head == (status, headers, b"")
    assert body
    assert django.asked == 1


def test_it_comes_compressed_to_those_who_take_that(answers: StoredAnswers, django: Django) -> None:
    for n in range(40):
        builders.artist(f"Artist {n}")
    _, plain, body = ask(answers, "/artists")
    for _ in range(2):
        status, headers, packed = ask(answers, "/artists", HTTP_ACCEPT_ENCODING="br, gzip")
        assert (status, headers["Content-Encoding"]) == ("200 OK", "gzip")
        assert headers["ETag"] == f"W/{plain['ETag']}"
        assert headers["Content-Length"] == str(len(packed))
        assert "Accept-Encoding" in headers["Vary"]
        assert gzip.decompress(packed) == body
        assert len(packed) < len(body) / 4
    assert ask(answers, "/artists") == ("200 OK", plain, body)
    assert django.asked == 1


def test_a_single_thing_keeps_its_strong_validator(
    answers: StoredAnswers, django: Django, editor: Person
) -> None:
    name = "Sigur Rós " * 49
    id_ = builders.artist(name, sort_name=name)
    takes = {"HTTP_ACCEPT_ENCODING": "gzip"}
    found = [ask(answers, f"/artists/{id_}", **takes) for _ in range(3)]
    assert len(found[0][2]) > stored.PACKED_MIN
    assert found == [found[0]] * 3
    etag = found[0][1]["ETag"]
    changed = editor.send("PATCH", f"artists/{id_}", {"name": "x"}, headers={"If-Match": etag})
    assert changed.status == 200


@pytest.mark.parametrize(
    ("accept", "comes"),
    [("gzip", True), ("br;q=1, gzip;q=0.5", True), ("gzip;q=0", False), ("*", False), ("", False)],
)
def test_it_is_compressed_for_those_who_say_so(
    accept: str, comes: bool, answers: StoredAnswers
) -> None:
    builders.artists([{"name": f"Artist {n}"} for n in range(40)])
    ask(answers, "/artists")
    headers = ask(answers, "/artists", HTTP_ACCEPT_ENCODING=accept)[1]
    assert (headers.get("Content-Encoding") == "gzip") is comes


# --- Validators --------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_who_has_it_is_told_so(form: str, answers: StoredAnswers, django: Django) -> None:
    _, headers, _ = ask(answers, "/artists")
    known = form.format(headers["ETag"])
    status, again, body = ask(answers, "/artists", HTTP_IF_NONE_MATCH=known)
    assert (status, body, again["ETag"]) == ("304 Not Modified", b"", headers["ETag"])
    assert django.asked == 1


def test_who_has_another_one_gets_it(answers: StoredAnswers) -> None:
    first = ask(answers, "/artists")
    assert ask(answers, "/artists", HTTP_IF_NONE_MATCH='"another"') == first


def test_the_first_who_asks_may_have_it_already(answers: StoredAnswers, django: Django) -> None:
    _, headers, _ = ask(WSGIHandler(), "/artists")
    assert ask(answers, "/artists", HTTP_IF_NONE_MATCH=headers["ETag"])[0] == "304 Not Modified"
    assert ask(answers, "/artists")[0] == "200 OK"
    assert django.asked == 1


def test_of_a_large_answer_the_validator_is_kept(
    answers: StoredAnswers, django: Django, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "KEPT_MAX", 10)
    status, headers, body = ask(answers, "/artists")
    assert ask(answers, "/artists", HTTP_IF_NONE_MATCH=headers["ETag"])[0] == "304 Not Modified"
    assert django.asked == 1
    assert ask(answers, "/artists") == (status, headers, body)
    assert django.asked == 2


# --- Never older than the last change ----------------------------------------------------------


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


@pytest.mark.parametrize(
    ("name", "newer"), [("FORM", stored.FORM + 1), ("vivace.__version__", "9")]
)
def test_workers_of_two_versions_go_by_no_answer_of_each_others(
    name: str, newer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = "GET", f"{BASE}/artists", "", "", "localhost"
    now = stored.question.__wrapped__(*asked)
    assert now == stored.question.__wrapped__(*asked)
    monkeypatch.setattr(f"vivace.api.stored.{name}", newer)
    assert stored.question.__wrapped__(*asked) not in {now, None}


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


@pytest.mark.django_db(transaction=True)
def test_one_that_asks_for_what_another_makes_waits_for_it() -> None:
    builders.artist("Sigur Rós")
    asked = []

    def slow(environ: stored.Environ, start_response: stored.Start) -> Iterable[bytes]:
        asked.append(1)
        time.sleep(0.2)
        return WSGIHandler()(environ, start_response)

    answers = StoredAnswers(slow)
    found = at_once(*[lambda: ask(answers, "/artists")] * 8)
    assert len({names(each)[0] for each in found if not isinstance(each, Exception)}) == 1
    assert (len(found), len(asked)) == (8, 1)


# --- Not for everyone --------------------------------------------------------------------------


def test_it_is_not_for_those_who_may_not_read(answers: StoredAnswers) -> None:
    assert ask(answers, "/artists")[0] == "200 OK"
    for token in (None, "nonsense", reader()[:-1]):
        status, headers, _ = ask(answers, "/artists", token=token)
        assert status == "401 Unauthorized"
        assert headers["Content-Type"] == "application/problem+json"


def test_a_token_that_has_run_out_opens_nothing(
    answers: StoredAnswers, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(answers, "/artists", token=(token := reader()))
    monkeypatch.setattr("time.time", lambda now=time.time: now() + 301)
    assert ask(answers, "/artists", token=token)[0] == "401 Unauthorized"


def test_an_api_key_opens_it(answers: StoredAnswers, django: Django, listener: Person) -> None:
    key = listener.post("me/api-keys", {"name": "A player"}).json["key"]
    first = ask(answers, "/artists", token=key)
    assert ask(answers, "/artists", token=key) == first
    assert django.asked == 1


def test_where_reading_is_public_anyone_gets_it(
    answers: StoredAnswers, django: Django, settings: Settings
) -> None:
    settings.PUBLIC_READ = True
    assert ask(answers, "/artists", token=None) == ask(answers, "/artists")
    assert django.asked == 1


@pytest.mark.parametrize(
    ("path", "query", "environ"),
    [
        ("/artists", "", {"HTTP_HOST": "elsewhere.example.org"}),
        ("/artists", "limit=1&limit=2", {}),
        ("/artists", "limit=0", {}),
        ("/artists", "", {"HTTP_ACCEPT": "text/html"}),
        ("/artists", "", {"HTTP_ACCEPT": "*/*, application/json;q=0"}),
        ("/artists", "", {"HTTP_ACCEPT": "application/x-ndjson"}),
        ("/artists", "", {"HTTP_ACCEPT": "application/json-seq"}),
        ("/artists", "name=\xc3\xb3", {}),
        ("/artists", f"name={'x' * 2_000}", {}),
        ("/artists/1", "", {}),
        ("/me", "", {}),
        ("/playlists", "", {}),
    ],
)
def test_what_is_no_such_answer_is_django_s_own(
    path: str, query: str, environ: dict[str, str], answers: StoredAnswers, django: Django
) -> None:
    plain = {"HTTP_ACCEPT": "application/json"}
    told = [ask(answers, path, query, **plain | environ) for _ in range(2)]
    assert django.asked == 2
    assert told == [ask(WSGIHandler(), path, query, **plain | environ)] * 2


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "text/html, */*;q=0.8"])
def test_json_is_for_all_who_take_it(accept: str, answers: StoredAnswers, django: Django) -> None:
    ask(answers, "/artists")
    assert ask(answers, "/artists", HTTP_ACCEPT=accept)[0] == "200 OK"
    assert django.asked == 1


# --- Shared ------------------------------------------------------------------------------------


def at(address: str, settings: Settings) -> None:
    """Have answers shared through the Redis at an address."""
    settings.REDIS_URL = address
    settings.CACHES = settings.CACHES | {"default": redis_cache(address)}


def test_another_process_finds_in_redis_what_was_made(
    django: Django, settings: Settings, redis: str
) -> None:
    at(settings.REDIS_URL or f"{redis}/0", settings)
    builders.artist("Sigur Rós")
    first = ask(StoredAnswers(django), "/artists")
    caches["answers"].clear()
    assert ask(StoredAnswers(django), "/artists") == first
    assert django.asked == 1


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    # Other tests run beside these, and Redis may take longer than a server waits for it.
    monkeypatch.setattr(stored.Shared, "SLOW_S", 1.0)


@pytest.fixture
def hung() -> Iterator[str]:
    """The address of something that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


@pytest.fixture
def dead() -> str:
    return "redis://127.0.0.1:9/0"


def test_an_answer_that_another_process_makes_is_waited_for(
    django: Django, settings: Settings, redis: str
) -> None:
    at(settings.REDIS_URL or f"{redis}/0", settings)
    builders.artist("Sigur Rós")
    first, second = StoredAnswers(django), StoredAnswers(Django())
    told = ask(first, "/artists")
    key = stored.key_of(environ_of("/artists"))
    assert key
    assert first.shared
    assert second.shared
    caches["answers"].clear()
    kept = caches["default"].get(key)
    caches["default"].delete(key)
    assert first.shared.get(key) is None
    # The first still seems to make it: that is waited for, and not for long.
    began = time.monotonic()
    assert second.shared.get(key) is None
    assert 0.05 <= time.monotonic() - began < 1
    timer = threading.Timer(0.01, lambda: caches["default"].set(key, kept))
    timer.start()
    assert second.shared.get(key) == kept
    assert ask(second, "/artists") == told
    assert django.asked == 1


def test_what_is_not_kept_is_not_waited_for(
    django: Django, settings: Settings, redis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(settings.REDIS_URL or f"{redis}/0", settings)
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("it waited"))
    answers = StoredAnswers(django)
    for _ in range(3):
        assert ask(answers, "/artists/17")[0] == "404 Not Found"


@pytest.mark.parametrize("state", ["hung", "dead"])
def test_without_redis_answers_go_on(
    state: str, django: Django, settings: Settings, request: pytest.FixtureRequest
) -> None:
    at(request.getfixturevalue(state), settings)
    answers = StoredAnswers(django)
    assert answers.shared
    assert ask(answers, "/artists")[0] == "200 OK"
    rests_until = answers.shared.rests_until
    assert rests_until > time.monotonic()
    for limit in range(1, 10):
        assert ask(answers, "/artists", f"limit={limit}")[0] == "200 OK"
    # It is not even tried while it rests.
    assert answers.shared.rests_until == rests_until


# --- The memory --------------------------------------------------------------------------------


VALUE = b"x" * 500


@pytest.fixture
def memory() -> Any:
    from vivace.memory import ENTRY_BYTES, Memory

    most = 5 * (ENTRY_BYTES + sys.getsizeof("key 00") + sys.getsizeof(VALUE))
    return Memory(f"test {os.urandom(4).hex()}", {"OPTIONS": {"max_bytes": most}})


def test_it_keeps_to_its_bytes_and_forgets_the_oldest(memory: Any) -> None:
    for n in range(100):
        memory.set(f"key {n}", VALUE)
        assert memory.get("key 0") is not None
        assert memory.kept.bytes <= memory.most
    assert [n for n in range(100) if memory.has_key(f"key {n}")] == [0, *range(96, 100)]


def test_what_is_larger_than_all_of_it_is_not_kept(memory: Any) -> None:
    memory.set("small", b"x")
    memory.set("large", b"x" * 100_000)
    assert memory.get("large") is None
    assert memory.get("small") == b"x"


def test_it_forgets_in_time(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.set("key", b"x", 10)
    assert not memory.add("key", b"y")
    monkeypatch.setattr("time.monotonic", lambda now=time.monotonic: now() + 11)
    assert memory.get("key", "gone") == "gone"
    assert memory.add("key", b"y", None)
    assert memory.touch("key", 5)
    assert not memory.touch("other")
    assert memory.delete("key")
    assert not memory.delete("key")
    assert memory.kept.bytes == 0


def test_threads_share_it() -> None:
    caches["answers"].set("key", b"x")
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(caches["answers"].get("key")))
    thread.start()
    thread.join()
    assert found == [b"x"]
