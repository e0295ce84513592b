"""Does an import that is killed at any moment leave all of the file, or nothing?

python -m benchmarks.kills [--kills 20] [--artists 10000] [--seed 1] [--db postgresql]

Imports 200,000 generated tracks into an empty library once to see how long it takes. Then again
for each kill: the moments are spread over that time, each at random within its share. After each
kill the tables are counted, SQLite checks its file, and the same import runs to its end. Exits with
1 when something was half there.
"""

import json
import random
import secrets
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

import psycopg

from benchmarks.trials import Trial
from vivace.lab import servers, stacks
from vivace.lab.results import DATABASES, Database
from vivace.lab.trials import Measured
from vivace.lab.wording import STACK_NAMES, plural

TABLES = ("artist", "album", "track", "genre", "albumgenre", "trackgenre", "artistgenre")
INDEXES = {
    "sqlite": "SELECT count(*) FROM sqlite_master WHERE type IN ('index', 'trigger')",
    "postgresql": "SELECT count(*) FROM pg_indexes WHERE schemaname = 'public'",
}
Counts = tuple[int, ...]
"""Rows of each of `TABLES`, then how many indexes and triggers there are."""


class Library(Protocol):
    """A database that an import writes to, looked at without Vivace."""

    url: str

    def make(self) -> None: ...
    def keep(self) -> None:
        """Remember it as it is, for `restore`."""

    def restore(self) -> None: ...
    def counts(self) -> Counts: ...
    def faults(self) -> list[str]: ...


def rows_of(tables: Iterable[str]) -> Iterable[str]:
    return (f"SELECT count(*) FROM catalogue_{table}" for table in tables)


class SqliteLibrary:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "vivace.sqlite3"
        self.url = f"sqlite:///{self.path}"

    def make(self) -> None:
        """A file comes into being with its first table."""

    def keep(self) -> None:
        self.ask("PRAGMA wal_checkpoint(TRUNCATE)")
        self.kept = self.path.read_bytes()

    def restore(self) -> None:
        for path in self.path.parent.glob(f"{self.path.name}*"):
            path.unlink()
        self.path.write_bytes(self.kept)

    def ask(self, *questions: str) -> list[list[tuple[object, ...]]]:
        connection = sqlite3.connect(self.path)
        try:
            return [connection.execute(question).fetchall() for question in questions]
        finally:
            connection.close()

    def counts(self) -> Counts:
        found = self.ask(*rows_of(TABLES), INDEXES["sqlite"])
        return tuple(int(str(rows[0][0])) for rows in found)

    def faults(self) -> list[str]:
        integrity, keys = self.ask("PRAGMA integrity_check", "PRAGMA foreign_key_check")
        return [str(row[0]) for row in integrity if row != ("ok",)] + [
            f"a key of {row[0]} that leads nowhere" for row in keys
        ]


class PostgresqlLibrary:
    def __init__(self, url: str) -> None:
        self.url = url
        self.name = urlsplit(url).path[1:]
        self.server = url.removesuffix(self.name) + "postgres"

    def run(self, *statements: str) -> None:
        with psycopg.connect(self.server, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def make(self) -> None:
        drop = f"DROP DATABASE IF EXISTS {self.name}"
        self.run(f"{drop} WITH (FORCE)", f"{drop}_empty", f"CREATE DATABASE {self.name}")

    def keep(self) -> None:
        self.run(f"CREATE DATABASE {self.name}_empty TEMPLATE {self.name}")

    def restore(self) -> None:
        self.run(
            f"DROP DATABASE {self.name} WITH (FORCE)",
            f"CREATE DATABASE {self.name} TEMPLATE {self.name}_empty",
        )

    def counts(self) -> Counts:
        with psycopg.connect(self.url) as connection:
            found = [
                connection.execute(question.encode()).fetchone()
                for question in (*rows_of(TABLES), INDEXES["postgresql"])
            ]
        return tuple(row[0] if row else 0 for row in found)

    def faults(self) -> list[str]:
        return []


class Importer:
    """Imports of a file into a library."""

    def __init__(self, library: Library, path: Path) -> None:
        self.library, self.path = library, path
        own = {
            "DATABASE_URL": library.url, "VIVACE_DATA_DIR": str(path.parent),
            "VIVACE_SECRET_KEY": secrets.token_urlsafe(50),
        }  # fmt: skip
        self.environment = stacks.environment(own)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "vivace", *words]
        return subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE)

    def run(self, *words: str) -> bytes:
        output, _ = (process := self.start(*words)).communicate()
        if process.returncode:
            raise SystemExit(f"vivace {words[0]} ended with {process.returncode}")
        return output

    def nothing(self) -> Counts:
        self.library.make()
        self.run("migrate", "--verbosity=0")
        self.library.keep()
        return self.library.counts()

    def whole(self) -> tuple[Counts, float]:
        """What an import that nobody interrupts leaves, and how many seconds it takes."""
        started = time.perf_counter()
        self.run("import", str(self.path))
        return self.library.counts(), time.perf_counter() - started

    def killed(self, after_s: float) -> bool:
        """Whether the import was still at it."""
        process = self.start("import", str(self.path))
        try:
            process.communicate(timeout=after_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return True
        return False

    def complete(self) -> dict[str, int]:
        report: dict[str, int] = json.loads(self.run("import", "--json", str(self.path)))
        return report


def library_of(database: Database, folder: Path, stack: ExitStack) -> Library:
    if database == "sqlite":
        return SqliteLibrary(folder)
    return PostgresqlLibrary(f"{stack.enter_context(servers.postgresql_server())}/killed")


def main() -> int:
    trial = Trial("kills", __doc__)
    trial.parser.add_argument("--kills", type=int, default=20)
    trial.parser.add_argument("--artists", type=int, default=10_000, help="of 20 tracks on average")
    trial.parser.add_argument("--seed", type=int, default=1)
    trial.parser.add_argument("--db", choices=DATABASES, default="sqlite")
    options = trial.parsed()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vivace-kills-")))
        path = folder / "tracks.jsonl"
        importer = Importer(library_of(options.db, folder, stack), path)
        importer.run("seed", "--artists", str(options.artists), "--output", str(path))
        seen = kills(importer, options.kills, random.Random(options.seed))
    server = f"imports of {plural(seen.tracks, 'track')}, {STACK_NAMES[options.db]}"
    return trial.concluded(
        options.db,
        server,
        [
            Measured(what="imports that were killed", value=seen.killed),
            Measured(what="imports that left something half there", value=seen.half, at_most=0),
        ],
    )


class Kills(NamedTuple):
    tracks: int
    """Of the file."""
    killed: int
    """Imports; others had ended before."""
    half: int
    """After how many something was not as it should be."""


def kills(importer: Importer, number_of: int, randomness: random.Random) -> Kills:
    library = importer.library
    nothing = importer.nothing()
    everything, seconds = importer.whole()
    tracks = everything[TABLES.index("track")]
    print(f"{tracks:,} tracks go in within {seconds:.1f} s")
    killed = half = 0
    for number in range(number_of):
        after_s = seconds * (number + randomness.random()) / number_of
        library.restore()
        was_killed = importer.killed(after_s)
        left, faults = library.counts(), library.faults()
        if left not in {nothing, everything}:
            faults.append(f"there are {left}, neither {nothing} nor {everything}")
        started = time.perf_counter()
        report = importer.complete()
        if report["added"] == tracks:
            # The machine may be busier or idler than it was.
            seconds = time.perf_counter() - started
        if library.counts() != everything or report["added"] + report["unchanged"] != tracks:
            faults.append(f"the next run left {library.counts()} and reports {report}")
        faults += library.faults()
        print(
            f"{number + 1:3} {'killed' if was_killed else 'ended'} after {after_s:5.1f} s, "
            f"{'all' if left == everything else 'nothing'} was there, "
            f"the next run added {report['added']:,}: {'; '.join(faults) or 'as it should'}",
            flush=True,
        )
        killed += was_killed
        half += bool(faults)
    return Kills(tracks, killed, half)


if __name__ == "__main__":
    sys.exit(main())
