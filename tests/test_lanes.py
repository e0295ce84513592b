"""Who waits on a worker's lane for logins, and who does not; tests/test_serve.py has it whole."""

import io
import threading
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from vivace import login_lane, metrics
from vivace.api.observed import ARRIVED, Observed
from vivace.login_lane import LoginLane
from vivace.metrics import hashing

pytestmark = pytest.mark.any_database

LOGIN = "/api/v1/auth/login"
BREAKS = "broken"
NGINX = Path(__file__).parents[1] / "deploy" / "nginx"


class Worker:
    """A lane, and who was answered how on which thread."""

    def __init__(self) -> None:
        self.began, self.free = threading.Event(), threading.Event()
        self.answered: list[tuple[str, str, bytes]] = []
        self.changed = threading.Condition()
        self.lane = LoginLane(self.run, partial(self.note, "too large"), partial(self.note, "full"))

    def run(self, connection: str, request: dict[str, Any]) -> None:
        if threading.current_thread() is not threading.main_thread():
            self.began.set()
            assert self.free.wait(10)
        if connection == BREAKS:
            raise RuntimeError(connection)
        self.note("answered", connection, request)

    def note(self, how: str, connection: str, request: dict[str, Any]) -> None:
        with self.changed:
            self.answered.append((how, connection, request["wsgi.input"].read()))
            self.changed.notify_all()

    def ask(
        self, connection: str, path: str, body: bytes = b"{}", more: Mapping[str, str] | None = None
    ) -> None:
        request: dict[str, Any] = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": path,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
        }
        self.lane(connection, {**request, **(more or {})})

    def all_of(self, number: int) -> list[tuple[str, str, bytes]]:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.answered) >= number, 10)
            return self.answered


@pytest.fixture
def worker() -> Worker:
    return Worker()


def test_others_are_answered_before_a_login_that_came_first(worker: Worker) -> None:
    worker.ask("clara", LOGIN, b"who")
    worker.ask("robert", "/api/v1/artists")
    worker.free.set()
    expected = [("answered", "robert", b"{}"), ("answered", "clara", b"who")]
    assert worker.all_of(2) == expected


@pytest.mark.parametrize(
    ("path", "more"),
    [
        (LOGIN, {"REQUEST_METHOD": "GET"}),
        (LOGIN, {"CONTENT_LENGTH": ""}),
        (LOGIN, {"CONTENT_LENGTH": "-1"}),
        ("/api/v1/auth/refresh", {}),
        (f"{LOGIN}/more", {}),
    ],
)
def test_what_hashes_nothing_does_not_wait(worker: Worker, path: str, more: dict[str, str]) -> None:
    worker.ask("clara", path, more=more)
    assert worker.answered == [("answered", "clara", b"{}")]


def test_where_too_many_wait_the_next_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(login_lane, "WAITING_MAX", 2)
    before = hashing._value.get()
    worker = Worker()
    worker.ask("clara", LOGIN)
    assert worker.began.wait(10)  # for whoever is on the lane no longer waits for it
    for name in ("robert", "johannes", "felix"):
        worker.ask(name, LOGIN)
    assert worker.answered == [("full", "felix", b"{}")]
    assert hashing._value.get() == before + 2
    worker.free.set()
    assert {name for _, name, _ in worker.all_of(4)} == {"felix", "clara", "robert", "johannes"}
    assert hashing._value.get() == before


def test_what_is_too_large_for_a_login_is_refused_unread(worker: Worker) -> None:
    worker.ask("clara", LOGIN, more={"CONTENT_LENGTH": str(login_lane.BODY_MAX + 1)})
    assert worker.answered == [("too large", "clara", b"{}")]


def test_the_wait_is_in_the_time_that_is_noted(worker: Worker) -> None:
    seen: dict[str, float] = {}

    def run(connection: str, request: dict[str, Any]) -> None:
        seen[connection] = request[ARRIVED]
        worker.note("answered", connection, request)

    worker.lane.run = run
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


def test_one_that_breaks_leaves_the_lane_to_the_next(
    worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    worker.free.set()
    worker.ask(BREAKS, LOGIN)
    worker.ask("robert", LOGIN)
    assert worker.all_of(1) == [("answered", "robert", b"{}")]
    assert "A login failed" in caplog.text


def test_a_refusal_is_a_problem_document() -> None:
    told: list[Any] = []
    (body,) = login_lane.refusing(login_lane.FULL)({}, lambda *what: told.extend(what))
    status, headers = told
    assert status == "503 Service Unavailable"
    assert dict(headers)["Retry-After"] == "1"
    assert msgspec.json.decode(body)["status"] == 503


def test_nginx_has_the_same_paths_wait() -> None:
    assert f"location ~ ^{login_lane.HASH.pattern}$ {{" in (NGINX / "vivace.conf").read_text()
