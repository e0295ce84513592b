"""PostgreSQL is killed and comes back, and Vivace goes on: the same process, nothing to restart."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests import databases
from tests.environment import IN_CI
from tests.live import PASSWORD, Live, live_server
from vivace.lab import servers, stacks

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


def test_answers_are_refused_while_it_is_gone_and_right_when_it_is_back(
    postgresql_to_kill: servers.Program, tmp_path: Path
) -> None:
    where = f"postgresql://postgres@{servers.LOOPBACK}:{postgresql_to_kill.port}"
    url = stacks.created(where)
    databases.fill("library", url)
    with live_server(url, tmp_path) as live:
        bearer = {"Authorization": f"Bearer {live.token('editor')}"}
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
        postgresql_to_kill.start()
        after = [live.send(method, path, body, bearer) for method, path, body, _ in asked]
    assert [status for status, _, _ in after] == [status for *_, status in asked]
    assert [body for _, _, body in after[:2]] == [body for _, _, body in before[:2]]


def assert_refused(
    live: Live, method: str, path: str, body: object, headers: dict[str, str]
) -> None:
    status, told, answer = live.send(method, path, body, headers)
    assert (status, told["content-type"]) == (503, "application/problem+json"), (path, answer)
    assert told["retry-after"] == "1"
    assert json.loads(answer)["code"] == "unavailable"
