"""PostgreSQL is killed and comes back, and Vivace goes on: the same process, nothing to restart."""

import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any
from unittest.mock import Mock

import psycopg
import pytest
from django.db import OperationalError
from django.db.backends.postgresql import base
from django.db.utils import ConnectionHandler

from tests import databases
from tests.environment import IN_CI
from tests.live import PASSWORD, Live, live_server
from vivace.lab import servers, stacks
from vivace.lab.servers import START_SECONDS
from vivace.postgresql import base as postgresql
from vivace.postgresql.base import DatabaseWrapper
from vivace.settings import database

pytestmark = pytest.mark.any_database

ARTISTS = "/api/v1/artists"
LOGIN = {"login": "editor", "password": PASSWORD}


@pytest.fixture
def postgresql_to_kill() -> Iterator[servers.Program]:
    with ExitStack() as stack:
        home = stack.enter_context(servers.owned_folder())
        try:
            command = servers.postgresql_cluster(home)
        except servers.ServerMissingError as error:
            if IN_CI:
                raise
            pytest.skip(str(error))
        program = servers.Program(home, command, servers.postgresql_answers)
        stack.callback(program.kill)
        program.start()
        yield program


def address(program: servers.Program) -> str:
    return f"postgresql://postgres@{servers.LOOPBACK}:{program.port}"


@contextmanager
def served(postgresql: servers.Program, folder: Path) -> Iterator[tuple[Live, dict[str, str]]]:
    """A library on it, with the headers of an editor."""
    url = stacks.created(address(postgresql))
    databases.fill("library", url)
    with live_server(url, folder) as live:
        yield live, {"Authorization": f"Bearer {live.token('editor')}"}


def test_answers_are_refused_while_it_is_gone_and_right_when_it_is_back(
    postgresql_to_kill: servers.Program, tmp_path: Path
) -> None:
    with served(postgresql_to_kill, tmp_path) as (live, bearer):
        asked: list[tuple[str, str, Any, int]] = [
            ("GET", ARTISTS, None, 200),
            ("GET", f"{ARTISTS}/1", None, 200),
            ("GET", "/api/v1/playlists", None, 200),
            ("POST", "/api/v1/auth/login", LOGIN, 200),
            ("POST", "/api/v1/playlists", {"name": "Kept"}, 201),
        ]
        before = [live.send(method, path, body, bearer) for method, path, body, _ in asked]
        postgresql_to_kill.kill()
        for method, path, body, _ in asked:
            assert_refused(live, method, path, body, bearer)
        assert live.send("GET", "/healthz")[0] == 200
        assert_refused(live, "GET", "/readyz", None, {})
        postgresql_to_kill.start()
        deadline = time.monotonic() + START_SECONDS
        # A connection is looked for beside the requests: one of them finds it. Logins and writes
        # have others.
        for method, path, body, status in (asked[0], asked[3], asked[4]):
            while (found := live.send(method, path, body, bearer)[0]) != status:
                assert found == 503
                assert time.monotonic() < deadline
        after = [live.send(method, path, body, bearer) for method, path, body, _ in asked]
        assert live.send("GET", "/readyz")[0] == 200
    assert [status for status, _, _ in after] == [status for *_, status in asked]
    assert [body for _, _, body in after[:2]] == [body for _, _, body in before[:2]]


def test_the_key_of_a_request_that_it_went_away_under_is_free_when_it_is_back(
    postgresql_to_kill: servers.Program, tmp_path: Path
) -> None:
    with served(postgresql_to_kill, tmp_path) as (live, bearer), ThreadPoolExecutor() as threads:
        keyed = bearer | {"Idempotency-Key": "once"}
        post = partial(live.send, "POST", "/api/v1/playlists", {"name": "Kept"}, keyed)
        with closing(psycopg.connect(f"{address(postgresql_to_kill)}/vivace")) as own:
            own.execute("LOCK TABLE listening_playlist IN EXCLUSIVE MODE")
            first = threads.submit(post)
            waits = "SELECT 1 FROM pg_locks WHERE NOT granted"
            deadline = time.monotonic() + START_SECONDS
            while not own.execute(waits).fetchone():
                assert time.monotonic() < deadline
                time.sleep(0.05)
            # Commits are on this one's disk only after a while.
            time.sleep(1)
            postgresql_to_kill.kill()
            assert first.result(START_SECONDS)[0] == 503
        postgresql_to_kill.start()
        while (found := post())[0] == 503:
            assert time.monotonic() < deadline
        assert found[0] == 201, found
        assert post()[2] == found[2]


@pytest.mark.parametrize("path", [ARTISTS, "/api/v1/search?q=artist", "/api/v1/playlists"])
def test_a_connection_that_was_cut_is_not_noticed(
    path: str, postgresql_to_kill: servers.Program, tmp_path: Path
) -> None:
    """Whatever a request asks the database first."""
    with served(postgresql_to_kill, tmp_path) as (live, bearer):
        assert live.send("GET", path, None, bearer)[0] == 200
        time.sleep(2 * postgresql.ALIVE_SECONDS)
        with psycopg.connect(f"{address(postgresql_to_kill)}/postgres", autocommit=True) as own:
            cut = own.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname <> 'postgres' AND backend_type = 'client backend'"
            ).fetchall()
        assert cut
        assert live.send("GET", path, None, bearer)[0] == 200


def assert_refused(
    live: Live, method: str, path: str, body: object, headers: dict[str, str]
) -> None:
    status, told, answer = live.send(method, path, body, headers)
    assert (status, told["content-type"]) == (503, "application/problem+json"), (path, answer)
    assert told["retry-after"] == "1"
    assert json.loads(answer)["code"] == "unavailable"


def test_one_that_has_just_answered_is_not_asked_whether_it_does(
    thread: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Mock(return_value=True)
    monkeypatch.setattr(thread, "is_usable", asked)
    monkeypatch.setattr(thread, "connection", object())
    monkeypatch.setattr(thread, "health_check_enabled", True)
    thread.answered_at = time.monotonic()
    for ago, often in ((0, 0), (postgresql.ALIVE_SECONDS, 1)):
        thread.answered_at -= ago
        thread.health_check_done = False  # as each request begins
        thread.close_if_health_check_failed()
        assert asked.call_count == often
        assert thread.health_check_done


@pytest.mark.parametrize(("answers", "often"), [(True, 1), (False, 3)])
def test_one_that_said_so_is_not_asked_again_for_a_while(
    answers: bool, often: int, thread: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Mock(return_value=answers)
    monkeypatch.setattr(base.DatabaseWrapper, "is_usable", asked)
    monkeypatch.setattr(postgresql, "ALIVE_SECONDS", 60)
    monkeypatch.setattr(thread, "health_check_enabled", True)
    for _ in range(3):
        monkeypatch.setattr(thread, "connection", Mock())
        thread.health_check_done = False  # as each request begins
        thread.close_if_health_check_failed()
    assert asked.call_count == often


@pytest.fixture
def thread(monkeypatch: pytest.MonkeyPatch) -> DatabaseWrapper:
    """One that had a connection, and lost it."""
    monkeypatch.setattr(postgresql, "OLD_SECONDS", 60)
    made = DatabaseWrapper({"OPTIONS": {}})
    made.is_first = False
    return made


def connecting(monkeypatch: pytest.MonkeyPatch, connect: Callable[[Any], object]) -> None:
    monkeypatch.setattr(
        base.DatabaseWrapper, "get_new_connection", lambda _, parameters: connect(parameters)
    )


def ended(thread: DatabaseWrapper) -> None:
    assert thread.attempt
    assert thread.attempt.ended.wait(10)


def test_a_connection_that_takes_long_is_waited_for_once_and_not_lost(
    thread: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DatabaseWrapper, "patience", 0.01)
    asked, answers = [], Event()

    def connect(parameters: object) -> object:
        asked.append(parameters)
        answers.wait()
        return "a connection"

    connecting(monkeypatch, connect)
    for _ in range(3):
        with pytest.raises(OperationalError):
            thread.get_new_connection("one")
    assert asked == ["one"]
    answers.set()
    ended(thread)
    assert thread.get_new_connection("another") == "a connection"
    assert asked == ["one"]
    monkeypatch.setattr(DatabaseWrapper, "patience", 10)
    assert thread.get_new_connection("another") == "a connection"
    assert asked == ["one", "another"]


def test_while_it_fails_nobody_waits_and_it_is_tried_again(
    thread: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DatabaseWrapper, "patience", 10)
    answers = Event()

    def connect(parameters: object) -> object:
        if parameters == "down":
            raise psycopg.OperationalError("starting up")
        answers.wait()
        return parameters

    connecting(monkeypatch, connect)
    with pytest.raises(psycopg.OperationalError, match="starting up"):
        thread.get_new_connection("down")
    ended(thread)
    with pytest.raises(psycopg.OperationalError, match="starting up"):
        thread.get_new_connection("up")
    with pytest.raises(OperationalError, match="no connection yet"):
        thread.get_new_connection("up")
    answers.set()
    ended(thread)
    assert thread.get_new_connection("another") == "up"


def test_what_failed_some_time_ago_is_tried_again_before_it_is_told(
    thread: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DatabaseWrapper, "patience", 10)
    told = iter([psycopg.OperationalError("gone"), psycopg.OperationalError("gone"), None])

    def connect(parameters: object) -> object:
        if error := next(told):
            raise error
        return parameters

    connecting(monkeypatch, connect)
    with pytest.raises(psycopg.OperationalError, match="gone"):
        thread.get_new_connection("one")
    ended(thread)
    monkeypatch.setattr(postgresql, "OLD_SECONDS", 0)
    assert thread.get_new_connection("another") == "another"


def test_the_first_connection_of_a_thread_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DatabaseWrapper, "patience", 0)
    late = Event()

    def connect(parameters: object) -> object:
        late.wait(0.05)
        return parameters

    connecting(monkeypatch, connect)
    assert DatabaseWrapper({"OPTIONS": {}}).get_new_connection("one") == "one"


@pytest.mark.parametrize("lost", [False, True])
def test_one_that_was_found_some_time_ago_is_taken_if_it_still_answers(
    lost: bool,
    postgresql_to_kill: servers.Program,
    monkeypatch: pytest.MonkeyPatch,
    django_db_blocker: Any,
) -> None:
    monkeypatch.setattr(DatabaseWrapper, "patience", 0)
    answers, connect = Event(), base.DatabaseWrapper.get_new_connection

    def late(wrapper: Any, parameters: Any) -> Any:
        answers.wait()
        return connect(wrapper, parameters)

    monkeypatch.setattr(base.DatabaseWrapper, "get_new_connection", late)
    url = f"{address(postgresql_to_kill)}/postgres"
    thread: Any = ConnectionHandler({"default": database(url)})["default"]
    thread.is_first = False
    with django_db_blocker.unblock():
        with pytest.raises(OperationalError):
            thread.ensure_connection()
        answers.set()
        ended(thread)
        found = thread.attempt.connection
        monkeypatch.setattr(postgresql, "OLD_SECONDS", 0)
        monkeypatch.setattr(DatabaseWrapper, "patience", 10)
        if lost:
            with psycopg.connect(url, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s)", [found.info.backend_pid])
        with thread.cursor() as cursor:
            cursor.execute("SELECT 1")
            assert cursor.fetchone() == (1,)
        assert (thread.connection is found) is not lost
        thread.close()
    assert found.closed


@pytest.mark.skipif(sys.platform != "linux", reason="TCP has these on Linux")
def test_one_that_falls_silent_is_given_up_within_a_minute(
    postgresql_to_kill: servers.Program, django_db_blocker: Any
) -> None:
    url = f"{address(postgresql_to_kill)}/postgres"
    thread: Any = ConnectionHandler({"default": database(url)})["default"]
    with django_db_blocker.unblock():
        thread.ensure_connection()
        with socket.socket(fileno=os.dup(thread.connection.pgconn.socket)) as own:
            unheard_ms = own.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            idle, every, times = (
                own.getsockopt(socket.IPPROTO_TCP, option)
                for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            )
            assert own.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        thread.close()
    assert 0 < unheard_ms <= 60_000
    assert 0 < idle + every * times <= 15
