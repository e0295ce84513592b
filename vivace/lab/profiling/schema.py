"""What is wrong with the tables themselves, whatever is asked of them."""

import inspect
import linecache
from collections.abc import Iterator

from django.apps import apps
from django.db import connection
from django.db.models import Model

from vivace.lab.profiling.plans import Index, indexes_of
from vivace.lab.profiling.rules import Finding
from vivace.lab.profiling.tracing import Place, of_project

SCHEMA = "the tables"
"""Stands for the operation."""


def findings() -> Iterator[Finding]:
    """Of the project's own models."""
    for model, place in own_models():
        yield from redundant_indexes(model, place)


def own_models() -> Iterator[tuple[type[Model], Place]]:
    for model in apps.get_models():
        place = where(model)
        if place and model._meta.managed:
            yield model, place


def tables() -> list[str]:
    return [model._meta.db_table for model, _ in own_models()]


def where(model: type[Model]) -> Place | None:
    try:
        file = inspect.getfile(model)
        _, line = inspect.getsourcelines(model)
    except (OSError, TypeError):
        return None
    found = of_project(file)
    return Place(found, line, model.__name__) if found else None


def redundant_indexes(model: type[Model], place: Place) -> Iterator[Finding]:
    """Indexes that another one begins with: it serves all that they do."""
    table = model._meta.db_table
    whole = {
        name: index for name, index in indexes_of(connection, table).items() if not index.is_partial
    }
    for name, index in whole.items():
        longer = [other for other, more in whole.items() if begins(more, index)]
        if longer and not index.is_unique:
            text = (
                f"the index {name} of {table} is the beginning of {longer[0]}, which serves for it"
            )
            yield Finding("redundant-index", SCHEMA, text, line_naming(name, model, place))


def begins(longer: Index, index: Index) -> bool:
    """Whether the columns of an index are the first of a longer one."""
    count = len(index.columns)
    return len(longer.columns) > count and longer.columns[:count] == index.columns


def line_naming(name: str, model: type[Model], place: Place) -> Place:
    """The line that names the index, in the file of its model; else the model's."""
    for number, line in enumerate(linecache.getlines(inspect.getfile(model)), 1):
        if f'"{name}"' in line or f"'{name}'" in line:
            return place._replace(line=number)
    return place
