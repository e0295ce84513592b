"""The result file of `vivace lab ablate`: each optimisation with the times of its rounds."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from vivace.lab.results import (
    FORMAT,
    Data,
    Database,
    Machine,
    Pace,
    PositiveFloat,
    ResultError,
    Versions,
    check_format,
    decoded,
    write_json,
)
from vivace.lab.wording import STACK_NAMES

Pairs = Annotated[list[tuple[PositiveFloat, PositiveFloat, PositiveFloat]], Meta(min_length=1)]
"""Of each round, in seconds: without the optimisation, with it, with it again."""


class Ablated(Struct, kw_only=True):
    """One optimisation, switched off alone."""

    name: str
    what: str
    without: str
    """What takes its place."""
    asked: str
    """Method, path and query of the request."""
    pairs: Pairs


class AblationResult(Struct, kw_only=True):
    format: int = FORMAT
    kind: Literal["ablation"] = "ablation"
    database: Database
    started_at: str
    machine: Machine
    pace: Pace | None = None
    versions: Versions
    data: Data
    rows: list[Ablated]
    missing: list[str]
    """What could not be measured, a line each."""


def ablation_path(folder: Path, database: Database) -> Path:
    return folder / f"ablation-{database}.json"


def save(folder: Path, result: AblationResult) -> Path:
    path = ablation_path(folder, result.database)
    return write_json(path, result)


def read(path: Path) -> AblationResult:
    """Raises `ResultError`."""
    check_format(path)
    result: AblationResult = decoded(path, AblationResult)
    if path.name != ablation_path(Path(), result.database).name:
        raise ResultError(f"{path}: it was measured on {STACK_NAMES[result.database]}")
    return result
