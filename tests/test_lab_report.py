"""The report: its figures are those of the files, and it refuses what cannot be reported."""

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
from vivace.lab import histogram, report, results
from vivace.lab.compare_results import compare_path
from vivace.lab.compare_results import save as save_comparison
from vivace.lab.gate_results import gate_path
from vivace.lab.gate_results import save as save_gate
from vivace.lab.loads import Latency
from vivace.lab.results import DATABASES, Database, ResultError
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
        sqlite=[made.benchmark(median_s=0.001, goal_times=40, pairs=made.pairs(41))],
        postgresql=[made.benchmark(median_s=0.001, goal_times=40, pairs=made.pairs(20))],
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


def test_settings_of_all_servers_are_told_once(tmp_path: Path) -> None:
    more = {"VIVACE_CACHE": "off", "VIVACE_NICE": "5"}
    differ = made.load_result("crowd", settings={"VIVACE_CACHE": "on", "VIVACE_NICE": "5"})
    Lab(loads=[made.load_result(settings=more), differ]).written(tmp_path)
    found = report.render(tmp_path)
    assert "Settings of every server: VIVACE_NICE=5." in found.html
    set_up = next(table for table in Tables(found.html).tables if "settings besides" in table[0])
    assert [row[-1] for row in set_up[1:]] == ["VIVACE_CACHE=off", "VIVACE_CACHE=on"]


def test_a_run_in_which_nothing_was_measured_has_a_row_and_no_verdict(tmp_path: Path) -> None:
    nothing: dict[str, Any] = {"endpoints": [], "timeline": [], "targets": []}
    broke = made.load_result("crowd", seconds=0, verdict="none", why="it failed", **nothing)
    results.save(tmp_path, broke)
    markdown = report.render(tmp_path).markdown
    assert "| crowd on SQLite | 0 |" in markdown
    assert "No verdict on crowd on SQLite: it failed." in markdown


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.0123456, "0.0123"), (0.9996, "1.00"), (4.5, "4.50"), (37.449, "37.4"),
     (99.96, "100"), (1_234.5, "1,230"), (9_996, "10,000"), (float("nan"), "–"),
     (float("inf"), "–"), (-2.345, "-2.35")],
)  # fmt: skip
def test_figures_have_three_significant_digits(value: float, text: str) -> None:
    assert figure(value) == text


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
