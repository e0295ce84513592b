"""What every operation counts to, in a process of the tree that is counted.

python -m vivace.lab.profiling.counting FOLDER    asks what was prepared there, and puts the counts
                                                  beside it
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection

from vivace.lab.gate_results import Asked, Counts
from vivace.lab.profiling.calling import Request, call
from vivace.lab.profiling.databases import undone
from vivace.lab.profiling.preparing import ask, given, ready
from vivace.lab.profiling.shapes import shape
from vivace.lab.profiling.tracing import Executed, recording

WARMUPS = 2
"""What is kept from the first request on is there for the one that is counted."""

Effort = Callable[[], int]


def counts_path(folder: Path) -> Path:
    return folder / "counts.json"


def main() -> None:
    handler, requests = ready()
    found = [counts(handler, request) for request in requests]
    counts_path(given()).write_bytes(msgspec.json.encode(found))


def counts(handler: WSGIHandler, request: Request) -> Counts:
    for _ in range(WARMUPS):
        ask(handler, request)
    with undone(), counted_effort() as effort:
        with recording() as trace:
            answer = call(handler, request)
        taken = effort()
    asked = statements(trace.executed)
    return Counts(
        operation=request.operation,
        status=answer.status,
        queries=len(trace.executed),
        shapes=len(asked),
        rows=sum(each.rows for each in trace.executed),
        effort=taken,
        bytes=len(answer.body),
        statements=asked,
    )


def statements(executed: list[Executed]) -> list[Asked]:
    by_shape: dict[str, list[Executed]] = defaultdict(list)
    for each in executed:
        by_shape[shape(each.sql)].append(each)
    return [
        Asked(shape=name, times=len(group), place=str(group[0].place or ""))
        for name, group in by_shape.items()
    ]


@contextmanager
def counted_effort() -> Iterator[Effort]:
    """How much the database had to do since the block began, in a transaction."""
    with steps() if connection.vendor == "sqlite" else rows_read() as effort:
        yield effort


@contextmanager
def steps() -> Iterator[Effort]:
    """Of SQLite's virtual machine."""
    count = 0

    def stepped() -> int:
        nonlocal count
        count += 1
        return 0

    raw = connection.connection
    raw.set_progress_handler(stepped, 1)
    try:
        yield lambda: count
    finally:
        raw.set_progress_handler(None, 0)


@contextmanager
def rows_read() -> Iterator[Effort]:
    """Of PostgreSQL's tables; what an index alone answers is not among them."""
    before = rows_read_so_far()
    yield lambda: rows_read_so_far() - before


def rows_read_so_far() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT SUM(seq_tup_read + COALESCE(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables"
        )
        return int(cursor.fetchone()[0] or 0)


if __name__ == "__main__":
    main()
