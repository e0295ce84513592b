"""Times that processes note together."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vivace.tallies import CHUNK_BYTES, ROW_BYTES, Labels, Tally

pytestmark = pytest.mark.any_database

NAMES = "method", "path"
BOUNDS = 0.001, 0.1


def told(tally: Tally) -> dict[Labels, list[list[float]]]:
    found: dict[Labels, list[list[float]]] = {}
    for labels, numbers in tally.all():
        found.setdefault(labels, []).append(numbers)
    return found


@pytest.mark.parametrize("in_folder", [True, False])
def test_a_time_counts_up_to_the_first_bound_that_holds_it(in_folder: bool, tmp_path: Path) -> None:
    tally = Tally(NAMES, BOUNDS, str(tmp_path) if in_folder else None)
    for seconds in (0.0005, 0.001, 0.002, 0.1, 60.0):
        tally.note(("GET", "/söngvar"), seconds)
    tally.note(("PUT", ""), 0.25)
    ((seconds, *counts),) = told(tally)["GET", "/söngvar"]
    assert seconds == pytest.approx(60.1035)
    assert counts == [2, 2, 1]
    assert told(tally)["PUT", ""] == [[0.25, 0, 0, 1]]


@pytest.mark.parametrize("in_folder", [True, False])
def test_there_is_room_for_as_many_labels_as_come(in_folder: bool, tmp_path: Path) -> None:
    tally = Tally(NAMES, BOUNDS, str(tmp_path) if in_folder else None)
    many = 2 * CHUNK_BYTES // ROW_BYTES + 1
    for _ in range(2):
        for number in range(many):
            tally.note((str(number),), 0.01)
    assert told(tally) == {(str(number),): [[0.02, 0, 2, 0]] for number in range(many)}


def test_threads_lose_none_of_each_others(tmp_path: Path) -> None:
    tally, usual = Tally(NAMES, BOUNDS, str(tmp_path)), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            for _ in pool.map(lambda number: tally.note((str(number % 7),), 0.5), range(20_000)):
                pass
    finally:
        sys.setswitchinterval(usual)
    assert sum(numbers[-1] for _, numbers in tally.all()) == 20_000


def test_what_others_noted_is_told_by_each(tmp_path: Path) -> None:
    one, other, elsewhere = (Tally(NAMES, BOUNDS, str(tmp_path)) for _ in range(3))
    one.note(("GET",), 0.01)
    other.note(("GET",), 0.5)
    other.note(("PUT",), 0.5)
    for each in (one, other, elsewhere):
        assert sorted(told(each)["GET",]) == [[0.01, 0, 1, 0], [0.5, 0, 0, 1]]
        assert told(each)["PUT",] == [[0.5, 0, 0, 1]]


def test_it_stays_when_its_process_is_killed(tmp_path: Path) -> None:
    script = (
        "import os, signal; from vivace.tallies import Tally;"
        f"Tally({NAMES}, {BOUNDS}, {str(tmp_path)!r}).note(('GET',), 0.5);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode < 0
    assert told(Tally(NAMES, BOUNDS, str(tmp_path))) == {("GET",): [[0.5, 0, 0, 1]]}


@pytest.mark.parametrize(
    ("names", "bounds"), [(NAMES, (*BOUNDS, 1.0)), (NAMES, BOUNDS[:1]), (("method",), BOUNDS)]
)
def test_what_another_version_noted_is_passed_by(
    names: Labels, bounds: tuple[float, ...], tmp_path: Path
) -> None:
    Tally(names, bounds, str(tmp_path)).note(("GET",), 0.5)
    own = Tally(NAMES, BOUNDS, str(tmp_path))
    assert told(own) == {}
    own.note(("GET", "/"), 0.5)
    assert told(own) == {("GET", "/"): [[0.5, 0, 0, 1]]}


def test_labels_that_do_not_fit_their_row_are_refused(tmp_path: Path) -> None:
    tally = Tally(NAMES, BOUNDS, str(tmp_path))
    with pytest.raises(ValueError, match="too long"):
        tally.note(("GET", "x" * ROW_BYTES), 0.5)
    tally.note(("GET", "/"), 0.5)
    assert told(tally) == {("GET", "/"): [[0.5, 0, 0, 1]]}
