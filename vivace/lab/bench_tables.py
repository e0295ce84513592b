"""The report's sections on the benchmarks."""

from collections.abc import Iterator, Sequence

from vivace.lab import plots, published
from vivace.lab.cases import Case, Change
from vivace.lab.evidence import TIMES, Evidence, Promise, goals, peak_mb, records
from vivace.lab.page import (
    Block,
    Cell,
    Column,
    Figure,
    Figures,
    Heading,
    Row,
    Section,
    Table,
    Text,
    text_column,
)
from vivace.lab.results import Database
from vivace.lab.wording import (
    NOTHING,
    STACK_NAMES,
    count,
    exact,
    figure,
    interval,
    times,
)

GROUPS = {
    "scenario": ("The three scenarios", "What a published report on another music API timed, too."),
    "read": ("Reading", "One request, answered from the database: nothing is stored in between."),
    "filter": ("Filters", "A page of 100 with a filter; the library is of the size in the title."),
    "sort": ("Sorts", "A page of 100 in each order."),
    "search": ("Searching", "One question to artists, albums, tracks and playlists together."),
    "write": ("Writing", "From the body to the commit; each round finds the state of the first."),
    "login": ("Accounts", "Logins and what comes with them; a password is hashed by Argon2id."),
    "import": ("Imports", "The command in a process of its own, into a library of its own."),
    "export": ("Exports and streams", "Everything, line by line, to the last byte."),
    "yardstick": ("Yardsticks", "What this machine does without Vivace, to read the rest by."),
    "other": ("Others", "Benchmarks of no group."),
}
"""Group → its heading and what is timed in it."""

MS, S = ("ms", 1_000.0), ("s", 1.0)
Unit = tuple[str, float]


def performance(evidence: Evidence) -> Section | None:
    if not evidence.cases:
        return None
    return Section("tests", "Performance tests", [*introduction(), *groups(evidence)])


def introduction() -> Iterator[Block]:
    yield Text(
        "A time is the median of its rounds, `±` half the range between the quartiles"
        " (`stats.median` and `stats.iqr` in the files, in seconds). It runs in one process from"
        " the WSGI environment to the last byte, unless its group says otherwise. Goals were set"
        " before; where there are two, the first is for SQLite and the second for PostgreSQL."
        " Memory in MB is a process's at its peak; in kB it is what Python allocated at most in one"
        " call, which is not timed."
    )


def groups(evidence: Evidence) -> Iterator[Block]:
    found: dict[str, list[Case]] = {name: [] for name in GROUPS}
    for case in evidence.cases:
        found.setdefault(case.info.group, []).append(case)
    for name, cases in found.items():
        if cases:
            heading, about = GROUPS.get(name, (name, ""))
            yield Heading(heading)
            if about:
                yield Text(about)
            yield group_table(cases, evidence.databases)


def group_table(cases: Sequence[Case], databases: Sequence[Database]) -> Table:
    unit = unit_of(cases)
    promised = any(list(goals(case)) for case in cases)
    queried = any(case.info.queries is not None for case in cases)
    weighed = any(memory(case, database) for case in cases for database in case.on)
    columns = [
        text_column("work"),
        *(Column(f"{STACK_NAMES[database]}, {unit[0]}") for database in databases),
        *([Column("goal"), text_column("met")] if promised else []),
        *([Column("queries")] if queried else []),
        *(Column(f"memory, {STACK_NAMES[d]}") for d in databases if weighed),
    ]
    rows = []
    for case in cases:
        cells: list[Cell | str] = [case.title]
        cells += [time_cell(case, database, unit) for database in databases]
        if promised:
            cells += [goal_cell(case), met_cell(list(goals(case)))]
        if queried:
            cells.append(queries_cell(case))
        if weighed:
            cells += [memory(case, database) or NOTHING for database in databases]
        rows.append(Row(cells, case.where("stats.median"), case.anchor))
    return Table(columns, rows)


def unit_of(cases: Sequence[Case]) -> Unit:
    """Seconds where most take as long."""
    medians = sorted(b.stats.median for case in cases for b in case.on.values())
    return S if medians[len(medians) // 2] >= 1 else MS


def time_cell(case: Case, database: Database, unit: Unit) -> Cell:
    if database not in case.on:
        return Cell(NOTHING, "quiet")
    stats = case.on[database].stats
    spread = f" ± {figure(stats.iqr / 2 * unit[1], 2)}" if stats.rounds > 1 else ""
    return Cell(f"{figure(stats.median * unit[1])}{spread}")


def goal_cell(case: Case) -> str:
    """What was to be reached, on SQLite and on PostgreSQL."""
    info = case.info
    parts = [
        f"{' / '.join(dict.fromkeys(exact(value) for value in goal.values()))} {unit}"
        for goal, unit in ((info.goal_ms, "ms"), (info.goal_s, "s"))
        if goal
    ]
    if info.goal_peak_mb is not None:
        parts.append(f"{exact(info.goal_peak_mb)} MB")
    if info.goal_times is not None:
        parts.append(f"{exact(info.goal_times)} times DRF")
    return ", ".join(parts) or NOTHING


def met_cell(promises: Sequence[Promise]) -> Cell:
    """By how much the goals are missed that are."""
    if not promises:
        return Cell(NOTHING, "quiet")
    wrong = [how_missed(promise) for promise in promises if not promise.met]
    return Cell("missed: " + ", ".join(wrong), "bad") if wrong else Cell("yes", "good")


def how_missed(promise: Promise) -> str:
    database = promise.what.rpartition(" on ")[2]
    which = {"MB": " memory", TIMES: " against DRF"}.get(promise.unit, "")
    return f"{database}{which} {times(promise.factor)}"


def queries_cell(case: Case) -> str:
    found = dict.fromkeys(str(b.extra_info.queries) for b in case.on.values())
    found.pop("None", None)
    return " / ".join(found) or NOTHING


def memory(case: Case, database: Database) -> str:
    """The most that was in memory, and of what."""
    if database not in case.on:
        return ""
    info = case.on[database].extra_info
    peak, path = peak_mb(info)
    if peak is not None:
        return f"{figure(peak)} MB" + (" over idle" if path.endswith("over_idle_mb") else "")
    if info.peak_python_kb is not None:
        return f"{figure(info.peak_python_kb)} kB"
    return ""


# --- Before and after -------------------------------------------------------------------------


def before_and_after(evidence: Evidence) -> Section | None:
    changed = [case for case in evidence.cases if case.changes]
    if not changed:
        return None
    return Section(
        "before-after",
        "Before and after",
        [
            Text(
                "Before is the same endpoint as most Django projects write it, with plain Django"
                " REST framework; after is Vivace. Rounds alternate: before, after, after again."
                " The ratio is that of the medians, with its 95 % interval (bootstrap over the"
                " pairs). The A/A control sets the first and the second after against each other:"
                " its interval should hold 1, and where it does not, the machine was not quiet."
            ),
            change_table(changed),
            Figures([change_figure(changed)]),
        ],
    )


def change_table(changed: Sequence[Case]) -> Table:
    columns = [
        text_column("work"), text_column("database"), Column("before, ms"), Column("after, ms"),
        Column("times as fast"), Column("95 % interval"), Column("A/A control"),
        Column("its interval"), Column("pairs"), Column("memory before, kB"), Column("after, kB"),
    ]  # fmt: skip
    rows = [
        change_row(case, database, change)
        for case in changed
        for database, change in case.changes.items()
    ]
    return Table(columns, rows)


def change_row(case: Case, database: Database, change: Change) -> Row:
    ratio, control, info = change.ratio, change.control, case.on[database].extra_info
    cells: list[Cell | str] = [
        case.title,
        STACK_NAMES[database],
        figure(change.before_s * 1_000),
        figure(change.after_s * 1_000),
        Cell(times(ratio.ratio), "" if ratio.is_one else "good" if ratio.ratio > 1 else "bad"),
        interval(ratio.low, ratio.high),
        figure(control.ratio),
        Cell(interval(control.low, control.high), "quiet" if control.is_one else "bad"),
        count(change.pairs),
        *(
            NOTHING if peak is None else figure(peak)
            for peak in (info.before.peak_python_kb, info.peak_python_kb)
        ),
    ]
    where = case.where("extra_info.pairs, before, peak_python_kb", database)
    return Row(cells, where, f"{case.anchor}-{database}")


def change_figure(changed: Sequence[Case]) -> Figure:
    title = "Before against after: times as fast, with 95 % intervals"
    bars = [
        plots.Bar(case.title, {STACK_NAMES[d]: c.ratio for d, c in case.changes.items()})
        for case in changed
    ]
    where = "bench-*.json › benchmarks[*] › extra_info.pairs"
    return Figure(title, plots.before_after(bars, title), where)


# --- Growth -----------------------------------------------------------------------------------


def growth(evidence: Evidence) -> Section | None:
    sizes = evidence.at_sizes()
    if not sizes:
        return None
    tables = [growth_table(sizes, evidence.databases)]
    figures = [growth_figure(sizes, database) for database in evidence.databases]
    return Section(
        "growth",
        "Cost against the number of records",
        [
            Text(
                "The same operation in libraries of different sizes. A flat line costs the same"
                " however much there is; the last column sets the largest against the smallest."
            ),
            *tables,
            Figures([made for made in figures if made]),
        ],
    )


def growth_table(sizes: dict[str, list[Case]], databases: Sequence[Database]) -> Table:
    numbers = sorted({records(case) for cases in sizes.values() for case in cases})
    columns = [
        text_column("operation"),
        text_column("database"),
        *(Column(f"{count(number)}, ms") for number in numbers),
        Column("growth"),
    ]
    rows = [
        growth_row(operation, there, database, numbers)
        for operation, cases in sizes.items()
        for database in databases
        if (there := [case for case in cases if database in case.on])
    ]
    return Table(columns, rows)


def growth_row(
    operation: str, cases: Sequence[Case], database: Database, numbers: Sequence[int]
) -> Row:
    medians = {records(case): case.median(database) for case in cases}
    grown = times(medians[records(cases[-1])] / medians[records(cases[0])])
    cells = [
        operation,
        STACK_NAMES[database],
        *(figure(medians[n] * 1_000) if n in medians else NOTHING for n in numbers),
        grown if len(medians) > 1 else NOTHING,
    ]
    # The names of the benchmarks differ in their sizes.
    names = ", ".join(case.fullname for case in cases)
    first = cases[0].where("stats.median", database)
    return Row(cells, first.replace(cases[0].fullname, names))


def growth_figure(sizes: dict[str, list[Case]], database: Database) -> Figure | None:
    lines = [
        plots.Line(operation, points)
        for operation, cases in sizes.items()
        if (points := [(records(c), c.median(database) * 1e3) for c in cases if database in c.on])
    ]
    if not lines:
        return None
    title = f"Cost against the number of records on {STACK_NAMES[database]}"
    where = f"bench-{database}.json › benchmarks[*] › extra_info.records, stats.median"
    return Figure(title, plots.growth(lines, title), where)


# --- Beside what others publish ---------------------------------------------------------------


def published_scenarios(evidence: Evidence) -> Iterator[Block]:
    found = [each for each in published.SCENARIOS if evidence.titled(each.beside)]
    if found:
        yield Heading("The three scenarios, beside a published report")
        yield Text(f"{published.SMALL_API}: the ratios say where the bar is, and no more.")
        yield published_table(found, evidence)


def peers(evidence: Evidence) -> Iterator[Block]:
    if evidence.cases:
        yield Heading("Other music servers")
        yield Text(
            f"{published.PEERS}. Beside them stands the nearest of our benchmarks, which is not"
            " the same work: theirs go over HTTP, ours are timed in process and read more rows."
        )
        yield published_table(published.PEERS_MEASURED, evidence)


def published_table(found: Sequence[published.Published], evidence: Evidence) -> Table:
    columns = [
        text_column("work"),
        Column("elsewhere"),
        text_column("nearest of ours"),
        *(Column(f"ours, {STACK_NAMES[database]}") for database in evidence.databases),
        *(Column(f"times as fast, {STACK_NAMES[database]}") for database in evidence.databases),
    ]
    return Table(columns, [published_row(each, evidence) for each in found])


def published_row(each: published.Published, evidence: Evidence) -> Row:
    case = evidence.titled(each.beside) if each.beside else None
    theirs = f"{exact(each.value)} {each.unit}"
    if case is None:
        nothing = [Cell(NOTHING, "quiet")] * (1 + 2 * len(evidence.databases))
        return Row([each.what, theirs, *nothing], "")
    ours = {d: case.median(d) * 1_000 for d in evidence.databases if d in case.on}
    cells = [
        each.what,
        theirs,
        case.title,
        *(f"{figure(ours[d])} ms" if d in ours else NOTHING for d in evidence.databases),
        *(times(each.value / ours[d]) if d in ours else NOTHING for d in evidence.databases),
    ]
    return Row(cells, case.where("stats.median"))
