"""How many pages of 100 tracks a second does a whole server give, at most?

python -m benchmarks.throughput [--db postgresql] [--rounds 12] [--seconds 2]

wrk asks over 100 connections, each of them as soon as it has its answer, and shares the cores with
the servers, as it does with the NGINX that they are set beside. They take turns of some seconds, in
another order each round: `vivace serve` that makes each page anew, the same with pages kept; on
PostgreSQL besides NGINX and Gunicorn as deploy/ has them, with a token, and as public reads through
NGINX's cache of one second, beside an NGINX that serves the same bytes from a file. With them go
the same servers with an application that has one answer and does nothing else: none can give more.
Exits with 1 where a rate is under its goal, or an answer was no success.
"""

import os
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from benchmarks import wrk
from benchmarks.readers import API, Person, Reply
from benchmarks.trials import Trial
from vivace.lab import front, ratios, servers, stacks
from vivace.lab.results import DATABASES, Database
from vivace.lab.trials import Measured

PATH = f"{API}/tracks?limit=100"
CONNECTIONS, THREADS, WORKERS = 100, 2, 2
PAUSE_S = 0.2
"""Between two turns, for what the one before left to do."""
NONE: Mapping[str, str] = MappingProxyType({})
GZIP = {"Accept-Encoding": "gzip"}
PUBLIC = {"VIVACE_PUBLIC_READ": "on", "VIVACE_TRUSTED_PROXIES": "unix"}
OF_A_FILE = 80.0
"""Percent of what NGINX does with a file, that public reads are to reach."""
PUBLIC_READS, FILE = "NGINX, public reads", "NGINX, the same from a file"
SERVE, GRANIAN = "vivace serve, kept", "Granian, the same and nothing else"
GUNICORN, GUNICORN_ALONE = (
    "NGINX and Gunicorn, kept",
    "NGINX and Gunicorn, the same and nothing else",
)
OF: Mapping[str, tuple[str, float | None]] = MappingProxyType(
    {PUBLIC_READS: (FILE, OF_A_FILE), SERVE: (GRANIAN, None), GUNICORN: (GUNICORN_ALONE, None)}
)
"""What is set beside what, and the percent of it that is to be reached."""
NOTHING_ELSE = """\
from pathlib import Path

exec(Path("{shipped}").read_text())
wsgi_app = "vivace.lab.null:application"
# They load Vivace.
del post_fork, post_worker_init
"""
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
{temporary}
    server {{
        listen {loopback}:{port};
        location = /healthz {{ return 200; }}
        location / {{ root {files}; }}
    }}
}}
"""


class Way(NamedTuple):
    """To the page, and how often a second it is to be had."""

    what: str
    base: str
    at_least: float | None = None
    path: str = PATH
    with_token: bool = True
    headers: Mapping[str, str] = NONE

    def told(self) -> dict[str, str]:
        """The headers of a request. A token is good for minutes, and all the rounds take longer."""
        token: dict[str, str] = {}
        if self.with_token:
            with closing((person := Person(self.base)).connection):
                person.log_in(stacks.ACCOUNT.format(1))
                token = person.headers
        return {**self.headers, **token}

    def asked(self, seconds: int) -> wrk.Answered:
        url = self.base + self.path
        return wrk.asked(url, CONNECTIONS, seconds, threads=THREADS, headers=self.told())

    def once(self) -> Reply:
        """Raises `RuntimeError` where the page is not to be had."""
        with closing((person := Person(self.base)).connection):
            reply = person.ask("GET", self.path, headers=self.told())
        if reply.status != 200:
            raise RuntimeError(f"{self.what}: {reply}")
        return reply


@contextmanager
def on_sqlite(folder: Path) -> Iterator[list[Way]]:
    own = settings(folder) | {"DATABASE_URL": f"sqlite:///{folder}/vivace.sqlite3"}
    stacks.fill(own, 1, print)
    with ExitStack() as stack:
        anew = stack.enter_context(vivace_serve(own | stacks.UNKEPT, folder))
        kept = stack.enter_context(vivace_serve(own, folder))
        yield [*of_vivace_serve(anew, 2_200, kept), granian(stack, page_of(kept, folder))]


@contextmanager
def on_postgresql(folder: Path) -> Iterator[list[Way]]:
    with ExitStack() as stack:
        postgresql = stack.enter_context(servers.postgresql_server())
        redis = stack.enter_context(servers.redis_server()) + "/0"
        own = settings(folder) | {"DATABASE_URL": stacks.created(postgresql), "REDIS_URL": redis}
        stacks.fill(own, 1, print)
        anew = stack.enter_context(vivace_serve(own | stacks.UNKEPT, folder))
        kept = stack.enter_context(vivace_serve(own, folder))
        stack.enter_context(front.node(folder, stacks.environment(own | PUBLIC), WORKERS))
        nginx = address(stack.enter_context(front.nginx(folder, WORKERS)))
        (folder / "public").mkdir()
        public = stack.enter_context(front.nginx(folder / "public", WORKERS, [folder], public=True))
        page = page_of(kept, folder)
        file = stack.enter_context(nginx_with_files(page.parent))
        yield [
            *of_vivace_serve(anew, 1_500, kept),
            granian(stack, page),
            Way(GUNICORN, nginx, 7_000),
            Way("NGINX and Gunicorn, kept and compressed", nginx, headers=GZIP),
            Way(GUNICORN_ALONE, gunicorn_alone(stack, page), with_token=False),
            Way(PUBLIC_READS, address(public), with_token=False),
            Way(FILE, file, path=f"/{page.name}", with_token=False),
        ]


def of_vivace_serve(anew: str, at_least: float, kept: str) -> list[Way]:
    return [
        Way("vivace serve, made anew", anew, at_least),
        Way(SERVE, kept, 25_000),
        Way("vivace serve, kept and compressed", kept, headers=GZIP),
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


def page_of(base: str, folder: Path) -> Path:
    """A file with the page that all of them answer with."""
    (page := folder / "files" / "page.json").parent.mkdir()
    page.write_bytes(Way(SERVE, base).once().body)
    return page


def granian(stack: ExitStack, page: Path) -> Way:
    nothing = stacks.null_server(stacks.Cores((), ()), page, WORKERS)
    return Way(GRANIAN, stack.enter_context(nothing), with_token=False)


def gunicorn_alone(stack: ExitStack, page: Path) -> str:
    """NGINX and Gunicorn as they are shipped, but for the application."""
    (folder := page.parents[1] / "nothing").mkdir()
    (settings := folder / "gunicorn.conf.py").write_text(
        NOTHING_ELSE.format(shipped=front.DEPLOY / "gunicorn.conf.py")
    )
    told = stacks.environment({"VIVACE_LAB_BODY": str(page)})
    stack.enter_context(front.gunicorn("reads", folder, told, WORKERS, settings))
    return address(stack.enter_context(front.nginx(folder, WORKERS)))


@contextmanager
def nginx_with_files(files: Path) -> Iterator[str]:
    """An NGINX that serves nothing but these."""
    folder = files.parent

    def command(port: int) -> list[str]:
        (path := folder / "file.conf").write_text(
            FILE_SETTINGS.format(
                user=front.user(),
                temporary=front.temporary(folder),
                folder=folder,
                files=files,
                workers=WORKERS,
                loopback=servers.LOOPBACK,
                port=port,
            )
        )
        return [*front.nginx_program(), "-c", str(path), "-p", str(folder)]

    with servers.serving(command, servers.http_answers, folder, env=dict(os.environ)) as port:
        yield address(port)


SERVERS = {
    "sqlite": (on_sqlite, "`vivace serve` with 2 workers, SQLite"),
    "postgresql": (
        on_postgresql,
        "`vivace serve` and Gunicorn with 2 workers each, NGINX, PostgreSQL, Redis",
    ),
}


def rounds(ways: Sequence[Way], number: int, seconds: int) -> dict[str, list[wrk.Answered]]:
    """Of each way its rounds; they took turns."""
    found: dict[str, list[wrk.Answered]] = {each.what: [] for each in ways}
    for each in ways:
        each.once()
        each.asked(1)
    for turn in range(1, number + 1):
        for each in random.sample(ways, len(ways)):
            answered = each.asked(seconds)
            found[each.what].append(answered)
            rate = f"{answered.right_per_second:>10,.0f} a second"
            print(f"{turn:3}  {each.what:<42}{rate}", flush=True)
            time.sleep(PAUSE_S)
    return found


def figures(ways: Sequence[Way], found: Mapping[str, Sequence[wrk.Answered]]) -> Iterator[Measured]:
    rates = {what: [each.right_per_second for each in turns] for what, turns in found.items()}
    for each in ways:
        value, low, high = ratios.middle(rates[each.what])
        yield Measured(
            what=f"pages of {each.what}", value=value, unit="requests/s", low=low, high=high,
            at_least=each.at_least,
        )  # fmt: skip
    for what, (beside, at_least) in OF.items():
        if what in rates and beside in rates:
            share = ratios.ratio(rates[what], rates[beside])
            yield Measured(
                what=f"{what}, per page of {beside}", unit="%", at_least=at_least,
                value=100 * share.ratio, low=100 * share.low, high=100 * share.high,
            )  # fmt: skip
    wrong = sum(each.wrong for turns in found.values() for each in turns)
    yield Measured(what="pages that were no success", value=wrong, at_most=0)


def main() -> int:
    trial = Trial("throughput", __doc__)
    trial.parser.add_argument("--db", choices=DATABASES, default="sqlite")
    trial.parser.add_argument("--rounds", type=int, default=12)
    trial.parser.add_argument("--seconds", type=int, default=2)
    options = trial.parsed()
    database: Database = options.db
    served, server = SERVERS[database]
    with servers.owned_folder() as folder, served(folder) as ways:
        found = rounds(ways, options.rounds, options.seconds)
    programs = stacks.of_all_servers() if database == "postgresql" else {}
    return trial.concluded(database, server, [*figures(ways, found)], programs=programs)


if __name__ == "__main__":
    sys.exit(main())
