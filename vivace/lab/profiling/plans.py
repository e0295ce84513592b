"""What a database does for a statement: which tables it reads whole, which indexes, what it sorts.

PostgreSQL counts the rows and blocks it touches (EXPLAIN ANALYZE, BUFFERS). SQLite counts neither;
the steps of its virtual machine, which are at least one a row, stand in.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from msgspec import Struct

from vivace.lab.profiling.tracing import Executed

STEPS_MAX = 5_000_000
"""A statement that takes more on SQLite is not counted to its end."""


class Sorting(Struct, frozen=True, kw_only=True):
    what: str
    """`ORDER BY`, `DISTINCT`, …"""
    rows: int | None
    """Unknown on SQLite."""
    on_disk: bool


class Plan(Struct, frozen=True, kw_only=True):
    scans: list[str] = []
    """Tables that are read from one end on, by themselves or in the order of an index."""
    indexes: list[str] = []
    sorts: list[Sorting] = []
    rows_read: int | None = None
    """Of all tables and indexes; unknown on SQLite."""
    blocks: int | None = None
    """Of 8 kB, found in PostgreSQL's memory or read; unknown on SQLite."""
    steps: int | None = None
    """Of SQLite's virtual machine."""
    text: list[str] = []
    """In the database's own words."""

    @property
    def effort(self) -> int:
        """Rows read, or the steps that stand in for them."""
        return self.rows_read if self.rows_read is not None else self.steps or 0


def plan(executed: Executed) -> Plan | None:
    """Of a statement that reads or writes, run once more; what it writes is undone.

    None where the database has no plan for it, as for SAVEPOINT, or none any more.
    """
    if executed.many or not (executed.reads or executed.writes):
        return None
    explain = {"sqlite": by_sqlite, "postgresql": by_postgresql}.get(connection.vendor)
    if not explain:
        return None
    try:
        with transaction.atomic():
            found = explain(executed)
            transaction.set_rollback(True)
    except DatabaseError:
        # What it needs went with its request: a temporary table, a row that was there.
        return None
    return found


# --- SQLite -----------------------------------------------------------------------------------

STEP = re.compile(r"(SCAN|SEARCH) (?P<name>\S+)(?: USING (?:COVERING )?INDEX (?P<index>\S+))?")
NAMED = re.compile(
    r'(?:FROM|JOIN|UPDATE|INTO)\s+"?(\w+)"?(?:\s+(?:AS\s+)?"?(\w+)"?)?', re.IGNORECASE
)
SORTS = re.compile(r"USE TEMP B-TREE FOR (.+)")
INTERNAL = ("VIRTUAL TABLE", "json_each", "CONSTANT ROW")


def by_sqlite(executed: Executed) -> Plan:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {executed.sql}", executed.params)
        text = [detail for *_, detail in cursor.fetchall()]
    tables = aliases(executed.sql)
    scans, indexes = [], []
    for line in text:
        step = STEP.match(line)
        if not step or any(word in line for word in INTERNAL):
            continue
        if step["index"]:
            indexes.append(step["index"])
        if step[1] == "SCAN" and step["name"] in tables:
            scans.append(tables[step["name"]])
    sorts = [
        Sorting(what=found[1], rows=None, on_disk=False)
        for line in text
        if (found := SORTS.match(line))
    ]
    steps = steps_of(executed) if executed.reads else None
    return Plan(scans=scans, indexes=indexes, sorts=sorts, steps=steps, text=text)


def aliases(sql: str) -> dict[str, str]:
    """Each name a table goes by in a statement → the table."""
    tables = set(connection.introspection.table_names())
    found = {}
    for table, alias in NAMED.findall(sql):
        if table in tables:
            found[table] = table
            if alias:
                found[alias] = table
    return found


def steps_of(executed: Executed) -> int:
    steps = 0

    def stepped() -> int:
        nonlocal steps
        steps += 1
        return steps > STEPS_MAX

    raw = connection.connection
    raw.set_progress_handler(stepped, 1)
    try:
        with connection.cursor() as cursor:
            cursor.execute(executed.sql, executed.params)
            cursor.fetchall()
    except OperationalError:
        if steps <= STEPS_MAX:
            raise
    finally:
        raw.set_progress_handler(None, 0)
    return steps


# --- PostgreSQL -------------------------------------------------------------------------------

SCANS = {
    "Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan", "Tid Scan", "Sample Scan"
}  # fmt: skip
WHOLE = {"Seq Scan", "Index Scan", "Index Only Scan"}
REMOVED = ("Rows Removed by Filter", "Rows Removed by Index Recheck")


def by_postgresql(executed: Executed) -> Plan:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {executed.sql}", executed.params)
        root = cursor.fetchone()[0][0]["Plan"]
    nodes = [*under(root)]
    reads = [node for node in nodes if node["Node Type"] in SCANS]
    return Plan(
        scans=[
            node["Relation Name"]
            for node in reads
            if node["Node Type"] in WHOLE and "Index Cond" not in node
        ],
        indexes=[node["Index Name"] for node in nodes if "Index Name" in node],
        sorts=[sorting(node) for node in nodes if node["Node Type"] == "Sort"],
        rows_read=sum(rows_of(node) for node in reads),
        blocks=root["Shared Hit Blocks"] + root["Shared Read Blocks"],
        text=[*lines(root)],
    )


def under(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from under(below)


def rows_of(node: dict[str, Any]) -> int:
    """What it read: what it gave on and what it held back, each time it ran."""
    once = node["Actual Rows"] + sum(node.get(name, 0) for name in REMOVED)
    return int(once * node["Actual Loops"])


def sorting(node: dict[str, Any]) -> Sorting:
    rows = sum(below["Actual Rows"] * below["Actual Loops"] for below in node["Plans"])
    return Sorting(what="ORDER BY", rows=round(rows), on_disk=node.get("Sort Space Type") == "Disk")


def lines(node: dict[str, Any], depth: int = 0) -> Iterator[str]:
    """As PostgreSQL draws it, without the times."""
    of = node.get("Relation Name", "")
    by = f" using {node['Index Name']}" if "Index Name" in node else ""
    conditions = [node[name] for name in ("Index Cond", "Filter", "Recheck Cond") if name in node]
    told = f" {' and '.join(conditions)}" if conditions else ""
    yield f"{'  ' * depth}{node['Node Type']}{by}{f' on {of}' if of else ''}{told}"
    for below in node.get("Plans", ()):
        yield from lines(below, depth + 1)


# --- Tables -----------------------------------------------------------------------------------


def rows_in(tables: Iterable[str]) -> dict[str, int]:
    """How many rows each table has."""
    found = {}
    with connection.cursor() as cursor:
        for table in sorted({*tables}):
            cursor.execute(f"SELECT COUNT(*) FROM {connection.ops.quote_name(table)}")
            found[table] = cursor.fetchone()[0]
    return found


class Index(NamedTuple):
    columns: list[str]
    is_unique: bool
    is_partial: bool


# Django's own introspection stumbles over the checks of some tables on SQLite, and does not say
# which indexes are partial.
INDEXES = {
    "sqlite": """
        SELECT list.name, list."unique", list.partial, info.name
        FROM pragma_index_list(%s) AS list, pragma_index_info(list.name) AS info
        ORDER BY list.name, info.seqno
    """,
    "postgresql": """
        SELECT named.relname, indisunique, indpred IS NOT NULL, attname
        FROM pg_index
        JOIN pg_class AS named ON named.oid = indexrelid
        CROSS JOIN unnest(indkey) WITH ORDINALITY AS key (number, place)
        LEFT JOIN pg_attribute ON attrelid = indrelid AND attnum = key.number AND attnum > 0
        WHERE indrelid = %s::regclass
        ORDER BY named.relname, key.place
    """,
}


def indexes_of(wrapper: BaseDatabaseWrapper, table: str) -> dict[str, Index]:
    """The indexes of a table by name; those on expressions are left out."""
    found: dict[str, Index] = {}
    with wrapper.cursor() as cursor:
        cursor.execute(INDEXES[wrapper.vendor], [table])
        for name, is_unique, is_partial, column in cursor.fetchall():
            index = found.setdefault(name, Index([], bool(is_unique), bool(is_partial)))
            index.columns.append(column)
    return {name: index for name, index in found.items() if None not in index.columns}
