"""The rules behind the findings: what each says of the evidence, if anything.

A rule yields nothing where its figures were not measured, and says how weighty a finding is as a
factor: findings of a kind are told by it, the weightiest first.
"""

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Literal, NamedTuple

from msgspec.structs import astuple

from vivace.lab import gate
from vivace.lab.ablations import Optimisation, optimisations
from vivace.lab.cases import Case, Change
from vivace.lab.evidence import Evidence, Promise
from vivace.lab.loads import Load
from vivace.lab.profile import told
from vivace.lab.results import DATABASES, Database, Freeze
from vivace.lab.verdicts import LEAST
from vivace.lab.wording import (
    STACK_NAMES,
    count,
    exact,
    figure,
    interval,
    listed,
    percent,
    plural,
    times,
)

FAILURE_RATE = 0.01
TAIL_FACTOR = 10.0
"""p99 over p50: above it, one request in a hundred has a wait of another kind."""
DEPTH_FACTOR = 1.3
"""What the last page may cost of the first."""
GROWTH_FACTOR = 3.0
"""What an operation may cost among the most records of what it does among the fewest; by the row
where it reads or writes more of them there."""
THEORY_SHARE = 0.05
PACE_FACTOR = 1.2
DIFFERENT = 1 + LEAST
"""Where the whole interval is beyond it an ablation shows a difference: what lies elsewhere in
memory takes as much longer or shorter."""
"""By more than this the machine is another than it mostly was."""

Tone = Literal["bad", "note", "good"]


class Finding(NamedTuple):
    tone: Tone
    text: str
    where: str
    """The raw data."""
    anchor: str
    """The same in the report."""
    weight: float = 1.0


def missed_goals(evidence: Evidence) -> Iterator[Finding]:
    return (missed(goal) for goal in evidence.goals if goal.unit != "MB" and not goal.met)


def missed_memory(evidence: Evidence) -> Iterator[Finding]:
    return (missed(goal) for goal in evidence.goals if goal.unit == "MB" and not goal.met)


def missed_targets(evidence: Evidence) -> Iterator[Finding]:
    return (missed(target) for target in evidence.targets if not target.met)


def missed_trials(evidence: Evidence) -> Iterator[Finding]:
    sound = (trial for trial in evidence.trials if not trial.result.wrong)
    return (missed(goal) for trial in sound for goal in trial.promises if not goal.met)


def spoilt_trials(evidence: Evidence) -> Iterator[Finding]:
    for trial in evidence.trials:
        if trial.result.wrong:
            text = f"{trial.title} says nothing: {listed(trial.result.wrong)}."
            yield Finding("bad", text, f"{trial.file} › wrong", "trials")


def missed(promise: Promise) -> Finding:
    text = f"{promise.what}: {measured(promise)}, {by_how_much(promise)}."
    return Finding("bad", text, promise.where, promise.anchor, promise.factor)


def measured(promise: Promise) -> str:
    unit = f" {promise.unit}" if promise.unit else ""
    return f"{figure(promise.measured)}{unit} where {exact(promise.limit)}{unit} was promised"


def by_how_much(promise: Promise) -> str:
    if promise.factor == float("inf"):
        return "missed"
    return f"missed by a factor of {figure(promise.factor)}"


def met_promises(evidence: Evidence) -> Iterator[Finding]:
    """One finding for all: each stands in its table."""
    met = [promise for promise in evidence.promises if promise.met]
    if not met:
        return
    room = max(met, key=lambda promise: promise.factor if promise.factor < float("inf") else 0)
    text = (
        f"{len(met)} of {plural(len(evidence.promises), 'goal and target', 'goals and targets')}"
        f" are met. The most room has {room.what}: {measured(room)}."
    )
    yield Finding("good", text, room.where, room.anchor)


def depth(evidence: Evidence) -> Iterator[Finding]:
    for database in DATABASES:
        ends = {case.page: case for case in evidence.cases if case.page and database in case.on}
        if "first" in ends and "last" in ends:
            yield pages_compared(ends["first"], ends["last"], database)


def pages_compared(first: Case, last: Case, database: Database) -> Finding:
    factor = last.median(database) / first.median(database)
    text = (
        f"On {STACK_NAMES[database]} the last page takes {figure(factor)} times as long as the"
        f" first ({last.title}); at most {DEPTH_FACTOR} was the aim."
    )
    tone: Tone = "good" if factor <= DEPTH_FACTOR else "bad"
    return Finding(tone, text, last.where("stats.median", database), last.anchor, factor)


def growth(evidence: Evidence) -> Iterator[Finding]:
    """What costs much more among more records; one finding for all that does not."""
    for database in DATABASES:
        found = [
            sizes_compared(operation, there, database)
            for operation, cases in evidence.at_sizes().items()
            if len(there := [case for case in cases if database in case.on]) > 1
        ]
        yield from (each for each in found if each.tone != "good")
        if flat := [each for each in found if each.tone == "good"]:
            most = max(flat, key=lambda each: each.weight)
            text = (
                f"{len(flat)} of {plural(len(found), 'operation')} on {STACK_NAMES[database]} cost"
                f" at most {exact(GROWTH_FACTOR)} times as much among the most records. The most:"
                f" {most.text}"
            )
            yield most._replace(text=text)


def sizes_compared(operation: str, cases: Sequence[Case], database: Database) -> Finding:
    few, many = cases[0], cases[-1]
    more = (many.info.rows or 1) / (few.info.rows or 1)
    factor = many.median(database) / few.median(database) / more
    text = (
        f"{operation} on {STACK_NAMES[database]} among {many.info.records:,} records takes"
        f" {figure(factor)} times what it takes among {few.info.records:,}"
        + (", by the row." if more != 1 else ".")
    )
    tone: Tone = "good" if factor <= GROWTH_FACTOR else "note"
    return Finding(tone, text, many.where("stats.median", database), "growth", factor)


def failures(evidence: Evidence) -> Iterator[Finding]:
    for load in evidence.loads:
        if load.failure_rate > FAILURE_RATE:
            text = (
                f"{percent(load.failure_rate)} of the requests of {load.title} failed:"
                f" {load.failures:,} of {load.requests:,}."
            )
            weight = load.failure_rate / FAILURE_RATE
            yield Finding("bad", text, load.where("endpoints[*].failures"), load.anchor, weight)


def refusals(evidence: Evidence) -> Iterator[Finding]:
    for load in evidence.loads:
        if load.refusals:
            text = (
                f"The server refused {percent(load.refusal_rate)} of the requests of {load.title}"
                f" in time (429 or 503): {load.refusals:,} of {load.requests:,}."
            )
            yield Finding("note", text, load.where("endpoints[*].refusals"), load.anchor)


def tails(evidence: Evidence) -> Iterator[Finding]:
    for load in evidence.undisturbed:
        p50, p99 = load.all.at(50), load.all.at(99)
        if p99 > TAIL_FACTOR * p50:
            text = (
                f"The tail of {load.title} is long: p99 is {figure(p99)} ms,"
                f" {figure(p99 / p50)} times the median of {figure(p50)} ms."
            )
            where = load.where("endpoints[*].histogram, merged")
            yield Finding("note", text, where, load.anchor, p99 / p50)


def slowest(evidence: Evidence) -> Iterator[Finding]:
    """Of each endpoint that is the slowest somewhere, the load test where it is most so."""
    tests: dict[str, list[tuple[float, Load]]] = {}
    for load in evidence.undisturbed:
        if len(found := load.slowest()) > 1:
            (endpoint, latency), *_ = found
            tests.setdefault(endpoint.name, []).append((latency.at(99), load))
    for name, there in tests.items():
        p99, load = max(there, key=lambda each: each[0] / each[1].all.at(99))
        text = (
            f"The slowest endpoint of {plural(len(there), 'load test')} is {name}, most so of"
            f" {load.title}: p99 is {figure(p99)} ms, of all requests {figure(load.all.at(99))} ms."
        )
        where = load.where(f"endpoints[{name}].histogram")
        yield Finding("note", text, where, load.anchor, p99 / load.all.at(99))


def no_verdict(evidence: Evidence) -> Iterator[Finding]:
    for load in evidence.loads:
        if load.result.verdict == "none":
            text = f"No verdict on {load.title}: {load.result.why or 'no reason is given'}."
            yield Finding("bad", text, load.where("verdict, why"), load.anchor)


def noise(evidence: Evidence) -> Iterator[Finding]:
    for case in evidence.cases:
        for database, change in case.changes.items():
            if not change.control.is_one:
                where = case.where("extra_info.pairs", database)
                yield in_noise(case.title, change, database, where, "before-after")
    for each in optimisations(evidence.ablations):
        for database, change in each.on.items():
            if not change.control.is_one:
                title = f"The ablation of `{each.row.name}`"
                yield in_noise(title, change, database, each.where(database), "ablation")


def paces(evidence: Evidence) -> Iterator[Finding]:
    usual = evidence.usual_ms
    if usual is None:
        return
    told = {file.name: astuple(file.pace) for file in evidence.files if file.pace}
    off = {name: max(max(ms, usual) / min(ms, usual) for ms in each) for name, each in told.items()}
    others = [name for name in sorted(off, key=off.__getitem__) if off[name] > PACE_FACTOR]
    if others:
        took = listed(f"`{name}` {' – '.join(map(figure, told[name]))}" for name in others[::-1])
        text = (
            f"The machine was mostly so fast that the same work took {figure(usual)} ms, but before"
            f" and after {took}. Ratios within one of these stand that; its rates and times are"
            " those of another machine."
        )
        worst = others[-1]
        yield Finding("note", text, f"{worst} › {pace_path(worst)}", "system", off[worst])


def pace_path(file: str) -> str:
    return "machine_info.vivace_pace" if file.startswith("bench-") else "pace"


def in_noise(title: str, change: Change, database: Database, where: str, anchor: str) -> Finding:
    low_high = interval(change.control.low, change.control.high)
    text = (
        f"{title} on {STACK_NAMES[database]} was measured in noise: against itself it is"
        f" {times(change.control.ratio)} as fast, 95 % interval {low_high}, which leaves out 1."
        " Its ratio is as uncertain."
    )
    return Finding("note", text, where, anchor)


def frozen(evidence: Evidence) -> Iterator[Finding]:
    """Open arrivals against what the pause alone must cost them, then closed against open."""
    for load in evidence.loads:
        if load.result.freeze and load.result.open and load.all.requests:
            yield against_theory(load, load.result.freeze)
            for other in evidence.loads:
                if other.result.freeze and is_closed_twin(other, load):
                    yield closed_against_open(other, load)


def is_closed_twin(other: Load, load: Load) -> bool:
    return not other.result.open and other.result.stack == load.result.stack


def against_theory(load: Load, freeze: Freeze) -> Finding:
    p99, theory = load.all.at(99), freeze.p99_theory_ms
    off = abs(p99 - theory) / theory if theory else float("inf")
    text = (
        f"With the server stopped for {figure(freeze.seconds)} s, {load.title} has a p99 of"
        f" {figure(p99)} ms; the length of the pause alone makes {figure(theory)} ms,"
        f" which is {percent(off)} away (at most {exact(100 * THEORY_SHARE)} % was the aim)."
    )
    tone: Tone = "good" if off <= THEORY_SHARE else "bad"
    return Finding(tone, text, load.where("freeze.p99_theory_ms"), load.anchor)


def closed_against_open(closed: Load, load: Load) -> Finding:
    p99, open_p99 = closed.all.at(99), load.all.at(99)
    text = (
        f"The same pause, seen by users who wait for their answers ({closed.title}): a p99 of"
        f" {figure(p99)} ms, where arrivals on a schedule have {figure(open_p99)} ms."
    )
    where = closed.where("endpoints[*].histogram, merged")
    return Finding("note", text, where, closed.anchor)


def databases(evidence: Evidence) -> Iterator[Finding]:
    """One finding: how the two compare in the middle, and where they differ most."""
    ratios = {
        case.anchor: (case.median("postgresql") / case.median("sqlite"), case)
        for case in evidence.cases
        if len(case.on) == len(DATABASES) and case.info.group != "yardstick"
    }
    if not ratios:
        return
    factor, widest = max(ratios.values(), key=lambda pair: max(pair[0], 1 / pair[0]))
    middle = median(ratio for ratio, _ in ratios.values())
    text = (
        f"PostgreSQL takes {figure(middle)} times as long as SQLite at the median of"
        f" {plural(len(ratios), 'benchmark')}, in one process; they are furthest apart at"
        f" {widest.title}: {figure(factor)} times."
    )
    yield Finding("note", text, widest.where("stats.median"), widest.anchor, middle)


def profiled(evidence: Evidence) -> Iterator[Finding]:
    """What the profile finds and nobody explained."""
    for profile in evidence.profiles:
        for found in profile.result.profiles.found:
            if not found.explained:
                text = f"{told(found)} ({profile.name})"
                yield Finding(
                    "bad", text, profile.where(f"operations[{found.operation}]"), "profile"
                )


def ablated(evidence: Evidence) -> Iterator[Finding]:
    """What slows its request, what makes no difference, and what the rest are worth."""
    found = optimisations(evidence.ablations)
    for database in DATABASES:
        here = [each for each in found if database in each.on]
        by_worth = sorted(here, key=lambda each: -each.on[database].ratio.ratio)
        slowed = [each for each in by_worth if each.on[database].ratio.high < 1 / DIFFERENT]
        gaining = [each for each in by_worth if each.on[database].ratio.low > DIFFERENT]
        yield from (slowing(each, database) for each in slowed)
        if same := [each for each in by_worth if each not in slowed and each not in gaining]:
            yield of_no_worth(same, database)
        if gaining:
            yield of_worth(gaining, len(here), database)


def slowing(each: Optimisation, database: Database) -> Finding:
    ratio = each.on[database].ratio
    text = (
        f"{each.row.what} (`{each.row.name}`): on {STACK_NAMES[database]} {each.row.asked} is"
        f" {times(ratio.ratio)} as fast with it as without, 95 % interval"
        f" {interval(ratio.low, ratio.high)}."
    )
    return Finding("bad", text, each.where(database), "ablation", 1 / ratio.ratio)


def of_no_worth(same: Sequence[Optimisation], database: Database) -> Finding:
    names = listed(f"`{each.row.name}`" for each in same)
    text = (
        f"On {STACK_NAMES[database]} it makes no difference that was seen whether"
        f" {plural(len(same), 'optimisation')} {'is' if len(same) == 1 else 'are'} switched off:"
        f" {names}."
    )
    return Finding("note", text, same[0].where(database), "ablation")


def of_worth(gaining: Sequence[Optimisation], of: int, database: Database) -> Finding:
    most = gaining[0]
    ratio = most.on[database].ratio
    text = (
        f"On {STACK_NAMES[database]} {len(gaining)} of {plural(of, 'optimisation')} make their"
        f" request faster. The most does `{most.row.name}`, on {most.row.asked}:"
        f" {times(ratio.ratio)}, 95 % interval {interval(ratio.low, ratio.high)}."
    )
    return Finding("good", text, most.where(database), "ablation", ratio.ratio)


def slower(evidence: Evidence) -> Iterator[Finding]:
    for comparison in evidence.comparisons:
        for each in comparison.slower:
            found = each.change
            text = (
                f"{each.operation} takes {times(found.ratio)} as long in"
                f" {comparison.result.second} as in {comparison.result.first}, interval"
                f" {interval(found.low, found.high)}."
            )
            where = comparison.where(f"operations[{each.operation}]")
            yield Finding("bad", text, where, "revisions", found.ratio)


def counts_more(evidence: Evidence) -> Iterator[Finding]:
    for found in evidence.gates:
        for change in gate.refused(found.result):
            what = f" {gate.word(change.count, found.result.database)}"
            takes, what = ("answers", "") if change.count == "status" else ("takes", what)
            text = (
                f"{change.operation} {takes} {count(change.after)}{what} instead of"
                f" {count(change.before)} in {found.result.base}."
            )
            weight = change.after / change.before if change.before else 1.0
            where = found.where(f"changes[{change.operation}]")
            yield Finding("bad", text, where, "revisions", weight)


def gains(evidence: Evidence) -> Iterator[Finding]:
    for case in evidence.cases:
        for database, change in case.changes.items():
            ratio = change.ratio
            if ratio.is_one:
                continue
            text = (
                f"{case.title} on {STACK_NAMES[database]} is {times(ratio.ratio)} as fast as"
                f" plain Django REST framework, 95 % interval {interval(ratio.low, ratio.high)}."
            )
            tone: Tone = "good" if ratio.ratio > 1 else "bad"
            where = case.where("extra_info.pairs", database)
            yield Finding(tone, text, where, "before-after", ratio.ratio)
