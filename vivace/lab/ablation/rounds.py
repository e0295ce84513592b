"""Rounds of a trial: without the optimisation, with it and with it again, in turn."""

import math
import time
from collections.abc import Callable
from contextlib import nullcontext

from vivace.lab.ablation.results import Pairs
from vivace.lab.ablation.trials import Client, Trial, TrialError

SECONDS = 3.5
"""For so long a trial is repeated, within these bounds."""
PAIRS_MIN, PAIRS_MAX = 8, 60

WARMUP_SECONDS = 0.3
WARMUPS_MAX = 12
"""PostgreSQL prepares a statement at its fifth run, and settles on a plan at its tenth."""

DIGITS = 9
"""Of a time in seconds: no clock here is finer."""


def measured(client: Client, trial: Trial, pairs: int = 0) -> Pairs:
    """The times of so many rounds, or of as many as fit.

    Raises `TrialError` where a request fails, or what comes of it is another without.
    """
    check_same(client, trial)

    def without() -> float:
        return seconds(client, trial, off=True)

    def with_it() -> float:
        return seconds(client, trial, off=False)

    if not pairs:
        warm_up(without)
        warm_up(with_it)
        pairs = fitting(took(without) + 2 * took(with_it))
    return [in_turn(without, with_it, number) for number in range(pairs)]


def in_turn(
    without: Callable[[], float], with_it: Callable[[], float], number: int
) -> tuple[float, float, float]:
    """The times of a round: without, with it, with it again.

    What is asked right after a slow request is slower, too. So the two with it take turns in
    being the one behind that without.
    """
    if number % 2:
        again_s, without_s = with_it(), without()
    else:
        without_s, again_s = without(), with_it()
    return round(without_s, DIGITS), round(with_it(), DIGITS), round(again_s, DIGITS)


def check_same(client: Client, trial: Trial) -> None:
    came = []
    for block in (nullcontext, trial.off):
        with block():
            came.append(trial.told(client.answer(trial)))
            trial.fresh()
    if came[0] != came[1]:
        raise TrialError("what comes of the request is another without it")


def seconds(client: Client, trial: Trial, *, off: bool) -> float:
    with trial.off() if off else nullcontext():
        began = time.perf_counter()
        client.answer(trial)
        answered = time.perf_counter() - began
        trial.fresh()
    return answered


def warm_up(way: Callable[[], float]) -> None:
    until = time.perf_counter() + WARMUP_SECONDS
    for _ in range(WARMUPS_MAX):
        way()
        if time.perf_counter() > until:
            return


def took(way: Callable[[], float]) -> float:
    """In all, with what is not timed."""
    began = time.perf_counter()
    way()
    return time.perf_counter() - began


def fitting(round_s: float) -> int:
    """An even number, so that each way comes first as often."""
    pairs = min(max(PAIRS_MIN, math.ceil(SECONDS / round_s)), PAIRS_MAX)
    return pairs + pairs % 2
