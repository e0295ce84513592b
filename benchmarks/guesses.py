"""Passwords are guessed: how many guesses are looked at, who waits for it, and what do they tell?

python -m benchmarks.guesses [--nodes 2] [--bursts 10] [--pairs 500]

On NGINX and nodes of Gunicorns as deploy/ has them. 200 wrong logins at once, each under an
`X-Forwarded-For` of its own: at one account, then at as many names, from one address. How many were
looked at is what the nodes have hashed meanwhile. Others read all the time. Then, with nobody else
there, known and unknown names are tried in turn, by username and by e-mail address, and it is asked
whether the times tell them apart. Exits with 1 where more than the limit was looked at, somebody
else's read failed or took longer than 100 ms (p99), or a time tells.
"""

import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from statistics import median
from threading import Barrier

from scipy import stats  # type: ignore[import-untyped]

from benchmarks import readers, sites
from benchmarks.readers import API, Person, Readers
from benchmarks.trials import Trial
from vivace.lab import front, stacks
from vivace.lab.trials import Measured

WORKERS = 2
AT_ONCE = 200
LIMIT, OF_ADDRESS = 10, 100
"""How often it may fail at one account, and from one address."""
ACCOUNTS = 1_000
OTHERS_MS = 100.0
SURE = 0.0025
"""Of a hundred runs in which nothing tells, one seems to: there are four tests."""
ADDRESSES = 20
"""Each may fail a hundred times."""
HASHED = "vivace_passwords_hashed_total "
BY = {"username": "{}", "e-mail address": "{}@example.org"}


def hashed(at: sites.Site, admin: Person) -> int:
    """Passwords that all nodes have hashed so far."""
    found = 0
    for node in at.nodes:
        with closing(sites.OverSocket(front.socket_of("logins", node.folder))) as connection:
            connection.request("GET", "/metrics", headers=admin.headers)
            lines = connection.getresponse().read().decode().splitlines()
        counted = [line.removeprefix(HASHED) for line in lines if line.startswith(HASHED)]
        if not counted:
            raise RuntimeError(f"{node.folder.name} does not say how many it hashed")
        found += sum(int(float(number)) for number in counted)
    return found


def guess(person: Person, name: str, number: int) -> int:
    """The status of a wrong login."""
    told = {"login": name, "password": f"wrong password {number}"}
    forged = {"X-Forwarded-For": f"10.0.{number // 250}.{number % 250 + 1}"}
    return person.ask("POST", f"{API}/auth/login", told, forged).status


def burst(base: str, source: str, names: Sequence[str]) -> Counter[int]:
    """In a process of its own: all of these at once from one address, counted by status."""
    all_there = Barrier(len(names))

    def one(number: int) -> int:
        with closing((person := Person(base, source)).connection):
            all_there.wait()
            return guess(person, names[number], number)

    with ThreadPoolExecutor(len(names)) as threads:
        return Counter(threads.map(one, range(len(names))))


def bursts(at: sites.Site, number: int) -> Iterator[Measured]:
    """Guess at one account, then at many names, each so many times: the most that was looked at."""
    admin = Person(at.base)
    admin.log_in(sites.ADMIN)
    one = [[stacks.ACCOUNT.format(100 + n)] * AT_ONCE for n in range(number)]
    many = [[f"nobody{n}-{name}" for name in range(AT_ONCE)] for n in range(number)]
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        for what, limit, tried in (
            ("at one account", LIMIT, one),
            ("at many names from one address", OF_ADDRESS, many),
        ):
            most = 0
            for n, names in enumerate(tried):
                before = hashed(at, admin)
                source = f"127.0.{4 + (tried is many)}.{n + 1}"
                found = pool.submit(burst, at.base, source, names).result()
                looked_at = hashed(at, admin) - before
                most = max(most, looked_at)
                print(f"{what}: {looked_at} of {AT_ONCE} looked at, answered {dict(found)}")
            yield Measured(
                what=f"looked at, of {AT_ONCE} guesses {what}", value=most, at_most=limit
            )


def timed(at: sites.Site, form: str, pairs: int) -> tuple[list[float], list[float]]:
    """Milliseconds of wrong logins at known and at unknown names, in pairs of random order."""
    times: tuple[list[float], list[float]] = [], []
    people = [Person(at.base, f"127.0.{6 + (form != '{}')}.{n + 1}") for n in range(ADDRESSES)]
    for number in range(pairs):
        person = people[number % ADDRESSES]
        name = stacks.ACCOUNT.format(ACCOUNTS - number)
        both = [(times[0], form.format(name)), (times[1], form.format("x" + name[1:]))]
        random.shuffle(both)
        for into, login in both:
            began = time.perf_counter()
            if (status := guess(person, login, number)) != 401:
                raise RuntimeError(f"A guess was answered {status}")
            into.append((time.perf_counter() - began) * 1e3)
    return times


def tells(by: str, known: Sequence[float], unknown: Sequence[float]) -> bool:
    """Print whether the times tell known names from unknown ones."""
    ranks, pairs = stats.mannwhitneyu(known, unknown), stats.wilcoxon(known, unknown)
    share = ranks.statistic / (len(known) * len(unknown))
    print(
        f"by {by}, {len(known)} pairs: known {median(known):.2f} ms, unknown"
        f" {median(unknown):.2f} ms; a known one is slower in {share:.1%} (50 % tells nothing);"
        f" Mann-Whitney p {ranks.pvalue:.3f}, Wilcoxon p {pairs.pvalue:.3f}"
    )
    return bool(min(ranks.pvalue, pairs.pvalue) < SURE)


def main() -> int:
    trial = Trial("guesses", __doc__)
    trial.parser.add_argument("--nodes", type=int, default=2)
    trial.parser.add_argument("--bursts", type=int, default=10)
    trial.parser.add_argument("--pairs", type=int, default=500)
    asked = trial.parsed()
    # Of a day, so that no window ends meanwhile.
    more = {"VIVACE_LOGIN_LIMIT": f"{LIMIT}/86400"}
    with sites.site(asked.nodes, ACCOUNTS, workers=WORKERS, limited=True, more=more) as at:
        with Readers(at.base) as people:
            began = time.monotonic()
            time.sleep(10)
            guessed = time.monotonic()
            looked_at = [*bursts(at, asked.bursts)]
            ended = time.monotonic()
        readers.told("before", people.between(began, guessed))
        meanwhile = people.between(guessed, ended)
        failed = readers.told("while passwords are guessed", meanwhile)
        p99 = readers.percentile((each.took_ms for each in meanwhile), 0.99)
        others = [
            Measured(what="reads of others that failed", value=failed, at_most=0),
            Measured(what="p99 of reads of others", value=p99, unit="ms", at_most=OTHERS_MS),
        ]
        telling = sum(tells(by, *timed(at, form, asked.pairs)) for by, form in BY.items())
    times = Measured(what="kinds of names that times tell", value=telling, at_most=0)
    return trial.concluded(
        "postgresql",
        f"{sites.WORDS}, {asked.nodes} nodes",
        [*looked_at, *others, times],
        [] if meanwhile else ["nobody read"],
        programs=stacks.of_all_servers(),
    )


if __name__ == "__main__":
    sys.exit(main())
