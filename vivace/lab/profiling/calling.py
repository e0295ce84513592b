"""A request to a Django project in this process, from the WSGI environment to the last byte."""

import io
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from django.core.signals import got_request_exception


class Request(NamedTuple):
    operation: str
    """Method and path as the project writes them: `GET /api/v1/tracks/{id}`."""
    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = {}
    body: bytes = b""
    media_type: str = ""


class Answer(NamedTuple):
    status: int
    body: bytes
    error: str = ""
    """What was raised, where that is why."""

    @property
    def is_success(self) -> bool:
        return self.status < HTTPStatus.BAD_REQUEST


def call(handler: Callable[..., Any], request: Request) -> Answer:
    """What the project answers."""
    started: list[str] = []
    raised: list[str] = []

    def note(**_: Any) -> None:
        raised.append(repr(sys.exception()))

    def start(status: str, *_: Any) -> Callable[[bytes], None]:
        started.append(status)
        return lambda _body: None

    got_request_exception.connect(note)
    try:
        answer = handler(environ(request), start)
        try:
            body = b"".join(answer)
        finally:
            if hasattr(answer, "close"):
                answer.close()
    finally:
        got_request_exception.disconnect(note)
    return Answer(int(started[0][:3]), body, "".join(raised))


def environ(request: Request) -> dict[str, Any]:
    headers = {f"HTTP_{name.upper().replace('-', '_')}": v for name, v in request.headers.items()}
    if request.body:
        headers |= {"CONTENT_TYPE": request.media_type, "CONTENT_LENGTH": str(len(request.body))}
    return {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": request.path,
        "QUERY_STRING": request.query,
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.input": io.BytesIO(request.body),
        **headers,
    }
