"""What is counted while it serves, in the terms of Prometheus.

The processes of a node count into files of one folder, which `PROMETHEUS_MULTIPROC_DIR` names, so
that whichever is asked tells of all. Without it each tells of itself.
"""

import os

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = CONTENT_TYPE_LATEST
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)

requests = Counter("vivace_requests", "Requests answered", ["method", "route", "status"])
request_seconds = Histogram(
    "vivace_request_seconds", "Until the answer began", ["route"], buckets=SECONDS
)
stored_answers = Counter(
    "vivace_stored_answers",
    "Answers that may be kept: known to the client, kept in the process, shared, or made",
    ["outcome"],
)
hashed = Counter("vivace_passwords_hashed", "Passwords hashed, most of them to check a login")
hashing = Gauge(
    "vivace_hashing", "Passwords that are hashed or wait for it", multiprocess_mode="livesum"
)


def exposition() -> bytes:
    """All of it, in Prometheus' text format."""
    if FOLDER not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
