"""What is counted while it serves, in the terms of Prometheus.

The processes of a node count into files of one folder, which `PROMETHEUS_MULTIPROC_DIR` names, so
that whichever is asked tells of all. Without it each tells of itself.
"""

import os
from collections.abc import Iterator
from itertools import accumulate
from operator import add

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    generate_latest,
    multiprocess,
)
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from vivace.tallies import Labels, Tally

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = CONTENT_TYPE_LATEST
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)

hashed = Counter("vivace_passwords_hashed", "Passwords hashed, most of them to check a login")
hashing = Gauge(
    "vivace_hashing", "Passwords that are hashed or wait for it", multiprocess_mode="livesum"
)
requests = Tally(SECONDS, os.environ.get(FOLDER))
"""By method, route, status, and outcome: what a stored answer's was, or nothing."""
METHOD, ROUTE, STATUS, OUTCOME = range(4)


class Requests(Collector):
    """What was noted of all requests."""

    def collect(self) -> Iterator[Metric]:
        answered = CounterMetricFamily(
            "vivace_requests", "Requests answered", labels=["method", "route", "status"]
        )
        for labels, (_, *counts) in together(METHOD, ROUTE, STATUS).items():
            answered.add_metric(labels, sum(counts))
        yield answered

        took = HistogramMetricFamily(
            "vivace_request_seconds", "Until the answer began", labels=["route"]
        )
        bounds = [*map(floatToGoString, SECONDS), "+Inf"]
        for labels, (seconds, *counts) in together(ROUTE).items():
            took.add_metric(labels, [*zip(bounds, accumulate(counts), strict=True)], seconds)
        yield took

        stored = CounterMetricFamily(
            "vivace_stored_answers",
            "Answers that may be kept: known to the client, kept in the process, shared, or made",
            labels=["outcome"],
        )
        for labels, (_, *counts) in together(OUTCOME).items():
            if labels != ("",):
                stored.add_metric(labels, sum(counts))
        yield stored


def together(*by: int) -> dict[Labels, list[float]]:
    """The numbers of all requests, by some of their labels."""
    found: dict[Labels, list[float]] = {}
    for each in requests.all():
        labels = tuple(each.labels[label] for label in by)
        found[labels] = (
            [*map(add, found[labels], each.numbers)] if labels in found else each.numbers
        )
    return found


REGISTRY.register(Requests())


def exposition() -> bytes:
    """All of it, in Prometheus' text format."""
    if FOLDER not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    registry.register(Requests())
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
