"""Five times as many come as can be served: what becomes of them, and when is it over?

python -m benchmarks.overload [--db postgresql] [--times 5] [--seconds 10] [--rounds 3]

Looks for the knee of a page that is made anew, on a server kept apart from the generator. Then so
many times the knee arrive for some seconds, and as soon as these have their answers a quarter of
the knee, second by second. Exits with 1 where less than 90 % of the knee were served meanwhile (the
median of the rounds), a request failed, refusals took longer than 50 ms (p99), or it was not over
within two seconds.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

from vivace.lab import load, probes, stacks
from vivace.lab.commands.knee import P99_MS, UNKEPT
from vivace.lab.commands.terminal import progress_bar, say
from vivace.lab.knee import Ask
from vivace.lab.outcome import BUSY_CPU
from vivace.lab.probed import Sent

OPERATION = "GET /tracks (page)"
SERVED_SHARE = 0.9
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
    """From the last that were too many to the first second that was as usual; infinite where none
    of those looked at was."""


def overloaded(send: Send, found: float, times: float, seconds: float) -> Round:
    send(QUIET_SHARE * found, 1, 1)  # people log in and look around
    began = time.monotonic()
    over = send(times * found, SETTLE_S, seconds)
    ended = began + SETTLE_S + seconds
    told(f"{times:g} times the knee", over, seconds)
    usual_after = math.inf
    for _ in range(LOOKS):
        begins = time.monotonic() - ended
        after = send(QUIET_SHARE * found, 0, 1)
        told(f"{begins:.1f} s afterwards", after, 1)
        if is_usual(after):
            usual_after = min(usual_after, begins)
    return Round(over, seconds, usual_after)


def faults(rounds: Sequence[Round], found: float) -> list[str]:
    """What was not as it should be."""
    share = median(served(each.over, each.seconds) for each in rounds) / found
    refused_ms = max(each.over.refused_p99_ms for each in rounds)
    usual_after = max(each.usual_after_s for each in rounds)
    failed = sum(each.over.failures for each in rounds)
    print(
        f"{share:.0%} of the knee were served, refusals took {refused_ms:.1f} ms (p99, at the"
        f" most), all was as usual after {usual_after:.1f} s"
    )
    checks = {
        f"less than {SERVED_SHARE:.0%} of the knee were served": share < SERVED_SHARE,
        f"{failed} failed": failed > 0,
        f"refusals took longer than {REFUSED_MS:g} ms": refused_ms > REFUSED_MS,
        f"it was not over within {OVER_S:g} s": usual_after > OVER_S,
        "the generator was the bottleneck": max(each.over.generator_cpu for each in rounds)
        > BUSY_CPU,
    }
    return [what for what, wrong in checks.items() if wrong]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overload")
    parser.add_argument("--db", choices=["sqlite", "postgresql"], default="postgresql")
    parser.add_argument("--times", type=float, default=5)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    cores, users = stacks.shared_out(), load.Users()
    account = ["--account", users.account, "--account-password", users.password]
    with stacks.served(options.db, cores, probes.ACCOUNTS, say, UNKEPT) as server:
        sought = probes.Sought([OPERATION], P99_MS, options.db, server, cores, kept=False)
        with progress_bar() as progress:
            (found,) = probes.run(sought, users, progress).operations
        if found.knee is None:
            print(found.why)
            return 1
        print(f"The knee of {OPERATION}, {server.what}: {found.knee:,.0f} a second")
        with probes.sender(server.base, cores, *account) as generator:

            def send(rate: float, settle_s: float, seconds: float) -> Sent:
                order = probes.ordered(OPERATION, Ask(rate, settle_s, seconds, 1), P99_MS)
                order.clump = 0
                return generator.send(order)

            rounds = [
                overloaded(send, found.knee, options.times, options.seconds)
                for _ in range(options.rounds)
            ]
    wrong = faults(rounds, found.knee)
    print(*wrong, sep="\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
