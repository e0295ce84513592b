"""Five times as many come as can be served: what becomes of them, and when is it over?

python -m benchmarks.overload [--db postgresql] [--times 5] [--seconds 10] [--rounds 3]

Looks for the knee of a page that is made anew, on a server kept apart from the generator. Then so
many times the knee arrive for some seconds, and as soon as these have their answers a quarter of
the knee, second by second. The knee is looked for again after each round, and a round is told by
the mean of those before and after it: within minutes a machine may be half as fast. Exits with 1
where less than 90 % of the knee were served meanwhile (the median of the rounds), a request failed,
refusals took longer than 50 ms (p99), it was not over within two seconds, or the generator was the
bottleneck.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from benchmarks.trials import Trial
from vivace.lab import probes, ratios, stacks
from vivace.lab.commands.knee import P99_MS
from vivace.lab.commands.terminal import progress_bar, say
from vivace.lab.knee import Ask, NotFoundError
from vivace.lab.load import Users
from vivace.lab.outcome import BUSY_CPU
from vivace.lab.probed import Sent
from vivace.lab.probes import Sought
from vivace.lab.results import DATABASES
from vivace.lab.trials import Measured

OPERATION = "GET /tracks (page)"
SERVED_PERCENT = 90.0
REFUSED_MS = 50.0
OVER_S = 2.0
SETTLE_S = 2.0
QUIET_SHARE = 0.25
LOOKS = 5
"""Seconds that are looked at afterwards."""

Send = Callable[[float, float, float], Sent]
"""At a rate, after some seconds to settle, for some seconds."""


def served(sent: Sent, seconds: float) -> float:
    """A second."""
    return (sent.requests - sent.refusals - sent.failures) / seconds


def told(what: str, sent: Sent, seconds: float) -> None:
    print(
        f"{what:<24}{sent.requests / seconds:>9,.0f} a second{served(sent, seconds):>9,.0f} served"
        f"{sent.refusals / seconds:>9,.0f} refused{sent.failures:>5} failed"
        f"   p50 {sent.p50_ms:.1f}, p99 {sent.p99_ms:.1f} ms, of refusals"
        f" {sent.refused_p99_ms:.1f} ms   generator {sent.generator_cpu:.0%}",
        flush=True,
    )


def is_usual(sent: Sent) -> bool:
    return not sent.refusals and not sent.failures and sent.p99_ms <= P99_MS


class Round(NamedTuple):
    over: Sent
    seconds: float
    usual_after_s: float
    """From the last that were too many to the first second that was as usual; all the time that was
    looked at where none was."""


def overloaded(send: Send, found: float, times: float, seconds: float) -> Round:
    send(QUIET_SHARE * found, 1, 1)  # people log in and look around
    began = time.monotonic()
    over = send(times * found, SETTLE_S, seconds)
    ended = began + SETTLE_S + seconds
    told(f"{times:g} times the knee", over, seconds)
    usual: list[float] = []
    for _ in range(LOOKS):
        begins = time.monotonic() - ended
        after = send(QUIET_SHARE * found, 0, 1)
        told(f"{begins:.1f} s afterwards", after, 1)
        usual += [begins] if is_usual(after) else []
    return Round(over, seconds, min(usual, default=time.monotonic() - ended))


def found_knee(sought: Sought, users: Users) -> float:
    """Arrivals a second. Raises `NotFoundError`."""
    with progress_bar() as progress:
        (found,) = probes.run(sought, users, progress).operations
    if found.knee is None:
        raise NotFoundError(found.why)
    print(f"The knee of {OPERATION}, {sought.server.what}: {found.knee:,.0f} a second")
    return found.knee


def in_turn(
    look: Callable[[], float], overload: Callable[[float], Round], rounds: int
) -> tuple[list[Round], list[float]]:
    """Rounds, each of the knee found last, and the knees: one before each and one at the end."""
    done, knees = list[Round](), [look()]
    for _ in range(rounds):
        done.append(overload(knees[-1]))
        knees.append(look())
    return done, knees


def figures(rounds: Sequence[Round], knees: Sequence[float]) -> Iterator[Measured]:
    """Of rounds with a knee before each and one after the last."""
    knee = ratios.middle(knees)
    yield Measured(
        what=f"knee of {OPERATION}",
        value=knee.median,
        unit="requests/s",
        low=knee.low,
        high=knee.high,
    )
    around = [(before + after) / 2 for before, after in pairwise(knees)]
    share = ratios.middle(
        [
            100 * served(each.over, each.seconds) / rate
            for each, rate in zip(rounds, around, strict=True)
        ]
    )
    yield Measured(
        what="served, of the knee", value=share.median, unit="%", low=share.low, high=share.high,
        at_least=SERVED_PERCENT,
    )  # fmt: skip
    refused_ms = max(each.over.refused_p99_ms for each in rounds)
    yield Measured(what="p99 of refusals", value=refused_ms, unit="ms", at_most=REFUSED_MS)
    usual_after = max(each.usual_after_s for each in rounds)
    yield Measured(
        what="usual again after too many",
        value=usual_after,
        unit="s",
        at_most=OVER_S,
    )
    failed = sum(each.over.failures for each in rounds)
    yield Measured(what="requests that failed", value=failed, at_most=0)


def main() -> int:
    trial = Trial("overload", __doc__)
    trial.parser.add_argument("--db", choices=DATABASES, default="postgresql")
    trial.parser.add_argument("--times", type=float, default=5)
    trial.parser.add_argument("--seconds", type=float, default=10)
    trial.parser.add_argument("--rounds", type=int, default=6)
    options = trial.parsed()

    cores, users = stacks.shared_out(), Users()
    with stacks.served(options.db, cores, probes.ACCOUNTS, say, stacks.UNKEPT) as server:
        sought = Sought([OPERATION], P99_MS, options.db, server, cores, kept=False)
        with probes.sender(server.base, cores, *users.options) as generator:

            def send(rate: float, settle_s: float, seconds: float) -> Sent:
                order = probes.ordered(OPERATION, Ask(rate, settle_s, seconds, 1), P99_MS)
                order.clump = 0
                return generator.send(order)

            try:
                rounds, knees = in_turn(
                    lambda: found_knee(sought, users),
                    lambda knee: overloaded(send, knee, options.times, options.seconds),
                    options.rounds,
                )
            except NotFoundError as error:
                return trial.concluded(options.db, server.what, [], [str(error)])
    busy = max(each.over.generator_cpu for each in rounds) > BUSY_CPU
    return trial.concluded(
        options.db,
        server.what,
        [*figures(rounds, knees)],
        ["the generator was the bottleneck"] if busy else [],
        programs=server.programs,
    )


if __name__ == "__main__":
    sys.exit(main())
