"""Time and chance stand still, so that the same request does the same to the last instruction."""

import gc
import os
import random
import secrets
import sys
import time
from datetime import UTC, datetime, tzinfo

from django.utils import timezone

MOMENT = datetime(2025, 6, 1, 12, tzinfo=UTC)

NOT_IN_PRODUCTION = ("openapi_spec_validator", "pydantic")
"""Packages that a library of the product's loads where tests have brought them. Their hash tables
draw random keys of their own."""

ASKS_DATETIME = ("vivace.catalogue.fields",)
"""Modules of the product that ask `datetime` itself what time it is."""


class AlsoOfDatetime(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)


class StillDatetime(datetime, metaclass=AlsoOfDatetime):
    """Stands in for `datetime`, and is always the same moment."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return MOMENT.astimezone(tz)


def freeze_loaded() -> None:
    """What only the loaded project has, where it has it."""
    for name in ASKS_DATETIME:
        if hasattr(sys.modules.get(name), "datetime"):
            setattr(sys.modules[name], "datetime", StillDatetime)  # noqa: B010 - for mypy


def freeze(seed: int) -> None:
    """For the rest of this process. What is drawn under another seed is different.

    Comes before the project is loaded, since its models keep `timezone.now` as it is then.
    Tokens of one process hold in another, however much later, and an answer that says how long it
    took is always of the same length. Whoever times has imported `perf_counter` before.
    """
    for name in NOT_IN_PRODUCTION:
        sys.modules[name] = None  # type: ignore[assignment]
    # When it collects depends on all that was allocated before.
    gc.disable()
    chance = random.Random(seed)
    for module, name, still in (
        # Of a number, how long it is decides what becomes of it; `random` has a name of its own.
        (os, "urandom", chance.randbytes),
        (random, "_urandom", chance.randbytes),
        (secrets, "token_bytes", lambda count=32: chance.randbytes(count)),
        (secrets, "choice", chance.choice),
        (time, "time", MOMENT.timestamp),
        (time, "perf_counter", lambda: 0.0),
        (timezone, "now", lambda: MOMENT),
    ):
        setattr(module, name, still)
