"""What the processes of a load test recorded, as one result with its verdict."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from vivace.lab import histogram, results
from vivace.lab.machine import machine, versions
from vivace.lab.profiles import OF_HASHES, Profile, Promise
from vivace.lab.recorded import Recorded, Tick
from vivace.lab.results import LoadResult, Pace
from vivace.lab.stacks import Cores, Served
from vivace.lab.watch import Cost

PACKAGES = (
    "Django", "django-modern-rest", "msgspec", "granian", "gunicorn", "psycopg", "redis", "locust",
    "hdrhistogram",
)  # fmt: skip

LOGIN = "POST /auth/login"
BUSY_CPU = 0.9
"""Of a processor core: a generator that uses more sends late, and measures itself."""
LATE_MS = 10.0
"""What the timers of a generator may be late, at their 99th percentile."""


class Test(NamedTuple):
    """What is tested with whom."""

    profile: Profile
    stack: results.Stack
    server: Served
    cores: Cores


class Merged(NamedTuple):
    """What all generator processes recorded, as one."""

    measured_from: float
    seconds: float
    endpoints: list[results.Endpoint]
    failures: list[results.Failure]
    ticks: list[list[Tick]]
    """Of each process."""
    lag: str
    hashes: float | None = None
    """A second, by the server's processors when they do nothing else; None where nobody asked."""

    @property
    def requests(self) -> int:
        return sum(each.requests for each in self.endpoints)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds if self.seconds else 0.0


class Ran(NamedTuple):
    merged: Merged
    costs: Sequence[Cost]
    frozen_at: float | None
    broke: str
    """Why the run did not go to its end; empty where it did."""
    server_ended: bool = False
    """Whether that was the server's doing: then no promise counts as kept."""


def recorded(folder: Path) -> list[Recorded]:
    """The files of the processes that sent something."""
    found = [results.decoded(path, Recorded) for path in sorted(folder.glob("[0-9]*.json"))]
    return [each for each in found if each.endpoints or each.ticks]


def merge(parts: Sequence[Recorded]) -> Merged:
    sending = [part for part in parts if part.endpoints]
    if not sending:
        return Merged(time.time(), 0.0, [], [], [part.ticks for part in parts], merged_lag(parts))
    measured_from = max(part.measured_from for part in sending)
    measured_to = min(part.measured_to for part in sending)
    names = sorted({name for part in sending for name in part.endpoints})
    return Merged(
        measured_from=measured_from,
        seconds=max(0.001, measured_to - measured_from),
        endpoints=[merged_endpoint(name, sending) for name in names],
        failures=merged_failures(sending),
        ticks=[part.ticks for part in sending],
        lag=merged_lag(sending),
    )


def merged_lag(parts: Iterable[Recorded]) -> str:
    return histogram.encode(histogram.merged(part.lag for part in parts))


def merged_endpoint(name: str, parts: Iterable[Recorded]) -> results.Endpoint:
    seen = [part.endpoints[name] for part in parts if name in part.endpoints]
    return results.Endpoint(
        name=name,
        requests=sum(each.requests for each in seen),
        failures=sum(each.failures for each in seen),
        refusals=sum(each.refusals for each in seen),
        bytes=sum(each.bytes for each in seen),
        histogram=histogram.encode(histogram.merged(each.histogram for each in seen)),
    )


def merged_failures(parts: Iterable[Recorded]) -> list[results.Failure]:
    counts: defaultdict[tuple[str, str], int] = defaultdict(int)
    for part in parts:
        for failure in part.failures:
            counts[failure.endpoint, failure.reason] += failure.count
    ordered = sorted(counts.items(), key=lambda counted: (-counted[1], counted[0]))
    return [
        results.Failure(endpoint=endpoint, reason=reason, count=count)
        for (endpoint, reason), count in ordered
    ]


def busiest(merged: Merged, cores: Cores) -> tuple[float, float]:
    """Mean and peak, while it was measured, of what holds the generator back first.

    That is its busiest process, or where they share cores, the cores.
    """
    shares = [
        share for second, share in shares_by_second(merged, cores).items()
        if merged.measured_from <= second < merged.measured_from + merged.seconds
    ]  # fmt: skip
    return (sum(shares) / len(shares), max(shares)) if shares else (0.0, 0.0)


def shares_by_second(merged: Merged, cores: Cores) -> dict[int, float]:
    used: defaultdict[int, list[float]] = defaultdict(list)
    for ticks in merged.ticks:
        for tick in ticks:
            used[tick.second].append(tick.cpu)
    width = max(1, len(cores.generator))
    return {second: max(*cpus, sum(cpus) / width) for second, cpus in used.items()}


def timeline(ran: Ran, cores: Cores) -> list[results.Second]:
    shares = shares_by_second(ran.merged, cores)
    costs = {cost.second: cost for cost in ran.costs}
    by_second: defaultdict[int, list[Tick]] = defaultdict(list)
    for ticks in ran.merged.ticks:
        for tick in ticks:
            by_second[tick.second].append(tick)
    if not by_second:
        return []
    first = min(by_second)
    nothing = Cost(0, 0.0, 0.0)
    return [
        results.Second(
            second=second - first,
            users=sum(tick.users for tick in by_second[second]),
            requests=sum(tick.requests for tick in by_second[second]),
            failures=sum(tick.failures for tick in by_second[second]),
            refusals=sum(tick.refusals for tick in by_second[second]),
            server_cpu=round(costs.get(second, nothing).cpu, 3),
            server_mb=round(costs.get(second, nothing).memory_mb, 1),
            generator_cpu=round(shares.get(second, 0.0), 3),
        )
        for second in range(first, max(by_second) + 1)
    ]


def described(
    test: Test, started_at: datetime, pace: Pace, floor: results.Floor, ran: Ran
) -> LoadResult:
    """The result file's content."""
    profile, server, cores, merged = test.profile, test.server, test.cores, ran.merged
    measured = [
        cost for cost in ran.costs
        if merged.measured_from <= cost.second < merged.measured_from + merged.seconds
    ]  # fmt: skip
    cpu_mean, cpu_peak = busiest(merged, cores)
    cpu_server = sum(cost.cpu for cost in measured) / max(1, len(measured))
    seconds = timeline(ran, cores)
    first = min((tick.second for ticks in merged.ticks for tick in ticks), default=0)
    told = [each for each in profile.promises if each.measure != OF_HASHES or merged.hashes]
    targets = [kept(promise, merged) for promise in told] if merged.endpoints else []
    generator = results.Generator(
        processes=max(1, len(merged.ticks)), cpu_mean=cpu_mean, cpu_peak=cpu_peak, lag=merged.lag
    )
    if ran.server_ended:
        targets = [msgspec.structs.replace(each, met=False) for each in targets]
    verdict, why = judged(ran, generator, targets, apart=profile.apart)
    return LoadResult(
        profile=profile.name,
        stack=test.stack,
        remote=server.base if test.stack == "other" else None,
        started_at=started_at.isoformat(timespec="seconds"),
        machine=machine(),
        pace=pace,
        versions=versions(PACKAGES, **server.programs),
        data=server.data,
        settings=server.settings,
        open=profile.is_open,
        users=profile.users,
        spawn_rate=profile.spawn_rate,
        wait_s=profile.wait_s,
        rate=profile.rate,
        seconds=merged.seconds,
        endpoints=merged.endpoints,
        failures=merged.failures,
        timeline=seconds,
        measured_from_s=max(0.0, merged.measured_from - first) if seconds else 0.0,
        server=results.Server(
            what=server.what,
            cpu_mean=cpu_server,
            memory_peak_mb=max((cost.memory_mb for cost in measured), default=0.0),
            cores=list(cores.server) if cores.apart and server.pids else [],
        ),
        generator=generator,
        floor=floor,
        freeze=frozen(profile, ran, first, min(1.0, cpu_server / max(1, len(cores.server)))),
        targets=targets,
        verdict=verdict,
        why=why,
    )


def frozen(profile: Profile, ran: Ran, first: int, busy: float) -> results.Freeze | None:
    """Of arrivals at even intervals over T seconds, those in a pause of d wait for its end.

    They are served one after the other then, so that of those who came x seconds before it the
    wait is x and the work on those ahead of them: d − (d − x)·(1 − ρ), where the server is busy
    for a share ρ of its time. One in a hundred of all came in the first T/100 seconds of it.
    """
    if ran.frozen_at is None:
        return None
    theory_s = profile.freeze_s - ran.merged.seconds / 100 * (1 - busy)
    return results.Freeze(
        at_s=ran.frozen_at - first,
        seconds=profile.freeze_s,
        p99_theory_ms=max(0.0, theory_s) * 1_000,
    )


# --- Promises -----------------------------------------------------------------------------------


def all_of(merged: Merged, start: str = "") -> Any:
    """The histogram of the endpoints whose names start so."""
    named = (each for each in merged.endpoints if each.name.startswith(start))
    return histogram.merged(each.histogram for each in named)


def logins_per_second(merged: Merged) -> float:
    """Those that were answered."""
    found = (each for each in merged.endpoints if each.name == LOGIN)
    answered = sum(each.requests - each.failures - each.refusals for each in found)
    return answered / merged.seconds if merged.seconds else 0.0


def share_of_hashes(merged: Merged) -> float:
    """Of all that the server's processors could hash, in percent."""
    return 100 * logins_per_second(merged) / merged.hashes if merged.hashes else 0.0


MEASURES: Mapping[str, Callable[[Merged], float]] = {
    "failures (%)": lambda m: 100 * sum(e.failures for e in m.endpoints) / max(1, m.requests),
    "refusals (%)": lambda m: 100 * sum(e.refusals for e in m.endpoints) / max(1, m.requests),
    "requests a second": lambda m: m.rate,
    OF_HASHES: share_of_hashes,
    "mean of all (ms)": lambda m: histogram.mean_ms(all_of(m)),
    "mean of logins (ms)": lambda m: histogram.mean_ms(all_of(m, LOGIN)),
    "p99 of reads (ms)": lambda m: histogram.percentiles(all_of(m, "GET"), [99.0])[99.0],
}


def kept(promise: Promise, merged: Merged) -> results.Target:
    measured = MEASURES[promise.measure](merged)
    if promise.at_most is not None:
        what, limit, met = "at most", promise.at_most, measured <= promise.at_most
    else:
        what, limit = "at least", promise.at_least or 0.0
        met = measured >= limit
    return results.Target(
        what=f"{promise.measure}, {what}", limit=limit, measured=measured, met=met
    )


def judged(
    ran: Ran, generator: results.Generator, targets: Sequence[results.Target], *, apart: bool
) -> tuple[Literal["met", "missed", "none"], str]:
    """The verdict and its reason.

    Users who are not `apart` from the server are late where that has the processor: what they
    were late by is the server's.
    """
    if ran.broke:
        return "missed" if ran.server_ended else "none", ran.broke
    if not ran.merged.endpoints:
        return "none", "no request had an end"
    late_ms = histogram.percentiles(histogram.decode(generator.lag), [99.0])[99.0]
    if generator.cpu_mean >= BUSY_CPU:
        return (
            "none",
            f"the generator was the bottleneck: {generator.cpu_mean:.0%} of its processor",
        )
    if apart and late_ms > LATE_MS:
        return "none", f"the generator was the bottleneck: its timers were {late_ms:.0f} ms late"
    if missed := [target.what.partition(",")[0] for target in targets if not target.met]:
        return "missed", ", ".join(missed)
    return "met", ""
