"""Who waits on which of a worker's lanes, and who does not; tests/test_serve.py has it whole."""

import io
import re
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import Client, override_settings

from vivace import lanes, metrics
from vivace.accounts import tokens
from vivace.accounts.identity import Identity
from vivace.api.bodies import MAX_BYTES, OF_NOBODY_MAX, OF_ONE_MAX
from vivace.api.middleware import REFUSED
from vivace.api.observed import ARRIVED, Observed
from vivace.lanes import IN_MEMORY_MAX, Lane, Lanes
from vivace.metrics import hashing

pytestmark = pytest.mark.any_database

LOGIN = "/api/v1/auth/login"
TRACKS = "/api/v1/tracks"
STREAM = {"REQUEST_METHOD": "GET", "HTTP_ACCEPT": "application/x-ndjson"}
BREAKS = "broken"
NGINX = Path(__file__).parents[1] / "deploy" / "nginx"


class Worker:
    """Its lanes, and who was answered, with which body."""

    def __init__(self) -> None:
        self.began, self.free = threading.Event(), threading.Event()
        self.answered: list[tuple[str, str, bytes]] = []
        self.changed = threading.Condition()
        self.lanes = Lanes(self.run)

    def run(self, connection: str, request: dict[str, Any]) -> None:
        if threading.current_thread() is not threading.main_thread():
            self.began.set()
            assert self.free.wait(10)
        if connection == BREAKS:
            raise RuntimeError(connection)
        refused = request.get(REFUSED)
        self.note(refused.code if refused else "answered", connection, request)

    def note(self, how: str, connection: str, request: dict[str, Any]) -> None:
        with self.changed:
            self.answered.append((how, connection, request["wsgi.input"].read()))
            self.changed.notify_all()

    def ask(
        self,
        connection: str,
        path: str,
        body: bytes = b"{}",
        more: Mapping[str, str] | None = None,
    ) -> None:
        request: dict[str, Any] = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": path,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
        }
        self.lanes(connection, {**request, **(more or {})})

    def all_of(self, number: int) -> list[tuple[str, str, bytes]]:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.answered) >= number, 10)
            return self.answered


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
def known() -> dict[str, str]:
    """A field that says who asks."""
    return {"HTTP_AUTHORIZATION": f"Bearer {tokens.issue(Identity(1, 'editor'))}"}


@pytest.mark.parametrize(
    ("path", "more"),
    [
        (LOGIN, {}),
        ("/api/v1/auth/refresh", {}),
        ("/api/v1/auth/logout/", {}),
        (TRACKS, {}),
        (f"{TRACKS}/1", {"REQUEST_METHOD": "DELETE", "CONTENT_LENGTH": ""}),
        (f"{TRACKS}/bulk", {"CONTENT_LENGTH": str(MAX_BYTES)}),
        ("/api/v1/imports", {"CONTENT_LENGTH": str(MAX_BYTES + 1)}),
        ("/admin/catalogue/track/add/", {"HTTP_AUTHORIZATION": ""}),
        (TRACKS, STREAM),
        (TRACKS, STREAM | {"HTTP_ACCEPT": "application/X-NDJSON"}),
        ("/static/admin/css/base.css", {"REQUEST_METHOD": "GET"}),
    ],
)
def test_others_are_answered_before_what_came_first_and_waits(
    worker: Worker, known: dict[str, str], path: str, more: dict[str, str]
) -> None:
    worker.ask("clara", path, more=known | more)
    worker.ask("robert", "/api/v1/artists", more={"REQUEST_METHOD": "GET"})
    worker.free.set()
    assert [name for _, name, _ in worker.all_of(2)] == ["robert", "clara"]


@pytest.mark.parametrize(
    ("path", "more"),
    [
        (LOGIN, {"REQUEST_METHOD": "GET"}),
        (TRACKS, {"REQUEST_METHOD": "OPTIONS"}),
        (TRACKS, {"CONTENT_LENGTH": str(OF_ONE_MAX + 1)}),
        (TRACKS, {"CONTENT_LENGTH": "9" * 5_000}),
        (TRACKS, {"HTTP_AUTHORIZATION": ""}),
        (TRACKS, {"HTTP_AUTHORIZATION": "Bearer of.nobody"}),
        ("/admin/", {"CONTENT_LENGTH": str(lanes.ADMIN_MAX + 1)}),
    ],
)
def test_what_takes_no_time_does_not_wait(
    worker: Worker, known: dict[str, str], path: str, more: dict[str, str]
) -> None:
    worker.ask("clara", path, more=known | more)
    assert worker.answered == [("answered", "clara", b"{}")]


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"CONTENT_LENGTH": "-1"}, "invalid"),
        ({"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}, "length_required"),
        ({"CONTENT_LENGTH": "0" * 17 + "999999"}, "too_large"),
        ({"CONTENT_LENGTH": "0" * 20 + "999999"}, "too_large"),
    ],
)
def test_a_body_of_no_bounded_length_is_refused_unread(
    worker: Worker, told: dict[str, str], code: str
) -> None:
    worker.ask("clara", LOGIN, more=told)
    assert worker.answered == [(code, "clara", b"{}")]


def test_no_more_is_read_than_was_said(worker: Worker, known: dict[str, str]) -> None:
    """As where HTTP/2 says no length."""
    worker.free.set()
    for length in ("", "2"):
        worker.ask("clara", TRACKS, b"{}and more", more=known | {"CONTENT_LENGTH": length})
    assert {body for _, _, body in worker.all_of(2)} == {b"", b"{}"}


def test_a_file_is_read_of_an_editor_alone(worker: Worker) -> None:
    listener = {"HTTP_AUTHORIZATION": f"Bearer {tokens.issue(Identity(2, 'listener'))}"}
    worker.ask("clara", "/api/v1/imports", more=listener)
    assert worker.answered == [("answered", "clara", b"{}")]


def test_a_write_waits_for_nobody_to_be_known(
    worker: Worker, known: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_: str) -> None:
        raise OperationalError("the connection is closed")

    monkeypatch.setattr(lanes, "identify", gone)
    worker.ask("clara", TRACKS, more=known)
    assert worker.answered == [("unavailable", "clara", b"{}")]


def test_nothing_waits_for_threads_that_have_ended(worker: Worker, known: dict[str, str]) -> None:
    worker.lanes.writes.threads.shutdown()
    worker.ask("clara", TRACKS, more=known)
    assert worker.answered == [("unavailable", "clara", b"{}")]


def test_one_lane_is_free_where_another_is_taken(worker: Worker, known: dict[str, str]) -> None:
    """As where clients do not read their streams, or logins are guessed."""
    worker.lanes.streams.begin = lambda _: None  # type: ignore[assignment, method-assign]
    for _ in range(10):
        worker.ask("clara", TRACKS, more=STREAM)
    worker.free.set()
    worker.ask("robert", TRACKS, more=known)
    worker.ask("johannes", LOGIN)
    assert {name for _, name, _ in worker.all_of(2)} == {"robert", "johannes"}


@pytest.mark.parametrize("size", [IN_MEMORY_MAX, IN_MEMORY_MAX + 1])
def test_a_body_is_whole_wherever_it_waits(
    worker: Worker, known: dict[str, str], size: int
) -> None:
    body = b"[" + bytes(size - 2) + b"]"
    worker.free.set()
    worker.ask("clara", TRACKS, body, more=known)
    assert worker.all_of(1) == [("answered", "clara", body)]


def test_where_too_many_wait_the_next_is_refused_at_once(worker: Worker) -> None:
    worker.lanes.logins = Lane("logins", threads=1, waiting=2, gauge=hashing)
    before = hashing._value.get()
    worker.ask("clara", LOGIN)
    assert worker.began.wait(10)  # for whoever is on the lane no longer waits for it
    for name in ("robert", "johannes", "felix"):
        worker.ask(name, LOGIN)
    assert worker.answered == [("unavailable", "felix", b"{}")]
    assert hashing._value.get() == before + 2
    worker.free.set()
    assert {name for _, name, _ in worker.all_of(4)} == {"felix", "clara", "robert", "johannes"}
    assert hashing._value.get() == before


def test_what_is_too_large_for_a_login_is_refused_unread(worker: Worker) -> None:
    worker.ask("clara", LOGIN, more={"CONTENT_LENGTH": str(OF_NOBODY_MAX + 1)})
    assert worker.answered == [("too_large", "clara", b"{}")]


def test_the_wait_is_in_the_time_that_is_noted(worker: Worker) -> None:
    seen: dict[str, float] = {}

    def run(connection: str, request: dict[str, Any]) -> None:
        seen[connection] = request[ARRIVED]
        worker.note("answered", connection, request)

    worker.lanes.run = run
    before = time.perf_counter()
    worker.ask("clara", LOGIN)
    after = time.perf_counter()
    worker.all_of(1)
    assert before <= seen["clara"] <= after
    known = seconds_noted()
    request = {"REQUEST_METHOD": "GET", "PATH_INFO": "/nowhere", ARRIVED: after - 100}
    Observed(lambda _, start: [start("404 Not Found", [])])(request, lambda *_: b"")
    assert seconds_noted() >= known + 100


def seconds_noted() -> float:
    seconds, *_ = metrics.together(metrics.requests.all(), "route").get(("other",), [0.0])
    return seconds


def test_a_new_token_does_not_wait_for_logins(worker: Worker) -> None:
    def run(connection: str, request: dict[str, Any]) -> None:
        if request["PATH_INFO"] == LOGIN:
            assert worker.free.wait(10)
        worker.note("answered", connection, request)

    worker.lanes.run = run
    worker.ask("clara", LOGIN)
    worker.ask("robert", "/api/v1/auth/refresh")
    assert worker.all_of(1) == [("answered", "robert", b"{}")]
    worker.free.set()
    worker.all_of(2)


def test_one_that_breaks_leaves_the_lane_to_the_next(
    worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    worker.free.set()
    worker.ask(BREAKS, LOGIN)
    worker.ask("robert", LOGIN)
    assert worker.all_of(1) == [("answered", "robert", b"{}")]
    assert "A request failed" in caplog.text


def test_a_refusal_is_a_problem_document_that_a_page_may_read() -> None:
    origin = "https://app.example.org"
    cors = "corsheaders.middleware.CorsMiddleware"
    with override_settings(MIDDLEWARE=[cors, *settings.MIDDLEWARE], CORS_ALLOWED_ORIGINS=[origin]):
        client = Client(headers={"Origin": origin})
        client.defaults[REFUSED] = lanes.FULL  # type: ignore[assignment]
        reply = client.post(LOGIN)
    assert reply.status_code == 503
    assert reply.json()["code"] == "unavailable"
    assert reply["Retry-After"] == "1"
    assert reply["Access-Control-Allow-Origin"] == origin


@pytest.mark.parametrize("paths", [lanes.HASH, lanes.RENEW, lanes.IMPORT])
def test_nginx_tells_the_same_apart(paths: re.Pattern[str]) -> None:
    assert f"location ~ ^{paths.pattern}$ {{" in (NGINX / "vivace.conf").read_text()
