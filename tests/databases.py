"""Databases of a test's own, for processes that it starts.

What they hold is made once in a run, for all its pytest-xdist workers, and copied: to migrate takes
two seconds and more each time.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import psycopg
import pytest

from tests.live import CHECKOUT

READY = "TESTS_READY"
"""The variable that names the folder of what is made once."""
Holding = Literal["nothing", "tables", "library"]
"""The library is that of `tests.live`."""


@contextmanager
def own_database(
    request: pytest.FixtureRequest, folder: Path, holding: Holding, name: str = "own"
) -> Iterator[str]:
    """The `DATABASE_URL` of one of the kind under test, until the block ends."""
    if request.config.getoption("db") == "sqlite":
        yield sqlite(folder, holding)
        return
    server = request.getfixturevalue("postgresql")
    # Named for the worker, the only one that has it; a test uses one of a name at a time.
    name = f"{name}_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    ready = "template1"
    if holding != "nothing":
        ready = f"ready_{holding}"
        make_ready(holding, f"{server}/{ready}", lambda: created(server, ready))
    created(server, name, ready)
    yield f"{server}/{name}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def sqlite(folder: Path, holding: Holding) -> str:
    """The `DATABASE_URL` of an SQLite database of the folder's own."""
    file = folder / "vivace.sqlite3"
    if holding != "nothing":
        ready = Path(os.environ[READY], f"{holding}.sqlite3")
        make_ready(holding, f"sqlite:///{ready}")
        shutil.copy(ready, file)
    return f"sqlite:///{file}"


def created(server: str, name: str, ready: str = "template1") -> None:
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {ready}")


def make_ready(holding: Holding, url: str, create: Callable[[], None] = lambda: None) -> None:
    """Have a database to copy made by the first of the workers that asks for it."""
    done = Path(os.environ[READY], f"{url.partition(':')[0]}-{holding}")
    with done.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists():
            return
        create()
        fill(holding, url)
        done.touch()


def fill(holding: Holding, url: str) -> None:
    """Have an empty database hold it."""
    # In a folder of its own, and without Redis, which holds what is a test's.
    own = {"DATABASE_URL": url, "VIVACE_DATA_DIR": os.environ[READY], "REDIS_URL": ""}
    subprocess.run(
        [sys.executable, "-m", "tests.live", holding],
        cwd=CHECKOUT,
        env=os.environ | own,
        check=True,
    )
