"""What the generator of probes is told and what it answers, a line of JSON each.

Apart from both: `load.probes` needs gevent, which changes the process that imports it.
"""

import random

from msgspec import Struct

CONNECTIONS = 768
"""Of the generator: more than may wait at a server, which would else refuse nobody, and fewer than
the files that a process usually may open. An arrival that finds all of them in use waits for one,
and its latency goes on."""


class Order(Struct):
    """One probe: arrivals of one operation, at a rate, for some seconds.

    It begins with a clump, as long a queue as the target allows: a rate that the server cannot
    keep up with never works that off, however short the probe. What is due before `settle_s` is
    not counted.
    """

    operation: str
    """By its name in the load tests."""
    task: str
    """What one of their people does to ask for it."""
    rate: float
    """Arrivals a second."""
    clump: int
    """Arrivals at once, at the beginning."""
    settle_s: float
    seconds: float
    """For which it is measured, after that."""
    seed: int
    """Of the moments: the same at every run."""

    def moments(self) -> list[float]:
        """When arrivals are due, in order and in seconds; those below zero do not count.

        By the same seed most are the same at another rate.
        """
        drawn = random.Random(self.seed)
        settling, measured = random.Random(drawn.random()), random.Random(drawn.random())
        before = round(self.rate * self.settle_s)
        counting = max(1, round(self.rate * self.seconds))
        return sorted(
            [-self.settle_s] * self.clump
            + [-settling.random() * self.settle_s for _ in range(before)]
            + [measured.random() * self.seconds for _ in range(counting)]
        )


class Sent(Struct, kw_only=True):
    """What came of the arrivals of an order."""

    requests: int
    """As many as arrived while it was measured: answered, refused or failed."""
    failures: int
    """Wrong answers, errors, and what had no answer."""
    refusals: int
    """429 and 503."""
    refused_p99_ms: float = 0.0
    """Of these alone; 0 where there was none."""
    reason: str
    """Of most failures; empty where there was none."""
    p50_ms: float
    """From the moment a request was due, like p99."""
    p99_ms: float
    generator_cpu: float
    """Cores, while the arrivals came."""
    generator_lag_ms: float
    """How late the generator's own timers were at their 99th percentile."""
