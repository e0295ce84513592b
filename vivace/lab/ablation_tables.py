"""The report's section on ablations: what each optimisation is worth."""

import math
from collections.abc import Iterator, Sequence

from vivace.lab import plots
from vivace.lab.ablations import Ablation, Optimisation, optimisations
from vivace.lab.cases import Change
from vivace.lab.evidence import Evidence
from vivace.lab.page import (
    Block,
    Cell,
    Column,
    Figure,
    Figures,
    Point,
    Points,
    Row,
    Section,
    Table,
    Text,
    text_column,
)
from vivace.lab.ratios import Ratio
from vivace.lab.results import Database
from vivace.lab.wording import NOTHING, STACK_NAMES, count, figure, interval, listed, times

ROW_HEIGHT = 0.2
APART, MARK = 0.3, 0.14
"""Shares of a row: between databases, and half the height of a mark."""
WIDTHS = (1.2, 2.4)
"""So that databases are told apart without colours, too."""
GAP = (math.nan, math.nan)

WHAT = (
    "Each optimisation is switched off alone and on again, on the same request to a library of the"
    " lab's own, in rounds that take turns: off, on, on again. Before is without it, after with"
    " it; what comes of both is compared first and is the same. The A/A control sets the two"
    " rounds with it against each other: its interval should hold 1."
)


def ablation(evidence: Evidence) -> Section | None:
    found = optimisations(evidence.ablations)
    if not found:
        return None
    blocks: list[Block] = [Text(f"{WHAT} {libraries(evidence.ablations)}")]
    blocks.append(gain_table(found, [each.result.database for each in evidence.ablations]))
    blocks.append(Figures([gain_figure(found)]))
    if missing := list(unmeasured(evidence.ablations)):
        blocks += [Text("What could not be measured:"), Points(missing)]
    return Section("ablation", "Ablation", blocks)


def libraries(found: Sequence[Ablation]) -> str:
    sizes = {each.result.data.tracks for each in found}
    return f"The library has {listed(count(tracks) for tracks in sorted(sizes))} tracks."


def unmeasured(found: Sequence[Ablation]) -> Iterator[Point]:
    for each in found:
        for number, line in enumerate(each.result.missing):
            yield Point(line, f"{each.file} › missing[{number}]")


def gain_table(found: Sequence[Optimisation], databases: Sequence[Database]) -> Table:
    columns = [text_column("optimisation"), text_column("switched off"), text_column("request")]
    for database in databases:
        name = STACK_NAMES[database]
        columns += [
            Column(f"{name}: before, ms"), Column("after, ms"), Column("times as fast"),
            Column("95 % interval"), Column("A/A control"), Column("pairs"),
        ]  # fmt: skip
    return Table(columns, [gain_row(each, databases) for each in found])


def gain_row(each: Optimisation, databases: Sequence[Database]) -> Row:
    row = each.row
    cells: list[Cell | str] = [f"{row.what} (`{row.name}`)", row.without, row.asked]
    for database in databases:
        cells += gain_cells(each.on[database]) if database in each.on else [NOTHING] * 6
    return Row(cells, each.where(), f"ablation-{row.name}")


def gain_cells(change: Change) -> list[Cell | str]:
    ratio, control = change.ratio, change.control
    return [
        figure(change.before_s * 1_000),
        figure(change.after_s * 1_000),
        Cell(times(ratio.ratio), "" if ratio.is_one else "good" if ratio.ratio > 1 else "bad"),
        interval(ratio.low, ratio.high),
        Cell(interval(control.low, control.high), "quiet" if control.is_one else "bad"),
        count(change.pairs),
    ]


def gain_figure(found: Sequence[Optimisation]) -> Figure:
    title = "Without against with each optimisation: times as fast, with 95 % intervals"
    return Figure(title, gains(found, title), "ablation-*.json › rows[*].pairs")


def gains(found: Sequence[Optimisation], label: str) -> str:
    """A line for each optimisation: of each database a mark at the ratio, and its interval."""
    with plots.drawing(height=0.8 + ROW_HEIGHT * len(found)) as (drawn, axes):
        databases = list(dict.fromkeys(database for each in found for database in each.on))
        axes.axvline(1, color=plots.QUIET, linewidth=0.8)
        for number, database in enumerate(databases):
            shift = (number - (len(databases) - 1) / 2) * APART
            known = (
                (y, each.on[database].ratio) for y, each in enumerate(found) if database in each.on
            )
            # One path for all: a page has room for few bytes an optimisation.
            path = [point for y, ratio in known for point in marks(ratio, y + shift)]
            axes.plot(
                *zip(*path, strict=True), label=STACK_NAMES[database],
                color=plots.SERIES[number], linewidth=WIDTHS[number], solid_capstyle="butt",
            )  # fmt: skip
        axes.set_ylim(len(found) - 0.4, -0.6)
        plots.logarithmic(axes, "x")
        plots.name_axes(axes, "times as fast", "")
        axes.set_yticks(range(len(found)), [each.row.name for each in found])
        plots.beneath(drawn, axes)
        return plots.svg(drawn, label)


def marks(ratio: Ratio, y: float) -> Iterator[tuple[float, float]]:
    yield from ((ratio.ratio, y - MARK), (ratio.ratio, y + MARK), GAP)
    if ratio.low > 0 and math.isfinite(ratio.high):
        yield from ((ratio.low, y), (ratio.high, y), GAP)
