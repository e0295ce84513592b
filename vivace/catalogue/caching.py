"""The generation: a number that moves with every change to the catalogue."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.db.models import F

from vivace.catalogue.models import Generation


def generation() -> int:
    """The number of changes so far. Read it before the data it is to stand for."""
    return Generation.objects.values_list("value", flat=True).get()


def advance() -> None:
    """Move the generation on, inside the transaction that changes the catalogue.

    The row stays locked until that ends, so call it last: other writers wait for it.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("The generation moves with a transaction, and there is none")
    Generation.objects.update(value=F("value") + 1)


@contextmanager
def changing() -> Iterator[None]:
    """A transaction that changes the catalogue: all of it and the new generation, or nothing."""
    with transaction.atomic():
        yield
        advance()
