"""Probes: requests of one kind that arrive at a rate for some seconds.

    python -m load.probes --host http://127.0.0.1:8000

It reads an order a line and answers each with a line (`vivace.lab.probed`); `vivace lab knee`
gives the orders. One process lives through them all, with the same connections.

What is asked is what the people of `load.locustfile` ask, noted while some of them browse, and
every answer is checked as theirs are. The noted requests are sent without Locust, which spends
more time on one than a fast server does.

Arrivals are a Poisson process: at random moments, as those of people who know nothing of each
other, as many as the rate says. They come in clumps, which is what makes a queue: at even
intervals a server would show none until it is full.
"""

import gc
import math
import random
import sys
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import gevent
import msgspec
from gevent.pool import Group
from gevent.queue import LifoQueue
from locust.env import Environment
from locust.exception import CatchResponseError

from load import locustfile
from load.connections import NO_ANSWER, Connection, head
from load.locustfile import API, Page
from load.visitors import REFUSED, Answer, checked, right
from vivace.lab.probed import CONNECTIONS, Order, Sent

PEOPLE = 10
PAGES = 4
"""Of each kind that everyone reads at first, to have something to look up."""
NOTED = 300
NOTING_SECONDS = 3.0
"""Requests of an operation that are noted, or as many as are asked in this time."""
TOKEN_SECONDS = 120
"""Then people log in again, between two probes: a token is good for five minutes."""
READY_SECONDS = 60
ANSWER_SECONDS = 10
"""For answers that are still out when the last request was sent."""
HEADWAY_SECONDS = 0.05
TIMER_SECONDS = 0.02


# --- What is asked ----------------------------------------------------------------------------


class Noted(NamedTuple):
    """A request, and how its answer is told from a wrong one."""

    name: str
    head: bytes
    """Up to the headers that change."""
    body: bytes
    kind: Any
    wrong: Callable[[Any], str] = right
    status: int = 200
    person: "Noter | None" = None
    """Who is logged in; None where nobody need be."""

    def message(self) -> bytes:
        token = self.person.headers.get("Authorization") if self.person else None
        logged_in = f"Authorization: {token}\r\n".encode() if token else b""
        return b"%b%b\r\n%b" % (self.head, logged_in, self.body)

    def fault(self, status: int, body: bytes) -> str:
        """What is wrong with an answer that is no refusal; empty where nothing is."""
        try:
            checked(status, body, self.status, self.kind, self.wrong)
        except CatchResponseError as error:
            return str(error)
        return ""


class Noter(locustfile.Listener):
    """A listener of whom every request is noted."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.notes: list[Noted] = []

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
        method, _, _ = name.partition(" ")
        body = b"" if json is None else msgspec.json.encode(json)
        first = head(method, str(self.host), API + path, body)
        self.notes.append(Noted(name, first, body, kind, wrong, status, self))
        return super().ask(name, path, kind, wrong, json=json, status=status)


class People:
    """Some who log in and browse, and what they ask."""

    def __init__(self, environment: Environment) -> None:
        self.people = [Noter(environment) for _ in range(PEOPLE)]
        self.logged_in_at = 0.0
        self.by_operation: dict[str, list[Noted]] = {}

    def asking(self, order: Order) -> Sequence[Noted]:
        """Requests of an operation, with tokens that are good for a while."""
        with in_time():
            if not self.logged_in_at:
                self.come()
            if time.monotonic() - self.logged_in_at > TOKEN_SECONDS:
                self.log_in()
            if order.operation not in self.by_operation:
                self.by_operation[order.operation] = self.note(order)
        return self.by_operation[order.operation]

    def come(self) -> None:
        random.seed(1)
        self.log_in()
        for person in self.people * PAGES:
            person.browse_tracks()
            person.browse_albums()
            person.browse_artists()

    def log_in(self) -> None:
        for person in self.people:
            while not person.log_in():
                gevent.sleep(locustfile.RETRY_SECONDS)
        self.logged_in_at = time.monotonic()

    def note(self, order: Order) -> list[Noted]:
        """What they ask when they do it again and again, each in turn."""
        random.seed(order.operation)
        until = time.monotonic() + NOTING_SECONDS
        found: list[Noted] = []
        for number in range(NOTED):
            person = self.people[number % PEOPLE]
            person.notes.clear()
            getattr(person, order.task)()
            found += [note for note in person.notes if note.name == order.operation]
            if time.monotonic() > until:
                break
        return found


class Idlers:
    """Of a server that does nothing: what is measured of it is the generator's own share."""

    def __init__(self, base: str) -> None:
        self.requests = [Noted("GET /", head("GET", base, "/"), b"", Page[msgspec.Raw])]

    def asking(self, order: Order) -> Sequence[Noted]:
        return self.requests


@contextmanager
def in_time() -> Iterator[None]:
    # None of `NO_ANSWER`, which whoever asks takes for the server's doing.
    with gevent.Timeout(READY_SECONDS, RuntimeError("people could not log in and browse")):
        yield


# --- How it is sent ---------------------------------------------------------------------------


class Arrivals:
    """The arrivals of one order."""

    def __init__(self, connections: LifoQueue) -> None:
        self.connections = connections
        self.under_way = Group()
        self.latencies_ms: list[float] = []
        self.reasons: Counter[str] = Counter()
        self.refused_ms: list[float] = []
        self.lags_ms: list[float] = [0.0]

    def send(self, order: Order, asking: Sequence[Noted]) -> Sent:
        moments = order.moments()
        drawn = random.Random(order.seed).choices(asking, k=len(moments)) if asking else []
        cpu = self.arrive(moments, drawn)
        self.under_way.join(timeout=ANSWER_SECONDS)
        self.under_way.kill()
        lost = f"no answer in {ANSWER_SECONDS} s" if asking else "there was nothing to ask for"
        return self.summed(sum(moment >= 0 for moment in moments), cpu, lost)

    def arrive(self, moments: Sequence[float], asking: Sequence[Noted]) -> float:
        """The cores that were used, while what is asked was sent at its moment."""
        if not asking:
            return 0.0
        timer = gevent.spawn(self.watch_timer)
        used, begun = time.process_time(), time.perf_counter()
        first = begun + HEADWAY_SECONDS - moments[0]
        for moment, note in zip(moments, asking, strict=False):
            due = first + moment
            gevent.sleep(max(0.0, due - time.perf_counter()))
            self.under_way.spawn(self.ask, note, due, counts=moment >= 0)
        cpu = (time.process_time() - used) / (time.perf_counter() - begun)
        timer.kill()
        return cpu

    def ask(self, note: Noted, due: float, *, counts: bool) -> None:
        connection = self.connections.get()
        try:
            status, body = connection.ask(note.message())
            took_s = time.perf_counter() - due
            refused = status in REFUSED
            reason = "" if refused else note.fault(status, body)
        except NO_ANSWER as error:
            took_s = time.perf_counter() - due
            refused, reason = False, f"no answer: {type(error).__name__}"
        except gevent.GreenletExit:
            return
        finally:
            self.connections.put(connection)
        if counts:
            self.latencies_ms.append(took_s * 1_000)
            self.refused_ms += [took_s * 1_000] if refused else []
            self.reasons.update([reason] if reason else [])

    def watch_timer(self) -> None:
        """How late a timer is: a request would have been sent as late."""
        while True:
            due = time.perf_counter() + TIMER_SECONDS
            gevent.sleep(TIMER_SECONDS)
            self.lags_ms.append((time.perf_counter() - due) * 1_000)

    def summed(self, count: int, cpu: float, why_lost: str) -> Sent:
        lost = count - len(self.latencies_ms)
        if lost:
            self.reasons[why_lost] += lost
        took = self.latencies_ms + [ANSWER_SECONDS * 1_000.0] * lost
        return Sent(
            requests=count,
            failures=self.reasons.total(),
            refusals=len(self.refused_ms),
            refused_p99_ms=percentile(self.refused_ms, 99) if self.refused_ms else 0.0,
            reason=max(self.reasons, key=lambda reason: self.reasons[reason], default=""),
            p50_ms=percentile(took, 50),
            p99_ms=percentile(took, 99),
            generator_cpu=cpu,
            generator_lag_ms=percentile(self.lags_ms, 99),
        )


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of some values that so many percent do not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


# --- The process ------------------------------------------------------------------------------


def main() -> None:
    options = parsed()
    connections = LifoQueue()
    for _ in range(CONNECTIONS):
        connections.put(Connection(options.host, ANSWER_SECONDS))
    whoever = Idlers(options.host) if options.idle else People(environment(options))
    # What is there by now is never garbage, and looking it through would hold up the arrivals.
    gc.collect()
    gc.freeze()
    for line in sys.stdin.buffer:
        order = msgspec.json.decode(line, type=Order)
        sent = Arrivals(connections).send(order, whoever.asking(order))
        sys.stdout.buffer.write(msgspec.json.encode(sent) + b"\n")
        sys.stdout.buffer.flush()


def parsed() -> Namespace:
    parser = ArgumentParser(prog="python -m load.probes")
    parser.add_argument("--host", required=True)
    parser.add_argument("--account", default="demo", help="{} stands for a person's number")
    parser.add_argument("--account-password", default="vivace-demo")
    parser.add_argument("--idle", action="store_true", help="the server does nothing")
    return parser.parse_args()


def environment(options: Namespace) -> Environment:
    """What Locust's users need, without Locust running them."""
    Noter.host = options.host
    options.processes = 1
    return Environment(user_classes=[Noter], host=options.host, parsed_options=options)


if __name__ == "__main__":
    main()
