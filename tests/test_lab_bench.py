"""The benchmarks as the lab runs them: what is kept, and what is said when it goes wrong."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from tests import lab_results as made
from vivace.lab import bench, results, servers
from vivace.lab.bench import LARGE, USUAL, About, Begun, Failed, Line, Measured, Part
from vivace.lab.results import FORMAT, Database, Pace, ResultError, bench_path
from vivace.lab.servers import ServerMissingError

pytestmark = pytest.mark.any_database

YARDSTICK = "Yardstick: 10,000 rows into a bare SQLite table, without Vivace"
DIES = "import os; os.kill(os.getpid(), 9)"


def run(folder: Path, *databases: Database, full: bool = False, only: str = "") -> list[str]:
    """What was said. Raises what the run raises."""
    said: list[str] = []
    bench.run(folder, databases or ("sqlite",), full=full, say=said.append, only=only)
    return said


def about(selected: int = 2) -> About:
    return About(selected, {"machine_info": {"database": "sqlite"}, "version": "5"})


def measured(title: str, **info: Any) -> Measured:
    stats = {"median": 0.0015, "iqr": 0.0002, "rounds": 3}
    return Measured({"stats": stats, "extra_info": {"title": title, **info}})


def titles(path: Path) -> list[str]:
    return [found["extra_info"]["title"] for found in results.read_bench(path)["benchmarks"]]


def written(*lines: Line) -> bytes:
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


Pretend = Callable[..., None]


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Pretend:
    """Have a process of ours stand in for pytest: it writes these lines between two doings."""
    programs: dict[str, str] = {}

    def command(database: str, size: str, _only: str, path: Path) -> list[str]:
        return [sys.executable, "-c", programs[size], str(path), database]

    def told(*lines: Line, first: str = "", then: str = "", size: str = USUAL) -> None:
        write = f"import sys; open(sys.argv[1], 'wb', 0).write({written(*lines)!r})"
        programs[size] = f"{first}\n{write}\n{then}"

    monkeypatch.setattr(bench, "pytest_command", command)
    monkeypatch.setattr(bench, "POLL_SECONDS", 0.01)
    return told


# --- A run of the real ones ------------------------------------------------------------------


def test_a_run_leaves_a_result_file_that_says_what_it_was_measured_on(tmp_path: Path) -> None:
    (said,) = run(tmp_path, only="bare_rows")
    path = bench_path(tmp_path, "sqlite")
    assert [found.name for found in tmp_path.iterdir()] == [path.name]
    assert said.startswith("SQLite: 1 benchmark in ")
    found = results.read_bench(path)
    about = found["machine_info"]
    assert (about["format"], about["database"]) == (FORMAT, "sqlite")
    assert msgspec.convert(about["vivace_machine"], results.Machine).cores >= 1
    versions = msgspec.convert(about["vivace_versions"], results.Versions)
    assert {"Django", "djangorestframework", "sqlite"} <= versions.packages.keys()
    assert "node" not in about
    (yardstick,) = found["benchmarks"]
    info, stats = yardstick["extra_info"], yardstick["stats"]
    assert info == {"title": YARDSTICK, "group": "yardstick", "rows": 10_000}
    assert len(stats["data"]) == stats["rounds"] == 15
    assert min(stats["data"]) < stats["median"] < max(stats["data"])


# --- What is kept ----------------------------------------------------------------------------


def test_both_parts_of_a_full_run_are_one_result(tmp_path: Path, pretend: Pretend) -> None:
    pretend(about(), measured("one"), measured("two"))
    pretend(about(), measured("large"), size=LARGE)
    said = run(tmp_path, full=True)
    assert [line.partition(" in ")[0] for line in said] == ["SQLite: 3 benchmarks"]
    found = results.read_bench(bench_path(tmp_path, "sqlite"))
    paced = msgspec.convert(found["machine_info"].pop("vivace_pace"), Pace)
    assert paced.before_ms > 0 < paced.after_ms
    assert {**found, "benchmarks": len(found["benchmarks"])} == {
        "machine_info": {"database": "sqlite"},
        "version": "5",
        "benchmarks": 3,
    }
    assert titles(bench_path(tmp_path, "sqlite")) == ["one", "two", "large"]
    assert [path.suffix for path in tmp_path.iterdir()] == [".json"]


def test_what_a_run_that_dies_had_measured_is_kept(tmp_path: Path, pretend: Pretend) -> None:
    pretend(about(), Begun("a"), measured("one"), Begun("b"), then=DIES)
    with pytest.raises(ResultError) as caught:
        run(tmp_path)
    path = bench_path(tmp_path, "sqlite")
    assert str(caught.value) == (
        "SQLite: the run broke off at b: it was ended by SIGKILL; 1 benchmark measured before,"
        f" in {path}; see {path.with_suffix('.log')}"
    )
    assert titles(path) == ["one"]


def test_a_run_that_dies_leaves_an_earlier_result_alone(tmp_path: Path, pretend: Pretend) -> None:
    path = bench_path(tmp_path, "sqlite")
    pretend(about(), measured("earlier"))
    run(tmp_path)
    pretend(about(), Begun("a"), measured("one"), then=DIES)
    with pytest.raises(ResultError, match=r"1 benchmark measured before, in .*\.part; see"):
        run(tmp_path)
    assert titles(path) == ["earlier"]
    kept = bench.read_part(path.with_suffix(".part"))
    assert kept.benchmarks == [measured("one").benchmark]


def test_a_run_that_dies_late_keeps_all_of_its_own(tmp_path: Path, pretend: Pretend) -> None:
    path = bench_path(tmp_path, "sqlite")
    pretend(about(), measured("earlier"))
    run(tmp_path)
    pretend(about(), measured("one"))
    pretend(about(), measured("large"), then=DIES, size=LARGE)
    with pytest.raises(ResultError, match="SIGKILL"):
        run(tmp_path, full=True)
    assert titles(path) == ["one", "large"]
    assert not path.with_suffix(".part").exists()


def test_an_interrupted_run_is_stopped_and_kept(
    tmp_path: Path, pretend: Pretend, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def impatient(_title: str) -> Iterator[bench.Show]:
        def show(done: int, _selected: int | None, _name: str) -> None:
            if done:
                raise KeyboardInterrupt

        yield show

    monkeypatch.setattr(bench, "bar", impatient)
    # A shell's background process ignores it, and its children with it: they would be waited for.
    hear = "import signal, time; signal.signal(signal.SIGINT, signal.default_int_handler)"
    pretend(about(), measured("one"), first=hear, then="time.sleep(600)")
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        bench.run(tmp_path, ["sqlite"], full=False, say=said.append)
    assert said[0].startswith("SQLite: the run broke off: it was interrupted; 1 benchmark")
    assert titles(bench_path(tmp_path, "sqlite")) == ["one"]


# --- What is said ----------------------------------------------------------------------------


def test_a_name_that_no_benchmark_has_is_told(tmp_path: Path, pretend: Pretend) -> None:
    pretend(then="sys.exit(5)")
    with pytest.raises(ResultError, match=r"^SQLite: no benchmark is of that name$"):
        run(tmp_path, only="no_such_thing")
    assert not bench_path(tmp_path, "sqlite").exists()


def test_a_benchmark_that_fails_is_named_and_the_others_are_kept(
    tmp_path: Path, pretend: Pretend
) -> None:
    pretend(about(), Failed("test_b"), measured("one"), then="sys.exit(1)")
    with pytest.raises(ResultError, match=r"^SQLite: test_b failed; see .*bench-sqlite\.log$"):
        run(tmp_path)
    assert titles(bench_path(tmp_path, "sqlite")) == ["one"]


@pytest.mark.parametrize(
    ("then", "reason"),
    [
        (
            "print('ERROR: --db postgresql: redis-server is not installed'); sys.exit(4)",
            "--db postgresql: redis-server is not installed",
        ),
        ("raise RuntimeError('it would not start')", "it would not start"),
        ("sys.exit(3)", "it ended with exit code 3"),
        ("sys.exit(1)", "it ended with exit code 1"),
    ],
)
def test_a_run_that_cannot_begin_says_why_in_one_line(
    tmp_path: Path, pretend: Pretend, then: str, reason: str
) -> None:
    pretend(then=then)
    with pytest.raises(ResultError) as caught:
        run(tmp_path, "postgresql")
    log = tmp_path / "bench-postgresql.log"
    assert str(caught.value) == f"PostgreSQL: the run broke off: {reason}; see {log}"
    assert [path.name for path in tmp_path.iterdir()] == [log.name]


def test_one_database_that_fails_does_not_cost_the_other(tmp_path: Path, pretend: Pretend) -> None:
    missing = "sys.exit(4 if sys.argv[2] == 'sqlite' else 0)"
    pretend(about(), measured("one"), then=missing)
    with pytest.raises(ResultError, match=r"^SQLite: the run broke off") as caught:
        run(tmp_path, "sqlite", "postgresql")
    assert "PostgreSQL" not in str(caught.value)
    assert titles(bench_path(tmp_path, "postgresql")) == ["one"]


def test_a_database_without_its_servers_is_not_available(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_name: str) -> Path:
        raise ServerMissingError("redis-server is not installed")

    monkeypatch.setattr(servers, "postgresql_bin", lambda: Path("/usr/bin"))
    monkeypatch.setattr(servers, "program", lambda name: f"/usr/bin/{name}")
    assert bench.available() == ["sqlite", "postgresql"]
    monkeypatch.setattr(servers, "program", missing)
    assert bench.available() == ["sqlite"]


# --- Parts and tables ------------------------------------------------------------------------


def test_a_line_that_was_not_finished_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "bench-sqlite.part"
    whole = written(about(), Begun("a"), measured("one"), Begun("b"), measured("two"))
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        assert len(bench.read_part(path).benchmarks) <= 1
    path.write_bytes(whole)
    assert bench.read_part(path) == Part(
        selected=2,
        results=about().results,
        begun=["a", "b"],
        benchmarks=[measured("one").benchmark, measured("two").benchmark],
    )


@pytest.mark.parametrize("line", [b"\n", b"{}\n", b'{"type": "begun"}\n', b"[1]\n", b"\xff\n"])
def test_a_damaged_part_is_refused(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "bench-sqlite.part"
    path.write_bytes(written(about()) + line + written(measured("one")))
    with pytest.raises(ResultError, match=r"bench-sqlite\.part: it is damaged"):
        bench.read_part(path)


def test_a_table_has_each_benchmark_with_its_goal(tmp_path: Path) -> None:
    path = bench_path(tmp_path, "sqlite")
    part = Part(results=about().results)
    for line in (
        measured("met", goal_ms={"sqlite": 1.5, "postgresql": 0}),
        measured("missed", goal_s={"sqlite": 0.001}),
        measured("too much memory", goal_s={"sqlite": 1}, goal_peak_mb=150, peak_mb=151),
        measured("fast enough", goal_times=3, pairs=made.pairs(3.1)),
        measured("as fast as before", goal_times=3, pairs=made.pairs(1.0)),
        measured("no goal here", goal_ms={"postgresql": 1}),
    ):
        part.take(line)
    results.write(path, msgspec.json.encode(bench.merged([part], Pace(before_ms=20, after_ms=21))))
    rows = [bench.row(benchmark, "sqlite") for benchmark in part.benchmarks]
    assert rows == [
        ("met", "1.50 ms ± 0.100 ms", "1.50 ms", "yes"),
        ("missed", "1.50 ms ± 0.100 ms", "0.00100 s", "no"),
        ("too much memory", "1.50 ms ± 0.100 ms", "1.00 s, 150 MB", "no"),
        ("fast enough", "1.50 ms ± 0.100 ms", "3.00 times DRF", "yes"),
        ("as fast as before", "1.50 ms ± 0.100 ms", "3.00 times DRF", "no"),
        ("no goal here", "1.50 ms ± 0.100 ms", "–", "–"),
    ]
    console = Console(width=100)
    with console.capture() as shown:
        console.print(bench.table(path))
    assert all(cell in shown.get() for row in rows for cell in row)
