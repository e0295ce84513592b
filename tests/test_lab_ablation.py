"""Ablations: without an optimisation the same comes of a request, and what was measured can be
read back and reported."""

import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import CommandError, call_command
from django.db.models import QuerySet

from tests import builders
from tests import lab_results as made
from vivace.accounts.models import User
from vivace.catalogue.statements import Statement
from vivace.lab import ablate, report
from vivace.lab.ablation import indexes, paging, rendering, rounds
from vivace.lab.ablation.optimisations import OPTIMISATIONS, chosen
from vivace.lab.ablation.results import AblationResult, ablation_path, read, save
from vivace.lab.ablation.tasks import Begun, Done, Line, Measured, Missed
from vivace.lab.ablation.trials import Client, Trial, TrialError, replacing, shown
from vivace.lab.evidence import gathered
from vivace.lab.findings import GAINED, recommendations
from vivace.lab.profiling.calling import Request
from vivace.lab.results import DATABASES, Data, Database, ResultError

SMALL = Data(artists=200, albums=400, tracks=2_000, seed=1)
HTML_MAX_BYTES = 300_000
HEALTH = Request("GET /healthz", "GET", "/healthz")


def nothing(done: int, count: int | None, name: str) -> None:
    pass


# --- The optimisations ------------------------------------------------------------------------


def test_without_any_of_them_the_same_comes_of_its_request(request: pytest.FixtureRequest) -> None:
    database: Database = request.config.getoption("db")
    here = chosen((), database)
    result = ablate.run(database, here, nothing, data=SMALL, pairs=1)
    assert result.missing == []
    assert [row.name for row in result.rows] == [each.name for each in here]
    assert [len(row.pairs) for row in result.rows] == [1] * len(here)
    assert {row.asked.partition(" ")[0] for row in result.rows} == {"GET", "POST"}
    assert all("cursor=…" in row.asked for row in result.rows if row.name == "keyset")


def test_every_database_has_those_that_are_of_it() -> None:
    of_either = {each.name for database in DATABASES for each in chosen((), database)}
    assert of_either == {*OPTIMISATIONS}
    assert {each.name for each in chosen((), "sqlite")} != of_either
    assert [each.name for each in chosen(["keyset", "bulk"], "sqlite")] == ["keyset", "bulk"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("prepare", [rendering.compiled_once, rendering.compiled_once_for_one])
def test_without_statements_that_are_kept_each_request_compiles(
    prepare: Callable[[Client], Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(WSGIHandler(), User(pk=1, role="editor"), ExitStack())
    artist = builders.artist()
    builders.track(by=artist, on=builders.album(by=artist))
    trial = prepare(client)
    client.answer(trial)
    compiled: list[str] = []
    of = Statement.of

    def noted(rows: QuerySet[Any, Any]) -> Statement:
        compiled.append(rows.model.__name__)
        return of(rows)

    monkeypatch.setattr(Statement, "of", noted)
    client.answer(trial)
    assert compiled == []
    with trial.off():
        client.answer(trial)
    assert compiled == ["Track"]


@pytest.fixture
def client(db: None) -> Iterator[Client]:
    with ExitStack() as until_done:
        yield Client(WSGIHandler(), User(pk=1, role="editor"), until_done)


def test_what_a_library_lacks_is_one_line(client: Client) -> None:
    with pytest.raises(TrialError, match="the library has no track with an ISRC"):
        indexes.filter_index(client)
    with pytest.raises(TrialError, match="the library has no second page"):
        paging.keyset(client)


def test_answers_that_differ_are_not_compared(client: Client) -> None:
    counted = itertools.count()
    trial = Trial(HEALTH, nullcontext, told=lambda _: next(counted))
    with pytest.raises(TrialError, match="another without it"):
        rounds.measured(client, trial, 1)


def test_a_request_that_fails_is_one_line(client: Client) -> None:
    trial = Trial(HEALTH._replace(path="/nowhere"), nullcontext)
    with pytest.raises(TrialError, match="GET /healthz: 404 "):
        rounds.measured(client, trial, 1)


def test_it_is_off_in_every_third_request_and_what_was_written_goes(client: Client) -> None:
    was: list[str] = []

    @contextmanager
    def off() -> Iterator[None]:
        was.append("off")
        yield
        was.append("on")

    trial = Trial(HEALTH, off, told=len, fresh=lambda: was.append("fresh"))
    pairs = rounds.measured(client, trial, 4)
    assert [len(pair) for pair in pairs] == [3, 3, 3, 3]
    without, with_it = ["off", "fresh", "on"], ["fresh"]
    even, odd = [*without, *with_it, *with_it], [*with_it, *without, *with_it]
    assert was == [*with_it, *without, *even, *odd, *even, *odd]


def test_something_else_is_in_its_place_in_the_block_alone() -> None:
    shop = SimpleNamespace(scores="in the drawer")
    off = replacing(shop, scores="on the shelf")
    for _ in range(2):
        with off():
            assert shop.scores == "on the shelf"
        assert shop.scores == "in the drawer"


def test_a_request_reads_without_its_cursor() -> None:
    asked = Request("GET /tracks", "GET", "/api/v1/tracks", "limit=7&title=a+b%26c&cursor=x%3D")
    assert shown(asked) == "GET /tracks?limit=7&title=a b&c&cursor=…"
    assert shown(HEALTH) == "GET /healthz"


@pytest.mark.parametrize(("round_s", "pairs"), [(9.0, 8), (0.37, 10), (0.001, 60)])
def test_rounds_fit_their_time_and_are_even(round_s: float, pairs: int) -> None:
    assert rounds.fitting(round_s) == pairs


# --- The process and the command --------------------------------------------------------------


def lines(*told: Line) -> list[bytes]:
    return [msgspec.json.encode(each) for each in told]


def test_what_cannot_be_measured_leaves_the_rest() -> None:
    row, show = made.ablated(), list[tuple[int, int | None, str]]()
    told = lines(Begun("rows"), Missed("rows: why"), Begun("keyset"), Measured(row), Done())
    found = ablate.followed(told, 2, lambda *seen: show.append(seen))
    assert found == ([row], ["rows: why"])
    assert show == [(0, 2, "a library"), (0, 2, "rows"), (1, 2, "keyset")]
    assert ablate.followed(told[:-1], 2, nothing) is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["keysets"], "There is no optimisation 'keysets', only sort-index, "),
        (["binary"], "There is no optimisation 'binary' on SQLite"),
    ],
)
def test_an_unknown_optimisation_is_one_line(words: list[str], said: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("lab", "ablate", *words, "--results", str(tmp_path))
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)
    assert [*tmp_path.iterdir()] == []


# --- The result file --------------------------------------------------------------------------


def test_a_result_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    result = made.ablation_result("sqlite", made.ablated(), missing=["rows: why"])
    path = save(tmp_path, result)
    assert path.name == "ablation-sqlite.json"
    assert read(path) == result


@pytest.mark.parametrize(
    ("result", "cut", "said"),
    [
        (made.ablation_result("sqlite", made.ablated()), 20, "it is damaged"),
        (made.ablation_result("sqlite", format=0), 0, "it is of format 0"),
        (made.ablation_result("postgresql"), 0, "it was measured on PostgreSQL"),
        (made.ablation_result("sqlite", made.ablated(factor=0.0)), 0, "it is damaged"),
    ],
)
def test_what_cannot_be_read_is_one_line(
    result: AblationResult, cut: int, said: str, tmp_path: Path
) -> None:
    content = save(tmp_path, result).read_bytes()
    path = ablation_path(tmp_path, "sqlite")
    path.write_bytes(content[: len(content) - cut])
    with pytest.raises(ResultError) as refused:
        gathered(tmp_path)
    assert said in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_table_has_a_line_for_each_optimisation() -> None:
    result = made.ablation_result("sqlite", made.ablated("keyset", 5.83), made.ablated("etag", 1))
    assert ablate.table(result).row_count == 2
    name, asked, *_, times, interval, control, pairs = ablate.line_of(result.rows[0])
    assert (name, asked, pairs) == ("keyset", "GET /tracks?limit=100&sort=keyset", "15")
    assert re.fullmatch(r"5\.\d\d×", times)
    assert re.fullmatch(r"\d\.\d\d–\d\.\d\d", interval)
    assert control.startswith("0.9")


# --- The report -------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """All optimisations on both databases; the first gain the most, the last nothing."""
    for database in DATABASES:
        here = chosen((), database)
        rows = [
            msgspec.structs.replace(
                made.ablated(each.name, 41.7 / (place + 1)), what=each.what, without=each.without
            )
            for place, each in enumerate(here)
        ]
        save(tmp_path, made.ablation_result(database, *rows, missing=["rows: | why"]))
    return tmp_path


@pytest.mark.any_database
def test_the_report_has_a_row_for_each_optimisation(folder: Path) -> None:
    found = report.render(folder)
    assert report.render(folder) == found
    (section,) = re.findall(r"^## Ablation\n(.*?)^## ", found.markdown, re.MULTILINE | re.DOTALL)
    for name, each in OPTIMISATIONS.items():
        (row,) = re.findall(rf"^\| {re.escape(each.what)} \(`{name}`\) \|.*", section, re.MULTILINE)
        files = [f"ablation-{d}.json" for d in each.databases if len(each.databases) == 1]
        assert (files or ["ablation-{sqlite,postgresql}.json"])[0] in row
    assert section.count("rows: | why") == 2
    assert "times as fast, with 95 % intervals" in found.html


@pytest.mark.any_database
def test_it_is_not_there_where_nothing_was_ablated(tmp_path: Path) -> None:
    made.write_bench(tmp_path, "sqlite", [made.benchmark()])
    assert "Ablation" not in report.render(tmp_path).markdown


@pytest.mark.any_database
def test_the_page_stays_small(folder: Path) -> None:
    made.write_everything(folder)
    assert len(report.render(folder).html.encode()) <= HTML_MAX_BYTES


@pytest.mark.any_database
def test_what_gains_the_most_is_to_be_kept_first(tmp_path: Path) -> None:
    bench = made.benchmark(title="All artists", pairs=made.pairs(17.3))
    made.write_bench(tmp_path, "sqlite", [bench])
    rows = made.ablated("keyset", 173.0), made.ablated("rows", 3.1), made.ablated("etag", 1.0)
    save(tmp_path, made.ablation_result("sqlite", *rows))
    save(tmp_path, made.ablation_result("postgresql", made.ablated("rows", 2.3)))
    found = recommendations(gathered(tmp_path), GAINED)
    starts = [
        "What keyset is: without, GET /tracks?limit=100&sort=keyset takes 17",
        "All artists on SQLite: 1",
        "What rows is: without, GET /tracks?limit=100&sort=rows takes ",
    ]
    assert len(found) == len(starts)
    for each, start in zip(found, starts, strict=True):
        assert each.text.startswith(start)
    assert found[-1].where == "ablation-{sqlite,postgresql}.json › rows[rows].pairs"
    assert "as long on SQLite and 2." in found[-1].text
