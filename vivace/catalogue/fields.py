"""Columns that mean the same on every database."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:
    TextBase = models.TextField[Any, Any]
    MomentBase = models.DateTimeField[Any, Any]
else:
    TextBase = models.TextField
    MomentBase = models.DateTimeField


class KeyField(TextBase):
    """Text in code point order: SQLite's own, and the "C" collation of PostgreSQL.

    PostgreSQL's other collations follow a language, differ between its versions, and are slower.
    """

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        collation = "C" if connection.vendor == "postgresql" else None
        return {**super().db_parameters(connection), "collation": collation}


class ListField(TextBase):
    """A JSON list that triggers keep right (`carried`): who saves a model leaves it alone.

    The model may have been read before the list last changed, or be the copy of another. Nor is it
    dumped. What names the field itself, `update` or `bulk_update`, writes it.
    """

    EMPTY = "[]"

    def __init__(self, **options: Any) -> None:
        super().__init__(
            **{
                **options,
                "editable": False,
                "serialize": False,
                "default": self.EMPTY,
                "db_default": self.EMPTY,
            }
        )

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        return self.EMPTY if add else models.F(self.attname)


def timestamp(moment: datetime | None = None) -> str:
    """A moment (now by default) as RFC 3339 has it, which both databases take as text."""
    utc = (moment or datetime.now(UTC)).astimezone(UTC)
    # Not strftime, which writes the year 900 with three digits.
    return utc.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


class MomentField(MomentBase):
    """A moment, on SQLite stored as it goes on the wire.

    Lists are then read without a conversion, which costs as much as the rest of a row. SQL
    arithmetic and parts of such a moment (`F("created_at") - …`, `created_at__hour`) do not work
    there; comparisons do.
    """

    def get_db_prep_value(
        self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> Any:
        if not prepared:
            value = self.get_prep_value(value)
        if connection.vendor == "sqlite" and isinstance(value, datetime):
            return timestamp(value)
        return super().get_db_prep_value(value, connection, prepared=True)
