"""The gate: what an operation takes more of is named, and nothing else is."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests import lab_trees
from tests.lab_results import PAGE, counts, gate_result
from tests.lab_trees import committed, put
from vivace.lab import gate, gate_results, prepared, revisions
from vivace.lab.commands.gate import MORE
from vivace.lab.commands.load import NO_VERDICT
from vivace.lab.gate import Accepted, NoVerdictError
from vivace.lab.gate_results import Asked, Change, Counts, GateResult
from vivace.lab.machine import CHECKOUT, git
from vivace.lab.profiling import instructions
from vivace.lab.results import Database, ResultError

SHOWN = "        return show(self.request, ARTIST, parsed_path.id)\n"
PLANTED = "        Artist.objects.count()\n"
HANDLERS = "vivace/api/catalogue.py"

GENRES = Asked(shape="SELECT name FROM genre WHERE id = ?", times=1, place="vivace/api/pages.py:7")


# --- What is told ------------------------------------------------------------------------------


def test_the_same_counts_are_one_line() -> None:
    found = gate_result([counts()], [counts()])
    (line,) = gate.told(found)
    assert line == (
        "1 operation: as many queries, shapes, rows, steps, bytes and instructions as in"
        " HEAD (1d51ae7)"
    )
    assert gate.refused(found) == []


def test_more_queries_are_named_with_the_lines_that_issue_them() -> None:
    often = Asked(shape=GENRES.shape, times=100, place=GENRES.place)
    after = counts(queries=101, shapes=2, rows=200, statements=[PAGE, often])
    found = gate_result([counts()], [after])
    assert [each.count for each in gate.refused(found)] == ["queries", "shapes", "rows"]
    line, *_ = gate.told(found)
    assert line.splitlines() == [
        "GET /api/v1/tracks: queries: 101 instead of 1 (+10000.0%)",
        "    vivace/api/pages.py:7: 100 × SELECT name FROM genre WHERE id = ?",
    ]


def test_less_is_told_and_not_refused() -> None:
    found = gate_result([counts()], [counts(bytes=20_000)])
    assert [*gate.told(found)] == ["GET /api/v1/tracks: bytes: 20,000 instead of 23,456 (-14.7%)"]
    assert gate.refused(found) == []


def test_operations_that_are_new_or_gone_are_told() -> None:
    found = gate_result([counts("GET /old")], [counts("GET /new", instructions=None)])
    assert [*gate.told(found)] == [
        "GET /new: new: queries 1, shapes 1, rows 100, steps 4,321 and bytes 23,456",
        "GET /old: gone",
    ]
    assert gate.refused(found) == []


@pytest.mark.parametrize(
    ("count", "after", "refused"),
    [
        ("instructions", 51_510_000, True),
        ("instructions", 51_000_510, False),
        ("effort", 4_322, True),
        ("bytes", 23_457, True),
        ("status", 500, True),
    ],
)
def test_a_hundredth_more_instructions_are_refused_and_one_of_anything_else(
    count: str, after: int, *, refused: bool
) -> None:
    found = gate_result([counts()], [counts("GET /api/v1/tracks", **{count: after})])
    assert [each.count for each in gate.refused(found)] == [count] * refused


def test_instructions_that_one_side_did_not_count_are_no_change() -> None:
    assert gate.changes([counts()], [counts(instructions=None)]) == []


def test_an_increase_that_is_accepted_is_told_with_its_reason() -> None:
    found = gate_result([counts()], [counts(queries=2)])
    accepted = Accepted(operation="GET /api/v1/tracks", count="queries", reason="read apart")
    assert gate.accept(found.changes, [accepted]) == []
    assert gate.refused(found) == []
    assert "accepted: read apart" in next(gate.told(found))


def test_what_is_accepted_and_did_not_come_is_told() -> None:
    accepted = Accepted(operation="GET /api/v1/tracks", count="rows", reason="read apart")
    (line,) = gate.accept(gate.changes([counts()], [counts(rows=7)]), [accepted])
    assert "accepted.toml: more rows of GET /api/v1/tracks are accepted" in line


def test_the_accepted_increases_of_this_checkout_can_be_read(tmp_path: Path) -> None:
    for each in gate.read_accepted(gate.ACCEPTED):
        assert each.count in gate.COUNTS
    path = tmp_path / "accepted.toml"
    path.write_text("[[accepted]]\noperation = 7")
    with pytest.raises(ResultError, match=str(path)):
        gate.read_accepted(path)


def test_a_result_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    found = gate_result([counts()], [counts(queries=2)])
    path = gate_results.save(gate_results.gate_path(tmp_path, found.database), found)
    assert gate_results.read(path) == found
    path.write_text("{")
    with pytest.raises(ResultError, match="damaged"):
        gate_results.read(path)


# --- Trees -------------------------------------------------------------------------------------


def test_a_revision_has_its_own_product_and_the_lab_of_now() -> None:
    with revisions.tree("HEAD") as tree:
        assert (tree / "vivace" / "settings.py").is_file()
        ours = (CHECKOUT / "vivace/lab/revisions.py").read_bytes()
        assert (tree / "vivace/lab/revisions.py").read_bytes() == ours
    assert not tree.exists()


def test_the_working_tree_is_copied() -> None:
    with revisions.tree(".") as tree:
        ours = (CHECKOUT / HANDLERS).read_bytes()
        assert (tree / HANDLERS).read_bytes() == ours
    assert not tree.exists()


@pytest.mark.parametrize("name", ["nonsense", "--help", "HEAD:vivace", ""])
def test_an_unknown_revision_is_one_line(name: str) -> None:
    with pytest.raises(ResultError, match="there is no such revision in this checkout"):
        revisions.commit_of(name)
    with pytest.raises(CommandError, match="there is no such revision"):
        call_command("lab", "gate", f"--base={name}")


def test_without_git_there_are_no_revisions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revisions, "CHECKOUT", tmp_path)
    with pytest.raises(ResultError, match="there are no revisions"):
        revisions.commit_of("HEAD")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ResultError, match="there are no revisions"):
        revisions.commit_of("HEAD")


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout without a commit, whose revisions are asked for."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    git(checkout, "init", "--quiet")
    monkeypatch.setattr(revisions, "CHECKOUT", checkout)
    return checkout


def test_the_revision_before_the_newest_migration_is_found(made_up: Path) -> None:
    migrations = made_up / "vivace" / "catalogue" / "migrations"
    put(migrations / "0001_initial.py", "at first")
    committed(made_up)
    put(made_up / "vivace" / "urls.py", "at first")
    before = git(committed(made_up), "rev-parse", "HEAD")
    put(migrations / "0002_words.py", "added")
    committed(made_up)
    for changed in (migrations / "0001_initial.py", made_up / "shop" / "migrations" / "0003.py"):
        put(changed, "changed, or of no app of ours")
        committed(made_up)
    assert revisions.before_newest_migration() == before


def test_no_revision_is_before_a_migration_of_the_first_one(made_up: Path) -> None:
    with pytest.raises(ResultError, match="The commit before the newest migration"):
        revisions.before_newest_migration()
    put(made_up / "vivace" / "catalogue" / "migrations" / "0001_initial.py", "at first")
    committed(made_up)
    with pytest.raises(ResultError, match="The commit before the newest migration"):
        revisions.before_newest_migration()


def test_a_shallow_clone_does_not_reach_back_before_a_migration(
    made_up: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(made_up / "README.md", "at first")
    committed(made_up)
    put(made_up / "vivace" / "catalogue" / "migrations" / "0001_initial.py", "added")
    committed(made_up)
    assert revisions.before_newest_migration() == revisions.commit_of("HEAD^")
    git(made_up, "clone", "--quiet", "--depth=1", f"file://{made_up}", str(tmp_path / "shallow"))
    monkeypatch.setattr(revisions, "CHECKOUT", tmp_path / "shallow")
    with pytest.raises(ResultError, match="The commit before the newest migration"):
        revisions.before_newest_migration()


# --- Counting ----------------------------------------------------------------------------------


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Database:
    found: Database = request.config.getoption("db")
    return found


def test_a_query_that_was_added_is_found_and_nothing_else(database: Database) -> None:
    with lab_trees.small(".") as unchanged, lab_trees.small(".") as tree:
        handlers = tree / HANDLERS
        before, shown, after = handlers.read_text("utf-8").partition(SHOWN)
        handlers.write_text(before + PLANTED + shown + after, "utf-8")
        found = gate.both(unchanged, tree, "the base", database, with_instructions=False)
    changes = gate.changes(*found)
    assert {each.operation for each in changes} == {"GET /api/v1/artists/{id}"}
    assert {each.count for each in changes} == {"queries", "shapes", "rows", "effort"}
    queries = changes[0]
    assert (queries.before, queries.after) == (1, 2)
    line = before.count("\n") + 1
    assert queries.where[0].startswith(f"{HANDLERS}:{line}: SELECT COUNT(*)")
    assert {each.status // 100 for each in found[0]} == {2}


def broken(tree: Path) -> None:
    (tree / "vivace" / "settings.py").write_text("import nothing_of_that_name\n")


@pytest.mark.any_database
def test_a_base_that_does_not_start_is_no_verdict(database: Database) -> None:
    with revisions.tree(".") as tree:
        broken(tree)
        with pytest.raises(NoVerdictError) as told:
            gate.both(tree, tree, "v0", database, with_instructions=False)
    (line,) = str(told.value).splitlines()
    assert line.startswith("v0 cannot be counted: ModuleNotFoundError")


@pytest.mark.parametrize(
    ("found", "code"), [(gate_result([counts()], [counts(queries=2)]), MORE), (None, NO_VERDICT)]
)
def test_the_exit_code_says_how_it_went(
    found: GateResult | None, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_arguments: Any, **_named: Any) -> GateResult:
        if found is None:
            raise NoVerdictError("v0 cannot be counted")
        return found

    monkeypatch.setattr(gate, "run", run)
    with pytest.raises(SystemExit) as ended:
        call_command("lab", "gate", "--results", str(tmp_path))
    assert ended.value.code == code


def test_without_valgrind_the_other_counts_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def both(*_trees: Any, with_instructions: bool) -> tuple[list[Counts], list[Counts]]:
        asked.append(with_instructions)
        return [counts()], [counts()]

    monkeypatch.setattr(gate, "which", lambda _program: None)
    monkeypatch.setattr(gate, "both", both)
    monkeypatch.setattr(gate, "read_accepted", lambda _path: [])
    found = gate.run("HEAD", "sqlite", with_instructions=True, say=lambda _text: None)
    assert asked == [False]
    assert found.missing == ["valgrind is not installed: no instructions are counted"]


DUMP = """# callgrind format
version: 1
desc: Trigger: {trigger}

positions: line
events: Ir
summary: 5087

fn=(1) ask'2
12 40
+3 30
cfn=(2) _int_malloc
calls=2 293
* 1000
cfn=(3) answer
calls=1 7
+1 17
fn=(2)
293 1000
fn=(3)
7 {own}

totals: 5087
"""


def test_instructions_are_read_from_what_callgrind_wrote(tmp_path: Path) -> None:
    for number, trigger in enumerate(["Client Request: 0", "Client Request: 1", "Program end"]):
        path = Path(f"{instructions.out_path(tmp_path)}.{number + 1}")
        path.write_text(DUMP.format(trigger=trigger, own=17 + number))
    # The search for free memory is not among them.
    assert instructions.read(tmp_path) == {0: 40 + 30 + 17, 1: 40 + 30 + 18}


def test_a_change_is_an_increase_or_not() -> None:
    assert Change(operation="GET /", count="rows", before=1, after=2).is_increase
    assert not Change(operation="GET /", count="rows", before=2, after=1).is_increase


DRAWN = """
import os, secrets, uuid
from vivace.lab.profiling.frozen import freeze
freeze(1)
print(os.urandom(4), secrets.randbits(63), secrets.token_hex(4), uuid.uuid4())
"""


def test_two_processes_draw_the_same() -> None:
    first, second = (subprocess.check_output([sys.executable, "-c", DRAWN]) for _ in range(2))
    assert first == second


def test_memory_is_laid_out_the_same_where_that_can_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert prepared.in_the_same_place() in ([], ["setarch", "-R"])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert prepared.in_the_same_place() == []
