"""A served library of the lab's own, on either database: made for a test, gone after it.

    sqlite      vivace serve
    postgresql  NGINX ─unix sockets→ Gunicorn → PostgreSQL, Redis, as deploy/ has them

Nothing of the shell's own settings reaches it, so that no library but its own is read or filled.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import psutil
import psycopg
from msgspec import json

from vivace.lab import front, servers
from vivace.lab.machine import program_version
from vivace.lab.results import Data, Database

LIBRARY = Data(artists=10_000, albums=20_000, tracks=100_000, seed=1)
ACCOUNT = "load{}"
PASSWORD = "a password for load tests"  # noqa: S105 - of accounts that live as long as a test
OURS = ("VIVACE_", "DATABASE_URL", "REDIS_URL", "DJANGO_")
UNKEPT = {"VIVACE_CACHE": "off"}
"""Settings by which what is asked again does its work again."""
SECRET_KEY = "only-for-the-lab-" + "0123456789" * 5


class Cores(NamedTuple):
    """Which processor cores do what, so that a load generator does not slow what it measures."""

    server: Sequence[int]
    generator: Sequence[int]

    @property
    def apart(self) -> bool:
        return not set(self.server) & set(self.generator)


class Served(NamedTuple):
    base: str
    """Its address, without a path."""
    what: str
    pids: Sequence[int]
    settings: dict[str, str]
    data: Data | None
    programs: dict[str, str]
    """Versions of the programs that it consists of."""


def shared_out(*, apart: bool = True) -> Cores:
    """A quarter of the cores, one at least, for the generator.

    Where there is one, or they are not to be apart, both have all.
    """
    if not hasattr(os, "sched_getaffinity"):  # macOS
        return Cores((), ())
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2 or not apart:
        return Cores(cores, cores)
    generators = max(1, len(cores) // 4)
    return Cores(cores[:-generators], cores[-generators:])


@contextmanager
def kept_to(cores: Sequence[int]) -> Iterator[None]:
    """What is started in the block runs on these cores."""
    if not cores or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def served(
    database: Database,
    cores: Cores,
    accounts: int,
    say: Callable[[str], None],
    more: Mapping[str, str] = MappingProxyType({}),
    *,
    data: Data = LIBRARY,
) -> Iterator[Served]:
    """A library that answers, with so many accounts, in an environment with more in it.

    Raises `ServerMissingError`.
    """
    before = {child.pid for child in psutil.Process().children()}
    with ExitStack() as stack:
        with kept_to(cores.server):
            folder = stack.enter_context(servers.owned_folder())
            own = {"VIVACE_DATA_DIR": str(folder), "VIVACE_SECRET_KEY": SECRET_KEY}
            own["VIVACE_LOGIN_LIMIT"] = "100000/300"
            workers = max(1, len(cores.server))
            if database == "sqlite":
                own["DATABASE_URL"] = f"sqlite:///{folder}/vivace.sqlite3"
                fill(own, accounts, say, data)
                port = stack.enter_context(vivace_serve({**own, **more}, folder, workers))
                what = f"vivace serve, {counted(workers, 'worker')}, SQLite"
                programs: dict[str, str] = {}
            else:
                postgresql = stack.enter_context(servers.postgresql_server())
                own["REDIS_URL"] = stack.enter_context(servers.redis_server()) + "/0"
                own["DATABASE_URL"] = created(postgresql)
                own["VIVACE_TRUSTED_PROXIES"] = "unix"
                fill(own, accounts, say, data)
                stack.enter_context(front.node(folder, environment({**own, **more}), workers))
                port = stack.enter_context(front.nginx(folder, workers))
                kinds = f"{counted(workers, 'worker')} of each kind"
                what = f"NGINX, Gunicorn with {kinds}, PostgreSQL, Redis"
                programs = of_all_servers()
        # Whoever looks on takes nothing from the server.
        stack.enter_context(kept_to(cores.generator))
        yield Served(
            base=f"http://{servers.LOOPBACK}:{port}",
            what=what,
            pids=[c.pid for c in psutil.Process().children() if c.pid not in before],
            settings=told(own),
            data=data,
            programs=programs,
        )


def of_all_servers() -> dict[str, str]:
    """The versions of PostgreSQL, Redis and NGINX."""
    return {
        "PostgreSQL": program_version(str(servers.postgresql_bin() / "postgres"), "-V"),
        "Redis": program_version("redis-server", "-v"),
        "NGINX": program_version("nginx", "-v"),
    }


def counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def told(own: dict[str, str]) -> dict[str, str]:
    """The settings without what is of this run alone: addresses, folders and keys."""
    shown = {name: text for name, text in own.items() if name != "VIVACE_SECRET_KEY"}
    for name in ("DATABASE_URL", "REDIS_URL", "VIVACE_DATA_DIR"):
        if name in shown:
            scheme, found, _ = shown[name].partition("://")
            shown[name] = f"{scheme}://…" if found else "a folder of its own"
    return shown


def environment(own: dict[str, str]) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith(OURS)}
    return kept | own


def fill(
    own: dict[str, str], accounts: int, say: Callable[[str], None], data: Data = LIBRARY
) -> None:
    say(f"Filling a library with {data.tracks:,} generated tracks and {accounts:,} accounts …")
    told = json.encode(data).decode()
    command = [sys.executable, "-m", "vivace.lab.stacks", str(accounts), told]
    subprocess.run(command, env=environment(own), check=True)


def created(postgresql: str) -> str:
    with psycopg.connect(f"{postgresql}/postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE vivace")
    return f"{postgresql}/vivace"


@contextmanager
def vivace_serve(own: dict[str, str], folder: Path, workers: int) -> Iterator[int]:
    def command(port: int) -> list[str]:
        options = ["--port", str(port), "--workers", str(workers)]
        return [sys.executable, "-m", "vivace", "serve", *options]

    with servers.serving(command, servers.http_answers, folder, env=environment(own)) as port:
        yield port


@contextmanager
def null_server(
    cores: Cores, body: Path | None = None, workers: int | None = None
) -> Iterator[str]:
    """The address of a server that does nothing, on the cores and in the way of a real one.

    It answers with the bytes of a file, where one is named.
    """
    number = str(workers or max(1, len(cores.server)))
    told = {"VIVACE_LAB_BODY": str(body)} if body else {}

    def command(port: int) -> list[str]:
        where = ["--host", servers.LOOPBACK, "--port", str(port)]
        how = ["--interface", "wsgi", "--workers", number, "--blocking-threads", "1"]
        rest = ["--log-level", "warning", "vivace.lab.null:application"]
        return [sys.executable, "-m", "granian", *where, *how, *rest]

    with (
        kept_to(cores.server),
        servers.owned_folder() as folder,
        servers.serving(command, servers.http_answers, folder, env={**os.environ, **told}) as port,
    ):
        yield f"http://{servers.LOOPBACK}:{port}"


def main(accounts: int, data: Data) -> None:
    """Fill the database of the environment, which is empty: this is run by `fill` alone."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vivace.settings")
    django.setup()
    from django.contrib.auth.hashers import make_password
    from django.core.management import call_command

    from vivace.accounts.models import User
    from vivace.accounts.names import fold_name
    from vivace.dataset.filling import fill as fill_library
    from vivace.dataset.library import library

    call_command("migrate", verbosity=0)
    albums_per_artist = data.albums // data.artists
    tracks_per_album = data.tracks // data.albums
    fill_library(library(data.artists, albums_per_artist, tracks_per_album, data.seed))
    # One hash for all: a thousand would take half a minute, and each login checks it all the same.
    password = make_password(PASSWORD)
    names = [ACCOUNT.format(number) for number in range(1, accounts + 1)]
    User.objects.bulk_create(
        User(
            username=name,
            username_key=fold_name(name),
            email=f"{name}@example.org",
            email_key=fold_name(f"{name}@example.org"),
            password=password,
        )
        for name in names
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), json.decode(sys.argv[2], type=Data))
