"""One database for all benchmarks of a run, on a file or a server as in production."""

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import setup_databases, teardown_databases

from benchmarks.libraries import Size, clear, stand_up
from benchmarks.requests import App


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
    # As in the server: what is loaded is not looked at again by the collector.
    gc.collect()
    gc.freeze()
    return made


@pytest.fixture
def library(database: str) -> Callable[[Size], None]:
    return stand_up


@pytest.fixture
def emptied(database: str) -> Callable[[], None]:
    return clear


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Large libraries last, so that each is made once."""
    items.sort(key=lambda item: item.get_closest_marker("large") is not None)


def pytest_benchmark_update_machine_info(
    config: pytest.Config, machine_info: dict[str, Any]
) -> None:
    machine_info["database"] = config.getoption("--db")
    del machine_info["node"]
