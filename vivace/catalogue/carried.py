"""The genres and credits of albums and tracks, carried by their rows as they are shown.

`genre_list` and `credit_list` are JSON: a page reads them with the row instead of gathering
them from four tables. Triggers keep them right, whoever writes, when anything they are made of
changes. Code that inserts many rows writes the lists with them, `ahead` of what they are made of.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.db import connection, transaction

KINDS = ("album", "track")
CREDIT = ("id", "name", "credited_as", "role")
"""What each member of a `credit_list` has, in this order."""
AHEAD = "vivace.lists_ahead"
"""A setting of PostgreSQL's transaction: the lists are there before their rows."""


class Carried(NamedTuple):
    """A list that rows carry, and the table that it is made of."""

    column: str
    rows: str
    named: str
    """The table with the names, by a column of `rows`."""
    columns: Sequence[str]
    """The columns of `rows` that matter when they change."""

    def table(self, kind: str) -> str:
        return f"catalogue_{kind}{self.rows}"


GENRES = Carried("genre_list", "genre", "genre", ("genre_id", "position"))
CREDITS = Carried(
    "credit_list", "credit", "artist", ("artist_id", "position", "credited_as", "role")
)
LISTS = (GENRES, CREDITS)


def made(carried: Carried, kind: str, vendor: str) -> str:
    """SQL for the list of a row of `catalogue_{kind}`, from what it is made of."""
    held = (
        f"{carried.table(kind)} held"
        f" JOIN catalogue_{carried.named} named ON named.id = held.{carried.named}_id"
        f" WHERE held.{kind}_id = catalogue_{kind}.id"
    )
    values = ("CAST(held.artist_id AS text)", "named.name", "held.credited_as", "held.role")
    given = values if carried is CREDITS else ["named.name"]
    return listed(vendor, held, "held.position, held.id", *given)


def listed(vendor: str, held: str, order: str, *values: str) -> str:
    """SQL for the list of what stands in `held`: of one value each, or of all those of a credit.

    Both databases, and msgspec, write the same list in the same letters.
    """
    pairs = [*zip(CREDIT, values, strict=True)] if len(values) > 1 else []
    if vendor == "sqlite":
        member, value = "value", values[0]
        if pairs:
            told = ", ".join(f"'{name}', {value}" for name, value in pairs)
            member, value = "json(value)", f"json_object({told})"
        rows = f"SELECT {value} AS value FROM {held} ORDER BY {order}"
        return f"(SELECT json_group_array({member}) FROM ({rows}))"
    value = f"to_json({values[0]})::text"
    if pairs:
        told = " || ',' || ".join(
            f"'\"{name}\":' || to_json({value})::text" for name, value in pairs
        )
        value = f"'{{' || {told} || '}}'"
    members = f"string_agg({value}, ',' ORDER BY {order})"
    return f"(SELECT '[' || coalesce({members}, '') || ']' FROM {held})"


def renew(kind: str, rows: str, values: Sequence[Any] = ()) -> None:
    """Make the lists of rows anew. `rows` is a condition on the table's `id`."""
    lists = ", ".join(f"{each.column} = {made(each, kind, connection.vendor)}" for each in LISTS)
    filled = " OR ".join(
        f"{each.column} <> '[]' OR EXISTS"
        f" (SELECT 1 FROM {each.table(kind)} held WHERE held.{kind}_id = catalogue_{kind}.id)"
        for each in LISTS
    )
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # First, so that what others have just written is read.
            locked = f"SELECT 1 FROM catalogue_{kind} WHERE id {rows} ORDER BY id"
            cursor.execute(f"SELECT count(*) FROM ({locked} FOR NO KEY UPDATE) AS locked", values)
        cursor.execute(
            f"UPDATE catalogue_{kind} SET {lists} WHERE id {rows} AND ({filled})", values
        )


@contextmanager
def ahead() -> Iterator[None]:
    """What is inserted in the block, into the tables of genres and credits, is in the lists.

    Within a transaction. On SQLite the triggers see it by the length of the list.
    """
    if connection.vendor == "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL {AHEAD} = 'on'")
        yield
        cursor.execute(f"SET LOCAL {AHEAD} = 'off'")


# --- What keeps them right -------------------------------------------------------------------


def triggers(vendor: str) -> Iterator[str]:
    """The statements that make them. Each trigger is named `carried_…`."""
    for kind in KINDS:
        for carried in LISTS:
            yield from (sqlite if vendor == "sqlite" else postgresql)(carried, kind)


def stale(carried: Carried, kind: str) -> Iterator[tuple[str, str, Sequence[str], str]]:
    """(name, table, columns that matter when they change, the ids of rows whose list then does)."""
    owner = f"{kind}_id"
    both = f"SELECT OLD.{owner} UNION SELECT NEW.{owner}"
    yield "held", carried.table(kind), (owner, *carried.columns), both
    named = f"SELECT {owner} FROM {carried.table(kind)} WHERE {carried.named}_id = NEW.id"
    yield "named", f"catalogue_{carried.named}", ("name",), named


def sqlite(carried: Carried, kind: str) -> Iterator[str]:
    table, owner = carried.table(kind), f"{kind}_id"
    name = f"carried_{table.removeprefix('catalogue_')}"
    list_, made_ = carried.column, made(carried, kind, "sqlite")
    renewed = f"UPDATE catalogue_{kind} SET {list_} = {made_} WHERE id"
    for what, on, columns, ids in stale(carried, kind):
        changed = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in columns)
        yield (
            f"CREATE TRIGGER {name}_{what} AFTER UPDATE OF {', '.join(columns)} ON {on}"
            f" WHEN {changed} BEGIN {renewed} IN ({ids}); END"
        )
    yield (
        f"CREATE TRIGGER {name}_delete AFTER DELETE ON {table} BEGIN {renewed} = OLD.{owner}; END"
    )
    # A list that was written ahead is as long as it will have to be.
    count = f"(SELECT count(*) FROM {table} WHERE {owner} = NEW.{owner})"
    yield (
        f"CREATE TRIGGER {name}_insert AFTER INSERT ON {table}"
        f" BEGIN {renewed} = NEW.{owner} AND json_array_length({list_}) < {count}; END"
    )


def postgresql(carried: Carried, kind: str) -> Iterator[str]:
    table, owner = carried.table(kind), f"{kind}_id"
    name = f"carried_{table.removeprefix('catalogue_')}"
    for what, on, columns, ids in stale(carried, kind):
        changed = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in columns)
        yield function(f"{name}_{what}", carried, kind, ids)
        yield (
            f"CREATE TRIGGER {name}_{what} AFTER UPDATE OF {', '.join(columns)} ON {on}"
            f" FOR EACH ROW WHEN ({changed}) EXECUTE FUNCTION {name}_{what}()"
        )
    # Rows come and go by the thousand: their lists are made once for all of them.
    yield function(name, carried, kind, f"SELECT {owner} FROM changed")
    for event, rows, when in (
        ("INSERT", "NEW", f" WHEN (current_setting('{AHEAD}', true) IS DISTINCT FROM 'on')"),
        ("DELETE", "OLD", ""),
    ):
        yield (
            f"CREATE TRIGGER {name}_{event.lower()} AFTER {event} ON {table}"
            f" REFERENCING {rows} TABLE AS changed"
            f" FOR EACH STATEMENT{when} EXECUTE FUNCTION {name}()"
        )


def function(name: str, carried: Carried, kind: str, ids: str) -> str:
    """Makes lists anew, for two at once: the second waits, and reads what the first has written."""
    rows = f"FROM catalogue_{kind} WHERE id IN ({ids}) ORDER BY id FOR NO KEY UPDATE"
    renewed = (
        f"UPDATE catalogue_{kind} SET {carried.column} = {made(carried, kind, 'postgresql')}"
        f" WHERE id IN ({ids})"
    )
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN PERFORM 1 {rows}; {renewed}; RETURN NULL; END $$"
    )
