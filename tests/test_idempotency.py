"""Idempotency-Key: a POST that is sent again has the same answer and makes nothing twice."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.http import HttpResponse

from tests import builders
from tests.client import Person, Reply, blamed, problem
from tests.operations import OPERATIONS
from tests.places import Everything, bodies
from tests.threads import at_once
from vivace.api import idempotency, resources
from vivace.api.idempotency import kept
from vivace.api.models import KeptAnswer
from vivace.catalogue import caching
from vivace.catalogue.models import Artist, Genre
from vivace.problems import Conflict

KEY = "2f1c0f3e-once"
THREADS = 10
RETRIES = 50
"""Of each thread, one after the other."""


def post(person: Person, body: Any = None, key: str = KEY, path: str = "artists") -> Reply:
    return person.post(path, body or {"name": "Björk"}, idempotency_key=key)


def later(**passed: float) -> None:
    """Let time pass for every answer that is kept."""
    for answer in KeptAnswer.objects.all():
        answer.started_at -= timedelta(**passed)
        answer.save()


def named() -> list[str]:
    return [*Artist.objects.order_by("id").values_list("name", flat=True)]


def test_a_request_sent_again_has_the_same_answer(editor: Person) -> None:
    first = post(editor)
    assert (first.status, first.headers.get("Idempotency-Replayed")) == (201, None)
    for _ in range(3):
        again = post(editor)
        assert (again.status, again.body) == (201, first.body)
        assert again.headers["Idempotency-Replayed"] == "true"
        for name in ("Content-Type", "ETag", "Location"):
            assert again.headers[name] == first.headers[name]
    assert named() == ["Björk"]


def test_the_answer_is_what_it_was_whatever_happened_since(editor: Person) -> None:
    first = post(editor)
    editor.patch(f"artists/{first.json['id']}", {"name": "Guðmundsdóttir"})
    assert post(editor).body == first.body
    editor.delete(f"artists/{first.json['id']}")
    assert post(editor).body == first.body
    assert named() == []


def test_one_whose_key_was_taken_over_makes_nothing(editor: Person) -> None:
    """It ran for so long that it was taken for dead, and is the second to be done."""

    def late() -> HttpResponse:
        builders.artist("Björk")
        later(minutes=6)
        return HttpResponse(status=201)

    with pytest.raises(Conflict, match="has taken its place"):
        kept(editor.account_id, KEY, b"asked", late)
    assert named() == []


def test_a_slash_at_the_end_is_the_same_request(editor: Person) -> None:
    first = post(editor)
    assert post(editor, path="artists/").body == first.body
    assert named() == ["Björk"]


@pytest.mark.django_db(transaction=True)
def test_whoever_has_gone_is_told_so(editor: Person) -> None:
    assert editor.user
    editor.user.delete()
    for path, body in (("artists", None), ("playlists", {"name": "Mine"})):
        problem(post(editor, body, path=path), 401)
    assert named() == []
    assert not KeptAnswer.objects.exists()


def test_without_a_key_a_request_sent_again_is_another(editor: Person) -> None:
    assert editor.post("artists", {"name": "Björk"}).status == 201
    problem(editor.post("artists", {"name": "Björk"}), 409)


def test_another_key_is_another_request(editor: Person) -> None:
    assert post(editor).status == 201
    assert post(editor, {"name": "Sjón"}, key=f"{KEY} ").status == 201
    assert post(editor, {"name": "Zaz"}, key=KEY.upper()).status == 201
    assert named() == ["Björk", "Sjón", "Zaz"]


OTHERS: list[tuple[str, Any]] = [
    ("artists", {"name": "Sjón"}),
    # The same JSON in other bytes may mean another thing to whoever wrote it.
    ("artists", b'{"name":  "Bj\\u00f6rk"}'),
    ("artists/bulk", [{"name": "Björk"}]),
    ("albums", {"title": "Debut", "artist_id": "1"}),
]


def test_a_key_used_for_another_request_is_refused(editor: Person) -> None:
    first = post(editor)
    for path, body in OTHERS:
        problem(post(editor, body, path=path), 422)
    assert named() == ["Björk"]
    assert post(editor).body == first.body


def test_a_key_belongs_to_an_account(editor: Person, admin: Person) -> None:
    mine, theirs = post(editor), post(admin, {"name": "Sjón"})
    assert (mine.status, theirs.status) == (201, 201)
    assert named() == ["Björk", "Sjón"]
    assert post(admin, {"name": "Sjón"}).body == theirs.body
    assert post(editor).body == mine.body


def test_a_request_that_failed_leaves_its_key_free(editor: Person) -> None:
    builders.artist("Sjón")
    album = {"title": "Debut", "artist_id": "999999"}
    assert blamed(post(editor, {"name": "Sjón"}), 409) == ["/name"]
    assert blamed(post(editor, {"name": ""}), 400) == ["/name"]
    problem(post(editor, b"{"), 400)
    assert blamed(post(editor, album, path="albums"), 409) == ["/artist_id"]
    assert not KeptAnswer.objects.exists()
    assert post(editor).status == 201


def test_a_fault_of_the_server_leaves_its_key_free(
    editor: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **kwargs: Any) -> Any:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr("vivace.api.catalogue.made", broken)
        with pytest.raises(ZeroDivisionError):
            post(editor)
    assert named() == []
    assert post(editor).status == 201


@pytest.mark.parametrize("together", [True, False])
def test_a_key_that_could_not_be_freed_is_so_at_the_next_request(
    editor: Person, monkeypatch: pytest.MonkeyPatch, together: bool
) -> None:
    """The database goes away under a request, and what frees its key fails, too."""

    def gone(*_: Any) -> Any:
        raise OperationalError("server closed the connection")

    def asked(make: Callable[[], HttpResponse]) -> HttpResponse:
        return kept(editor.account_id, KEY, b"asked", make, together=together)

    with monkeypatch.context() as patched:
        patched.setattr(idempotency, "free", gone)
        with pytest.raises(OperationalError):
            asked(gone)
    assert KeptAnswer.objects.get().status is None
    assert asked(lambda: HttpResponse(status=201)).status_code == 201
    assert asked(gone).headers["Idempotency-Replayed"] == "true"
    assert not idempotency.UNFREED


@pytest.mark.django_db(transaction=True)
def test_what_is_raised_after_the_commit_leaves_nothing_to_be_made_twice(
    editor: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped() -> None:
        raise SystemExit

    def made(*args: Any, **kwargs: Any) -> HttpResponse:
        transaction.on_commit(stopped)
        return resources.made(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr("vivace.api.catalogue.made", made)
        with pytest.raises(SystemExit):
            post(editor)
    again = post(editor)
    assert (again.status, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert named() == ["Björk"]


def test_a_request_that_is_running_is_not_run_again(editor: Person) -> None:
    post(editor)
    KeptAnswer.objects.update(status=None)
    reply = post(editor)
    problem(reply, 409)
    assert int(reply.headers["Retry-After"]) > 0
    problem(post(editor, {"name": "Sjón"}), 422)
    later(minutes=4)
    problem(post(editor), 409)


def test_a_request_that_died_while_running_is_run_again(editor: Person) -> None:
    first = post(editor)
    # As though its process had ended before anything of it was stored.
    Artist.objects.all().delete()
    KeptAnswer.objects.update(status=None)
    later(minutes=6)
    second = post(editor)
    assert (second.status, second.headers.get("Idempotency-Replayed")) == (201, None)
    assert second.json["id"] != first.json["id"]
    assert post(editor).body == second.body


def test_a_key_counts_for_a_day(editor: Person) -> None:
    first = post(editor)
    later(hours=23, minutes=59)
    assert post(editor).body == first.body
    later(minutes=2)
    problem(post(editor), 409)
    assert post(editor, {"name": "Sjón"}).status == 201
    assert KeptAnswer.objects.count() == 1


@pytest.mark.parametrize("key", ["", "é", "a\tb", "x" * 256, "\x7f"])
def test_what_cannot_be_a_key_is_refused(editor: Person, key: str) -> None:
    assert blamed(post(editor, key=key), 400) == ["Idempotency-Key"]
    assert named() == []


def test_a_key_may_have_255_characters(editor: Person) -> None:
    for name in ("Björk", "Sjón"):
        assert post(editor, {"name": name}, key=name[0] * 255).status == 201


def test_many_made_at_once_are_made_once(editor: Person) -> None:
    body = [{"name": f"Artist {n}"} for n in range(100)]
    first, again = (post(editor, body, path="artists/bulk") for _ in range(2))
    assert (again.status, again.body) == (201, first.body)
    assert len(named()) == 100


# Why an operation that makes something takes no key.
WITHOUT = {
    "POST me/api-keys": "its answer holds a secret that is not kept",
    "POST auth/register": "who asks has no account yet",
    "POST auth/login": "who asks has no account yet, and tokens are not kept",
    "POST auth/refresh": "tokens are not kept",
    "POST auth/logout": "it makes nothing",
    "POST me/password": "it makes nothing",
    "POST imports": "of it with a body of its own, in test_import_api.py",
}


@pytest.mark.parametrize(
    "name",
    [op.name for op in OPERATIONS if op.method == "POST" and op.name not in WITHOUT],
)
def test_every_operation_that_makes_something_makes_it_once(admin: Person, name: str) -> None:
    there = Everything(admin)
    path, body = there.path(name.removeprefix("POST ")), bodies(there)[name]
    first, again = (post(admin, body, path=path) for _ in range(2))
    assert (first.status, again.status, again.body) == (201, 201, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"


@pytest.mark.django_db(transaction=True)
def test_retries_at_once_make_one_thing_with_one_answer(editor: Person) -> None:
    by = builders.artist("Björk")
    body = {"title": "Debut", "artist_id": by, "genres": ["Art Pop"]}

    def retry() -> list[Reply]:
        return [post(editor, body, path="albums") for _ in range(RETRIES)]

    results = at_once(*[retry] * THREADS)
    replies = [reply for result in results if isinstance(result, list) for reply in result]
    assert len(replies) == THREADS * RETRIES
    for reply in replies:
        if reply.status != 201:
            problem(reply, 409)
            assert reply.headers["Retry-After"] == "1"
    assert len({reply.body for reply in replies if reply.status == 201}) == 1
    assert [album["title"] for album in editor.items("albums")] == ["Debut"]
    assert [genre.name for genre in Genre.objects.all()] == ["Art Pop"]
    # Whoever was told that it is running had it by their last try.
    last = [result[-1].status for result in results if isinstance(result, list)]
    assert last == [201] * THREADS


if connection.vendor == "postgresql":

    @pytest.mark.django_db(transaction=True)
    def test_what_is_told_again_is_told_no_sooner(
        editor: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waited: list[bool] = []
        monkeypatch.setattr(caching, "outlast_leases", lambda: waited.append(named() == ["Björk"]))
        for times in (1, 2, 3):
            assert post(editor).status == 201
            assert waited == [True] * times
