"""What is wrong with an operation. Each rule names one kind of defect and says where it is."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from vivace.lab.profiling.conditions import Asked
from vivace.lab.profiling.profiled import Profiled
from vivace.lab.profiling.shapes import shape
from vivace.lab.profiling.tracing import Executed, Place, Trace

REPEATS = 5
"""So often a statement of one shape, from one line, is one for each row."""
LARGE = 1_000
"""Rows from which on a table is not read whole for a few of them, nor a list sent whole."""
FEW = 0.1
"""The share of a table's rows for which an index pays."""
LONG_LIST = 1_000
DEEP_FACTOR = 5
"""The last page takes so many times the effort of the first."""
IDLE_S = 0.02
HELD_S = 0.03
SLOW_ROW_S = 0.0003
SLOW_ROWS = 20
WIDE = 500
"""Characters of a column's value, on average, that are worth leaving out."""
WIDE_TOTAL = 20_000


class Proposal(NamedTuple):
    """An index that would serve a statement."""

    table: str
    columns: tuple[str, ...]


class Finding(NamedTuple):
    rule: str
    operation: str
    text: str
    place: Place | None
    proposal: Proposal | None = None


Rule = Callable[[Profiled], Iterator[Finding]]


def found(
    rule: str,
    about: Profiled,
    text: str,
    place: Place | None,
    proposal: Proposal | None = None,
) -> Finding:
    return Finding(rule, about.request.operation, text, place, proposal)


# --- Statements that come again and again -----------------------------------------------------


def one_for_each_row(about: Profiled) -> Iterator[Finding]:
    groups: dict[tuple[str, Place | None], list[Executed]] = defaultdict(list)
    for each in about.warm.executed:
        if each.reads:
            groups[shape(each.sql), each.place].append(each)
    for (sql, place), group in groups.items():
        if len(group) >= REPEATS and len({repr(each.params) for each in group}) > 1:
            rule = "query-in-template" if group[0].template else "n-plus-one"
            yield found(rule, about, f"{len(group)} times, one for each row: {sql}", place)


def the_same_again(about: Profiled) -> Iterator[Finding]:
    """What was known from before: nothing was written in between."""
    known: dict[tuple[str, str], list[Executed]] = {}
    for each in about.warm.executed:
        if each.reads:
            known.setdefault((each.sql, repr(each.params)), []).append(each)
        elif each.writes:
            yield from repeated(about, known)
            known = {}
    yield from repeated(about, known)


def repeated(
    about: Profiled, known: Mapping[tuple[str, str], Sequence[Executed]]
) -> Iterator[Finding]:
    for (sql, _), group in known.items():
        if len(group) > 1:
            text = f"{len(group)} times with the same values: {shape(sql)}"
            yield found("repeated-query", about, text, group[-1].place)


def one_write_for_each_row(about: Profiled) -> Iterator[Finding]:
    groups: dict[tuple[str, Place | None], list[Executed]] = defaultdict(list)
    for each in about.warm.executed:
        if each.writes and not each.many and each.rows <= 1:
            groups[shape(each.sql), each.place].append(each)
    blocks = Counter(each.place for each in about.warm.executed if each.kind == "SAVEPOINT")
    for (sql, place), group in groups.items():
        if len(group) < REPEATS:
            continue
        # The outermost block is the lab's own.
        alone = all(each.depth <= 1 for each in group)
        if alone or max(blocks.values(), default=0) >= len(group):
            text = f"{len(group)} transactions, one for each row: {sql}"
            yield found("transaction-per-row", about, text, place)
        else:
            text = f"{len(group)} times, one for each row: {sql}"
            yield found("write-per-row", about, text, place)


# --- What the database does for them ----------------------------------------------------------


def read_whole(about: Profiled) -> Iterator[Finding]:
    """A large table that is read from end to end for a few of its rows."""
    for sql, plan in about.plans.items():
        executed = about.by_shape[sql][0]
        read = about.reads.get(sql)
        if not executed.reads or (read and read.counts_all and not conditions_of(about, sql)):
            continue
        for table in dict.fromkeys(plan.scans):
            rows = about.rows_in.get(table, 0)
            if rows < LARGE or executed.rows > FEW * rows or plan.effort < rows:
                continue
            if read and (asked := read.tables_named(table)):
                yield from scan(about, sql, asked, alone=len(read.tables) == 1)


def conditions_of(about: Profiled, sql: str) -> bool:
    read = about.reads.get(sql)
    asked = read.tables.values() if read else ()
    return any(each.equal or each.ranges or each.wrapped for each in asked)


def scan(about: Profiled, sql: str, asked: Asked, *, alone: bool) -> Iterator[Finding]:
    executed, known = about.by_shape[sql][0], about.indexes[asked.table]
    rows = about.rows_in[asked.table]
    whole = f"reads all {rows:,} rows of {asked.table} for {executed.rows:,}"
    if asked.served_by:
        # Where there is one that begins like it, the database chose to do without.
        if not any(each.columns[0] == asked.served_by[0] for each in known.values()):
            columns = ", ".join(asked.served_by)
            text = f"{whole}; an index on ({columns}) would serve: {sql}"
            proposal = Proposal(asked.table, asked.served_by)
            yield found("missing-index", about, text, executed.place, proposal)
    elif asked.wrapped:
        kept = [name for name, each in known.items() if each.columns[0] in asked.wrapped]
        instead = f"which {kept[0]} does not have" if kept else "which no index has"
        text = f"{whole}, since {asked.expression} is asked, {instead}: {sql}"
        yield found("defeated-index", about, text, executed.place)
    elif alone:
        yield found("full-scan", about, f"{whole}: {sql}", executed.place)


def either_of_two(about: Profiled) -> Iterator[Finding]:
    """Tables that are joined whole, for a condition on one of them or on another."""
    for sql, read in about.reads.items():
        executed, plan = about.by_shape[sql][0], about.plans.get(sql)
        tables = [asked.table for asked in read.tables.values() if asked.either]
        rows = max((about.rows_in.get(table, 0) for table in tables), default=0)
        if len(tables) < 2 or rows < LARGE or executed.rows > FEW * rows:
            continue
        if plan and plan.effort >= rows:
            whole = f"reads all {rows:,} rows for {executed.rows:,}"
            text = f"{whole}, since one of {' or '.join(tables)} is to meet a condition: {sql}"
            yield found("defeated-index", about, text, executed.place)


def sorted_on_disk(about: Profiled) -> Iterator[Finding]:
    for sql, plan in about.plans.items():
        for sorting in plan.sorts:
            if sorting.on_disk:
                text = f"sorts {sorting.rows:,} rows on disk: {sql}"
                yield found("sort-on-disk", about, text, about.by_shape[sql][0].place)


def counted_again(about: Profiled) -> Iterator[Finding]:
    if not about.is_read:
        return
    for sql, read in about.reads.items():
        largest = max((about.rows_in.get(each, 0) for each in names(read.tables)), default=0)
        others = any(
            each.reads and each.rows for s, (each, *_) in about.by_shape.items() if s != sql
        )
        narrow = conditions_of(about, sql) and about.plans[sql].effort < LARGE
        if read.counts_all and largest >= LARGE and others and not narrow:
            text = f"counts up to {largest:,} rows at every request: {sql}"
            yield found("count-on-every-page", about, text, about.by_shape[sql][0].place)


def names(tables: dict[str, Asked]) -> set[str]:
    return {asked.table for asked in tables.values()}


def deep_pages(about: Profiled) -> Iterator[Finding]:
    deep = about.depth
    if deep and deep.deep_effort >= max(LARGE, DEEP_FACTOR * deep.first_effort):
        text = (
            f"a page far down, by {deep.parameter}, takes {deep.deep_effort:,} where the first"
            f" takes {deep.first_effort:,}: {shape(deep.executed.sql)}"
        )
        yield found("deep-offset", about, text, deep.executed.place)


def long_lists(about: Profiled) -> Iterator[Finding]:
    for sql, (executed, *_) in about.by_shape.items():
        values = len(executed.params or ())
        if executed.reads and values >= LONG_LIST:
            text = f"{values:,} values in one statement: {sql}"
            yield found("long-in-list", about, text, executed.place)


# --- What is fetched, and what becomes of it --------------------------------------------------


def all_rows(about: Profiled) -> Iterator[Finding]:
    if not about.is_read:
        return
    for sql, group in about.by_shape.items():
        executed, read = group[0], about.reads.get(sql)
        if not executed.reads or executed.rows < LARGE or (read and read.is_limited):
            continue
        if len(about.warm.body) < executed.rows:
            text = f"fetches {executed.rows:,} rows for an answer of {len(about.warm.body)} bytes"
            yield found("rows-only-counted", about, f"{text}: {sql}", executed.place)
        else:
            text = f"sends all {executed.rows:,} rows there are, without a limit: {sql}"
            yield found("unbounded-list", about, text, executed.place)


def unused_columns(about: Profiled) -> Iterator[Finding]:
    """Wide columns whose values are not in the answer."""
    if not about.is_read:
        return
    for sql, (executed, *_) in about.by_shape.items():
        for column, width, sample in zip(
            executed.columns, executed.widths, executed.samples, strict=True
        ):
            wide = width >= WIDE_TOTAL and width >= WIDE * executed.rows
            if wide and sample and sample[:40].encode() not in about.warm.body:
                text = f"fetches {width:,} characters of {column}, which are not sent: {sql}"
                yield found("unused-column", about, text, executed.place)


# --- Where time goes --------------------------------------------------------------------------


def slow_rows(about: Profiled) -> Iterator[Finding]:
    rows = sum(each.rows for each in about.warm.executed if each.reads)
    computed = about.timing.computed
    # Statements for single rows make every row slow; they have rules of their own.
    many = len(about.warm.executed) * REPEATS > rows
    if rows >= SLOW_ROWS and computed >= SLOW_ROW_S * rows and not many:
        text = f"computes {computed / rows * 1e3:.2f} ms for each of {rows:,} rows"
        yield found("slow-serializer", about, text, about.busiest)


def sleeping(about: Profiled) -> Iterator[Finding]:
    # What is always there: a busy machine makes some runs wait.
    idle = min(trace.idle_seconds for trace in about.timed)
    if idle >= IDLE_S:
        text = f"waits {idle * 1e3:.0f} ms for something that is not the database"
        yield found("sleeping", about, text, about.busiest)


def lock_held(about: Profiled) -> Iterator[Finding]:
    """Rows that are written and then kept locked while something else is done."""
    always = [held(trace) for trace in about.timed]
    for name, write in first_writes(about.warm).items():
        seconds = min(found.get(name, 0.0) for found in always)
        if seconds >= HELD_S:
            text = f"keeps what it wrote locked for {seconds * 1e3:.0f} ms: {name}"
            yield found("lock-held", about, text, write.place)
            return


def first_writes(trace: Trace) -> dict[str, Executed]:
    """Shape → the first statement of it that writes within a transaction of the project's own."""
    writes = [each for each in trace.executed if each.writes and each.released]
    return {shape(each.sql): each for each in reversed(writes)}


def held(trace: Trace) -> dict[str, float]:
    """Shape of a write → the seconds until its transaction ended, in which no statement ran."""
    found = {}
    for name, write in first_writes(trace).items():
        within = (each for each in trace.executed if write.ended < each.began < write.released)
        asked = sum(each.seconds - each.queued_seconds for each in within)
        queued = write.released_queued - write.queued_until
        found[name] = write.released - write.ended - queued - asked
    return found


def stampeding(about: Profiled) -> Iterator[Finding]:
    if about.stampede:
        text = (
            f"{about.stampede.times} requests that come while nothing is cached all run"
            f" {shape(about.stampede.executed.sql)}"
        )
        yield found("cache-stampede", about, text, about.stampede.executed.place)


def left_open(about: Profiled) -> Iterator[Finding]:
    if about.left_open:
        text = f"leaves {about.left_open.each_time:g} more files or connections open each time"
        yield found("leaked-connection", about, text, about.left_open.place)


RULES: dict[Rule, str] = {
    one_for_each_row: f"A SELECT of one shape, from one line, {REPEATS} times or more.",
    the_same_again: "A SELECT with the same values more than once.",
    one_write_for_each_row: f"A write of one row, from one line, {REPEATS} times or more.",
    read_whole: f"A table of {LARGE:,} rows or more read whole for at most {FEW:.0%} of them.",
    either_of_two: f"{LARGE:,} rows or more joined for a condition on either of two tables.",
    sorted_on_disk: "A sort that does not fit into memory.",
    counted_again: f"A count of {LARGE:,} rows or more beside a list.",
    deep_pages: f"A page far down that takes {DEEP_FACTOR} times the effort of the first.",
    long_lists: f"{LONG_LIST:,} values or more in one statement.",
    all_rows: f"{LARGE:,} rows or more, without a limit.",
    unused_columns: f"{WIDE_TOTAL:,} characters or more of a column that are not in the answer.",
    slow_rows: f"{SLOW_ROW_S * 1e3:g} ms or more computed for each row.",
    sleeping: f"{IDLE_S * 1e3:g} ms or more of waiting, but not for the database.",
    lock_held: f"{HELD_S * 1e3:g} ms or more between a write and the end of its transaction.",
    stampeding: "Requests that come at once all compute what is then cached.",
    left_open: "A file or connection more after every request.",
}


def findings(about: Profiled) -> list[Finding]:
    return [finding for rule in RULES for finding in rule(about)]
