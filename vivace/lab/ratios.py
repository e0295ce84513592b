"""Medians of rounds, and how many times as fast one is as another, with how sure that is."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats  # type: ignore[import-untyped]

RESAMPLES = 2_000
SEED = 1
"""Fixed, so that a report made twice is the same."""


class Ratio(NamedTuple):
    ratio: float
    low: float
    """With `high`, the 95 % interval."""
    high: float

    @property
    def is_one(self) -> bool:
        """Whether both may well be equally fast."""
        return self.low <= 1 <= self.high


def ratio(before: Sequence[float], after: Sequence[float]) -> Ratio:
    """The median before divided by the one after: 2 where it takes half the time now.

    Rounds of the same index make a pair; the bootstrap draws pairs, so what slowed both rounds
    of one cancels out. From a single pair the interval is everything.
    """
    found = float(quotient(np.asarray(before), np.asarray(after)))
    if len(before) < 2:
        return Ratio(found, 0, math.inf)
    return Ratio(found, *bootstrapped((before, after), quotient, paired=True))


FEWEST = 6
"""Values, of fewer of which not even the whole range holds the median 95 times of 100."""


class Middle(NamedTuple):
    median: float
    low: float | None
    """With `high`, the 95 % interval of the median; None where there are too few values."""
    high: float | None


def middle(values: Sequence[float]) -> Middle:
    found = float(np.median(values))
    if len(values) < FEWEST:
        return Middle(found, None, None)
    low, high = bootstrapped((values,), np.median)
    return Middle(found, low, high)


def bootstrapped(
    samples: Sequence[Sequence[float]], statistic: Any, *, paired: bool = False
) -> tuple[float, float]:
    """The ends of a 95 % interval."""
    drawn = stats.bootstrap(
        samples,
        statistic,
        paired=paired,
        vectorized=True,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(SEED),
    )
    low, high = drawn.confidence_interval
    return float(low), float(high)


def quotient(before: Any, after: Any, axis: int = -1) -> Any:
    return np.median(before, axis=axis) / np.median(after, axis=axis)
