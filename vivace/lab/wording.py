"""Figures as the report words them: three significant digits, the unit beside them."""

import math
from collections.abc import Iterable

from vivace.lab.results import Stack

NOTHING = "–"
STACK_NAMES: dict[Stack, str] = {
    "sqlite": "SQLite",
    "postgresql": "PostgreSQL",
    "other": "another server",
}


def figure(value: float, digits: int = 3) -> str:
    """Significant digits, without an exponent: `0.0123`, `4.50`, `1,230`.

    What is not known, or has no end, is a dash.
    """
    if not math.isfinite(value):
        return NOTHING
    if value == 0:
        return "0"
    rounded = round(value, decimals(value, digits))
    return f"{rounded:,.{max(0, decimals(rounded, digits))}f}"


def decimals(value: float, digits: int) -> int:
    """How many places after the point so many digits reach; below zero to the left of it."""
    return digits - 1 - math.floor(math.log10(abs(value)))


def exact(value: float) -> str:
    """What somebody stated, as it was stated: `15`, `357.25`."""
    return f"{value:,.6g}"


def count(value: int) -> str:
    return f"{value:,}"


def percent(share: float) -> str:
    return f"{figure(100 * share)} %"


def times(factor: float) -> str:
    return f"{figure(factor)}×"


def interval(low: float, high: float) -> str:
    return f"{figure(low)}–{figure(high)}"


def milliseconds(seconds: float) -> str:
    return f"{figure(1_000 * seconds)} ms"


def plural(number: int, one: str, many: str = "") -> str:
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def listed(parts: Iterable[str]) -> str:
    """`a, b and c`"""
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last
