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
            (f"SELECT %s{' ' * base.KEPT_MAX}", [3], (3,)),
        ],
    )
    def test_they_are_found_each_time(sql: str, values: Any, found: tuple[Any, ...]) -> None:
        for _ in range(2):
            with connection.cursor() as cursor:
                assert cursor.execute(sql, values).fetchone() == found

    def test_a_statement_is_read_once() -> None:
        sql = "SELECT %s, 'read once'"
        before = base.converted.cache_info()
        for number in range(3):
            with connection.cursor() as cursor:
                cursor.execute(sql, [number])
        after = base.converted.cache_info()
        assert (after.misses - before.misses, after.hits - before.hits) == (1, 2)
