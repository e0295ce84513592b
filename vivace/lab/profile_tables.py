"""The report's section on the profiles: what each operation asks of the database."""

from collections.abc import Iterator, Sequence

from vivace.lab.evidence import Evidence, Profile
from vivace.lab.page import (
    Block,
    Cell,
    Column,
    Heading,
    Point,
    Points,
    Row,
    Section,
    Table,
    Text,
    text_column,
)
from vivace.lab.profile import gain, told
from vivace.lab.profile_results import Operation, Statement
from vivace.lab.wording import NOTHING, count, figure

STATEMENTS_SHOWN = 10

WHAT = (
    "Every operation of the OpenAPI document, asked for in a process of its own: cold, with empty"
    " caches and a new connection, then warm, as the median of several. The database's time"
    " includes fetching; rendering is from the last row to the last byte. Shapes are statements"
    " that differ in more than their values. PostgreSQL counts the rows that it reads; of SQLite it"
    " is the steps of its virtual machine, at least one a row."
)


def profiles(evidence: Evidence) -> Section | None:
    if not evidence.profiles:
        return None
    blocks: list[Block] = [Text(WHAT)]
    for profile in evidence.profiles:
        blocks += [Heading(f"On {profile.name}"), operation_table(profile), *trials(profile)]
        blocks += [*costliest(profile), *explained(profile), *missing(profile)]
    return Section("profile", "Query profile", blocks)


def operation_table(profile: Profile) -> Table:
    effort = "rows read" if profile.counts_rows else "steps"
    columns = [
        text_column("operation"), Column("cold, ms"), Column("warm, ms"), Column("database"),
        Column("Python"), Column("rendering"), Column("queries"), Column("shapes"),
        Column("rows"), Column(effort), Column("kB"), Column("findings"),
    ]  # fmt: skip
    rows = [operation_row(profile, each) for each in profile.result.profiles.operations]
    # Said once: with fifty rows a path each would be half the table.
    where = profile.where("operations[name of the operation]")
    return Table(columns, rows, note=f"From `{where}`.")


def operation_row(profile: Profile, each: Operation) -> Row:
    warm, effort = each.warm, each.rows_read if profile.counts_rows else each.steps
    times = (each.cold.total, warm.total, warm.database, warm.python, warm.rendering)
    found = sum(not found.explained for found in each.found)
    cells: list[Cell | str] = [
        each.name,
        *(figure(1_000 * seconds) for seconds in times),
        count(warm.queries),
        count(each.shapes),
        count(each.rows),
        NOTHING if effort is None else count(effort),
        figure(each.bytes / 1_000),
        Cell(count(found), "bad") if found else NOTHING,
    ]
    return Row(cells, "")


def trials(profile: Profile) -> Iterator[Block]:
    """The indexes that were proposed, and what they came to on a copy."""
    points = [
        Point(
            f"An index on {found.index[0]} ({', '.join(found.index[1:])}) for {each.name}:"
            f" {gain(found.trial)}.",
            profile.where(f"operations[{each.name}].found"),
        )
        for each in profile.result.profiles.operations
        for found in each.found
        if found.trial
    ]
    if points:
        yield Text("Indexes that were tried on a copy:")
        yield Points(points)


def costliest(profile: Profile) -> Iterator[Block]:
    """The statements that take the most time."""
    found = [
        (statement, each)
        for each in profile.result.profiles.operations
        for statement in each.statements
        if statement.plan
    ]
    found.sort(key=lambda pair: -pair[0].seconds)
    columns = [
        text_column("operation"), Column("ms"), Column("times"), Column("rows"),
        text_column("statement"), text_column("indexes"), text_column("issued at"),
    ]  # fmt: skip
    rows = [statement_row(profile, *pair) for pair in found[:STATEMENTS_SHOWN]]
    if rows:
        yield Text("The statements that take the most time:")
        yield Table(columns, rows)


def statement_row(profile: Profile, statement: Statement, of: Operation) -> Row:
    indexes = dict.fromkeys(statement.plan.indexes) if statement.plan else ()
    cells: Sequence[Cell | str] = [
        of.name,
        figure(1_000 * statement.seconds),
        count(statement.times),
        count(statement.rows),
        f"`{shortened(statement.shape)}`",
        ", ".join(indexes) or NOTHING,
        statement.template or next(iter(statement.through), NOTHING),
    ]
    return Row(cells, profile.where(f"operations[{of.name}].statements"))


def shortened(sql: str, length: int = 90) -> str:
    return sql if len(sql) <= length else f"{sql[: length - 1]}…"


def explained(profile: Profile) -> Iterator[Block]:
    points = [
        Point(told(found), profile.where("… found"))
        for found in profile.result.profiles.found
        if found.explained
    ]
    if points:
        yield Text("Findings that are meant so:")
        yield Points(points)


def missing(profile: Profile) -> Iterator[Block]:
    if lines := profile.result.profiles.missing:
        yield Points([Point(line, profile.where("missing"), tone="bad") for line in lines])
