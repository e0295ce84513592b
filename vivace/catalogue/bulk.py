"""The hot writes: many rows in one statement, all or nothing.

Callers hold the transaction. Constraints are the database's: a row that breaks one raises
`IntegrityError` and nothing is written.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import chain, islice

from django.db import connection
from django.db.models import Model

STATEMENT_ROWS = 500
"""SQLite takes 32,766 parameters in a statement: enough for 65 columns."""

Value = str | int | None
Row = Sequence[Value]


def reserve_ids(model: type[Model], count: int) -> Sequence[int]:
    """`count` new primary keys, ascending. On SQLite the caller already holds the write lock."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
                [table, count],
            )
            return [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        last = (cursor.fetchone() or (0,))[0]
        return range(last + 1, last + 1 + count)


def insert(model: type[Model], columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write rows of database values (text for timestamps), in the order of `columns`.

    A few statements on SQLite, one COPY on PostgreSQL. Defaults of model fields do not
    apply; those of the database do.
    """
    insert_into(model._meta.db_table, columns, rows)


def insert_into(name: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """`insert`, into a table that no model stands for."""
    quote = connection.ops.quote_name
    table, names = quote(name), ", ".join(map(quote, columns))
    # Both ways go below Django's cursor wrapper, and with it its translation of errors.
    with connection.wrap_database_errors, connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            insert_sqlite(cursor.cursor.connection, f"INSERT INTO {table} ({names}) VALUES ", rows)


def insert_sqlite(database: sqlite3.Connection, into: str, rows: Iterable[Row]) -> None:
    """Some hundred rows a statement: a quarter less work than one each."""
    remaining = iter(rows)
    while part := list(islice(remaining, STATEMENT_ROWS)):
        marks = f"({', '.join('?' * len(part[0]))})"
        database.execute(into + ", ".join([marks] * len(part)), list(chain.from_iterable(part)))
