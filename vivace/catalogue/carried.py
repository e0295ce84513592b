"""The genres and credits of albums and tracks, carried by their rows as they are shown.

`genre_list` and `credit_list` are JSON: a page reads them with the row instead of gathering
them from four tables. Triggers keep them right, whoever writes, when anything they are made of
changes. Code that writes many rows sees to their lists by itself (`seen_to`).
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.db import connection, transaction
from msgspec.json import encode

KINDS = ("album", "track")
CREDIT = ("id", "name", "credited_as", "role")
"""What each member of a `credit_list` has, in this order."""
SEEN_TO = "vivace.lists_seen_to"
"""A setting of PostgreSQL's transaction, for the triggers."""


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


def list_of_genres(names: Iterable[str]) -> str:
    return encode([*names]).decode()


def list_of_credits(credited: Iterable[tuple[str, str, str, str]]) -> str:
    """Of the members of `CREDIT`."""
    return encode([dict(zip(CREDIT, each, strict=True)) for each in credited]).decode()


def renew(kind: str, rows: str, values: Sequence[Any] = ()) -> None:
    """Make lists anew where they are not right. `rows` is a condition on the table's `id`."""
    table, vendor = f"catalogue_{kind}", connection.vendor
    lists = ", ".join(f"{made(each, kind, vendor)} AS {each.column}" for each in LISTS)
    changed = " OR ".join(f"{table}.{each.column} <> made.{each.column}" for each in LISTS)
    with transaction.atomic(), connection.cursor() as cursor:
        if vendor == "postgresql":
            # First, so that what others have just written is read.
            locked = f"SELECT 1 FROM {table} WHERE id {rows} ORDER BY id FOR NO KEY UPDATE"
            cursor.execute(f"SELECT count(*) FROM ({locked}) AS locked", values)
        cursor.execute(
            f"UPDATE {table} SET {', '.join(f'{e.column} = made.{e.column}' for e in LISTS)}"
            f" FROM (SELECT id, {lists} FROM {table} WHERE id {rows}) AS made"
            f" WHERE made.id = {table}.id AND ({changed})",
            values,
        )


@contextmanager
def seen_to() -> Iterator[None]:
    """Whoever writes to the tables of genres and credits in the block sees to the lists.

    Within a transaction, and not one in another. On SQLite the triggers go on: they leave alone a
    list that is as long as it has to be.
    """
    if connection.vendor == "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL {SEEN_TO} = 'on'")
        yield
        cursor.execute(f"SET LOCAL {SEEN_TO} = 'off'")


# --- What keeps them right -------------------------------------------------------------------


def triggers(vendor: str) -> Iterator[str]:
    """The statements that make them.

    PostgreSQL fires them by name: those of albums (`carry_0_…`) before those of tracks
    (`carry_1_…`), and each behind that of the sort keys (`carry_0`, `carry_1`). So whoever renames
    an artist and whoever renames a genre lock rows in one order.
    """
    for kind in KINDS:
        for carried in LISTS:
            yield from (sqlite if vendor == "sqlite" else postgresql)(carried, kind)


def name_of(carried: Carried, kind: str, event: str) -> str:
    return f"carry_{KINDS.index(kind)}_{carried.rows}_{event}"


class Stale(NamedTuple):
    """Whose lists an UPDATE of a table makes wrong."""

    event: str
    table: str
    columns: Sequence[str]
    """That matter when they change."""
    ids: str
    """SQL for the ids of the rows."""


def stale(carried: Carried, kind: str) -> Iterator[Stale]:
    owner, table = f"{kind}_id", carried.table(kind)
    both = f"SELECT OLD.{owner} UNION SELECT NEW.{owner}"
    yield Stale("held", table, (owner, *carried.columns), both)
    named = f"SELECT {owner} FROM {table} WHERE {carried.named}_id = NEW.id"
    yield Stale("named", f"catalogue_{carried.named}", ("name",), named)


def sqlite(carried: Carried, kind: str) -> Iterator[str]:
    table, owner, list_ = carried.table(kind), f"{kind}_id", carried.column
    renewed = f"UPDATE catalogue_{kind} SET {list_} = {made(carried, kind, 'sqlite')} WHERE id"
    for event, on, columns, ids in stale(carried, kind):
        changed = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in columns)
        yield (
            f"CREATE TRIGGER {name_of(carried, kind, event)}"
            f" AFTER UPDATE OF {', '.join(columns)} ON {on}"
            f" WHEN {changed} BEGIN {renewed} IN ({ids}); END"
        )
    yield (
        f"CREATE TRIGGER {name_of(carried, kind, 'delete')} AFTER DELETE ON {table}"
        f" BEGIN {renewed} = OLD.{owner}; END"
    )
    # A list that was written ahead is as long as it will have to be. (Not told from that: a row
    # that REPLACE puts in place of another.)
    count = f"(SELECT count(*) FROM {table} WHERE {owner} = NEW.{owner})"
    yield (
        f"CREATE TRIGGER {name_of(carried, kind, 'insert')} AFTER INSERT ON {table}"
        f" BEGIN {renewed} = NEW.{owner} AND json_array_length({list_}) < {count}; END"
    )


def postgresql(carried: Carried, kind: str) -> Iterator[str]:
    table, owner, named = carried.table(kind), f"{kind}_id", f"{carried.named}_id"
    unseen = f"current_setting('{SEEN_TO}', true) IS DISTINCT FROM 'on'"
    for event, on, columns, ids in stale(carried, kind):
        name = name_of(carried, kind, event)
        changed = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in columns)
        when = f"({changed}) AND {unseen}" if event == "held" else changed
        yield function(name, carried, kind, ids, f"NEW.{named}" if event == "held" else "")
        yield (
            f"CREATE TRIGGER {name} AFTER UPDATE OF {', '.join(columns)} ON {on}"
            f" FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION {name}()"
        )
    # Rows come and go by the thousand: their lists are made once for all of them.
    for event, rows, names in (
        ("insert", "NEW", f"SELECT {named} FROM changed"),
        ("delete", "OLD", ""),
    ):
        name = name_of(carried, kind, event)
        yield function(name, carried, kind, f"SELECT {owner} FROM changed", names)
        yield (
            f"CREATE TRIGGER {name} AFTER {event.upper()} ON {table}"
            f" REFERENCING {rows} TABLE AS changed"
            f" FOR EACH STATEMENT WHEN ({unseen}) EXECUTE FUNCTION {name}()"
        )
    name = name_of(carried, kind, "emptied")
    emptied = f"UPDATE catalogue_{kind} SET {carried.column} = '[]' WHERE {carried.column} <> '[]'"
    yield plpgsql(name, emptied)
    yield (
        f"CREATE TRIGGER {name} AFTER TRUNCATE ON {table}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
    )


def function(name: str, carried: Carried, kind: str, ids: str, names: str) -> str:
    """Makes lists anew, for two at once: the second waits, and reads what the first has written.

    `names` is SQL for the ids of genres or artists that come into lists: nobody renames those
    until the transaction ends.
    """
    kept = f"PERFORM 1 FROM catalogue_{carried.named} WHERE id IN ({names}) ORDER BY id FOR SHARE; "
    locked = f"FROM catalogue_{kind} WHERE id IN ({ids}) ORDER BY id FOR NO KEY UPDATE"
    renewed = (
        f"UPDATE catalogue_{kind} SET {carried.column} = {made(carried, kind, 'postgresql')}"
        f" WHERE id IN ({ids})"
    )
    return plpgsql(name, f"{kept if names else ''}PERFORM 1 {locked}; {renewed}")


def plpgsql(name: str, body: str) -> str:
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN {body}; RETURN NULL; END $$"
    )
