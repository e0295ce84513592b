"""The report: its figures are those of the files, its findings follow from rules, and it refuses
what cannot be reported."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests import lab_results as made
from tests.browser import browser
from tests.lab_results import Lab
from tests.report_tables import Tables, markdown_tables
from vivace.lab import histogram, plots, report, results, rules
from vivace.lab.compare_results import compare_path
from vivace.lab.compare_results import save as save_comparison
from vivace.lab.findings import RULES, TO_GAIN, Rule, findings, recommendations, verdict
from vivace.lab.gate_results import gate_path
from vivace.lab.gate_results import save as save_gate
from vivace.lab.loads import Latency
from vivace.lab.ratios import Ratio, ratio
from vivace.lab.results import (
    DATABASES,
    Database,
    Freeze,
    LoadResult,
    Pace,
    ResultError,
    Second,
    Target,
)
from vivace.lab.trials import Measured
from vivace.lab.wording import figure

pytestmark = pytest.mark.any_database

HTML_MAX_BYTES = 300_000


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a full run."""
    folder = tmp_path_factory.mktemp("lab")
    made.write_everything(folder)
    return folder


@pytest.fixture(scope="module")
def rendered(full: Path) -> report.Report:
    return report.render(full)


def test_the_same_files_make_the_same_bytes(full: Path, rendered: report.Report) -> None:
    assert report.render(full) == rendered


def test_both_are_written(full: Path, rendered: report.Report, tmp_path: Path) -> None:
    report.write(full, tmp_path / "a" / "report.html", tmp_path / "performance.md")
    assert (tmp_path / "a" / "report.html").read_text("utf-8") == rendered.html
    assert (tmp_path / "performance.md").read_text("utf-8") == rendered.markdown


def test_the_page_is_small_well_formed_and_needs_nothing_else(rendered: report.Report) -> None:
    assert len(rendered.html.encode()) <= HTML_MAX_BYTES
    page = Tables(rendered.html)
    assert len(set(page.ids)) == len(page.ids)
    assert page.scripts == 0
    assert {target for target in page.targets if not target.startswith("#")} == set()
    assert {target[1:] for target in page.targets} <= set(page.ids)
    assert not re.search(r"src=|@import|url\((?!#)", rendered.html)


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_a_screen_and_asks_for_nothing(
    rendered: report.Report, width: int, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    path.write_text(rendered.html, "utf-8")
    with browser(tmp_path) as page:
        page.show(path.as_uri(), width)
        page.wait_for("document.readyState === 'complete' && document.querySelector('svg')?.role")
        assert page.run("document.documentElement.scrollWidth") <= width
        assert page.errors == []
        assert page.requested == [path.as_uri()]


def test_markdown_has_the_tables_of_the_page(rendered: report.Report) -> None:
    of_page = [
        [[" ".join(cell.split()) for cell in row] for row in table]
        for table in Tables(rendered.html).tables
    ]
    assert markdown_tables(rendered.markdown) == of_page


def test_no_heading_is_empty(rendered: report.Report) -> None:
    lines = [line for line in rendered.markdown.splitlines() if line]
    empty = [
        line
        for line, following in zip(lines, [*lines[1:], "#"], strict=True)
        if line.startswith("#") and following.startswith(line.split()[0] + " ")
    ]
    assert empty == []


@pytest.mark.parametrize("database", DATABASES)
def test_times_are_the_medians_of_the_files(
    full: Path, rendered: report.Report, database: Database
) -> None:
    raw = msgspec.json.decode(results.bench_path(full, database).read_bytes())
    column = 1 + DATABASES.index(database)
    shown = {
        row[0]: (row[column], table[0][column])
        for table in markdown_tables(rendered.markdown)
        if table[0][0] == "work" and table[0][1].startswith("SQLite")
        for row in table[1:]
    }
    assert len(shown) == len(raw["benchmarks"])
    for benchmark in raw["benchmarks"]:
        cell, header = shown[benchmark["extra_info"]["title"]]
        median, _, spread = cell.partition(" ± ")
        unit = 1_000 if header.endswith(", ms") else 1
        assert number(median) == pytest.approx(benchmark["stats"]["median"] * unit, rel=0.005)
        if spread:
            half = benchmark["stats"]["iqr"] / 2 * unit
            assert number(spread) == pytest.approx(half, rel=0.05)


def number(text: str) -> float:
    return float(text.replace(",", "").removesuffix(" %").removesuffix("×"))


def test_load_figures_are_those_of_the_files(full: Path, rendered: report.Report) -> None:
    tables = {tuple(table[0]): table[1:] for table in markdown_tables(rendered.markdown)}
    counted = next(rows for header, rows in tables.items() if header[-1] == "why")
    latency = next(rows for header, rows in tables.items() if header[1:3] == ("p50", "p75"))
    by_title = {row[0]: row for row in counted}
    assert len(latency) == len(by_title) == 8
    for title, *shown in latency:
        profile, _, stack = title.partition(" on ")
        raw = results.read_load(results.load_path(full, profile, stack.lower()))  # type: ignore[arg-type]
        merged = histogram.merged(endpoint.histogram for endpoint in raw.endpoints)
        expected = list(histogram.percentiles(merged).values())
        assert [number(cell) for cell in shown] == pytest.approx(expected, rel=0.005)
        requests = sum(endpoint.requests for endpoint in raw.endpoints)
        _, total, per_second, mean, failed, *_ = by_title[title]
        assert number(total) == requests
        of_all, between = per_second.removesuffix(")").split(" (")
        assert number(of_all) == pytest.approx(requests / raw.seconds, rel=0.005)
        slowest, fastest = map(number, between.split("–"))
        assert [slowest, fastest] == pytest.approx(tens(raw), rel=0.005)
        assert number(mean) == pytest.approx(histogram.mean_ms(merged), rel=0.005)
        assert number(failed) == pytest.approx(100 / requests, rel=0.005)


def tens(raw: results.LoadResult) -> list[float]:
    """Requests a second, of the slowest ten seconds of the measurement and of the fastest."""
    counted = [second.requests for second in raw.timeline[11 : 11 + int(raw.seconds)]]
    each = [sum(counted[at : at + 10]) / 10 for at in range(0, len(counted) - 9, 10)]
    assert len(each) > 2
    return [min(each), max(each)]


def test_every_row_of_measurements_names_its_file_and_the_path_within(
    full: Path, rendered: report.Report
) -> None:
    fullnames = {
        benchmark["fullname"]
        for database in DATABASES
        for benchmark in results.read_bench(results.bench_path(full, database))["benchmarks"]
    }
    named = set(re.findall(r"bench-\S+\.json › benchmarks\[(.+?)\] › stats", rendered.markdown))
    assert fullnames <= named
    for path in full.glob("load-*.json"):
        assert f"{path.name} › endpoints[*].histogram, merged" in rendered.markdown
        assert f"{path.name} › endpoints[PATCH /tracks/{{id}}]" in rendered.markdown


def test_percentiles_in_one_pass_are_those_of_the_histogram() -> None:
    found = histogram.decode(made.encoded(made.latencies(12.7, 4_001, tail=1.1)))
    latency = Latency(found)
    assert {p: latency.at(p) for p in histogram.PERCENTILES} == histogram.percentiles(found)
    assert latency.mean == pytest.approx(histogram.mean_ms(found))
    assert latency.requests == 4_001


def test_nothing_in_a_file_becomes_markup(tmp_path: Path) -> None:
    attack = "<script>alert(1)</script> | `x` *b* [c](javascript:d)"
    reason = results.Failure(endpoint=f"GET {attack}", reason=attack, count=7)
    load = made.load_result(failures=[reason], why=attack, verdict="none", profile="open")
    hostile = made.benchmark(title=attack, operation=attack, records=10, pairs=made.pairs(3.1))
    other = made.benchmark("b", title=attack, operation=attack, records=1_000)
    Lab(sqlite=[hostile, other], loads=[load]).written(tmp_path)
    found = report.render(tmp_path)
    page = Tables(found.html)
    assert page.scripts == 0
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in found.html
    assert not re.search(r"(?<!\\)<script", found.markdown)
    assert not re.search(r"(?<!\\)\[c", found.markdown)
    widths = {
        (len(table[0]), len(row)) for table in markdown_tables(found.markdown) for row in table
    }
    assert all(head == row for head, row in widths)


# --- Rules ------------------------------------------------------------------------------------


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
                    made.ablated("frozen", 0.5),
                )
            ]
        ),
        [
            "What frozen is (`frozen`): on SQLite GET /tracks?limit=100&sort=frozen is 0.",
            "On SQLite it makes no difference that was seen whether 1 optimisation is switched",
            "On SQLite 1 of 3 optimisations make their request faster. The most does `keyset`, on",
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


def test_what_was_not_measured_has_no_section(tmp_path: Path) -> None:
    Lab(sqlite=[made.benchmark()]).written(tmp_path)
    found = report.render(tmp_path).markdown
    headings = re.findall(r"^## (.*)", found, re.MULTILINE)
    assert headings == [
        "Summary", "System, versions and data", "Performance tests",
        "Beside what others measured", "Findings", "Conclusion", "Method and limits",
    ]  # fmt: skip
    assert "PostgreSQL, ms" not in found


def test_a_goal_against_plain_drf_stands_in_its_table(tmp_path: Path) -> None:
    Lab(
        sqlite=[timed(0.001, goal_times=40, pairs=made.pairs(41))],
        postgresql=[timed(0.001, goal_times=40, pairs=made.pairs(20))],
    ).written(tmp_path)
    found = report.render(tmp_path).markdown
    assert "| 40 times DRF | missed: PostgreSQL against DRF 2.02× |" in found


def test_load_tests_alone_make_a_report(tmp_path: Path) -> None:
    nothing = made.endpoint("GET /albums")
    nothing.requests, nothing.histogram = 0, made.encoded([])
    empty = made.load_result(
        "open", "other", endpoints=[nothing], timeline=[], targets=[], data=None
    )
    Lab(loads=[made.load_result(), empty]).written(tmp_path)
    found = report.render(tmp_path)
    assert "open on another server" in found.markdown
    assert "Performance tests" not in found.markdown
    Tables(found.html)


# --- Ratios -----------------------------------------------------------------------------------


def test_the_ratio_is_that_of_the_medians_within_its_interval() -> None:
    before, after, _ = zip(*made.pairs(5.83, count=41), strict=True)
    found = ratio(before, after)
    assert found.ratio == sorted(before)[20] / sorted(after)[20]
    assert found.low < found.ratio < found.high
    assert (found.low, found.high) == pytest.approx((5.83, 5.83), rel=0.06)
    assert ratio(before, after) == found


def test_alike_rounds_have_a_ratio_of_one() -> None:
    _, after, again = zip(*made.pairs(5.83, count=41), strict=True)
    assert ratio(after, again).is_one
    assert not ratio(after, [value * 1.3 for value in again]).is_one


def test_one_pair_says_nothing_for_sure() -> None:
    found = ratio([3.0], [2.0])
    assert found == Ratio(1.5, 0, float("inf"))
    assert found.is_one


# --- Words and plots --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.0123456, "0.0123"), (0.9996, "1.00"), (4.5, "4.50"), (37.449, "37.4"),
     (99.96, "100"), (1_234.5, "1,230"), (9_996, "10,000"), (float("nan"), "–"),
     (float("inf"), "–"), (-2.345, "-2.35")],
)  # fmt: skip
def test_figures_have_three_significant_digits(value: float, text: str) -> None:
    assert figure(value) == text


def test_a_plot_names_itself_its_axes_and_its_lines() -> None:
    lines = [plots.Line("list tracks", [(10_000, 0.91), (1_000_000, 1.37)])]
    drawn = plots.growth(lines, 'Cost on "SQLite" <b>')
    assert drawn.startswith('<svg viewBox="0 0 ')
    assert 'role="img"><title>Cost on &quot;SQLite&quot; &lt;b&gt;</title>' in drawn
    words = re.findall(r"<text[^>]*>([^<]*)</text>", drawn)
    assert {"records", "ms", "list tracks", "10,000", "1,000,000"} <= set(words)
    assert not re.search("#0[0-9]0[0-9]0[0-9]", drawn)


def test_the_grid_of_a_plot_is_one_path_beneath_all_else() -> None:
    drawn = plots.growth([plots.Line("list tracks", [(10, 1), (1_000, 300)])], "Cost")
    paths = re.findall(r'<path d="([^"]*)"[^>]* style="([^"]*)"', drawn)
    grid, axes, *others = [(path, look) for path, look in paths if "--rule" in look]
    # Three powers of ten across and three up; the two axes.
    assert (grid[0].count("M"), axes[0].count("M"), others) == (6, 2, [])
    assert paths[:2] == [grid, axes]


def test_what_was_not_measured_is_shaded_to_the_end_at_most() -> None:
    timeline = [
        Second(
            second=at, users=1, requests=9, failures=0, refusals=0,
            server_cpu=0, server_mb=0, generator_cpu=0,
        )
        for at in range(6)
    ]  # fmt: skip
    broken_off = plots.over_time(timeline, 60, "A run")
    assert broken_off == plots.over_time(timeline, 5, "A run")
    assert broken_off != plots.over_time(timeline, 2, "A run")


@pytest.mark.parametrize(
    ("path", "shorter"),
    [
        ("M10 20L30 20L30 5.5", "M10 20h20v-14.5"),
        ("M10 20L10 20L12.5 17L11 19", "M10 20l2.5-3l-1.5 2"),
        ("M1 2L9 2.04L17 1.98L25 3", "M1 2h8h8l8 1"),
        ("M1 2L3 4 M5 6L5.5 -7", "M1 2l2 2 M5 6l0.5-13"),
        ("M0 8L1 8L2 8L3 8L4 9", "M0 8h1h2l1 1"),
    ],
)
def test_a_path_goes_step_by_step(path: str, shorter: str) -> None:
    assert plots.step_by_step(path) == shorter


def test_ticks_are_at_least_three_where_a_range_is_short() -> None:
    assert plots.ticks(0.9, 1_100) == [1, 10, 100, 1_000]
    assert plots.ticks(0.9, 12) == pytest.approx([1, 3, 10])
    assert plots.ticks(1.1, 4) == pytest.approx([1.5, 2, 3])


# --- Refusals ---------------------------------------------------------------------------------


def nothing(folder: Path) -> None:
    """An empty folder."""


def damaged_bench(folder: Path) -> None:
    made.write_bench(folder, "sqlite", [made.benchmark()])
    path = results.bench_path(folder, "sqlite")
    path.write_bytes(path.read_bytes()[:-20])


def no_benchmark(folder: Path) -> None:
    made.write_bench(folder, "sqlite", [])


def no_median(folder: Path) -> None:
    lame = made.benchmark()
    del lame["stats"]["median"]
    made.write_bench(folder, "sqlite", [lame])


def old_bench(folder: Path) -> None:
    made.write_bench(folder, "sqlite", [made.benchmark()], format=0)


def foreign_bench(folder: Path) -> None:
    made.write_bench(folder, "sqlite", [made.benchmark()])
    results.bench_path(folder, "sqlite").rename(results.bench_path(folder, "postgresql"))


def damaged_load(folder: Path) -> None:
    (folder / "load-open-sqlite.json").write_text('{"profile": ', "utf-8")


def damaged_histogram(folder: Path) -> None:
    lame = made.endpoint()
    lame.histogram = "HISTFAAAAB"
    results.save(folder, made.load_result(endpoints=[lame]))


def old_load(folder: Path) -> None:
    results.save(folder, made.load_result(format=0))


def test_a_run_in_which_nothing_was_measured_has_a_row_and_no_verdict(tmp_path: Path) -> None:
    nothing: dict[str, Any] = {"endpoints": [], "timeline": [], "targets": []}
    broke = made.load_result("crowd", seconds=0, verdict="none", why="it failed", **nothing)
    results.save(tmp_path, broke)
    markdown = report.render(tmp_path).markdown
    assert "| crowd on SQLite | 0 |" in markdown
    assert "No verdict on crowd on SQLite: it failed." in markdown


def no_seconds(folder: Path) -> None:
    results.save(folder, made.load_result(seconds=0))


def other_machine(folder: Path) -> None:
    made.write_bench(folder, "sqlite", [made.benchmark()])
    machine = msgspec.structs.replace(made.MACHINE, cores=64)
    results.save(folder, made.load_result(machine=machine))


def damaged_comparison(folder: Path) -> None:
    path = save_comparison(compare_path(folder, "sqlite"), made.compare_result(made.compared()))
    path.write_text(re.sub(r'"ratio": [0-9.]+', '"ratio": 0.0', path.read_text()))


def damaged_gate(folder: Path) -> None:
    gate_path(folder, "sqlite").write_text("{}")


def foreign_gate(folder: Path) -> None:
    save_gate(gate_path(folder, "postgresql"), made.gate_result([made.counts()], [made.counts()]))


def other_version(folder: Path) -> None:
    results.save(folder, made.load_result())
    versions = msgspec.structs.replace(made.VERSIONS, vivace="0.1.0 (d368064-dirty)")
    results.save(folder, made.load_result("open", versions=versions))


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (nothing, ["there is no result file"]),
        (damaged_bench, ["bench-sqlite.json: it is damaged"]),
        (no_benchmark, ["bench-sqlite.json: it holds no benchmark"]),
        (no_median, ["bench-sqlite.json: it is damaged", "median", "benchmarks[0].stats"]),
        (old_bench, ["bench-sqlite.json: it is of format 0, this Vivace reads 1"]),
        (foreign_bench, ["bench-postgresql.json: it was measured on SQLite"]),
        (damaged_load, ["load-open-sqlite.json: it is damaged"]),
        (damaged_histogram, ["load-assignment-sqlite.json: it is damaged", "histogram"]),
        (old_load, ["load-assignment-sqlite.json: it is of format 0"]),
        (damaged_comparison, ["compare-sqlite.json: it is damaged", "ratio"]),
        (damaged_gate, ["gate-sqlite.json: it"]),
        (foreign_gate, ["gate-postgresql.json: it was measured on SQLite"]),
        (no_seconds, ["load-assignment-sqlite.json: it is damaged"]),
        (other_machine, ["bench-sqlite.json", "load-assignment-sqlite.json", "64 cores"]),
        (
            other_version,
            ["load-assignment-sqlite.json", "load-open-sqlite.json", "ceae588", "d368064-dirty"],
        ),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_cannot_be_reported_is_refused_in_one_line(
    write: Callable[[Path], None], said: list[str], tmp_path: Path
) -> None:
    write(tmp_path)
    html, markdown = tmp_path / "report.html", tmp_path / "report.md"
    with pytest.raises(ResultError) as refused:
        report.write(tmp_path, html, markdown)
    assert [text for text in said if text not in str(refused.value)] == []
    assert "\n" not in str(refused.value)
    assert not html.exists()
    assert not markdown.exists()
