"""What one request does not show: pages far down a list, requests that come at once, and what is
left open.
"""

import gc
import threading
from collections import Counter
from typing import NamedTuple

import psutil
from django.core.cache import caches
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections

from vivace.lab.profiling.calling import Request, call
from vivace.lab.profiling.databases import undone
from vivace.lab.profiling.plans import plan
from vivace.lab.profiling.shapes import shape
from vivace.lab.profiling.tracing import Executed, Place, Trace, recording

AT_ONCE = 4
MEET_SECONDS = 0.5
"""For so long a statement waits for the same one of the other requests."""
LEFT_OPEN_REQUESTS = 5


class Depth(NamedTuple):
    """The same statement on the first page and far down."""

    parameter: str
    executed: Executed
    first_effort: int
    deep_effort: int


def depth(handler: WSGIHandler, request: Request, trace: Trace, far: int) -> Depth | None:
    """Where the list has numbered pages; None where it has not.

    `far` is about how many rows down.
    """
    limited = [each for each in trace.executed if each.reads and " LIMIT " in each.sql]
    if not limited:
        return None
    page_rows = max(1, *(each.rows for each in limited))
    for parameter, value in (("page", max(2, far // page_rows - 1)), ("offset", far)):
        query = "&".join(filter(None, [request.query, f"{parameter}={value}"]))
        with undone(), recording() as deep:
            answer = call(handler, request._replace(query=query))
        paged = [each for each in deep.executed if each.reads and " OFFSET " in each.sql]
        if answer.is_success and paged and answer.body != trace.body:
            return between(parameter, limited, paged)
    return None


def between(parameter: str, limited: list[Executed], paged: list[Executed]) -> Depth:
    with undone():
        efforts = [
            (found.effort if (found := plan(each)) else 0, each)
            for each in (limited[-1], paged[-1])
        ]
    (first, _), (deep, executed) = efforts
    return Depth(parameter, executed, first, deep)


class Stampede(NamedTuple):
    executed: Executed
    times: int
    """How many of the requests that came at once ran it, though one would have done."""


def stampede(handler: WSGIHandler, request: Request, cold: Trace, warm: Trace) -> Stampede | None:
    """A statement whose answer is cached, but by all requests that come while it is not."""
    kept = {shape(each.sql) for each in warm.executed}
    cached = {shape(each.sql) for each in cold.executed if each.reads} - kept
    if not cached or request.method != "GET":
        return None
    empty_caches()
    barrier = threading.Barrier(AT_ONCE)
    met: list[Executed] = []

    def meet(executed: Executed) -> None:
        if executed.reads and shape(executed.sql) in cached:
            met.append(executed)
            try:
                barrier.wait(MEET_SECONDS)
            except threading.BrokenBarrierError:
                return

    def ask() -> None:
        try:
            call(handler, request)
        finally:
            connections.close_all()

    with recording(before=meet):
        threads = [threading.Thread(target=ask) for _ in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    times = Counter(shape(each.sql) for each in met)
    worst = max(times.values(), default=0)
    if worst < 2:
        return None
    executed = next(each for each in met if times[shape(each.sql)] == worst)
    return Stampede(executed, worst)


def empty_caches() -> None:
    for each in caches.all(initialized_only=True):
        each.clear()


class LeftOpen(NamedTuple):
    each_time: float
    """Files and connections more after every request."""
    place: Place | None
    """From where a connection was opened, if one was."""


def left_open(handler: WSGIHandler, request: Request) -> LeftOpen | None:
    """Files and connections that every request opens and none closes."""
    process = psutil.Process()
    if not hasattr(process, "num_fds"):  # Windows
        return None
    with undone(), recording() as trace:
        call(handler, request)
        gc.collect()
        before = process.num_fds()
        for _ in range(LEFT_OPEN_REQUESTS):
            call(handler, request)
        gc.collect()
        more = process.num_fds() - before
    if more < LEFT_OPEN_REQUESTS:
        return None
    return LeftOpen(more / LEFT_OPEN_REQUESTS, next(iter(trace.connected), None))
