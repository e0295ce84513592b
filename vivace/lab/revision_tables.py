"""The report's section on revisions: which operations are slower or faster than they were, and
which count to more or less."""

import math
from collections.abc import Iterator, Sequence

from vivace.lab import compare_files, plots
from vivace.lab.compare import signed
from vivace.lab.compare_results import Compared
from vivace.lab.evidence import Comparison, Evidence, Gate
from vivace.lab.gate import WHERE_MAX, same, word
from vivace.lab.gate_results import Change
from vivace.lab.page import (
    Block,
    Cell,
    Column,
    Figure,
    Figures,
    Heading,
    Point,
    Points,
    Row,
    Section,
    Table,
    Text,
    text_column,
)
from vivace.lab.verdicts import Interval, Verdict
from vivace.lab.wording import NOTHING, STACK_NAMES, count, figure, percent, plural

LINE_HEIGHT = 0.05
"""Inches of each operation in the plot."""
TONES: dict[Verdict, str] = {"slower": "bad", "faster": "good", "none": "quiet"}

COMPARED = (
    "A process of the second and two of the first stand ready and are asked for the same in turn,"
    " a round at a time, in changing order. The second is set against both of the first together,"
    " and those against each other are the control. A difference is called one when its whole"
    " interval is beyond 2 %, more where the control is off. The intervals are so wide that one of"
    " a hundred comparisons of a revision with itself may raise an alarm, all operations together."
)
COUNTED = (
    "What one request for each operation comes to. Counts do not wobble: what differs was changed."
    " Of instructions half a percent is told, as other code puts other things at other places in"
    " memory."
)


def revisions(evidence: Evidence) -> Section | None:
    blocks: list[Block] = []
    for comparison in evidence.comparisons:
        blocks += compared(comparison)
    for gate in evidence.gates:
        blocks += counted(gate)
    return Section("revisions", "Between revisions", blocks) if blocks else None


# --- Times ------------------------------------------------------------------------------------


def compared(found: Comparison) -> Iterator[Block]:
    result, database = found.result, STACK_NAMES[found.result.database]
    yield Heading(f"Times of {result.second} beside {result.first}, on {database}")
    if result.operations:
        side_by_side = any(each.rounds for each in result.operations)
        yield Text(COMPARED if side_by_side else compare_files.warning(result))
    apart = [each for each in result.operations if each.verdict != "none"]
    if apart:
        yield times_table(found, apart)
    if alike := [each for each in result.operations if each.verdict == "none"]:
        yield Text(unseen(alike))
    if known := [each.change for each in result.operations if each.change.is_known]:
        title = f"Differences on {database} with their intervals: a line for each operation"
        drawn = differences(known, title)
        yield Figures([Figure(title, drawn, found.where("operations[*].change"))])
    yield from not_measured(found, result.missing)


def times_table(found: Comparison, apart: Sequence[Compared]) -> Table:
    columns = [
        text_column("operation"), Column("before, ms"), Column("now takes"), Column("interval"),
        Column("control"), Column("rounds"), text_column("verdict"),
    ]  # fmt: skip
    farthest_first = sorted(apart, key=lambda each: -abs(math.log(each.change.ratio)))
    slower_first = sorted(farthest_first, key=lambda each: each.verdict != "slower")
    return Table(columns, [times_row(found, each) for each in slower_first])


def times_row(found: Comparison, each: Compared) -> Row:
    waits = " (it waits)" if each.clock == "wall" and each.rounds else ""
    cells: list[Cell | str] = [
        each.operation,
        figure(1_000 * each.seconds),
        signed(each.change.ratio),
        ends(each.change),
        ends(each.control),
        count(len(each.rounds)) if each.rounds else NOTHING,
        Cell(f"{each.verdict}{waits}", TONES[each.verdict]),
    ]
    return Row(cells, found.where(f"operations[{each.operation}]"))


def ends(found: Interval) -> str:
    return f"{signed(found.low)} to {signed(found.high)}"


def unseen(alike: Sequence[Compared]) -> str:
    """`No difference is seen in 51 operations. At most 4.10 % may be in one (GET /things).`"""
    said = [f"No difference is seen in {plural(len(alike), 'operation')}."]
    known = [each for each in alike if each.change.is_known]
    if few := len(alike) - len(known):
        said.append(f"Of {count(few)} there were too few rounds.")
    if known:
        widest = max(known, key=lambda each: each.change.within)
        said.append(f"At most {percent(widest.change.within)} may be in one ({widest.operation}).")
    return " ".join(said)


def differences(known: Sequence[Interval], label: str) -> str:
    """Of each a line over its interval, from the fastest, and a curve through the middles."""
    ordered = sorted(known, key=lambda each: each.ratio)
    places = range(len(ordered))
    with plots.drawing(height=0.7 + LINE_HEIGHT * len(ordered)) as (drawn, axes):
        axes.axvline(0, color=plots.QUIET, linewidth=0.8)
        reach = [[100 * (end - 1) for end in (each.low, each.high)] for each in ordered]
        axes.hlines(places, *zip(*reach, strict=True), color=plots.SERIES[0], linewidth=1.8)
        middles = [100 * (each.ratio - 1) for each in ordered]
        axes.plot(middles, places, color=plots.INK, linewidth=1)
        axes.set_yticks([])
        plots.name_axes(axes, "% longer than before", "")
        return plots.svg(drawn, label)


# --- Counts -----------------------------------------------------------------------------------


def counted(found: Gate) -> Iterator[Block]:
    result = found.result
    yield Heading(f"Counts beside {result.base}, on {STACK_NAMES[result.database]}")
    yield Text(COUNTED)
    shared = len(result.after) - len(result.new)
    if result.changes:
        yield changes_table(found)
    elif shared:
        yield Text(f"{plural(shared, 'operation')}: {same(result)} as there.")
    points = [Point(f"{name}: new", found.where("new")) for name in result.new]
    points += [Point(f"{name}: gone", found.where("gone")) for name in result.gone]
    if points:
        yield Points(points)
    yield from not_measured(found, result.missing)


def changes_table(found: Gate) -> Table:
    columns = [
        text_column("operation"), text_column("count"), Column("before"), Column("now"),
        Column("difference"), text_column("statements, or why it is accepted"),
    ]  # fmt: skip
    return Table(columns, [changes_row(found, each) for each in found.result.changes])


def changes_row(found: Gate, each: Change) -> Row:
    tone = "" if each.accepted else "bad" if each.is_increase else "good"
    known = each.before and each.count != "status"
    cells: list[Cell | str] = [
        each.operation,
        word(each.count, found.result.database),
        count(each.before),
        count(each.after),
        Cell(signed(each.after / each.before) if known else NOTHING, tone),
        each.accepted or "; ".join(f"`{line}`" for line in each.where[:WHERE_MAX]) or NOTHING,
    ]
    return Row(cells, found.where(f"changes[{each.operation}]"))


def not_measured(found: Comparison | Gate, missing: Sequence[str]) -> Iterator[Block]:
    if missing:
        yield Text("What could not be set side by side:")
        yield Points([Point(line, found.where("missing")) for line in missing])
