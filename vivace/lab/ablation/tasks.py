"""What the process that ablates is told, and what it tells."""

from msgspec import Struct

from vivace.lab.ablation.results import Ablated
from vivace.lab.results import Data


class Task(Struct, kw_only=True):
    names: list[str]
    """Of optimisations."""
    data: Data
    """Of the library that is made in the empty database of the settings."""
    pairs: int = 0
    """Rounds of each; as many as fit its time where it is 0."""


class Begun(Struct, tag="begun"):
    name: str


class Measured(Struct, tag="measured"):
    row: Ablated


class Missed(Struct, tag="missed"):
    """An optimisation could not be measured."""

    why: str


class Done(Struct, tag="done"):
    pass


Line = Begun | Measured | Missed | Done
