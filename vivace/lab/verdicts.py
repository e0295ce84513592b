"""Whether one thing takes longer than another, said so that it is seldom said wrongly."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from msgspec import Struct
from scipy import stats  # type: ignore[import-untyped]

from vivace.lab.results import PositiveFloat
from vivace.lab.wording import percent

FALSE_ALARMS = 0.01
"""In so many comparisons of a thing with itself a difference may be seen, whatever their number of
operations, and however often each is looked at."""
TOLD = 0.05
"""A difference of that much is told from none."""
LEAST = 0.02
"""Less is called none: the same code differs by as much where it stands elsewhere in memory."""
RESAMPLES = 2_000
SEED = 1

FARTHEST = 1e6
"""Stands for infinity, which JSON has not."""

Verdict = Literal["faster", "slower", "none"]


class Interval(Struct, frozen=True, kw_only=True):
    """How many times as long the second takes as the first."""

    ratio: PositiveFloat
    low: PositiveFloat
    high: PositiveFloat

    @property
    def is_known(self) -> bool:
        """Whether it has two ends; of too few rounds it has not."""
        return self.low > 1 / FARTHEST and self.high < FARTHEST

    @property
    def within(self) -> float:
        """The difference is smaller, as a share."""
        return max(self.high, 1 / self.low) - 1


EVERYTHING = Interval(ratio=1, low=1 / FARTHEST, high=FARTHEST)


def share_of(operations: int, looks: int) -> float:
    """How often one interval may miss, so that all together raise no more than `FALSE_ALARMS`."""
    return FALSE_ALARMS / (operations * looks)


def paired(ratios: Sequence[float], miss: float) -> Interval:
    """Of the middle of the ratios of rounds that were run side by side, by Wilcoxon's signed ranks.

    A round that something else slowed counts no more than any other. It misses with the
    probability `miss`; of few rounds it is everything.
    """
    logs, count = np.log(ratios), len(ratios)
    first, second = np.triu_indices(count)
    means = np.sort((logs[first] + logs[second]) / 2)
    middle = count * (count + 1) / 4
    spread = math.sqrt(middle * (2 * count + 1) / 6)
    at = math.floor(middle - float(stats.norm.isf(miss / 2)) * spread)
    if at < 0:
        return EVERYTHING
    return interval(float(np.median(means)), float(means[at]), float(means[-1 - at]))


def apart(before: Sequence[float], after: Sequence[float], miss: float) -> Interval:
    """Of the medians of rounds that were not run side by side; of single rounds everything."""
    count = min(len(before), len(after))
    if count < 2:
        return EVERYTHING
    wobble = math.hypot(wobble_of_median(before), wobble_of_median(after))
    reach = float(stats.t.isf(miss / 2, count - 1)) * wobble
    found = math.log(np.median(after) / np.median(before))
    return interval(found, found - reach, found + reach)


def wobble_of_median(seconds: Sequence[float]) -> float:
    """The standard deviation of its logarithm, by drawing from the rounds again and again."""
    rng = np.random.default_rng(SEED)
    drawn = rng.choice(np.asarray(seconds), (RESAMPLES, len(seconds)))
    return float(np.log(np.median(drawn, axis=1)).std())


def interval(ratio: float, low: float, high: float) -> Interval:
    """From logarithms."""
    end = math.log(FARTHEST)
    return Interval(
        ratio=math.exp(ratio), low=math.exp(max(low, -end)), high=math.exp(min(high, end))
    )


def verdict(found: Interval, margin: float = LEAST) -> Verdict:
    if found.low > 1 + margin:
        return "slower"
    return "faster" if found.high < 1 / (1 + margin) else "none"


def is_settled(found: Interval, margin: float = LEAST) -> bool:
    """Whether more rounds would tell nothing that matters."""
    return verdict(found, margin) != "none" or found.within < TOLD


def worded(said: Verdict, found: Interval) -> str:
    """`slower`; `no difference seen, smaller than 1.23 %`"""
    if said != "none":
        return said
    if not found.is_known:
        return "no difference seen, in too few rounds"
    return f"no difference seen, smaller than {percent(found.within)}"
