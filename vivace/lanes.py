"""A lane for logins in a worker of `vivace serve`, so that whoever reads does not wait behind them.

A worker answers one request at a time, and a password takes it tens of milliseconds to hash, in
which Python could do something else. So a login waits for a thread of its own, and the thread that
reads goes on. WSGI has no word for that, and Granian needs none: it calls a runner with what to
answer to and the request, and takes the answer from whichever thread gives it. The lane is put
around that runner, which is Granian's own affair: `tests/test_serve.py` tells if it changes.
"""

import logging
import re
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from io import BytesIO
from threading import BoundedSemaphore
from typing import Any

from vivace.api.errors import respond
from vivace.api.observed import ARRIVED, Observed
from vivace.api.stored import Application, Environ, Start
from vivace.metrics import hashing
from vivace.problems import Problem, TooLarge, Unavailable

log = logging.getLogger(__name__)
# What is put in the place of something there is of any type.
server: Any = import_module("granian.server.mp")

Runner = Callable[[Any, Environ], Any]
"""Answers to Granian's side of a connection a request."""

HASH = re.compile(r"/(api/v1/(auth/(login|register)|me/password)|admin/login)/?")
"""The paths at which strangers have passwords hashed, as in deploy/nginx/vivace.conf."""
BODY_MAX = 64 << 10
"""Bytes of a login: they are read before it waits, and held in memory meanwhile."""
WAITING_MAX = 256
"""Of one worker: some seconds of hashing."""


def open_lane() -> None:
    """Have the server that this process starts later answer logins on a lane."""
    runner_of = server._wsgi_call_wrap

    def with_lane(application: Any, *how: Any) -> Runner:
        refusals = (runner_of(Observed(refusing(each)), *how) for each in (TOO_LARGE, FULL))
        return LoginLane(runner_of(application, *how), *refusals)

    server._wsgi_call_wrap = with_lane


class LoginLane:
    """A runner that leaves logins to another thread."""

    def __init__(self, run: Runner, refuse_size: Runner, refuse_number: Runner) -> None:
        self.run, self.refuse_size, self.refuse_number = run, refuse_size, refuse_number
        self.thread = ThreadPoolExecutor(1, "logins")
        self.places = BoundedSemaphore(WAITING_MAX)

    def __call__(self, connection: Any, request: Environ) -> Any:
        if not hashes(request):
            return self.run(connection, request)
        length = request.get("CONTENT_LENGTH", "")
        if not length.isdecimal():
            return self.run(connection, request)  # which refuses it
        if int(length) > BODY_MAX:
            return self.refuse_size(connection, request)
        # Once this returns, there is nothing left of the body that was not read.
        request["wsgi.input"] = BytesIO(request["wsgi.input"].read())
        request[ARRIVED] = time.perf_counter()
        if not self.places.acquire(blocking=False):
            return self.refuse_number(connection, request)
        hashing.inc()
        self.thread.submit(self.answer, connection, request)
        return None

    def answer(self, connection: Any, request: Environ) -> None:
        hashing.dec()  # where it hashes, it counts itself
        self.places.release()
        try:
            self.run(connection, request)
        except Exception:
            # Granian answers 500 where nobody else does.
            log.exception("A login failed")


def hashes(request: Environ) -> bool:
    return request["REQUEST_METHOD"] == "POST" and bool(HASH.fullmatch(request["PATH_INFO"]))


TOO_LARGE = TooLarge("No login is as large as that")
FULL = Unavailable("Too many are logging in right now", headers={"Retry-After": "1"})


def refusing(problem: Problem) -> Application:
    """Answers every request with it."""

    def application(_environ: Environ, start_response: Start) -> Iterable[bytes]:
        answer = respond(problem)
        start_response(f"{answer.status_code} {answer.reason_phrase}", [*answer.items()])
        return [answer.content]

    return application
