"""Users, for Locust, who check what they are told: each has a connection of their own."""

import time
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import msgspec
from locust import User
from locust.env import Environment
from locust.exception import CatchResponseError, StopTest

from load.connections import NO_ANSWER, Connection, head
from vivace.lab.recording import RefusedError

REFUSED = {429, 503}
PATIENCE_SECONDS = 60
"""As Locust's own users wait. An outage is then seen in its length."""

Answer = TypeVar("Answer")


def right(_answer: Any) -> str:
    """Nothing is wrong with any answer of the right shape."""
    return ""


@cache
def decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


class Visitor(User):
    """Someone with a connection, of whom Locust hears what came of each request."""

    abstract = True

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.connection = Connection(base_of(self.host), PATIENCE_SECONDS)
        # As browsers and apps do, whose time it takes to read that.
        self.headers = {"Accept-Encoding": "gzip"}
        self.due: float | None = None
        """When the request at hand should have been sent, of one that keeps to a schedule."""

    def ask(
        self,
        name: str,
        path: str,
        kind: type[Answer],
        wrong: Callable[[Answer], str] = right,
        *,
        json: Any = None,
        status: int = 200,
    ) -> Answer | None:
        """The answer in its shape, checked; None where it was wrong or refused, which is counted.

        `name` begins with the method. Its latency counts from when it was due, where it was.
        """
        method, _, _ = name.partition(" ")
        message = self.message(method, path, b"" if json is None else msgspec.json.encode(json))
        begun, self.due = self.due or time.perf_counter(), None
        told, body, error = self.exchanged(message)
        ended = time.perf_counter()
        answer: Answer | None = None
        if error is None:
            try:
                answer = checked(told, body, status, kind, wrong)
            except (RefusedError, CatchResponseError) as problem:
                error = problem
        self.environment.events.request.fire(
            request_type=method,
            name=name,
            response_time=(ended - begun) * 1_000,
            response_length=len(body),
            exception=error,
            context={},
        )
        return answer

    def exchanged(self, message: bytes) -> tuple[int, bytes, Exception | None]:
        """Status and body, or why there are none."""
        try:
            return *self.connection.ask(message), None
        except NO_ANSWER as error:
            return 0, b"", CatchResponseError(f"no answer: {type(error).__name__}")

    def message(self, method: str, path: str, body: bytes) -> bytes:
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        return b"%b%b\r\n%b" % (head(method, str(self.host), path, body), lines.encode(), body)


def base_of(host: str | None) -> str:
    """The address of a server. Raises `StopTest` for what is none."""
    parts = urlsplit(host or "")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"}:
        raise StopTest(f"{host} is not the address of a server, as --host http://127.0.0.1:8000")
    return str(host)


def checked(
    told: int, body: bytes, status: int, kind: type[Answer], wrong: Callable[[Answer], str]
) -> Answer:
    """Raises `RefusedError`, and `CatchResponseError` for what is not as it should be."""
    if told in REFUSED:
        raise RefusedError(str(told))
    if told != status:
        raise CatchResponseError(f"status {told}")
    try:
        answer: Answer = decoder(cast("Any", kind)).decode(body)
    except msgspec.DecodeError as error:
        raise CatchResponseError(f"not the shape it should have: {error}") from error
    if reason := wrong(answer):
        raise CatchResponseError(reason)
    return answer
