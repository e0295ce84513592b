"""An index that is missing, built on a copy: what it gains, and what it costs.

Two databases stand side by side, one with it and one without. The request is asked of each in
turn, so that what slows the machine slows both.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from msgspec import Struct

from vivace.lab.profiling.calling import Request, call
from vivace.lab.profiling.databases import copy_of, undone
from vivace.lab.profiling.plans import indexes_of
from vivace.lab.profiling.probing import empty_caches
from vivace.lab.profiling.rules import Proposal

ROUNDS = 20
REQUESTS = 9
"""Of a round at most, of which the median counts."""
ROUND_SECONDS = 0.05
WARMUP_ROUNDS = 3
BULK_ROUNDS = 8
BULK_ROWS = 5_000
NAME = "vivace_lab_proposed"
COPIES = ("vivace_lab_without", "vivace_lab_with")

Pairs = list[tuple[float, float, float]]
"""Of each round, in seconds: without the index, with it, with it again."""


class Trial(Struct, kw_only=True):
    table: str
    columns: list[str]
    build_seconds: float
    bytes: int
    """On disk."""
    pairs: Pairs
    bulk_rows: int
    bulk_pairs: Pairs
    """Of an insert of so many rows into a table with the other indexes."""


def trial(handler: WSGIHandler, request: Request, proposal: Proposal) -> Trial:
    """Raises `CopyError`."""
    without = connections[DEFAULT_DB_ALIAS]
    with copy_of(without) as copy:
        before = size(copy)
        began = time.perf_counter()
        create(copy, NAME, proposal.table, proposal.columns)
        built = time.perf_counter() - began
        taken = size(copy) - before
        analyse(without)
        analyse(copy)

        def ask(wrapper: BaseDatabaseWrapper) -> float:
            with standing_in(wrapper), undone():
                # The first finds the memory full of the other database's pages.
                first = timed(handler, request)
                times = max(1, min(REQUESTS, int(ROUND_SECONDS / first)))
                return median(timed(handler, request) for _ in range(times))

        pairs = alternated(
            lambda: ask(without), lambda: ask(copy), rounds=ROUNDS, warmups=WARMUP_ROUNDS
        )
        rows, bulk_pairs = bulk(copy, proposal)
    return Trial(
        table=proposal.table,
        columns=[*proposal.columns],
        build_seconds=built,
        bytes=taken,
        pairs=pairs,
        bulk_rows=rows,
        bulk_pairs=bulk_pairs,
    )


def timed(handler: WSGIHandler, request: Request) -> float:
    """Seconds, with nothing cached."""
    empty_caches()
    began = time.perf_counter()
    call(handler, request)
    return time.perf_counter() - began


def alternated(
    before: Callable[[], float], after: Callable[[], float], *, rounds: int, warmups: int = 1
) -> Pairs:
    """Both in turn, and the second once more as a control.

    What runs right after the slower of the two is slower, too, so those that are compared with
    each other take turns in being that.
    """
    pairs: Pairs = []
    for number in range(warmups + rounds):
        if number % 2:
            again, once = after(), before()
        else:
            once, again = before(), after()
        pairs.append((once, after(), again))
    return pairs[warmups:]


@contextmanager
def standing_in(wrapper: BaseDatabaseWrapper) -> Iterator[None]:
    """Whatever asks the default database asks this one, in this thread."""
    original = connections[DEFAULT_DB_ALIAS]
    connections[DEFAULT_DB_ALIAS] = wrapper
    try:
        yield
    finally:
        connections[DEFAULT_DB_ALIAS] = original


def create(wrapper: BaseDatabaseWrapper, name: str, table: str, columns: Any) -> None:
    quote = wrapper.ops.quote_name
    listed = ", ".join(quote(column) for column in columns)
    run(wrapper, f"CREATE INDEX {quote(name)} ON {quote(table)} ({listed})")


def run(wrapper: BaseDatabaseWrapper, sql: str) -> None:
    with wrapper.cursor() as cursor:
        cursor.execute(sql)


def analyse(wrapper: BaseDatabaseWrapper) -> None:
    run(wrapper, "ANALYZE")


def size(wrapper: BaseDatabaseWrapper) -> int:
    """Of the whole database, in bytes."""
    with wrapper.cursor() as cursor:
        if wrapper.vendor == "postgresql":
            cursor.execute("SELECT pg_database_size(current_database())")
            return int(cursor.fetchone()[0])
        run(wrapper, "PRAGMA wal_checkpoint(TRUNCATE)")
    return Path(wrapper.settings_dict["NAME"]).stat().st_size


def bulk(wrapper: BaseDatabaseWrapper, proposal: Proposal) -> tuple[int, Pairs]:
    """How many rows were inserted into each of two empty tables like it, and the times."""
    quote = wrapper.ops.quote_name
    others = indexes_of(wrapper, proposal.table)
    others.pop(NAME, None)
    for copy in COPIES:
        run(wrapper, f"CREATE TABLE {copy} AS SELECT * FROM {quote(proposal.table)} WHERE 1 = 0")
        for number, index in enumerate(others.values()):
            create(wrapper, f"{copy}_{number}", copy, index.columns)
    create(wrapper, f"{COPIES[1]}_proposed", COPIES[1], proposal.columns)
    inserted = 0

    def insert(copy: str) -> float:
        nonlocal inserted
        run(wrapper, f"DELETE FROM {copy}")
        with wrapper.cursor() as cursor:
            began = time.perf_counter()
            cursor.execute(
                f"INSERT INTO {copy} SELECT * FROM {quote(proposal.table)} LIMIT {BULK_ROWS}"
            )
            inserted = cursor.rowcount
            return time.perf_counter() - began

    pairs = alternated(lambda: insert(COPIES[0]), lambda: insert(COPIES[1]), rounds=BULK_ROUNDS)
    return inserted, pairs
