"""The report's section on trials: what becomes of a running Vivace, and what was promised of it."""

from collections.abc import Sequence

from vivace.lab.evidence import Evidence, Trial
from vivace.lab.load_tables import kept
from vivace.lab.page import Cell, Column, Point, Points, Row, Section, Table, Text, text_column
from vivace.lab.trials import Measured
from vivace.lab.wording import NOTHING, interval

WHAT = (
    "A trial is a script that asks one thing of a running Vivace that no benchmark and no load test"
    " asks. It runs by itself, with the command named here."
)


def trials(evidence: Evidence) -> Section | None:
    if not evidence.trials:
        return None
    told = Points([*map(about, evidence.trials)])
    return Section("trials", "Trials", [Text(WHAT), told, figures(evidence.trials)])


def about(trial: Trial) -> Point:
    result = trial.result
    return Point(f"{trial.title}: {result.asks} `{result.command}`, {result.server}", trial.file)


def figures(found: Sequence[Trial]) -> Table:
    columns = [
        text_column("trial"), text_column("figure"), Column("measured"), Column("95 % interval"),
        Column("goal"), text_column("met"),
    ]  # fmt: skip
    return Table(columns, [row(trial, each) for trial in found for each in trial.result.measured])


def row(trial: Trial, each: Measured) -> Row:
    promise = trial.promise(each)
    cells: list[Cell | str] = [
        trial.title,
        each.what,
        each.told,
        interval(*each.interval) if each.interval else NOTHING,
        each.bound or NOTHING,
        kept(promise) if promise else NOTHING,
    ]
    return Row(cells, trial.where_of(each))
