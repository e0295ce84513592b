"""Answers that are kept, asked before Django is.

What lists and things of the catalogue answered is kept as it went out, under the generation that
was read before it was made. A request asks, in this order: who is it (a signed token costs no
query), which generation is it, does the client have the answer already (304), is it kept here,
is it kept in Redis; and only then Django. Nothing is ever removed because of a change: a change
moves the generation on, and what was kept under another one is no longer asked for.
"""

import gzip
import hmac
import logging
import re
import threading
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from django.conf import settings
from django.core.cache import caches
from django.db import Error
from django.http.request import split_domain_port, validate_host

import vivace
from vivace.accounts.bearer import identify
from vivace.api.conditional import REMEMBERED_MAX, matches
from vivace.catalogue import caching
from vivace.problems import Unauthenticated

log = logging.getLogger(__name__)

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
Start = Callable[..., Any]
Application = Callable[[Environ, Start], Iterable[bytes]]

PATHS = re.compile(r"/api/v1/(artists|albums|tracks|genres)(/[0-9]+(/(albums|tracks))?)?/?")
READS = frozenset({"GET", "HEAD"})
JSON = frozenset({"application/json", "application/*", "*/*"})
NOT_WANTED = re.compile(r"q=0(\.0*)?$")
SINGLE = re.compile(r"/[0-9]+/?$")
QUESTION_MAX = 3_000
"""Characters: what is longer is no question that many ask, and would fill the memory of them."""

KEPT_MAX = 4 << 20
"""Bytes of an answer; of a larger one the validator alone is kept."""
PACKED_MIN = 1_000
"""Bytes from which on an answer is worth compressing: it then saves a packet."""
OUTCOME = "vivace.stored_answer"
"""In a request that such an answer was given to: how that came about."""
FORM = 2
"""Goes up when what is kept, or stands for it, gets another form: workers of two versions share it
while they take turns, and the older one would break on the newer one's."""
LOCKS = 64
CLAIM = ""
"""Stands in Redis for an answer that somebody makes."""


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
            # Others who ask for the same wait for it instead of making it, too; beside several
            # threads, at times for what stands behind the same lock.
            with self.locks[hash(key) % LOCKS]:
                found = self.found(key, environ, anywhere=True)
                if found is None:
                    return self.made(key, environ, start_response)
        if is_known(found, environ):
            return known(found, start_response)
        if packs(environ) and found.body and len(found.body) >= PACKED_MIN:
            if not found.packed:
                found = found._replace(packed=gzip.compress(found.body, 6, mtime=0))
                self.keep(key, found)
            return packed(found, environ, start_response)
        return whole(found.body, found.headers, environ, start_response)

    def found(self, key: str, environ: Environ, *, anywhere: bool = False) -> Answer | None:
        """The answer where it is kept: whole, or as much of it as this request needs.

        Here, or in Redis as well; where it is not there either, others wait for this process.
        """
        outcome, kept = "kept", self.memory.get(key)
        if kept is None and anywhere and self.shared and (kept := self.shared.get(key)):
            self.memory.set(key, kept)
            outcome = "shared"
        if kept and is_known(kept, environ):
            outcome = "known"
        elif kept is None or kept.body is None:
            return None
        environ[OUTCOME] = outcome
        return kept  # type: ignore[no-any-return]

    def made(self, key: str, environ: Environ, start_response: Start) -> Iterable[bytes]:
        """What Django answers, which is kept if it is whole."""
        told: list[Any] = []

        def note(status: str, headers: Headers, exc_info: Any = None) -> None:
            told[:] = status, headers, exc_info

        # All of it, whatever the client has: others will ask for it.
        asked = environ | {"REQUEST_METHOD": "GET"}
        asked.pop("HTTP_IF_NONE_MATCH", None)
        response = self.application(asked, note)
        status, headers, exc_info = told
        tag = next((value for name, value in headers if name == "ETag"), None)
        if status != "200 OK" or not tag or any(name == "Set-Cookie" for name, _ in headers):
            if self.shared:
                self.shared.give_up(key)
            start_response(status, headers, *([exc_info] if exc_info else []))
            return response
        try:
            body = b"".join(response)
        finally:
            response.close()  # type: ignore[attr-defined]
        environ[OUTCOME] = "made"
        answer = Answer(tag, with_encodings(headers), body)
        self.keep(key, answer if len(body) <= KEPT_MAX else answer._replace(body=None))
        if is_known(answer, environ):
            return known(answer, start_response)
        return whole(body, answer.headers, environ, start_response)

    def keep(self, key: str, answer: Answer) -> None:
        self.memory.set(key, answer)
        if self.shared:
            self.shared.set(key, answer)


# --- What is asked ----------------------------------------------------------------------------


def key_of(environ: Environ) -> str | None:
    """Under what the answer is kept; None where none is, or where Django has to say no."""
    told = (
        environ["REQUEST_METHOD"],
        environ["PATH_INFO"],
        environ.get("QUERY_STRING", ""),
        environ.get("HTTP_ACCEPT", ""),
        environ.get("HTTP_HOST", ""),
    )
    if sum(map(len, told)) > QUESTION_MAX or environ.get("CONTENT_LENGTH", "0") not in {"", "0"}:
        return None
    asked = question(*told)
    if asked is None:
        return None
    try:
        if identify(environ.get("HTTP_AUTHORIZATION")) is None and not settings.PUBLIC_READ:
            return None
        generation = caching.current()
    except (Unauthenticated, Error):
        return None
    if generation is None:
        return None
    # What is in the catalogue everyone sees alike who may read it at all.
    origin = environ.get("HTTP_ORIGIN", "")
    return f"{generation}{asked}{origin if origin in settings.CORS_ORIGINS else ''}"


@lru_cache(maxsize=4_096)
def question(method: str, path: str, query: str, accept: str, host: str) -> str | None:
    """The same text for the same question, however it is put; None for what is not kept."""
    if (
        method not in READS
        or not PATHS.fullmatch(path)
        # What is not ASCII Django reads in its own way.
        or not query.isascii()
        or not takes_json(accept)
        or not is_known_host(host)
    ):
        return None
    # Bytes that are not UTF-8 stay what they are: no two questions become one.
    pairs = parse_qsl(query, keep_blank_values=True, errors="surrogateescape")
    if len({name for name, _ in pairs}) < len(pairs):
        return None
    asked = f"{path.rstrip('/')}?{urlencode(sorted(pairs), errors='surrogateescape')}"
    # With the key, as answers hold cursors that it has sealed.
    told = f"{vivace.__version__} {FORM} {asked}".encode()
    return hmac.digest(settings.SECRET_KEY.encode(), told, "sha256").hex()[:32]


def wanted(header: str) -> frozenset[str]:
    """What a header of the kind of `Accept` names, but for what it refuses (RFC 9110, 12.4.2)."""
    found = (part.strip().lower().partition(";") for part in header.split(","))
    return frozenset(name.strip() for name, _, how in found if not NOT_WANTED.search(how.strip()))


def takes_json(accept: str) -> bool:
    """Whether JSON is what the client gets. Where that is doubtful, Django decides."""
    if not accept:
        return True
    asked = wanted(accept)
    named = len(accept.split(","))
    return bool(asked & JSON) and len(asked) == named and not any("ndjson" in a for a in asked)


def is_known_host(host: str) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


def packs(environ: Environ) -> bool:
    """Whether the answer is to be compressed.

    Not that of a single thing: its validator would be a weak one, which no If-Match takes.
    """
    accept: str = environ.get("HTTP_ACCEPT_ENCODING", "")
    takes = len(accept) <= REMEMBERED_MAX and takes_gzip(accept)
    return takes and not SINGLE.search(environ["PATH_INFO"])


@lru_cache(maxsize=256)
def takes_gzip(accept: str) -> bool:
    return "gzip" in wanted(accept)


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


def known(answer: Answer, start_response: Start) -> Iterable[bytes]:
    kept = [each for each in answer.headers if each[0] != "Content-Type"]
    start_response("304 Not Modified", kept)
    return []


def packed(answer: Answer, environ: Environ, start_response: Start) -> Iterable[bytes]:
    # Other bytes, and so another strong validator; as a weak one it names both.
    headers = [each for each in answer.headers if each[0] != "ETag"]
    headers += [("ETag", f"W/{answer.tag}"), ("Content-Encoding", "gzip")]
    return whole(answer.packed, headers, environ, start_response)


def whole(
    body: bytes | None, headers: Headers, environ: Environ, start_response: Start
) -> Iterable[bytes]:
    body = body or b""
    start_response("200 OK", [*headers, ("Content-Length", str(len(body)))])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


# --- Shared with other processes --------------------------------------------------------------


class Shared:
    """The answers in Redis, as long as that answers in time itself.

    It is there to save work. Where it takes longer, it is left alone, each time for longer.
    """

    SLOW_S = 0.02
    REST_S, REST_MAX_S = 2.0, 60.0
    WAIT_S, LOOK_S = 0.05, 0.002
    """For an answer that another process makes, and between two looks."""
    CLAIM_SECONDS = 1
    """Whoever makes an answer may end before it is made."""

    def __init__(self) -> None:
        self.rest_s = self.REST_S
        self.rests_until = 0.0

    def get(self, key: str) -> Answer | None:
        """The answer; None to the first of all processes that asks, which is to make it.

        The others wait for that a moment, and then are told the same.
        """
        cache: Any = caches["default"]
        found = self.asked(lambda: cache.get_or_add(key, CLAIM, self.CLAIM_SECONDS))
        until = time.monotonic() + self.WAIT_S
        while found == CLAIM and time.monotonic() < until:
            time.sleep(self.LOOK_S)
            found = self.asked(lambda: cache.get(key))
        return None if found == CLAIM else found

    def set(self, key: str, answer: Answer) -> None:
        cache: Any = caches["default"]
        self.asked(lambda: cache.put(key, answer, settings.SHARED_SECONDS), heard=False)

    def give_up(self, key: str) -> None:
        """Whoever comes now need not wait: there is nothing to keep.

        What another process made in spite of the claim goes along.
        """
        self.asked(lambda: caches["default"].delete(key))

    def asked(self, ask: Callable[[], Any], *, heard: bool = True) -> Any:
        """What Redis says; None while it rests. Only what it was `heard` to say shows it well."""
        began = time.monotonic()
        if began < self.rests_until:
            return None
        try:
            found = ask()
        except Exception as error:  # noqa: BLE001 - whatever it is, there is the database
            self.rest(type(error).__name__)
            return None
        if (took := time.monotonic() - began) > self.SLOW_S:
            self.rest(f"took {took * 1e3:.0f} ms")
        elif heard:
            self.rest_s = self.REST_S
        return found

    def rest(self, reason: str) -> None:
        self.rests_until = time.monotonic() + self.rest_s
        log.warning("Answers are not shared for %g seconds, Redis: %s", self.rest_s, reason)
        self.rest_s = min(2 * self.rest_s, self.REST_MAX_S)
