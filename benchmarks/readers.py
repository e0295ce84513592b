"""People who read while something else goes on, and who know what is right.

They come on a schedule, whatever became of those before, and time counts from when they were due.
"""

import json
import math
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from vivace.lab import stacks

API = "/api/v1"
PAGES = tuple(
    f"{API}/{kind}?limit=50&sort={sort}{more}"
    for kind, sort in (("tracks", "title"), ("tracks", "-release_year"), ("albums", "title"))
    for more in ("", "&genre=rock", "&genre=jazz")
)
THINGS = tuple(f"{API}/{kind}/{n}" for kind in ("tracks", "albums", "artists") for n in range(1, 9))
MANY_IDS = ",".join(str(number) for number in range(1, 601))
# Too long a question to be kept, and what concerns one person alone.
NOT_KEPT = (f"{API}/artists?ids={MANY_IDS}", f"{API}/me", f"{API}/playlists")
PATHS = PAGES + THINGS + 5 * NOT_KEPT


class Reply(NamedTuple):
    status: int
    headers: Mapping[str, str]
    """By their names in small letters."""
    body: bytes


class Ask(NamedTuple):
    method: str
    path: str
    body: Any
    is_right: Callable[[Reply], bool]


class Seen(NamedTuple):
    at: float
    """When it was due, by `time.monotonic`."""
    took_ms: float
    """Since then."""
    asked: str
    """The method and path."""
    status: int
    """0 where no answer came."""
    wrong: str
    """What is wrong with the answer; empty where nothing is. A refusal is not wrong."""


class Person:
    """Someone with a connection that is kept, and an address of their own."""

    def __init__(self, base: str, source: str = "127.0.0.1", timeout: float = 30) -> None:
        where = urlsplit(base)
        self.connection = HTTPConnection(
            str(where.hostname), where.port, timeout=timeout, source_address=(source, 0)
        )
        self.headers: dict[str, str] = {}

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Raises `HTTPException`, `OSError`."""
        data = None if body is None else json.dumps(body)
        told = {"Content-Type": "application/json"} if data else {}
        try:
            self.connection.request(method, path, data, {**told, **self.headers, **(headers or {})})
            reply = self.connection.getresponse()
            told = {name.lower(): value for name, value in reply.getheaders()}
            return Reply(reply.status, told, reply.read())
        except BaseException:
            self.connection.close()
            raise

    def log_in(self, login: str) -> None:
        told = {"login": login, "password": stacks.PASSWORD}
        reply = self.ask("POST", f"{API}/auth/login", told)
        if reply.status != 200:
            raise RuntimeError(f"No login: {reply}")
        self.headers = {"Authorization": f"Bearer {json.loads(reply.body)['access_token']}"}


class Readers:
    """So many who each read every so many seconds, in a block."""

    def __init__(self, base: str, people: int = 20, every_s: float = 0.1) -> None:
        self.over = threading.Event()
        self.seen: list[Seen] = []
        self.threads: list[threading.Thread] = []
        # All are the same account, so that what is right is the same for all.
        readers = [Person(base, f"127.0.3.{number + 1}") for number in range(people)]
        readers[0].log_in(stacks.ACCOUNT.format(1))
        reads = [read_of(readers[0], path) for path in PATHS]
        for person in readers:
            person.headers = readers[0].headers
            self.add(person, lambda: random.choice(reads), every_s)

    def add(self, person: Person, draw: Callable[[], Ask], every_s: float) -> None:
        """Somebody else who asks what is drawn."""
        thread = threading.Thread(target=self.go_on, args=(person, draw, every_s), daemon=True)
        self.threads.append(thread)

    def __enter__(self) -> "Readers":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()

    def go_on(self, person: Person, draw: Callable[[], Ask], every_s: float) -> None:
        due = time.monotonic() + random.uniform(0, every_s)
        with closing(person.connection):
            while not self.over.wait(max(0.0, due - time.monotonic())):
                self.seen.append(seen_of(person, draw(), due))
                due += random.expovariate(1 / every_s)

    def between(self, began: float, ended: float) -> list[Seen]:
        """What came of all that was due then; known once the block has ended."""
        return [each for each in self.seen if began <= each.at < ended]


def read_of(person: Person, path: str) -> Ask:
    """To read what is there now. Raises `RuntimeError`."""
    right = person.ask("GET", path)
    if right.status != 200:
        raise RuntimeError(f"Not to be read: {path}: {right}")
    return Ask("GET", path, None, lambda reply: reply[::2] == right[::2])


def seen_of(person: Person, asked: Ask, due: float) -> Seen:
    try:
        reply = person.ask(asked.method, asked.path, asked.body)
        status, wrong = reply.status, "" if asked.is_right(reply) else fault(reply)
    except (HTTPException, OSError) as error:
        status, wrong = 0, f"no answer: {type(error).__name__}"
    took_ms = (time.monotonic() - due) * 1e3
    return Seen(due, took_ms, f"{asked.method} {asked.path}", status, wrong)


def fault(reply: Reply) -> str:
    """What is wrong with an answer that is not the right one, and no refusal either."""
    if reply.status != 503:
        return f"status {reply.status}" if reply.status >= 300 else "another content"
    if reply.headers.get("content-type") != "application/problem+json":
        return "503 of another kind"
    return "" if reply.headers.get("retry-after") else "503 without Retry-After"


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest that so large a share of all does not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def told(what: str, seen: Sequence[Seen]) -> int:
    """Print it in a line; how many failed: refused ones included."""
    failed = [each for each in seen if each.wrong or each.status == 503]
    reasons = Counter(each.wrong or "refused" for each in failed)
    took = [each.took_ms for each in seen]
    print(
        f"{what:<28}{len(seen):>8,} requests{len(failed):>7,} failed"
        f"   p50 {percentile(took, 0.5):7.1f} ms   p99 {percentile(took, 0.99):7.1f} ms"
        f"   max {max(took, default=0):7.1f} ms",
        *(f"\n    {count} × {reason}" for reason, count in reasons.items()),
        sep="",
        flush=True,
    )
    return len(failed)
