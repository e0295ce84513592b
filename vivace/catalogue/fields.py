"""Columns that compare by code point on every database."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:
    TextBase = models.TextField[Any, Any]
else:
    TextBase = models.TextField


class KeyField(TextBase):
    """Text in code point order: SQLite's own, and the "C" collation of PostgreSQL.

    PostgreSQL's other collations follow a language, differ between its versions, and are slower.
    """

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        collation = "C" if connection.vendor == "postgresql" else None
        return {**super().db_parameters(connection), "collation": collation}
