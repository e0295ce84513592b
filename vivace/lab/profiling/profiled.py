"""One operation, looked at from all sides: what the rules read."""

import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from django.apps import apps
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection, connections

from vivace.lab.profiling import conditions, plans, probing, sampling
from vivace.lab.profiling.calling import Request, call
from vivace.lab.profiling.databases import undone
from vivace.lab.profiling.plans import Index, Plan
from vivace.lab.profiling.probing import Depth, LeftOpen, Stampede
from vivace.lab.profiling.shapes import shape
from vivace.lab.profiling.tracing import Executed, Place, Trace, recording

WARM_RUNS = 5
WORTH_SAMPLING_S = 0.005
"""A request that takes less is not looked at line by line: no rule tells of so little."""


class Timing(NamedTuple):
    """Medians of the warm runs, in seconds."""

    total: float
    database: float
    python: float
    rendering: float
    idle: float
    computed: float
    """On the processor, outside of statements."""


@dataclass
class Profiled:
    request: Request
    cold: Trace
    """With empty caches and a new connection."""
    warm: Trace
    """Looked at in detail."""
    timed: list[Trace]
    plans: dict[str, Plan] = field(default_factory=dict)
    """Shape → what the database does for it, by the first of them."""
    rows_in: dict[str, int] = field(default_factory=dict)
    """Of every table that a statement reads."""
    indexes: dict[str, dict[str, Index]] = field(default_factory=dict)
    """Table → its indexes by name."""
    depth: Depth | None = None
    stampede: Stampede | None = None
    left_open: LeftOpen | None = None
    busiest: Place | None = None

    @property
    def is_read(self) -> bool:
        return self.request.method == "GET"

    @cached_property
    def by_shape(self) -> dict[str, list[Executed]]:
        """Of the warm run, in the order in which they first ran."""
        found: dict[str, list[Executed]] = defaultdict(list)
        for each in self.warm.executed:
            found[shape(each.sql)].append(each)
        return dict(found)

    @cached_property
    def reads(self) -> dict[str, conditions.Read]:
        """Shape → what it asks for, of those that the parser understands."""
        found = {
            name: conditions.read(first.sql, connection.vendor)
            for name, (first, *_) in self.by_shape.items()
            if first.reads
        }
        return {name: read for name, read in found.items() if read}

    @cached_property
    def timing(self) -> Timing:
        def middle(name: str) -> float:
            return float(statistics.median(getattr(t, f"{name}_seconds") for t in self.timed))

        total = statistics.median(trace.seconds for trace in self.timed)
        names = ("database", "python", "rendering", "idle", "computed")
        return Timing(total, *map(middle, names))


def profile(handler: WSGIHandler, request: Request) -> Profiled:
    """Ask for it again and again; whatever it writes is undone."""
    probing.empty_caches()
    connections.close_all()
    found = Profiled(
        request=request,
        cold=once(handler, request),
        timed=[once(handler, request) for _ in range(WARM_RUNS)],
        warm=once(handler, request, detailed=True),
    )
    with undone():
        for name, (first, *_) in found.by_shape.items():
            if plan := plans.plan(first):
                found.plans[name] = plan
        tables = {table for plan in found.plans.values() for table in plan.scans}
        tables |= {asked.table for read in found.reads.values() for asked in read.tables.values()}
        # Not those of a full-text index, which have no rows and columns of their own.
        tables &= {m._meta.db_table for m in apps.get_models(include_auto_created=True)}
        found.rows_in = plans.rows_in(tables)
        found.indexes = {table: plans.indexes_of(connection, table) for table in tables}
    probe(handler, found)
    return found


def probe(handler: WSGIHandler, found: Profiled) -> None:
    request = found.request
    if found.is_read:
        far = max(found.rows_in.values(), default=0) - 1
        found.depth = probing.depth(handler, request, found.warm, min(far, 10_000))
        found.stampede = probing.stampede(handler, request, found.cold, found.warm)
        found.left_open = probing.left_open(handler, request)
    if found.timing.total - found.timing.database >= WORTH_SAMPLING_S:
        with undone():
            found.busiest = sampling.busiest(lambda: call(handler, request))


def once(handler: WSGIHandler, request: Request, *, detailed: bool = False) -> Trace:
    with undone():
        with recording(detailed=detailed) as trace:
            answer = call(handler, request)
        trace.status, trace.body, trace.error = answer
        return trace
