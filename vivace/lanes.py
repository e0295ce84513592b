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
import shutil
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

from vivace.accounts.bearer import identify
from vivace.api.bodies import LENGTH, MAX_BYTES, MAX_DIGITS
from vivace.api.middleware import REFUSED
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
"""These write a row and are done. Behind imports, whoever reads would wait for a new token."""

IMPORT = re.compile(r"/api/v1/imports/?")

LOGIN_MAX = 64 << 10
"""Bytes of a login: they are read before it waits, and held in memory meanwhile."""
IN_MEMORY_MAX = 1 << 20
"""Bytes of a body that waits; what is larger waits on the disk."""


class Lane:
    """Threads beside the one that reads, and how many requests may wait for one of them.

    Each thread has a connection to the database.
    """

    def __init__(self, name: str, *, threads: int, waiting: int) -> None:
        self.threads = ThreadPoolExecutor(threads, name)
        self.places = BoundedSemaphore(waiting)

    def takes(self, answer: Callable[[], None]) -> bool:
        """Whether there was a place to wait."""
        if not self.places.acquire(blocking=False):
            return False
        self.threads.submit(self.begin, answer)
        return True

    def begin(self, answer: Callable[[], None]) -> None:
        self.places.release()
        try:
            answer()
        except Exception:
            # Granian answers 500 where nobody else does.
            log.exception("A request failed")


class Lanes:
    """A runner that answers reads, and leaves the rest to other threads."""

    def __init__(self, run: Runner) -> None:
        self.run = run
        # Some seconds of hashing.
        self.logins = Lane("logins", threads=1, waiting=256)
        self.writes = Lane("writes", threads=4, waiting=32)
        self.streams = Lane("streams", threads=4, waiting=32)

    def __call__(self, connection: Any, request: Environ) -> Any:
        if request["REQUEST_METHOD"] not in READS:
            return self.write(connection, request)
        if "ndjson" in request.get("HTTP_ACCEPT", ""):
            return self.wait(self.streams, connection, request, BytesIO())
        return self.run(connection, request)

    def write(self, connection: Any, request: Environ) -> Any:
        """Have it wait, with its body at hand: once this returns, nothing is left of that."""
        path, length = request["PATH_INFO"], request.get("CONTENT_LENGTH") or "0"
        session = HASH.fullmatch(path) or RENEW.fullmatch(path)
        if not session and not (path.startswith("/api/") and is_known(request)):
            return self.run(connection, request)  # which refuses it, or it is the admin's
        if "HTTP_TRANSFER_ENCODING" in request or not LENGTH.fullmatch(length):
            return self.run(connection, request)  # which refuses it
        size = int(length[:MAX_DIGITS])
        if session and size > LOGIN_MAX:
            return self.refuse(connection, request, TOO_LARGE)
        if size > (settings.IMPORT_MAX if IMPORT.fullmatch(path) else MAX_BYTES):
            return self.run(connection, request)  # which refuses it
        body = SpooledTemporaryFile(IN_MEMORY_MAX)  # noqa: SIM115 - whoever answers closes it
        shutil.copyfileobj(request["wsgi.input"], body)
        body.seek(0)
        return self.wait(self.logins if session else self.writes, connection, request, body)

    def wait(self, lane: Lane, connection: Any, request: Environ, body: IO[bytes]) -> Any:
        request |= {"wsgi.input": body, ARRIVED: time.perf_counter()}
        hashes = HASH.fullmatch(request["PATH_INFO"])

        def answer() -> None:
            if hashes:
                hashing.dec()  # where it hashes, it counts itself
            with body:
                self.run(connection, request)

        if hashes:
            hashing.inc()
        if lane.takes(answer):
            return None
        if hashes:
            hashing.dec()
        with body:
            return self.refuse(connection, request, FULL)

    def refuse(self, connection: Any, request: Environ, problem: Problem) -> Any:
        return self.run(connection, {**request, REFUSED: problem})


TOO_LARGE = TooLarge("No login is as large as that")
FULL = Unavailable("Too many ask for that right now", headers={"Retry-After": "1"})


def is_known(request: Environ) -> bool:
    """Whether it says who asks: a stranger's body is not read."""
    try:
        return identify(request.get("HTTP_AUTHORIZATION")) is not None
    except (Unauthenticated, Error):
        return False


def open_lanes() -> None:
    """Have the server that this process starts later answer on lanes."""
    runner_of = server._wsgi_call_wrap
    server._wsgi_call_wrap = lambda *how: Lanes(runner_of(*how))
