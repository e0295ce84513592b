"""What the figures mean, by rules that are written down: findings, recommendations, the grade."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from vivace.lab import rules
from vivace.lab.ablations import optimisations
from vivace.lab.evidence import Evidence, Promise
from vivace.lab.rules import Finding, Tone
from vivace.lab.wording import STACK_NAMES, exact, figure, interval, listed, percent, times

Rule = Callable[[Evidence], Iterator[Finding]]

RULES: dict[Rule, str] = {
    rules.missed_goals: "A benchmark's median is over its goal.",
    rules.missed_memory: "A benchmark's memory is over its goal.",
    rules.missed_targets: "A load test misses a target.",
    rules.missed_trials: "A trial misses a goal.",
    rules.spoilt_trials: "A trial went wrong, and none of its goals counts as met.",
    rules.no_verdict: "A load test broke off, or its generator was the bottleneck.",
    rules.failures: (
        f"More than {exact(100 * rules.FAILURE_RATE)} % of the requests of a load test failed."
    ),
    rules.refusals: "The server refused requests (429, 503).",
    rules.tails: f"The p99 of a load test is over {exact(rules.TAIL_FACTOR)} times its median.",
    rules.slowest: "The endpoints with the highest p99 of load tests.",
    rules.frozen: (
        f"With the server stopped, the p99 of open arrivals is within"
        f" {exact(100 * rules.THEORY_SHARE)} % of theory; the closed p99 beside it."
    ),
    rules.noise: "The 95 % interval of an A/A control leaves out 1.",
    rules.paces: (
        "Work that is always the same took, before or after a measurement, over"
        f" {exact(rules.PACE_FACTOR)} times as long as mostly, or as many times shorter."
    ),
    rules.depth: f"The last page costs at most {rules.DEPTH_FACTOR} times the first.",
    rules.growth: (
        f"Among the most records an operation costs at most {exact(rules.GROWTH_FACTOR)} times"
        " what it costs among the fewest, by the row where it reads or writes more there."
    ),
    rules.databases: "SQLite and PostgreSQL on the same benchmarks.",
    rules.profiled: "The profile of an operation finds a defect that is not explained.",
    rules.ablated: "An optimisation that is switched off: what it slows, and what they are worth.",
    rules.slower: "An operation is slower than at another revision.",
    rules.counts_more: "An operation counts to more than at another revision; nobody accepted it.",
    rules.gains: "The 95 % interval of a ratio of before and after leaves out 1.",
    rules.met_promises: "Goals and targets that are met, all together.",
}
TONES: tuple[Tone, ...] = ("bad", "note", "good")


def findings(evidence: Evidence) -> list[Finding]:
    """What went wrong first, of that the weightiest first."""
    found = [finding for rule in RULES for finding in rule(evidence)]
    return sorted(found, key=lambda finding: (TONES.index(finding.tone), -finding.weight))


# --- Recommendations --------------------------------------------------------------------------


class Recommendation(NamedTuple):
    gain: float
    """As a factor; recommendations are told by it."""
    text: str
    where: str
    anchor: str


def keep(evidence: Evidence) -> Iterator[Recommendation]:
    """What has been gained and must not be lost."""
    for case in evidence.cases:
        for database, change in case.changes.items():
            ratio = change.ratio
            if ratio.low > 1:
                text = (
                    f"{case.title} on {STACK_NAMES[database]}: {times(ratio.ratio)}"
                    f" ({interval(ratio.low, ratio.high)}) as fast as plain Django REST framework."
                )
                where = case.where("extra_info.pairs", database)
                yield Recommendation(ratio.ratio, text, where, "before-after")


def keep_optimisations(evidence: Evidence) -> Iterator[Recommendation]:
    for each in optimisations(evidence.ablations):
        sure = {database: c.ratio for database, c in each.on.items() if c.ratio.low > 1}
        if sure:
            longer = listed(
                f"{times(ratio.ratio)} ({interval(ratio.low, ratio.high)}) as long on"
                f" {STACK_NAMES[database]}"
                for database, ratio in sure.items()
            )
            text = f"{each.row.what}: without, {each.row.asked} takes {longer}."
            gain = max(ratio.ratio for ratio in sure.values())
            yield Recommendation(gain, text, each.where(*sure), f"ablation-{each.row.name}")


def reach_goals(evidence: Evidence) -> Iterator[Recommendation]:
    for promise in evidence.promises:
        if not promise.met:
            text = f"{promise.what}: {from_to(promise)}."
            yield Recommendation(promise.factor, text, promise.where, promise.anchor)


def from_to(promise: Promise) -> str:
    unit = f" {promise.unit}" if promise.unit else ""
    way = f"from {figure(promise.measured)}{unit} to {exact(promise.limit)}{unit}"
    return way if promise.factor == float("inf") else f"{way}, a factor of {figure(promise.factor)}"


def win_back(evidence: Evidence) -> Iterator[Recommendation]:
    """What was faster at another revision."""
    for comparison in evidence.comparisons:
        for each in comparison.slower:
            text = (
                f"{each.operation}: as fast as in {comparison.result.first} again, a factor of"
                f" {figure(each.change.ratio)}."
            )
            where = comparison.where(f"operations[{each.operation}]")
            yield Recommendation(each.change.ratio, text, where, "revisions")


def shorten_the_worst(evidence: Evidence) -> Iterator[Recommendation]:
    """The endpoint with the highest p99 of all load tests."""
    asked = [(load, *load.slowest()[0]) for load in evidence.undisturbed if load.slowest()]
    if asked:
        load, endpoint, latency = max(asked, key=lambda found: found[2].at(99))
        p99, p50 = latency.at(99), latency.at(50)
        text = (
            f"{endpoint.name} has the highest p99 of all load tests, {figure(p99)} ms in"
            f" {load.title}: {figure(p99 / p50)} times its median of {figure(p50)} ms."
        )
        where = load.where(f"endpoints[{endpoint.name}].histogram")
        yield Recommendation(p99 / p50, text, where, load.anchor)


GAINED: tuple[Callable[[Evidence], Iterator[Recommendation]], ...] = (
    keep,
    keep_optimisations,
)
TO_GAIN: tuple[Callable[[Evidence], Iterator[Recommendation]], ...] = (
    reach_goals,
    win_back,
    shorten_the_worst,
)


def recommendations(
    evidence: Evidence, sources: tuple[Callable[[Evidence], Iterator[Recommendation]], ...]
) -> list[Recommendation]:
    """The largest gain first."""
    found = [each for source in sources for each in source(evidence)]
    return sorted(found, key=lambda each: -each.gain)


# --- The grade --------------------------------------------------------------------------------


class Grade(NamedTuple):
    letter: str
    promises_met: float
    """The least share."""
    failure_rate: float
    """The most, over all load tests in which nobody stopped the server."""


GRADES = (
    Grade("A", 0.95, 0.001),
    Grade("B", 0.85, 0.01),
    Grade("C", 0.70, 0.02),
    Grade("D", 0.50, 0.05),
    Grade("E", 0.0, 1.0),
)


class Verdict(NamedTuple):
    letter: str
    """A dash where nothing was promised."""
    text: str


def verdict(evidence: Evidence) -> Verdict:
    """The first of `GRADES` that the evidence reaches in both."""
    if not evidence.promises:
        return Verdict("–", "No grade: nothing that was measured had a goal or a target.")
    share, rate = promises_met(evidence), failure_rate(evidence)
    grade = next(g for g in GRADES if share >= g.promises_met and (rate or 0) <= g.failure_rate)
    met = sum(promise.met for promise in evidence.promises)
    text = f"{met} of {len(evidence.promises)} goals and targets are met ({percent(share)}); " + (
        "no load test was run." if rate is None else f"{percent(rate)} of all requests failed."
    )
    return Verdict(grade.letter, text)


def promises_met(evidence: Evidence) -> float:
    return sum(promise.met for promise in evidence.promises) / len(evidence.promises)


def failure_rate(evidence: Evidence) -> float | None:
    """None where no request was sent."""
    requests = sum(load.requests for load in evidence.undisturbed)
    if not requests:
        return None
    return sum(load.failures for load in evidence.undisturbed) / requests
