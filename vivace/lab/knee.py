"""The knee of an operation: the highest rate of arrivals at which its p99 stays under a target.

    bracket ──→ rates a ninth apart: one keeps the target, the other does not
    narrow  ──→ probes at the best guess so far, each of which makes it better

A probe is some seconds of arrivals at one rate. From its p99 follows the rate at which it would
just have kept the target, and the knee is the mean of the middle half of these: near it p99 is a
matter of luck, of how arrivals happen to clump and of what else the machine does. The clumps are
the same at every run: the probes have their schedules from fixed seeds.

Nothing here sends anything: a search is a generator that yields what to ask and is sent the probe.
"""

import math
from collections.abc import Generator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats  # type: ignore[import-untyped]

from vivace.lab.outcome import BUSY_CPU, LATE_MS
from vivace.lab.probed import Sent
from vivace.lab.results import Knee, Probe, ProbeOutcome

OPERATIONS: Mapping[str, str] = {
    "GET /artists (page)": "browse_artists",
    "GET /tracks (page)": "browse_tracks",
    "GET /tracks/{id}": "show_track",
    "POST /auth/login": "log_in_again",
    "GET /albums (page)": "browse_albums",
    "GET /artists (name)": "filter_artists_by_name",
    "GET /tracks (genre)": "filter_tracks_by_genre",
    "GET /tracks (title)": "filter_tracks_by_title",
    "GET /artists/{id}": "show_artist",
    "GET /albums/{id}": "show_album",
    "GET /albums/{id}/tracks": "tracks_of_an_album",
    "GET /search": "search",
}
"""By the names that the load tests give them: what their people do to ask for it."""
USUAL = ("GET /artists (page)", "GET /tracks (page)", "GET /tracks/{id}")

FIRST_RATE, LOWEST_RATE, HIGHEST_RATE = 64.0, 2.0, 50_000.0
SHORT_S, SHORT_SETTLE_S = 0.75, 0.25
"""Of a probe that looks for the bracket."""
HALVINGS = 3
SHORTEST_S, LONGEST_S, TARGETS_LONG = 2.5, 5.0, 25
SETTLE_S, TARGETS_TO_SETTLE = 0.5, 5
PROBES, MOST_PROBES = 16, 32
"""That narrow it down, the first of them each with a schedule of its own."""
WIDE = 0.05
"""So far are the ends of an interval apart where more probes are worth their time."""
TRIES = 4
"""Of a probe that is spoilt, before the search is given up."""
OTHERS_SHARE = 0.05
"""Of the server's cores: where others had more, a miss may be theirs."""

STEEPNESS = 12.0
"""Near the knee p99 rises so many times as steeply as the rate. It need not be exact: probes come
to lie on both sides of the knee, where what is wrong with it cancels out."""
FAR = math.log(4)
"""How far p99 is from the target, as a logarithm, says no more than this."""
RESAMPLES = 2_000
SEED = 1
"""Fixed, so that the same probes give the same interval."""


class Ask(NamedTuple):
    """A probe to be sent."""

    rate: float
    settle_s: float
    """Before it is measured."""
    seconds: float
    seed: int
    """Of the schedule."""


class Edge(NamedTuple):
    """The knee, with its 95 % interval."""

    rate: float
    low: float
    high: float


class Answer(NamedTuple):
    edge: Edge | None
    why: str
    """There is none; empty where there is."""


class NotFoundError(Exception):
    """There is no knee to be told; the message says why."""


Search = Generator[Ask, Probe, Answer]


def outcome(sent: Sent, others_share: float, target_ms: float) -> ProbeOutcome:
    """`void` where a miss need not be the server's.

    A failure or a refusal is a miss, however few.
    """
    if sent.p99_ms <= target_ms and not sent.failures and not sent.refusals:
        return "met"
    if generator_spoilt(sent) or others_share > OTHERS_SHARE:
        return "void"
    return "missed"


def generator_spoilt(sent: Sent | Probe) -> bool:
    return sent.generator_cpu >= BUSY_CPU or sent.generator_lag_ms > LATE_MS


# --- The search -------------------------------------------------------------------------------


def search(target_ms: float) -> Search:
    try:
        guess = yield from bracket()
        found = yield from narrow(guess, target_ms)
    except NotFoundError as error:
        return Answer(None, str(error))
    return Answer(found, "")


def bracket() -> Generator[Ask, Probe, float]:
    """A rate between two close ones, of which one keeps the target."""
    met, missed = yield from factor_of_two()
    for _ in range(HALVINGS):
        rate = math.sqrt(met * missed)
        probe = yield from best_of_two(rate)
        if probe.outcome == "met":
            met = rate
        else:
            missed = rate
    return math.sqrt(met * missed)


def factor_of_two() -> Generator[Ask, Probe, tuple[float, float]]:
    """A rate that keeps the target and twice as much, which does not."""
    rate = FIRST_RATE
    met = missed = None
    while met is None or missed is None:
        probe = yield from best_of_two(rate)
        if probe.outcome == "met":
            met, rate = rate, rate * 2
        else:
            missed, rate = rate, rate / 2
        if rate < LOWEST_RATE:
            raise NotFoundError(f"the target is missed at {probe.rate:g} a second: {said(probe)}")
        if rate > HIGHEST_RATE:
            raise NotFoundError(f"the target is kept at {probe.rate:,g} a second, too")
    return met, missed


def best_of_two(rate: float) -> Generator[Ask, Probe, Probe]:
    """A pause of the machine would make a single short probe miss at any rate."""
    probe = yield from asked(Ask(rate, SHORT_SETTLE_S, SHORT_S, 1))
    if probe.outcome == "met":
        return probe
    return (yield from asked(Ask(rate, SHORT_SETTLE_S, SHORT_S, 2)))


def narrow(guess: float, target_ms: float) -> Generator[Ask, Probe, Edge]:
    settle_s, seconds = lengths(target_ms)
    found: list[float] = []
    while len(found) < PROBES or (len(found) < MOST_PROBES and is_wide(edge(found))):
        # From the first again, so that long searches have the luck of short ones.
        seed = 1 + len(found) % PROBES
        probe = yield from asked(Ask(guess, settle_s, seconds, seed))
        found.append(told(probe, target_ms))
        guess = math.exp(centre(found))
    return edge(found)


def is_wide(found: Edge) -> bool:
    return found.high / found.low - 1 > WIDE


def lengths(target_ms: float) -> tuple[float, float]:
    """Seconds until a probe is measured, and for how many."""
    target_s = target_ms / 1_000
    measured_s = min(LONGEST_S, max(SHORTEST_S, TARGETS_LONG * target_s))
    return max(SETTLE_S, TARGETS_TO_SETTLE * target_s), measured_s


def asked(ask: Ask) -> Generator[Ask, Probe, Probe]:
    """A probe that says something of the server. Raises `NotFoundError` where none can."""
    probe = yield ask
    for _ in range(TRIES - 1):
        if probe.outcome == "void":
            probe = yield ask
    if probe.outcome != "void":
        return probe
    raise NotFoundError(spoilt(probe))


def spoilt(probe: Probe) -> str:
    if generator_spoilt(probe):
        return (
            f"the generator was the bottleneck at {probe.rate:,.0f} a second:"
            f" {probe.generator_cpu:.0%} of its processor,"
            f" timers {probe.generator_lag_ms:.0f} ms late"
        )
    return (
        f"others had {probe.others_share:.0%} of the server's processor cores when it missed the"
        f" target at {probe.rate:,.0f} a second"
    )


def said(probe: Probe) -> str:
    if probe.failures:
        return f"{probe.failures} of {probe.requests} failed: {probe.reason}"
    if probe.refusals:
        return f"{probe.refusals} of {probe.requests} were refused"
    return f"p99 is {probe.p99_ms:,.1f} ms"


def at_the_knee(found: Knee) -> Probe | None:
    """The probe whose rate is nearest to it."""
    if found.knee is None:
        return None
    rate = found.knee
    return min(found.probes, key=lambda probe: abs(probe.rate - rate), default=None)


# --- What probes say --------------------------------------------------------------------------


def told(probe: Probe, target_ms: float) -> float:
    """The logarithm of the rate at which the probe would just have kept the target.

    A failure or a refusal is as good as an answer that never came.
    """
    if probe.failures or probe.refusals:
        over = FAR
    else:
        over = math.log(max(probe.p99_ms, 0.001) / target_ms)
    return math.log(probe.rate) - min(FAR, max(-FAR, over)) / STEEPNESS


def centre(found: Any, axis: int = -1) -> Any:
    """The mean of the middle half: what the machine spoilt is in one of the outer quarters."""
    return stats.trim_mean(found, 0.25, axis=axis)


def edge(found: Sequence[float]) -> Edge:
    """With the interval by a bootstrap over the probes."""
    drawn = stats.bootstrap(
        (found,),
        centre,
        vectorized=True,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(SEED),
    )
    low, high = drawn.confidence_interval
    return Edge(*(math.exp(rate) for rate in (centre(found), low, high)))
