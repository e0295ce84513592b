"""A lane for logins in a worker of `vivace serve`, so that whoever reads does not wait behind them.

A worker answers one request at a time, and a password takes it tens of milliseconds to hash, in
which Python could do something else. So what hashes one waits for a thread of its own, and the
thread that reads goes on. WSGI has no word for that, and Granian needs none: it calls a runner with
what to answer to and the request, and takes the answer from whichever thread gives it. The lane is
put around that runner, which is Granian's own affair: `tests/test_serve.py` tells if it changes.
"""

import logging
import os
import re
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from io import BytesIO
from threading import BoundedSemaphore
from typing import Any

from vivace.api.errors import respond
from vivace.api.observed import Observed
from vivace.api.stored import Environ, Start
from vivace.metrics import hashing
from vivace.problems import Unavailable

log = logging.getLogger(__name__)
granian: Any = import_module("granian.server.mp")

Runner = Callable[[Any, Environ], Any]
"""Answers to Granian's side of a connection a request."""

HASH = re.compile(r"/(api/v1/(auth/(login|register)|me/password)|admin/login)/?")
"""The paths behind which a password is hashed, as in deploy/nginx/vivace.conf."""
BODY_MAX = 64 << 10
"""Bytes. A larger one is no login; it is read, or refused, as with any other request."""
WAITING_MAX = 256
"""Some ten seconds of hashing. Granian takes 512 requests for each of two workers, so there is
always room for those who read."""
NICE = 5
"""As behind NGINX: on a processor that is busy, whoever reads goes first."""


def open_lane() -> None:
    """Have the server that this process starts later answer logins on a lane."""
    runner_of = granian._wsgi_call_wrap

    def with_lane(application: Any, *how: Any) -> Runner:
        return LoginLane(runner_of(application, *how), runner_of(Observed(refused), *how))

    granian._wsgi_call_wrap = with_lane


class LoginLane:
    """A runner that leaves logins to another thread."""

    def __init__(self, run: Runner, refuse: Runner) -> None:
        self.run, self.refuse = run, refuse
        self.thread = ThreadPoolExecutor(1, "logins", initializer=let_others_go_first)
        self.places = BoundedSemaphore(WAITING_MAX)

    def __call__(self, connection: Any, request: Environ) -> Any:
        if not hashes(request):
            return self.run(connection, request)
        # Once this returns, Granian has let go of the body.
        request["wsgi.input"] = BytesIO(request["wsgi.input"].read())
        if not self.places.acquire(blocking=False):
            return self.refuse(connection, request)
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
    if not HASH.fullmatch(request["PATH_INFO"]) or request["REQUEST_METHOD"] != "POST":
        return False
    length = request.get("CONTENT_LENGTH", "")
    return length.isdecimal() and int(length) <= BODY_MAX


def refused(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """What is answered where too many wait."""
    detail = "Too many are logging in right now"
    answer = respond(Unavailable(detail, headers={"Retry-After": "1"}))
    start_response("503 Service Unavailable", [*answer.items()])
    return [answer.content]


def let_others_go_first() -> None:
    """Threads have a priority each on Linux; elsewhere it would be the whole process's."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
