"""Requests as a WSGI server hands them over, to what stands in front of Django."""

import io
import json
from collections.abc import Iterable
from typing import Any

from tests.client import BASE
from vivace.accounts import tokens
from vivace.accounts.identity import Identity
from vivace.api import stored
from vivace.api.requests import Handler

Told = tuple[str, dict[str, str], bytes]


class Django:
    """The application behind, which counts what it is asked."""

    def __init__(self) -> None:
        self.handler = Handler()
        self.asked = 0

    def __call__(self, environ: stored.Environ, start_response: stored.Start) -> Iterable[bytes]:
        self.asked += 1
        return self.handler(environ, start_response)


def reader() -> str:
    return tokens.issue(Identity(1, "listener"))


def environ_of(
    path: str, query: str = "", *, method: str = "GET", token: str | None = "", **environ: Any
) -> stored.Environ:
    """A request of the API; a listener asks, unless told who."""
    who = {"HTTP_AUTHORIZATION": f"Bearer {token or reader()}"} if token is not None else {}
    return {
        "REQUEST_METHOD": method, "PATH_INFO": f"{BASE}{path}", "QUERY_STRING": query,
        "SERVER_NAME": "localhost", "SERVER_PORT": "80", "HTTP_HOST": "localhost",
        "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1", "SCRIPT_NAME": "",
        "wsgi.input": io.BytesIO(), "wsgi.url_scheme": "http", "wsgi.errors": io.StringIO(),
        **who, **environ,
    }  # fmt: skip


def ask(application: stored.Application, path: str, query: str = "", **how: Any) -> Told:
    """Status, headers and body, as a WSGI server sees them; `how` as for `environ_of`."""
    told: list[Any] = []
    asked = environ_of(path, query, **how)
    response = application(asked, lambda status, headers, *_: told.extend([status, headers]))
    body = b"".join(response)
    if close := getattr(response, "close", None):
        close()
    assert len({name for name, _ in told[1]}) == len(told[1])
    return told[0], dict(told[1]), body


def names(told: Told) -> list[str]:
    assert told[0] == "200 OK", told
    return [item.get("name", item.get("title")) for item in json.loads(told[2])["items"]]
