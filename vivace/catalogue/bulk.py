"""The hot writes: many rows in one statement, all or nothing.

Callers hold the transaction. Constraints are the database's: a row that breaks one raises
`IntegrityError` and nothing is written.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice
from types import MappingProxyType

from django.db import connection
from django.db.models import Model

STATEMENT_ROWS = 500
"""SQLite takes 32,766 parameters in a statement: enough for 65 columns."""

Value = str | int | None
Row = Sequence[Value]
NONE: Mapping[str, Value] = MappingProxyType({})


def reserve_ids(model: type[Model], count: int) -> Sequence[int]:
    """`count` new primary keys, ascending. On SQLite the caller already holds the write lock."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # The sequence is looked up once, and the ids come as one value.
            cursor.execute(
                "SELECT array_agg(nextval(sequence)) FROM generate_series(1, %s),"
                " (SELECT pg_get_serial_sequence(%s, 'id')::regclass OFFSET 0) found(sequence)",
                [count, table],
            )
            [(reserved,)] = cursor.fetchall()
            return reserved or []
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        last = (cursor.fetchone() or (0,))[0]
        return range(last + 1, last + 1 + count)


def insert(
    model: type[Model],
    columns: Sequence[str],
    rows: Iterable[Row],
    same: Mapping[str, Value] = NONE,
) -> None:
    """Write rows of database values (text for timestamps), in the order of `columns`.

    `same` are further columns, with the value that all rows have in them. A few statements on
    SQLite, one COPY on PostgreSQL. Defaults of model fields do not apply; those of the database
    do.
    """
    insert_into(model._meta.db_table, columns, rows, same)


def insert_into(
    name: str, columns: Sequence[str], rows: Iterable[Row], same: Mapping[str, Value] = NONE
) -> None:
    """`insert`, into a table that no model stands for."""
    quote = connection.ops.quote_name
    into = f"{quote(name)} ({', '.join(map(quote, (*columns, *same)))})"
    # Both ways go below Django's cursor wrapper, and with it its translation of errors.
    with connection.wrap_database_errors, connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            constant = tuple(same.values())
            with cursor.copy(f"COPY {into} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row((*row, *constant))
        else:
            insert_sqlite(cursor.cursor.connection, into, rows, list(same.values()))


def insert_sqlite(
    database: sqlite3.Connection, into: str, rows: Iterable[Row], same: Sequence[Value]
) -> None:
    """Some hundred rows a statement: a quarter less work than one each.

    A value that all of them have is handed over once: it is a parameter of the SELECT.
    """
    selected = ", ".join(["*", *("?" for _ in same)])
    remaining = iter(rows)
    while part := list(islice(remaining, STATEMENT_ROWS)):
        marks = ", ".join([f"({', '.join('?' * len(part[0]))})"] * len(part))
        database.execute(
            f"INSERT INTO {into} SELECT {selected} FROM (VALUES {marks})",
            [*same, *chain.from_iterable(part)],
        )
