"""PostgreSQL is killed while people read, write and log in, and comes back: what are they told?

python -m benchmarks.outage [--stack nginx|serve] [--kills 3] [--seconds 5] [--people 20]

On NGINX and Gunicorn as deploy/ has them, or on `vivace serve`. Its main process is killed with
SIGKILL, and started again on the same files after so many seconds. Each answer is to be right, or a
503 as a problem document with Retry-After within 200 ms, and all are to be right again within 2 s
of when it takes connections. Exits with 1 where that is not so, or a process of Vivace's was
started anew.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import NamedTuple

import psutil

from benchmarks import readers, sites
from benchmarks.readers import API, Ask, Person, Readers, Reply, percentile
from benchmarks.trials import Trial
from vivace.lab import servers, stacks
from vivace.lab.trials import Measured

WORKERS = 2
REFUSED_MS, NORMAL_S = 200.0, 2.0
CALM_S = 5.0


class Served(NamedTuple):
    base: str
    postgresql: servers.Program
    pids: Callable[[], set[int]]
    """Of all processes of Vivace's."""


@contextmanager
def behind_nginx() -> Iterator[Served]:
    with sites.site(1, 2, workers=WORKERS) as at:
        yield Served(at.base, at.postgresql, at.nodes[0].pids)


@contextmanager
def serve() -> Iterator[Served]:
    with ExitStack() as stack:
        folder = stack.enter_context(servers.owned_folder())
        postgresql, database = sites.running_postgresql(stack)
        own = {
            "DATABASE_URL": database,
            "VIVACE_DATA_DIR": str(folder),
            "VIVACE_SECRET_KEY": stacks.SECRET_KEY,
            "VIVACE_LOGIN_LIMIT": "100000/300",
        }
        sites.filled(own, 2)
        before = {child.pid for child in psutil.Process().children()}
        port = stack.enter_context(stacks.vivace_serve(own, folder, WORKERS))
        (watched,) = {child.pid for child in psutil.Process().children()} - before

        def pids() -> set[int]:
            return {each.pid for each in psutil.Process(watched).children(recursive=True)}

        yield Served(f"http://{servers.LOOPBACK}:{port}", postgresql, pids)


class Outage(NamedTuple):
    killed: float
    back: float
    """When it took connections again."""
    over: float


def drawn_add() -> Callable[[], Ask]:
    numbers = count(1)
    return lambda: Ask("POST", f"{API}/artists", {"name": f"New {next(numbers)}"}, is_made)


def is_made(reply: Reply) -> bool:
    return reply.status == 201


def drawn_login() -> Ask:
    body = {"login": stacks.ACCOUNT.format(2), "password": stacks.PASSWORD}
    return Ask("POST", f"{API}/auth/login", body, lambda reply: reply.status == 200)


def outages(postgresql: servers.Program, kills: int, seconds: float) -> Iterator[Outage]:
    for _ in range(kills):
        time.sleep(CALM_S)
        killed = time.monotonic()
        postgresql.kill()
        time.sleep(seconds)
        postgresql.start()
        back = time.monotonic()
        time.sleep(CALM_S)
        yield Outage(killed, back, time.monotonic())


class Told(NamedTuple):
    """What people were told of an outage."""

    refused: int
    """While it was gone."""
    slowest_ms: float
    """Of these, and of those that were on their way when it went."""
    normal_s: float
    """When the last was refused, after its return."""


def told(people: Readers, outage: Outage) -> Told:
    meanwhile = people.between(outage.killed, outage.back)
    readers.told("while it was gone", meanwhile)
    after = people.between(outage.back, outage.over)
    readers.told("when it was back", after)
    normal = max(
        (each.at + each.took_ms / 1e3 - outage.back for each in after if each.status == 503),
        default=0.0,
    )
    refused = [
        each.took_ms
        for each in people.seen
        if each.status == 503
        and each.at < outage.back
        and each.at + each.took_ms / 1e3 >= outage.killed
    ]
    print(
        f"    refused within p50 {percentile(refused, 0.5):.1f} ms,"
        f" p99 {percentile(refused, 0.99):.1f} ms, at most {max(refused, default=0):.1f} ms;"
        f" the last refusal {normal:.2f} s after its return"
    )
    return Told(len(refused), max(refused, default=0.0), normal)


STACKS = {"nginx": behind_nginx, "serve": serve}
WORDS = {"nginx": sites.WORDS, "serve": "`vivace serve`, PostgreSQL"}


def main() -> int:
    trial = Trial("outage", __doc__)
    trial.parser.add_argument("--stack", choices=STACKS, default="nginx")
    trial.parser.add_argument("--kills", type=int, default=3)
    trial.parser.add_argument("--seconds", type=float, default=5)
    trial.parser.add_argument("--people", type=int, default=20)
    asked = trial.parsed()
    with STACKS[asked.stack]() as at:
        people = Readers(at.base, asked.people)
        editor = Person(at.base)
        editor.log_in(sites.EDITOR)
        people.add(editor, drawn_add(), 0.5)
        people.add(Person(at.base), drawn_login, 0.5)
        before = at.pids()
        with people:
            began = time.monotonic()
            outages_ = [*outages(at.postgresql, asked.kills, asked.seconds)]
        anew = at.pids() - before
    readers.told("before", people.between(began, outages_[0].killed))
    found = [told(people, outage) for outage in outages_]
    # Of the calm before and after, too: what was on its way is due before.
    wrong = Counter(f"{each.asked[:60]}: {each.wrong}" for each in people.seen if each.wrong)
    print(*(f"{number} × {what}" for what, number in wrong.items()), sep="\n")
    measured = [
        Measured(what="wrong answers", value=wrong.total(), at_most=0),
        Measured(
            what="slowest refusal while PostgreSQL was gone", unit="ms", at_most=REFUSED_MS,
            value=max(each.slowest_ms for each in found),
        ),
        Measured(
            what="last refusal after PostgreSQL's return", unit="s", at_most=NORMAL_S,
            value=max(each.normal_s for each in found),
        ),
        Measured(what="processes started anew", value=len(anew), at_most=0),
    ]  # fmt: skip
    return trial.concluded(
        "postgresql",
        WORDS[asked.stack],
        measured,
        [] if all(each.refused for each in found) else ["in one nobody was refused anything"],
        of="" if asked.stack == "nginx" else asked.stack,
        programs=stacks.of_all_servers(),
    )


if __name__ == "__main__":
    sys.exit(main())
