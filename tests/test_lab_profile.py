"""The profiler against a project with planted defects, its clean twin, and Vivace itself."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from tests.planted import fill
from vivace.lab import profile
from vivace.lab.noting import notes
from vivace.lab.profile_results import Found, ProfileResult, Profiles, profile_path, read, save
from vivace.lab.profiling import profiled, rules
from vivace.lab.profiling.conditions import read as conditions_of
from vivace.lab.profiling.shapes import shape
from vivace.lab.results import ResultError

CHECKOUT = Path(__file__).parents[1]
SETTINGS = "tests.planted.settings"
SHOP = "tests/planted"


def nothing(done: int, count: int | None, name: str) -> None:
    pass


class Shop(NamedTuple):
    """Which views, on which database."""

    views: str
    database: str

    @property
    def environment(self) -> dict[str, str]:
        return {"PLANTED_URLS": self.views, "PLANTED_DATABASE": self.database}

    def profiled(self, monkeypatch: pytest.MonkeyPatch, *paths: str) -> Profiles:
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)
        return profile.of_project(SETTINGS, paths, {}, None, nothing).profiles


@pytest.fixture(scope="module")
def shops(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Shop]]:
    """A filled database for the views with defects and one for their twins."""
    made = {}
    for views in ("defects", "twin"):
        if request.config.getoption("db") == "sqlite":
            folder = tmp_path_factory.mktemp("shop")
            database = f"sqlite://{folder / views}.sqlite3"
        else:
            server = request.getfixturevalue("postgresql")
            name = f"shop_{views}_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
            database = f"{server}/{name}"
            with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")
        made[views] = Shop(views, database)
        subprocess.run(
            [sys.executable, "-m", "tests.planted.fill"],
            cwd=CHECKOUT,
            env=os.environ | made[views].environment | {"DJANGO_SETTINGS_MODULE": SETTINGS},
            check=True,
        )
    yield made
    for shop in made.values():
        if shop.database.startswith("postgresql"):
            server, _, name = shop.database.rpartition("/")
            with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


# --- The planted defects -----------------------------------------------------------------------


def source(name: str) -> str:
    return (CHECKOUT / SHOP / name).read_text("utf-8")


def views(module: str) -> dict[str, str]:
    """Path → the view's name."""
    return dict(re.findall(r'path\("([^"]+)", (\w+)\)', source(module)))


VIEWS = views("defects.py")


def planted_lines() -> dict[str, set[str]]:
    """View → the lines that say that its defect is there."""
    found = {"a_template_that_queries": {f"{SHOP}/templates/planted/books.html:3"}}
    for module in ("defects.py", "models.py"):
        nodes = ast.walk(ast.parse(source(module)))
        functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
        for number, line in enumerate(source(module).splitlines(), 1):
            _, marked, named = line.partition("# planted")
            if marked:
                within = (f.name for f in functions if f.lineno <= number <= (f.end_lineno or 0))
                view = named.removeprefix(": ").strip() or next(within)
                found.setdefault(view, set()).add(f"{SHOP}/{module}:{number}")
    return found


def test_every_planted_defect_is_found_by_its_rule_at_its_line(
    shops: dict[str, Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles = shops["defects"].profiled(monkeypatch)
    lines, by_view = planted_lines(), {each.name: each for each in profiles.operations}
    missed = []
    for path, view in VIEWS.items():
        rule = path.partition("/")[0]
        found = [each for each in by_view[f"GET /{path}"].found if each.rule == rule]
        places = {each.place for each in found}
        if not places & lines[view]:
            missed.append((path, lines[view], by_view[f"GET /{path}"].found))
    assert missed == []
    assert len(VIEWS) >= 20
    (redundant,) = profiles.schema
    assert redundant.rule == "redundant-index"
    assert fill.REDUNDANT in redundant.text
    assert redundant.place.startswith(f"{SHOP}/models.py:")


def test_whatever_is_called_slow_was_looked_at_line_by_line() -> None:
    least = min(rules.SLOW_ROWS * rules.SLOW_ROW_S, rules.IDLE_S)
    assert least >= profiled.WORTH_SAMPLING_S


def test_the_clean_twin_has_none(shops: dict[str, Shop], monkeypatch: pytest.MonkeyPatch) -> None:
    profiles = shops["twin"].profiled(monkeypatch)
    assert profiles.found == []
    assert {each.name for each in profiles.operations} == {f"GET /{path}" for path in VIEWS}
    assert {*views("twin.py")} == {*VIEWS}
    assert all(each.status == 200 for each in profiles.operations)
    assert (profiles.skipped, profiles.missing) == ({}, [])


def test_a_dropped_index_is_proposed_and_tried(
    shops: dict[str, Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles = shops["defects"].profiled(monkeypatch, "/missing-index/dropped/")
    (found,) = (found for each in profiles.operations for found in each.found)
    assert found.index == ["planted_book", "isbn"]
    assert found.trial
    assert found.trial.bulk_rows == fill.BOOKS
    assert len(found.trial.pairs) == 20
    assert found.trial.bytes > 0
    assert "times as fast" in profile.told(found)


def test_what_it_writes_is_undone(shops: dict[str, Shop], monkeypatch: pytest.MonkeyPatch) -> None:
    profiles = shops["defects"].profiled(monkeypatch, "/write-per-row/", "/write-per-row/")
    assert [each.status for each in profiles.operations] == [200, 200]
    asked = "SELECT COUNT(*) FROM planted_author"
    assert counted(shops["defects"], asked) == fill.AUTHORS


def counted(shop: Shop, sql: str) -> int:
    script = (
        "import django, sys; django.setup(); from django.db import connection as c;"
        " k = c.cursor(); k.execute(sys.argv[1]); print(k.fetchone()[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, sql],
        cwd=CHECKOUT,
        env=os.environ | shop.environment | {"DJANGO_SETTINGS_MODULE": SETTINGS},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


# --- Vivace ------------------------------------------------------------------------------------


def test_nothing_of_vivace_is_unexplained(request: pytest.FixtureRequest) -> None:
    from vivace.api.documents import document, operations

    result = profile.of_vivace(request.config.getoption("db"), [], nothing)
    profiles = result.profiles
    assert [profile.told(found) for found in profiles.found if not found.explained] == []
    assert profiles.missing == []
    names = [f"{method} {path}" for path, method, _ in operations(document())]
    assert [each.name for each in profiles.operations] == names
    assert [each.name for each in profiles.operations if each.status >= 400] == []


# --- Under load --------------------------------------------------------------------------------

ASKED = """
import django
django.setup()
from django.core.handlers.wsgi import WSGIHandler
from vivace.lab.noting import notes
from vivace.lab.profiling.calling import Request, call
notes.EVERY_S = 0
for path in ("/api/v1/artists/17", "/api/v1/artists/4", "/api/v1/tracks"):
    call(WSGIHandler(), Request("", "GET", path))
"""


def test_statements_are_noted_by_route(migrated_database: str, tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    own = {
        "DJANGO_SETTINGS_MODULE": "vivace.lab.noting.settings",
        "DATABASE_URL": migrated_database,
        "VIVACE_DATA_DIR": str(tmp_path),
        "VIVACE_PUBLIC_READ": "on",
        notes.FOLDER: str(folder),
    }
    command = [sys.executable, "-c", ASKED]
    subprocess.run(command, cwd=CHECKOUT, env=os.environ | own, check=True)
    found = {each.route: each for each in notes.gathered(folder) if "FROM" in each.shape}
    assert (found["GET /api/v1/artists/{id}"].times, found["GET /api/v1/tracks"].times) == (2, 1)
    assert all(0 < each.slowest <= each.seconds for each in found.values())


# --- What cannot be done -----------------------------------------------------------------------


@pytest.mark.any_database
def test_an_unknown_operation_is_one_line() -> None:
    with pytest.raises(ResultError, match="no operation 'GET /api/v1/scores'"):
        profile.of_vivace("sqlite", ["GET /api/v1/scores"], nothing)


@pytest.mark.any_database
def test_a_project_that_does_not_start_is_one_line() -> None:
    with pytest.raises(ResultError, match="No module named 'nowhere'") as refused:
        profile.of_project("nowhere.settings", [], {}, None, nothing)
    assert "\n" not in str(refused.value)


def test_what_cannot_be_copied_is_read_where_it_is(
    shops: dict[str, Shop], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shop = shops["twin"]
    if shop.database.startswith("sqlite"):
        visited = shop._replace(database=f"sqlite://{tmp_path}/none.sqlite3")
        why = "none.sqlite3 is not a file"
    else:
        with psycopg.connect(shop.database, autocommit=True) as connection:
            connection.execute("CREATE ROLE visitor LOGIN")
        visited = shop._replace(database=shop.database.replace("postgres@", "visitor@"))
        why = "cannot be copied: permission denied"
    profiles = visited.profiled(monkeypatch, "/sleeping/")
    (line,) = profiles.missing
    assert why in line
    assert [each.status for each in profiles.operations] == [200]


# --- Explanations and result files -------------------------------------------------------------


def profiles_with(*found: Found) -> Profiles:
    return Profiles(database="sqlite", schema=[*found])


def test_an_explanation_that_explains_nothing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "explained.toml"
    path.write_text('[[explained]]\nrule = "sleeping"\noperation = "GET /"\nreason = "It may"\n')
    found = Found(rule="sleeping", operation="GET /", text="waits")
    known = profile.explain(profiles_with(found), path, all_asked=True)
    assert (known.schema[0].explained, known.missing) == ("It may", [])
    stale = profile.explain(profiles_with(), path, all_asked=True)
    assert "not found any more" in stale.missing[0]
    assert profile.explain(profiles_with(), path, all_asked=False).missing == []


@pytest.mark.parametrize("text", ["[[explained", "[[explained]]\nrule = 1\n"])
def test_an_explanation_that_cannot_be_read_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "explained.toml"
    path.write_text(text)
    with pytest.raises(ResultError, match=str(path)):
        profile.explain(profiles_with(), path, all_asked=True)


def test_a_result_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    result: ProfileResult = profile.described("shop.settings", profiles_with())
    path = save(profile_path(tmp_path, "sqlite", "shop.settings"), result)
    assert read(path) == result
    path.write_text("{")
    with pytest.raises(ResultError, match="damaged"):
        read(path)


# --- Shapes and conditions ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT a FROM t WHERE b = %s", "SELECT a FROM t WHERE b = ?"),
        ("SELECT a FROM t WHERE b = 'it''s'  AND c = 12", "SELECT a FROM t WHERE b = ? AND c = ?"),
        ("SELECT a FROM t1 WHERE b IN (%s, %s, %s)", "SELECT a FROM t1 WHERE b IN (…)"),
        ("SELECT a FROM t1 WHERE b IN (%s)", "SELECT a FROM t1 WHERE b IN (…)"),
        ("INSERT INTO t VALUES (%s, %s), (%s, %s)", "INSERT INTO t VALUES (…)"),
        ('RELEASE SAVEPOINT "s140_x1"', "RELEASE SAVEPOINT"),
    ],
)
def test_statements_that_differ_in_values_have_one_shape(sql: str, expected: str) -> None:
    assert shape(sql) == expected


def test_an_index_has_what_is_equal_first_and_then_the_order() -> None:
    sql = (
        'SELECT "b"."title" FROM "b" WHERE ("b"."pages" > %s AND "b"."shelf" = %s)'
        ' ORDER BY "b"."year" ASC, "b"."id" ASC LIMIT 20'
    )
    found = conditions_of(sql, "sqlite")
    assert found
    assert found.tables["b"].served_by == ("shelf", "year", "id")
    assert (found.is_limited, found.is_offset, found.counts_all) == (True, False, False)


@pytest.mark.parametrize(
    ("where", "expression"),
    [
        ('LOWER("b"."shelf") = %s', "LOWER(shelf)"),
        ('"b"."title" LIKE %s ESCAPE \'\\\'', "title by a pattern"),
    ],
)
def test_what_is_asked_of_a_function_is_no_column_of_an_index(where: str, expression: str) -> None:
    found = conditions_of(f'SELECT "b"."id" FROM "b" WHERE {where}', "sqlite")
    assert found
    assert (found.tables["b"].served_by, found.tables["b"].expression) == ((), expression)


def test_what_is_no_select_asks_nothing() -> None:
    assert conditions_of('UPDATE "b" SET "a" = %s', "sqlite") is None
    assert conditions_of("SELECT FROM WHERE (", "sqlite") is None
