"""How fast the machine is at the moment, by a piece of work that is always the same.

A virtual machine shares its processors with others that come and go: within hours one was seen to
take 2.4 times as long. Ratios of one run stand that; rates of two files do not.
"""

import time

from vivace.lab.results import Pace

ADDITIONS = 1_000_000
ROUNDS = 15


def work_ms() -> float:
    """The shortest of some rounds of it, on one core: in all a third of a second.

    What else the lab runs slows some of them, a slower machine all.
    """
    return round(min(worked_ms() for _ in range(ROUNDS)), 2)


def worked_ms() -> float:
    began, total = time.perf_counter(), 0
    for number in range(ADDITIONS):
        total += number
    return 1_000 * (time.perf_counter() - began)


def since(before_ms: float) -> Pace:
    """That of a measurement which ends now, by what the work took before it."""
    return Pace(before_ms=before_ms, after_ms=work_ms())
