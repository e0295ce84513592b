"""How fast the machine was around each measurement, and what the report says of that."""

from pathlib import Path

import pytest

from tests.lab_results import (
    ablation_result,
    benchmark,
    load_result,
    trial_result,
    write_bench,
)
from vivace.lab import pace, report, results, trials
from vivace.lab.ablation.results import save as save_ablation
from vivace.lab.evidence import gathered
from vivace.lab.results import Pace
from vivace.lab.rules import paces

pytestmark = pytest.mark.any_database


def paced(before_ms: float, after_ms: float) -> Pace:
    return Pace(before_ms=before_ms, after_ms=after_ms)


def test_what_one_round_waited_for_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = iter([21.0, 22.0, 500.0] * pace.ROUNDS)
    monkeypatch.setattr(pace, "worked_ms", lambda: next(rounds))
    assert pace.since(19.5) == paced(19.5, 21.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Results of a machine that was slow for a while."""
    write_bench(tmp_path, "sqlite", [benchmark()], vivace_pace={"before_ms": 20, "after_ms": 21})
    results.save(tmp_path, load_result(pace=paced(20.5, 44.25)))
    results.save(tmp_path, load_result("open", pace=paced(21, 20)))
    trials.save(tmp_path, trial_result(pace=paced(43, 22)))
    save_ablation(tmp_path, ablation_result("sqlite", pace=paced(22, 23)))
    return tmp_path


def test_what_was_measured_at_another_pace_is_told_the_farthest_off_first(folder: Path) -> None:
    (found,) = paces(gathered(folder))
    assert "took 21.0 ms" in found.text
    assert (
        "`load-assignment-sqlite.json` 20.5 – 44.2 and `trial-overload-postgresql.json` 43.0 – 22.0"
    ) in found.text
    assert "bench-" not in found.text
    assert found.where == "load-assignment-sqlite.json › pace"


def test_a_faster_machine_is_another_one_too(folder: Path) -> None:
    results.save(folder, load_result("thinking", pace=paced(21, 9)))
    (found,) = paces(gathered(folder))
    assert found.where == "load-thinking-sqlite.json › pace"


def test_the_report_has_the_pace_beside_each_file(folder: Path) -> None:
    page = report.render(folder).markdown
    assert "| load-assignment-sqlite.json | 2026-02-03T05:06:07+00:00 | 20.5 – 44.2 |" in page
    assert "was mostly so fast that the same work took 21.0 ms" in page


def test_of_results_without_it_nothing_is_said(tmp_path: Path) -> None:
    write_bench(tmp_path, "sqlite", [benchmark()])
    results.save(tmp_path, load_result())
    evidence = gathered(tmp_path)
    assert evidence.usual_ms is None
    assert list(paces(evidence)) == []
    assert "mostly so fast" not in report.render(tmp_path).markdown


def test_what_it_took_before_is_not_set_beside_what_it_took_after(tmp_path: Path) -> None:
    """Each by itself is near enough to the usual."""
    results.save(tmp_path, load_result(pace=paced(20, 20)))
    results.save(tmp_path, load_result("open", pace=paced(18, 22.5)))
    assert list(paces(gathered(tmp_path))) == []
