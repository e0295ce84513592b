"""What the tests run on, settled before Django reads its settings.

`pyproject.toml` loads this as a pytest plugin by name, because pytest-django sets Django up
before any conftest.py is read. The servers of `--db postgresql` start here once, in pytest's
main process, and reach its pytest-xdist workers through the environment.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from tests.databases import READY, own_database
from vivace.lab.profiling.frozen import NOT_IN_PRODUCTION
from vivace.lab.servers import ServerMissingError, postgresql_server, redis_server

SECRET_KEY = "only-for-tests-" + "0123456789" * 5
# Every other setting of the developer's shell is put away: the tests choose their own.
OURS = ("VIVACE_", "DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")
IN_CI = os.environ.get("CI", "").lower() not in {"", "0", "false"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--db",
        choices=["sqlite", "postgresql"],
        default="sqlite",
        help="what to run on: SQLite and the in-process cache, or PostgreSQL and Redis",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    options = early_config.known_args_namespace
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        settle_worker(worker)
        return
    for name in [name for name in os.environ if name.startswith(OURS)]:
        del os.environ[name]
    resources = ExitStack()
    early_config.add_cleanup(resources.close)
    folder = resources.enter_context(tempfile.TemporaryDirectory(prefix="vivace-tests-"))
    os.environ["VIVACE_DATA_DIR"] = folder
    os.environ["VIVACE_SECRET_KEY"] = SECRET_KEY
    os.environ[READY] = resources.enter_context(tempfile.TemporaryDirectory(prefix="vivace-ready-"))
    if options.db == "postgresql" and not (options.help or options.version):
        try:
            postgresql = resources.enter_context(postgresql_server())
            redis = resources.enter_context(redis_server())
        except ServerMissingError as error:
            raise pytest.UsageError(f"--db postgresql: {error}") from error
        os.environ["DATABASE_URL"] = f"{postgresql}/vivace"
        os.environ["REDIS_URL"] = f"{redis}/0"


def settle_worker(worker: str) -> None:
    """Give a pytest-xdist worker (`gw0`, `gw1`…) a folder and a Redis database of its own.

    pytest-django does the same for the test database.
    """
    folder = Path(os.environ["VIVACE_DATA_DIR"], worker)
    folder.mkdir()
    os.environ["VIVACE_DATA_DIR"] = str(folder)
    if server := running("REDIS_URL"):
        os.environ["REDIS_URL"] = f"{server}/{int(worker.removeprefix('gw')) + 1}"


def running(variable: str) -> str:
    """The server of this run, without the database's name; empty where there is none."""
    return os.environ.get(variable, "").rpartition("/")[0]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A PostgreSQL server's address, whatever `--db` says; `/` and a database follow it."""
    yield from address(running("DATABASE_URL"), postgresql_server())


@pytest.fixture(scope="session")
def redis() -> Iterator[str]:
    """A Redis server's address, whatever `--db` says; `/` and a number follow it."""
    yield from address(running("REDIS_URL"), redis_server())


def address(known: str, server: AbstractContextManager[str]) -> Iterator[str]:
    if known:
        yield known
        return
    try:
        with server as started:
            yield started
    except ServerMissingError as error:
        if IN_CI:
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session", autouse=True)
def _processes_as_in_production(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what came with the tests from the processes that they start, and load for nothing.

    A third of the time that one takes to start goes to it.
    """
    folder = tmp_path_factory.mktemp("absent")
    for name in NOT_IN_PRODUCTION:
        (folder / f"{name}.py").write_text("raise ImportError('not in production')\n")
    path = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(path)


@pytest.fixture
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The `DATABASE_URL` of an empty database of the kind under test, for a process of its own."""
    with own_database(request, tmp_path, "nothing") as own:
        yield own


@pytest.fixture
def migrated_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The `DATABASE_URL` of such a database that has its tables, and nothing in them."""
    with own_database(request, tmp_path, "tables") as own:
        yield own


@pytest.fixture
def small_library(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The `DATABASE_URL` of such a database that holds what `tests.live` fills it with."""
    with own_database(request, tmp_path, "library") as own:
        yield own
