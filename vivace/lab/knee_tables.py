"""The report's section on knees: the highest rates that keep a target."""

from collections.abc import Iterator, Sequence

from vivace.lab import plots
from vivace.lab.evidence import Evidence, Knees
from vivace.lab.knee import at_the_knee
from vivace.lab.page import (
    Block,
    Cell,
    Column,
    Figure,
    Figures,
    Row,
    Section,
    Table,
    Text,
    text_column,
)
from vivace.lab.results import Knee
from vivace.lab.wording import NOTHING, count, exact, figure, interval, plural

MARKERS = ("o", "^", "s", "x")
"""So that operations are told apart without colours, too."""

WHAT = (
    "The knee of an operation is the highest rate at which requests may arrive while p99 stays"
    " under a target. They arrive as a Poisson process, at random moments and whatever became of"
    " those before, and latency counts from the moment a request was due. A probe is some seconds"
    " at one rate; one failure or refusal makes it miss. From each follows the rate at which it"
    " would just have kept the target, and the knee is the mean of the middle half of these, with"
    " a 95 % interval by bootstrap, of that search alone: one at another time may be further off. A"
    " miss while the generator was busy or late, or others were on"
    " the server's cores, counts for nothing. The floor is the same rate against a server that does"
    " nothing."
)


def knees(evidence: Evidence) -> Section | None:
    if not evidence.knees:
        return None
    blocks: list[Block] = [Text(WHAT), Text(" ".join(map(setup, evidence.knees)))]
    blocks.append(knee_table(evidence.knees))
    if drawn := list(rate_figures(evidence.knees)):
        blocks += [Text("Each point is a probe; vertical lines are the knees."), Figures(drawn)]
    return Section("knees", "Highest rates", blocks)


def setup(found: Knees) -> str:
    result = found.result
    cores = ", ".join(map(str, result.server_cores))
    where = f", kept to core {cores}" if cores else ""
    library = f", {plural(result.data.tracks, 'track')}" if result.data else ""
    kept = "" if result.kept else ", each answer made anew"
    return f"{result.server}{where}{library}{kept}: p99 under {exact(result.target_p99_ms)} ms."


def knee_table(found: Sequence[Knees]) -> Table:
    columns = [
        text_column("operation"), Column("knee, requests/s"), Column("95 % interval"),
        Column("probes"), Column("server, cores"), Column("generator, cores"),
        Column("floor p99, ms"), text_column("why not"),
    ]  # fmt: skip
    rows = [row(knees, each) for knees in found for each in knees.result.operations]
    return Table(columns, rows)


def row(knees: Knees, found: Knee) -> Row:
    where = knees.where(f"operations[{found.operation}]")
    nearest = at_the_knee(found)
    cells: list[Cell | str] = [
        f"{found.operation} on {knees.stack}",
        figure(found.knee) if found.knee else Cell("not found", "bad"),
        interval(found.low, found.high) if found.low and found.high else NOTHING,
        count(len(found.probes)),
        figure(nearest.server_cpu) if nearest else NOTHING,
        figure(nearest.generator_cpu) if nearest else NOTHING,
        figure(found.floor.p99_ms) if found.floor else NOTHING,
        found.why or NOTHING,
    ]
    return Row(cells, where)


def rate_figures(found: Sequence[Knees]) -> Iterator[Figure]:
    for knees in found:
        if any(each.probes for each in knees.result.operations):
            title = f"p99 by rate on {knees.stack}"
            where = knees.where("operations[*].probes")
            yield Figure(title, by_rate(knees, title), where)


def by_rate(knees: Knees, label: str) -> str:
    """p99 of each probe against its rate, both by powers of ten, with the target and the knees."""
    found = [each for each in knees.result.operations if each.probes]
    with plots.drawing(height=plots.HEIGHT + 0.17 * len(found)) as (drawn, axes):
        for number, each in enumerate(found):
            colour = plots.SERIES[number % len(plots.SERIES)]
            shown = [probe for probe in each.probes if probe.p99_ms > 0]
            axes.plot(
                [probe.rate for probe in shown],
                [probe.p99_ms for probe in shown],
                label=each.operation,
                color=colour,
                linestyle="",
                marker=MARKERS[number % len(MARKERS)],
                markersize=3.5,
            )
            if each.knee:
                axes.axvline(each.knee, color=colour, linewidth=0.8)
        target = knees.result.target_p99_ms
        axes.axhline(target, color=plots.INK, linewidth=0.8, linestyle=plots.DASHES[1])
        plots.logarithmic(axes, "x")
        plots.logarithmic(axes, "y")
        plots.name_axes(axes, "arrivals a second", "p99, ms")
        plots.beneath(drawn, axes, columns=1)
        return plots.svg(drawn, label)
