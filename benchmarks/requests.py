"""Requests to an application in this process, from the WSGI environment to the last byte."""

import io
import sys
import time
from collections.abc import Callable
from typing import Any

from django.core.handlers.wsgi import WSGIHandler

from vivace.accounts import people, tokens
from vivace.accounts.identity import Identity

LOGIN = "bench"
PASSWORD = "a password for benchmarks"
TOKEN_SECONDS = 60.0


class Application:
    """What a server calls, under a prefix of paths."""

    def __init__(self, handler: Callable[..., Any], prefix: str) -> None:
        self.handler, self.prefix = handler, prefix

    def get(self, path: str, query: str = "", accept: str = "application/json") -> bytes:
        return self.request("GET", path, query, HTTP_ACCEPT=accept)

    def post(self, path: str, body: bytes) -> bytes:
        return self.request(
            "POST",
            path,
            CONTENT_TYPE="application/json",
            CONTENT_LENGTH=str(len(body)),
            **{"wsgi.input": io.BytesIO(body)},
        )

    def request(self, method: str, path: str, query: str = "", **environ: Any) -> bytes:
        """The body of the answer. Asserts that it is a success."""
        started: list[str] = []
        answer = self.handler(
            {
                "REQUEST_METHOD": method,
                "PATH_INFO": self.prefix + path,
                "QUERY_STRING": query,
                "REMOTE_ADDR": "127.0.0.1",
                "SERVER_NAME": "localhost",
                "SERVER_PORT": "80",
                "SERVER_PROTOCOL": "HTTP/1.1",
                "HTTP_HOST": "localhost",
                "wsgi.url_scheme": "http",
                "wsgi.errors": sys.stderr,
                "wsgi.input": io.BytesIO(),
                **environ,
            },
            lambda status, _headers, _error=None: started.append(status),
        )
        try:
            body = b"".join(answer)
        finally:
            if hasattr(answer, "close"):
                answer.close()
        assert started[0][:3] in {"200", "201", "204", "304"}, (started[0], body[:500])
        return body


class App(Application):
    """Vivace, with an editor's token on every request."""

    def __init__(self) -> None:
        super().__init__(WSGIHandler(), "/api/v1")
        editor = people.create("bench@example.org", LOGIN, PASSWORD, role="editor")
        self.editor = Identity(account_id=editor.pk, role="editor")
        self.issued = -TOKEN_SECONDS

    @property
    def token(self) -> str:
        """An access token that is good for a while yet."""
        if time.monotonic() - self.issued >= TOKEN_SECONDS:
            self.issued, self.kept = time.monotonic(), tokens.issue(self.editor)
        return self.kept

    def request(self, method: str, path: str, query: str = "", **environ: Any) -> bytes:
        bearer = {"HTTP_AUTHORIZATION": f"Bearer {self.token}"}
        return super().request(method, path, query, **bearer, **environ)
