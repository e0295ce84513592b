"""Which requests stand for the operations of a project: of Vivace, those of its OpenAPI document;
of any other, a GET for each path of its URLs, with values that its database has.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from django.apps import apps
from django.db.models import Model
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

from vivace.lab.profiling.calling import Request

Answers = Callable[[Request], bool]
"""Whether a request is answered with a success."""

PARAMETER = re.compile(r"<(?:(?P<kind>\w+):)?(?P<name>\w+)>")
NOT_THEIRS = ("django.contrib.", "django.views.")
CANDIDATES = 40
"""Values that are tried for the parameters of one path."""


class Asked(NamedTuple):
    requests: list[Request]
    skipped: dict[str, str]
    """Operation → why it cannot be asked for."""


def of_project(wanted: Sequence[str], answers: Answers, headers: dict[str, str]) -> Asked:
    """The paths that are wanted, or all there are."""
    if wanted:
        return Asked([get(f"GET {path}", path, headers) for path in wanted], {})
    asked = Asked([], {})
    for route, pattern in routes(get_resolver().url_patterns):
        operation = f"GET /{route}"
        found = first_answered(operation, route, pattern, answers, headers)
        if found:
            asked.requests.append(found)
        else:
            asked.skipped[operation] = "no GET with values of the database is answered"
    return asked


def get(operation: str, path: str, headers: dict[str, str]) -> Request:
    path, _, query = path.partition("?")
    return Request(operation, "GET", path, query, headers)


def routes(
    patterns: Sequence[URLPattern | URLResolver], before: str = ""
) -> Iterator[tuple[str, URLPattern]]:
    """Every path of the project's own, as it is written there; those by regular expression not."""
    for pattern in patterns:
        if not isinstance(pattern.pattern, RoutePattern):
            continue
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            if pattern.app_name != "admin":
                yield from routes(pattern.url_patterns, route)
        elif not getattr(pattern.callback, "__module__", "").startswith(NOT_THEIRS):
            yield route, pattern


def first_answered(
    operation: str, route: str, pattern: URLPattern, answers: Answers, headers: dict[str, str]
) -> Request | None:
    for path in filled(route, pattern):
        request = get(operation, f"/{path}", headers)
        if answers(request):
            return request
    return None


def filled(route: str, pattern: URLPattern) -> Iterator[str]:
    """The route with values in it, those first that are likely."""
    parameters = [(found["kind"] or "str", found["name"]) for found in PARAMETER.finditer(route)]
    if not parameters:
        yield route
        return
    for model in likely_models(pattern)[:CANDIDATES]:
        row = model._default_manager.order_by("pk").first()
        if row is None:
            continue
        values = {name: value_for(kind, name, row) for kind, name in parameters}
        if all(value is not None for value in values.values()):
            path = route
            for found in PARAMETER.finditer(route):
                path = path.replace(found[0], str(values[found["name"]]))
            yield path


def likely_models(pattern: URLPattern) -> list[type[Model]]:
    """Those of the view first, where it says which."""
    view = getattr(pattern.callback, "view_class", None) or getattr(pattern.callback, "cls", None)
    queryset = getattr(view, "queryset", None)
    own = getattr(view, "model", None) or getattr(queryset, "model", None)
    others = [m for m in apps.get_models() if not m.__module__.startswith(NOT_THEIRS)]
    return [*([own] if own else []), *(m for m in others if m is not own)]


def value_for(kind: str, name: str, row: Model) -> Any:
    """The row's own field of the parameter's name, else its key where that is of the kind."""
    fields = {field.name for field in row._meta.concrete_fields}
    if name in fields:
        return getattr(row, name)
    return row.pk if kind != "int" or isinstance(row.pk, int) else None
