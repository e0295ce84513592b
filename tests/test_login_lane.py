"""Who waits on a worker's lane for logins, and who does not; tests/test_serve.py has it whole."""

import io
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from vivace import login_lane
from vivace.login_lane import LoginLane
from vivace.metrics import hashing

pytestmark = pytest.mark.any_database

LOGIN = "/api/v1/auth/login"
BREAKS = "broken"
NGINX = Path(__file__).parents[1] / "deploy" / "nginx"


class Worker:
    """A lane, and who was answered how on which thread."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.answered: list[tuple[str, str, bytes]] = []
        self.changed = threading.Condition()
        self.lane = LoginLane(self.run, self.refuse)

    def run(self, connection: str, request: dict[str, Any]) -> None:
        if threading.current_thread() is not threading.main_thread():
            assert self.free.wait(10)
        if connection == BREAKS:
            raise RuntimeError(connection)
        self.note("answered", connection, request["wsgi.input"].read())

    def refuse(self, connection: str, _request: dict[str, Any]) -> None:
        self.note("refused", connection, b"")

    def note(self, how: str, connection: str, body: bytes) -> None:
        with self.changed:
            self.answered.append((how, connection, body))
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
        (LOGIN, {"CONTENT_LENGTH": str(login_lane.BODY_MAX + 1)}),
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
    while worker.lane.thread._work_queue.qsize():
        pass  # until she is on the lane, and no longer waits for it
    for name in ("robert", "johannes", "felix"):
        worker.ask(name, LOGIN)
    assert worker.answered == [("refused", "felix", b"")]
    assert hashing._value.get() == before + 2
    worker.free.set()
    assert {name for _, name, _ in worker.all_of(4)} == {"felix", "clara", "robert", "johannes"}
    assert hashing._value.get() == before


def test_one_that_breaks_leaves_the_lane_to_the_next(
    worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    worker.free.set()
    worker.ask(BREAKS, LOGIN)
    worker.ask("robert", LOGIN)
    assert worker.all_of(1) == [("answered", "robert", b"{}")]
    assert "A login failed" in caplog.text


def test_the_refusal_is_a_problem_document() -> None:
    told: list[Any] = []
    (body,) = login_lane.refused({}, lambda *what: told.extend(what))
    status, headers = told
    assert status == "503 Service Unavailable"
    assert dict(headers)["Retry-After"] == "1"
    assert msgspec.json.decode(body)["status"] == 503


def test_nginx_has_the_same_paths_wait() -> None:
    assert f"location ~ ^{login_lane.HASH.pattern}$ {{" in (NGINX / "vivace.conf").read_text()
