"""The report's section on revisions: what `compare` and `gate` found."""

from pathlib import Path

import msgspec
import pytest

from tests import lab_results as made
from tests.lab_results import Lab
from tests.report_tables import Tables
from vivace.lab import report
from vivace.lab.compare_results import Compared
from vivace.lab.verdicts import EVERYTHING
from vivace.lab.wording import figure

pytestmark = pytest.mark.any_database


def test_revisions_are_set_side_by_side(tmp_path: Path) -> None:
    slower, faster = made.compared("GET /slower", 1.07), made.compared("GET /faster", 0.93)
    waits = msgspec.structs.replace(made.compared("GET /waits", 1.5), clock="wall")
    few = msgspec.structs.replace(made.compared("GET /few"), change=EVERYTHING)
    comparison = made.compare_result(made.compared("GET /same"), few, faster, slower, waits)
    before = [made.counts(), made.counts("GET /old")]
    more = made.gate_result(before, [made.counts(queries=4, rows=51)])
    more.changes[1].accepted = "fewer are shown"
    Lab(comparisons=[comparison], gates=[more]).written(tmp_path)
    found = report.render(tmp_path)
    tables = Tables(found.html).tables
    (compared,) = (table for table in tables if "verdict" in table[0])
    (counted,) = (table for table in tables if "difference" in table[0])
    assert compared[1:] == [
        as_told(waits, "slower (it waits)"), as_told(slower, "slower"), as_told(faster, "faster")
    ]  # fmt: skip
    assert counted[1:] == [
        ["GET /api/v1/tracks", "queries", "1", "4", "+300.0 %", "–"],
        ["GET /api/v1/tracks", "rows", "100", "51", "-49.0 %", "fewer are shown"],
    ]
    seen = "No difference is seen in 2 operations. Of 1 there were too few rounds. At most"
    assert seen in found.markdown
    for line in ("GET /api/v1/search: new", "GET /old: gone"):
        assert f"- {line}" in found.markdown
    assert "GET /slower: as fast as in main (1c0ffee) again, a factor of 1.07" in found.markdown


def as_told(each: Compared, verdict: str) -> list[str]:
    told = [f"{100 * (x - 1):+.1f} %" for x in (each.change.ratio, each.change.low,
            each.change.high, each.control.low, each.control.high)]  # fmt: skip
    ratio, low, high, same_low, same_high = told
    between = [f"{low} to {high}", f"{same_low} to {same_high}"]
    return [each.operation, figure(1_000 * each.seconds), ratio, *between, "24", verdict]


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (Lab(gates=[made.gate_result([made.counts()], [made.counts()])]), "1 operation: as many"),
        (
            Lab(gates=[made.gate_result([made.counts()], [made.counts("GET /new")])]),
            "Counts beside",
        ),
        (Lab(comparisons=[made.compare_result()]), "Nothing of Vivace"),
    ],
)
def test_revisions_alone_make_a_report(case: Lab, said: str, tmp_path: Path) -> None:
    case.written(tmp_path)
    assert said in report.render(tmp_path).markdown


def test_revisions_may_be_others_than_what_all_else_was_measured_of(tmp_path: Path) -> None:
    dirty = msgspec.structs.replace(made.VERSIONS, vivace="0.1.0 (d368064-dirty)")
    gate = made.gate_result([made.counts()], [made.counts()], versions=dirty)
    Lab(sqlite=[made.benchmark()], gates=[gate]).written(tmp_path)
    assert "1 benchmark and 1 counted operation of Vivace 0.1.0 (ceae588)" in (
        report.render(tmp_path).markdown
    )
