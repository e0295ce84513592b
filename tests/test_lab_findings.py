"""Findings: each rule speaks where it should and is silent where not, in words of the figures; the
worst comes first, and the grade follows."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests import lab_results as made
from tests.lab_results import Lab
from vivace.lab import rules
from vivace.lab.findings import RULES, TO_GAIN, Rule, findings, recommendations, verdict
from vivace.lab.results import Freeze, LoadResult, Pace, Target
from vivace.lab.trials import Measured

pytestmark = pytest.mark.any_database


def page_ends(factor: float) -> list[dict[str, Any]]:
    return [
        made.benchmark(
            f"t.py::t[{page}]", f"The {page} page", seconds, {"page": page}, pair="depth"
        )
        for page, seconds in (("first", 0.001_1), ("last", 0.001_1 * factor))
    ]


def two_sizes(factor: float) -> list[dict[str, Any]]:
    return [
        made.benchmark(f"t.py::t[{n}]", f"Among {n}", seconds, operation="list", records=n)
        for n, seconds in ((10_000, 0.001_3), (1_000_000, 0.001_3 * factor))
    ]


def asked(**counts: Any) -> LoadResult:
    return made.load_result(endpoints=[made.endpoint(**counts)])


def tailed(tail: float) -> LoadResult:
    return asked(milliseconds=made.latencies(5.3, 2_003, tail))


def frozen(p99_ms: float, theory_ms: float, *, is_open: bool = True) -> LoadResult:
    milliseconds = [3.7] * 970 + [p99_ms] * 30
    return made.load_result(
        "frozen-open" if is_open else "frozen-closed",
        endpoints=[made.endpoint(milliseconds=milliseconds)],
        open=is_open,
        freeze=Freeze(at_s=12, seconds=2, p99_theory_ms=theory_ms),
    )


def aimed(measured: float) -> LoadResult:
    met = measured <= 220
    target = Target(what="mean of all (ms)", limit=220, measured=measured, met=met)
    return made.load_result(targets=[target], verdict="met" if met else "missed")


def timed(seconds: float, **info: Any) -> dict[str, Any]:
    return made.benchmark(median_s=seconds, **info)


FILE = re.compile(r"(?:bench|load|ablation|profile|compare|gate|trial)-[a-z,{}-]+\.json › ")
ONE_MS = {"sqlite": 1.0, "postgresql": 1.0}
FEW_SERVED = Measured(what="served", value=88.37, unit="%", at_least=90)


def paced(profile: str, before_ms: float, after_ms: float) -> LoadResult:
    return made.load_result(profile, pace=Pace(before_ms=before_ms, after_ms=after_ms))


SPOKEN: dict[Rule, tuple[Lab, list[str], Lab]] = {
    rules.missed_goals: (
        Lab(
            sqlite=[timed(0.002_27, goal_ms=ONE_MS)],
            postgresql=[timed(0.000_97, goal_times=40, pairs=made.pairs(20))],
        ),
        [
            "2.27 ms where 1 ms was promised, missed by a factor of 2.27",
            "19.8 times where 40 times was promised, missed by a factor of 2.02",
        ],
        Lab(
            sqlite=[timed(0.000_97, goal_ms=ONE_MS)],
            postgresql=[timed(0.002_27, goal_times=40, pairs=made.pairs(41))],
        ),
    ),
    rules.missed_memory: (
        Lab(sqlite=[timed(1, peak_over_idle_mb=187.3, goal_peak_mb=150)]),
        ["187 MB where 150 MB was promised, missed by a factor of 1.25"],
        Lab(sqlite=[timed(1, peak_mb=149.9, goal_peak_mb=150)]),
    ),
    rules.missed_targets: (
        Lab(loads=[aimed(331.7)]),
        ["mean of all (ms) (assignment on SQLite): 332 where 220 was promised, missed by a"],
        Lab(loads=[aimed(219.9)]),
    ),
    rules.no_verdict: (
        Lab(loads=[made.load_result(verdict="none", why="the generator was the bottleneck")]),
        ["No verdict on assignment on SQLite: the generator was the bottleneck"],
        Lab(loads=[made.load_result()]),
    ),
    rules.failures: (
        Lab(loads=[asked(failures=17)]),
        ["1.41 % of the requests of assignment on SQLite failed: 17 of 1,203"],
        Lab(loads=[asked(failures=12, refusals=99)]),
    ),
    rules.refusals: (
        Lab(loads=[asked(refusals=3)]),
        ["refused 0.249 % of the requests of assignment on SQLite in time (429 or 503): 3 of"],
        Lab(loads=[asked(failures=12)]),
    ),
    rules.tails: (
        Lab(loads=[tailed(1.3)]),
        ["The tail of assignment on SQLite is long: p99 is"],
        Lab(loads=[tailed(0.7)]),
    ),
    rules.slowest: (
        Lab(loads=[made.load_result(), made.load_result("thinking")]),
        ["The slowest endpoint of 2 load tests is POST /auth/login, most so of assignment on SQL"],
        Lab(loads=[asked()]),
    ),
    rules.frozen: (
        Lab(loads=[frozen(1_936, 1_980), frozen(19, 1_980, is_open=False)]),
        [
            "p99 of 1,940 ms; the length of the pause alone makes 1,980 ms, which is 2.2",
            "(frozen-closed on SQLite): a p99 of 19.0 ms, where arrivals on a schedule have 1,940",
        ],
        Lab(loads=[frozen(19, 1_980, is_open=False), made.load_result()]),
    ),
    rules.noise: (
        Lab(sqlite=[timed(0.001, pairs=made.pairs(3.1, control=1.4))]),
        ["One track on SQLite was measured in noise: against itself it is 1."],
        Lab(sqlite=[timed(0.001, pairs=made.pairs(3.1))]),
    ),
    rules.depth: (
        Lab(sqlite=page_ends(1.43)),
        ["On SQLite the last page takes 1.43 times as long as the first (The last page)"],
        Lab(sqlite=page_ends(1.43)[:1]),
    ),
    rules.growth: (
        Lab(sqlite=two_sizes(7.3), postgresql=two_sizes(1.3)),
        [
            "list on SQLite among 1,000,000 records takes 7.30 times what it takes among 10,000",
            "records. The most: list on PostgreSQL among 1,000,000 records takes 1.30 times",
        ],
        Lab(sqlite=two_sizes(7.3)[:1]),
    ),
    rules.databases: (
        Lab(sqlite=[timed(0.001_1)], postgresql=[timed(0.003_3)]),
        ["PostgreSQL takes 3.00 times as long as SQLite at the median of 1 benchmark"],
        Lab(sqlite=[timed(0.001_1)]),
    ),
    rules.ablated: (
        Lab(
            ablations=[
                made.ablation_result(
                    "sqlite",
                    made.ablated("keyset", 5.83),
                    made.ablated("etag", 1.0),
                    made.ablated("slots", 1.015),
                    made.ablated("frozen", 0.5),
                )
            ]
        ),
        [
            "What frozen is (`frozen`): on SQLite GET /tracks?limit=100&sort=frozen is 0.",
            "On SQLite it makes no difference that was seen whether 2 optimisations are switched",
            "On SQLite 1 of 4 optimisations make their request faster. The most does `keyset`, on",
        ],
        Lab(sqlite=[timed(0.001)]),
    ),
    rules.missed_trials: (
        Lab(trials=[made.trial_result(FEW_SERVED)]),
        ["served (overload on PostgreSQL): 88.4 % where 90 % was promised, missed by a factor of"],
        Lab(trials=[made.trial_result(FEW_SERVED, wrong=["it was late"])]),
    ),
    rules.spoilt_trials: (
        Lab(trials=[made.trial_result(FEW_SERVED, wrong=["it was late", "it was far"])]),
        ["overload on PostgreSQL says nothing: it was late and it was far."],
        Lab(trials=[made.trial_result(FEW_SERVED)]),
    ),
    rules.profiled: (
        Lab(profiles=[made.profile_result("sqlite", made.found(), made.found(explained="so"))]),
        ["shop/views.py:17: n-plus-one: GET /things: 20 times, one for each row: SELECT (SQLite)"],
        Lab(profiles=[made.profile_result("sqlite", made.found(explained="so"))]),
    ),
    rules.slower: (
        Lab(comparisons=[made.compare_result(made.compared(factor=1.07), made.compared("b"))]),
        ["GET /api/v1/tracks takes 1.07× as long in the working tree as in main (1c0ffee)"],
        Lab(comparisons=[made.compare_result(made.compared(factor=0.93))]),
    ),
    rules.counts_more: (
        Lab(gates=[made.gate_result([made.counts()], [made.counts(rows=206)])]),
        ["GET /api/v1/tracks takes 206 rows instead of 100 in HEAD (1d51ae7)."],
        Lab(gates=[made.gate_result([made.counts()], [made.counts(rows=51)])]),
    ),
    rules.gains: (
        Lab(postgresql=[timed(0.001, pairs=made.pairs(5.83))]),
        ["One track on PostgreSQL is 5."],
        Lab(postgresql=[timed(0.001, pairs=made.pairs(1.0))]),
    ),
    rules.paces: (
        Lab(loads=[paced("assignment", 20, 21), paced("open", 22, 20), paced("crowd", 21, 44)]),
        ["the same work took 21.0 ms, but before and after `load-crowd-sqlite.json` 21.0 – 44.0"],
        Lab(loads=[paced("assignment", 20, 21), paced("crowd", 21, 24)]),
    ),
    rules.met_promises: (
        Lab(sqlite=[timed(0.000_5, goal_ms=ONE_MS)], loads=[aimed(331.7)]),
        ["1 of 2 goals and targets are met. The most room has One track on SQLite: 0.500 ms"],
        Lab(loads=[aimed(331.7)]),
    ),
}
"""Rule → what it speaks of, how each of its findings reads, and what it keeps silent on."""


def test_every_rule_is_tried() -> None:
    assert set(SPOKEN) == set(RULES)


@pytest.mark.parametrize("rule", SPOKEN, ids=lambda rule: rule.__name__)
def test_a_rule_speaks_where_it_should(rule: Rule, tmp_path: Path) -> None:
    case, texts, _ = SPOKEN[rule]
    found = list(rule(case.written(tmp_path)))
    assert len(found) == len(texts)
    for finding, text in zip(found, texts, strict=True):
        assert text in finding.text
        assert FILE.match(finding.where)


@pytest.mark.parametrize("rule", SPOKEN, ids=lambda rule: rule.__name__)
def test_a_rule_is_silent_where_it_should(rule: Rule, tmp_path: Path) -> None:
    _, _, case = SPOKEN[rule]
    assert list(rule(case.written(tmp_path))) == []


@pytest.mark.parametrize(
    ("rule", "case", "tone"),
    [
        (rules.depth, Lab(sqlite=page_ends(1.29)), "good"),
        (rules.depth, Lab(sqlite=page_ends(1.31)), "bad"),
        (rules.growth, Lab(sqlite=two_sizes(2.9)), "good"),
        (rules.growth, Lab(sqlite=two_sizes(3.1)), "note"),
        (rules.frozen, Lab(loads=[frozen(1_936, 2_030)]), "good"),
        (rules.frozen, Lab(loads=[frozen(1_936, 2_070)]), "bad"),
        (rules.gains, Lab(sqlite=[timed(0.001, pairs=made.pairs(0.5))]), "bad"),
    ],
)
def test_the_tone_turns_at_the_limit(rule: Rule, case: Lab, tone: str, tmp_path: Path) -> None:
    (found,) = rule(case.written(tmp_path))
    assert found.tone == tone


def test_findings_go_from_what_is_worst(tmp_path: Path) -> None:
    goals = [timed(factor / 1_000, goal_ms=ONE_MS) for factor in (1.7, 0.4, 3.9)]
    named = [goal | {"fullname": f"t.py::t{n}"} for n, goal in enumerate(goals)]
    found = findings(Lab(sqlite=named, loads=[asked(refusals=3)]).written(tmp_path))
    assert [(f.tone, f"{f.weight:.1f}") for f in found] == [
        ("bad", "3.9"), ("bad", "1.7"), ("note", "1.0"), ("good", "1.0"),
    ]  # fmt: skip


def test_recommendations_go_by_what_there_is_to_gain(tmp_path: Path) -> None:
    slow = timed(0.003_9, goal_ms=ONE_MS)
    evidence = Lab(sqlite=[slow], loads=[aimed(441.3)]).written(tmp_path)
    found = recommendations(evidence, TO_GAIN)
    assert [each.text.partition(":")[0] for each in found][:1] == ["One track on SQLite"]
    assert [each.gain for each in found] == sorted((each.gain for each in found), reverse=True)
    assert any("POST /auth/login has the highest p99" in each.text for each in found)


@pytest.mark.parametrize(
    ("met", "missed", "failures", "letter"),
    [(20, 0, 1, "A"), (20, 0, 2, "B"), (19, 1, 0, "A"), (9, 1, 0, "B"), (1, 1, 0, "D"),
     (3, 0, 19, "C"), (3, 0, 999, "E"), (0, 3, 0, "E"), (0, 0, 0, "–")],
)  # fmt: skip
def test_the_grade_follows_its_rule(
    met: int, missed: int, failures: int, letter: str, tmp_path: Path
) -> None:
    targets = [
        Target(what=f"{n}", limit=100, measured=71.3, met=n < met) for n in range(met + missed)
    ]
    load = msgspec.structs.replace(asked(failures=failures), targets=targets)
    assert verdict(Lab(loads=[load]).written(tmp_path)).letter == letter
