"""Which columns a statement asks about, and how: what an index could serve, what keeps it off."""

from collections.abc import Iterator
from typing import NamedTuple

import sqlglot
from sqlglot import exp

PLAIN = (exp.EQ, exp.In, exp.Is)
RANGES = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between)
TEXT_MATCHES = (exp.Like, exp.ILike, exp.RegexpLike, exp.RegexpILike)


class Asked(NamedTuple):
    """What a statement asks of one table."""

    table: str
    equal: list[str]
    """Columns that are compared for equality."""
    ranges: list[str]
    wrapped: list[str]
    """Columns that are asked about through a function or a pattern."""
    ordered: list[str]
    """The columns of its order, where all are of this table."""
    expression: str = ""
    """The function that wraps a column, in SQL: `LOWER(title)`."""
    either: bool = False
    """Whether a condition on the table is one of several, of which any will do."""

    @property
    def served_by(self) -> tuple[str, ...]:
        """The columns of an index that serves it: what is equal, then the order or one range."""
        rest = self.ordered or self.ranges[:1]
        return tuple(dict.fromkeys([*self.equal, *rest]))


class Read(NamedTuple):
    """What a SELECT is bounded by."""

    tables: dict[str, Asked]
    is_limited: bool
    is_offset: bool
    counts_all: bool
    """Whether it is `COUNT(*)` and nothing else."""

    def tables_named(self, table: str) -> Asked | None:
        """What is asked of that table, where it is there once."""
        found = [asked for asked in self.tables.values() if asked.table == table]
        return found[0] if len(found) == 1 else None


def read(sql: str, vendor: str) -> Read | None:
    """None for what is no SELECT, or is beyond the parser."""
    dialect = {"postgresql": "postgres"}.get(vendor, vendor)
    try:
        tree = sqlglot.parse_one(sql.replace("%%", "%").replace("%s", "'?'"), dialect=dialect)
    except sqlglot.errors.SqlglotError:
        return None
    select = tree.find(exp.Select)
    if not isinstance(tree, exp.Select | exp.SetOperation) or select is None:
        return None
    names = {
        table.alias_or_name: table.name
        for table in tree.find_all(exp.Table)
        if table.parent_select is select
    }
    return Read(
        tables={table: asked(select, name, table, names) for name, table in names.items()},
        is_limited=tree.args.get("limit") is not None,
        is_offset=tree.args.get("offset") is not None,
        counts_all=counts_all(select),
    )


def counts_all(select: exp.Select) -> bool:
    (first, *others) = select.expressions or [None]
    return (
        not others
        and isinstance(first, exp.Expr)
        and isinstance(first.unalias(), exp.Count)
        and not select.args.get("group")
    )


def asked(select: exp.Select, name: str, table: str, names: dict[str, str]) -> Asked:
    found = Asked(table, [], [], [], [])
    where = select.args.get("where")
    for condition in conjuncts(where.this) if where else ():
        columns = [
            column for column in condition.find_all(exp.Column) if owner(column, names) == name
        ]
        if columns and isinstance(condition, exp.Or):
            found = found._replace(either=True)
        if len(columns) != 1 or condition.find(exp.Select):
            continue
        (column,) = columns
        if column.parent is condition and isinstance(condition, PLAIN):
            found.equal.append(column.name)
        elif column.parent is condition and isinstance(condition, RANGES):
            found.ranges.append(column.name)
        elif wrapped := wrapping(column, condition):
            found.wrapped.append(column.name)
            found = found._replace(expression=wrapped)
    order = select.args.get("order")
    keys = [key.this for key in order.expressions] if order else []
    if keys and all(isinstance(key, exp.Column) and owner(key, names) == name for key in keys):
        found.ordered.extend(key.name for key in keys)
    return found


def conjuncts(condition: exp.Expr) -> Iterator[exp.Expr]:
    """The conditions that must all hold."""
    condition = condition.unnest()
    if isinstance(condition, exp.And):
        yield from conjuncts(condition.left)
        yield from conjuncts(condition.right)
    else:
        yield condition


def owner(column: exp.Column, names: dict[str, str]) -> str:
    """The name of the column's table in the statement; of the only one where it says none."""
    return column.table or (next(iter(names)) if len(names) == 1 else "")


def wrapping(column: exp.Column, condition: exp.Expr) -> str:
    """The function or pattern around a column, in SQL with the column's bare name, or nothing."""
    if isinstance(condition, exp.Escape):
        condition = condition.this
    if isinstance(condition, TEXT_MATCHES):
        side = condition.this
    elif isinstance(condition, PLAIN + RANGES) and column.parent is not condition:
        side = next(
            part for part in condition.iter_expressions() if column in part.find_all(exp.Column)
        )
    else:
        return ""
    bare = side.copy()
    for each in bare.find_all(exp.Column):
        each.set("table", None)
    pattern = " by a pattern" if isinstance(condition, TEXT_MATCHES) else ""
    return f"{bare.sql()}{pattern}".replace('"', "")
