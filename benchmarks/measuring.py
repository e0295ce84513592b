"""How a call is timed, and what is noted of it beside its time.

The notes are `extra_info` in the result file: the title a report calls it by, the group it is
listed in, how many rows one round reads or writes; then what was counted apart from the timing.
"""

import math
import time
import tracemalloc
from collections.abc import Callable
from typing import Any, Literal

import msgspec
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_benchmark.fixture import BenchmarkFixture

Call = Callable[[], Any]
Group = Literal[
    "scenario",
    "read",
    "filter",
    "sort",
    "search",
    "write",
    "login",
    "import",
    "export",
    "yardstick",
]

SECONDS = 0.7
"""For so long a call is repeated, within these bounds."""
ROUNDS_MIN, ROUNDS_MAX = 10, 200
"""Quartiles need ten; two hundred say it well enough and keep the result file small."""

PAIRS = 40
"""Rounds of two ways; an even number: see `paired`."""

WARMUP_SECONDS = 0.3
WARMUP_ROUNDS = 12
"""PostgreSQL prepares a statement at its fifth run, and settles on a plan at its tenth."""


def describe(
    benchmark: BenchmarkFixture, title: str, group: Group, *, rows: int, **notes: Any
) -> None:
    benchmark.group = group
    benchmark.extra_info.update(title=title, group=group, rows=rows, **notes)


def timed(
    benchmark: BenchmarkFixture,
    call: Call,
    *,
    fresh: Call | None = None,
    rounds: int = 0,
    iterations: int = 1,
) -> Any:
    """What the call came to; `fresh` precedes each round, untimed.

    Without a number of rounds there are as many as fit the time.
    """
    warmups = rounds // 5
    if benchmark.enabled and not rounds:
        rounds, warmups = fitting(call)
    answer = benchmark.pedantic(
        call, setup=fresh, rounds=max(1, rounds), warmup_rounds=warmups, iterations=iterations
    )
    if benchmark.enabled:
        benchmark.extra_info["peak_python_kb"] = peak_kb(call, fresh)
    return answer


def fitting(call: Call) -> tuple[int, int]:
    """How many rounds to time, and how many to run before."""
    call()
    took = seconds(call)
    rounds = min(max(ROUNDS_MIN, math.ceil(SECONDS / took)), ROUNDS_MAX)
    return rounds, min(max(1, math.ceil(WARMUP_SECONDS / took)), WARMUP_ROUNDS)


def seconds(call: Call) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def peak_kb(call: Call, fresh: Call | None = None) -> int:
    """What the call had allocated at most, in units of 1,024 bytes; Python's own memory alone."""
    if fresh:
        fresh()
    tracemalloc.start()
    try:
        call()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return math.ceil(peak / 1024)


def query_count(call: Call) -> int:
    with CaptureQueriesContext(connection) as queries:
        call()
    return len(queries)


def read(benchmark: BenchmarkFixture, call: Call) -> Any:
    """What the call came to, with the number of its queries noted."""
    answer = timed(benchmark, call)
    # Counted where nothing is timed, too: a benchmark then still says what it reads.
    benchmark.extra_info["queries"] = query_count(call)
    return answer


def paired(
    benchmark: BenchmarkFixture,
    ours: Call,
    before: Call,
    *,
    rounds: int,
    fresh: Call = lambda: None,
) -> None:
    """Time the same work done as it was before, done our way, and done our way once more.

    `extra_info["pairs"]` has the three times of each round in seconds; the third beside the
    second shows what the machine makes of two things that are the same. Which of the others comes
    first changes from round to round, so that each is as often the one behind `before`.
    """
    around: list[tuple[float, float]] = []

    def fresh_seconds(call: Call) -> float:
        fresh()
        return seconds(call)

    def setup() -> None:
        if len(around) % 2:
            before_s, again_s = fresh_seconds(before), fresh_seconds(ours)
        else:
            again_s, before_s = fresh_seconds(ours), fresh_seconds(before)
        around.append((before_s, again_s))
        fresh()

    title = benchmark.extra_info["title"]
    benchmark.extra_info["before"] = {"title": f"{title} – plain DRF"}
    benchmark.pedantic(ours, setup=setup, rounds=rounds, warmup_rounds=2)
    if benchmark.enabled:
        times = zip(around[-rounds:], benchmark.stats.stats.data, strict=True)
        benchmark.extra_info["pairs"] = [
            [before_s, ours_s, again_s] for (before_s, again_s), ours_s in times
        ]
        benchmark.extra_info["peak_python_kb"] = peak_kb(ours, fresh)
        benchmark.extra_info["before"]["peak_python_kb"] = peak_kb(before, fresh)


def paired_pages(
    benchmark: BenchmarkFixture, ours: Call, before: Call, *, rounds: int = PAIRS
) -> None:
    """Time a page of ours beside the same page of plain DRF's, of `extra_info["rows"]` items."""
    found = msgspec.json.decode(ours())["items"]
    assert found == msgspec.json.decode(before())["results"]
    assert len(found) == benchmark.extra_info["rows"]
    paired(benchmark, ours, before, rounds=rounds)
    benchmark.extra_info["queries"] = query_count(ours)
    benchmark.extra_info["before"]["queries"] = query_count(before)
