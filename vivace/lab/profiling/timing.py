"""A process of a tree that stands ready to be timed.

python -m vivace.lab.profiling.timing FOLDER    asks what was prepared there

lines of `Visit` on standard input ──→ a line of `Spent` on standard output for each
"""

import gc
import os
import statistics
import sys
from time import perf_counter, process_time

import msgspec
from django.core.handlers.wsgi import WSGIHandler
from msgspec import Struct

from vivace.lab.profiling.calling import Request, call
from vivace.lab.profiling.databases import undone
from vivace.lab.profiling.preparing import ask, ready


class Visit(Struct):
    number: int
    """Of the request, in the order in which they were prepared."""
    times: int
    lead_in: int = 1
    """So many before, not timed: what was elsewhere comes back to the processor's caches."""


class Spent(Struct):
    """Seconds a request, the median of a visit."""

    processor: float
    """Of all threads of this process."""
    wall: float


def main() -> None:
    told = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # What the project prints must not come between.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    handler, requests = ready()
    # As in the server: what is loaded is not looked at again by the collector.
    gc.collect()
    gc.freeze()
    gc.enable()
    for line in sys.stdin.buffer:
        visit = msgspec.json.decode(line, type=Visit)
        told.write(msgspec.json.encode(spent(handler, requests[visit.number], visit)) + b"\n")
        told.flush()


def spent(handler: WSGIHandler, request: Request, visit: Visit) -> Spent:
    for _ in range(visit.lead_in):
        ask(handler, request)
    times = [timed(handler, request) for _ in range(visit.times)]
    processor, wall = zip(*times, strict=True)
    return Spent(statistics.median(processor), statistics.median(wall))


def timed(handler: WSGIHandler, request: Request) -> tuple[float, float]:
    with undone():
        processor, wall = process_time(), perf_counter()
        call(handler, request)
        return process_time() - processor, perf_counter() - wall


if __name__ == "__main__":
    main()
