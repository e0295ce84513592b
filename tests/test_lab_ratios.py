"""Ratios of pairs: that of the medians, with an interval that says when it is none."""

import pytest

from tests import lab_results as made
from vivace.lab.ratios import Ratio, middle, ratio

pytestmark = pytest.mark.any_database


def test_the_ratio_is_that_of_the_medians_within_its_interval() -> None:
    before, after, _ = zip(*made.pairs(5.83, count=41), strict=True)
    found = ratio(before, after)
    assert found.ratio == sorted(before)[20] / sorted(after)[20]
    assert found.low < found.ratio < found.high
    assert (found.low, found.high) == pytest.approx((5.83, 5.83), rel=0.06)
    assert ratio(before, after) == found


def test_alike_rounds_have_a_ratio_of_one() -> None:
    _, after, again = zip(*made.pairs(5.83, count=41), strict=True)
    assert ratio(after, again).is_one
    assert not ratio(after, [value * 1.3 for value in again]).is_one


def test_one_pair_says_nothing_for_sure() -> None:
    found = ratio([3.0], [2.0])
    assert found == Ratio(1.5, 0, float("inf"))
    assert found.is_one


def test_of_few_values_there_is_no_interval() -> None:
    values = [3.0, 1.0, 2.0, 5.0, 4.0]
    assert middle(values) == (3, None, None)
    median, low, high = middle([*values, 6.0])
    assert low is not None
    assert high is not None
    assert 1 <= low < median < high <= 6
