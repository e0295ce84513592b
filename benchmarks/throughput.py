"""How many pages of 100 tracks a second does a whole server give, at most?

python -m benchmarks.throughput [--db postgresql] [--rounds 12] [--seconds 2]

wrk asks over 100 connections, each of them as soon as it has its answer, and shares the cores with
the servers. They take turns, some seconds each, round by round: `vivace serve` that makes each page
anew, the same with pages kept; on PostgreSQL besides NGINX and Gunicorn as deploy/ has them, with a
token, and as public reads through NGINX's cache of one second, beside an NGINX that serves the same
bytes from a file. Exits with 1 where a rate is under its goal, or an answer was no success.
"""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from benchmarks import wrk
from benchmarks.readers import API, Person
from benchmarks.trials import Trial
from vivace.lab import front, ratios, servers, stacks
from vivace.lab.commands.knee import UNKEPT
from vivace.lab.results import Database
from vivace.lab.trials import Measured

PATH = f"{API}/tracks?limit=100"
CONNECTIONS, THREADS, WORKERS = 100, 2, 2
NONE: Mapping[str, str] = MappingProxyType({})
GZIP = {"Accept-Encoding": "gzip"}
PUBLIC = {"VIVACE_PUBLIC_READ": "on", "VIVACE_TRUSTED_PROXIES": "unix"}
OF_A_FILE = 80.0
"""Percent of what NGINX does with a file, that public reads are to reach."""
FILE_SETTINGS = """\
{user}
daemon off;
pid {folder}/file.pid;
worker_processes {workers};
error_log stderr warn;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    sendfile on;
    tcp_nodelay on;
    keepalive_requests 10000;
    default_type application/json;
    server {{
        listen {loopback}:{port};
        location = /healthz {{ return 200; }}
        location / {{ root {folder}/files; }}
    }}
}}
"""


class Way(NamedTuple):
    """To the page, and how often a second it is to be had."""

    what: str
    url: str
    person: Person | None = None
    """Whose token is sent."""
    headers: Mapping[str, str] = NONE
    at_least: float | None = None

    def asked(self, seconds: int) -> wrk.Answered:
        told = dict(self.headers)
        if self.person:
            # A token is good for minutes, all the rounds take longer.
            self.person.log_in(stacks.ACCOUNT.format(1))
            told |= self.person.headers
        return wrk.asked(self.url, CONNECTIONS, seconds, threads=THREADS, headers=told)


def way(
    what: str, base: str, at_least: float | None = None, headers: Mapping[str, str] = NONE
) -> Way:
    """With a token."""
    return Way(what, base + PATH, Person(base), headers, at_least)


@contextmanager
def on_sqlite(folder: Path) -> Iterator[list[Way]]:
    own = settings(folder) | {"DATABASE_URL": f"sqlite:///{folder}/vivace.sqlite3"}
    stacks.fill(own, 1, print)
    with vivace_serve(own | UNKEPT, folder) as anew, vivace_serve(own, folder) as kept:
        yield [
            way("vivace serve, made anew", anew, 2_200),
            way("vivace serve, kept", kept, 25_000),
            way("vivace serve, kept and compressed", kept, headers=GZIP),
        ]


@contextmanager
def on_postgresql(folder: Path) -> Iterator[list[Way]]:
    with ExitStack() as stack:
        postgresql = stack.enter_context(servers.postgresql_server())
        redis = stack.enter_context(servers.redis_server()) + "/0"
        own = settings(folder) | {"DATABASE_URL": stacks.created(postgresql), "REDIS_URL": redis}
        stacks.fill(own, 1, print)
        anew = stack.enter_context(vivace_serve(own | UNKEPT, folder))
        kept = stack.enter_context(vivace_serve(own, folder))
        stack.enter_context(front.node(folder, stacks.environment(own | PUBLIC), WORKERS))
        nginx = address(stack.enter_context(front.nginx(folder, WORKERS, public=True)))
        page = Person(nginx).ask("GET", PATH).body
        file = stack.enter_context(nginx_with_file(folder, page))
        yield [
            way("vivace serve, made anew", anew, 1_500),
            way("vivace serve, kept", kept),
            way("vivace serve, kept and compressed", kept, headers=GZIP),
            way("NGINX and Gunicorn, kept", nginx, 7_000),
            way("NGINX and Gunicorn, kept and compressed", nginx, headers=GZIP),
            Way("NGINX, public reads", nginx + PATH),
            Way("NGINX, the same from a file", f"{file}/page.json"),
        ]


def settings(folder: Path) -> dict[str, str]:
    return {
        "VIVACE_DATA_DIR": str(folder),
        "VIVACE_SECRET_KEY": stacks.SECRET_KEY,
        "VIVACE_LOGIN_LIMIT": "100000/300",
    }


@contextmanager
def vivace_serve(own: dict[str, str], folder: Path) -> Iterator[str]:
    with stacks.vivace_serve(own, folder, WORKERS) as port:
        yield address(port)


def address(port: int) -> str:
    return f"http://{servers.LOOPBACK}:{port}"


@contextmanager
def nginx_with_file(folder: Path, content: bytes) -> Iterator[str]:
    """An NGINX that serves nothing but this."""
    (folder / "files").mkdir()
    (folder / "files" / "page.json").write_bytes(content)

    def command(port: int) -> list[str]:
        (path := folder / "file.conf").write_text(
            FILE_SETTINGS.format(
                user=front.user(),
                folder=folder,
                workers=WORKERS,
                loopback=servers.LOOPBACK,
                port=port,
            )
        )
        return [servers.program("nginx"), "-c", str(path), "-p", str(folder)]

    with servers.serving(command, servers.http_answers, folder, env={}) as port:
        yield address(port)


SERVERS = {
    "sqlite": (on_sqlite, "`vivace serve` with 2 workers, SQLite"),
    "postgresql": (
        on_postgresql,
        "`vivace serve` and Gunicorn with 2 workers each, NGINX, PostgreSQL, Redis",
    ),
}


def rounds(ways: Sequence[Way], number: int, seconds: int) -> list[list[wrk.Answered]]:
    """Of each way its rounds; they took turns."""
    found: list[list[wrk.Answered]] = [[] for _ in ways]
    for each in ways:
        each.asked(1)
    for turn in range(number):
        for each, answered in zip(ways, found, strict=True):
            answered.append(each.asked(seconds))
            print(f"{turn + 1:3}  {each.what:<42}{answered[-1].right_per_second:>10,.0f}/s")
            time.sleep(0.2)
    return found


def figures(ways: Sequence[Way], found: Sequence[Sequence[wrk.Answered]]) -> Iterator[Measured]:
    rates = [[each.right_per_second for each in answered] for answered in found]
    for each, by_round in zip(ways, rates, strict=True):
        value, low, high = ratios.middle(by_round)
        yield Measured(
            what=each.what, value=value, unit="requests/s", low=low, high=high,
            at_least=each.at_least,
        )  # fmt: skip
    if (last := ways[-1]).person is None:
        share = ratios.ratio(rates[-2], rates[-1])
        yield Measured(
            what=f"{ways[-2].what}, of {last.what}", unit="%", at_least=OF_A_FILE,
            value=100 * share.ratio, low=100 * share.low, high=100 * share.high,
        )  # fmt: skip
    wrong = sum(each.wrong for answered in found for each in answered)
    yield Measured(what="answers that were no success", value=wrong, at_most=0)


def main() -> int:
    trial = Trial("throughput", __doc__)
    trial.parser.add_argument("--db", choices=[*SERVERS], default="sqlite")
    trial.parser.add_argument("--rounds", type=int, default=12)
    trial.parser.add_argument("--seconds", type=int, default=2)
    options = trial.parsed()
    database: Database = options.db
    served, server = SERVERS[database]
    with servers.owned_folder() as folder, served(folder) as ways:
        found = rounds(ways, options.rounds, options.seconds)
    return trial.concluded(database, server, [*figures(ways, found)])


if __name__ == "__main__":
    sys.exit(main())
