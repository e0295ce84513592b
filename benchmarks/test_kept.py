"""Answers that are kept, from the request to the last byte: token, generation, the kept bytes."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import caches
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.libraries import HOUSE, Size, holding
from benchmarks.measuring import describe, paired_pages, query_count, timed
from benchmarks.requests import App, Application
from vivace.api.stored import StoredAnswers

PAGE = "limit=100"
REQUESTS = 50
"""A round: one takes some tens of microseconds."""

GOAL_MS = {"sqlite": 0.03, "postgresql": 0.03}


@pytest.fixture
def ask(app: App) -> Iterator[Callable[..., bytes]]:
    """A page of tracks, by way of what is kept."""
    caches["answers"].clear()
    kept = Application(StoredAnswers(app.handler), app.prefix)

    def ask(**headers: Any) -> bytes:
        bearer = {"HTTP_AUTHORIZATION": f"Bearer {app.token}"}
        return kept.request("GET", "/tracks", PAGE, **bearer, **headers)

    yield ask
    caches["answers"].clear()


@holding(HOUSE)
def test_a_page_that_is_kept(
    benchmark: BenchmarkFixture, app: App, library: Size, ask: Callable[..., bytes]
) -> None:
    title = "API Query – Tracks, kept (100 of 200,000)"
    describe(benchmark, title, "read", rows=100, goal_ms=GOAL_MS)
    body = timed(benchmark, ask, rounds=100, iterations=REQUESTS)
    assert body == app.get("/tracks", PAGE)
    benchmark.extra_info["queries"] = query_count(ask)


@holding(HOUSE)
def test_a_page_that_is_kept_beside_plain_drf(
    benchmark: BenchmarkFixture, plain_drf: Application, library: Size, ask: Callable[..., bytes]
) -> None:
    """One request a turn, so ours comes to caches of the processor that plain DRF has filled.

    That is in plain DRF's favour: by itself, ours takes a fraction of it (the benchmark above).
    """
    title = "API Query – Tracks, kept, taking turns with plain DRF (100 of 200,000)"
    describe(benchmark, title, "read", rows=100, goal_times=40)
    paired_pages(benchmark, ask, lambda: plain_drf.get("/tracks", PAGE))


@holding(HOUSE)
def test_a_page_that_the_client_has(
    benchmark: BenchmarkFixture, library: Size, ask: Callable[..., bytes]
) -> None:
    title = "API Query – Tracks, which the client has (304)"
    describe(benchmark, title, "read", rows=0, goal_ms=GOAL_MS)
    ask()
    body = timed(benchmark, lambda: ask(HTTP_IF_NONE_MATCH="*"), rounds=100, iterations=REQUESTS)
    assert body == b""
    benchmark.extra_info["queries"] = query_count(lambda: ask(HTTP_IF_NONE_MATCH="*"))
