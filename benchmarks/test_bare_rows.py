"""What this machine does without Vivace, to read the other figures by."""

import sqlite3
from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.measuring import describe

ROWS = 10_000
STATEMENT_ROWS = 500


def test_bare_rows(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """Rows of a name and a moment into a table of SQLite's without an index."""
    title = "Yardstick: 10,000 rows into a bare SQLite table, without Vivace"
    describe(benchmark, title, "yardstick", rows=ROWS)
    database = sqlite3.connect(tmp_path / "yardstick.sqlite3", isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    marks = ", ".join(["(?, ?)"] * STATEMENT_ROWS)
    values = [text for n in range(ROWS) for text in (f"Artist {n}", "2026-01-01T00:00:00Z")]

    def empty() -> None:
        database.execute("DROP TABLE IF EXISTS bare")
        database.execute("CREATE TABLE bare (id integer PRIMARY KEY, name text, made text)")

    benchmark.pedantic(insert, (database, marks, values), setup=empty, rounds=15)
    assert database.execute("SELECT count(*) FROM bare").fetchone() == (ROWS,)


def insert(database: sqlite3.Connection, marks: str, values: list[str]) -> None:
    step = 2 * STATEMENT_ROWS
    database.execute("BEGIN IMMEDIATE")
    for start in range(0, len(values), step):
        part = values[start : start + step]
        database.execute(f"INSERT INTO bare (name, made) VALUES {marks}", part)
    database.execute("COMMIT")
