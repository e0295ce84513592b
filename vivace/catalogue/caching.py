"""The generation: a number that another one replaces with every change to the catalogue.

What was read under one generation holds for as long as the database says so. It is drawn, not
counted: a library brought back from a backup meets only generations that it had before. What they
stood for is the same, but for answers made while the next one began: restart the workers and empty
Redis, too.
"""

import math
import re
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from vivace.catalogue.models import Generation

BITS = 62
TABLE = Generation._meta.db_table
CURRENT = f"SELECT value FROM {TABLE}"
PREPARED = b"vivace_generation"
UNKNOWN_STATEMENT = b"26000"
DEADLOCK = "40P01"
"""PostgreSQL's code for a transaction that it ended, as it and another waited for each other."""
LEASE_SECONDS = {"sqlite": 0.0005, "postgresql": 0.005}
"""For so long whoever reads may go by what the database last told; and so long whoever changed the
catalogue waits before saying so, that nobody reads what was before it from then on."""


class Here(threading.local):
    """What a thread knows, which has a connection of its own."""

    connection: Any = None
    """Django's wrapper of its own one, which Django's proxy looks up anew at each access."""
    changing = False
    """Whether it is in a block that advances the generation at its end."""
    generation: int | None = None
    until = -math.inf
    """When it is to be asked for again, by `monotonic`."""


here = Here()


def generation() -> int:
    """The generation of the catalogue. Read it before the data it is to stand for."""
    return Generation.objects.values_list("value", flat=True).get()


def locked() -> int:
    """The same, where nobody else changes the catalogue until the transaction ends."""
    return Generation.objects.select_for_update().values_list("value", flat=True).get()


def is_deadlock(error: OperationalError) -> bool:
    """Whoever else writes takes the generation last, who begins with it is to try again."""
    return getattr(error.__cause__, "sqlstate", None) == DEADLOCK


def advance() -> None:
    """Move the generation on, inside the transaction that changes the catalogue.

    The row stays locked until that ends, so call it last: other writers wait for it.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("The generation moves with a transaction, and there is none")
    Generation.objects.update(value=secrets.randbits(BITS))
    if not any(outlast_leases in each for each in connection.run_on_commit):
        # Once is enough for a transaction of many changes.
        transaction.on_commit(outlast_leases)


def outlast_leases() -> None:
    """Return when nobody goes by a generation of before any more, on whichever node.

    Each counts from before it asked, by its own clock: that they agree on the hour is not needed.
    """
    time.sleep(LEASE_SECONDS[connection.vendor])


@contextmanager
def spoken_for() -> Iterator[None]:
    """Whoever changes the catalogue in the block advances the generation by themselves."""
    outer, here.changing = here.changing, True
    try:
        yield
    finally:
        here.changing = outer


@contextmanager
def advancing() -> Iterator[None]:
    """Changes to the catalogue within a transaction, and the new generation at their end."""
    with spoken_for():
        yield
    check()
    advance()


def check() -> None:
    """Have PostgreSQL check now what it would only at the end: rows that others may have locked,
    who wait for the generation's."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@contextmanager
def changing() -> Iterator[None]:
    """A transaction that changes the catalogue: all of it and the new generation, or nothing."""
    with transaction.atomic(), advancing():
        yield


# --- Whoever else writes ----------------------------------------------------------------------

WRITES = re.compile(
    r"\b(?:insert(?:\s+or\s+\w+)?\s+into|update(?:\s+or\s+\w+)?|delete\s+from|replace\s+into"
    r"|merge\s+into|truncate(?:\s+table)?)\s+(?:only\s+)?(?:\"?\w+\"?\.)?[\"`\[]?"
    r"catalogue_(?!generation|word)",
    re.IGNORECASE,
)
"""A write to a table of the catalogue, wherever in the statement it is."""


def watch(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Have a new connection advance the generation with any write that nobody else does it for.

    So a model saved in a shell or by a script counts like a request to the API.
    """
    if moved not in connection.execute_wrappers:
        # First, as others take theirs off the end.
        connection.execute_wrappers.insert(0, moved)


def moved(
    execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    text = sql if isinstance(sql, str) else repr(sql)
    # Reads are told by their first word: looking through their whole text takes longer.
    if here.changing or text.startswith("SELECT") or not WRITES.search(text):
        return execute(sql, params, many, context)
    own = context["connection"]
    with transaction.atomic(using=own.alias, savepoint=False):
        done = execute(sql, params, many, context)
        if own.vendor == "sqlite" and context["cursor"].description:
            context["cursor"].cursor = Fetched(context["cursor"].cursor)
        advance()
    return done


class Fetched:
    """A cursor of SQLite whose rows are all here: a statement that has more keeps it from
    committing."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self.cursor = cursor
        self.rows: Iterator[Any] = iter(cursor.fetchall())

    def execute(self, *statement: Any) -> Any:
        self.rows = self.cursor
        return self.cursor.execute(*statement)

    def fetchone(self) -> Any:
        return next(self.rows, None)

    def fetchmany(self, size: int = 1) -> list[Any]:
        return [*islice(self.rows, size)]

    def fetchall(self) -> list[Any]:
        return [*self.rows]

    def __iter__(self) -> Iterator[Any]:
        return self.rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cursor, name)


# --- Whether it moved -------------------------------------------------------------------------


def current() -> int | None:
    """The generation, as it was less than a lease ago; None where there is none.

    Raises `DatabaseError`.
    """
    own = here.connection
    if own is None:
        own = here.connection = connections[DEFAULT_DB_ALIAS]
    if own.in_atomic_block:
        # What a transaction of its own changed may yet be undone.
        return Generation.objects.values_list("value", flat=True).first()
    now = time.monotonic()
    if now >= here.until:
        own.ensure_connection()
        with own.wrap_database_errors:
            here.generation = asked(own)
        here.until = now + LEASE_SECONDS[own.vendor]
    return here.generation


def asked(own: Any) -> int | None:
    """The row, past all that a query of one number does not need."""
    if own.vendor == "postgresql":
        found = asked_of_postgresql(own.connection.pgconn)
        own.answered_at = time.monotonic()
        return found
    row = own.connection.execute(CURRENT).fetchone()
    return row[0] if row else None


def asked_of_postgresql(raw: Any) -> int | None:
    """Of psycopg's `PGconn`: over a Unix socket that takes 28 µs, and 90 by way of a cursor."""
    # With SQLite it need not be loaded: it takes 10 MB.
    import psycopg
    from psycopg.pq import DiagnosticField, ExecStatus

    result = raw.exec_prepared(PREPARED, None)
    # Not prepared yet, or no longer: psycopg has all forgotten after a rollback.
    if result.error_field(DiagnosticField.SQLSTATE) == UNKNOWN_STATEMENT:
        raw.prepare(PREPARED, CURRENT.encode())
        result = raw.exec_prepared(PREPARED, None)
    if result.status != ExecStatus.TUPLES_OK:
        raise psycopg.OperationalError(result.error_message.decode(errors="replace"))
    return int(result.get_value(0, 0) or 0) if result.ntuples else None
