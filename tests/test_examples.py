"""Every example of the document does what it says, at a running server with a small library."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.live import Live, live_server
from vivace.api.documents import document, operations

ME = "admin"
# The first of everything has the id 1, and the playlist and its items that are mine these.
MINE = {"/playlists/{id}": "/playlists/3", "{item_id}": "7"}


@pytest.fixture
def live(small_library: str, tmp_path: Path) -> Iterator[Live]:
    with live_server(small_library, tmp_path) as started:
        yield started


def concrete(path: str) -> str:
    for template, value in MINE.items():
        path = path.replace(template, value)
    return path.replace("{id}", "1").replace("{kind}", "artists")


def bodies(live: Live) -> Iterator[tuple[str, str, str, bytes]]:
    """Method, path, media type and body, of every example."""
    for path, method, operation in operations(document()):
        for media_type, media in operation.get("requestBody", {}).get("content", {}).items():
            example = media["example"]
            if "refresh_token" in example:
                example = {"refresh_token": refresh_token(live)}
            text = example if isinstance(example, str) else json.dumps(example)
            yield method, concrete(path), media_type, text.encode()


def asked(operation: Any) -> str:
    """The parameters that have an example, with it."""
    given = {
        each["name"]: each["schema"]["examples"][0]
        for each in operation["parameters"]
        if each["in"] == "query" and "examples" in each["schema"]
    }
    return f"?{urlencode(given)}" if given else ""


def harmless_first(example: tuple[str, str, str, bytes]) -> tuple[bool, int]:
    """Nobody can log in after the password's, nor is an item there after all were replaced."""
    method, path, *_ = example
    return path.endswith("/me/password"), ["POST", "PATCH", "PUT"].index(method)


def refresh_token(live: Live) -> Any:
    login = {"login": ME, "password": "vivace-demo"}
    _, _, answer = live.send("POST", "/api/v1/auth/login", login)
    return json.loads(answer)["refresh_token"]


def test_every_example_succeeds(live: Live) -> None:
    who = {"Authorization": f"Bearer {live.token(ME)}"}
    for method, path, media_type, body in sorted(bodies(live), key=harmless_first):
        status, _, answer = live.send(method, path, body, who | {"Content-type": media_type})
        assert 200 <= status < 300, (method, path, status, answer)
    for path, method, operation in operations(document()):
        if method == "GET":
            status, _, answer = live.send(
                method, f"{concrete(path)}{asked(operation)}", headers=who
            )
            assert status == 200, (method, path, status, answer)
