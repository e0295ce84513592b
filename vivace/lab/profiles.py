"""The load tests: who comes, how often, and what they are promised.

| profile       | users                                                                       |
|---------------|-----------------------------------------------------------------------------|
| assignment    | 100 who hardly pause: what the published figures of others imply            |
| thinking      | 100 who read for 1–3 s: politeness, not capacity                            |
| crowd         | 1,000 who do, from several generator processes                              |
| logins        | 100 who do nothing but log in, and five who read meanwhile                  |
| open          | arrivals on a schedule, whatever became of those before                     |
| frozen-open   | the same, and the server is stopped for 2 s: what an outage looks like      |
| frozen-closed | users who wait for their answers, and the same outage: what they do not see |
| shared        | those of assignment, on the same processors as the server                   |
"""

from typing import NamedTuple


class Promise(NamedTuple):
    """A limit that is stated before the run."""

    measure: str
    """One of `outcome.MEASURES`."""
    at_most: float | None = None
    at_least: float | None = None


class Profile(NamedTuple):
    name: str
    users: int
    spawn_rate: float
    seconds: float
    """In all, the time in which users come one by one included."""
    wait_s: tuple[float, float]
    processes: int
    promises: tuple[Promise, ...]
    rate: float | None = None
    """Arrivals a second; None where users wait for their answers."""
    freeze_s: float = 0.0
    script: str = "locustfile.py"
    """In `load/`, of those who wait for their answers."""

    apart: bool = True
    """Users and server have processors of their own, where there are several."""

    @property
    def ramp_s(self) -> float:
        """Until all users are there and have read their first pages."""
        return self.users / self.spawn_rate + SETTLE_SECONDS

    @property
    def is_open(self) -> bool:
        return self.rate is not None

    def altered(self, seconds: float | None, rate: float | None) -> "Profile":
        """Measured for so long, and with so many arrivals a second where they are counted."""
        changed = self
        if seconds:
            changed = changed._replace(seconds=changed.ramp_s + seconds)
        if rate and self.is_open:
            changed = changed._replace(rate=rate)
        return changed


SETTLE_SECONDS = 2.0

FEW_FAILURES = Promise("failures (%)", at_most=0.1)
FEW_REFUSALS = Promise("refusals (%)", at_most=0.1)
"""A refusal takes no time, and would make all else look better."""
# What is published of others: 402.1 requests a second, 220 ms on average, 350 ms for a login.
PUBLISHED = (
    FEW_REFUSALS,
    Promise("requests a second", at_least=402.1),
    Promise("mean of all (ms)", at_most=220),
    Promise("mean of logins (ms)", at_most=350),
)

# With either database, of the two cores on which the generator runs, too.
OF_ONE_MACHINE = (
    Promise("failures (%)", at_most=0),
    FEW_REFUSALS,
    Promise("requests a second", at_least=2_500),
    Promise("mean of logins (ms)", at_most=150),
)

OF_HASHES = "logins per hash that its processors can make (%)"
"""Told where the server is the lab's own."""
# Whoever reads meanwhile has the rest.
LOGINS = (
    Promise("failures (%)", at_most=0),
    Promise("refusals (%)", at_most=0),
    Promise(OF_HASHES, at_least=90),
    Promise("p99 of reads (ms)", at_most=100),
)


def quick(limit_ms: float) -> tuple[Promise, ...]:
    return FEW_FAILURES, FEW_REFUSALS, Promise("p99 of reads (ms)", at_most=limit_ms)


HURRIED, THINKING, EVERY_TENTH = (0.03, 0.03), (1.0, 3.0), (0.1, 0.1)
NOBODY_WAITS = (0.0, 0.0)

PROFILES = {
    profile.name: profile
    for profile in (
        Profile("assignment", 100, 10, 120, HURRIED, 1, (FEW_FAILURES, *PUBLISHED)),
        Profile("thinking", 100, 10, 60, THINKING, 1, quick(100)),
        # 15 log in a second: with Argon2id a core checks some 50, and has the rest to serve.
        Profile("crowd", 1_000, 15, 130, THINKING, 2, quick(1_000)),
        Profile("logins", 105, 20, 60, NOBODY_WAITS, 1, LOGINS, script="logins.py"),
        Profile("open", 1, 1, 60, NOBODY_WAITS, 1, quick(100), rate=100),
        Profile("frozen-open", 1, 1, 25, NOBODY_WAITS, 1, (FEW_FAILURES,), rate=100, freeze_s=2),
        Profile("frozen-closed", 10, 10, 25, EVERY_TENTH, 1, (FEW_FAILURES,), freeze_s=2),
        Profile("shared", 100, 10, 120, HURRIED, 1, OF_ONE_MACHINE, apart=False),
    )
}
