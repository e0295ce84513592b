"""What is counted while it serves, in the terms of Prometheus.

The processes of a node count into files of one folder, which `PROMETHEUS_MULTIPROC_DIR` names, so
that whichever is asked tells of all. Without it each tells of itself.
"""

import os
from collections.abc import Iterable, Iterator
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

from vivace.tallies import Labels, Tally, Times

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = CONTENT_TYPE_LATEST
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)

hashed = Counter("vivace_passwords_hashed", "Passwords hashed, most of them to check a login")
hashing = Gauge(
    "vivace_hashing", "Passwords that are hashed or wait for it", multiprocess_mode="livesum"
)
LABELS = "method", "route", "status", "outcome"
"""The last one of stored answers; of others nothing."""
requests = Tally(LABELS, SECONDS, os.environ.get(FOLDER))


class Requests(Collector):
    """What was noted of all requests."""

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that nothing is read before it is asked for."""
        return []

    def collect(self) -> Iterator[Metric]:
        noted = [*requests.all()]
        answered = CounterMetricFamily(
            "vivace_requests", "Requests answered", labels=["method", "route", "status"]
        )
        for labels, (_, *counts) in together(noted, "method", "route", "status").items():
            answered.add_metric(labels, sum(counts))
        yield answered

        took = HistogramMetricFamily(
            "vivace_request_seconds", "Until the answer began", labels=["route"]
        )
        bounds = [*map(floatToGoString, SECONDS), "+Inf"]
        for labels, (seconds, *counts) in together(noted, "route").items():
            took.add_metric(labels, [*zip(bounds, accumulate(counts), strict=True)], seconds)
        yield took

        stored = CounterMetricFamily(
            "vivace_stored_answers",
            "Lists and things of the catalogue: known to the client, kept here, shared, or made",
            labels=["outcome"],
        )
        for labels, (_, *counts) in together(noted, "outcome").items():
            if labels != ("",):
                stored.add_metric(labels, sum(counts))
        yield stored


def together(noted: Iterable[Times], *names: str) -> dict[Labels, list[float]]:
    """The numbers of all requests, by some of their labels."""
    at = [LABELS.index(name) for name in names]
    found: dict[Labels, list[float]] = {}
    for each in noted:
        labels = tuple(each.labels[place] for place in at)
        known = found.get(labels, [0.0] * len(each.numbers))
        found[labels] = [*map(add, known, each.numbers)]
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
