"""Queries of several works, sent side by side."""

from collections.abc import Generator
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from vivace.catalogue.statements import Query, side_by_side

pytestmark = pytest.mark.django_db

Work = Generator[Query, list[Any], list[int]]


def asking(*numbers: int) -> Work:
    found = []
    for number in numbers:
        ((told,),) = yield Query("SELECT %s + 0", [number])
        found.append(told)
    return found


def test_each_has_the_rows_of_its_own_queries() -> None:
    works = {"two": asking(1, 2), "none": asking(), "three": asking(3, 4, 5)}
    assert side_by_side(works) == {"two": [1, 2], "none": [], "three": [3, 4, 5]}


def test_a_query_that_fails_leaves_the_connection_in_order() -> None:
    def failing() -> Work:
        yield Query("SELECT nothing FROM nowhere", [])
        return []

    with pytest.raises(DatabaseError), transaction.atomic():
        side_by_side({"one": asking(1), "other": failing(), "third": asking(2)})
    assert side_by_side({"one": asking(1), "third": asking(2)}) == {"one": [1], "third": [2]}
