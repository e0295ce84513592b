"""The rules every test is run by; what it runs on is in environment.py and servers.py."""

import functools
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import caches
from django.db import connection
from redis import Redis

from tests.client import Person
from tests.databases import own_database
from tests.environment import IN_CI
from tests.sites import Site, environment, main_pid
from tests.wsgi import Django
from vivace.api.stored import Shared, StoredAnswers
from vivace.lab import front, servers

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"

LONG = (
    "test_contract.py", "test_never_stale.py", "test_lab_", "test_import_command.py",
    "test_docs_page.py", "test_deploy",
)  # fmt: skip


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes long, and test on SQLite alone what is the same on any database."""
    # Whatever was drawn for the others: at the end one process would wait for the other.
    items.sort(key=place)
    if config.getoption("db") == "sqlite":
        return
    same = [item for item in items if item.get_closest_marker("any_database")]
    config.hook.pytest_deselected(items=same)
    items[:] = [item for item in items if item not in same]


def place(item: pytest.Item) -> int:
    """Its file's among those that take long; behind them for any other."""
    found = (n for n, name in enumerate(LONG) if item.path.name.startswith(name))
    return next(found, len(LONG))


@functools.cache
def patient(url: str) -> Redis:
    return Redis.from_url(url)


@pytest.fixture(autouse=True)
def _forget_what_was_cached() -> Iterator[None]:
    # The cache and Redis take no part in the transaction that undoes a test's rows. On Redis
    # this empties the whole database, counters and marks included.
    yield
    if settings.REDIS_URL:
        # By a client that waits: the cache's own gives up after 50 ms.
        patient(settings.REDIS_URL).flushdb()
    caches["answers"].clear()


@pytest.fixture(scope="session", autouse=True)
def _redis_may_be_slow() -> Iterator[None]:
    # Other tests run beside each, and it may take longer than a server waits for it.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Shared, "SLOW_S", 1.0)
        yield


@pytest.fixture
def nobody(db: None) -> Person:
    return Person()


@pytest.fixture
def listener(db: None) -> Person:
    return Person("listener")


@pytest.fixture
def editor(db: None) -> Person:
    return Person("editor")


@pytest.fixture
def admin(db: None) -> Person:
    return Person("admin")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real libraries, in a folder beside the checkout that not everyone has."""
    if not SHARED_DATA.is_dir():
        pytest.skip("there is no ../shared/data beside this checkout")
    return SHARED_DATA


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    excused = "shared_data" in getattr(item, "fixturenames", ()) and not SHARED_DATA.is_dir()
    if not excused and not hasattr(report, "wasxfail"):
        refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    refuse_skip(report)
    return report


def refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure in CI, where everything that a test can ask for is there."""
    if IN_CI and report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
        report.outcome = "failed"
        report.longrepr = f"CI runs every test. {reason}"


@pytest.fixture
def django(db: None, monkeypatch: pytest.MonkeyPatch) -> Django:
    # At the end of a request it would close a connection that is in the test's transaction.
    monkeypatch.setattr(connection, "close_if_unusable_or_obsolete", lambda: None)
    return Django()


@pytest.fixture
def answers(django: Django) -> StoredAnswers:
    return StoredAnswers(django)


@pytest.fixture(scope="module")
def nginx() -> None:
    try:
        servers.program("nginx")
    except servers.ServerMissingError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, nginx: None
) -> Iterator[Site]:
    """One for all that leaves it as it was: it takes seconds to start."""
    folder = tmp_path_factory.mktemp("site")
    with ExitStack() as stack:
        database = stack.enter_context(own_database(request, folder, "library", "site"))
        own = environment(database, folder)
        gunicorns = {
            lane: stack.enter_context(front.gunicorn(lane, folder, own, workers=2))
            for lane in front.LANES
        }
        port = stack.enter_context(front.nginx(folder, 1, limited=True))
        yield Site(port, {lane: main_pid(each.pid) for lane, each in gunicorns.items()})
