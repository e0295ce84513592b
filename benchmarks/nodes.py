"""Three nodes behind NGINX, a thousand people, and things go wrong or not: who notices?

python -m benchmarks.nodes [--users 1000] [--seconds 900] [--restarts 20] [--from …] [--calm]

On a PostgreSQL, a Redis, an NGINX and Gunicorns of its own, as deploy/ has them. While Locust's
users read and log in, a writer adds artists, and repeats what was not acknowledged under the same
Idempotency-Key, one after the other: Vivace is upgraded; a node is killed and comes back; Redis
hangs, is killed and comes back; each node in turn is told to reload, `--restarts` times in all.
Exits with 1 where a read failed or was refused, or a write that was acknowledged is not there.

The upgrade is from a revision, usually the commit before the newest that added a migration, to the
working tree, in the order of docs/deploy.md (`upgrades`). The library was filled by the old
version, which is served first; both run on the packages that are installed here. Exits with 1, too,
where the new version brings no migration, or a node was not on the old one still when that had been
applied, or not on the new one when the node had reloaded.

With `--calm` nothing goes wrong: then nothing at all may fail or be refused, and p99 of reads is to
be within 500 ms.
"""

import json
import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from http.client import HTTPException
from secrets import token_hex
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

import psycopg

from benchmarks import sites, upgrades
from benchmarks.trials import Trial
from benchmarks.upgrades import Upgrade
from vivace.lab import histogram, load, profiles, revisions, servers, stacks
from vivace.lab.outcome import MEASURES, Merged, Test
from vivace.lab.profiles import Profile
from vivace.lab.results import ResultError
from vivace.lab.trials import Measured
from vivace.lab.wording import plural

NODES = 3
WRITE_EVERY_S = 1.0
READS_MS = 500.0
"""p99, where nothing goes wrong."""
RELOAD_PAUSE_S = 5.0
"""A reload takes a second of a core, behind all who serve: half a minute where two are busy."""


class Writer(threading.Thread):
    """Adds artists until told to stop, and knows which of them were acknowledged."""

    def __init__(self, base: str) -> None:
        super().__init__(daemon=True)
        self.base = base
        self.over = threading.Event()
        self.token, self.until = "", 0.0
        self.acknowledged: list[str] = []
        self.repeated = 0

    def run(self) -> None:
        number = 0
        while not self.over.wait(WRITE_EVERY_S):
            number += 1
            name, key = f"Written {number}", token_hex(8)
            while not self.add(name, key):
                self.repeated += 1
                if self.over.wait(0.1):
                    return
            self.acknowledged.append(name)

    def add(self, name: str, key: str) -> bool:
        try:
            if self.until < time.monotonic():
                told = {"login": sites.EDITOR, "password": stacks.PASSWORD}
                self.token = self.post("/auth/login", told, {})["access_token"]
                self.until = time.monotonic() + 200
            who = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key}
            self.post("/artists", {"name": name}, who)
        except (OSError, HTTPException, ValueError):
            return False
        return True

    def post(self, path: str, body: Any, headers: dict[str, str]) -> Any:
        headers = {"Content-Type": "application/json", **headers}
        request = Request(f"{self.base}/api/v1{path}", json.dumps(body).encode(), headers)  # noqa: S310
        with urlopen(request, timeout=30) as reply:  # noqa: S310 - a server of our own
            return json.load(reply)


def troubles(
    at: sites.Site, upgrade: Upgrade, restarts: int
) -> Iterator[tuple[str, Callable[[], None]]]:
    """What goes wrong, in its order, and how: all but the upgrade itself with the new version."""
    yield "a new version is in place", lambda: upgrade.put_in_place(at)
    yield "it migrates", lambda: upgrade.migrate(at)
    for number, node in enumerate(at.nodes, start=1):
        yield f"node {number} reloads, with it", partial(upgrade.reload, node)
    yield "node 2 is killed", at.nodes[1].kill
    yield "node 2 comes back", at.nodes[1].start
    yield "Redis hangs", lambda: at.redis.signal(signal.SIGSTOP)
    yield "Redis goes on", lambda: at.redis.signal(signal.SIGCONT)
    yield "Redis is killed", at.redis.kill
    yield "Redis comes back, empty", at.redis.start
    for number in range(restarts):
        node = at.nodes[number % NODES]
        yield f"node {number % NODES + 1} reloads", node.reload


class Trouble(NamedTuple):
    at: float
    """Seconds since 1970."""
    what: str
    failed: str = ""


def trouble(
    planned: Sequence[tuple[str, Callable[[], None]]],
    after: float,
    seconds: float,
    found: list[Trouble],
) -> None:
    """All that is planned; what is no reload in a quarter of the time."""
    pause = seconds / 4 / sum("reloads" not in what for what, _ in planned)
    time.sleep(after)
    for what, do in planned:
        began, moment, failed = time.monotonic(), time.time(), ""
        print(f"{time.strftime('%H:%M:%S')}  {what}", flush=True)
        try:
            do()
        except Exception as error:  # noqa: BLE001 - it is told at the end
            failed = f"{what}: {error!r}"
        found.append(Trouble(moment, what, failed))
        at_least = RELOAD_PAUSE_S if "reloads" in what else pause - (time.monotonic() - began)
        time.sleep(max(0.0, at_least))


def lost(database: str, acknowledged: list[str]) -> list[str]:
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT name FROM catalogue_artist WHERE name LIKE 'Written %'")
        there = [name for (name,) in rows]
    return [name for name in acknowledged if there.count(name) != 1]


def command(profile: Profile, base: str, calm: bool) -> list[str]:
    """Of Locust. Where things go wrong, a read of those who arrive first may fail no more than
    another, so it counts from there on."""
    asked = load.arguments(profile, base, load.Users())
    return asked if calm else [*asked, "--measure-after", "0"]


def told(merged: Merged) -> None:
    """Print what the users saw."""
    print(f"{'request':<28}{'requests':>10}{'failed':>8}{'refused':>9}{'p50 ms':>9}{'p99 ms':>9}")
    for each in sorted(merged.endpoints, key=lambda each: each.name):
        found = histogram.percentiles(histogram.decode(each.histogram))
        print(
            f"{each.name:<28}{each.requests:>10,}{each.failures:>8}{each.refusals:>9}"
            f"{found[50.0]:>9.1f}{found[99.0]:>9.1f}"
        )
    for failure in merged.failures:
        print(f"  {failure.count} × {failure.endpoint}: {failure.reason}")


def failed(merged: Merged, start: str = "") -> int:
    """Of the requests whose names start so, those that failed or were refused."""
    named = (each for each in merged.endpoints if each.name.startswith(start))
    return sum(each.failures + each.refusals for each in named)


def told_in_turn(merged: Merged, found: Sequence[Trouble]) -> None:
    """Print what the users saw from one trouble to the next."""
    ticks = [tick for each in merged.ticks for tick in each]
    print(f"{'from then on':<28}{'requests':>10}{'failed':>8}{'refused':>9}")
    ends = [*(each.at for each in found), math.inf]
    for each, end in zip((Trouble(0, "nothing yet"), *found), ends, strict=True):
        here = [tick for tick in ticks if each.at <= tick.second < end]
        requests, failed, refused = (
            sum(getattr(tick, name) for tick in here)
            for name in ("requests", "failures", "refusals")
        )
        print(f"{each.what:<28}{requests:>10,}{failed:>8}{refused:>9}")


def of_upgrade(upgrade: Upgrade) -> list[Measured]:
    return [
        Measured(what="migrations of the upgrade", value=len(upgrade.migrations), at_least=1),
        Measured(
            what="nodes still on the old version once migrated", value=upgrade.not_yet,
            at_least=NODES,
        ),
        Measured(
            what="nodes on the new version once reloaded", value=upgrade.upgraded,
            at_least=NODES,
        ),
    ]  # fmt: skip


def main() -> int:
    trial = Trial("nodes", __doc__)
    trial.parser.add_argument("--users", type=int, default=1_000)
    trial.parser.add_argument("--seconds", type=float, default=900)
    trial.parser.add_argument("--restarts", type=int, default=20)
    trial.parser.add_argument("--from", metavar="REVISION")
    trial.parser.add_argument("--calm", action="store_true")
    asked = trial.parsed()
    if asked.calm and vars(asked)["from"]:
        trial.parser.error("Nothing is upgraded with --calm")
    try:
        old = "" if asked.calm else vars(asked)["from"] or revisions.before_newest_migration()
        upgraded = f", upgraded from {revisions.described(old)}" if old else ""
    except ResultError as error:
        sys.exit(f"{trial.program}: {error}")
    crowd = profiles.PROFILES["crowd"]._replace(users=asked.users)
    profile = crowd._replace(seconds=crowd.ramp_s + asked.seconds)
    found: list[Trouble] = []
    with ExitStack() as stack:
        upgrade = stack.enter_context(upgrades.upgrade(old)) if old else None
        more = upgrade.environment if upgrade else {}
        at = stack.enter_context(sites.site(NODES, asked.users, more=more))
        served = load.elsewhere(at.base)._replace(pids=[at.nginx])
        test = Test(profile, "other", served, stacks.Cores((), ()))
        writer = Writer(at.base)
        writer.start()
        troubled = []
        if upgrade:
            planned = [*troubles(at, upgrade, asked.restarts)]
            args = (planned, profile.ramp_s, asked.seconds, found)
            troubled.append(threading.Thread(target=trouble, args=args, daemon=True))
        for thread in troubled:
            thread.start()
        ran = load.generate(command(profile, at.base, asked.calm), test, lambda *_: None)
        writer.over.set()
        writer.join()
        for thread in troubled:
            thread.join(servers.START_SECONDS)
        told_in_turn(ran.merged, found)
        told(ran.merged)
        missing = lost(at.database, writer.acknowledged)
    wrong = [each.failed for each in found if each.failed]
    gone = ran.merged.measured_from + ran.merged.seconds
    wrong += [f"nobody was there any more: {each.what}" for each in found if each.at > gone]
    if any(thread.is_alive() for thread in troubled):
        wrong.append("not all went wrong that was to")
    if not ran.merged.requests:
        wrong.append("nothing is known of what the users saw")
    if not writer.acknowledged:
        wrong.append("no write was acknowledged")
    measured = [
        Measured(what="requests of all users", value=ran.merged.rate, unit="requests/s"),
        Measured(
            what="reads that failed or were refused", value=failed(ran.merged, "GET"), at_most=0
        ),
        Measured(
            what="requests that failed or were refused", value=failed(ran.merged),
            at_most=0 if asked.calm else None,
        ),
        Measured(
            what="p99 of reads", value=MEASURES["p99 of reads (ms)"](ran.merged), unit="ms",
            at_most=READS_MS if asked.calm else None,
        ),
        Measured(what="acknowledged writes", value=len(writer.acknowledged)),
        Measured(what="tries of writes and logins that were repeated", value=writer.repeated),
        Measured(what="acknowledged writes lost", value=len(missing), at_most=0),
        *(of_upgrade(upgrade) if upgrade else []),
    ]  # fmt: skip
    return trial.concluded(
        "postgresql",
        f"{sites.WORDS}, {NODES} nodes, {plural(asked.users, 'user')}{upgraded}",
        measured,
        [*wrong, *([ran.broke] if ran.broke else [])],
        of="calm" if asked.calm else "",
        programs=stacks.of_all_servers(),
    )


if __name__ == "__main__":
    sys.exit(main())
