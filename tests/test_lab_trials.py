"""Trials: what a script found is told, kept, read back and reported beside what was promised."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmarks import growth, nodes, overload, throughput, wrk
from benchmarks.trials import Trial
from benchmarks.upgrades import Upgrade
from tests import lab_results as made
from tests.lab_trees import put
from vivace.lab import report, results, revisions, stacks, trials
from vivace.lab.evidence import gathered
from vivace.lab.machine import CHECKOUT
from vivace.lab.probed import Sent
from vivace.lab.results import ResultError
from vivace.lab.stacks import Cores
from vivace.lab.trials import Measured, trial_path

pytestmark = pytest.mark.any_database

needs_wrk = pytest.mark.skipif(not shutil.which("wrk"), reason="wrk is not installed")
SERVED = Measured(
    what="served", value=88.37, unit="%", low=81.2, high=93.4, at_least=90
)  # three digits and a limit that is missed
REFUSED = Measured(what="p99 of refusals", value=6.613, unit="ms", at_most=50)
ADDED = Measured(what="writes acknowledged", value=1_234)


# --- A script's own part ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "met"),
    [
        ({}, True),
        ({"at_most": 7.0}, True),
        ({"at_most": 6.9}, False),
        ({"at_most": 0}, False),
        ({"at_least": 7.0}, True),
        ({"at_least": 7.1}, False),
    ],
)
def test_a_figure_keeps_its_limit_or_does_not(limits: dict[str, Any], met: bool) -> None:
    assert Measured(what="any", value=7.0, **limits).met is met


def concluded(folder: Path, arguments: list[str], *measured: Measured, wrong: str = "") -> int:
    """What a script of two options with these arguments exits with."""
    trial = Trial("overload", "Too many come?\n\npython -m …")
    trial.parser.add_argument("--rounds", type=int, default=3)
    trial.parser.add_argument("--calm", action="store_true")
    trial.parsed(["--results", str(folder), *arguments])
    return trial.concluded("sqlite", "vivace serve", measured, [wrong] if wrong else [])


def test_a_script_tells_its_figures_and_keeps_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert concluded(tmp_path, ["--rounds", "5", "--calm"], SERVED, REFUSED, ADDED) == 1
    path = trial_path(tmp_path, "overload", "sqlite")
    assert capsys.readouterr().out.splitlines() == [
        "served: 88.4 % (81.2–93.4), ≥ 90 %: MISSED",
        "p99 of refusals: 6.61 ms, ≤ 50 ms: met",
        "writes acknowledged: 1,234",
        f"Result: {path}",
    ]
    found = trials.read(path)
    assert found.asks == "Too many come?"
    assert found.command == "python -m benchmarks.overload --rounds 5 --calm"
    assert found.measured == [SERVED, REFUSED, ADDED]


def test_a_script_ends_well_where_all_is_as_promised(tmp_path: Path) -> None:
    assert concluded(tmp_path, [], REFUSED, ADDED) == 0
    found = trials.read(trial_path(tmp_path, "overload", "sqlite"))
    assert found.command == "python -m benchmarks.overload"


def test_a_script_ends_badly_where_something_else_was_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert concluded(tmp_path, [], REFUSED, wrong="the generator was the bottleneck") == 1
    assert "the generator was the bottleneck" in capsys.readouterr().out


# --- wrk --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "answers", "refused", "broken", "per_second"),
    [
        ("  4567 requests in 2.01s, 12.34MB read\nRequests/sec:  2272\n", 4_567, 0, 0, 2_272.1),
        ("  90 requests in 500.00ms, 1KB read\n", 90, 0, 0, 180),
        ("  600 requests in 1.00m, 1KB read\n  Non-2xx or 3xx responses: 300\n", 600, 300, 0, 5),
        (
            ("  100 requests in 1.00s, 1KB read\n"
            "  Socket errors: connect 1, read 2, write 3, timeout 4\n"
            "  Non-2xx or 3xx responses: 5\n"),
            100, 5, 10, 95,
        ),
        (
            ("  0 requests in 1.00s, 0B read\n"
            "  Socket errors: connect 100, read 0, write 0, timeout 0\n"),
            0, 0, 100, 0,
        ),
    ],
)  # fmt: skip
def test_what_wrk_says_is_read(
    told: str, answers: int, refused: int, broken: int, per_second: float
) -> None:
    found = wrk.read(f"Running 2s test @ http://127.0.0.1:1\n{told}")
    assert (found.answers, found.refused, found.broken) == (answers, refused, broken)
    assert found.wrong == refused + broken
    assert found.right_per_second == pytest.approx(per_second, rel=0.001)


def test_what_wrk_says_otherwise_is_no_figure() -> None:
    with pytest.raises(ValueError, match="unable to connect"):
        wrk.read("unable to connect to 127.0.0.1:1 Connection refused\n")


@needs_wrk
def test_wrk_counts_answers_and_those_that_are_none() -> None:
    with stacks.null_server(Cores((), ())) as base:
        found = wrk.asked(f"{base}/", 2, 1, headers={"Accept": "application/json"})
    assert found.answers > 0
    assert found.wrong == 0


# --- What becomes a figure --------------------------------------------------------------------


def test_rates_are_the_medians_of_their_rounds_and_one_a_share_of_the_other() -> None:
    ways = [
        throughput.Way("kept", "http://127.0.0.1:1", 7_000),
        throughput.Way(throughput.PUBLIC_READS, "http://127.0.0.1:1"),
        throughput.Way(throughput.FILE, "http://127.0.0.1:1"),
    ]
    turns = (
        [(14_200, 0), (15_800, 3), (13_000, 0)],
        [(40_000, 0), (42_000, 0), (38_000, 0)],
        [(50_000, 0), (52_000, 0), (48_000, 0)],
    )
    rounds = {
        way.what: [wrk.Answered(answers, refused, 1, 2.0) for answers, refused in each]
        for way, each in zip(ways, turns, strict=True)
    }
    found = [*throughput.figures(ways, rounds)]
    assert [each.limit for each in found] == [7_000, None, None, 80, 0]
    assert [each.value for each in found] == pytest.approx([7_100, 20_000, 25_000, 80, 12])
    assert (found[0].low, found[0].high) == (None, None)
    assert found[3].met
    assert not found[4].met
    without_a_file = [*throughput.figures(ways[:1], {"kept": rounds["kept"]})]
    assert [each.limit for each in without_a_file] == [7_000, 0]


def sent(p99_ms: float = 17.3, **changed: object) -> Sent:
    found = Sent(
        requests=400, failures=0, refusals=0, reason="", p50_ms=3.1, p99_ms=p99_ms,
        generator_cpu=0.2, generator_lag_ms=0.4,
    )  # fmt: skip
    return msgspec.structs.replace(found, **changed)


def test_growth_is_p99_of_the_large_library_by_that_of_the_small() -> None:
    pairs = [growth.Pair(sent(few), sent(few * 1.7)) for few in (10.0, 12.0, 11.0)]
    refused = growth.Pair(sent(10.0), sent(10.0, refusals=2, failures=1))
    found = [*growth.figures({"GET /tracks": pairs, "GET /artists": [refused] * 3})]
    tracks, small, artists, _, lost = found
    assert (tracks.value, small.value, artists.value) == pytest.approx((1.7, 11.0, 1.0))
    assert not tracks.met
    assert artists.met
    assert lost.value == 9
    assert not lost.met
    (alone, *_) = growth.figures({"GET /tracks": pairs[:1]})
    assert alone.interval is None


def test_growth_says_nothing_where_the_generator_was_late() -> None:
    late = growth.Pair(sent(), sent(generator_lag_ms=20.0))
    pairs = [late, *[growth.Pair(sent(), sent())] * 5]
    assert growth.faults({"GET /tracks": pairs}) == []
    assert growth.faults({"GET /tracks": pairs[:2]}) == [
        "the generator was the bottleneck in 1 of 4 probes"
    ]


def test_overload_is_told_by_what_was_served_of_the_knee() -> None:
    over = sent(requests=10_000, refusals=8_100, refused_p99_ms=51.0)
    broken = sent(requests=10_000, refusals=8_000, refused_p99_ms=5.0, failures=100)
    rounds = [overload.Round(over, 10, 0.7), overload.Round(broken, 10, 2.5)]
    found = {each.what: each for each in overload.figures(rounds, [220, 160, 240])}
    assert found["knee of GET /tracks (page)"].value == 220
    assert found["served, of the knee"].value == pytest.approx(97.5)  # 190 of 190, 190 of 200
    missed = [what for what, each in found.items() if not each.met]
    assert missed == ["p99 of refusals", "usual again after too many", "requests that failed"]


def test_the_knee_is_looked_for_around_each_round_of_overload() -> None:
    found = iter([220.0, 160.0, 240.0])
    begun: list[float] = []

    def overloaded(knee: float) -> overload.Round:
        begun.append(knee)
        return overload.Round(sent(), 10, 0.7)

    rounds, knees = overload.in_turn(lambda: next(found), overloaded, 2)
    assert len(rounds) == 2
    assert knees == [220, 160, 240]
    assert begun == [220, 160]


# --- An upgrade -------------------------------------------------------------------------------


@pytest.fixture
def upgrade(tmp_path: Path) -> Upgrade:
    for version in ("1.0", "1.1"):
        put(tmp_path / version / "vivace" / "__init__.py", "")
        put(tmp_path / version / "vivace" / "__main__.py", f"print({version!r})")
    return Upgrade(tmp_path / "current", tmp_path / "1.0", tmp_path / "1.1")


def test_one_version_is_there_and_then_the_other(upgrade: Upgrade) -> None:
    def imported() -> str:
        # In the checkout, of which Python would import Vivace by itself.
        command = [sys.executable, "-m", "vivace"]
        own = os.environ | upgrade.environment
        return subprocess.check_output(command, cwd=CHECKOUT, env=own, text=True).strip()

    assert imported() == "1.0"
    upgrade.switch()
    assert imported() == "1.1"


def test_an_upgrade_that_brought_nothing_or_did_not_reach_all_nodes_is_missed(
    upgrade: Upgrade,
) -> None:
    assert [each.met for each in nodes.of_upgrade(upgrade)] == [False, False, False]
    upgrade.migrations = {("catalogue", "0008_samples")}
    upgrade.not_yet, upgrade.upgraded = nodes.NODES, nodes.NODES - 1
    assert [each.met for each in nodes.of_upgrade(upgrade)] == [True, True, False]


def test_without_git_there_is_nothing_to_upgrade_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revisions, "CHECKOUT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["nodes"])
    with pytest.raises(SystemExit) as ended:
        nodes.main()
    (line,) = str(ended.value).splitlines()
    assert line.startswith("python -m benchmarks.nodes: The commit before the newest migration: ")


# --- In the report ----------------------------------------------------------------------------


def test_a_kept_trial_is_read_back(tmp_path: Path) -> None:
    result = made.trial_result(SERVED, REFUSED, ADDED)
    assert trials.read(trials.save(tmp_path, result)) == result


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{}", "format"),
        (msgspec.json.encode(made.trial_result(format=2)), "format 2"),
        (msgspec.json.encode(made.trial_result(database="sqlite")), "overload on sqlite"),
        (msgspec.json.encode(made.trial_result(name="memory")), "memory on postgresql"),
    ],
)
def test_a_file_of_another_trial_or_a_damaged_one_is_refused(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = trial_path(tmp_path, "overload", "postgresql")
    path.write_bytes(content)
    with pytest.raises(ResultError, match=said):
        gathered(tmp_path)


def test_the_report_has_the_figures_and_what_was_promised(tmp_path: Path) -> None:
    trials.save(tmp_path, made.trial_result(SERVED, REFUSED, ADDED))
    trials.save(tmp_path, made.trial_result(ADDED, name="memory", database="sqlite"))
    found = report.render(tmp_path)
    assert report.render(tmp_path) == found
    assert "2 trials of Vivace 0.1.0 (ceae588)" in found.markdown
    assert "`python -m benchmarks.overload --rounds 5`, NGINX, Gunicorn" in found.markdown
    rows = re.findall(r"^\| \w+ on (?:SQLite|PostgreSQL) \|.*$", found.markdown, re.MULTILINE)
    at = "trial-overload-postgresql.json › measured"
    assert rows == [
        (
            "| memory on SQLite | writes acknowledged | 1,234 | – | – | – |"
            " `trial-memory-sqlite.json › measured[writes acknowledged]` |"
        ),
        (
            "| overload on PostgreSQL | served | 88.4 % | 81.2–93.4 | ≥ 90 % | missed: 1.02× |"
            f" `{at}[served]` |"
        ),
        (
            f"| overload on PostgreSQL | p99 of refusals | 6.61 ms | – | ≤ 50 ms | yes |"
            f" `{at}[p99 of refusals]` |"
        ),
        (
            "| overload on PostgreSQL | writes acknowledged | 1,234 | – | – | – |"
            f" `{at}[writes acknowledged]` |"
        ),
    ]


def test_goals_of_trials_count_for_the_grade_and_missed_ones_are_findings(tmp_path: Path) -> None:
    trials.save(tmp_path, made.trial_result(SERVED, REFUSED, ADDED))
    found = report.render(tmp_path).markdown
    assert "1 of 2 goals and targets are met (50.0 %)" in found
    assert "served (overload on PostgreSQL): 88.4 % where 90 % was promised, missed" in found


def test_a_trial_that_went_wrong_says_nothing(tmp_path: Path) -> None:
    trials.save(
        tmp_path, made.trial_result(SERVED, REFUSED, wrong=["the generator was the bottleneck"])
    )
    found = report.render(tmp_path).markdown
    assert "0 of 2 goals and targets are met" in found
    assert "overload on PostgreSQL says nothing: the generator was the bottleneck." in found
    assert "88.4 % where 90 % was promised" not in found


def test_one_that_came_to_no_figure_kept_no_promise(tmp_path: Path) -> None:
    trials.save(tmp_path, made.trial_result(wrong=["no knee was found"]))
    found = report.render(tmp_path).markdown
    assert "0 of 1 goals and targets are met" in found
    assert "overload on PostgreSQL says nothing: no knee was found." in found


def test_a_folder_without_trials_has_no_section_of_them(tmp_path: Path) -> None:
    results.save(tmp_path, made.load_result())
    assert "## Trials" not in report.render(tmp_path).markdown
