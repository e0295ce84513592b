"""Lanes in a worker of `vivace serve`, so that whoever reads does not wait behind others.

A worker answers one request at a time. A password takes it tens of milliseconds to hash, in which
Python could do something else; a write may wait for an import of a million tracks; a stream waits
for its client. So each of these kinds waits for threads of its own, and the thread that reads goes
on. Behind NGINX they have processes of their own.

WSGI has no word for that, and Granian needs none: it calls a runner with what to answer to and the
request, and takes the answer from whichever thread gives it. The lanes are put around that runner,
which is Granian's own affair: `tests/test_serve.py` tells if it changes.
"""

import logging
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from io import BytesIO
from tempfile import SpooledTemporaryFile
from threading import BoundedSemaphore
from typing import IO, Any

from django.conf import settings
from django.db import Error
from prometheus_client import Gauge

from vivace.accounts.bearer import identify
from vivace.accounts.identity import Identity
from vivace.api.bodies import MAX_BYTES, OF_NOBODY_MAX, OF_ONE_MAX, length_of
from vivace.api.middleware import ADMIN, REFUSED
from vivace.api.observed import ARRIVED
from vivace.api.stored import Environ
from vivace.metrics import hashing
from vivace.problems import Problem, TooLarge, Unauthenticated, Unavailable

log = logging.getLogger(__name__)
# What is put in the place of something there is of any type.
server: Any = import_module("granian.server.mp")

Runner = Callable[[Any, Environ], Any]
"""Answers to Granian's side of a connection a request."""

READS = frozenset({"GET", "HEAD", "OPTIONS"})
HASH = re.compile(r"/(api/v1/(auth/(login|register)|me/password)|admin/login)/?")
"""The paths at which strangers have passwords hashed, as in deploy/nginx/vivace.conf."""
RENEW = re.compile(r"/api/v1/auth/(refresh|logout)/?")
"""These write a row and are done. Whoever reads would wait for a new token behind an import, or
behind as many logins as there are guesses."""

IMPORT = re.compile(r"/api/v1/imports/?")
BULK = re.compile(r"/api/v1/(artists|albums|tracks)/bulk/?")

READ_BYTES = 1 << 16
ADMIN_MAX = IN_MEMORY_MAX = 1 << 20
"""Bytes of a body that waits in memory. What is larger waits on the disk, and is of someone known:
a form of the admin may be anybody's."""


class Lane:
    """Threads beside the one that reads, and how many requests may wait for one of them.

    Each thread has a connection to the database. A gauge counts those that wait.
    """

    def __init__(
        self, name: str, *, threads: int, waiting: int, gauge: Gauge | None = None
    ) -> None:
        self.threads = ThreadPoolExecutor(threads, name)
        self.places, self.gauge = BoundedSemaphore(waiting), gauge

    def takes(self, answer: Callable[[], None]) -> bool:
        """Whether there was a place to wait."""
        if not self.places.acquire(blocking=False):
            return False
        if self.gauge:
            self.gauge.inc()
        try:
            self.threads.submit(self.begin, answer)
        except RuntimeError:  # the process ends
            self.leave()
            return False
        return True

    def leave(self) -> None:
        self.places.release()
        if self.gauge:
            self.gauge.dec()

    def begin(self, answer: Callable[[], None]) -> None:
        self.leave()
        try:
            answer()
        except Exception:
            # Granian answers 500 where nobody else does.
            log.exception("A request failed")


class Lanes:
    """A runner that answers reads, and leaves the rest to other threads."""

    def __init__(self, run: Runner) -> None:
        self.run = run
        # Some seconds of hashing. What hashes counts itself.
        self.logins = Lane("logins", threads=1, waiting=256, gauge=hashing)
        self.renewals = Lane("renewals", threads=1, waiting=256)
        self.writes = Lane("writes", threads=4, waiting=32)
        self.streams = Lane("streams", threads=4, waiting=32)

    def __call__(self, connection: Any, request: Environ) -> Any:
        if request["REQUEST_METHOD"] not in READS:
            try:
                return self.write(connection, request)
            except Problem as problem:
                return self.refuse(connection, request, problem)
        if (
            "ndjson" in request.get("HTTP_ACCEPT", "").lower()
            # Files come by the piece, too.
            or request["PATH_INFO"].startswith(settings.STATIC_URL)
        ):
            return self.wait(self.streams, connection, request, BytesIO())
        return self.run(connection, request)

    def write(self, connection: Any, request: Environ) -> Any:
        """Have it wait, with its body at hand: once this returns, nothing is left of that.

        Raises a `Problem` where that says no.
        """
        path, size = request["PATH_INFO"], length_of(request)
        if HASH.fullmatch(path):
            lane = self.logins
            if size > OF_NOBODY_MAX:
                raise TooLarge("The body is larger than is taken here")
        else:
            lane = self.renewals if RENEW.fullmatch(path) else self.writes
            if size > readable(path, request):
                return self.run(connection, request)  # which refuses it, all of it unread
        return self.wait(lane, connection, request, copied(request, size))

    def wait(self, lane: Lane, connection: Any, request: Environ, body: IO[bytes]) -> Any:
        request |= {"wsgi.input": body, ARRIVED: time.perf_counter()}

        def answer() -> None:
            with body:
                self.run(connection, request)

        if lane.takes(answer):
            return None
        with body:
            return self.refuse(connection, request, FULL)

    def refuse(self, connection: Any, request: Environ, problem: Problem) -> Any:
        return self.run(connection, {**request, REFUSED: problem})


FULL = Unavailable("Too many ask for that right now", headers={"Retry-After": "1"})


def readable(path: str, request: Environ) -> int:
    """How many bytes are read of a body before its request is looked at, by who sends it.

    Less than none of a stranger's. Raises `Unavailable`.
    """
    if RENEW.fullmatch(path):
        return OF_NOBODY_MAX
    if path.startswith(ADMIN):
        return ADMIN_MAX
    identity = sender(request)
    if identity is None:
        return -1
    if IMPORT.fullmatch(path):
        return settings.IMPORT_MAX if identity.has("editor") else -1
    return MAX_BYTES if BULK.fullmatch(path) else OF_ONE_MAX


def sender(request: Environ) -> Identity | None:
    """None for whoever will be refused."""
    try:
        return identify(request.get("HTTP_AUTHORIZATION"))
    except Unauthenticated:
        return None
    except Error as error:
        # By the time it is asked again it may answer, and the write would not have waited.
        raise Unavailable("The database does not answer", headers={"Retry-After": "1"}) from error


def copied(request: Environ, size: int) -> IO[bytes]:
    """So much of the body, or less where its client has gone."""
    body = SpooledTemporaryFile(IN_MEMORY_MAX)  # noqa: SIM115 - whoever answers closes it
    while size > 0 and (part := request["wsgi.input"].read(min(size, READ_BYTES))):
        body.write(part)
        size -= len(part)
    body.seek(0)
    return body


def open_lanes() -> None:
    """Have the server that this process starts later answer on lanes."""
    runner_of = server._wsgi_call_wrap
    server._wsgi_call_wrap = lambda *how: Lanes(runner_of(*how))
