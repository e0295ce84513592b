"""The commands of Vivace as processes of their own, on a database of their own."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from django.db import connection

# A process starts with the peak of the one it was forked from, and this one is large.
MEASURED = """
import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""
RSS_UNIT = 1 if sys.platform == "darwin" else 1024


class Done(NamedTuple):
    lines: int
    last_line: bytes
    peak_mb: int
    """What the process had in memory at most, in units of 1,048,576 bytes."""


def words(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "vivace", *map(str, arguments)]


def run(database: str, *arguments: str | Path) -> Done:
    """Run one command to its end, and count what it wrote. Asserts that it succeeds."""
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            [sys.executable, "-S", "-E", "-c", MEASURED, *words(*arguments)],
            env={**os.environ, "DATABASE_URL": database},
            stdout=output,
            stderr=subprocess.PIPE,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        output.seek(0)
        lines, last = 0, b""
        for line in output:
            lines, last = lines + 1, line
    return Done(lines, last, int(done.stderr.split()[-1]) * RSS_UNIT >> 20)


@contextmanager
def empty_library(name: str) -> Iterator[str]:
    """The address of a new database of the kind that this run is on, without a row."""
    if connection.vendor == "sqlite":
        with tempfile.TemporaryDirectory(prefix="vivace-bench-") as folder:
            yield migrated(f"sqlite:///{folder}/{name}.sqlite3")
        return
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    try:
        yield migrated(postgresql_url(name))
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def postgresql_url(name: str) -> str:
    """The address of a database of the server of this run."""
    told = connection.settings_dict
    return f"postgresql://{told['USER']}@{quote(told['HOST'], safe='')}:{told['PORT']}/{name}"


def migrated(database: str) -> str:
    run(database, "migrate", "--verbosity=0")
    return database
