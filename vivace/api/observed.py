"""What is noted of every request: an id for its log lines, its time, how it was answered."""

import logging
import os
import re
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.urls import Resolver404, resolve

from vivace import metrics
from vivace.accounts import keys, tokens
from vivace.api.stored import Application, Environ, Headers, Start
from vivace.logs import request_id
from vivace.problems import Unauthenticated

log = logging.getLogger("vivace.requests")

ID = re.compile(r"[\w-]{8,64}", re.ASCII)
NUMBERS = re.compile(r"/[0-9]+")
PARAMETERS = re.compile(r"<(?:\w+:)?(\w+)>")
ARRIVED = "vivace.arrived"
"""In a request that had to wait: since when, by `perf_counter`."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"
"""Whatever is not ours: strangers shall not make up labels."""


class Observed:
    """The application, and what is noted of what it answers."""

    def __init__(self, application: Application) -> None:
        self.application = application

    def __call__(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        began = environ.get(ARRIVED) or time.perf_counter()
        asked = environ.get("HTTP_X_REQUEST_ID", "")
        id_ = asked if ID.fullmatch(asked) else os.urandom(8).hex()
        request_id.set(id_)

        def start(status: str, headers: Headers, *error: Any) -> Any:
            seconds = time.perf_counter() - began
            note(environ, status[:3], seconds)
            told = [*headers, ("X-Request-Id", id_)]
            if is_admin(environ):
                told.append(("Server-Timing", f"app;dur={seconds * 1e3:.2f}"))
            return start_response(status, told, *error)

        return self.application(environ, start)


def note(environ: Environ, status: str, seconds: float) -> None:
    route = route_of(NUMBERS.sub("/1", environ["PATH_INFO"]))
    method = environ["REQUEST_METHOD"] if environ["REQUEST_METHOD"] in METHODS else OTHER
    count, time_of = counted(method, route, status)
    count()
    time_of(seconds)
    if settings.ACCESS_LOG:
        told = {"method": method, "route": route, "status": int(status), "ms": seconds * 1e3}
        log.info("%s %s %s %.1f ms", method, route, status, seconds * 1e3, extra={"told": told})


@lru_cache(maxsize=4_096)
def counted(method: str, route: str, status: str) -> tuple[Callable[[], None], Callable[..., None]]:
    """What counts one more, and what notes its time."""
    count = metrics.requests.labels(method, route, status)
    return count.inc, metrics.request_seconds.labels(route).observe


@lru_cache(maxsize=1_024)
def route_of(path: str) -> str:
    """The route of a path in which every number is a 1: `/api/v1/artists/{id}`."""
    if path.startswith(settings.STATIC_URL):
        return settings.STATIC_URL
    try:
        found = resolve(path.rstrip("/") if path.startswith("/api/") else path)
    except Resolver404:
        return OTHER
    if "admin" in found.namespaces:
        return "/admin/"
    return "/" + PARAMETERS.sub(r"{\1}", found.route)


def is_admin(environ: Environ) -> bool:
    """By the access token alone: an API key would cost a query."""
    _, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if ".admin." not in token or token.startswith(keys.PREFIX):
        return False
    try:
        return tokens.read(token.strip()).has("admin")
    except Unauthenticated:
        return False
