"""The file that each process of a load generator leaves (`recording`), to be merged (`outcome`).

Apart from both: recording needs Locust, which changes the process that imports it.
"""

from msgspec import Struct

from vivace.lab import results


class Seen(Struct):
    """What came of the requests to one endpoint."""

    histogram: str
    requests: int
    failures: int
    refusals: int
    bytes: int


class Tick(Struct):
    """One second since 1970, as this process saw it."""

    second: int
    users: int = 0
    requests: int = 0
    failures: int = 0
    refusals: int = 0
    cpu: float = 0.0


class Recorded(Struct):
    """The file of one process."""

    measured_from: float
    """Seconds since 1970, as all moments here."""
    measured_to: float
    endpoints: dict[str, Seen]
    failures: list[results.Failure]
    ticks: list[Tick]
    lag: str
