"""Answers that are kept, asked before Django is.

What lists and things of the catalogue answered is kept as it went out, under the generation that
was read before it was made. A request asks, in this order: who is it (a signed token costs no
query), which generation is it, does the client have the answer already (304), is it kept here,
is it kept in Redis; and only then Django. Nothing is ever removed because of a change: a change
moves the generation on, and what was kept under another one is no longer asked for.
"""

import gzip
import hashlib
import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from django.conf import settings
from django.core.cache import caches
from django.db import DatabaseError
from django.http.request import split_domain_port, validate_host

import vivace
from vivace.accounts.bearer import identify
from vivace.api.conditional import matches
from vivace.catalogue import caching
from vivace.problems import Unauthenticated

log = logging.getLogger(__name__)

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
Start = Callable[..., Any]
Application = Callable[[Environ, Start], Iterable[bytes]]

PATHS = re.compile(r"/api/v1/(artists|albums|tracks|genres)(/[0-9]+(/(albums|tracks))?)?/?")
READS = frozenset({"GET", "HEAD"})
ANYTHING = frozenset({"", "*/*", "application/json"})
REFUSED = re.compile(r"q=0(\.0*)?\s*(,|$)")

KEPT_MAX = 4 << 20
"""Bytes of an answer; of a larger one the validator alone is kept."""
PACKED_MIN = 1_000
"""Bytes from which on an answer is worth compressing: it then saves a packet."""
LOCKS = 64


class Answer(NamedTuple):
    """A 200 as it was given."""

    tag: str
    headers: Headers
    body: bytes | None
    """None where it is too large to be kept."""
    packed: bytes | None = None
    """The body compressed, once somebody asked for that."""


class StoredAnswers:
    """The application, asked only for what is not kept."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.memory = caches["answers"]
        self.shared = Shared() if settings.REDIS_URL else None
        self.locks = [threading.Lock() for _ in range(LOCKS)]

    def __call__(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        key = key_of(environ)
        if key is None:
            return self.application(environ, start_response)
        found = self.found(key, environ)
        if found is None:
            with self.one_at_a_time(key):
                # Whoever was first has kept it by now.
                found = self.found(key, environ)
                if found is None:
                    return self.made(key, environ, start_response)
        if packs(environ) and found.body and not found.packed and len(found.body) >= PACKED_MIN:
            found = found._replace(packed=gzip.compress(found.body, 6, mtime=0))
            self.keep(key, found)
        return given(found, environ, start_response)

    def found(self, key: str, environ: Environ) -> Answer | None:
        """The answer where it is kept: whole, or as much of it as this request needs."""
        kept: Answer | None = self.memory.get(key)
        if kept is None and self.shared and (kept := self.shared.get(key)):
            self.memory.set(key, kept)
        if kept and (kept.body is not None or is_known(kept, environ)):
            return kept
        return None

    def made(self, key: str, environ: Environ, start_response: Start) -> Iterable[bytes]:
        """What Django answers, which is kept if it is whole."""
        told: list[Any] = []

        def note(status: str, headers: Headers, exc_info: Any = None) -> None:
            told[:] = status, headers, exc_info

        # All of it, whatever the client has: others will ask for it.
        whole = environ | {"REQUEST_METHOD": "GET"}
        whole.pop("HTTP_IF_NONE_MATCH", None)
        response = self.application(whole, note)
        status, headers, exc_info = told
        tag = next((value for name, value in headers if name == "ETag"), None)
        if status != "200 OK" or not tag or any(name == "Set-Cookie" for name, _ in headers):
            start_response(status, headers, *([exc_info] if exc_info else []))
            return response
        try:
            body = b"".join(response)
        finally:
            response.close()  # type: ignore[attr-defined]
        answer = Answer(tag, with_encodings(headers), body)
        self.keep(key, answer if len(body) <= KEPT_MAX else answer._replace(body=None))
        return given(answer, environ, start_response)

    def keep(self, key: str, answer: Answer) -> None:
        self.memory.set(key, answer)
        if self.shared:
            self.shared.set(key, answer)

    @contextmanager
    def one_at_a_time(self, key: str) -> Iterator[None]:
        """Others who ask for the same in this process wait instead of making it, too."""
        with self.locks[hash(key) % LOCKS]:
            yield


# --- What is asked ----------------------------------------------------------------------------


def key_of(environ: Environ) -> str | None:
    """Under what the answer is kept; None where none is, or where Django has to say no."""
    asked = normal(environ["PATH_INFO"], environ.get("QUERY_STRING", ""))
    if (
        asked is None
        or environ["REQUEST_METHOD"] not in READS
        or environ.get("CONTENT_LENGTH", "0") not in {"", "0"}
        or not takes_json(environ.get("HTTP_ACCEPT", ""))
        or not is_known_host(environ.get("HTTP_HOST", ""))
    ):
        return None
    try:
        if identify(environ.get("HTTP_AUTHORIZATION")) is None and not settings.PUBLIC_READ:
            return None
        generation = caching.current()
    except (Unauthenticated, DatabaseError):
        return None
    if generation is None:
        return None
    # What is in the catalogue everyone sees alike who may read it at all.
    origin = environ.get("HTTP_ORIGIN", "")
    return f"{generation}{asked}{origin if origin in settings.CORS_ORIGINS else ''}"


@lru_cache(maxsize=4_096)
def normal(path: str, query: str) -> str | None:
    """The same text for the same question, however it is written; None for what is not kept."""
    if not PATHS.fullmatch(path):
        return None
    # Bytes that are not UTF-8 stay what they are: no two questions become one.
    pairs = parse_qsl(query, keep_blank_values=True, errors="surrogateescape")
    if len({name for name, _ in pairs}) < len(pairs):
        return None
    asked = f"{path.rstrip('/')}?{urlencode(sorted(pairs), errors='surrogateescape')}"
    return hashlib.sha256(f"{vivace.__version__} {asked}".encode()).hexdigest()[:32]


@lru_cache(maxsize=256)
def takes_json(accept: str) -> bool:
    """Whether JSON is what the client gets. Where that is doubtful, Django decides."""
    asked = accept.lower()
    if asked in ANYTHING:
        return True
    if "ndjson" in asked or REFUSED.search(asked):
        return False
    return "application/json" in asked or "*/*" in asked


@lru_cache(maxsize=256)
def is_known_host(host: str) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


def packs(environ: Environ) -> bool:
    return "gzip" in environ.get("HTTP_ACCEPT_ENCODING", "")


# --- What is answered -------------------------------------------------------------------------


def with_encodings(headers: Headers) -> Headers:
    """The headers of an answer that comes compressed or not, as the client asks."""
    vary = ", ".join(value for name, value in headers if name == "Vary")
    return [
        *((name, value) for name, value in headers if name not in {"Vary", "Content-Length"}),
        ("Vary", f"{vary}, Accept-Encoding" if vary else "Accept-Encoding"),
    ]


def is_known(answer: Answer, environ: Environ) -> bool:
    """Whether the client has it already (RFC 9110, section 13.1.2)."""
    asked: str = environ.get("HTTP_IF_NONE_MATCH", "")
    return asked != "" and matches(asked, answer.tag, weak=True)


def given(answer: Answer, environ: Environ, start_response: Start) -> Iterable[bytes]:
    if is_known(answer, environ):
        kept = [each for each in answer.headers if each[0] != "Content-Type"]
        start_response("304 Not Modified", kept)
        return []
    body, headers = answer.body or b"", answer.headers
    if answer.packed and packs(environ):
        body = answer.packed
        # Other bytes, and so another strong validator; as a weak one it names both.
        headers = [each for each in headers if each[0] != "ETag"]
        headers += [("ETag", f"W/{answer.tag}"), ("Content-Encoding", "gzip")]
    start_response("200 OK", [*headers, ("Content-Length", str(len(body)))])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


# --- Shared with other processes --------------------------------------------------------------


class Shared:
    """The answers in Redis, as long as that answers in time itself.

    It is there to save work. Where it takes longer, it is left alone for a while.
    """

    SLOW_S = 0.02
    REST_S = 2.0

    def __init__(self) -> None:
        self.rests_until = 0.0

    def get(self, key: str) -> Answer | None:
        found: Answer | None = self.asked(lambda: caches["default"].get(key))
        return found

    def set(self, key: str, answer: Answer) -> None:
        self.asked(lambda: caches["default"].set(key, answer, settings.SHARED_SECONDS))

    def asked(self, ask: Callable[[], Any]) -> Any:
        began = time.monotonic()
        if began < self.rests_until:
            return None
        try:
            found = ask()
        except Exception as error:  # noqa: BLE001 - whatever it is, there is the database
            self.rest(began, type(error).__name__)
            return None
        if (took := time.monotonic() - began) > self.SLOW_S:
            self.rest(began, f"took {took * 1e3:.0f} ms")
        return found

    def rest(self, began: float, reason: str) -> None:
        self.rests_until = began + self.REST_S
        log.warning("Answers are not shared for %g seconds, Redis: %s", self.REST_S, reason)
