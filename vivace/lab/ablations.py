"""Ablations as the report reads them: what each optimisation is worth on every database."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vivace.lab.ablation.results import Ablated, AblationResult, ablation_path, read
from vivace.lab.cases import Change, change
from vivace.lab.results import DATABASES, Database


@dataclass(frozen=True)
class Ablation:
    """The optimisations that one run switched off."""

    file: str
    result: AblationResult

    @cached_property
    def changes(self) -> dict[str, Change]:
        """By the names of optimisations."""
        return {row.name: change(row.pairs) for row in self.result.rows}


@dataclass(frozen=True)
class Optimisation:
    """What one of them changes, on each database that it was switched off on."""

    row: Ablated
    on: Mapping[Database, Change]

    @property
    def best(self) -> Change:
        """On the database where it gains the most."""
        return max(self.on.values(), key=lambda change: change.ratio.ratio)

    def where(self, *databases: Database) -> str:
        """`ablation-{sqlite,postgresql}.json › rows[keyset].pairs`, of all unless named."""
        *more, last = databases or tuple(self.on)
        names = f"{{{','.join([*more, last])}}}" if more else last
        return f"ablation-{names}.json › rows[{self.row.name}].pairs"


def ablations(folder: Path) -> list[Ablation]:
    """Raises `ResultError`."""
    paths = (ablation_path(folder, database) for database in DATABASES)
    return [Ablation(path.name, read(path)) for path in paths if path.exists()]


def optimisations(found: Iterable[Ablation]) -> list[Optimisation]:
    """The one that gains the most first."""
    rows: dict[str, Ablated] = {}
    changes: dict[str, dict[Database, Change]] = {}
    for each in found:
        for row in each.result.rows:
            rows.setdefault(row.name, row)
            changes.setdefault(row.name, {})[each.result.database] = each.changes[row.name]
    made = [Optimisation(row, changes[name]) for name, row in rows.items()]
    return sorted(made, key=lambda each: -each.best.ratio.ratio)
