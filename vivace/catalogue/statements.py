"""SQL that the ORM writes once and the database runs with new values each time.

Compiling a query costs as much as running it. A queryset with a `Param` in place of each value
compiles to a `Statement`, which is kept.
"""

import json
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from itertools import chain
from typing import Any, NamedTuple, TypeVar

from django.db import connection
from django.db.models import BooleanField, Expression, F, Func, Model, QuerySet
from django.db.models.sql.compiler import SQLCompiler

Sql = tuple[str, list[Any]]
BOUNDS = " LIMIT %s OFFSET %s"
BINARY = 1
"""psycopg's `Format.BINARY`. With SQLite it need not be loaded: it takes 10 MB."""


class Slot(str):
    """Stands among a statement's parameters for the value of that name."""

    __slots__ = ()


class Param(Expression):
    """A value that is given when the statement runs."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> Sql:  # type: ignore[override]
        return "%s", [Slot(self.name)]


class Condition(Func):
    """A condition in SQL that the ORM has no word for; `{}` stands for each of its parts."""

    def __init__(self, *parts: Expression | F, sqlite: str, postgresql: str) -> None:
        super().__init__(*parts, output_field=BooleanField())
        self.templates = {"sqlite": sqlite, "postgresql": postgresql}

    def as_sql(self, compiler: SQLCompiler, connection: Any, **extra: Any) -> Sql:  # type: ignore[override]
        compiled = [compiler.compile(part) for part in self.get_source_expressions()]
        sql = self.templates[connection.vendor].format(*(sql for sql, _ in compiled))
        return sql, [value for _, values in compiled for value in values]


def taken_for_half(sql: str) -> str:
    """A condition that PostgreSQL's planner guesses to hold for every second row.

    Of others that no index has it guesses one in 200, and would rather sort those.
    """
    return f"CASE WHEN {sql} THEN true ELSE false END"


def beyond(key: Expression | F | None, id_: Expression | F, *, before: bool) -> Condition:
    """After (or before) the row of `after_key` and `after_id` in the order of a key and the id.

    As a row comparison it is one range of an index on the two columns; with OR it is two.
    """
    sign = "<" if before else ">"
    if key is None:
        sql = f"{{}} {sign} {{}}"
        return Condition(id_, Param("after_id"), sqlite=sql, postgresql=sql)
    sql = f"({{}}, {{}}) {sign} ({{}}, {{}})"
    parts = key, id_, Param("after_key"), Param("after_id")
    return Condition(*parts, sqlite=sql, postgresql=sql)


def equal(key: Expression | F) -> Condition:
    """The key of `after_key`."""
    return Condition(key, Param("after_key"), sqlite="{} = {}", postgresql="{} = {}")


def past(key: Expression | F, *, before: bool) -> Condition:
    """After (or before) all rows of that key."""
    sql = f"{{}} {'<' if before else '>'} {{}}"
    return Condition(key, Param("after_key"), sqlite=sql, postgresql=sql)


ANY_OF = {
    "sqlite": "IN (SELECT value FROM json_each(%s))",
    "postgresql": "= ANY(%s)",
}
"""Behind a column: it is one of many values, which come as one parameter."""


def any_of(values: Collection[int]) -> tuple[str, list[Any]]:
    """That condition and its parameter, for SQL that the ORM does not write."""
    return ANY_OF[connection.vendor], [many(values)]


def among(column: str, param: str) -> Condition:
    """A column is one of many values, made with `many`."""
    sqlite, postgresql = (f"{{}} {sql.replace('%s', '{}')}" for sql in ANY_OF.values())
    return Condition(F(column), Param(param), sqlite=sqlite, postgresql=postgresql)


GIVEN = {
    "sqlite": "json_each(%s) AS given",
    "postgresql": "unnest(%s::{}[]) AS given(value)",
}


def given(type_: str) -> str:
    """SQL for a table `given` of one column, `value`: many of a type, which come as one parameter.

    It is made with `many`.
    """
    return GIVEN[connection.vendor].format(type_)


def many(values: Collection[int] | Collection[str]) -> Any:
    """A list of values as one parameter of the database in use."""
    return list(values) if connection.vendor == "postgresql" else json.dumps(list(values))


def fetched(sql: str, values: Iterable[Any] = ()) -> list[Any]:
    """The rows of SQL that the ORM did not write."""
    with connection.cursor() as cursor:
        cursor.execute(sql, list(values))
        rows: list[Any] = cursor.fetchall()
        return rows


def run(sql: str, values: Sequence[Any] | None = None) -> None:
    """SQL that gives no rows. Without values a sign of percent stands for itself."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


class Query(NamedTuple):
    """SQL with its values, for `side_by_side`."""

    sql: str
    values: Sequence[Any]


Name = TypeVar("Name")
Result = TypeVar("Result")


def side_by_side(works: Mapping[Name, Generator[Query, list[Any], Result]]) -> dict[Name, Result]:
    """What works return that yield their queries and are sent the rows of each.

    Their first queries go to the database together, then their second ones, one round trip for each
    time, however many works there are.
    """
    results: dict[Name, Result] = {}
    answers: dict[Name, Any] = dict.fromkeys(works)
    while answers:
        asked: dict[Name, Query] = {}
        for name, rows in answers.items():
            try:
                asked[name] = works[name].send(rows)
            except StopIteration as end:
                results[name] = end.value
        answers = dict(zip(asked, fetched_together([*asked.values()]), strict=True))
    return {name: results[name] for name in works}


def fetched_together(queries: Sequence[Query]) -> list[list[Any]]:
    """The rows of each. PostgreSQL is sent all of them before it is waited for."""
    if connection.vendor != "postgresql":
        return [fetched(query.sql, query.values) for query in queries]
    with ExitStack() as stack:
        cursors = [stack.enter_context(connection.cursor()) for _ in queries]
        with in_pipeline() if len(queries) > 1 else nullcontext():
            for cursor, query in zip(cursors, queries, strict=True):
                cursor.cursor.format = BINARY
                cursor.execute(query.sql, query.values)
        return [cursor.fetchall() for cursor in cursors]


@contextmanager
def in_pipeline() -> Iterator[None]:
    # What fails in it may only be told at its end, past Django's cursors.
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


class Statement(NamedTuple):
    """SQL and the order of its parameters, some of them still to be given."""

    sql: str
    params: tuple[Any, ...]

    @classmethod
    def of(cls, rows: QuerySet[Model, Any]) -> "Statement":
        sql, params = rows.query.get_compiler(connection=connection).as_sql()
        return cls(sql, tuple(params))

    def limited(self) -> "Statement":
        """The statement with parameters `limit` and `offset`."""
        return Statement(self.sql + BOUNDS, (*self.params, Slot("limit"), Slot("offset")))

    @classmethod
    def in_turn(cls, statements: Sequence["Statement"]) -> "Statement":
        """The rows of each, the first one's first, with parameters `limit` and `offset`.

        With an offset only where there is one statement.
        """
        if len(statements) == 1:
            return statements[0].limited()
        sql = " UNION ALL ".join(f"SELECT * FROM ({each.sql} LIMIT %s)" for each in statements)
        params = chain.from_iterable((*each.params, Slot("limit")) for each in statements)
        return cls(sql, tuple(params)).limited()

    def held(self) -> "Statement":
        """The rows as they are, and nobody changes them until the transaction ends."""
        return Statement(f"{self.sql} FOR SHARE", self.params)

    def counted(self, limit: int | None = None) -> "Statement":
        """How many rows there are, looking no further than a limit."""
        bound = f" LIMIT {limit}" if limit else ""
        return Statement(f"SELECT COUNT(*) FROM ({self.sql}{bound}) AS counted", self.params)

    def expected(self, values: Mapping[str, Any], table: str) -> tuple[int, int]:
        """How many rows PostgreSQL expects, and how many in a table, without reading any.

        Of a table that it knows nothing of it says -1.
        """
        explained = Query(f"EXPLAIN (FORMAT JSON) {self.sql}", filled(self.params, values))
        counted = Query("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [table])
        [([plan],)], [(rows,)] = fetched_together([explained, counted])
        return int(plan["Plan"]["Plan Rows"]), int(rows)

    def run(self, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """All rows as the driver gives them: no model, no converter of the ORM."""
        sql, params = self.sql, self.params
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                # Read by the driver's C code. As text, moments go through Python: 4 µs each.
                cursor.cursor.format = BINARY
                if sql.endswith(BOUNDS):
                    # With bounds it does not know a prepared plan looks dear to PostgreSQL,
                    # which would then plan the page anew each time.
                    sql = sql.removesuffix(BOUNDS) + BOUNDS % (values["limit"], values["offset"])
                    params = params[:-2]
            cursor.execute(sql, filled(params, values))
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows

    def query(self, values: Mapping[str, Any]) -> Query:
        """To be run by `side_by_side`; without bounds."""
        return Query(self.sql, filled(self.params, values))


def filled(params: Iterable[Any], values: Mapping[str, Any]) -> list[Any]:
    return [values[p] if isinstance(p, Slot) else p for p in params]


class Picked(Expression):
    """The rows of a statement as a set, with the parameters that are still to be given."""

    def __init__(self, statement: Statement) -> None:
        super().__init__()
        self.statement = statement

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> Sql:  # type: ignore[override]
        return f"({self.statement.sql})", list(self.statement.params)
