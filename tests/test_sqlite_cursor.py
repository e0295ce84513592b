"""Parameters of statements on SQLite, which Django writes as Python does."""

from typing import Any

import pytest
from django.db import connection

from vivace.sqlite import base

if connection.vendor == "sqlite":
    pytestmark = pytest.mark.django_db

    @pytest.mark.parametrize(
        ("sql", "values", "found"),
        [
            ("SELECT '%', 1", None, ("%", 1)),
            ("SELECT '%%', %s", [2], ("%", 2)),
            ("SELECT %s || '%%s', %s", ["a", "b"], ("a%s", "b")),
            ("SELECT %(one)s, %(two)s, %(one)s", {"one": 1, "two": 2}, (1, 2, 1)),
        ],
    )
    def test_they_are_found_each_time(sql: str, values: Any, found: tuple[Any, ...]) -> None:
        for _ in range(2):
            with connection.cursor() as cursor:
                assert cursor.execute(sql, values).fetchone() == found

    @pytest.mark.parametrize(("length", "often"), [(100, 1), (base.KEPT_MAX + 1, 0)])
    def test_a_statement_that_is_not_long_is_kept(length: int, often: int) -> None:
        sql = "SELECT %s".ljust(length)
        before = base.converted.cache_info()
        for number in range(3):
            with connection.cursor() as cursor:
                assert cursor.execute(sql, [number]).fetchone() == (number,)
        after = base.converted.cache_info()
        assert (after.misses - before.misses, after.hits - before.hits) == (often, 2 * often)
