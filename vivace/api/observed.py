"""What is noted of every request: an id for its log lines, its time, how it was answered."""

import logging
import random
import re
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.urls import Resolver404, resolve

from vivace import metrics
from vivace.accounts import keys, tokens
from vivace.api.stored import OUTCOME, Application, Environ, Headers, Start
from vivace.logs import request_id
from vivace.problems import Unauthenticated
from vivace.tallies import Labels

log = logging.getLogger("vivace.requests")

ID = re.compile(r"[\w-]{8,64}", re.ASCII)
NUMBERS = re.compile(r"/[0-9]+")
PARAMETERS = re.compile(r"<(?:\w+:)?(\w+)>")
ARRIVED = "vivace.arrived"
"""In a request that had to wait: since when, by `perf_counter`."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
PATH_MAX = 200
"""Characters: of what is longer, so much says as well where it leads."""
OTHER = "other"
"""Whatever is not ours: strangers shall not make up labels."""


class Observed:
    """The application, and what is noted of what it answers."""

    def __init__(self, application: Application) -> None:
        self.application = application

    def __call__(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        began = environ.get(ARRIVED) or time.perf_counter()
        asked = environ.get("HTTP_X_REQUEST_ID", "")
        id_ = asked if ID.fullmatch(asked) else new_id()
        request_id.set(id_)

        def start(status: str, headers: Headers, *error: Any) -> Any:
            seconds = time.perf_counter() - began
            note(environ, status[:3], seconds)
            told = [*headers, ("X-Request-Id", id_)]
            if is_admin(environ):
                told.append(("Server-Timing", f"app;dur={seconds * 1e3:.2f}"))
            return start_response(status, told, *error)

        return self.application(environ, start)


def new_id() -> str:
    """To be told from others; nobody gains by guessing it."""
    return f"{random.getrandbits(64):016x}"


def note(environ: Environ, status: str, seconds: float) -> None:
    method = environ["REQUEST_METHOD"]
    labels = labels_of(
        method if method in METHODS else OTHER,
        NUMBERS.sub("/1", environ["PATH_INFO"])[:PATH_MAX],
        status,
        environ.get(OUTCOME, ""),
    )
    metrics.requests.note(labels, seconds)
    if settings.ACCESS_LOG:
        method, route, *_ = labels
        told = {"method": method, "route": route, "status": int(status), "ms": seconds * 1e3}
        log.info("%s %s %s %.1f ms", method, route, status, seconds * 1e3, extra={"told": told})


@lru_cache(maxsize=4_096)
def labels_of(method: str, path: str, status: str, outcome: str) -> Labels:
    return method, route_of(path), status, outcome


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
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    if ".admin." not in authorization:
        return False
    _, _, token = authorization.partition(" ")
    if token.startswith(keys.PREFIX):
        return False
    try:
        return tokens.read(token.strip()).has("admin")
    except Unauthenticated:
        return False
