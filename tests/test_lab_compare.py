"""Comparisons: what is slower is found, and the same is not called different."""

import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests import lab_trees
from tests.lab_results import MACHINE, benchmark, write_bench
from vivace.lab import compare, compare_files, compare_results, revisions, verdicts
from vivace.lab.commands.compare import SLOWER
from vivace.lab.compare_results import CompareResult, Round
from vivace.lab.results import Database
from vivace.lab.verdicts import EVERYTHING, Interval

pytestmark = pytest.mark.any_database

OPERATIONS = 50
MISS = verdicts.share_of(OPERATIONS * len(compare.CLOCKS), len(compare.LOOKS))


class Machine:
    """A busy one: slower for a while, now and then much, and never twice the same."""

    def __init__(self, seed: int) -> None:
        self.drawn = random.Random(seed)
        self.busy = 1.0

    def round(self, slowdown: float, wait_s: float = 0) -> Round:
        self.busy = max(1.0, self.busy + self.drawn.gauss(0, 0.05))
        one, second, again = (0.004 * self.busy * self.noise() for _ in range(3))
        second *= slowdown
        return Round(
            processor=(one, second, again),
            wall=(one * self.noise(), second * self.noise() + wait_s, again * self.noise()),
        )

    def noise(self) -> float:
        interrupted = self.drawn.random() < 0.05
        return math.exp(self.drawn.gauss(0, 0.03)) * (1.5 if interrupted else 1)


def rounds(seed: int, slowdown: float = 1, wait_s: float = 0) -> list[Round]:
    """As many as are looked at until it is settled."""
    machine, found = Machine(seed), list[Round]()
    for look in compare.LOOKS:
        found += [machine.round(slowdown, wait_s) for _ in range(look - len(found))]
        change, control = compare.intervals(found, "processor", MISS)
        if verdicts.is_settled(change, compare.margin(control)):
            break
    return found


# --- Verdicts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("slowdown", [1.05, 1.08, 1.2])
def test_a_slowdown_is_found_and_so_is_its_opposite(slowdown: float) -> None:
    for seed in range(20):
        assert compare.judged("GET /", rounds(seed, slowdown), MISS).verdict == "slower"
        assert compare.judged("GET /", rounds(seed, 1 / slowdown), MISS).verdict == "faster"


def test_the_same_is_not_called_different() -> None:
    for seed in range(200):
        found = compare.judged("GET /", rounds(seed), MISS)
        assert found.verdict == "none"
        assert found.change.within < verdicts.TOLD


def test_an_operation_that_waits_is_found_by_the_clock_on_the_wall() -> None:
    found = compare.judged("GET /", rounds(1, wait_s=0.002), MISS)
    assert (found.verdict, found.clock) == ("slower", "wall")


def test_an_interval_misses_as_seldom_as_it_says() -> None:
    drawn = random.Random(1)
    missed = 0
    for _ in range(1_000):
        ratios = [math.exp(drawn.gauss(0.1, 0.05)) for _ in range(30)]
        found = verdicts.paired(ratios, miss=0.05)
        missed += not found.low <= math.exp(0.1) <= found.high
    assert 25 <= missed <= 75


def test_few_rounds_say_nothing() -> None:
    assert verdicts.paired([1.5, 1.6, 1.5], miss=0.001) == EVERYTHING
    assert verdicts.apart([1.5], [1.6, 1.5], miss=0.001) == EVERYTHING
    assert verdicts.worded("none", EVERYTHING) == "no difference seen, in too few rounds"


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (1.021, 1.3, "slower"),
        (0.7, 0.979, "faster"),
        (1.019, 1.03, "no difference seen, smaller than 3.00 %"),
        (0.8, 1.01, "no difference seen, smaller than 25.0 %"),
    ],
)
def test_the_whole_interval_has_to_be_beyond_the_margin(low: float, high: float, said: str) -> None:
    found = Interval(ratio=math.sqrt(low * high), low=low, high=high)
    assert verdicts.worded(verdicts.verdict(found), found) == said


def test_a_control_that_is_off_widens_the_margin() -> None:
    control = Interval(ratio=0.96, low=0.95, high=0.97)
    change = Interval(ratio=1.05, low=1.03, high=1.07)
    assert verdicts.verdict(change, compare.margin(control)) == "none"


# --- Two trees ---------------------------------------------------------------------------------


def test_the_working_tree_is_compared_with_itself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(compare, "LOOKS", (2, 3))
    monkeypatch.setattr(revisions, "tree", lab_trees.small)
    shown = list[str]()
    operation = "GET /api/v1/tracks/{id}"
    found = compare.run(
        ".", ".", [operation], lambda _text: None, lambda _done, _all, name: shown.append(name)
    )
    (compared,) = found.operations
    assert (compared.operation, len(compared.rounds)) == (operation, 3)
    # Three rounds are too few for any interval.
    assert (compared.verdict, compared.change) == ("none", EVERYTHING)
    assert {*shown} == {operation}
    path = compare_results.save(compare_results.compare_path(tmp_path, found.database), found)
    assert compare_results.read(path).operations[0].rounds == compared.rounds


# --- Two files ---------------------------------------------------------------------------------


def bench(
    folder: Path,
    factor: float = 1.0,
    drift: float = 1.0,
    database: Database = "sqlite",
    **changed: Any,
) -> Path:
    """A file whose benchmarks take so many times as long, on a machine that does, too."""
    median_s = 0.000_330_7
    return write_bench(
        folder,
        database,
        [
            benchmark("test_bare_rows.py::test_bare", "Yardstick", median_s * drift,
                      rounds=200, group="yardstick"),
            benchmark("test_reads.py::test_one_track", "One track", median_s * drift * factor,
                      rounds=200),
        ],
        **changed,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("factor", "drift", "said"),
    [(1, 1, "none"), (1.3, 1, "slower"), (0.7, 1, "faster"), (1.02, 1.3, "none"), (1, 1.3, "none")],
)
def test_what_goes_beyond_the_drift_of_the_machine_is_a_difference(
    factor: float, drift: float, said: str, tmp_path: Path
) -> None:
    found = compare_files.run(bench(tmp_path / "a"), bench(tmp_path / "b", factor, drift))
    (compared,) = found.operations
    assert (compared.operation, compared.verdict) == ("One track", said)
    assert compared.control.low < drift < compared.control.high
    assert "at different times" in compare_files.warning(found)


def test_files_that_cannot_stand_beside_each_other_are_refused(tmp_path: Path) -> None:
    first = bench(tmp_path / "a")
    other = {"cpu": "another", "cores": 8, "memory_mb": 1, "system": MACHINE.system,
             "python": MACHINE.python}  # fmt: skip
    bare = write_bench(tmp_path / "c", "sqlite", [benchmark()])
    damaged = tmp_path / "damaged.json"
    damaged.write_text("{")
    for second, why in (
        (bench(tmp_path / "b", vivace_machine=other), "different machines"),
        (bench(tmp_path / "d", database="postgresql"), "different databases"),
        (bench(tmp_path / "e", format=0), "of format 0"),
        (bare, "without a yardstick"),
        (damaged, "damaged"),
        (tmp_path / "nothing.json", "there is no such file"),
    ):
        assert why in refusal(str(first), str(second))


def refusal(*words: str) -> str:
    with pytest.raises(CommandError) as refused:
        call_command("lab", "compare", *words)
    (line,) = str(refused.value).splitlines()
    return line


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["nonsense", "."], "there is no such revision"),
        ([".", "nonsense"], "there is no such revision"),
        ([".", "bench-sqlite.json"], "is a result file and . is not"),
        (["bench-sqlite.json", "."], "is a result file and . is not"),
        (["a.json", "b.json", "GET /"], "as a whole"),
    ],
)
def test_what_cannot_be_compared_is_one_line(words: Sequence[str], why: str) -> None:
    assert why in refusal(*words)


# --- The command -------------------------------------------------------------------------------


def test_the_command_ends_with_3_where_something_is_slower(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = bench(tmp_path / "a"), bench(tmp_path / "b", factor=1.3)
    results = ["--results", str(tmp_path)]
    with pytest.raises(SystemExit) as ended:
        call_command("lab", "compare", str(first), str(second), *results)
    assert ended.value.code == SLOWER
    said = capsys.readouterr().out
    assert "1 slower, 0 faster, no difference seen in 0" in said
    call_command("lab", "compare", str(first), str(first), *results)
    found: CompareResult = compare_results.read(compare_results.compare_path(tmp_path, "sqlite"))
    assert [each.verdict for each in found.operations] == ["none"]
