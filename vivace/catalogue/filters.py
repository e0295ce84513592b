"""What a list can be narrowed by.

Words and bounds leave few rows or most of them, depending on the value. Each has two forms:
one that an index answers, for when it leads (few rows are found, then sorted), and one that is
checked on each row of a walk along the order of the list. Neither database can be left to choose:
SQLite does not look at values, and both may walk a whole list for the few rows at its other end.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import F, Model, Q
from django.db.models.functions import Coalesce

from vivace.catalogue.question import Question, expression, needles
from vivace.catalogue.search import (
    all_words_check,
    all_words_found,
    all_words_match,
    best_step,
    prefix_query,
    prefixes,
    words_check,
    words_found,
    words_match,
)
from vivace.catalogue.statements import Condition, Param, Statement, taken_for_half

STEP = "_step"
"""Ends the name of what tells how loosely a question was taken."""

Exact = Callable[[], Q]
"""A condition that an index answers with few rows, or that has an index with each sort."""


def having(**conditions: str) -> Exact:
    """Lookups against parameters of the given names."""
    return lambda: Q(**{lookup: Param(name) for lookup, name in conditions.items()})


def unindexed(path: str) -> Coalesce:
    """A column as no index has it."""
    return Coalesce(F(path), F(path))


@dataclass(frozen=True)
class Words:
    """A name or title has, for each word of the parameter, one that starts with it."""

    model: type[Model]
    param: str
    relation: str = ""
    """What leads from a row to the one that is named, itself where empty."""

    def found(self) -> Statement:
        """The ids of those that are named so."""
        return words_found(self.model, f"{self.param}_query")

    def leading(self) -> Q:
        matching = words_match(self.model, f"{self.param}_query")
        if not self.relation:
            return matching
        found = self.model._default_manager.filter(matching).values("id")
        return Q(**{f"{self.relation}_id__in": found})

    def checked(self, scope: str = "", *, common: bool = False) -> Q:
        """`common` tells that very many rows are so."""
        at = f"{self.relation}__" if self.relation else ""
        return words_check(self.model, at, self.param)

    def parameters(self, value: Any, given: Mapping[str, Any]) -> dict[str, Any]:
        return {f"{self.param}_query": prefix_query(value), **prefixes(value, self.param)}


@dataclass(frozen=True)
class Asked(Words):
    """All that a row, or what it leads to, is found by answers the question of the parameter."""

    seen: str = ""
    """SQL behind `FROM … AS found` that leaves the rows of the reader, whose id it takes."""

    @property
    def id(self) -> str:
        return f"{self.relation}_id" if self.relation else "id"

    def found(self) -> Statement:
        return all_words_found(self.model, f"{self.param}_query")

    def leading(self) -> Q:
        return all_words_match(self.model, self.id, f"{self.param}_query")

    def checked(self, scope: str = "", *, common: bool = False) -> Q:
        return all_words_check(self.model, self.id, self.param, common=common)

    def parameters(self, value: Any, given: Mapping[str, Any]) -> dict[str, Any]:
        """With the step that was taken, which the pages of a walk have in common."""
        name, question = f"{self.param}{STEP}", Question(value)
        step = given.get(name)
        if step is None:
            reader = [given["reader_id"]] if self.seen else []
            step = best_step(self.model._meta.db_table, question, self.seen, reader)
        reading = question.reading(step)
        return {
            name: step,
            f"{self.param}_query": expression(reading),
            f"{self.param}_needles": needles(reading),
        }


@dataclass(frozen=True)
class AskedOfAny:
    """The same of rows that lead to one of several kinds of things."""

    kinds: tuple[Asked, ...]

    def __call__(self) -> Q:
        return reduce(or_, (kind.leading() for kind in self.kinds))

    def parameters(self, value: Any, given: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for kind in self.kinds:
            found |= kind.parameters(value, given)
        return found


@dataclass(frozen=True)
class Bound:
    """A column that is a sort key, too, is equal to the parameter, at least or at most that."""

    column: str
    sign: str
    param: str

    def leading(self, scope: str = "") -> Q:
        lookup = {"=": "exact", ">=": "gte", "<=": "lte"}[self.sign]
        return Q(**{f"{scope}{self.column}__{lookup}": Param(self.param)})

    def checked(self, scope: str = "", *, common: bool = False) -> Q:
        sql = f"{{}} {self.sign} {{}}"
        column = unindexed(scope + self.column)
        parts = column, Param(self.param)
        return Q(Condition(*parts, sqlite=sql, postgresql=taken_for_half(sql)))


Filter = Words | Bound | Exact
Filters = Mapping[str, Filter]


def groups(filters: Filters, names: frozenset[str]) -> list[frozenset[str]]:
    """The words and bounds among the filters, the bounds of one column together."""
    columns: dict[str, set[str]] = {}
    for name in sorted(names):
        match filters[name]:
            case Words():
                columns[name] = {name}
            case Bound(column):
                columns.setdefault(f"{column} ", set()).add(name)
    return [frozenset(group) for group in columns.values()]
