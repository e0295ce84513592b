"""One database for all benchmarks of a run, on a file or a server as in production."""

import gc
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from django.db import connection
from django.test.utils import setup_databases, teardown_databases

from benchmarks import drf
from benchmarks.libraries import Size, clear, stand_up
from benchmarks.requests import App, Application
from vivace.lab import machine
from vivace.lab.results import FORMAT
from vivace.lab.servers import postgresql_bin

PACKAGES = (
    "Django", "django-modern-rest", "msgspec", "djangorestframework", "psycopg", "argon2-cffi",
    "granian", "pytest-benchmark",
)  # fmt: skip


@pytest.fixture(scope="session")
def database(django_db_blocker: Any) -> Iterator[str]:
    """Its kind. Nothing is rolled back: a transaction around a benchmark would be timed, too."""
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False)
        yield connection.vendor
        teardown_databases(made, verbosity=0)


@pytest.fixture(scope="session")
def app(database: str) -> App:
    made = App()
    settle()
    return made


def settle() -> None:
    """As in the server: what is loaded is not looked at again by the collector."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def plain_drf(app: App) -> Application:
    return Application(drf.Handler(), drf.PREFIX)


@pytest.fixture
def library(database: str, request: pytest.FixtureRequest) -> Size:
    """What the database holds: a generated library of the size that `holding` asks for."""
    size: Size = request.param
    stand_up(size)
    # What making a library leaves behind is not for requests to look at.
    settle()
    return size


@pytest.fixture
def emptied(database: str) -> Callable[[], None]:
    return clear


# Behind the other plugins, of which one shuffles.
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In the order of their libraries, so that each is made once; those that need none first.

    Libraries that take minutes to make wait to be asked for, with `-m`.
    """
    items.sort(key=records)
    if not config.option.markexpr:
        large = [item for item in items if item.get_closest_marker("large")]
        config.hook.pytest_deselected(items=large)
        items[:] = [item for item in items if item not in large]


def records(item: pytest.Item) -> int:
    if not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
        return 0
    sizes = [found for found in item.callspec.params.values() if isinstance(found, Size)]
    return max((size.tracks for size in sizes), default=0)


def pytest_benchmark_update_machine_info(
    config: pytest.Config, machine_info: dict[str, Any]
) -> None:
    database = config.getoption("--db")
    programs = {"sqlite": sqlite3.sqlite_version}
    if database == "postgresql":
        server = str(postgresql_bin() / "postgres")
        programs = {"postgresql": machine.program_version(server, "-V")}
    machine_info["format"] = FORMAT
    machine_info["database"] = database
    machine_info["vivace_machine"] = msgspec.to_builtins(machine.machine())
    machine_info["vivace_versions"] = msgspec.to_builtins(machine.versions(PACKAGES, **programs))
    del machine_info["node"]
